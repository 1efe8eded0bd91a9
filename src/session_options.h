/*
 * session_options.h
 *		The session options of SQL callers.
 */
#ifndef SESSION_OPTIONS_H
#define SESSION_OPTIONS_H

#include "datatype/timestamp.h"
#include "pgtime.h"

#include "journey_sql.h"
#include "session_core.h"

typedef struct JSqlOptions
{
	JSessionOptions session;
	pg_tz	   *midnight;		/* NULL: midnight does not cut */
	pg_tz	   *time_zone;		/* for session_date; NULL is UTC */
	char	   *email_trait;	/* the trait that holds an e-mail */
} JSqlOptions;

/*
 * The options of a call, from the arguments at these positions. Parsed once for as long as a statement
 * passes the same ones (kept in fn_extra).
 */
extern const JSqlOptions *JGetSqlOptions(FunctionCallInfo fcinfo, int timeout_arg, int options_arg);

/* The options that hold where none are given. They point to themselves, so a copy of them is none. */
extern void JInitSqlOptions(JSqlOptions *options);

/*
 * Reads options from a timeout and a jsonb into the current memory context, where they point into the
 * jsonb.
 */
extern void JReadSqlOptions(JSqlOptions *options, const Interval *timeout, Jsonb *jsonb);

/* The names of the options, for hints. */
extern const char *JSqlOptionNames(void);

/* A length of time in microseconds; months are refused, a day is 24 hours. */
extern int64 JIntervalMicroseconds(const Interval *interval, const char *what);

/* The local day of a time, days since 2000-01-01. */
extern int64 JLocalDay(int64 time, pg_tz *zone);

#endif							/* SESSION_OPTIONS_H */
