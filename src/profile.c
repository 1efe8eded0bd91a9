/*
 * profile.c
 *		Profiles: how many events a person has of each name, the last value of each trait, amounts that
 *		count, first and last touches and click ids. A fold takes the units and facts of one person.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"
#include "utils/uuid.h"

#include "identity_core.h"
#include "journey_sql.h"
#include "profile_sql.h"
#include "split_sql.h"
#include "timeline.h"

/* ------------------------------------------------------------------------------------------------
 * counts of events
 * ------------------------------------------------------------------------------------------------ */

/* {"name": n, ..}; what counts nothing is left out. */
static Jsonb *
JCountsObject(const JNameCounts *counts)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < counts->n; i++)
	{
		JsonbValue	key = {.type = jbvString};
		JsonbValue	value = {.type = jbvNumeric};

		if (counts->names[i].n == 0)
			continue;
		key.val.string.val = unconstify(char *, counts->names[i].name.data);
		key.val.string.len = counts->names[i].name.len;
		value.val.numeric = int64_to_numeric(counts->names[i].n);
		pushJsonbValue(&state, WJB_KEY, &key);
		pushJsonbValue(&state, WJB_VALUE, &value);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* Adds the counts of an object. */
static void
JCountsAddObject(JNameCounts *counts, const Jsonb *object)
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
		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&it, &value, true);
		if (value.type == jbvNumeric)
			JNameCountsAdd(counts, (JStr) {key.val.string.val, key.val.string.len},
						   DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(value.val.numeric))),
						   false);
	}
}

/* Adds the counts of units, as _sessions has them, times sign. */
static void
JCountsAddUnits(JNameCounts *counts, ArrayType *units, int sign)
{
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	deconstruct_array(units, BYTEAOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		bytea	   *bytes;
		JNameCounts unit;

		if (nulls[i])
			continue;
		bytes = DatumGetByteaPP(elements[i]);
		if (!JNameCountsDecode(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes), JIsText, &unit))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid counts of events")));
		for (int k = 0; k < unit.n; k++)
			JNameCountsAdd(counts, unit.names[k].name, sign * unit.names[k].n, false);
	}
}

/* _sum_counts(counts jsonb, gone bytea[], came bytea[]): a person's counts after units went and came. */
PG_FUNCTION_INFO_V1(journey_sum_counts);
Datum
journey_sum_counts(PG_FUNCTION_ARGS)
{
	JNameCounts counts = {0};

	if (!PG_ARGISNULL(0))
		JCountsAddObject(&counts, PG_GETARG_JSONB_P(0));
	if (!PG_ARGISNULL(1))
		JCountsAddUnits(&counts, PG_GETARG_ARRAYTYPE_P(1), -1);
	if (!PG_ARGISNULL(2))
		JCountsAddUnits(&counts, PG_GETARG_ARRAYTYPE_P(2), 1);
	PG_RETURN_JSONB_P(JCountsObject(&counts));
}

static MemoryContext
JAggregateContext(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("function called outside of an aggregate")));
	return context;
}

/* ------------------------------------------------------------------------------------------------
 * traits
 * ------------------------------------------------------------------------------------------------ */

/* What one event says of a person, copied whole; freed when later events have said all of it anew. */
typedef struct JTraitSource
{
	int			users;
	int64		time;
	JStr		event_id;
	JStr		visitor_id;
	Jsonb	   *traits;
} JTraitSource;

/* Key and value point into the source. */
typedef struct JTrait
{
	JStr		key;
	JsonbValue	value;
	JTraitSource *source;
} JTrait;

typedef struct JTraits
{
	int			n;
	int			max;
	JTrait	   *traits;
	JSet		set;
} JTraits;

static bool
JTraitHash(const void *entry, uint32 *hash)
{
	*hash = JSetHash(0, ((const JTrait *) entry)->key);
	return true;
}

static bool
JTraitSame(const void *a, const void *b)
{
	return JStrEqual(((const JTrait *) a)->key, ((const JTrait *) b)->key);
}

static const JSetKind trait_kind = {sizeof(JTrait), JTraitHash, JTraitSame};

/* In the order of time, event id, visitor id. */
static bool
JSaidAfter(const JTraitSource *a, const JTraitSource *b)
{
	int			c = (a->time > b->time) - (a->time < b->time);

	if (c == 0)
		c = JStrCompare(a->event_id, b->event_id);
	if (c == 0)
		c = JStrCompare(a->visitor_id, b->visitor_id);
	return c > 0;
}

static void
JReleaseSource(JTraitSource *source)
{
	if (--source->users > 0)
		return;
	pfree(source->traits);
	pfree(unconstify(char *, source->event_id.data));
	pfree(unconstify(char *, source->visitor_id.data));
	pfree(source);
}

static void
JTraitsAdd(JTraits *traits, JTrait *new)
{
	int			i = JSetFind(&traits->set, &trait_kind, traits->traits, traits->n, new);

	if (i >= 0 && !JSaidAfter(new->source, traits->traits[i].source))
		return;
	new->source->users++;
	if (i >= 0)
	{
		JReleaseSource(traits->traits[i].source);
		traits->traits[i] = *new;
		return;
	}
	if (traits->n == traits->max)
	{
		traits->max = Max(4, 2 * traits->max);
		traits->traits = traits->traits == NULL ? palloc_array(JTrait, traits->max) :
			repalloc_array(traits->traits, JTrait, traits->max);
	}
	traits->traits[traits->n++] = *new;
}

static Jsonb *
JCopyJsonb(const Jsonb *jsonb)
{
	return memcpy(palloc(VARSIZE(jsonb)), jsonb, VARSIZE(jsonb));
}

/* Takes what one event says; null says nothing. */
static void
JTraitsTake(JTraits *traits, const Jsonb *object, int64 time, JStr event_id, JStr visitor_id)
{
	JTrait		new;
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	key;

	if (!JB_ROOT_IS_OBJECT(object))
		return;
	new.source = palloc_object(JTraitSource);
	new.source->users = 1;		/* this function */
	new.source->time = time;
	new.source->event_id = (JStr) {pnstrdup(event_id.data, event_id.len), event_id.len};
	new.source->visitor_id = (JStr) {pnstrdup(visitor_id.data, visitor_id.len), visitor_id.len};
	new.source->traits = JCopyJsonb(object);
	it = JsonbIteratorInit(&new.source->traits->root);
	while ((token = JsonbIteratorNext(&it, &key, true)) != WJB_DONE)
	{
		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&it, &new.value, true);
		new.key = (JStr) {key.val.string.val, key.val.string.len};
		if (new.value.type != jbvNull)
			JTraitsAdd(traits, &new);
	}
	JReleaseSource(new.source);
}

/* An object with the value of each key that was said last. */
static Jsonb *
JTraitsObject(const JTraits *traits)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; traits != NULL && i < traits->n; i++)
	{
		JsonbValue	key = {.type = jbvString};

		key.val.string.val = unconstify(char *, traits->traits[i].key.data);
		key.val.string.len = traits->traits[i].key.len;
		pushJsonbValue(&state, WJB_KEY, &key);
		pushJsonbValue(&state, WJB_VALUE, &traits->traits[i].value);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* _last_traits(traits, event_time, event_id, visitor_id): an object with the value of each key said last. */
PG_FUNCTION_INFO_V1(journey_last_traits_add);
Datum
journey_last_traits_add(PG_FUNCTION_ARGS)
{
	MemoryContext context = JAggregateContext(fcinfo);
	MemoryContext old;
	JTraits    *traits;
	/* what is unpacked of the arguments belongs to the row, not to the aggregate */
	bool		said = !PG_ARGISNULL(1) && !PG_ARGISNULL(2) && !PG_ARGISNULL(3) && !PG_ARGISNULL(4);
	const Jsonb *object = said ? PG_GETARG_JSONB_P(1) : NULL;
	const text *event_id = said ? PG_GETARG_TEXT_PP(3) : NULL;
	const text *visitor_id = said ? PG_GETARG_TEXT_PP(4) : NULL;

	old = MemoryContextSwitchTo(context);
	traits = PG_ARGISNULL(0) ? palloc0_object(JTraits) : (JTraits *) PG_GETARG_POINTER(0);
	if (said)
		JTraitsTake(traits, object, PG_GETARG_TIMESTAMPTZ(2), JStrFromText(event_id),
					JStrFromText(visitor_id));
	MemoryContextSwitchTo(old);
	PG_RETURN_POINTER(traits);
}

PG_FUNCTION_INFO_V1(journey_last_traits_final);
Datum
journey_last_traits_final(PG_FUNCTION_ARGS)
{
	(void) JAggregateContext(fcinfo);
	PG_RETURN_JSONB_P(JTraitsObject(PG_ARGISNULL(0) ? NULL : (JTraits *) PG_GETARG_POINTER(0)));
}

/* By source, the earliest first, then by key. */
static int
JCompareTraits(const void *a, const void *b)
{
	const JTrait *x = a;
	const JTrait *y = b;

	if (JSaidAfter(x->source, y->source))
		return 1;
	if (JSaidAfter(y->source, x->source))
		return -1;
	return JStrCompare(x->key, y->key);
}

/* A row of journey._said: of a source, the traits of which it is the last to tell. */
static Datum
JSaidRow(TupleDesc desc, JTrait *traits, int n)
{
	const JTraitSource *source = traits[0].source;
	JTraits		own = {.n = n, .traits = traits};
	Datum		values[4];
	bool		nulls[4] = {false};

	values[0] = JsonbPGetDatum(JTraitsObject(&own));
	values[1] = TimestampTzGetDatum(source->time);
	values[2] = JStrGetDatum(source->event_id);
	values[3] = JStrGetDatum(source->visitor_id);
	return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
}

/*
 * _last_said(..): the same as an array of journey._said, in order. These may be taken again, with others: what was
 * said last in all is said last in one of several parts.
 */
PG_FUNCTION_INFO_V1(journey_last_said_final);
Datum
journey_last_said_final(PG_FUNCTION_ARGS)
{
	const JTraits *traits = PG_ARGISNULL(0) ? NULL : (JTraits *) PG_GETARG_POINTER(0);
	Oid			type = get_element_type(get_func_rettype(fcinfo->flinfo->fn_oid));
	TupleDesc	desc = lookup_rowtype_tupdesc(type, -1);
	JTrait	   *sorted;
	Datum	   *rows;
	int			n = 0;

	(void) JAggregateContext(fcinfo);
	if (traits == NULL || traits->n == 0)
	{
		ReleaseTupleDesc(desc);
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(type));
	}
	sorted = palloc_array(JTrait, traits->n);
	memcpy(sorted, traits->traits, sizeof(JTrait) * traits->n);
	qsort(sorted, traits->n, sizeof(JTrait), JCompareTraits);
	rows = palloc_array(Datum, traits->n);
	for (int from = 0, to; from < traits->n; from = to)
	{
		for (to = from + 1; to < traits->n && sorted[to].source == sorted[from].source; to++)
			;
		rows[n++] = JSaidRow(desc, sorted + from, to - from);
	}
	ReleaseTupleDesc(desc);
	PG_RETURN_ARRAYTYPE_P(construct_array(rows, n, type, -1, false, TYPALIGN_DOUBLE));
}

/* ------------------------------------------------------------------------------------------------
 * the fold
 * ------------------------------------------------------------------------------------------------ */

/* The columns of a touch that stand in a profile, behind its time. */
enum
{
	TOUCH_SOURCE,
	TOUCH_MEDIUM,
	TOUCH_CAMPAIGN,
	TOUCH_TERM,
	TOUCH_CONTENT,
	TOUCH_CHANNEL,
	TOUCH_LANDING_PAGE,
	TOUCH_CLICK_ID,
	TOUCH_CLICK_ID_TYPE,
	TOUCH_FIELDS
};

static const char *const touch_columns[] = {
	"at", "source", "medium", "campaign", "term", "content", "channel", "landing_page", "click_id",
	"click_id_type"
};

enum
{
	FIRST_TOUCH,
	FIRST_NON_DIRECT,
	LAST_TOUCH,
	LAST_NON_DIRECT,
	TOUCH_ENDS
};

static const char *const touch_prefixes[] = {
	"first_touch", "first_non_direct_touch", "last_touch", "last_non_direct_touch"
};

/* A place in the order of touches. */
typedef struct JTouchPlace
{
	int64		at;
	JUuid		id;
} JTouchPlace;

/* A touch that is first or last so far; its strings are in one chunk. */
typedef struct JTouchEnd
{
	JTouchPlace place;
	char	   *chunk;			/* NULL: none yet */
	JStr		field[TOUCH_FIELDS];
} JTouchEnd;

/* The first and last value of a click id. */
typedef struct JClick
{
	JStr		name;
	JTouchPlace first;
	JTouchPlace last;
	char	   *first_value;
	char	   *last_value;
} JClick;

typedef struct JOrder
{
	JStr		name;
	JStr		order_id;
} JOrder;

/* What the amounts in one currency add up to. */
typedef struct JMoney
{
	JStr		currency;
	Numeric		amount;
} JMoney;

struct JPersonFold
{
	const JProfileRules *rules;
	MemoryContext context;		/* for what a person takes */
	JStr		person_id;
	int64		sessions;
	int64		events;
	int64		page_views;
	int64		first_seen;
	int64		last_seen;
	int64		identified;
	bool		has_last_seen;
	bool		has_identified;
	int			n_visitors;
	int			max_visitors;
	Datum	   *visitors;		/* texts, in order */
	JNameCounts counts;
	JTouchEnd	ends[TOUCH_ENDS];
	int			n_clicks;
	int			max_clicks;
	JClick	   *clicks;
	JTraits		traits;
	int			n_orders;
	int			max_orders;
	JOrder	   *orders;
	JSet		order_set;
	int			n_money;
	int			max_money;
	JMoney	   *money;
};

JPersonFold *
JPersonFoldMake(const JProfileRules *rules)
{
	JPersonFold *fold = palloc0_object(JPersonFold);

	fold->rules = rules;
	fold->context = AllocSetContextCreate(CurrentMemoryContext, "pg_journey person",
										  ALLOCSET_DEFAULT_SIZES);
	return fold;
}

static JStr
JKeepStr(JStr s)
{
	return JStrIsNull(s) ? s : (JStr) {pnstrdup(s.data, s.len), s.len};
}

void
JPersonFoldStart(JPersonFold *fold, JStr person_id)
{
	const JProfileRules *rules = fold->rules;
	MemoryContext context = fold->context;
	MemoryContext old;

	MemoryContextReset(context);
	memset(fold, 0, sizeof(*fold));
	fold->rules = rules;
	fold->context = context;
	old = MemoryContextSwitchTo(context);
	fold->person_id = JKeepStr(person_id);
	MemoryContextSwitchTo(old);
}

static int
JComparePlaces(const JTouchPlace *a, const JTouchPlace *b)
{
	int			c = (a->at > b->at) - (a->at < b->at);

	return c != 0 ? c : memcmp(&a->id, &b->id, sizeof(JUuid));
}

static void
JKeepTouch(JTouchEnd *end, const JTouchPlace *place, const JTouch *touch)
{
	const JStr	fields[TOUCH_FIELDS] = {
		touch->source, touch->medium, touch->campaign, touch->term, touch->content, touch->channel,
		touch->landing_page, touch->click_id, touch->click_id_type
	};
	Size		size = 1;
	char	   *to;

	for (int i = 0; i < TOUCH_FIELDS; i++)
		size += fields[i].len;
	if (end->chunk != NULL)
		pfree(end->chunk);
	end->place = *place;
	end->chunk = to = palloc(size);
	for (int i = 0; i < TOUCH_FIELDS; i++)
	{
		end->field[i] = fields[i];
		if (JStrIsNull(fields[i]))
			continue;
		memcpy(to, fields[i].data, fields[i].len);
		end->field[i].data = to;
		to += fields[i].len;
	}
}

static void
JFoldClick(JPersonFold *fold, const JTouchPlace *place, const JClickId *id)
{
	JStr		name = {id->name, strlen(id->name)};
	JClick	   *click = fold->clicks;

	while (click < fold->clicks + fold->n_clicks && !JStrEqual(click->name, name))
		click++;
	if (click == fold->clicks + fold->n_clicks)
	{
		if (fold->n_clicks == fold->max_clicks)
		{
			fold->max_clicks = Max(4, 2 * fold->max_clicks);
			fold->clicks = fold->clicks == NULL ? palloc_array(JClick, fold->max_clicks) :
				repalloc_array(fold->clicks, JClick, fold->max_clicks);
		}
		click = &fold->clicks[fold->n_clicks++];
		click->name = JKeepStr(name);
		click->first = click->last = *place;
		click->first_value = pnstrdup(id->value.data, id->value.len);
		click->last_value = pnstrdup(id->value.data, id->value.len);
		return;
	}
	if (JComparePlaces(place, &click->first) < 0)
	{
		pfree(click->first_value);
		click->first = *place;
		click->first_value = pnstrdup(id->value.data, id->value.len);
	}
	if (JComparePlaces(place, &click->last) > 0)
	{
		pfree(click->last_value);
		click->last = *place;
		click->last_value = pnstrdup(id->value.data, id->value.len);
	}
}

static void
JFoldTouch(JPersonFold *fold, const JPart *part, const JPartTouch *at)
{
	const JTouch *touch = at->touch;
	JTouchPlace place = {at->time, JUuidFrom("touch", part->visitor_id, at->event_id, at->time)};

	for (int i = 0; i < TOUCH_ENDS; i++)
	{
		JTouchEnd  *end = &fold->ends[i];
		int			c;

		if ((i == FIRST_NON_DIRECT || i == LAST_NON_DIRECT) && touch->type == JTOUCH_DIRECT)
			continue;
		c = end->chunk == NULL ? 0 : JComparePlaces(&place, &end->place);
		if (end->chunk == NULL || (i < LAST_TOUCH ? c < 0 : c > 0))
			JKeepTouch(end, &place, touch);
	}
	for (int i = 0; i < touch->n_click_ids; i++)
		JFoldClick(fold, &place, &touch->click_ids[i]);
}

static void
JFoldVisitor(JPersonFold *fold, JStr visitor_id)
{
	if (fold->n_visitors > 0 &&
		JStrEqual(JStrFromText(DatumGetTextPP(fold->visitors[fold->n_visitors - 1])), visitor_id))
		return;
	if (fold->n_visitors == fold->max_visitors)
	{
		fold->max_visitors = Max(2, 2 * fold->max_visitors);
		fold->visitors = fold->visitors == NULL ? palloc_array(Datum, fold->max_visitors) :
			repalloc_huge(fold->visitors, sizeof(Datum) * (Size) fold->max_visitors);
	}
	fold->visitors[fold->n_visitors++] = JStrGetDatum(visitor_id);
}

void
JPersonFoldUnit(JPersonFold *fold, const JPart *part, const JPartTouch *touches, int n_touches)
{
	MemoryContext old = MemoryContextSwitchTo(fold->context);

	fold->first_seen = fold->events == 0 ? part->started_at : Min(fold->first_seen, part->started_at);
	if (!part->aside)
		JFoldVisitor(fold, part->visitor_id);
	fold->sessions += !part->loose;
	fold->events += part->events;
	fold->page_views += part->page_views;
	if (!part->loose)
	{
		fold->last_seen = fold->has_last_seen ? Max(fold->last_seen, part->ended_at) : part->ended_at;
		fold->has_last_seen = true;
	}
	if (part->n_refs > 0)
	{
		fold->identified = fold->has_identified ? Min(fold->identified, part->refs[0].time) :
			part->refs[0].time;
		fold->has_identified = true;
	}
	for (int i = 0; i < part->counts.n; i++)
		JNameCountsAdd(&fold->counts, part->counts.names[i].name, part->counts.names[i].n, true);
	for (int i = 0; i < n_touches; i++)
		JFoldTouch(fold, part, &touches[i]);
	MemoryContextSwitchTo(old);
}

static bool
JOrderHash(const void *entry, uint32 *hash)
{
	const JOrder *order = entry;

	*hash = JSetHash(JSetHash(0, order->name), order->order_id);
	return true;
}

static bool
JOrderSame(const void *a, const void *b)
{
	const JOrder *x = a;
	const JOrder *y = b;

	return JStrEqual(x->name, y->name) && JStrEqual(x->order_id, y->order_id);
}

static const JSetKind order_kind = {sizeof(JOrder), JOrderHash, JOrderSame};

/* Is it the first of an order, told with this name? */
static bool
JFoldOrder(JPersonFold *fold, JStr name, JStr order_id)
{
	JOrder		order = {name, order_id};

	if (JSetHas(&fold->order_set, &order_kind, fold->orders, fold->n_orders, &order))
		return false;
	if (fold->n_orders == fold->max_orders)
	{
		fold->max_orders = Max(4, 2 * fold->max_orders);
		fold->orders = fold->orders == NULL ? palloc_array(JOrder, fold->max_orders) :
			repalloc_huge(fold->orders, sizeof(JOrder) * (Size) fold->max_orders);
	}
	fold->orders[fold->n_orders++] = (JOrder) {JKeepStr(name), JKeepStr(order_id)};
	return true;
}

static bool
JIsNegative(Numeric amount)
{
	static const char zero[] = "0";
	Datum		z = DirectFunctionCall3(numeric_in, CStringGetDatum(zero), ObjectIdGetDatum(InvalidOid),
										Int32GetDatum(-1));

	return DatumGetBool(DirectFunctionCall2(numeric_lt, NumericGetDatum(amount), z));
}

static void
JFoldMoney(JPersonFold *fold, JStr currency, Numeric amount)
{
	JMoney	   *money = fold->money;

	if (JStrIsNull(currency))
		currency = JSTR_LIT("");
	while (money < fold->money + fold->n_money && !JStrEqual(money->currency, currency))
		money++;
	if (money < fold->money + fold->n_money)
	{
		Numeric		before = money->amount;

		money->amount = DatumGetNumeric(DirectFunctionCall2(numeric_add, NumericGetDatum(before),
															NumericGetDatum(amount)));
		pfree(before);
		return;
	}
	if (fold->n_money == fold->max_money)
	{
		fold->max_money = Max(2, 2 * fold->max_money);
		fold->money = fold->money == NULL ? palloc_array(JMoney, fold->max_money) :
			repalloc_array(fold->money, JMoney, fold->max_money);
	}
	fold->money[fold->n_money++] = (JMoney) {
		JKeepStr(currency), DatumGetNumeric(DirectFunctionCall1(numeric_uplus, NumericGetDatum(amount)))
	};
}

void
JPersonFoldFact(JPersonFold *fold, const JFact *fact)
{
	MemoryContext old = MemoryContextSwitchTo(fold->context);

	if (fact->traits != NULL)
		JTraitsTake(&fold->traits, fact->traits, fact->time, fact->event_id, fact->visitor_id);
	if (fact->revenue != NULL &&
		(JStrIsNull(fact->order_id) || JIsNegative(fact->revenue) ||
		 JFoldOrder(fold, fact->name, fact->order_id)))
		JFoldMoney(fold, fact->currency, fact->revenue);
	MemoryContextSwitchTo(old);
}

/* ------------------------------------------------------------------------------------------------
 * the row of a profile
 * ------------------------------------------------------------------------------------------------ */

/* Columns before and behind those of the touches. */
static const JWriterColumn columns_before[] = {
	{"person_id", TEXTOID}, {"user_id", TEXTOID}, {"email", TEXTOID}, {"is_identified", BOOLOID},
	{"visitor_ids", TEXTARRAYOID}, {"first_seen_at", TIMESTAMPTZOID}, {"last_seen_at", TIMESTAMPTZOID},
	{"identified_at", TIMESTAMPTZOID}, {"sessions", INT8OID}, {"events", INT8OID}, {"page_views", INT8OID},
	{"revenue", NUMERICOID}, {"revenue_by_currency", JSONBOID}, {"event_counts", JSONBOID},
	{"traits", JSONBOID}
};

static const JWriterColumn columns_behind[] = {
	{"gclid", TEXTOID}, {"gclid_at", TIMESTAMPTZOID}, {"click_ids", JSONBOID}, {"conversions", INT8OID},
	{"first_converted_at", TIMESTAMPTZOID}, {"conversion_counts", JSONBOID}, {"is_internal", BOOLOID},
	{"version", INT8OID}, {"attributes_version", INT8OID}, {"updated_at", TIMESTAMPTZOID}
};

StaticAssertDecl(lengthof(columns_before) + TOUCH_ENDS * lengthof(touch_columns) + lengthof(columns_behind)
				 == J_PROFILE_COLUMNS, "columns of profiles");

const JWriterColumn *
JProfileColumns(void)
{
	JWriterColumn *columns = palloc_array(JWriterColumn, J_PROFILE_COLUMNS);
	int			n = 0;

	for (int i = 0; i < lengthof(columns_before); i++)
		columns[n++] = columns_before[i];
	for (int end = 0; end < TOUCH_ENDS; end++)
		for (int i = 0; i < lengthof(touch_columns); i++)
			columns[n++] = (JWriterColumn) {
				psprintf("%s_%s", touch_prefixes[end], touch_columns[i]), i == 0 ? TIMESTAMPTZOID : TEXTOID
			};
	for (int i = 0; i < lengthof(columns_behind); i++)
		columns[n++] = columns_behind[i];
	return columns;
}

static void
JPushString(JsonbParseState **state, JsonbIteratorToken token, const char *s, int len)
{
	JsonbValue	value = {.type = jbvString};

	value.val.string.val = unconstify(char *, s);
	value.val.string.len = len;
	pushJsonbValue(state, token, &value);
}

static void
JPushTime(JsonbParseState **state, int64 time)
{
	char		buffer[MAXDATELEN + 1];

	JsonEncodeDateTime(buffer, TimestampTzGetDatum(time), TIMESTAMPTZOID, NULL);
	JPushString(state, WJB_VALUE, pstrdup(buffer), strlen(buffer));
}

/* {"gclid": {"first": .., "first_at": .., "last": .., "last_at": ..}, ..} */
static Jsonb *
JClicksObject(const JPersonFold *fold)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < fold->n_clicks; i++)
	{
		const JClick *click = &fold->clicks[i];

		JPushString(&state, WJB_KEY, click->name.data, click->name.len);
		pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
		JPushString(&state, WJB_KEY, "first", 5);
		JPushString(&state, WJB_VALUE, click->first_value, strlen(click->first_value));
		JPushString(&state, WJB_KEY, "first_at", 8);
		JPushTime(&state, click->first.at);
		JPushString(&state, WJB_KEY, "last", 4);
		JPushString(&state, WJB_VALUE, click->last_value, strlen(click->last_value));
		JPushString(&state, WJB_KEY, "last_at", 7);
		JPushTime(&state, click->last.at);
		pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

static Jsonb *
JMoneyObject(const JPersonFold *fold)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < fold->n_money; i++)
	{
		const JMoney *money = &fold->money[i];
		JsonbValue	value = {.type = jbvNumeric};

		JPushString(&state, WJB_KEY, money->currency.data, money->currency.len);
		value.val.numeric = money->amount;
		if (numeric_is_nan(money->amount) || numeric_is_inf(money->amount))
		{
			char	   *text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(money->amount)));

			JPushString(&state, WJB_VALUE, text, strlen(text));
		}
		else
			pushJsonbValue(&state, WJB_VALUE, &value);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

static bool
JStartsWith(JStr s, const char *prefix, JStr *rest)
{
	int			len = strlen(prefix);

	if (s.len < len || memcmp(s.data, prefix, len) != 0)
		return false;
	*rest = (JStr) {s.data + len, s.len - len};
	return true;
}

/* The address in the e-mail trait, or NULL. */
static JStr
JTraitEmail(const JPersonFold *fold)
{
	for (int i = 0; i < fold->traits.n; i++)
	{
		const JTrait *trait = &fold->traits.traits[i];
		Jsonb	   *single;
		JStr		value;

		if (!JStrEqual(trait->key, fold->rules->email_trait))
			continue;
		if (trait->value.type == jbvString)
			value = (JStr) {trait->value.val.string.val, trait->value.val.string.len};
		else
		{
			single = JsonbValueToJsonb(unconstify(JsonbValue *, &trait->value));
			value = JStrFromCString(JsonbToCString(NULL, &single->root, VARSIZE(single)));
		}
		return JEmailClean(value, palloc(value.len + 1));
	}
	return JSTR_NULL;
}

static bool
JIsInternal(const JProfileRules *rules, JStr id)
{
	for (int i = 0; i < rules->n_internal && !JStrIsNull(id); i++)
		if (DatumGetBool(DirectFunctionCall2Coll(textlike, DEFAULT_COLLATION_OID, JStrGetDatum(id),
												 rules->internal[i])))
			return true;
	return false;
}

static void
JSetEnds(const JPersonFold *fold, Datum *values, bool *nulls)
{
	int			n = 0;

	for (int end = 0; end < TOUCH_ENDS; end++)
	{
		const JTouchEnd *touch = &fold->ends[end];

		nulls[n] = touch->chunk == NULL;
		values[n++] = TimestampTzGetDatum(touch->place.at);
		for (int i = 0; i < TOUCH_FIELDS; i++)
			JSetStr(values, nulls, n++, touch->chunk == NULL ? JSTR_NULL : touch->field[i]);
	}
}

static void
JSetClicks(const JPersonFold *fold, Datum *values, bool *nulls)
{
	nulls[0] = nulls[1] = true;
	nulls[2] = fold->n_clicks == 0;
	for (int i = 0; i < fold->n_clicks; i++)
	{
		const JClick *click = &fold->clicks[i];

		if (!JStrEqual(click->name, JSTR_LIT("gclid")))
			continue;
		JSetStr(values, nulls, 0, JStrFromCString(click->last_value));
		values[1] = TimestampTzGetDatum(click->last.at);
		nulls[1] = false;
	}
	if (!nulls[2])
		values[2] = JsonbPGetDatum(JClicksObject(fold));
}

void
JPersonFoldRow(const JPersonFold *fold, Datum *values, bool *nulls)
{
	const JProfileRules *rules = fold->rules;
	JStr		user = JSTR_NULL,
				email = JSTR_NULL,
				rest;
	int			n;

	memset(nulls, 0, sizeof(bool) * J_PROFILE_COLUMNS);
	(void) JStartsWith(fold->person_id, "user:", &user);
	if (!JStartsWith(fold->person_id, "email:", &email))
		email = JTraitEmail(fold);
	/* a pseudonym does not tell whether the id was an address */
	if (JStrIsNull(email) && !JStrIsNull(user) && !JIsPseudonym(user))
		email = JEmailClean(user, palloc(user.len + 1));
	JSetStr(values, nulls, 0, fold->person_id);
	JSetStr(values, nulls, 1, user);
	JSetStr(values, nulls, 2, email);
	values[3] = BoolGetDatum(!JStartsWith(fold->person_id, "visitor:", &rest));
	values[4] = PointerGetDatum(construct_array(fold->visitors, fold->n_visitors, TEXTOID, -1, false,
												TYPALIGN_INT));
	values[5] = TimestampTzGetDatum(fold->first_seen);
	values[6] = TimestampTzGetDatum(fold->last_seen);
	nulls[6] = !fold->has_last_seen;
	values[7] = TimestampTzGetDatum(fold->identified);
	nulls[7] = !fold->has_identified;
	values[8] = Int64GetDatum(fold->sessions);
	values[9] = Int64GetDatum(fold->events);
	values[10] = Int64GetDatum(fold->page_views);
	nulls[11] = fold->n_money != 1;
	values[11] = nulls[11] ? (Datum) 0 : NumericGetDatum(fold->money[0].amount);
	nulls[12] = fold->n_money == 0;
	values[12] = nulls[12] ? (Datum) 0 : JsonbPGetDatum(JMoneyObject(fold));
	values[13] = JsonbPGetDatum(JCountsObject(&fold->counts));
	values[14] = JsonbPGetDatum(JTraitsObject(&fold->traits));
	JSetEnds(fold, values + 15, nulls + 15);
	n = 15 + TOUCH_ENDS * (TOUCH_FIELDS + 1);
	JSetClicks(fold, values + n, nulls + n);
	n += 3;
	/* conversions are counted when they are known */
	values[n++] = Int64GetDatum(0);
	nulls[n++] = true;
	values[n++] = JsonbPGetDatum(JCountsObject(&(JNameCounts) {0}));
	values[n++] = BoolGetDatum(JIsInternal(rules, user) || JIsInternal(rules, email));
	values[n++] = Int64GetDatum(rules->version);
	values[n++] = Int64GetDatum(rules->version);
	values[n++] = TimestampTzGetDatum(rules->at);
	Assert(n == J_PROFILE_COLUMNS);
}
