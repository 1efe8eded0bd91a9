/*
 * attribution.c
 *		SQL functions that give credit to touches: attribution, credits, split_amount; transform_path.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "funcapi.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "attribution_sql.h"
#include "session_sql.h"
#include "timeline_core.h"

/* position, path_length, credit, and the columns of journey.touched */
#define ATTRIBUTED_COLUMNS (3 + J_TOUCHED_COLUMNS)

#define RULE_OPTIONS "half_life, position, w_shaped"

/* ------------------------------------------------------------------------------------------------
 * options
 * ------------------------------------------------------------------------------------------------ */

typedef struct AttributionOptions
{
	JRuleOptions rules;
	/* of credits() */
	int			lead;			/* place of the lead's touch, from 1; 0: none */
	int			n_direct;
	int		   *direct;			/* places of direct touches, from 1 */
	/* of attribution() */
	char	   *lead_event;		/* NULL: none */
	bool		paid_only;
	JStr	   *channels;		/* NULL: all */
	int			n_channels;
	JStr	   *exclude_channels;
	int			n_exclude_channels;
	Interval	timeout;
	JSqlOptions session;
} AttributionOptions;

/* What attribution() keeps in fn_extra. */
typedef struct AttributionCache
{
	MemoryContext context;		/* holds what follows */
	Jsonb	   *parsed;			/* the argument that was read; NULL: none yet */
	AttributionOptions options;
} AttributionCache;

JRule
JRuleFromName(JStr name)
{
	for (int rule = 0; rule < JRULE_COUNT; rule++)
		if (JStrEqual(name, JStrFromCString(JRuleNames[rule])))
			return rule;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown attribution rule \"%.*s\"", name.len, name.data),
			 errhint("Rules are first, last, last_non_direct, linear, position, w_shaped, "
					 "time_decay.")));
}

static void
BadOption(const char *key, const char *wanted)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"%s\" must be %s", key, wanted)));
}

static char *
StringOption(const char *key, const JsonbValue *value)
{
	if (value->type != jbvString)
		BadOption(key, "a string");
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* The elements of an array; NULL where it is none. */
static JsonbContainer *
ArrayOption(const JsonbValue *value)
{
	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data) ||
		JsonContainerIsScalar(value->val.binary.data))
		return NULL;
	return value->val.binary.data;
}

static JStr *
StringsOption(const char *key, const JsonbValue *value, int *n)
{
	JsonbContainer *array = ArrayOption(value);
	JStr	   *strings;

	if (array == NULL)
		BadOption(key, "an array of strings");
	*n = JsonContainerSize(array);
	strings = palloc_array(JStr, Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(array, i);

		if (element->type != jbvString)
			BadOption(key, "an array of strings");
		strings[i] = JStrFromCString(StringOption(key, element));
	}
	return strings;
}

/* A place in the path, from 1. */
static int
PlaceOption(const char *key, const JsonbValue *value)
{
	Datum		place;

	if (value->type != jbvNumeric)
		BadOption(key, "a place in the path, from 1");
	place = DirectFunctionCall1(numeric_int8, NumericGetDatum(value->val.numeric));
	if (DatumGetInt64(place) < 1 || DatumGetInt64(place) > J_MAX_PATH)
		BadOption(key, "a place in the path, from 1");
	return (int) DatumGetInt64(place);
}

/* A weight in units of 10^-J_WEIGHT_DIGITS. */
static uint64
WeightFrom(const char *key, const JsonbValue *value)
{
	Datum		units;

	if (value->type != jbvNumeric)
		BadOption(key, "an array of numbers");
	units = DirectFunctionCall2(numeric_mul, NumericGetDatum(value->val.numeric),
								DirectFunctionCall1(int8_numeric, Int64GetDatum(1000000000)));
	if (DatumGetBool(DirectFunctionCall2(numeric_lt, units,
										 DirectFunctionCall1(int8_numeric, Int64GetDatum(0)))) ||
		DatumGetBool(DirectFunctionCall2(numeric_gt, units,
										 DirectFunctionCall1(int8_numeric,
															 Int64GetDatum(J_MAX_WEIGHT)))))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("weight of option \"%s\" is out of range", key),
				 errhint("Give weights from 0 to 1000000; they count in proportion to each other.")));
	return (uint64) DatumGetInt64(DirectFunctionCall1(numeric_int8, units));
}

static void
WeightsOption(const char *key, const JsonbValue *value, uint64 *weights, int n)
{
	JsonbContainer *array = ArrayOption(value);
	uint64		sum = 0;

	if (array == NULL || JsonContainerSize(array) != n)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" must be an array of %d numbers", key, n),
				 n == 3 ? errhint("For the first touch, all between, the last: [40, 20, 40].") :
				 errhint("For the first touch, the lead's, the last, all others: "
						 "[30, 30, 30, 10].")));
	for (int i = 0; i < n; i++)
	{
		weights[i] = WeightFrom(key, getIthJsonbValueFromContainer(array, i));
		sum += weights[i];
	}
	if (sum == 0)
		BadOption(key, "weights that are not all zero");
}

bool
JSetRuleOption(JRuleOptions *options, const char *key, const JsonbValue *value)
{
	if (strcmp(key, "position") == 0)
		WeightsOption(key, value, options->position, lengthof(options->position));
	else if (strcmp(key, "w_shaped") == 0)
		WeightsOption(key, value, options->w_shaped, lengthof(options->w_shaped));
	else if (strcmp(key, "half_life") == 0)
	{
		Datum		interval = DirectFunctionCall3(interval_in,
												   CStringGetDatum(StringOption(key, value)),
												   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));

		options->half_life = JIntervalMicroseconds(DatumGetIntervalP(interval), key);
	}
	else
		return false;
	return true;
}

/* An option of credits(). */
static bool
SetCreditsOption(AttributionOptions *options, const char *key, const JsonbValue *value)
{
	JsonbContainer *array;

	if (strcmp(key, "lead") == 0)
		options->lead = PlaceOption(key, value);
	else if (strcmp(key, "direct") == 0)
	{
		array = ArrayOption(value);
		if (array == NULL)
			BadOption(key, "an array of places in the path, from 1");
		options->n_direct = JsonContainerSize(array);
		options->direct = palloc_array(int, Max(options->n_direct, 1));
		for (int i = 0; i < options->n_direct; i++)
			options->direct[i] = PlaceOption(key, getIthJsonbValueFromContainer(array, i));
	}
	else
		return JSetRuleOption(&options->rules, key, value);
	return true;
}

/* An option of attribution() that is not one of the session's. */
static bool
SetAttributionOption(AttributionOptions *options, const char *key, const JsonbValue *value)
{
	if (strcmp(key, "lead_event") == 0)
		options->lead_event = StringOption(key, value);
	else if (strcmp(key, "paid_only") == 0)
	{
		if (value->type != jbvBool)
			BadOption(key, "true or false");
		options->paid_only = value->val.boolean;
	}
	else if (strcmp(key, "channels") == 0)
		options->channels = StringsOption(key, value, &options->n_channels);
	else if (strcmp(key, "exclude_channels") == 0)
		options->exclude_channels = StringsOption(key, value, &options->n_exclude_channels);
	else if (strcmp(key, "timeout") == 0)
	{
		Datum		interval = DirectFunctionCall3(interval_in,
												   CStringGetDatum(StringOption(key, value)),
												   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));

		options->timeout = *DatumGetIntervalP(interval);
	}
	else
		return JSetRuleOption(&options->rules, key, value);
	return true;
}

/* Whether a name is in a list that is written for people. */
static bool
IsListed(const char *list, const char *name)
{
	Size		len = strlen(name);

	for (const char *at = list; len > 0 && (at = strstr(at, name)) != NULL; at += len)
		if ((at == list || at[-1] == ' ') && (at[len] == '\0' || at[len] == ','))
			return true;
	return false;
}

static void
CheckIsObject(Jsonb *jsonb, const char *known)
{
	if (!JB_ROOT_IS_OBJECT(jsonb))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options must be a JSON object"),
				 errhint("Known options are: %s.", known)));
}

static void
ReadCreditsOptions(AttributionOptions *options, Jsonb *jsonb)
{
	const char *known = "direct, lead, " RULE_OPTIONS;
	JsonbIterator *it = JsonbIteratorInit(&jsonb->root);
	JsonbIteratorToken token;
	JsonbValue	value;

	CheckIsObject(jsonb, known);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		char	   *key;

		if (token != WJB_KEY)
			continue;
		key = pnstrdup(value.val.string.val, value.val.string.len);
		(void) JsonbIteratorNext(&it, &value, true);
		if (value.type != jbvNull && !SetCreditsOption(options, key, &value))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("unknown option \"%s\"", key),
					 errhint("Known options are: %s.", known)));
	}
}

/* Reads the options of attribution(): its own, and what is left as those of touches(). */
static void
ReadAttributionOptions(AttributionOptions *options, Jsonb *jsonb)
{
	char	   *known = psprintf("channels, exclude_channels, half_life, lead_event, paid_only, "
								 "position, timeout, w_shaped; and of sessions: %s",
								 JSqlOptionNames());
	JsonbIterator *it = JsonbIteratorInit(&jsonb->root);
	JsonbParseState *state = NULL;
	JsonbIteratorToken token;
	JsonbValue	key,
				value;

	CheckIsObject(jsonb, known);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	while ((token = JsonbIteratorNext(&it, &key, true)) != WJB_DONE)
	{
		char	   *name;

		if (token != WJB_KEY)
			continue;
		name = pnstrdup(key.val.string.val, key.val.string.len);
		(void) JsonbIteratorNext(&it, &value, true);
		if (IsListed(JSqlOptionNames(), name))
		{
			pushJsonbValue(&state, WJB_KEY, &key);
			pushJsonbValue(&state, WJB_VALUE, &value);
		}
		else if (value.type != jbvNull && !SetAttributionOption(options, name, &value))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("unknown option \"%s\"", name),
					 errhint("Known options are: %s.", known)));
	}
	JReadSqlOptions(&options->session, &options->timeout,
					JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

/* The options of a call, read once for as long as a statement passes the same ones. */
static const AttributionOptions *
GetAttributionOptions(FunctionCallInfo fcinfo, Jsonb *jsonb)
{
	AttributionCache *cache = fcinfo->flinfo->fn_extra;
	MemoryContext old;

	if (cache != NULL && cache->parsed != NULL && VARSIZE(cache->parsed) == VARSIZE(jsonb) &&
		memcmp(cache->parsed, jsonb, VARSIZE(jsonb)) == 0)
		return &cache->options;
	if (cache == NULL)
	{
		cache = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(AttributionCache));
		cache->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "options of attribution",
											   ALLOCSET_SMALL_SIZES);
		fcinfo->flinfo->fn_extra = cache;
	}
	cache->parsed = NULL;
	MemoryContextReset(cache->context);
	old = MemoryContextSwitchTo(cache->context);
	jsonb = memcpy(palloc(VARSIZE(jsonb)), jsonb, VARSIZE(jsonb));
	memset(&cache->options, 0, sizeof(AttributionOptions));
	cache->options.rules = JRuleDefaults;
	cache->options.timeout.time = 30 * 60 * J_USECS_PER_SEC;
	ReadAttributionOptions(&cache->options, jsonb);
	MemoryContextSwitchTo(old);
	cache->parsed = jsonb;
	return &cache->options;
}

/* ------------------------------------------------------------------------------------------------
 * attribution
 * ------------------------------------------------------------------------------------------------ */

/* A touch that may count, as a row in the making. */
typedef struct PathTouch
{
	int64		time;
	JStr		event_id;
	JStr		visitor_id;
	bool		direct;
	Datum	   *values;			/* ATTRIBUTED_COLUMNS */
	bool	   *nulls;
} PathTouch;

typedef struct PathSearch
{
	const AttributionOptions *options;
	int64		from;			/* both ends are in */
	int64		to;
	int			n;
	int			allocated;
	PathTouch  *touches;
} PathSearch;

static bool
HasChannel(const JStr *channels, int n, JStr channel)
{
	for (int i = 0; i < n; i++)
		if (JStrEqual(channels[i], channel))
			return true;
	return false;
}

/* The channels that are bought: GA4's paid ones, ads on other sites, partners who are paid by sale. */
bool
JIsPaidChannel(JStr channel)
{
	static const JStr paid[] = {
		JSTR_LIT("Paid Search"), JSTR_LIT("Paid Social"), JSTR_LIT("Paid Shopping"),
		JSTR_LIT("Paid Video"), JSTR_LIT("Paid Other"), JSTR_LIT("Display"),
		JSTR_LIT("Cross-network"), JSTR_LIT("Affiliates"), JSTR_LIT("Audio")
	};

	return HasChannel(paid, lengthof(paid), channel);
}

static bool
TouchCounts(const AttributionOptions *options, JStr channel)
{
	return !(options->paid_only && !JIsPaidChannel(channel)) &&
		(options->channels == NULL ||
		 HasChannel(options->channels, options->n_channels, channel)) &&
		!HasChannel(options->exclude_channels, options->n_exclude_channels, channel);
}

static JStr
CopyStr(JStr s)
{
	return JStrIsNull(s) ? s : (JStr) {pnstrdup(s.data, s.len), s.len};
}

/* Collects the touches of a session that count; strings of the session do not outlive the timeline. */
static void
CollectTouches(const JPart *part, int64 number, void *arg)
{
	PathSearch *search = arg;
	JPartTouch *touches;
	int			n = JPartTouches(part, &touches);

	for (int i = 0; i < n; i++)
	{
		PathTouch  *touch;

		if (touches[i].time < search->from || touches[i].time > search->to ||
			!TouchCounts(search->options, touches[i].touch->channel))
			continue;
		if (search->n == J_MAX_PATH)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("a conversion has more than %d touches", J_MAX_PATH),
					 errhint("Give a shorter lookback.")));
		if (search->n == search->allocated)
		{
			search->allocated = Max(2 * search->allocated, 16);
			search->touches = search->touches == NULL ?
				palloc_array(PathTouch, search->allocated) :
				repalloc_huge(search->touches, sizeof(PathTouch) * search->allocated);
		}
		touch = &search->touches[search->n++];
		touch->time = touches[i].time;
		touch->event_id = CopyStr(touches[i].event_id);
		touch->visitor_id = CopyStr(part->visitor_id);
		touch->direct = touches[i].touch->type == JTOUCH_DIRECT;
		touch->values = palloc_array(Datum, ATTRIBUTED_COLUMNS);
		touch->nulls = palloc_array(bool, ATTRIBUTED_COLUMNS);
		JSetTouched(touch->values + 3, touch->nulls + 3, part, &touches[i]);
	}
}

static int
ComparePathTouches(const void *a, const void *b)
{
	const PathTouch *x = a;
	const PathTouch *y = b;
	int			c = (x->time > y->time) - (x->time < y->time);

	if (c == 0)
		c = JStrCompare(x->event_id, y->event_id);
	return c != 0 ? c : JStrCompare(x->visitor_id, y->visitor_id);
}

/* The place of the last touch at or before the first event of this name in the window, or -1. */
static int
LeadPlace(const struct varlena *timeline, const PathSearch *search, const char *name)
{
	const char *error;
	JTimelineReader *reader = JTimelineOpen(VARDATA_ANY(timeline), VARSIZE_ANY_EXHDR(timeline),
											false, &error);
	JStr		wanted = JStrFromCString(name);
	JEvent		event;
	int			place = -1;

	if (reader == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid timeline: %s", error)));
	while (JTimelineNext(reader, &event))
	{
		CHECK_FOR_INTERRUPTS();
		if (event.time < search->from || !JStrEqual(event.field[JF_NAME], wanted))
			continue;
		if (event.time <= search->to)
			while (place + 1 < search->n && search->touches[place + 1].time <= event.time)
				place++;
		break;
	}
	JTimelineClose(reader);
	return place;
}

static void
PutAttributedRows(PathSearch *search, const JTouchPath *path, JRule rule, ReturnSetInfo *rsinfo)
{
	JShares		shares = {0};
	uint128    *credits = palloc_extended(sizeof(uint128) * search->n, MCXT_ALLOC_HUGE);

	JSharesOfRule(&shares, rule, path, &search->options->rules);
	JSharesSplit(&shares, J_CREDIT_UNITS, credits);
	for (int i = 0; i < search->n; i++)
	{
		PathTouch  *touch = &search->touches[i];

		memset(touch->nulls, 0, 3 * sizeof(bool));
		touch->values[0] = Int64GetDatum(i + 1);
		touch->values[1] = Int64GetDatum(search->n);
		touch->values[2] = NumericGetDatum(int64_div_fast_to_numeric((int64) credits[i],
																	 J_CREDIT_DIGITS));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, touch->values, touch->nulls);
	}
	JSharesFree(&shares);
}

/* attribution(timeline, converted_at, rule, lookback, options) */
PG_FUNCTION_INFO_V1(journey_attribution);
Datum
journey_attribution(PG_FUNCTION_ARGS)
{
	struct varlena *timeline;
	PathSearch	search = {.from = PG_INT64_MIN};
	JTouchPath	path = {.lead = -1};
	JRule		rule;
	int64	   *ages;
	bool	   *direct;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return (Datum) 0;
	if (PG_ARGISNULL(2) || PG_ARGISNULL(4))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("rule and options must not be NULL")));
	timeline = PG_GETARG_VARLENA_PP(0);
	search.to = PG_GETARG_TIMESTAMPTZ(1);
	rule = JRuleFromName(JStrFromText(PG_GETARG_TEXT_PP(2)));
	search.options = GetAttributionOptions(fcinfo, PG_GETARG_JSONB_P(4));
	if (!PG_ARGISNULL(3) &&
		pg_sub_s64_overflow(search.to, JIntervalMicroseconds(PG_GETARG_INTERVAL_P(3), "lookback"),
							&search.from))
		search.from = PG_INT64_MIN;

	JForEachSession(timeline, &search.options->session.session, CollectTouches, &search);
	if (search.n == 0)
		return (Datum) 0;
	qsort(search.touches, search.n, sizeof(PathTouch), ComparePathTouches);
	ages = palloc_extended(sizeof(int64) * search.n, MCXT_ALLOC_HUGE);
	direct = palloc_array(bool, search.n);
	for (int i = 0; i < search.n; i++)
	{
		/* with an endless lookback a conversion at the end of time is far from all touches alike */
		if (pg_sub_s64_overflow(search.to, search.touches[i].time, &ages[i]))
			ages[i] = PG_INT64_MAX;
		direct[i] = search.touches[i].direct;
	}
	path.n = search.n;
	path.ages = ages;
	path.direct = direct;
	if (rule == JRULE_W_SHAPED && search.options->lead_event != NULL)
		path.lead = LeadPlace(timeline, &search, search.options->lead_event);
	PutAttributedRows(&search, &path, rule, (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

/* ------------------------------------------------------------------------------------------------
 * credits
 * ------------------------------------------------------------------------------------------------ */

/* The ages of n touches, as microseconds. */
static int64 *
AgesFromArray(ArrayType *array, int n)
{
	const Interval zero = {0};
	int64	   *ages = palloc_array(int64, Max(n, 1));
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	deconstruct_array(array, INTERVALOID, sizeof(Interval), false, TYPALIGN_DOUBLE, &elements, &nulls,
					  &count);
	if (count != n)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("there are %d ages for %d touches", count, n)));
	for (int i = 0; i < n; i++)
	{
		const Interval *age = nulls[i] ? NULL : DatumGetIntervalP(elements[i]);

		if (age == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("age of touch %d must not be NULL", i + 1)));
		if (DatumGetBool(DirectFunctionCall2(interval_lt, elements[i], IntervalPGetDatum(&zero))))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("age of touch %d must not be negative", i + 1),
					 errhint("The age is the conversion's time minus the touch's.")));
		if (age->month == 0 && age->day == 0 && age->time == 0)
			ages[i] = 0;
		else
			ages[i] = JIntervalMicroseconds(age, "age of a touch");
	}
	return ages;
}

/* What the options of credits() say of single touches. */
static void
PathFromOptions(JTouchPath *path, const AttributionOptions *options)
{
	bool	   *direct = palloc0_array(bool, path->n);

	if (options->lead > path->n)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"lead\" is %d, and there are %d touches", options->lead, path->n)));
	path->lead = options->lead - 1;
	for (int i = 0; i < options->n_direct; i++)
	{
		if (options->direct[i] > path->n)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"direct\" has %d, and there are %d touches",
							options->direct[i], path->n)));
		direct[options->direct[i] - 1] = true;
	}
	path->direct = direct;
}

static ArrayType *
NumericArray(Datum *elements, int n)
{
	return n == 0 ? construct_empty_array(NUMERICOID) :
		construct_array(elements, n, NUMERICOID, -1, false, TYPALIGN_INT);
}

/* credits(n, rule, ages, options) */
PG_FUNCTION_INFO_V1(journey_credits);
Datum
journey_credits(PG_FUNCTION_ARGS)
{
	AttributionOptions options = {.rules = JRuleDefaults};
	JTouchPath	path = {.lead = -1};
	JShares		shares = {0};
	JRule		rule;
	uint128    *parts;
	Datum	   *credits;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("rule must not be NULL")));
	path.n = PG_GETARG_INT32(0);
	rule = JRuleFromName(JStrFromText(PG_GETARG_TEXT_PP(1)));
	if (path.n < 0 || path.n > J_MAX_PATH)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of touches must be from 0 to %d, not %d", J_MAX_PATH, path.n)));
	if (!PG_ARGISNULL(3))
		ReadCreditsOptions(&options, PG_GETARG_JSONB_P(3));
	if (!PG_ARGISNULL(2))
		path.ages = AgesFromArray(PG_GETARG_ARRAYTYPE_P(2), path.n);
	else if (rule == JRULE_TIME_DECAY)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("time_decay needs the ages of the touches"),
				 errhint("Give an interval for each touch, the conversion's time minus the touch's.")));
	PathFromOptions(&path, &options);
	if (path.n == 0)
		PG_RETURN_ARRAYTYPE_P(NumericArray(NULL, 0));

	parts = palloc_array(uint128, path.n);
	credits = palloc_array(Datum, path.n);
	JSharesOfRule(&shares, rule, &path, &options.rules);
	JSharesSplit(&shares, J_CREDIT_UNITS, parts);
	for (int i = 0; i < path.n; i++)
		credits[i] = NumericGetDatum(int64_div_fast_to_numeric((int64) parts[i], J_CREDIT_DIGITS));
	PG_RETURN_ARRAYTYPE_P(NumericArray(credits, path.n));
}

/* ------------------------------------------------------------------------------------------------
 * amounts
 * ------------------------------------------------------------------------------------------------ */

static Datum
NumericFromString(char *digits)
{
	return DirectFunctionCall3(numeric_in, CStringGetDatum(digits), ObjectIdGetDatum(InvalidOid),
							   Int32GetDatum(-1));
}

Datum
JNumericFromUnits(uint128 units, int digits)
{
	char		buffer[64];
	char	   *at = buffer + sizeof(buffer);

	*--at = '\0';
	for (int i = 0; units > 0 || i <= digits; i++)
	{
		if (i == digits && digits > 0)
			*--at = '.';
		*--at = '0' + (char) (units % 10);
		units /= 10;
	}
	return NumericFromString(at);
}

bool
JUnitsFromNumeric(Datum number, int digits, int128 limit, int128 *units, bool *exact)
{
	char	   *text = DatumGetCString(DirectFunctionCall1(numeric_out, number));
	char	   *c = text + (*text == '-' ? 1 : 0);
	bool		up;

	*units = 0;
	for (; *c != '\0' && *c != '.' && *units < limit; c++)
		*units = 10 * *units + (*c - '0');
	c += *c == '.' ? 1 : 0;
	for (int i = 0; i < digits && *units < limit; i++)
		*units = 10 * *units + (*c == '\0' ? 0 : *c++ - '0');
	up = *units < limit && *c >= '5' && *c <= '9';
	*exact = *units < limit && c[strspn(c, "0")] == '\0';
	*units += up ? 1 : 0;
	if (*units >= limit)
		return false;
	if (*text == '-')
		*units = -*units;
	pfree(text);
	return true;
}

static int
SignOf(Datum number)
{
	return DatumGetInt32(DirectFunctionCall1(numeric_int4, DirectFunctionCall1(numeric_sign, number)));
}

/* What the split of an amount leaves to each part. */
typedef struct NumericRest
{
	int			place;
	Datum		rest;
} NumericRest;

static int
CompareNumericRests(const void *a, const void *b)
{
	const NumericRest *x = a;
	const NumericRest *y = b;
	int			c = DatumGetInt32(DirectFunctionCall2(numeric_cmp, y->rest, x->rest));

	return c != 0 ? c : x->place - y->place;
}

/* Weights of so many digits behind the point, and less than this, are split by as whole numbers. */
#define WEIGHT_LIMIT ((int128) J_CREDIT_UNITS * 1000000000)

/*
 * Splits an amount whose units are a bigint by weights that are not too fine, as amounts and credits
 * usually are. False where they are not.
 */
static bool
SplitUnits(Datum amount, int scale, const Datum *weights, int n, Datum *parts)
{
	JShares		shares = {0};
	int128		units;
	int128		weight;
	bool		exact;
	uint128    *split;

	if (n == 0 || n > J_MAX_PATH || scale > 15 ||
		!JUnitsFromNumeric(amount, scale, PG_INT64_MAX, &units, &exact) || !exact)
		return false;
	JSharesInit(&shares, n);
	for (int i = 0; i < n; i++)
	{
		if (!JUnitsFromNumeric(weights[i], J_CREDIT_DIGITS, WEIGHT_LIMIT, &weight, &exact) || !exact)
			return false;
		shares.share[i] = weight;
	}
	split = palloc_extended(sizeof(uint128) * n, MCXT_ALLOC_HUGE);
	JSharesSplit(&shares, units < 0 ? -units : units, split);
	for (int i = 0; i < n; i++)
		parts[i] = NumericGetDatum(int64_div_fast_to_numeric(units < 0 ? -(int64) split[i] :
															 (int64) split[i], scale));
	JSharesFree(&shares);
	pfree(split);
	return true;
}

void
JSplitNumeric(Datum amount, int scale, const Datum *weights, int n, Datum *parts)
{
	bool		negative = SignOf(amount) < 0;
	Datum		one = DirectFunctionCall1(int8_numeric, Int64GetDatum(1));
	Datum		total = DirectFunctionCall1(int8_numeric, Int64GetDatum(0));
	NumericRest *rests;
	Datum		units;
	Datum		left;
	Datum		unit;

	scale = Max(scale, DatumGetInt32(DirectFunctionCall1(numeric_min_scale, amount)));
	if (SplitUnits(amount, scale, weights, n, parts))
		return;
	rests = palloc_extended(sizeof(NumericRest) * Max(n, 1), MCXT_ALLOC_HUGE);
	unit = NumericFromString(psprintf("1e-%d", scale));
	units = DirectFunctionCall2(numeric_mul, DirectFunctionCall1(numeric_abs, amount),
								NumericFromString(psprintf("1e%d", scale)));
	left = units;
	for (int i = 0; i < n; i++)
		total = DirectFunctionCall2(numeric_add, total, weights[i]);
	for (int i = 0; i < n; i++)
	{
		Datum		product = DirectFunctionCall2(numeric_mul, units, weights[i]);

		CHECK_FOR_INTERRUPTS();
		parts[i] = DirectFunctionCall2(numeric_div_trunc, product, total);
		left = DirectFunctionCall2(numeric_sub, left, parts[i]);
		rests[i].place = i;
		rests[i].rest = DirectFunctionCall2(numeric_sub, product,
											DirectFunctionCall2(numeric_mul, parts[i], total));
	}
	if (SignOf(left) > 0)
		qsort(rests, n, sizeof(NumericRest), CompareNumericRests);
	for (int i = 0; i < n && SignOf(left) > 0; i++)
	{
		Datum	   *part = &parts[rests[i].place];

		*part = DirectFunctionCall2(numeric_add, *part, one);
		left = DirectFunctionCall2(numeric_sub, left, one);
	}
	for (int i = 0; i < n; i++)
	{
		parts[i] = DirectFunctionCall2(numeric_mul, parts[i], unit);
		if (negative)
			parts[i] = DirectFunctionCall1(numeric_uminus, parts[i]);
	}
	pfree(rests);
}

/* Raises an error unless a number is finite. */
static void
CheckFinite(Datum number, const char *what)
{
	Numeric		n = DatumGetNumeric(number);

	if (numeric_is_nan(n) || numeric_is_inf(n))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("%s must not be %s", what,
						DatumGetCString(DirectFunctionCall1(numeric_out, number)))));
}

/* Raises an error unless the elements can be weights. */
static void
CheckCredits(const Datum *credits, const bool *nulls, int n)
{
	bool		any = false;

	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("credit %d must not be NULL", i + 1)));
		CheckFinite(credits[i], "a credit");
		if (SignOf(credits[i]) < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("credit %d must not be negative: %s", i + 1,
							DatumGetCString(DirectFunctionCall1(numeric_out, credits[i])))));
		any |= SignOf(credits[i]) > 0;
	}
	if (n > 0 && !any)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("credits must not all be zero"),
				 errhint("An amount that nobody earned has an empty array of credits.")));
}

/* split_amount(amount, credits, scale) */
PG_FUNCTION_INFO_V1(journey_split_amount);
Datum
journey_split_amount(PG_FUNCTION_ARGS)
{
	Datum		amount = PG_GETARG_DATUM(0);
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(1);
	int			scale = PG_GETARG_INT32(2);
	Datum	   *credits;
	bool	   *nulls;
	Datum	   *parts;
	int			n;

	if (scale < 0 || scale > NUMERIC_MAX_PRECISION)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("scale must be from 0 to %d, not %d", NUMERIC_MAX_PRECISION, scale),
				 errhint("It is the number of digits behind the point: 2 for EUR, 0 for JPY.")));
	amount = NumericGetDatum(DatumGetNumeric(amount));
	CheckFinite(amount, "amount");
	deconstruct_array(array, NUMERICOID, -1, false, TYPALIGN_INT, &credits, &nulls, &n);
	CheckCredits(credits, nulls, n);
	parts = palloc_array(Datum, Max(n, 1));
	JSplitNumeric(amount, scale, credits, n, parts);
	PG_RETURN_ARRAYTYPE_P(NumericArray(parts, n));
}

/* ------------------------------------------------------------------------------------------------
 * transform_path
 * ------------------------------------------------------------------------------------------------ */

JStr *
JPathFromArray(ArrayType *array, int *n)
{
	Datum	   *elements;
	bool	   *nulls;
	JStr	   *path;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("path must be an array of one dimension")));
	deconstruct_array(array, ARR_ELEMTYPE(array), -1, false, TYPALIGN_INT, &elements, &nulls, n);
	path = palloc_array(JStr, Max(*n, 1));
	for (int i = 0; i < *n; i++)
		path[i] = nulls[i] ? JSTR_NULL : JStrFromText(DatumGetTextPP(elements[i]));
	pfree(elements);
	pfree(nulls);
	return path;
}

static void
UnknownTransform(JStr name)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown path transform \"%.*s\"", name.len, name.data),
			 errhint("Transforms are exposure_path, first_path, frequency_path, last_n_steps (or "
					 "trim_long_path), remove_if_last_and_not_all, remove_if_not_all, unique_path.")));
}

/* The number of steps that a path is trimmed to. */
static int64
StepsFrom(JStr argument)
{
	int64		steps = 0;

	for (int i = 0; i < argument.len && steps >= 0; i++)
		steps = argument.data[i] >= '0' && argument.data[i] <= '9' && steps < PG_INT32_MAX ?
			10 * steps + (argument.data[i] - '0') : -1;
	if (JStrIsNull(argument) || argument.len == 0 || steps < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of steps must be a whole number: \"%.*s\"", argument.len,
						JStrIsNull(argument) ? "" : argument.data),
				 errhint("For example transform_path(path, 'last_n_steps', ARRAY['5']); 0 leaves "
						 "the path as it is.")));
	return steps;
}

/* Raises an error unless a transform has the arguments that it takes. */
static void
CheckTransformArgs(JStr name, JTransform transform, int n)
{
	bool		removes = transform == JTRANSFORM_REMOVE || transform == JTRANSFORM_REMOVE_LAST;

	if (removes && n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%.*s needs a channel to remove", name.len, name.data),
				 errhint("For example transform_path(path, '%.*s', ARRAY['Direct']).",
						 name.len, name.data)));
	if (!removes && n != (transform == JTRANSFORM_TRIM ? 1 : 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%.*s takes %s", name.len, name.data,
						transform == JTRANSFORM_TRIM ? "one argument, the number of steps" :
						"no arguments")));
}

/* transform_path(path, transform, args) */
PG_FUNCTION_INFO_V1(journey_transform_path);
Datum
journey_transform_path(PG_FUNCTION_ARGS)
{
	JTransformArgs args = {.channel = JSTR_NULL};
	JTransform	transform;
	JStr		name;
	JStr	   *path;
	JStr	   *arguments = NULL;
	Datum	   *elements;
	bool	   *nulls;
	int			n_arguments = 0;
	int			dims[1];
	int			lower[1] = {1};
	int			n;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("transform must not be NULL")));
	name = JStrFromText(PG_GETARG_TEXT_PP(1));
	if (!JTransformFromName(name, &transform))
		UnknownTransform(name);
	path = JPathFromArray(PG_GETARG_ARRAYTYPE_P(0), &n);
	if (!PG_ARGISNULL(2))
		arguments = JPathFromArray(PG_GETARG_ARRAYTYPE_P(2), &n_arguments);
	CheckTransformArgs(name, transform, n_arguments);

	args.counts = palloc_array(int, Max(n, 1));
	if (transform == JTRANSFORM_TRIM)
		args.steps = StepsFrom(arguments[0]);
	for (int i = 0; i < Max(n_arguments, 1); i++)
	{
		if (i < n_arguments)
			args.channel = arguments[i];
		n = JPathTransform(path, n, transform, &args);
	}
	if (n == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(TEXTOID));
	elements = palloc_array(Datum, n);
	nulls = palloc_array(bool, n);
	for (int i = 0; i < n; i++)
	{
		nulls[i] = JStrIsNull(path[i]) && transform != JTRANSFORM_FREQUENCY;
		if (transform == JTRANSFORM_FREQUENCY)
			elements[i] = CStringGetTextDatum(psprintf("%.*s(%d)", path[i].len,
													   JStrIsNull(path[i]) ? "" : path[i].data,
													   args.counts[i]));
		else
			elements[i] = nulls[i] ? (Datum) 0 : JStrGetDatum(path[i]);
	}
	dims[0] = n;
	PG_RETURN_ARRAYTYPE_P(construct_md_array(elements, nulls, 1, dims, lower, TEXTOID, -1, false,
											 TYPALIGN_INT));
}
