/*
 * pg_journey_compat.h
 *		Differences between server versions 14 to 18. No other file of the project
 *		looks at PG_VERSION_NUM. Each shim has the name that the newest version gives.
 */
#ifndef PG_JOURNEY_COMPAT_H
#define PG_JOURNEY_COMPAT_H

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* New in 16, and in later minor releases of the older versions too, so the name itself is asked. */
#ifndef palloc_array
#define palloc_array(type, count) ((type *) palloc(sizeof(type) * (count)))
#define palloc0_array(type, count) ((type *) palloc0(sizeof(type) * (count)))
#define palloc_object(type) ((type *) palloc(sizeof(type)))
#define palloc0_object(type) ((type *) palloc0(sizeof(type)))
#endif
#ifndef repalloc_array
#define repalloc_array(ptr, type, count) ((type *) repalloc(ptr, sizeof(type) * (count)))
#endif

/* DecodeDateTime() of 16 says more of an error, which nobody here reads. */
#if PG_VERSION_NUM < 160000 && !defined(FRONTEND)
#include "utils/datetime.h"
typedef int DateTimeErrorExtra;
#define DecodeDateTime(field, ftype, nf, dtype, tm, fsec, tz, extra) \
	((void) (extra), DecodeDateTime(field, ftype, nf, dtype, tm, fsec, tz))
#endif

/* New in 15. */
#if PG_VERSION_NUM < 150000 && !defined(FRONTEND)
#include "access/xlog.h"
#include "funcapi.h"
#include "miscadmin.h"
#define GetWALInsertionTimeLine() ThisTimeLineID
static inline void
InitMaterializedSRF(FunctionCallInfo fcinfo, bits32 flags)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old;
	TupleDesc	tupdesc;

	if (rsinfo == NULL || !IsA(rsinfo, ReturnSetInfo) || (rsinfo->allowedModes & SFRM_Materialize) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));
	old = MemoryContextSwitchTo(rsinfo->econtext->ecxt_per_query_memory);
	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	rsinfo->returnMode = SFRM_Materialize;
	rsinfo->setResult = tuplestore_begin_heap((rsinfo->allowedModes & SFRM_Materialize_Random) != 0,
											  false, work_mem);
	rsinfo->setDesc = tupdesc;
	MemoryContextSwitchTo(old);
}
#endif

/* New in 16. */
#if PG_VERSION_NUM < 160000 && !defined(FRONTEND)
#include "storage/buffile.h"
static inline void
BufFileReadExact(BufFile *file, void *ptr, size_t size)
{
	if (BufFileRead(file, ptr, size) != size)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read from temporary file")));
}
#endif

/* New in 15; it was in kilobytes before. */
#if PG_VERSION_NUM < 150000 && !defined(FRONTEND)
#include "executor/nodeHash.h"
#define get_hash_memory_limit() ((size_t) get_hash_mem() * 1024)
#endif

/* An argument more from 16 on. */
#if !defined(FRONTEND)
#if PG_VERSION_NUM >= 160000
#define JInsertIndexTuples(target, slot, estate) \
	ExecInsertIndexTuples(target, slot, estate, false, false, NULL, NIL, false)
#else
#define JInsertIndexTuples(target, slot, estate) \
	ExecInsertIndexTuples(target, slot, estate, false, false, NULL, NIL)
#endif
#endif

#ifndef pg_noreturn
#define pg_noreturn pg_attribute_noreturn()
#endif

#if PG_VERSION_NUM < 170000
#include "common/jsonapi.h"
#define makeJsonLexContextCstringLen(lex, json, len, encoding, need_escapes) \
	(AssertMacro((lex) == NULL), makeJsonLexContextCstringLen(json, len, encoding, need_escapes))
#endif

/* Whether a lexer writes strings without their escapes into `buffer`, which it was made with. */
#if PG_VERSION_NUM >= 180000
#define JLexSetUnescapes(lex, yes, buffer) ((void) (buffer), (lex)->need_escapes = (yes))
#else
#define JLexSetUnescapes(lex, yes, buffer) ((lex)->strval = (yes) ? (buffer) : NULL)
#endif

#endif							/* PG_JOURNEY_COMPAT_H */
