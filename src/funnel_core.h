/*
 * funnel_core.h
 *		How far events come through the steps of a funnel.
 *
 * Bit i of a row's mask is step i + 1. An attempt is a row for step 1, and for each further step a
 * row at the same time or later, all within the window from the first. Rows of one time have no
 * order: they fill steps in the order of the steps.
 */
#ifndef FUNNEL_CORE_H
#define FUNNEL_CORE_H

#include "steps_core.h"

/* A step that must not come (strictly) between the times of two others of an attempt. */
typedef struct JExclusion
{
	uint64		bit;			/* in a row's mask, none of the funnel's */
	int			from;			/* steps, from 1 */
	int			to;
} JExclusion;

typedef struct JFunnelRules
{
	int			n_steps;		/* at most JSTEPS_MAX */
	uint64		within;			/* microseconds from the first step; both ends are in */
	bool		increase;		/* each step later than the one before */
	bool		once;			/* no row fills two steps */
	bool		bounded;		/* attempts start in [since, until) alone; not with any_order */
	int64		since;
	int64		until;

	/* of funnel(): what ends an attempt, not the walk */
	bool		strict_order;	/* a row between that is none of the steps so far nor the next */
	bool		any_order;		/* the steps in any order; none of the other rules but `once` */
	int			n_excluded;
	JExclusion	excluded[JSTEPS_ROOM - JSTEPS_MAX];

	/* of window_funnel(): what stops the whole walk */
	bool		stop_order;		/* a row of no step, or of one whose predecessor was never reached */
	bool		stop_repeat;	/* a step other than the first that was reached already */
	bool		skip_order;		/* of the latter kind a row is left out instead */
} JFunnelRules;

typedef struct JFunnelResult
{
	int			steps;			/* reached */
	int64		start;			/* of the attempt that counts, if any step was reached */
	int64		end;			/* when it reached its last step */
	int64		open_from;		/* the latest start of an attempt that may still go on */
	bool		can_go_on;		/* there is such an attempt, the window aside */
} JFunnelResult;

/*
 * The highest step that any attempt reaches. Of several attempts the one that does so earliest, and
 * of its starts the latest from which that end is in the window. Rows are in order of time.
 */
extern void JFunnelWalk(const JFunnelRules *rules, const JStepRow *rows, int n,
						JFunnelResult *result);

/* All times at which some attempt comes to the last step, without any_order and what stops the walk; their number. */
extern int	JFunnelEnds(const JFunnelRules *rules, const JStepRow *rows, int n, int64 *ends);

/*
 * The time of each step of that attempt, each as early as can be: result->steps of them. With
 * any_order, when so many steps were done.
 */
extern void JFunnelTimes(const JFunnelRules *rules, const JStepRow *rows, int n,
						 const JFunnelResult *result, int64 *times);

#endif							/* FUNNEL_CORE_H */
