/*
 * payload_intake.c
 *		The rows of a source of payloads, for the statement that reads sources.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "journey_sql.h"
#include "payload.h"
#include "payload_scan_core.h"
#include "timeline.h"

/* Of what is rejected so much is kept. */
#define MAX_CONTENT_BYTES 65536

/* More than reading a usual event takes. */
#define USUAL_BYTES (64 * 1024)

/* The columns of journey._payload_row behind those of journey.event. */
enum
{
	ROW_IP = J_EVENT_COLUMNS,
	ROW_USER_AGENT,
	ROW_POSITION,
	ROW_REASON,
	ROW_CONTENT,
	ROW_COLUMNS
};

/* The rows of one payload while they are given out. Lives as long as the query. */
typedef struct PayloadRows
{
	JPayloadSettings *settings;
	MemoryContext context;		/* of the rows */
	MemoryContext row_context;	/* of one that is made */
	TupleDesc	tupdesc;
	Oid			type;			/* of the payload */
	bool		with_content;
	bool		running;
	JStr		payload;
	HeapTuple  *rows;
	int			n;
	int			allocated;
	int			next;
} PayloadRows;

/* What was read, up to a length: as text or, where it is none, in hexadecimal digits. */
static Datum
Content(JStr text)
{
	static const char digits[] = "0123456789abcdef";
	int			len = Min(text.len, MAX_CONTENT_BYTES);
	StringInfoData hex;

	if (len < text.len)
		len = pg_encoding_mbcliplen(GetDatabaseEncoding(), text.data, text.len, len);
	if (pg_verify_mbstr(GetDatabaseEncoding(), text.data, len, true))
		return JStrGetDatum((JStr) {text.data, len});
	initStringInfo(&hex);
	appendStringInfoString(&hex, "\\x");
	for (int i = 0; i < Min(text.len, MAX_CONTENT_BYTES / 2); i++)
	{
		appendStringInfoChar(&hex, digits[(unsigned char) text.data[i] >> 4]);
		appendStringInfoChar(&hex, digits[(unsigned char) text.data[i] & 15]);
	}
	return JStrGetDatum((JStr) {hex.data, hex.len});
}

/* Keeps a row for one event, or for what is none. */
static void
KeepRow(const JPayloadEvent *event, void *arg)
{
	PayloadRows *state = arg;
	MemoryContext old = MemoryContextSwitchTo(state->row_context);
	JStr		text = JStrIsNull(event->text) ? state->payload : event->text;
	Datum		values[ROW_COLUMNS] = {0};
	bool		nulls[ROW_COLUMNS];

	memset(nulls, true, sizeof(nulls));
	if (event->error.code == NULL)
	{
		JPayloadSetEvent(values, nulls, event, NULL);
		JSetStr(values, nulls, ROW_IP, event->ip);
		JSetStr(values, nulls, ROW_USER_AGENT, event->user_agent);
	}
	else
	{
		values[ROW_REASON] = CStringGetTextDatum(JPayloadReason(&event->error));
		nulls[ROW_REASON] = false;
		nulls[ROW_CONTENT] = !state->with_content || JStrIsNull(text);
		if (!nulls[ROW_CONTENT])
			values[ROW_CONTENT] = Content(text);
	}
	values[ROW_POSITION] = Int32GetDatum(state->n + 1);
	nulls[ROW_POSITION] = false;
	MemoryContextSwitchTo(state->context);
	if (state->n == state->allocated)
	{
		state->allocated = Max(8, 2 * state->allocated);
		state->rows = state->n == 0 ? palloc_array(HeapTuple, state->allocated) :
			repalloc_huge(state->rows, sizeof(HeapTuple) * state->allocated);
	}
	state->rows[state->n++] = heap_form_tuple(state->tupdesc, values, nulls);
	MemoryContextSwitchTo(old);
	MemoryContextReset(state->row_context);
}

/*
 * The text of a payload. How large it is says its header, before anything of it is read. False, with the error,
 * where it is too large.
 */
static bool
GetPayload(PayloadRows *state, Datum datum, JPayloadError *error)
{
	struct varlena *bytes;
	StringInfoData text;

	if (toast_raw_datum_size(datum) > J_PAYLOAD_BYTES + VARHDRSZ)
		return JPayloadFail(error, "too_large", 0);
	if (state->type == JSONBOID)
	{
		initStringInfo(&text);
		JPayloadPrintJsonb(&text, DatumGetJsonbP(datum), error);
		state->payload = (JStr) {text.data, text.len};
		return error->code == NULL;
	}
	bytes = PG_DETOAST_DATUM_PACKED(datum);
	state->payload = (JStr) {VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes)};
	return true;
}

/* Reads a payload into rows. */
static void
ReadPayload(FunctionCallInfo fcinfo, PayloadRows *state)
{
	JPayloadOptions options;
	JPayloadError error = {0};
	MemoryContext old;

	(void) JPayloadGetSettings(&state->settings, fcinfo->flinfo->fn_mcxt, PG_GETARG_JSONB_P(2));
	options = state->settings->options;
	options.raw_ids = true;
	options.verify = state->type == BYTEAOID;
	if (!PG_ARGISNULL(1))
		options.received_at = PG_GETARG_TIMESTAMPTZ(1);
	state->with_content = PG_GETARG_BOOL(3);
	state->n = state->allocated = state->next = 0;
	state->payload = JSTR_NULL;
	MemoryContextReset(state->context);
	old = MemoryContextSwitchTo(state->context);
	if (PG_ARGISNULL(0))
		JPayloadFail(&error, "empty", 0);
	else if (GetPayload(state, PG_GETARG_DATUM(0), &error))
		(void) JPayloadRead(state->payload, &options, KeepRow, state);
	if (error.code != NULL)
		KeepRow(&(JPayloadEvent) {.error = error}, state);
	MemoryContextSwitchTo(old);
}

/* The query asks for no more rows of this payload. */
static void
Stop(Datum arg)
{
	((PayloadRows *) DatumGetPointer(arg))->running = false;
}

static PayloadRows *
Prepare(FunctionCallInfo fcinfo)
{
	MemoryContext query = fcinfo->flinfo->fn_mcxt;
	PayloadRows *state = MemoryContextAllocZero(query, sizeof(PayloadRows));
	MemoryContext old = MemoryContextSwitchTo(query);
	TupleDesc	tupdesc;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE || tupdesc->natts != ROW_COLUMNS)
		elog(ERROR, "journey._payload_row does not have %d columns", ROW_COLUMNS);
	state->tupdesc = BlessTupleDesc(CreateTupleDescCopy(tupdesc));
	state->type = getBaseType(get_fn_expr_argtype(fcinfo->flinfo, 0));
	MemoryContextSwitchTo(old);
	switch (state->type)
	{
		case TEXTOID:
		case VARCHAROID:
		case JSONOID:
		case JSONBOID:
		case BYTEAOID:
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a payload must be text, json, jsonb or bytea")));
	}
	/* what a usual event takes is kept from one payload to the next */
	state->context = AllocSetContextCreate(query, "pg_journey payload", USUAL_BYTES, USUAL_BYTES, ALLOCSET_DEFAULT_MAXSIZE);
	state->row_context = AllocSetContextCreate(query, "pg_journey payload row", USUAL_BYTES, USUAL_BYTES,
											   ALLOCSET_DEFAULT_MAXSIZE);
	return state;
}

/*
 * _payload_rows(payload "any", received_at timestamptz, options jsonb, with_content boolean): a row for each event
 * of a payload, ids as they were sent, and for each that cannot be read, with its content if asked for.
 */
PG_FUNCTION_INFO_V1(_payload_rows);
Datum
_payload_rows(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	PayloadRows *state = fcinfo->flinfo->fn_extra;

	if (result == NULL || !IsA(result, ReturnSetInfo))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a function that returns a set is called where none is taken")));
	if (PG_ARGISNULL(2) || PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("options must not be null")));
	if (state == NULL)
		fcinfo->flinfo->fn_extra = state = Prepare(fcinfo);
	if (!state->running)
	{
		ReadPayload(fcinfo, state);
		state->running = true;
		RegisterExprContextCallback(result->econtext, Stop, PointerGetDatum(state));
	}
	if (state->next < state->n)
	{
		result->isDone = ExprMultipleResult;
		PG_RETURN_DATUM(HeapTupleGetDatum(state->rows[state->next++]));
	}
	state->running = false;
	UnregisterExprContextCallback(result->econtext, Stop, PointerGetDatum(state));
	result->isDone = ExprEndResult;
	PG_RETURN_NULL();
}
