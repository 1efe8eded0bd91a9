/*
 * payload.c
 *		SQL functions that make events of raw JSON.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"

#include "journey_sql.h"
#include "name_core.h"
#include "payload.h"
#include "payload_scan_core.h"
#include "session_core.h"
#include "time_core.h"
#include "timeline.h"
#include "url_core.h"

#define KNOWN_OPTIONS "form, received_at, redact, redact_key, revenue"

static void
BadOption(const char *key, const char *wanted)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"%s\" must be %s", key, wanted)));
}

/* The names of the properties that one event's revenue is in: a string or an array of them. */
static void
ReadRevenue(const JsonbValue *name, const JsonbValue *value, JPayloadRevenue *revenue)
{
	JsonbContainer *array = value->type == jbvBinary ? value->val.binary.data : NULL;
	char	   *slug = palloc(2 * name->val.string.len + 1);
	JStr		text = {name->val.string.val, name->val.string.len};

	if (value->type != jbvString && (array == NULL || !JsonContainerIsArray(array)))
		BadOption("revenue", "an object of arrays of names");
	revenue->event = (JStr) {slug, JEventSlug(text, slug)};
	revenue->n = array == NULL ? 1 : JsonContainerSize(array);
	revenue->properties = palloc_array(JStr, Max(revenue->n, 1));
	revenue->negative = palloc_array(bool, Max(revenue->n, 1));
	for (int i = 0; i < revenue->n; i++)
	{
		const JsonbValue *item = array == NULL ? value : getIthJsonbValueFromContainer(array, i);

		if (item->type != jbvString)
			BadOption("revenue", "an object of arrays of names");
		text = (JStr) {pnstrdup(item->val.string.val, item->val.string.len), item->val.string.len};
		revenue->negative[i] = text.len > 0 && text.data[0] == '-';
		if (revenue->negative[i])
			text.data++, text.len--;
		revenue->properties[i] = text;
	}
}

static void
ReadRevenues(const JsonbValue *value, JPayloadOptions *options)
{
	JsonbContainer *object = value->type == jbvBinary ? value->val.binary.data : NULL;
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	key;
	JsonbValue	item;

	if (object == NULL || !JsonContainerIsObject(object))
		BadOption("revenue", "an object of arrays of names");
	options->default_revenue = false;
	options->revenue = palloc0_array(JPayloadRevenue, Max(JsonContainerSize(object), 1));
	it = JsonbIteratorInit(object);
	while ((token = JsonbIteratorNext(&it, &key, true)) != WJB_DONE)
	{
		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&it, &item, true);
		ReadRevenue(&key, &item, &options->revenue[options->n_revenue++]);
	}
}

/* A key in hexadecimal digits, with or without the \\x of bytea. */
static JStr
ReadSecret(JStr hex)
{
	char	   *bytes = palloc(hex.len / 2 + 1);
	int			high = 0;
	int			n = 0;

	if (hex.len > 2 && hex.data[0] == '\\' && hex.data[1] == 'x')
		hex.data += 2, hex.len -= 2;
	for (int i = 0; i < hex.len; i++)
	{
		char		c = pg_tolower((unsigned char) hex.data[i]);
		int			digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

		if (digit < 0)
			BadOption("redact_key", "hexadecimal digits");
		if (i % 2 == 0)
			high = digit;
		else
			bytes[n++] = high << 4 | digit;
	}
	if (hex.len == 0 || hex.len % 2 != 0)
		BadOption("redact_key", "hexadecimal digits");
	return (JStr) {bytes, n};
}

static void
ReadOption(JStr key, JsonbValue *value, JPayloadSettings *cache)
{
	JPayloadOptions *options = &cache->options;
	JStr		text = JSTR_NULL;

	if (value->type == jbvString)
		text = (JStr) {value->val.string.val, value->val.string.len};
	if (JStrEqual(key, JSTR_LIT("form")))
	{
		options->wire = JStrEqual(text, JSTR_LIT("wire"));
		if (!options->wire && !JStrEqual(text, JSTR_LIT("delivered")))
			BadOption("form", "\"delivered\" or \"wire\"");
	}
	else if (JStrEqual(key, JSTR_LIT("received_at")))
	{
		if (value->type != jbvNull && (JStrIsNull(text) || !JTimeFromIso(text, &options->received_at)))
			BadOption("received_at", "a time as ISO 8601 writes it");
	}
	else if (JStrEqual(key, JSTR_LIT("revenue")))
		ReadRevenues(value, options);
	else if (JStrEqual(key, JSTR_LIT("redact")))
		cache->redact = value->type == jbvNull ? NULL : JsonbValueToJsonb(value);
	else if (JStrEqual(key, JSTR_LIT("redact_key")))
		cache->secret = value->type == jbvNull ? JSTR_NULL : ReadSecret(text);
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown payload option \"%.*s\"", key.len, key.data),
				 errhint("Known options are: %s.", KNOWN_OPTIONS)));
}

/* Whether the database's encoding has a character beyond ASCII. */
static bool
HasCharacter(uint32 c)
{
	unsigned char utf8[8] = {0};
	char		converted[8];

	if (GetDatabaseEncoding() == PG_SQL_ASCII)
		return false;
	(void) unicode_to_utf8(c, utf8);
	return JFromUtf8((char *) utf8, strlen((char *) utf8), converted) > 1 || converted[0] != '?';
}

static void
ReadOptions(Jsonb *jsonb, JPayloadSettings *cache)
{
	JPayloadOptions *options = &cache->options;
	JsonbIterator *it = JsonbIteratorInit(&jsonb->root);
	JsonbIteratorToken token;
	JsonbValue	key;
	JsonbValue	value;

	memset(options, 0, sizeof(*options));
	cache->redact = NULL;
	cache->secret = JSTR_NULL;
	cache->rules = NULL;
	options->encoding = GetDatabaseEncoding();
	if (options->encoding != PG_UTF8)
		options->has_character = HasCharacter;
	options->received_at = J_NO_TIME;
	options->default_revenue = true;
	if (!JB_ROOT_IS_OBJECT(jsonb))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("payload options must be a JSON object"),
				 errhint("Known options are: %s.", KNOWN_OPTIONS)));
	while ((token = JsonbIteratorNext(&it, &key, true)) != WJB_DONE)
	{
		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&it, &value, true);
		ReadOption((JStr) {key.val.string.val, key.val.string.len}, &value, cache);
	}
	if (cache->redact != NULL)
		cache->rules = JRedactRulesFrom(cache->redact, cache->secret);
}

const JPayloadSettings *
JPayloadGetSettings(JPayloadSettings **cache, MemoryContext parent, Jsonb *jsonb)
{
	JPayloadSettings *settings = *cache;
	MemoryContext old;

	if (settings != NULL && VARSIZE(settings->jsonb) == VARSIZE(jsonb) &&
		memcmp(settings->jsonb, jsonb, VARSIZE(jsonb)) == 0)
		return settings;
	if (settings == NULL)
	{
		settings = MemoryContextAllocZero(parent, sizeof(JPayloadSettings));
		settings->context = AllocSetContextCreate(parent, "pg_journey payload options", ALLOCSET_SMALL_SIZES);
	}
	*cache = NULL;				/* in case of an error below */
	MemoryContextReset(settings->context);
	old = MemoryContextSwitchTo(settings->context);
	settings->jsonb = (Jsonb *) pg_detoast_datum_copy((struct varlena *) jsonb);
	ReadOptions(settings->jsonb, settings);
	MemoryContextSwitchTo(old);
	*cache = settings;
	return settings;
}

/* The options, which are the same for most rows. */
static const JPayloadSettings *
GetOptions(FunctionCallInfo fcinfo, int argno)
{
	return JPayloadGetSettings((JPayloadSettings **) &fcinfo->flinfo->fn_extra, fcinfo->flinfo->fn_mcxt,
							   PG_GETARG_JSONB_P(argno));
}

/* --------------------------------------------------------------------------------------------
 * payloads
 * --------------------------------------------------------------------------------------------
 */

/* A text, whose size is looked at before anything of it is read; false where it is too long. */
static bool
TextPayload(Datum datum, JStr *payload)
{
	if (toast_raw_datum_size(datum) > J_PAYLOAD_BYTES + VARHDRSZ)
		return false;
	*payload = JStrFromText(DatumGetTextPP(datum));
	return true;
}

static void
PrintScalar(StringInfo out, const JsonbValue *value, JPayloadError *error)
{
	char	   *number;
	char	   *string;

	switch (value->type)
	{
		case jbvString:
			string = pnstrdup(value->val.string.val, value->val.string.len);
			escape_json(out, string);
			pfree(string);
			break;
		case jbvNumeric:
			number = DatumGetCString(DirectFunctionCall1(numeric_out,
														 NumericGetDatum(value->val.numeric)));
			/* few bytes of a jsonb may be many digits */
			if (strlen(number) > J_PAYLOAD_DIGITS)
				JPayloadFail(error, "number", out->len);
			else
				appendStringInfoString(out, number);
			pfree(number);
			break;
		case jbvBool:
			appendStringInfoString(out, value->val.boolean ? "true" : "false");
			break;
		default:
			appendStringInfoString(out, "null");
	}
}

void
JPayloadPrintJsonb(StringInfo out, Jsonb *jsonb, JPayloadError *error)
{
	JsonbIterator *it = JsonbIteratorInit(&jsonb->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	bool		comma = false;

	while (error->code == NULL && (token = JsonbIteratorNext(&it, &value, false)) != WJB_DONE)
	{
		bool		ends = token == WJB_END_ARRAY || token == WJB_END_OBJECT;

		if (comma && !ends)
			appendStringInfoChar(out, ',');
		comma = token != WJB_BEGIN_ARRAY && token != WJB_BEGIN_OBJECT && token != WJB_KEY;
		if (token == WJB_BEGIN_OBJECT)
			appendStringInfoChar(out, '{');
		else if (token == WJB_END_OBJECT)
			appendStringInfoChar(out, '}');
		else if (token == WJB_BEGIN_ARRAY || token == WJB_END_ARRAY)
		{
			/* a scalar alone is an array of it, in jsonb */
			if (!JB_ROOT_IS_SCALAR(jsonb))
				appendStringInfoChar(out, token == WJB_BEGIN_ARRAY ? '[' : ']');
		}
		else
			PrintScalar(out, &value, error);
		if (token == WJB_KEY)
			appendStringInfoChar(out, ':');
		if (out->len > J_PAYLOAD_BYTES)
			JPayloadFail(error, "too_large", 0);
	}
}

/* --------------------------------------------------------------------------------------------
 * events
 * --------------------------------------------------------------------------------------------
 */

/* Raw JSON as jsonb, without what the rules name. */
static Datum
JsonbFrom(JStr raw, JRedactRules *rules, const char *path, bool is_traits)
{
	Datum		jsonb = DirectFunctionCall1(jsonb_in, CStringGetDatum(pnstrdup(raw.data, raw.len)));

	if (rules == NULL)
		return jsonb;
	return JsonbPGetDatum(JRedactJsonb(rules, DatumGetJsonbP(jsonb), path, is_traits));
}

/* Traits of up to three objects; NULL where nothing is in them. */
static Datum
MergedTraits(const JPayloadEvent *event, JRedactRules *rules)
{
	static const char *const paths[JTRAITS_COUNT] = {"userProperties", "context.traits", "traits"};
	Datum		merged = (Datum) 0;

	for (int i = 0; i < JTRAITS_COUNT; i++)
	{
		Datum		traits;

		if (JStrIsNull(event->traits[i]))
			continue;
		traits = JsonbFrom(event->traits[i], rules, paths[i], true);
		merged = merged == (Datum) 0 ? traits :
			DirectFunctionCall2(jsonb_concat, merged, traits);
	}
	if (merged != (Datum) 0 && JB_ROOT_COUNT(DatumGetJsonbP(merged)) == 0)
		return (Datum) 0;
	return merged;
}

/* An object with one member more; nothing is added where that is NULL. */
static Datum
WithMember(Datum object, const char *name, JStr value)
{
	StringInfoData text;
	Datum		member;

	if (JStrIsNull(value))
		return object;
	initStringInfo(&text);
	appendStringInfo(&text, "{\"%s\":", name);
	escape_json(&text, pnstrdup(value.data, value.len));
	appendStringInfoChar(&text, '}');
	member = DirectFunctionCall1(jsonb_in, CStringGetDatum(text.data));
	return object == (Datum) 0 ? member : DirectFunctionCall2(jsonb_concat, object, member);
}

/* Properties; of a group its traits, with its id. The id of a campaign is one, as journey._select() makes it. */
static Datum
Properties(const JPayloadEvent *event, JRedactRules *rules)
{
	bool		is_group = event->field[JF_KIND].data[0] == 'g';
	Datum		properties = JStrIsNull(event->field[JF_PROPERTIES]) ? (Datum) 0 :
		JsonbFrom(event->field[JF_PROPERTIES], rules, is_group ? "traits" : "properties", is_group);

	properties = WithMember(properties, "group_id", event->group_id);
	properties = WithMember(properties, J_CAMPAIGN_ID, event->campaign_id);
	if (properties != (Datum) 0 && JB_ROOT_COUNT(DatumGetJsonbP(properties)) == 0)
		return (Datum) 0;
	return properties;
}

/* The same as if the payload had been redacted before it was read, at the cost of what is kept of it. */
static void
RedactEvent(JRedactRules *rules, JPayloadEvent *event)
{
	static const struct
	{
		JField		field;
		const char *path;
		bool		is_id;
	}			fields[] = {
		{JF_EVENT_ID, "messageId"}, {JF_USER_ID, "userId", true}, {JF_PREVIOUS_ID, "previousId", true},
		{JF_REVENUE, "properties.revenue"}, {JF_CURRENCY, "properties.currency"},
		{JF_ORDER_ID, "properties.order_id"}, {JF_SOURCE, "context.campaign.source"},
		{JF_MEDIUM, "context.campaign.medium"}, {JF_CAMPAIGN, "context.campaign.name"},
		{JF_TERM, "context.campaign.term"}, {JF_CONTENT, "context.campaign.content"},
		{JF_SESSION_KEY, "context.sessionId"}, {JF_PLATFORM, "channel"}
	};
	JStr	   *field = event->field;
	JStr		amount = JSTR_NULL;

	if (event->error.code != NULL)
		return;
	for (int i = 0; i < (int) lengthof(fields); i++)
		JRedactField(rules, fields[i].path, fields[i].is_id, &field[fields[i].field]);
	JRedactField(rules, field[JF_KIND].data[0] == 't' ? "event" : event->own_name ? "properties.name" : "name",
				false, &field[JF_NAME]);
	JRedactField(rules, event->own_url ? "properties.url" : "context.page.url", false, &field[JF_URL]);
	JRedactField(rules, event->own_referrer ? "properties.referrer" : "context.page.referrer", false,
				&field[JF_REFERRER]);
	JRedactField(rules, "groupId", true, &event->group_id);
	JRedactField(rules, "context.campaign.id", false, &event->campaign_id);
	if (!JStrIsNull(field[JF_REVENUE]) && !JAmount(field[JF_REVENUE], &amount))
		field[JF_REVENUE] = JSTR_NULL;
	if (!event->visitor_is_user)
	{
		JRedactField(rules, "anonymousId", true, &field[JF_VISITOR_ID]);
		if (!JStrIsNull(field[JF_VISITOR_ID]))
			return;
	}
	if (JStrIsNull(field[JF_USER_ID]))
		JPayloadFail(&event->error, "no_id", event->offset);
	else
		field[JF_VISITOR_ID] = JStrFromCString(psprintf("user:%.*s", field[JF_USER_ID].len,
														field[JF_USER_ID].data));
}

void
JPayloadSetEvent(Datum *values, bool *nulls, const JPayloadEvent *event, JRedactRules *rules)
{
	for (int i = 0; i < JF_PROPERTIES; i++)
	{
		JStr		s = event->field[i];

		if (i == JF_REVENUE && !JStrIsNull(s))
		{
			nulls[JFieldColumn(i)] = false;
			values[JFieldColumn(i)] =
				DirectFunctionCall3(numeric_in, CStringGetDatum(pnstrdup(s.data, s.len)),
									ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
		}
		else
			JSetStr(values, nulls, JFieldColumn(i), s);
	}
	values[J_COLUMN_EVENT_TIME] = TimestampTzGetDatum(event->time);
	nulls[J_COLUMN_EVENT_TIME] = false;
	values[J_COLUMN_RECEIVED_AT] = TimestampTzGetDatum(event->received_at);
	nulls[J_COLUMN_RECEIVED_AT] = event->received_at == J_NO_TIME;
	values[JFieldColumn(JF_PROPERTIES)] = Properties(event, rules);
	values[JFieldColumn(JF_TRAITS)] = MergedTraits(event, rules);
	nulls[JFieldColumn(JF_PROPERTIES)] = values[JFieldColumn(JF_PROPERTIES)] == (Datum) 0;
	nulls[JFieldColumn(JF_TRAITS)] = values[JFieldColumn(JF_TRAITS)] == (Datum) 0;
}

static HeapTuple
FormEvent(TupleDesc tupdesc, const JPayloadEvent *event, JRedactRules *rules)
{
	Datum		values[J_EVENT_COLUMNS];
	bool		nulls[J_EVENT_COLUMNS];

	JPayloadSetEvent(values, nulls, event, rules);
	return heap_form_tuple(tupdesc, values, nulls);
}

char *
JPayloadReason(const JPayloadError *error)
{
	return psprintf("%s at byte %d: %s", error->code, error->offset, error->what);
}

/* The one event that a payload should be. */
typedef struct OneEvent
{
	int			count;
	JPayloadEvent event;		/* the first */
} OneEvent;

static void
TakeOne(const JPayloadEvent *event, void *arg)
{
	OneEvent   *one = arg;

	if (one->count++ == 0)
		one->event = *event;
}

/* The descriptor of journey.event, once per query. */
static TupleDesc
EventDescriptor(FunctionCallInfo fcinfo)
{
	TupleDesc	tupdesc;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE ||
		tupdesc->natts != J_EVENT_COLUMNS)
		elog(ERROR, "journey.event does not have %d columns", J_EVENT_COLUMNS);
	return BlessTupleDesc(tupdesc);
}

/* The message tells where, and nothing of what is there: it may be personal. */
static Datum
ParseOne(FunctionCallInfo fcinfo, JStr payload, JPayloadError *error)
{
	const JPayloadSettings *options = GetOptions(fcinfo, 1);
	OneEvent	one = {0};
	JPayloadForm form;

	if (error->code == NULL)
	{
		form = JPayloadRead(payload, &options->options, TakeOne, &one);
		if (options->rules != NULL)
			RedactEvent(options->rules, &one.event);
		*error = one.event.error;
		if (form != JFORM_EVENT && form != JFORM_ARCHIVE)
		{
			*error = (JPayloadError) {0};
			JPayloadFail(error, "batch", 0);
		}
	}
	if (error->code != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid event payload: %s at byte %d", error->code, error->offset),
				 errdetail_internal("%c%s.", pg_toupper((unsigned char) error->what[0]), error->what + 1),
				 errhint("journey.parse_events() gives a row for each event, and the reason where one cannot be read.")));
	return HeapTupleGetDatum(FormEvent(EventDescriptor(fcinfo), &one.event, options->rules));
}

PG_FUNCTION_INFO_V1(journey_parse_event);
Datum
journey_parse_event(PG_FUNCTION_ARGS)
{
	JPayloadError error = {0};
	JStr		payload = JSTR_NULL;

	if (!TextPayload(PG_GETARG_DATUM(0), &payload))
		JPayloadFail(&error, "too_large", 0);
	PG_RETURN_DATUM(ParseOne(fcinfo, payload, &error));
}

PG_FUNCTION_INFO_V1(journey_parse_event_jsonb);
Datum
journey_parse_event_jsonb(PG_FUNCTION_ARGS)
{
	JPayloadError error = {0};
	StringInfoData text;

	initStringInfo(&text);
	JPayloadPrintJsonb(&text, PG_GETARG_JSONB_P(0), &error);
	PG_RETURN_DATUM(ParseOne(fcinfo, (JStr) {text.data, text.len}, &error));
}

/* Where the rows of parse_events() go. */
typedef struct EventRows
{
	ReturnSetInfo *result;
	TupleDesc	event_desc;
	MemoryContext row_context;	/* emptied after each row */
	JRedactRules *rules;		/* or NULL */
	int			position;
} EventRows;

static void
PutRow(const JPayloadEvent *given, void *arg)
{
	EventRows  *rows = arg;
	MemoryContext old = MemoryContextSwitchTo(rows->row_context);
	JPayloadEvent left = *given;
	const JPayloadEvent *event = &left;
	Datum		values[3];
	bool		nulls[3] = {false, false, false};

	if (rows->rules != NULL)
		RedactEvent(rows->rules, &left);
	nulls[1] = event->error.code != NULL;
	nulls[2] = event->error.code == NULL;

	values[0] = Int32GetDatum(++rows->position);
	values[1] = values[2] = (Datum) 0;
	if (event->error.code != NULL)
		values[2] = CStringGetTextDatum(JPayloadReason(&event->error));
	else
		values[1] = HeapTupleGetDatum(FormEvent(rows->event_desc, event, rows->rules));
	tuplestore_putvalues(rows->result->setResult, rows->result->setDesc, values, nulls);
	MemoryContextSwitchTo(old);
	MemoryContextReset(rows->row_context);
}

PG_FUNCTION_INFO_V1(journey_parse_events);
Datum
journey_parse_events(PG_FUNCTION_ARGS)
{
	EventRows	rows = {.result = (ReturnSetInfo *) fcinfo->resultinfo};
	const JPayloadSettings *options = GetOptions(fcinfo, 1);
	JStr		payload;

	InitMaterializedSRF(fcinfo, 0);
	rows.rules = options->rules;
	rows.event_desc = lookup_rowtype_tupdesc_copy(TupleDescAttr(rows.result->setDesc, 1)->atttypid, -1);
	rows.row_context = AllocSetContextCreate(CurrentMemoryContext, "pg_journey payload row",
											 ALLOCSET_DEFAULT_SIZES);
	if (TextPayload(PG_GETARG_DATUM(0), &payload))
		(void) JPayloadRead(payload, &options->options, PutRow, &rows);
	else
	{
		JPayloadEvent event = {0};

		JPayloadFail(&event.error, "too_large", 0);
		PutRow(&event, &rows);
	}
	MemoryContextDelete(rows.row_context);
	return (Datum) 0;
}

/* What payload_summary() counts. */
typedef struct Summary
{
	int64		events;
	int64		rejected;
	int64		nuls;
} Summary;

static void
Count(const JPayloadEvent *event, void *arg)
{
	Summary    *summary = arg;

	if (event->error.code != NULL)
		summary->rejected++;
	else
		summary->events++;
	summary->nuls += event->nuls;
}

PG_FUNCTION_INFO_V1(journey_payload_summary);
Datum
journey_payload_summary(PG_FUNCTION_ARGS)
{
	Summary		summary = {0};
	TupleDesc	tupdesc;
	Datum		values[5];
	bool		nulls[5] = {false, false, false, false, false};
	const JPayloadSettings *options = GetOptions(fcinfo, 1);
	JStr		payload;
	const char *form = "event";

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (TextPayload(PG_GETARG_DATUM(0), &payload))
		form = JPayloadFormName(JPayloadRead(payload, &options->options, Count, &summary));
	else
		summary.rejected = 1;
	values[0] = CStringGetTextDatum(form);
	values[1] = Int64GetDatum(summary.events);
	values[2] = Int64GetDatum(summary.rejected);
	values[3] = Int64GetDatum(summary.nuls);
	values[4] = Int64GetDatum((int64) toast_raw_datum_size(PG_GETARG_DATUM(0)) - VARHDRSZ);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}

PG_FUNCTION_INFO_V1(journey_warehouse_name);
Datum
journey_warehouse_name(PG_FUNCTION_ARGS)
{
	JStr		name = JStrFromText(PG_GETARG_TEXT_PP(0));
	JStr		loader = JStrFromText(PG_GETARG_TEXT_PP(1));
	char		column[J_NAME_BYTES];
	int			len;

	if (JStrEqual(loader, JSTR_LIT("segment")))
		len = JWarehouseName(name, JLOADER_SEGMENT, column);
	else if (JStrEqual(loader, JSTR_LIT("rudderstack")))
		len = JWarehouseName(name, PG_GETARG_BOOL(2) ? JLOADER_RUDDERSTACK_DIVIDED : JLOADER_RUDDERSTACK, column);
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown loader \"%.*s\"", loader.len, loader.data),
				 errhint("Known loaders are: rudderstack, segment.")));
	if (len == 0)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(column, len));
}
