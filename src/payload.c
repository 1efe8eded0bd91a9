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
#include "utils/tuplestore.h"
#include "utils/typcache.h"

#include "journey_sql.h"
#include "payload_core.h"
#include "payload_scan_core.h"
#include "time_core.h"
#include "timeline.h"

#define KNOWN_OPTIONS "form, received_at, revenue"

/* Options as they were given last, and what they mean. */
typedef struct OptionsCache
{
	MemoryContext context;		/* of all below */
	Jsonb	   *jsonb;
	JPayloadOptions options;
} OptionsCache;

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

static void
ReadOption(JStr key, const JsonbValue *value, JPayloadOptions *options)
{
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
		if (value->type != jbvNull && (JStrIsNull(text) || !JTimeParse(text, &options->received_at)))
			BadOption("received_at", "a time as ISO 8601 writes it");
	}
	else if (JStrEqual(key, JSTR_LIT("revenue")))
		ReadRevenues(value, options);
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown payload option \"%.*s\"", key.len, key.data),
				 errhint("Known options are: %s.", KNOWN_OPTIONS)));
}

static void
ReadOptions(Jsonb *jsonb, JPayloadOptions *options)
{
	JsonbIterator *it = JsonbIteratorInit(&jsonb->root);
	JsonbIteratorToken token;
	JsonbValue	key;
	JsonbValue	value;

	memset(options, 0, sizeof(*options));
	options->encoding = GetDatabaseEncoding();
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
		ReadOption((JStr) {key.val.string.val, key.val.string.len}, &value, options);
	}
}

/* The options, which are the same for most rows. */
static const JPayloadOptions *
GetOptions(FunctionCallInfo fcinfo, int argno)
{
	OptionsCache *cache = fcinfo->flinfo->fn_extra;
	Jsonb	   *jsonb = PG_GETARG_JSONB_P(argno);
	MemoryContext old;

	if (cache != NULL && VARSIZE(cache->jsonb) == VARSIZE(jsonb) &&
		memcmp(cache->jsonb, jsonb, VARSIZE(jsonb)) == 0)
		return &cache->options;
	if (cache == NULL)
	{
		cache = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(OptionsCache));
		cache->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "pg_journey payload options",
											   ALLOCSET_SMALL_SIZES);
	}
	fcinfo->flinfo->fn_extra = NULL;	/* in case of an error below */
	MemoryContextReset(cache->context);
	old = MemoryContextSwitchTo(cache->context);
	cache->jsonb = (Jsonb *) pg_detoast_datum_copy((struct varlena *) jsonb);
	ReadOptions(cache->jsonb, &cache->options);
	MemoryContextSwitchTo(old);
	fcinfo->flinfo->fn_extra = cache;
	return &cache->options;
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

/* Writes a jsonb as text, within the limits of a payload. */
static void
PrintJsonb(StringInfo out, Jsonb *jsonb, JPayloadError *error)
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

static Datum
JsonbFrom(JStr raw)
{
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(pnstrdup(raw.data, raw.len)));
}

/* Traits of up to three objects; NULL where nothing is in them. */
static Datum
MergedTraits(const JPayloadEvent *event)
{
	Datum		merged = (Datum) 0;

	for (int i = 0; i < JTRAITS_COUNT; i++)
	{
		Datum		traits;

		if (JStrIsNull(event->traits[i]))
			continue;
		traits = JsonbFrom(event->traits[i]);
		merged = merged == (Datum) 0 ? traits :
			DirectFunctionCall2(jsonb_concat, merged, traits);
	}
	if (merged != (Datum) 0 && JB_ROOT_COUNT(DatumGetJsonbP(merged)) == 0)
		return (Datum) 0;
	return merged;
}

/* Properties; of a group its traits, with its id. */
static Datum
Properties(const JPayloadEvent *event)
{
	StringInfoData group;
	Datum		properties = JStrIsNull(event->field[JF_PROPERTIES]) ? (Datum) 0 :
		JsonbFrom(event->field[JF_PROPERTIES]);

	if (!JStrIsNull(event->group_id))
	{
		Datum		id;

		initStringInfo(&group);
		appendStringInfoString(&group, "{\"group_id\":");
		escape_json(&group, pnstrdup(event->group_id.data, event->group_id.len));
		appendStringInfoChar(&group, '}');
		id = DirectFunctionCall1(jsonb_in, CStringGetDatum(group.data));
		properties = properties == (Datum) 0 ? id : DirectFunctionCall2(jsonb_concat, properties, id);
	}
	if (properties != (Datum) 0 && JB_ROOT_COUNT(DatumGetJsonbP(properties)) == 0)
		return (Datum) 0;
	return properties;
}

static HeapTuple
FormEvent(TupleDesc tupdesc, const JPayloadEvent *event)
{
	Datum		values[J_EVENT_COLUMNS];
	bool		nulls[J_EVENT_COLUMNS];

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
	values[JFieldColumn(JF_PROPERTIES)] = Properties(event);
	values[JFieldColumn(JF_TRAITS)] = MergedTraits(event);
	nulls[JFieldColumn(JF_PROPERTIES)] = values[JFieldColumn(JF_PROPERTIES)] == (Datum) 0;
	nulls[JFieldColumn(JF_TRAITS)] = values[JFieldColumn(JF_TRAITS)] == (Datum) 0;
	return heap_form_tuple(tupdesc, values, nulls);
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
	OneEvent	one = {0};
	JPayloadForm form;

	if (error->code == NULL)
	{
		form = JPayloadRead(payload, GetOptions(fcinfo, 1), TakeOne, &one);
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
	return HeapTupleGetDatum(FormEvent(EventDescriptor(fcinfo), &one.event));
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
	PrintJsonb(&text, PG_GETARG_JSONB_P(0), &error);
	PG_RETURN_DATUM(ParseOne(fcinfo, (JStr) {text.data, text.len}, &error));
}

/* Where the rows of parse_events() go. */
typedef struct EventRows
{
	ReturnSetInfo *result;
	TupleDesc	event_desc;
	MemoryContext row_context;	/* emptied after each row */
	int			position;
} EventRows;

static void
PutRow(const JPayloadEvent *event, void *arg)
{
	EventRows  *rows = arg;
	MemoryContext old = MemoryContextSwitchTo(rows->row_context);
	Datum		values[3];
	bool		nulls[3] = {false, event->error.code != NULL, event->error.code == NULL};

	values[0] = Int32GetDatum(++rows->position);
	values[1] = values[2] = (Datum) 0;
	if (event->error.code != NULL)
		values[2] = CStringGetTextDatum(psprintf("%s at byte %d: %s", event->error.code,
												 event->error.offset, event->error.what));
	else
		values[1] = HeapTupleGetDatum(FormEvent(rows->event_desc, event));
	tuplestore_putvalues(rows->result->setResult, rows->result->setDesc, values, nulls);
	MemoryContextSwitchTo(old);
	MemoryContextReset(rows->row_context);
}

PG_FUNCTION_INFO_V1(journey_parse_events);
Datum
journey_parse_events(PG_FUNCTION_ARGS)
{
	EventRows	rows = {.result = (ReturnSetInfo *) fcinfo->resultinfo};
	JStr		payload;

	InitMaterializedSRF(fcinfo, 0);
	rows.event_desc = lookup_rowtype_tupdesc_copy(TupleDescAttr(rows.result->setDesc, 1)->atttypid, -1);
	rows.row_context = AllocSetContextCreate(CurrentMemoryContext, "pg_journey payload row",
											 ALLOCSET_DEFAULT_SIZES);
	if (TextPayload(PG_GETARG_DATUM(0), &payload))
		(void) JPayloadRead(payload, GetOptions(fcinfo, 1), PutRow, &rows);
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
	JStr		payload;
	const char *form = "event";

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (TextPayload(PG_GETARG_DATUM(0), &payload))
		form = JPayloadFormName(JPayloadRead(payload, GetOptions(fcinfo, 1), Count, &summary));
	else
		summary.rejected = 1;
	values[0] = CStringGetTextDatum(form);
	values[1] = Int64GetDatum(summary.events);
	values[2] = Int64GetDatum(summary.rejected);
	values[3] = Int64GetDatum(summary.nuls);
	values[4] = Int64GetDatum((int64) toast_raw_datum_size(PG_GETARG_DATUM(0)) - VARHDRSZ);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}
