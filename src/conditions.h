/*
 * conditions.h
 *		The state of aggregates over rows with a time and conditions: window_funnel, sequence_match
 *		and its sisters.
 */
#ifndef CONDITIONS_H
#define CONDITIONS_H

#include "fmgr.h"

#include "steps_core.h"

/*
 * One chunk of memory in the aggregate's context: what the call asks for, then the rows as they
 * came. Nothing in it depends on their order. Settings lie in it, not in fn_extra, so that a state
 * means the same in every process.
 */
typedef struct JConditions
{
	uint32		allocated;		/* rows that fit */
	uint32		count;
	int32		n_conditions;
	int32		settings_len;
	char		settings[FLEXIBLE_ARRAY_MEMBER];
} JConditions;

#define JConditionsRows(state) \
	((JStepRow *) ((char *) (state) + MAXALIGN(offsetof(JConditions, settings) + (state)->settings_len)))

/*
 * A transition function's work: adds a row to the state, argument 0. A row without a time is left
 * out, and unless `all` one that fulfils no condition; the state is there in any case.
 * `what` names the settings in errors.
 */
extern Datum JConditionsAdd(FunctionCallInfo fcinfo, const void *settings, int settings_len,
							int time_arg, bool all, const char *what);

/*
 * The rows of a final function's state, sorted; NULL and *n 0 where there are none. Sorting in place leaves
 * the state as good as it was.
 */
extern JStepRow *JConditionsSorted(FunctionCallInfo fcinfo, JConditions **state, int *n);

#endif							/* CONDITIONS_H */
