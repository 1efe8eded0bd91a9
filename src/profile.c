/*
 * profile.c
 *		The row of a profile. The rules are in profile_core.c: a first load hands over all units and facts of a person, a
 *		later run what is stored of it and what changed.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"
#include "utils/uuid.h"

#include "journey_sql.h"
#include "profile_sql.h"
#include "split_sql.h"

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

/* ------------------------------------------------------------------------------------------------
 * the row of a profile
 * ------------------------------------------------------------------------------------------------ */

static const char *const touch_columns[] = {
	"at", "source", "medium", "campaign", "term", "content", "channel", "landing_page", "click_id",
	"click_id_type"
};

static const char *const touch_prefixes[JEND_COUNT] = {
	[JEND_FIRST] = "first_touch", [JEND_FIRST_NON_DIRECT] = "first_non_direct_touch",
	[JEND_LAST] = "last_touch", [JEND_LAST_NON_DIRECT] = "last_non_direct_touch"
};

StaticAssertDecl(lengthof(touch_columns) == JE_COUNT + 1, "columns of touches");

/* Where columns stand in the row. */
enum
{
	P_PERSON_ID,
	P_USER_ID,
	P_EMAIL,
	P_IS_IDENTIFIED,
	P_VISITOR_IDS,
	P_FIRST_SEEN_AT,
	P_LAST_SEEN_AT,
	P_IDENTIFIED_AT,
	P_SESSIONS,
	P_EVENTS,
	P_PAGE_VIEWS,
	P_REVENUE,
	P_REVENUE_BY_CURRENCY,
	P_EVENT_COUNTS,
	P_TRAITS,
	P_TOUCHES,
	P_GCLID = P_TOUCHES + JEND_COUNT * (JE_COUNT + 1),
	P_GCLID_AT,
	P_CLICK_IDS,
	P_CONVERSIONS,
	P_FIRST_CONVERTED_AT,
	P_CONVERSION_COUNTS,
	P_IS_INTERNAL,
	P_VERSION,
	P_ATTRIBUTES_VERSION,
	P_UPDATED_AT,
	P_COLUMNS
};

StaticAssertDecl(P_COLUMNS == J_PROFILE_COLUMNS, "columns of profiles");

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

StaticAssertDecl(lengthof(columns_before) == P_TOUCHES && lengthof(columns_behind) == P_COLUMNS - P_GCLID,
				 "columns of profiles");

const JWriterColumn *
JProfileColumns(void)
{
	JWriterColumn *columns = palloc_array(JWriterColumn, J_PROFILE_COLUMNS);
	int			n = 0;

	for (int i = 0; i < lengthof(columns_before); i++)
		columns[n++] = columns_before[i];
	for (int end = 0; end < JEND_COUNT; end++)
		for (int i = 0; i < lengthof(touch_columns); i++)
			columns[n++] = (JWriterColumn) {
				psprintf("%s_%s", touch_prefixes[end], touch_columns[i]), i == 0 ? TIMESTAMPTZOID : TEXTOID
			};
	for (int i = 0; i < lengthof(columns_behind); i++)
		columns[n++] = columns_behind[i];
	return columns;
}

static void
JPushTime(JsonbParseState **state, int64 time)
{
	char		buffer[MAXDATELEN + 1];

	JsonEncodeDateTime(buffer, TimestampTzGetDatum(time), TIMESTAMPTZOID, NULL);
	JPushString(state, WJB_VALUE, JStrFromCString(pstrdup(buffer)));
}

/* {"gclid": {"first": .., "first_at": .., "last": .., "last_at": ..}, ..} */
static Jsonb *
JClicksObject(const JTouchEnds *ends)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < ends->n_clicks; i++)
	{
		const JClick *click = &ends->clicks[i];

		JPushString(&state, WJB_KEY, click->name);
		pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
		JPushString(&state, WJB_KEY, JSTR_LIT("first"));
		JPushString(&state, WJB_VALUE, click->first_value);
		JPushString(&state, WJB_KEY, JSTR_LIT("first_at"));
		JPushTime(&state, click->first.at);
		JPushString(&state, WJB_KEY, JSTR_LIT("last"));
		JPushString(&state, WJB_VALUE, click->last_value);
		JPushString(&state, WJB_KEY, JSTR_LIT("last_at"));
		JPushTime(&state, click->last.at);
		pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* What touches tell. */
static void
JSetTouches(Datum *values, bool *nulls, const JTouchEnds *ends)
{
	const JClick *gclid = JTouchEndsClick(ends, JSTR_LIT("gclid"));
	int			n = P_TOUCHES;

	for (JEnd i = 0; i < JEND_COUNT; i++)
	{
		const JTouchEnd *end = &ends->end[i];

		nulls[n] = end->chunk == NULL;
		values[n++] = TimestampTzGetDatum(end->place.at);
		for (JEndField field = 0; field < JE_COUNT; field++)
			JSetStr(values, nulls, n++, end->chunk == NULL ? JSTR_NULL : end->field[field]);
	}
	JSetStr(values, nulls, P_GCLID, gclid == NULL ? JSTR_NULL : gclid->last_value);
	nulls[P_GCLID_AT] = gclid == NULL;
	values[P_GCLID_AT] = gclid == NULL ? (Datum) 0 : TimestampTzGetDatum(gclid->last.at);
	nulls[P_CLICK_IDS] = ends->n_clicks == 0;
	values[P_CLICK_IDS] = ends->n_clicks == 0 ? (Datum) 0 : JsonbPGetDatum(JClicksObject(ends));
}

/* What facts tell. */
static void
JSetFacts(Datum *values, bool *nulls, const JFactSums *sums)
{
	const void *revenue = JFactSumsSingle(sums);

	nulls[P_REVENUE] = revenue == NULL;
	values[P_REVENUE] = PointerGetDatum(revenue);
	nulls[P_REVENUE_BY_CURRENCY] = sums->n_money == 0;
	values[P_REVENUE_BY_CURRENCY] = sums->n_money == 0 ? (Datum) 0 : JsonbPGetDatum(JMoneyObject(sums));
	nulls[P_TRAITS] = false;
	values[P_TRAITS] = JsonbPGetDatum(JTraitsObject(sums->traits, sums->n_traits));
}

/* What units tell, but for names and devices. */
static void
JSetUnits(Datum *values, bool *nulls, const JPerson *person)
{
	values[P_FIRST_SEEN_AT] = TimestampTzGetDatum(person->first_seen);
	nulls[P_FIRST_SEEN_AT] = !person->has_first_seen;
	values[P_LAST_SEEN_AT] = TimestampTzGetDatum(person->last_seen);
	nulls[P_LAST_SEEN_AT] = !person->has_last_seen;
	values[P_IDENTIFIED_AT] = TimestampTzGetDatum(person->identified);
	nulls[P_IDENTIFIED_AT] = !person->has_identified;
	values[P_SESSIONS] = Int64GetDatum(person->sessions);
	values[P_EVENTS] = Int64GetDatum(person->events);
	values[P_PAGE_VIEWS] = Int64GetDatum(person->page_views);
	nulls[P_SESSIONS] = nulls[P_EVENTS] = nulls[P_PAGE_VIEWS] = false;
}

/* The trait of this name among all of a person, as text, or JSTR_NULL. */
static JStr
JTraitText(Jsonb *traits, JStr name)
{
	JsonbValue	buffer;
	JsonbValue *value;
	Jsonb	   *single;

	if (!JB_ROOT_IS_OBJECT(traits))
		return JSTR_NULL;
	value = getKeyJsonValueFromContainer(&traits->root, name.data, name.len, &buffer);
	if (value == NULL || value->type == jbvNull)
		return JSTR_NULL;
	if (value->type == jbvString)
		return (JStr) {value->val.string.val, value->val.string.len};
	single = JsonbValueToJsonb(value);
	return JStrFromCString(JsonbToCString(NULL, &single->root, VARSIZE(single)));
}

void
JSetProfileRules(JProfileRules *rules, const text *email_trait, ArrayType *internal, int64 version, int64 at)
{
	bool	   *nulls;
	int			n;

	rules->email_trait = JStrFromText(email_trait);
	deconstruct_array(internal, TEXTOID, -1, false, TYPALIGN_INT, &rules->internal, &nulls, &n);
	rules->n_internal = 0;
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			rules->internal[rules->n_internal++] = rules->internal[i];
	rules->version = version;
	rules->at = at;
}

static bool
JIsInternal(const JProfileRules *rules, const Datum *values, const bool *nulls, int column)
{
	for (int i = 0; i < rules->n_internal && !nulls[column]; i++)
		if (DatumGetBool(DirectFunctionCall2Coll(textlike, DEFAULT_COLLATION_OID, values[column],
												 rules->internal[i])))
			return true;
	return false;
}

/* Who it is, by its id and the traits that are set already, and the run that says so. */
static void
JSetPerson(Datum *values, bool *nulls, JStr id, const JProfileRules *rules)
{
	JStr		trait = JTraitText(DatumGetJsonbP(values[P_TRAITS]), rules->email_trait);

	JSetStr(values, nulls, P_PERSON_ID, id);
	JSetStr(values, nulls, P_USER_ID, JPersonUser(id));
	JSetStr(values, nulls, P_EMAIL, JPersonEmail(id, trait, palloc((Size) id.len + trait.len + 1)));
	values[P_IS_IDENTIFIED] = BoolGetDatum(JPersonIsKnown(id));
	values[P_IS_INTERNAL] = BoolGetDatum(JIsInternal(rules, values, nulls, P_USER_ID) ||
										 JIsInternal(rules, values, nulls, P_EMAIL));
	values[P_VERSION] = values[P_ATTRIBUTES_VERSION] = Int64GetDatum(rules->version);
	values[P_UPDATED_AT] = TimestampTzGetDatum(rules->at);
	nulls[P_IS_IDENTIFIED] = nulls[P_IS_INTERNAL] = nulls[P_VERSION] = nulls[P_ATTRIBUTES_VERSION] =
		nulls[P_UPDATED_AT] = false;
}

/* ------------------------------------------------------------------------------------------------
 * a first load
 * ------------------------------------------------------------------------------------------------ */

struct JPersonFold
{
	const JProfileRules *rules;
	MemoryContext context;		/* for what a person takes */
	JStr		id;
	JPerson		person;
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

void
JPersonFoldStart(JPersonFold *fold, JStr person_id)
{
	MemoryContextReset(fold->context);
	fold->id = (JStr) {memcpy(MemoryContextAlloc(fold->context, person_id.len + 1), person_id.data, person_id.len),
	person_id.len};
	memset(&fold->person, 0, sizeof(fold->person));
	fold->person.facts.add = JNumericAdd;
}

void
JPersonFoldUnit(JPersonFold *fold, const JPart *part, const JPartTouch *touches, int n_touches)
{
	MemoryContext old = MemoryContextSwitchTo(fold->context);

	JPersonUnit(&fold->person, part, touches, n_touches);
	MemoryContextSwitchTo(old);
}

void
JPersonFoldFact(JPersonFold *fold, const JFact *fact)
{
	MemoryContext old = MemoryContextSwitchTo(fold->context);

	JSumsFact(&fold->person.facts, &fold->person.orders, fact);
	MemoryContextSwitchTo(old);
}

void
JPersonFoldRow(const JPersonFold *fold, Datum *values, bool *nulls)
{
	const JPerson *person = &fold->person;
	Datum	   *visitors = palloc_array(Datum, person->n_visitors);

	for (int i = 0; i < person->n_visitors; i++)
		visitors[i] = JStrGetDatum(person->visitors[i]);
	memset(nulls, 0, sizeof(bool) * J_PROFILE_COLUMNS);
	JSetUnits(values, nulls, person);
	values[P_VISITOR_IDS] = PointerGetDatum(construct_array(visitors, person->n_visitors, TEXTOID, -1, false,
															TYPALIGN_INT));
	values[P_EVENT_COUNTS] = JsonbPGetDatum(JCountsObject(&person->counts));
	JSetTouches(values, nulls, &person->touches);
	JSetFacts(values, nulls, &person->facts);
	/* conversions are counted when they are known */
	values[P_CONVERSIONS] = Int64GetDatum(0);
	nulls[P_FIRST_CONVERTED_AT] = true;
	values[P_CONVERSION_COUNTS] = JsonbPGetDatum(JCountsObject(&(JNameCounts) {0}));
	JSetPerson(values, nulls, fold->id, fold->rules);
}

/* ------------------------------------------------------------------------------------------------
 * a later run
 * ------------------------------------------------------------------------------------------------ */

/* The arguments of _profile(). */
enum
{
	A_OLD,
	A_PERSON_ID,
	A_SESSIONS,
	A_EVENTS,
	A_PAGE_VIEWS,
	A_GONE,
	A_CAME,
	A_FIRST_SEEN_AT,
	A_LAST_SEEN_AT,
	A_IDENTIFIED_AT,
	A_VISITOR_IDS,
	A_FACTS,
	A_TOUCHES,
	A_CHANGED_FROM,
	A_CHANGED_TO,
	A_CONVERSIONS,
	A_EMAIL_TRAIT,
	A_INTERNAL,
	A_VERSION,
	A_AT
};

/* The table of profiles, found once for a call site. */
typedef struct JProfileTable
{
	TupleDesc	desc;
	int			attnum[J_PROFILE_COLUMNS];	/* from 0, of each column */
} JProfileTable;

static JProfileTable *
JFindProfiles(FunctionCallInfo fcinfo)
{
	const JWriterColumn *columns = JProfileColumns();
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, A_OLD);
	TupleDesc	desc = OidIsValid(type) && type != RECORDOID ? lookup_rowtype_tupdesc_noerror(type, -1, true) : NULL;
	JProfileTable *table;
	MemoryContext old;

	if (desc == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("the first argument must be a row of profiles")));
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	table = palloc_object(JProfileTable);
	table->desc = CreateTupleDescCopy(desc);
	MemoryContextSwitchTo(old);
	ReleaseTupleDesc(desc);
	for (int i = 0; i < J_PROFILE_COLUMNS; i++)
	{
		int			k = 0;

		while (k < table->desc->natts && (TupleDescAttr(table->desc, k)->attisdropped ||
										  strcmp(NameStr(TupleDescAttr(table->desc, k)->attname), columns[i].name) != 0))
			k++;
		if (k == table->desc->natts || TupleDescAttr(table->desc, k)->atttypid != columns[i].type)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("the first argument has no column \"%s\" of type %s", columns[i].name,
							format_type_be(columns[i].type))));
		table->attnum[i] = k;
	}
	fcinfo->flinfo->fn_extra = table;
	return table;
}

static int64
JInt64Arg(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? 0 : PG_GETARG_INT64(n);
}

/* The columns of a journey._end_touch. */
enum
{
	END_TOUCH_ID,
	END_AT,
	END_DIRECT,
	END_CLICK_IDS,
	END_FIELDS,
	END_COLUMNS = END_FIELDS + JE_COUNT
};

static int
JReadClickIds(const Jsonb *object, JNamedClick **ids)
{
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	key,
				value;
	int			n = 0;

	if (!JB_ROOT_IS_OBJECT(object))
		return 0;
	*ids = palloc_array(JNamedClick, JB_ROOT_COUNT(object));
	it = JsonbIteratorInit(unconstify(JsonbContainer *, &object->root));
	while ((token = JsonbIteratorNext(&it, &key, true)) != WJB_DONE)
	{
		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&it, &value, true);
		if (value.type == jbvString)
			(*ids)[n++] = (JNamedClick) {
				{key.val.string.val, key.val.string.len}, {value.val.string.val, value.val.string.len}
			};
	}
	return n;
}

static void
JTakeTouch(JTouchEnds *ends, Datum row, TupleDesc desc)
{
	Datum		values[END_COLUMNS];
	bool		nulls[END_COLUMNS];
	JEndTouch	touch = {.n_click_ids = 0};
	JNamedClick *ids = NULL;

	JReadRow(DatumGetHeapTupleHeader(row), desc, values, nulls);
	if (nulls[END_TOUCH_ID] || nulls[END_AT] || nulls[END_DIRECT])
		return;
	touch.place.at = DatumGetTimestampTz(values[END_AT]);
	memcpy(&touch.place.id, DatumGetUUIDP(values[END_TOUCH_ID]), sizeof(JUuid));
	touch.direct = DatumGetBool(values[END_DIRECT]);
	for (JEndField i = 0; i < JE_COUNT; i++)
		if (!nulls[END_FIELDS + i])
			touch.field[i] = JStrFromText(DatumGetTextPP(values[END_FIELDS + i]));
	if (!nulls[END_CLICK_IDS])
		touch.n_click_ids = JReadClickIds(DatumGetJsonbP(values[END_CLICK_IDS]), &ids);
	touch.click_ids = ids;
	JTouchEndsAdd(ends, &touch);
}

/* The text of a key of an object, or JSTR_NULL. */
static JStr
JKeyText(const JsonbValue *object, const char *key)
{
	JsonbValue	buffer;
	JsonbValue *value = getKeyJsonValueFromContainer(object->val.binary.data, key, strlen(key), &buffer);

	return value == NULL || value->type != jbvString ? JSTR_NULL :
		(JStr) {value->val.string.val, value->val.string.len};
}

/* The time of a key of an object; false where it has none. */
static bool
JKeyTime(const JsonbValue *object, const char *key, int64 *time)
{
	JStr		text = JKeyText(object, key);

	if (JStrIsNull(text))
		return false;
	*time = DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in, CStringGetDatum(pnstrdup(text.data, text.len)),
													ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	return true;
}

static void
JKeepClicks(JTouchEnds *ends, const Jsonb *object, const JReach *changed)
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
		JClick		old = {{NULL}};

		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&it, &value, true);
		if (value.type != jbvBinary || !JsonContainerIsObject(value.val.binary.data))
			continue;
		old.name = (JStr) {key.val.string.val, key.val.string.len};
		old.first_value = JKeyText(&value, "first");
		old.last_value = JKeyText(&value, "last");
		if (JKeyTime(&value, "first_at", &old.first.at) && JKeyTime(&value, "last_at", &old.last.at))
			JTouchEndsKeepClick(ends, &old, changed);
	}
}

/* What the stored row has of touches, where it must be so still. */
static void
JKeepTouches(JTouchEnds *ends, const Datum *values, const bool *nulls, const JReach *changed)
{
	int			n = P_TOUCHES;

	for (JEnd i = 0; i < JEND_COUNT; i++)
	{
		bool		any = !nulls[n];
		JEndTouch	touch = {.place.at = any ? DatumGetTimestampTz(values[n]) : 0};

		n++;
		for (JEndField field = 0; field < JE_COUNT; field++, n++)
			touch.field[field] = nulls[n] ? JSTR_NULL : JStrFromText(DatumGetTextPP(values[n]));
		if (any)
			JTouchEndsKeep(ends, i, &touch, changed);
	}
	if (!nulls[P_CLICK_IDS])
		JKeepClicks(ends, DatumGetJsonbP(values[P_CLICK_IDS]), changed);
}

/* Touches of the person that its first and last ones are among. */
static void
JAddTouches(JTouchEnds *ends, ArrayType *touches)
{
	TupleDesc	desc = lookup_rowtype_tupdesc(ARR_ELEMTYPE(touches), -1);
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	deconstruct_array(touches, ARR_ELEMTYPE(touches), -1, false, TYPALIGN_DOUBLE, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			JTakeTouch(ends, elements[i], desc);
	ReleaseTupleDesc(desc);
}

/* Units: what there was of them, and what changed. Names and devices stay where nothing is told of them. */
static void
JTakeUnits(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	JPerson		person = {
		.sessions = JInt64Arg(fcinfo, A_SESSIONS) + (nulls[P_SESSIONS] ? 0 : DatumGetInt64(values[P_SESSIONS])),
		.events = JInt64Arg(fcinfo, A_EVENTS) + (nulls[P_EVENTS] ? 0 : DatumGetInt64(values[P_EVENTS])),
		.page_views = JInt64Arg(fcinfo, A_PAGE_VIEWS) + (nulls[P_PAGE_VIEWS] ? 0 : DatumGetInt64(values[P_PAGE_VIEWS])),
		.has_first_seen = !PG_ARGISNULL(A_FIRST_SEEN_AT),
		.has_last_seen = !PG_ARGISNULL(A_LAST_SEEN_AT),
		.has_identified = !PG_ARGISNULL(A_IDENTIFIED_AT),
		.first_seen = JInt64Arg(fcinfo, A_FIRST_SEEN_AT),
		.last_seen = JInt64Arg(fcinfo, A_LAST_SEEN_AT),
		.identified = JInt64Arg(fcinfo, A_IDENTIFIED_AT)
	};

	JSetUnits(values, nulls, &person);
	if (nulls[P_EVENT_COUNTS] || !PG_ARGISNULL(A_GONE) || !PG_ARGISNULL(A_CAME))
	{
		if (!nulls[P_EVENT_COUNTS])
			JCountsAddObject(&person.counts, DatumGetJsonbP(values[P_EVENT_COUNTS]));
		if (!PG_ARGISNULL(A_GONE))
			JCountsAddUnits(&person.counts, PG_GETARG_ARRAYTYPE_P(A_GONE), -1);
		if (!PG_ARGISNULL(A_CAME))
			JCountsAddUnits(&person.counts, PG_GETARG_ARRAYTYPE_P(A_CAME), 1);
		values[P_EVENT_COUNTS] = JsonbPGetDatum(JCountsObject(&person.counts));
		nulls[P_EVENT_COUNTS] = false;
	}
	if (!PG_ARGISNULL(A_VISITOR_IDS))
		values[P_VISITOR_IDS] = PG_GETARG_DATUM(A_VISITOR_IDS);
	else
		values[P_VISITOR_IDS] = PointerGetDatum(construct_empty_array(TEXTOID));
	nulls[P_VISITOR_IDS] = false;
}

/* Touches: those of the stored row that stay, and those that are told. */
static void
JTakeTouches(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	JTouchEnds	ends = {.n_clicks = 0};

	if (!PG_ARGISNULL(A_CHANGED_FROM) && !PG_ARGISNULL(A_CHANGED_TO))
	{
		JReach		changed = {PG_GETARG_TIMESTAMPTZ(A_CHANGED_FROM), PG_GETARG_TIMESTAMPTZ(A_CHANGED_TO)};

		JKeepTouches(&ends, values, nulls, &changed);
	}
	if (!PG_ARGISNULL(A_TOUCHES))
		JAddTouches(&ends, PG_GETARG_ARRAYTYPE_P(A_TOUCHES));
	JSetTouches(values, nulls, &ends);
}

/* Facts: what they come to now, or what they did. */
static void
JTakeFacts(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	if (!PG_ARGISNULL(A_FACTS) || nulls[P_TRAITS])
	{
		JFactSums	sums = {JNumericAdd};

		if (!PG_ARGISNULL(A_FACTS))
			JSumsTake(&sums, CurrentMemoryContext, PG_GETARG_HEAPTUPLEHEADER(A_FACTS));
		JSetFacts(values, nulls, &sums);
	}
}

/*
 * _profile(old, person_id, ..): the row of a profile, of the row that is stored, or NULL, and what changed;
 * 61-store.sql tells what is NULL where.
 */
PG_FUNCTION_INFO_V1(journey_profile);
Datum
journey_profile(PG_FUNCTION_ARGS)
{
	JProfileTable *table = fcinfo->flinfo->fn_extra;
	Datum		values[J_PROFILE_COLUMNS],
			   *row;
	bool		nulls[J_PROFILE_COLUMNS],
			   *isnull;
	JProfileRules rules;

	if (table == NULL)
		table = JFindProfiles(fcinfo);
	if (PG_ARGISNULL(A_PERSON_ID) || PG_ARGISNULL(A_EMAIL_TRAIT) || PG_ARGISNULL(A_INTERNAL) ||
		PG_ARGISNULL(A_VERSION) || PG_ARGISNULL(A_AT))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("a person and what the run says must not be null")));
	JSetProfileRules(&rules, PG_GETARG_TEXT_PP(A_EMAIL_TRAIT), PG_GETARG_ARRAYTYPE_P(A_INTERNAL),
					 PG_GETARG_INT64(A_VERSION), PG_GETARG_TIMESTAMPTZ(A_AT));
	row = palloc0_array(Datum, table->desc->natts);
	isnull = palloc_array(bool, table->desc->natts);
	memset(isnull, true, sizeof(bool) * table->desc->natts);
	if (!PG_ARGISNULL(A_OLD))
		JReadRow(PG_GETARG_HEAPTUPLEHEADER(A_OLD), table->desc, row, isnull);
	for (int i = 0; i < J_PROFILE_COLUMNS; i++)
	{
		values[i] = row[table->attnum[i]];
		nulls[i] = isnull[table->attnum[i]];
	}
	JTakeUnits(fcinfo, values, nulls);
	JTakeFacts(fcinfo, values, nulls);
	JTakeTouches(fcinfo, values, nulls);
	values[P_CONVERSIONS] = Int64GetDatum(JInt64Arg(fcinfo, A_CONVERSIONS));
	nulls[P_CONVERSIONS] = PG_ARGISNULL(A_CONVERSIONS);
	if (nulls[P_CONVERSION_COUNTS])
		values[P_CONVERSION_COUNTS] = JsonbPGetDatum(JCountsObject(&(JNameCounts) {0}));
	nulls[P_CONVERSION_COUNTS] = false;
	JSetPerson(values, nulls, JStrFromText(PG_GETARG_TEXT_PP(A_PERSON_ID)), &rules);
	for (int i = 0; i < J_PROFILE_COLUMNS; i++)
	{
		row[table->attnum[i]] = values[i];
		isnull[table->attnum[i]] = nulls[i];
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(table->desc, row, isnull)));
}
