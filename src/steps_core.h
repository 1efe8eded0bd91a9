/*
 * steps_core.h
 *		Steps: what an event must be to count as one, for funnels, sequences, paths and retention.
 *
 * A step is a text: an event's name, or a pattern behind a prefix `kind:`, `page:`, `host:`,
 * `channel:`. In patterns * stands for any characters, none too. A definition (JSON) may ask for
 * several of these at once, and for properties.
 */
#ifndef STEPS_CORE_H
#define STEPS_CORE_H

#include "condition_core.h"
#include "journey_core.h"
#include "session_core.h"
#include "timeline_core.h"

#define JSTEPS_MAX 32			/* steps of a caller, conditions of an aggregate */
#define JSTEPS_ROOM 64			/* bits of a mask: steps, and what must not come between */

/* What of an event a pattern is compared with. */
typedef enum JAspect
{
	JASPECT_NAME,
	JASPECT_KIND,				/* of an event without one, what its name or URL makes it */
	JASPECT_PAGE,				/* the path of a page view's URL */
	JASPECT_HOST,				/* the host of the event's URL */
	JASPECT_CHANNEL,			/* of the touch that the event makes in its session */
	JASPECT_COUNT
} JAspect;

typedef struct JStep
{
	JStr		pattern[JASPECT_COUNT]; /* NULL: not asked. All that are asked must match */
	JWhere		where;			/* and all conditions on the properties must hold */
	JStr		part;			/* bytes that an event's name or URL has then; none: nobody knows */
} JStep;

/* A name as the last timeline had it, and the steps that ask for another. */
typedef struct JNameMatch
{
	const char *data;			/* where the string lies; NULL: free */
	int32		len;
	uint64		others;
} JNameMatch;

#define JSTEP_NAMES 16			/* a power of two */

/* The same of the last event's kind. */
typedef struct JKindMatch
{
	bool		known;
	bool		has_url;
	const char *kind;			/* where its kind and its name lay */
	const char *name;
	uint64		others;
} JKindMatch;

typedef struct JSteps
{
	int			n;
	JStep		step[JSTEPS_ROOM];
	uint64		asks[JASPECT_COUNT];	/* the steps that ask for an aspect */
	uint64		exact[JASPECT_COUNT];	/* of these, those whose pattern is the value itself */
	uint64		wheres;			/* those with conditions on properties */
	uint64		anything;		/* those that every event is */
	JNameMatch	names[JSTEP_NAMES]; /* good for the strings of one reader, as is the next */
	JKindMatch	kind;
} JSteps;

/* Makes a step of a text that is no definition; its strings point into the text, the host's not. */
extern JStep JStepFromText(JStr text);

/* Makes a step of a definition: {"event": .., "kind": .., "page": .., "host": .., "channel": .., "where": {..}} */
extern JStep JStepFromDef(const JDef *def, JDefError *error);

/* Adds a step; there must be room. */
extern void JStepsAdd(JSteps *steps, JStep step);

/* Whether each of some steps, bit by index, may be in a timeline's body. False is certain. */
extern bool JStepsMayOccur(const JSteps *steps, uint64 needed, const char *body, Size len);

/* To be called before the events of another timeline come. */
extern void JStepsBegin(JSteps *steps);

/*
 * The steps that an event is, bit by index. `channel` is the channel of the touch that the event
 * makes, NULL where it makes none; looked at if steps->asks[JASPECT_CHANNEL] is not zero.
 */
extern uint64 JStepsMatch(JSteps *steps, const JEvent *event, JStr channel);

/* A copy of events in order of visitors, then as they were; tags are the old indexes. */
extern JEvent *JEventsByVisitor(const JEvent *events, int n);

/* Where the events of a visitor end in that order. */
extern int	JVisitorEnd(const JEvent *events, int n, int from);

/* The channel of each event of a timeline: of the touch that it makes in its session by these rules, else NULL. */
extern JStr *JEventChannels(const JEvent *events, int n, const JSessionOptions *options);

/* The kind of an event: its own, or what its name or URL makes it. */
extern JStr JEventKind(const JEvent *event);

/* The path of a URL; "/" where it has a host alone, NULL where it is no URL. */
extern JStr JPagePath(JStr url);

/* An event as the steps see it. */
typedef struct JStepRow
{
	int64		time;
	uint64		mask;			/* the steps that it is */
} JStepRow;

/* Sorts by time, and within one time by the steps: {1} before {1, 2} before {2}. */
extern void JStepRowsSort(JStepRow *rows, int n);

/* Whether the first of two rows stands before the second. */
static inline bool
JStepRowBefore(const JStepRow *a, const JStepRow *b)
{
	uint64		differ = a->mask ^ b->mask;
	uint64		lowest = differ & -differ;

	if (a->time != b->time)
		return a->time < b->time;
	/* who has the lowest step that differs comes first, unless the other has none behind it */
	if (a->mask & lowest)
		return (b->mask & ~(lowest | (lowest - 1))) != 0;
	return differ != 0 && (a->mask & ~(lowest | (lowest - 1))) == 0;
}

#endif							/* STEPS_CORE_H */
