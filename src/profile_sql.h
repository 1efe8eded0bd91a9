/*
 * profile_sql.h
 *		The fold of a person: units and facts in, the row of a profile out.
 */
#ifndef PROFILE_SQL_H
#define PROFILE_SQL_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "utils/array.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "profile_core.h"
#include "writer.h"

/* ------------------------------------------------------------------------------------------------
 * sums.c: sums of facts, as jsonb
 * ------------------------------------------------------------------------------------------------ */

/* A row of _facts. It is an event that counts one by one: it has an amount or traits. Of a users table too. */
typedef struct JFact
{
	JStr		visitor_id;
	JStr		event_id;
	int64		time;
	JStr		name;
	JStr		order_id;
	Numeric		revenue;		/* NULL: none */
	JStr		currency;
	Jsonb	   *traits;			/* NULL: none */
} JFact;

/* Amounts are numerics. */
extern void *JNumericAdd(void *sum, const void *amount);

/* Facts come in order of time, event and visitor. */
extern void JSumsFact(JFactSums *sums, JOrders *orders, const JFact *fact);

extern void JPushString(JsonbParseState **state, JsonbIteratorToken token, JStr s);
extern void JReadRow(HeapTupleHeader row, TupleDesc desc, Datum *values, bool *nulls);

/* Adds a journey._sum to sums in a context; what is unpacked of it goes into the current one. */
extern void JSumsTake(JFactSums *sums, MemoryContext context, HeapTupleHeader sum);

/* {"EUR": 12.50, ..}, and {"plan": "gold", ..} */
extern Jsonb *JMoneyObject(const JFactSums *sums);
extern Jsonb *JTraitsObject(const JTrait *traits, int n);

/* ------------------------------------------------------------------------------------------------
 * profile.c
 * ------------------------------------------------------------------------------------------------ */

/* What a model says of profiles. */
typedef struct JProfileRules
{
	JStr		email_trait;
	int			n_internal;
	Datum	   *internal;		/* texts, patterns for LIKE on user ids and e-mails of our own people */
	int64		version;
	int64		at;				/* time of the run */
} JProfileRules;

extern void JSetProfileRules(JProfileRules *rules, const text *email_trait, ArrayType *internal, int64 version,
							 int64 at);

typedef struct JPersonFold JPersonFold;

#define J_PROFILE_COLUMNS 65

/* The columns of profiles, in the order of a fold's row. */
extern const JWriterColumn *JProfileColumns(void);

extern JPersonFold *JPersonFoldMake(const JProfileRules *rules);

/* Begins a person; what it took for the one before is freed. */
extern void JPersonFoldStart(JPersonFold *fold, JStr person_id);

/* Units come visitor by visitor in order of their ids, with their touches. */
extern void JPersonFoldUnit(JPersonFold *fold, const JPart *part, const JPartTouch *touches, int n_touches);

/* Facts come in order of time, event and visitor. */
extern void JPersonFoldFact(JPersonFold *fold, const JFact *fact);

/* The row of the person, in the current context and the fold's. */
extern void JPersonFoldRow(const JPersonFold *fold, Datum *values, bool *nulls);

#endif							/* PROFILE_SQL_H */
