/*
 * split_core.h
 *		Splits a visitor's events into stored segments, anew or only where something changed.
 */
#ifndef SPLIT_CORE_H
#define SPLIT_CORE_H

#include "part_core.h"

/* A segment holds at most so many events, and about so many bytes. */
#define J_SEGMENT_EVENTS 256
#define J_SEGMENT_BYTES (64 * 1024)

/*
 * A stored segment: neighbouring events of one unit, which is a session, or a run of events outside
 * sessions. It begins with a state (of the walk before its first event) unless that starts a session or
 * nothing comes before it; a session that has its user from a login before it begins with that login. Between
 * the segments of a session may lie others, outside it.
 */
typedef struct JOldSegment
{
	bool		sentinel;		/* read only to see whether the walk meets the old split here */
	bool		loose;
	bool		head;			/* the first of its unit */
	JUuid		session_id;		/* of the unit */
	JStr		state;			/* NULL: none */
	JEvent	   *events;			/* in standard order; of a sentinel the first is enough */
	int			n_events;
	bool		dirty;			/* result: is to be replaced by new segments */
	bool		gone;			/* none of its events is left (they became copies of others) */
} JOldSegment;

/* An event that goes: all stored ones with this id, or the one at this time (J_NO_TIME: any). */
typedef struct JRemoved
{
	JStr		event_id;
	int64		time;
} JRemoved;

typedef struct JNewSegment
{
	JPart		part;
	JStr		state;			/* as above */
	bool		resumable;		/* may a walk begin here? */
	bool		head;			/* the first of its unit */
	bool		continues;		/* its unit goes on in the next segment */
	int64		unit_start;		/* time of the unit's first event */
	int			first;			/* its events in JSplitResult.events */
	int			n_events;
	Size		bytes;			/* about the size of its strings */
} JNewSegment;

/*
 * The walk met the old split at a sentinel but for the id of a unit that goes on there, and its beginning: the
 * stored segments from the sentinel on that carry `from`, as their unit or in their state, are to carry `to`.
 */
typedef struct JRename
{
	int			sentinel;		/* in the old segments */
	bool		loose;			/* a run outside sessions */
	JUuid		from;
	JUuid		to;
	int64		start;			/* of the unit, as it is now */
} JRename;

typedef struct JSplitResult
{
	JEvent	   *events;			/* the canonical set of all events given */
	int			n_events;
	int			n_new;			/* how many of them no old segment had */
	JNewSegment *segments;
	int			n_segments;
	JRename    *renames;		/* in order of their sentinels; how many of them */
	int			n_renames;
	bool		incomplete;		/* a sentinel was reached and not met: read further and call again */
} JSplitResult;

/*
 * Removed events, sorted by id and time, go before the fresh ones come.
 *
 * Old segments come in standard order: one or more runs of neighbours, each ended by a sentinel or by
 * the visitor's last segment. Each fresh event lies within reach of a run, or comes before or after all
 * there is. A segment that is neither kept nor met stays as it is in the store; those that are to go
 * have `dirty` set, and result->segments are what comes instead (some may equal old ones). Of the segments that
 * are kept behind a sentinel, those that result->renames tell of take another id. max_events 0
 * is no limit. Aliases NULL: all of the visitor's events are given, so theirs are taken. With `force`,
 * no old segment is kept, unless its aliases are as they were.
 */
extern void JSplit(const JSessionOptions *options, const JAliases *aliases,
				   JOldSegment *old, int n_old, const JEvent *fresh, int n_fresh,
				   const JRemoved *removed, int n_removed, bool force, int max_events, JSplitResult *result);

/* Gives the state's session or run of this id another id and beginning; false: it has none. */
extern bool JStateRename(JSessionState *state, JUuid from, JUuid to, int64 start);

#endif							/* SPLIT_CORE_H */
