/*
 * stitch_core.h
 *		To whom a visitor's sessions go, in which order they are numbered, and when the visitor stands for whom.
 */
#ifndef STITCH_CORE_H
#define STITCH_CORE_H

#include "journey_core.h"

/*
 * What lies on a visitor's line of time: a unit (a session, or a run outside sessions), an alias of the visitor
 * sent from another, or a barrier: the beginning of a stretch that was forgotten, which stitching does not cross.
 */
typedef struct JMark
{
	bool		is_unit;
	bool		loose;			/* a unit outside sessions: it has no number */
	bool		aside;			/* a unit that says nothing of whose device it is */
	bool		barrier;
	int64		time;
	JStr		first;			/* the person whom it names first; NULL: it names nobody */
	JStr		own;			/* the person that it goes by; NULL: as first */
	/* results, of units */
	JStr		person;			/* NULL: the visitor's own, anonymous one */
	int64		number;			/* of a session, from base + 1 on */
} JMark;

/*
 * Marks come in order of time, event and the visitor that sent them; all of them, or those of a window with the
 * nearest before and behind it that names somebody. The anonymous units go to the one named next, else to the
 * one named before; on a visitor that too many share to nobody.
 */
extern void JStitch(JMark *marks, int n, bool shared, int64 base);

/* A stretch of time in which the visitor stands for a person. */
typedef struct JStretch
{
	JStr		person;			/* NULL: the visitor's own */
	int64		from;			/* PG_INT64_MIN: ever since */
	int64		to;				/* exclusive; PG_INT64_MAX: for ever */
	bool		named;			/* one of its units names the person */
} JStretch;

/*
 * The stretches that the units of all marks make, after JStitch(). One that the next unit ends at the very
 * instant at which it began is empty, but stays; of two for the same person and instant, the longer one.
 * The array is palloc'd; how many.
 */
extern int	JStretches(const JMark *marks, int n, JStretch **stretches);

#endif							/* STITCH_CORE_H */
