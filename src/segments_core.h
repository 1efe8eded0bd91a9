/*
 * segments_core.h
 *		Segments of persons: who is in by a definition, and since when.
 *
 *	{"all": [{"profile": {"is_identified": true, "traits.plan": "pro"}},
 *			 {"event": "Feature Used", "at_least": 3, "last": "30 days"},
 *			 {"not": {"event": "Order Completed", "last": "90 days"}},
 *			 {"funnel": ["page:/pricing", "Signed Up"], "within": "7 days"}]}
 *
 * A definition is a set of stretches of time [from, to) for each person. It follows from the person's
 * events and profile alone: no clock is asked, and a stretch may end in what is still to come.
 *
 * Whether somebody is in at a time depends on nothing that comes later, and for most conditions only on the events
 * of some time before. So of a person known before only the times are looked at that a change can reach. What
 * holds for ever once it holds is a fact, kept with its time: of a condition on the profile that it holds, of an
 * event or a funnel without "last" since when.
 */
#ifndef SEGMENTS_CORE_H
#define SEGMENTS_CORE_H

#include "steps_core.h"

/* A stretch of time; PG_INT64_MIN and PG_INT64_MAX are without begin and end. */
typedef struct JStretch
{
	int64		from;
	int64		to;
} JStretch;

/* Stretches in order; none touches the next. */
typedef struct JStretches
{
	int			n;
	JStretch   *items;
} JStretches;

typedef enum JSegmentOp
{
	JSEG_ALL,
	JSEG_ANY,
	JSEG_NOT,
	JSEG_PROFILE,
	JSEG_EVENT,
	JSEG_FUNNEL
} JSegmentOp;

typedef struct JSegmentNode
{
	JSegmentOp	op;
	bool		has_profile;	/* a condition on the profile is here or below */
	int			n;				/* of all, any, not: nodes; of a funnel: steps */
	struct JSegmentNode *nodes;
	JWhere		profile;

	/* of events and funnels */
	int			step;			/* the first one's bit in masks */
	int			without;		/* a step's bit that ends the stretch, or -1 */
	int64		at_least;
	int64		at_most;		/* or -1 */
	int64		last;			/* microseconds that it counts for, or 0: for ever */
	int64		since;			/* events, or starts of funnels, in [since, until) */
	int64		until;
	uint64		within;			/* of a funnel */

	int			fact;			/* its number, or -1: none */
	int			most_fact;		/* of at_most: that it is exceeded */
} JSegmentNode;

typedef struct JSegmentFact
{
	const JSegmentNode *node;
	int64		count;			/* how often an event is needed */
} JSegmentFact;

typedef struct JSegment
{
	JStr		name;
	int			steps;			/* which of the lists of steps */
	JSegmentNode root;
	int			n_facts;
	JSegmentFact *facts;
	bool		is_fact;		/* it is one and nothing else: who is in tells it */
	bool		is_bounded;		/* facts aside, it depends on events of some time before alone */
	int64		reach;			/* of that length */
} JSegment;

/* Segments, and what steps they ask for: each list for as many as have room in a mask. */
typedef struct JSegments
{
	int			n;
	JSegment   *segment;
	int			n_steps;
	JSteps	  **steps;
} JSegments;

/* Compiles an object of definitions by name. Strings are those of the document. */
extern JSegments *JSegmentsCompile(const JDef *object, JDefError *error);

/* What was known of a person in a segment before some of the person's events changed. */
typedef struct JSegmentKnown
{
	bool		changed;		/* events in [from, to], or none */
	int64		from;
	int64		to;
	JStretches	stretches;
	int64	   *facts;			/* since when each holds; PG_INT64_MAX: it does not */
} JSegmentKnown;

typedef struct JSegmentPlan
{
	enum
	{
		JSEG_KEEP,				/* it is as it was */
		JSEG_WINDOW,			/* it is as it was but in [from, to) */
		JSEG_WHOLE
	}			kind;
	int64		from;
	int64		to;
	int64		read_from;		/* what must be read for that, both ends in */
	int64		read_to;
} JSegmentPlan;

/* What a person's stretches follow from. */
typedef struct JSegmentInput
{
	const JStepRow *rows;		/* by the segment's steps in order of time: all, or those that the plan says */
	int			n;
	JStr		profile;		/* as JSON; NULL: there is none */
	int64		first_at;		/* time of the person's first event, before which no absence counts */
} JSegmentInput;

/* What must be done where something is known; of the input the rows are not looked at. */
extern JSegmentPlan JSegmentPlanFor(const JSegment *segment, const JSegmentInput *input, const JSegmentKnown *known);

/* The stretches of a person, by such a plan, or with NULL as a whole; writes the facts. */
extern JStretches JSegmentStretches(const JSegment *segment, const JSegmentInput *input, const JSegmentPlan *plan,
									const JSegmentKnown *known, int64 *facts);

#endif							/* SEGMENTS_CORE_H */
