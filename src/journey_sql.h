/*
 * journey_sql.h
 *		What the SQL wrappers of all rooms share: strings in and out.
 */
#ifndef JOURNEY_SQL_H
#define JOURNEY_SQL_H

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "journey_core.h"

/* The bytes of a detoasted text; valid as long as that is. */
static inline JStr
JStrFromText(const text *t)
{
	return (JStr) {VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t)};
}

static inline JStr
JStrFromCString(const char *s)
{
	return s == NULL ? JSTR_NULL : (JStr) {s, (int32) strlen(s)};
}

static inline Datum
JStrGetDatum(JStr s)
{
	return PointerGetDatum(cstring_to_text_with_len(s.data, s.len));
}

/* Fills a column of a row: NULL strings become NULL. */
static inline void
JSetStr(Datum *values, bool *nulls, int column, JStr s)
{
	nulls[column] = JStrIsNull(s);
	values[column] = JStrIsNull(s) ? (Datum) 0 : JStrGetDatum(s);
}

#endif							/* JOURNEY_SQL_H */
