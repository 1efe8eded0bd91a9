/*
 * sums.c
 *		Sums of facts: amounts by currency, and the last value of each trait with the event that said it. The rules are
 *		in profile_core.c; here are numerics and jsonb.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "journey_sql.h"
#include "profile_sql.h"

/* ------------------------------------------------------------------------------------------------
 * amounts
 * ------------------------------------------------------------------------------------------------ */

void *
JNumericAdd(void *sum, const void *amount)
{
	Datum		added = PointerGetDatum(amount);

	if (sum == NULL)
		return DatumGetPointer(DirectFunctionCall1(numeric_uplus, added));
	added = DirectFunctionCall2(numeric_add, PointerGetDatum(sum), added);
	pfree(sum);
	return DatumGetPointer(added);
}

static bool
JIsNegative(Numeric amount)
{
	return DatumGetBool(DirectFunctionCall2(numeric_lt, NumericGetDatum(amount),
											NumericGetDatum(int64_to_numeric(0))));
}

void
JPushString(JsonbParseState **state, JsonbIteratorToken token, JStr s)
{
	JsonbValue	value = {.type = jbvString};

	value.val.string.val = unconstify(char *, s.data);
	value.val.string.len = s.len;
	pushJsonbValue(state, token, &value);
}

Jsonb *
JMoneyObject(const JFactSums *sums)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < sums->n_money; i++)
	{
		JsonbValue	value = {.type = jbvNumeric};

		value.val.numeric = sums->money[i].amount;
		JPushString(&state, WJB_KEY, sums->money[i].currency);
		/* no numbers of jsonb */
		if (numeric_is_nan(value.val.numeric) || numeric_is_inf(value.val.numeric))
		{
			Datum		text = DirectFunctionCall1(numeric_out, NumericGetDatum(value.val.numeric));

			JPushString(&state, WJB_VALUE, JStrFromCString(DatumGetCString(text)));
		}
		else
			pushJsonbValue(&state, WJB_VALUE, &value);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* Adds what such an object holds. */
static void
JSumsMoney(JFactSums *sums, const Jsonb *object)
{
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	key,
				value;

	if (!JB_ROOT_IS_OBJECT(object))
		return;
	it = JsonbIteratorInit(unconstify(JsonbContainer *, &object->root));
	while ((token = JsonbIteratorNext(&it, &key, true)) != WJB_DONE)
	{
		Datum		amount;

		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&it, &value, true);
		if (value.type == jbvNumeric)
			amount = NumericGetDatum(value.val.numeric);
		else if (value.type == jbvString)
			amount = DirectFunctionCall3(numeric_in,
										 CStringGetDatum(pnstrdup(value.val.string.val, value.val.string.len)),
										 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
		else
			continue;
		JFactSumsAmount(sums, (JStr) {key.val.string.val, key.val.string.len}, DatumGetPointer(amount));
	}
}

/* _single_amount(money): the amount of such an object where it holds one, or NULL. */
PG_FUNCTION_INFO_V1(journey_single_amount);
Datum
journey_single_amount(PG_FUNCTION_ARGS)
{
	JFactSums	sums = {JNumericAdd};
	const void *amount;

	JSumsMoney(&sums, PG_GETARG_JSONB_P(0));
	amount = JFactSumsSingle(&sums);
	if (amount == NULL)
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC((Numeric) amount);
}

/* ------------------------------------------------------------------------------------------------
 * traits
 * ------------------------------------------------------------------------------------------------ */

/* Takes what one event says, in a chunk of its own: the object, and before it its values. Null says nothing. */
static void
JSumsTraits(JFactSums *sums, const JFactPlace *place, const Jsonb *object)
{
	int			n = JB_ROOT_IS_OBJECT(object) ? JB_ROOT_COUNT(object) : 0;
	JsonbValue *values;
	Jsonb	   *copy;
	JSaid	   *said;
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	key;

	if (n == 0)
		return;
	values = palloc(sizeof(JsonbValue) * (Size) n + VARSIZE(object));
	copy = memcpy(values + n, object, VARSIZE(object));
	said = JSaidBegin(place, values);
	it = JsonbIteratorInit(&copy->root);
	while ((token = JsonbIteratorNext(&it, &key, true)) != WJB_DONE)
	{
		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&it, values, true);
		if (values->type != jbvNull)
			JFactSumsTrait(sums, said, (JStr) {key.val.string.val, key.val.string.len}, values);
		values++;
	}
	JSaidEnd(said);
}

Jsonb *
JTraitsObject(const JTrait *traits, int n)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < n; i++)
	{
		JPushString(&state, WJB_KEY, traits[i].key);
		pushJsonbValue(&state, WJB_VALUE, unconstify(JsonbValue *, (const JsonbValue *) traits[i].value));
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

void
JSumsFact(JFactSums *sums, JOrders *orders, const JFact *fact)
{
	JFactPlace	place = {fact->time, fact->event_id, fact->visitor_id};
	JFactAmount amount = {
		.amount = fact->revenue,
		.order = {fact->name, fact->order_id, false},
		.currency = fact->currency
	};

	/* asked where it matters */
	if (fact->revenue != NULL && !JStrIsNull(fact->order_id))
		amount.order.negative = JIsNegative(fact->revenue);
	JFactSumsFact(sums, orders, &amount);
	if (fact->traits != NULL)
		JSumsTraits(sums, &place, fact->traits);
}

/* ------------------------------------------------------------------------------------------------
 * sums as rows
 * ------------------------------------------------------------------------------------------------ */

void
JReadRow(HeapTupleHeader row, TupleDesc desc, Datum *values, bool *nulls)
{
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(row), .t_data = row};

	heap_deform_tuple(&tuple, desc, values, nulls);
}

typedef struct JSumsState
{
	JFactSums	sums;
	JOrders		orders;
} JSumsState;

/* The state, made at the first row; from here on the aggregate's memory is current. */
static JSumsState *
JSumsBegin(FunctionCallInfo fcinfo, MemoryContext *old)
{
	MemoryContext context;
	JSumsState *state;

	if (!AggCheckCallContext(fcinfo, &context))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("function called outside of an aggregate")));
	*old = MemoryContextSwitchTo(context);
	if (!PG_ARGISNULL(0))
		return (JSumsState *) PG_GETARG_POINTER(0);
	state = palloc0_object(JSumsState);
	state->sums.add = JNumericAdd;
	return state;
}

static JStr
JStrArg(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? JSTR_NULL : JStrFromText(PG_GETARG_TEXT_PP(n));
}

/*
 * _sum_facts(event_time, event_id, visitor_id, name, order_id, revenue, currency, traits): what facts add up to.
 * Where orders are told they come in order.
 */
PG_FUNCTION_INFO_V1(journey_sum_facts_add);
Datum
journey_sum_facts_add(PG_FUNCTION_ARGS)
{
	MemoryContext old;
	JSumsState *state;
	/* what is unpacked of the arguments belongs to the row, not to the aggregate */
	JFact		fact = {
		.visitor_id = JStrArg(fcinfo, 3),
		.event_id = JStrArg(fcinfo, 2),
		.time = PG_ARGISNULL(1) ? 0 : PG_GETARG_TIMESTAMPTZ(1),
		.name = JStrArg(fcinfo, 4),
		.order_id = JStrArg(fcinfo, 5),
		.revenue = PG_ARGISNULL(6) ? NULL : PG_GETARG_NUMERIC(6),
		.currency = JStrArg(fcinfo, 7),
		.traits = PG_ARGISNULL(8) ? NULL : PG_GETARG_JSONB_P(8)
	};

	/* a fact has a place */
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("time, event and visitor of a fact must not be null")));
	state = JSumsBegin(fcinfo, &old);
	JSumsFact(&state->sums, &state->orders, &fact);
	MemoryContextSwitchTo(old);
	PG_RETURN_POINTER(state);
}

/* Takes the traits of journey._said's. */
static void
JSumsSaid(JFactSums *sums, MemoryContext context, ArrayType *said)
{
	TupleDesc	desc = lookup_rowtype_tupdesc(ARR_ELEMTYPE(said), -1);
	Datum	   *elements;
	bool	   *isnull;
	int			n;

	deconstruct_array(said, ARR_ELEMTYPE(said), -1, false, TYPALIGN_DOUBLE, &elements, &isnull, &n);
	for (int i = 0; i < n; i++)
	{
		Datum		values[4];
		bool		nulls[4];
		JFactPlace	place;
		const Jsonb *traits;
		MemoryContext old;

		if (isnull[i])
			continue;
		JReadRow(DatumGetHeapTupleHeader(elements[i]), desc, values, nulls);
		if (nulls[0] || nulls[1] || nulls[2] || nulls[3])
			continue;
		place = (JFactPlace) {
			DatumGetTimestampTz(values[1]), JStrFromText(DatumGetTextPP(values[2])),
			JStrFromText(DatumGetTextPP(values[3]))
		};
		traits = DatumGetJsonbP(values[0]);
		old = MemoryContextSwitchTo(context);
		JSumsTraits(sums, &place, traits);
		MemoryContextSwitchTo(old);
	}
	ReleaseTupleDesc(desc);
}

void
JSumsTake(JFactSums *sums, MemoryContext context, HeapTupleHeader sum)
{
	TupleDesc	desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(sum), HeapTupleHeaderGetTypMod(sum));
	Datum		values[3];
	bool		nulls[3];

	JReadRow(sum, desc, values, nulls);
	ReleaseTupleDesc(desc);
	if (!nulls[0])
		sums->facts += DatumGetInt64(values[0]);
	if (!nulls[1])
	{
		const Jsonb *money = DatumGetJsonbP(values[1]);
		MemoryContext old = MemoryContextSwitchTo(context);

		JSumsMoney(sums, money);
		MemoryContextSwitchTo(old);
	}
	if (!nulls[2])
		JSumsSaid(sums, context, DatumGetArrayTypeP(values[2]));
}

/* _merge_sums(sum): what sums of facts add up to. */
PG_FUNCTION_INFO_V1(journey_merge_sums_add);
Datum
journey_merge_sums_add(PG_FUNCTION_ARGS)
{
	MemoryContext row;
	JSumsState *state = JSumsBegin(fcinfo, &row);
	MemoryContext context = MemoryContextSwitchTo(row);

	if (!PG_ARGISNULL(1))
		JSumsTake(&state->sums, context, PG_GETARG_HEAPTUPLEHEADER(1));
	PG_RETURN_POINTER(state);
}

/* A journey._said: of an event the traits that it is the last to tell. */
static Datum
JSaidRow(TupleDesc desc, const JTrait *traits, int n)
{
	const JFactPlace *place = &traits[0].said->place;
	Datum		values[4];
	bool		nulls[4] = {false};

	values[0] = JsonbPGetDatum(JTraitsObject(traits, n));
	values[1] = TimestampTzGetDatum(place->time);
	values[2] = JStrGetDatum(place->event_id);
	values[3] = JStrGetDatum(place->visitor_id);
	return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
}

/* The array of them, in order. */
static Datum
JSaidArray(Oid type, const JFactSums *sums)
{
	TupleDesc	desc = lookup_rowtype_tupdesc(type, -1);
	JTrait	   *sorted = palloc_array(JTrait, sums->n_traits);
	Datum	   *rows = palloc_array(Datum, sums->n_traits);
	int			n = 0;

	memcpy(sorted, sums->traits, sizeof(JTrait) * sums->n_traits);
	JSortTraits(sorted, sums->n_traits);
	for (int from = 0, to; from < sums->n_traits; from = to)
	{
		for (to = from + 1; to < sums->n_traits && sorted[to].said == sorted[from].said; to++)
			;
		rows[n++] = JSaidRow(desc, sorted + from, to - from);
	}
	ReleaseTupleDesc(desc);
	return PointerGetDatum(construct_array(rows, n, type, -1, false, TYPALIGN_DOUBLE));
}

/* A journey._sum: how many facts, amounts by currency or NULL, what was said last or NULL. */
PG_FUNCTION_INFO_V1(journey_sums_final);
Datum
journey_sums_final(PG_FUNCTION_ARGS)
{
	const JFactSums none = {NULL};
	const JFactSums *sums = PG_ARGISNULL(0) ? &none : &((JSumsState *) PG_GETARG_POINTER(0))->sums;
	TupleDesc	desc = lookup_rowtype_tupdesc(get_func_rettype(fcinfo->flinfo->fn_oid), -1);
	Datum		values[3];
	bool		nulls[3] = {false, sums->n_money == 0, sums->n_traits == 0};
	Datum		row;

	if (!AggCheckCallContext(fcinfo, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("function called outside of an aggregate")));
	values[0] = Int64GetDatum(sums->facts);
	values[1] = nulls[1] ? (Datum) 0 : JsonbPGetDatum(JMoneyObject(sums));
	values[2] = nulls[2] ? (Datum) 0 : JSaidArray(get_element_type(TupleDescAttr(desc, 2)->atttypid), sums);
	row = HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
	ReleaseTupleDesc(desc);
	PG_RETURN_DATUM(row);
}
