/*
 * conversion.c
 *		Conversions of events as a model stores them, and the credit of the touches before them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"
#include "windowapi.h"

#include "attribution_sql.h"
#include "conversion.h"
#include "definition.h"
#include "session_sql.h"

/* ------------------------------------------------------------------------------------------------
 * definitions
 * ------------------------------------------------------------------------------------------------ */

JConversions *
JConversionsFromJsonb(Jsonb *list)
{
	JDefError	error = {0};
	JConversions *conversions = palloc(sizeof(JConversions));

	JConversionsCompile(JDefFromJsonb(list, "conversions", "option"), conversions, &error);
	JDefCheck(&error, "option");
	return conversions;
}

/* _check_conversions(list jsonb): raises an error unless it is a list of definitions. */
PG_FUNCTION_INFO_V1(journey_check_conversions);
Datum
journey_check_conversions(PG_FUNCTION_ARGS)
{
	(void) JConversionsFromJsonb(PG_GETARG_JSONB_P(0));
	PG_RETURN_VOID();
}

/* ------------------------------------------------------------------------------------------------
 * events
 * ------------------------------------------------------------------------------------------------ */

static void
PushKey(JsonbParseState **state, const char *key)
{
	JsonbValue	value = {.type = jbvString};

	value.val.string.val = unconstify(char *, key);
	value.val.string.len = strlen(key);
	pushJsonbValue(state, WJB_KEY, &value);
}

static void
PushString(JsonbParseState **state, const char *key, JStr s)
{
	JsonbValue	value = {.type = jbvString};

	if (JStrIsNull(s))
		return;
	PushKey(state, key);
	value.val.string.val = unconstify(char *, s.data);
	value.val.string.len = s.len;
	pushJsonbValue(state, WJB_VALUE, &value);
}

static void
PushNumber(JsonbParseState **state, const char *key, JStr s)
{
	JsonbValue	value = {.type = jbvNumeric};

	if (JStrIsNull(s))
		return;
	PushKey(state, key);
	value.val.numeric = DatumGetNumeric(JNumericFromText(s));
	pushJsonbValue(state, WJB_VALUE, &value);
}

/* A string of the event's properties. */
static void
PushProperty(JsonbParseState **state, const char *key, const JEvent *event)
{
	JConditionValue value = JPropertyOf(event->field[JF_PROPERTIES], JStrFromCString(key));

	if (value.type == JDEF_STRING && value.text.len > 0)
		PushString(state, key, value.text);
}

/* What it says of consent, as it is: an object, or a word. */
static void
PushConsent(JsonbParseState **state, const JEvent *event)
{
	JConditionValue found = JPropertyOf(event->field[JF_PROPERTIES], JSTR_LIT("consent"));
	JsonbValue	value;
	Jsonb	   *jsonb;

	if (found.type == JDEF_STRING || found.type == JDEF_BOOL)
		PushString(state, "consent", found.text);
	if (found.type != JDEF_OBJECT)
		return;
	jsonb = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(pnstrdup(found.text.data,
																				  found.text.len))));
	value.type = jbvBinary;
	value.val.binary.data = &jsonb->root;
	value.val.binary.len = VARSIZE(jsonb) - VARHDRSZ;
	PushKey(state, "consent");
	pushJsonbValue(state, WJB_VALUE, &value);
}

static void
PushConversion(JsonbParseState **state, const JConversion *conversion, const JEvent *event)
{
	JUuid		id = JConversionId(conversion, event);
	Datum		text = DirectFunctionCall1(uuid_out, UUIDPGetDatum((pg_uuid_t *) &id));

	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	PushString(state, "id", JStrFromCString(DatumGetCString(text)));
	PushString(state, "name", conversion->name);
	PushNumber(state, "value", JConversionValue(conversion, event));
	PushString(state, "currency", JConversionCurrency(conversion, event));
	PushProperty(state, "email", event);
	PushProperty(state, "phone", event);
	PushConsent(state, event);
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

bool
JConversionsOfEvent(JConversions *conversions, const JEvent *event, Datum *jsonb)
{
	uint64		mask = conversions == NULL ? 0 : JConversionsMatch(conversions, event);
	JsonbParseState *state = NULL;
	JsonbValue *array;

	if (mask == 0)
		return false;
	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < conversions->steps.n; i++)
		if (mask & (UINT64CONST(1) << i))
			PushConversion(&state, &conversions->conversion[i], event);
	array = pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	*jsonb = JsonbPGetDatum(JsonbValueToJsonb(array));
	return true;
}

/* ------------------------------------------------------------------------------------------------
 * credit
 * ------------------------------------------------------------------------------------------------ */

/* The option "attribution" of a model: rules and their weights, and which touches count. */
typedef struct CreditOptions
{
	JRuleOptions rules;
	bool		paid_only;
	Jsonb	   *channels;		/* arrays; NULL: all, none */
	Jsonb	   *exclude_channels;
} CreditOptions;

#define CREDIT_OPTIONS "channels, exclude_channels, half_life, lead, paid_only, position, w_shaped"

static void
BadCreditOption(const char *key, const char *wanted)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"%s\" of attribution must be %s", key, wanted)));
}

static void
CheckStrings(const char *key, const JsonbValue *value)
{
	bool		valid = value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data) &&
		!JsonContainerIsScalar(value->val.binary.data);

	for (int i = 0; valid && i < JsonContainerSize(value->val.binary.data); i++)
		valid = getIthJsonbValueFromContainer(value->val.binary.data, i)->type == jbvString;
	if (!valid)
		BadCreditOption(key, "an array of strings");
}

static void
SetCreditOption(CreditOptions *options, const char *key, JsonbValue *value)
{
	if (strcmp(key, "paid_only") == 0)
	{
		if (value->type != jbvBool)
			BadCreditOption(key, "true or false");
		options->paid_only = value->val.boolean;
	}
	else if (strcmp(key, "channels") == 0 || strcmp(key, "exclude_channels") == 0)
	{
		CheckStrings(key, value);
		*(key[0] == 'c' ? &options->channels : &options->exclude_channels) = JsonbValueToJsonb(value);
	}
	else if (strcmp(key, "lead") == 0)
	{
		if (value->type != jbvString)
			BadCreditOption(key, "the name of a conversion");
	}
	else if (!JSetRuleOption(&options->rules, key, value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown option \"%s\" of attribution", key),
				 errhint("Known options are: %s.", CREDIT_OPTIONS)));
}

static void
ReadCreditOptions(CreditOptions *options, Jsonb *jsonb)
{
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	value;

	*options = (CreditOptions) {.rules = JRuleDefaults};
	if (!JB_ROOT_IS_OBJECT(jsonb))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options of attribution must be a JSON object"),
				 errhint("Known options are: %s.", CREDIT_OPTIONS)));
	it = JsonbIteratorInit(&jsonb->root);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		char	   *key;

		if (token != WJB_KEY)
			continue;
		key = pnstrdup(value.val.string.val, value.val.string.len);
		(void) JsonbIteratorNext(&it, &value, true);
		if (value.type != jbvNull)
			SetCreditOption(options, key, &value);
	}
}

typedef struct CreditCache
{
	MemoryContext context;		/* holds what follows */
	Jsonb	   *parsed;			/* the argument that was read; NULL: none yet */
	CreditOptions options;
	TupleDesc	tupdesc;		/* of _credit() */
} CreditCache;

/* The options of a call, read once for as long as a statement passes the same ones. */
static CreditCache *
GetCreditCache(FunctionCallInfo fcinfo, Jsonb *jsonb)
{
	CreditCache *cache = fcinfo->flinfo->fn_extra;
	MemoryContext old;

	if (cache != NULL && cache->parsed != NULL && VARSIZE(cache->parsed) == VARSIZE(jsonb) &&
		memcmp(cache->parsed, jsonb, VARSIZE(jsonb)) == 0)
		return cache;
	if (cache == NULL)
	{
		cache = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(CreditCache));
		cache->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "pg_journey options of attribution",
											   ALLOCSET_SMALL_SIZES);
		fcinfo->flinfo->fn_extra = cache;
	}
	cache->parsed = NULL;
	MemoryContextReset(cache->context);
	old = MemoryContextSwitchTo(cache->context);
	jsonb = memcpy(palloc(VARSIZE(jsonb)), jsonb, VARSIZE(jsonb));
	ReadCreditOptions(&cache->options, jsonb);
	MemoryContextSwitchTo(old);
	cache->parsed = jsonb;
	return cache;
}

static bool
IsListed(Jsonb *array, JStr s)
{
	JsonbValue	value = {.type = jbvString};

	value.val.string.val = unconstify(char *, s.data);
	value.val.string.len = s.len;
	return findJsonbValueFromContainer(&array->root, JB_FARRAY, &value) != NULL;
}

/* _touch_counts(channel, options): whether touches of a channel earn credit. NULL options: all. */
PG_FUNCTION_INFO_V1(journey_touch_counts);
Datum
journey_touch_counts(PG_FUNCTION_ARGS)
{
	const CreditOptions *options;
	JStr		channel = PG_ARGISNULL(0) ? JSTR_LIT("") : JStrFromText(PG_GETARG_TEXT_PP(0));

	if (PG_ARGISNULL(1))
		PG_RETURN_BOOL(true);
	options = &GetCreditCache(fcinfo, PG_GETARG_JSONB_P(1))->options;
	PG_RETURN_BOOL(!(options->paid_only && !JIsPaidChannel(channel)) &&
				   (options->channels == NULL || IsListed(options->channels, channel)) &&
				   (options->exclude_channels == NULL || !IsListed(options->exclude_channels, channel)));
}

/* All credits of a partition, a conversion's touches; what is of one rule lies together. */
typedef struct Credits
{
	int64		n;				/* 0: not computed yet */
	bool		negative;
	bool		valued;
	int			scale;
	uint128		parts[FLEXIBLE_ARRAY_MEMBER];	/* of credits, then of values */
} Credits;

#define CREDIT_ARGS 7
#define CREDIT_COLUMNS (2 + 2 * JRULE_COUNT)

/* Amounts of more digits have no parts. */
#define MAX_UNITS ((int128) 1 << 120)

static Datum
PartitionArg(WindowObject window, int arg, int64 row, bool *isnull)
{
	bool		isout;
	Datum		value = WinGetFuncArgInPartition(window, arg, row, WINDOW_SEEK_HEAD, false, isnull, &isout);

	return value;
}

static void
ReadAmount(WindowObject window, Credits *credits, uint128 *units)
{
	bool		isnull;
	Datum		amount = PartitionArg(window, 4, 0, &isnull);
	Datum		scale;
	int128		signed_units;
	bool		exact;

	if (isnull || numeric_is_nan(DatumGetNumeric(amount)) || numeric_is_inf(DatumGetNumeric(amount)))
		return;
	/* the row that it lies in may go when another argument is asked for */
	amount = PointerGetDatum(PG_DETOAST_DATUM_COPY(amount));
	scale = PartitionArg(window, 5, 0, &isnull);
	credits->scale = Max(isnull ? 2 : DatumGetInt32(scale),
						 DatumGetInt32(DirectFunctionCall1(numeric_min_scale, amount)));
	credits->valued = credits->scale >= 0 && credits->scale < 40 &&
		JUnitsFromNumeric(amount, credits->scale, MAX_UNITS, &signed_units, &exact);
	if (!credits->valued)
		return;
	credits->negative = signed_units < 0;
	*units = credits->negative ? -signed_units : signed_units;
}

/* Reads the path of a partition and splits the credit and the value by all rules. */
static void
ComputeCredits(WindowObject window, const JRuleOptions *rules, Credits *credits, int n)
{
	JShares		shares = {0};
	int64	   *ages = palloc_extended(sizeof(int64) * n, MCXT_ALLOC_HUGE);
	bool	   *direct = palloc_extended(sizeof(bool) * n, MCXT_ALLOC_HUGE);
	JTouchPath	path = {.n = n, .ages = ages, .direct = direct, .lead = -1};
	uint128		units = 0;
	bool		isnull;
	bool		no_lead;
	int64		converted_at = DatumGetTimestampTz(PartitionArg(window, 1, 0, &isnull));
	int64		lead_at = DatumGetTimestampTz(PartitionArg(window, 3, 0, &no_lead));

	for (int i = 0; i < n; i++)
	{
		int64		touched_at;

		touched_at = DatumGetTimestampTz(PartitionArg(window, 0, i, &isnull));
		if (isnull || touched_at > converted_at)
			ages[i] = 0;
		else if (pg_sub_s64_overflow(converted_at, touched_at, &ages[i]))
			ages[i] = PG_INT64_MAX;
		direct[i] = DatumGetBool(PartitionArg(window, 2, i, &isnull)) && !isnull;
		if (!no_lead && touched_at <= lead_at)
			path.lead = i;
	}
	ReadAmount(window, credits, &units);
	for (int rule = 0; rule < JRULE_COUNT; rule++)
	{
		JSharesOfRule(&shares, rule, &path, rules);
		JSharesSplit(&shares, J_CREDIT_UNITS, credits->parts + (Size) rule * n);
		if (credits->valued)
			JSharesSplit(&shares, units, credits->parts + (Size) (JRULE_COUNT + rule) * n);
		CHECK_FOR_INTERRUPTS();
	}
	JSharesFree(&shares);
	pfree(ages);
	pfree(direct);
	credits->n = n;
}

static TupleDesc
CreditDesc(FunctionCallInfo fcinfo, CreditCache *cache)
{
	MemoryContext old;
	TupleDesc	tupdesc;

	if (cache->tupdesc != NULL)
		return cache->tupdesc;
	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE || tupdesc->natts != CREDIT_COLUMNS)
		elog(ERROR, "unexpected row type");
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	cache->tupdesc = BlessTupleDesc(CreateTupleDescCopy(tupdesc));
	MemoryContextSwitchTo(old);
	return cache->tupdesc;
}

static Datum
SignedNumeric(uint128 units, int digits, bool negative)
{
	Datum		number;

	if (units <= (uint128) PG_INT64_MAX && digits <= J_CREDIT_DIGITS)
		return NumericGetDatum(int64_div_fast_to_numeric(negative ? -(int64) units : (int64) units, digits));
	number = JNumericFromUnits(units, digits);
	return negative ? DirectFunctionCall1(numeric_uminus, number) : number;
}

/*
 * _credit(touched_at, converted_at, direct, lead_at, value, scale, options) OVER (PARTITION BY a conversion
 * ORDER BY its touches): place of the touch, length of the path, and for each rule its credit and value.
 * All but touched_at and direct are read of the first row.
 */
PG_FUNCTION_INFO_V1(journey_credit);
Datum
journey_credit(PG_FUNCTION_ARGS)
{
	WindowObject window = PG_WINDOW_OBJECT();
	int64		n = WinGetPartitionRowCount(window);
	int64		at = WinGetCurrentPosition(window);
	bool		isnull;
	Datum		options = WinGetFuncArgCurrent(window, 6, &isnull);
	CreditCache *cache = GetCreditCache(fcinfo, isnull ?
										DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"))) :
										DatumGetJsonbP(options));
	Credits    *credits;
	Datum		values[CREDIT_COLUMNS];
	bool		nulls[CREDIT_COLUMNS] = {false};

	if (n > J_MAX_PATH)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %d touches before one conversion", J_MAX_PATH),
				 errhint("Set a shorter lookback.")));
	credits = WinGetPartitionLocalMemory(window, offsetof(Credits, parts) +
										 sizeof(uint128) * 2 * JRULE_COUNT * (Size) n);
	if (credits->n == 0)
		ComputeCredits(window, &cache->options.rules, credits, (int) n);
	WinSetMarkPosition(window, at);
	values[0] = Int64GetDatum(at + 1);
	values[1] = Int64GetDatum(n);
	for (int rule = 0; rule < JRULE_COUNT; rule++)
	{
		values[2 + 2 * rule] = SignedNumeric(credits->parts[rule * n + at], J_CREDIT_DIGITS, false);
		nulls[3 + 2 * rule] = !credits->valued;
		values[3 + 2 * rule] = !credits->valued ? (Datum) 0 :
			SignedNumeric(credits->parts[(JRULE_COUNT + rule) * n + at], credits->scale, credits->negative);
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(CreditDesc(fcinfo, cache), values, nulls)));
}
