/*
 * session_sql.h
 *		Rows of sessions and touches, for the wrappers of this room and of the model.
 */
#ifndef SESSION_SQL_H
#define SESSION_SQL_H

#include "nodes/execnodes.h"

#include "part_core.h"
#include "session_options.h"
#include "session_list_core.h"

#define J_SESSION_COLUMNS 21	/* ended_at .. is_bounce of journey.session */
#define J_TOUCHED_COLUMNS 18	/* all of journey.touched */

/* Where the rows of a set-returning function go. */
typedef struct JRowSink
{
	ReturnSetInfo *rsinfo;
	pg_tz	   *zone;
	MemoryContext context;		/* for what the rows of one session take */
} JRowSink;

/* Puts a row of journey.session; a JSessionCallback whose argument is a JRowSink. */
extern void JPutSessionRow(const JPart *part, int64 number, void *arg);

/*
 * Calls back for each session of a timeline: visitor by visitor, in order. What sessions and touches point to lives
 * as long as the timeline and the current context.
 */
extern void JForEachSession(const struct varlena *timeline, const JSessionOptions *options,
							JSessionCallback callback, void *arg);

extern Datum JNumericFromText(JStr amount);
extern void JSetUuid(Datum *values, bool *nulls, int column, const JUuid *uuid);
extern void JSetSession(Datum *values, bool *nulls, const JPart *part, pg_tz *zone);
extern int	JPartTouches(const JPart *part, JPartTouch **touches);
extern void JSetTouched(Datum *values, bool *nulls, const JPart *part, const JPartTouch *at);

#endif							/* SESSION_SQL_H */
