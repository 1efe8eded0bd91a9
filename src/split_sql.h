/*
 * split_sql.h
 *		Rows of the split, for the first load.
 */
#ifndef SPLIT_SQL_H
#define SPLIT_SQL_H

#include "conversion.h"
#include "session_sql.h"
#include "split_core.h"

/* The session options of a call, as the store has its summaries: with counts of events by name. */
extern JSessionOptions JStoreOptions(FunctionCallInfo fcinfo, int timeout_arg, int options_arg);

/* Events that a stored segment holds at most. */
extern int	JSegmentEvents(const JSessionOptions *options);

/* Is it one that tables of their own follow whatever the conversions are: an amount, traits, an alias, a copy? */
extern bool JEventIsNoted(const JEvent *event);

/*
 * The columns of journey._noted for an event that tables of their own follow; false where none does.
 * Conversions may be NULL: there are none.
 */
#define J_NOTED_COLUMNS 14
extern bool JSetNoted(Datum *values, bool *nulls, const JEvent *event, JConversions *conversions);

/* The columns of journey._unit up to its touches. */
#define J_UNIT_HEAD 6
#define J_UNIT_COLUMNS (J_UNIT_HEAD + J_SESSION_COLUMNS + 7)
extern void JSetUnit(Datum *values, bool *nulls, const JPart *part, pg_tz *zone);

/* Of the ids that a unit names, if any, the one that it goes by. */
extern Datum JIdentityText(const JPart *part);

/* An id that names somebody, as a text: "user:..", "email:..". */
extern Datum JRefText(bool is_email, JStr id);

/* The time zone of this name; NULL is UTC. */
extern pg_tz *JFindZone(const char *name);

/* May these bytes become a text? */
extern bool JIsText(JStr s);

extern Datum JBytea(JStr bytes);

#endif							/* SPLIT_SQL_H */
