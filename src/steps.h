/*
 * steps.h
 *		Steps and timelines, for the SQL functions on journeys.
 */
#ifndef STEPS_H
#define STEPS_H

#include "datatype/timestamp.h"
#include "utils/array.h"

#include "definition.h"
#include "journey_sql.h"
#include "steps_core.h"

/*
 * What a function makes of some of its arguments, once for as long as they are the same (in
 * fn_extra). `kinds` says of the arguments from number `from` on what they are: v a varlena, i an
 * interval, n by value, - of no concern. The callback runs in the memory context of what it makes.
 */
typedef void *(*JCompile) (FunctionCallInfo fcinfo);
extern void *JCompiled(FunctionCallInfo fcinfo, int from, const char *kinds, JCompile compile);

/* Adds the steps of a text[] argument, or of one text; `what` is the argument's name. */
extern void JStepsAddArray(JSteps *steps, FunctionCallInfo fcinfo, int arg, const char *what);
extern void JStepsAddText(JSteps *steps, FunctionCallInfo fcinfo, int arg, const char *what);

/* One step as text or definition; `where` is how errors call it. The text must stay. */
extern JStep JStepFromSql(JStr text, const char *where);

/*
 * The events of a timeline as steps, in order; without `all` those that are any step. None where one of the
 * steps in `needed` (bit by index) is not there: of a caller to whom that is the same.
 */
extern JStepRow *JTimelineRows(const struct varlena *timeline, JSteps *steps, bool all, uint64 needed, int *n);

/* When a timeline has any of the steps first; false: never. */
extern bool JTimelineFirst(const struct varlena *timeline, JSteps *steps, int64 *time);

/* All of a timeline, with channels (see JEventChannels) where `channels` is not NULL. */
extern JEvent *JTimelineAll(const struct varlena *timeline, int *n, JStr **channels);

/* A window in microseconds: not negative, no months. */
extern uint64 JWithin(const Interval *interval);

/* Raises an error that an argument must not be NULL. */
pg_noreturn extern void JNullArgument(const char *what);

/* The beginning of a long text, for messages. */
extern char *JShort(JStr text);

/* An array of times. */
extern Datum JTimesDatum(const int64 *times, int n);

#endif							/* STEPS_H */
