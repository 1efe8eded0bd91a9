/*
 * timeline.c
 *		The SQL type journey.timeline: input and output, comparison, and what is in one.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "common/hashfn.h"
#include "datatype/timestamp.h"
#include "funcapi.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "timeline.h"

PG_FUNCTION_INFO_V1(timeline_in);
PG_FUNCTION_INFO_V1(timeline_out);
PG_FUNCTION_INFO_V1(timeline_recv);
PG_FUNCTION_INFO_V1(timeline_send);
PG_FUNCTION_INFO_V1(timeline_eq);
PG_FUNCTION_INFO_V1(timeline_ne);
PG_FUNCTION_INFO_V1(timeline_lt);
PG_FUNCTION_INFO_V1(timeline_le);
PG_FUNCTION_INFO_V1(timeline_gt);
PG_FUNCTION_INFO_V1(timeline_ge);
PG_FUNCTION_INFO_V1(timeline_cmp);
PG_FUNCTION_INFO_V1(timeline_hash);
PG_FUNCTION_INFO_V1(timeline_hash_extended);
PG_FUNCTION_INFO_V1(event_count);
PG_FUNCTION_INFO_V1(events);

JTimelineReader *
JTimelineOpenDatum(const struct varlena *timeline)
{
	return JTimelineOpen(VARDATA_ANY(timeline), VARSIZE_ANY_EXHDR(timeline), false, NULL);
}

void
JTimelineTooLarge(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("timeline is too large"),
			 errdetail("A timeline holds at most %d events, and 1 GB.",
					   JTIMELINE_MAX_EVENTS),
			 errhint("Make one timeline per visitor and month, for example, not one of all.")));
}

void
JTimelineCheckTime(int64 time, const char *column)
{
	if (TIMESTAMP_NOT_FINITE(time))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("%s of an event must not be infinite", column),
				 errhint("Leave such rows out with isfinite(%s).", column)));
}

struct varlena *
JTimelineFromEvents(JEvent *events, int n)
{
	Size		size;
	char	   *timeline;

	n = JEventsCanonicalise(events, n);
	timeline = n > JTIMELINE_MAX_EVENTS ? NULL : JTimelineBuild(events, n, &size);
	if (timeline == NULL)
		JTimelineTooLarge();
	SET_VARSIZE(timeline, size);
	return (struct varlena *) timeline;
}

Datum
timeline_in(PG_FUNCTION_ARGS)
{
	int			n;
	JEvent	   *events = JTimelineReadJson(PG_GETARG_CSTRING(0), &n);

	PG_RETURN_POINTER(JTimelineFromEvents(events, n));
}

Datum
timeline_out(PG_FUNCTION_ARGS)
{
	JTimelineReader *reader = JTimelineOpenDatum(PG_GETARG_TIMELINE_PP(0));
	StringInfoData json;

	initStringInfo(&json);
	JTimelineWriteJson(&json, reader);
	JTimelineClose(reader);
	PG_RETURN_CSTRING(json.data);
}

/*
 * The binary form is the body itself, which is the same on every machine, with its strings in the
 * client's encoding. Converts all strings of the events; returns whether any changed.
 */
static bool
ConvertStrings(JEvent *events, int n, char *(*convert) (const char *s, int len))
{
	bool		changed = false;

	for (int i = 0; i < n; i++)
		for (int j = 0; j < JF_COUNT; j++)
		{
			JStr	   *s = &events[i].field[j];
			char	   *converted;

			if (JStrIsNull(*s))
				continue;
			converted = convert(s->data, s->len);
			if (converted == s->data)
				continue;
			*s = (JStr) {converted, (int32) strlen(converted)};
			changed = true;
		}
	return changed;
}

static void
InvalidBinary(const char *reason)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid binary form of type timeline"),
			 errdetail_internal("Damaged, or no timeline: %s.", reason)));
}

/*
 * Revenue and properties are kept as text: from outside they must be the text that the server
 * writes.
 */
static void
CheckTypedFields(const JEvent *event)
{
	for (int i = 0; i < JF_COUNT; i++)
	{
		JStr		s = event->field[i];
		char	   *text;
		char	   *canonical;

		if (JStrIsNull(s) || (i != JF_REVENUE && i != JF_PROPERTIES && i != JF_TRAITS))
			continue;
		text = pnstrdup(s.data, s.len);
		if (i == JF_REVENUE)
		{
			Datum		number = DirectFunctionCall3(numeric_in, CStringGetDatum(text),
													 ObjectIdGetDatum(InvalidOid),
													 Int32GetDatum(-1));

			canonical = DatumGetCString(DirectFunctionCall1(numeric_out, number));
		}
		else
		{
			Datum		json = DirectFunctionCall1(jsonb_in, CStringGetDatum(text));

			canonical = DatumGetCString(DirectFunctionCall1(jsonb_out, json));
		}
		if (strcmp(text, canonical) != 0)
			InvalidBinary("a number or JSON is not in standard form");
	}
}

/* As pg_client_to_server(), which checks the string even where nothing is to be converted. */
static char *
ClientToServer(const char *s, int len)
{
	return pg_client_to_server(s, len);
}

static char *
ServerToClient(const char *s, int len)
{
	return pg_server_to_client(s, len);
}

Datum
timeline_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int			len = buf->len - buf->cursor;
	const char *body = pq_getmsgbytes(buf, len);
	const char *error;
	JTimelineReader *reader = JTimelineOpen(body, len, true, &error);
	JEvent	   *events;
	struct varlena *result;
	bool		converted;
	int			n;

	if (reader == NULL)
		InvalidBinary(error);
	events = JTimelineEvents(reader, &n);
	/* converted first: the standard form of JSON orders keys by their bytes here, not the client's */
	converted = ConvertStrings(events, n, ClientToServer);
	for (int i = 0; i < n; i++)
		CheckTypedFields(&events[i]);
	if (converted)
		PG_RETURN_POINTER(JTimelineFromEvents(events, n));

	result = palloc(VARHDRSZ + len);
	SET_VARSIZE(result, VARHDRSZ + len);
	memcpy(VARDATA(result), body, len);
	PG_RETURN_POINTER(result);
}

Datum
timeline_send(PG_FUNCTION_ARGS)
{
	struct varlena *timeline = PG_GETARG_TIMELINE_PP(0);
	int			n;
	JEvent	   *events;
	StringInfoData buf;

	if (pg_get_client_encoding() != GetDatabaseEncoding())
	{
		events = JTimelineEvents(JTimelineOpenDatum(timeline), &n);
		if (ConvertStrings(events, n, ServerToClient))
			timeline = JTimelineFromEvents(events, n);
	}
	pq_begintypsend(&buf);
	pq_sendbytes(&buf, VARDATA_ANY(timeline), VARSIZE_ANY_EXHDR(timeline));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/*
 * Comparison: equal timelines have equal bytes, since a set of events has one form only. The order
 * has no meaning but to make DISTINCT, EXCEPT, ORDER BY and indexes work.
 */
static int
TimelineCompare(FunctionCallInfo fcinfo)
{
	struct varlena *a = PG_GETARG_TIMELINE_PP(0);
	struct varlena *b = PG_GETARG_TIMELINE_PP(1);
	Size		len_a = VARSIZE_ANY_EXHDR(a);
	Size		len_b = VARSIZE_ANY_EXHDR(b);
	int			c = memcmp(VARDATA_ANY(a), VARDATA_ANY(b), Min(len_a, len_b));

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return c != 0 ? c : (len_a > len_b) - (len_a < len_b);
}

/* Looks at the contents only where the sizes, which need no detoasting, are the same. */
static bool
TimelineEqual(FunctionCallInfo fcinfo)
{
	return toast_raw_datum_size(PG_GETARG_DATUM(0)) == toast_raw_datum_size(PG_GETARG_DATUM(1)) &&
		TimelineCompare(fcinfo) == 0;
}

Datum
timeline_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(TimelineEqual(fcinfo));
}

Datum
timeline_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!TimelineEqual(fcinfo));
}

Datum
timeline_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(TimelineCompare(fcinfo) < 0);
}

Datum
timeline_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(TimelineCompare(fcinfo) <= 0);
}

Datum
timeline_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(TimelineCompare(fcinfo) > 0);
}

Datum
timeline_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(TimelineCompare(fcinfo) >= 0);
}

Datum
timeline_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(TimelineCompare(fcinfo));
}

Datum
timeline_hash(PG_FUNCTION_ARGS)
{
	struct varlena *t = PG_GETARG_TIMELINE_PP(0);
	Datum		result = hash_any((unsigned char *) VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t));

	PG_FREE_IF_COPY(t, 0);
	return result;
}

Datum
timeline_hash_extended(PG_FUNCTION_ARGS)
{
	struct varlena *t = PG_GETARG_TIMELINE_PP(0);
	Datum		result = hash_any_extended((unsigned char *) VARDATA_ANY(t),
										   VARSIZE_ANY_EXHDR(t), PG_GETARG_INT64(1));

	PG_FREE_IF_COPY(t, 0);
	return result;
}

Datum
event_count(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(JTimelineCount(JTimelineOpenDatum(PG_GETARG_TIMELINE_PP(0))));
}

/* One row of journey.event. */
static HeapTuple
FormEventTuple(TupleDesc tupdesc, const JEvent *event)
{
	Datum		values[J_EVENT_COLUMNS];
	bool		nulls[J_EVENT_COLUMNS];

	values[J_COLUMN_EVENT_TIME] = TimestampTzGetDatum(event->time);
	nulls[J_COLUMN_EVENT_TIME] = false;
	values[J_COLUMN_RECEIVED_AT] = TimestampTzGetDatum(event->received_at);
	nulls[J_COLUMN_RECEIVED_AT] = event->received_at == J_NO_TIME;
	for (int i = 0; i < JF_COUNT; i++)
	{
		JStr		s = event->field[i];
		Datum	   *value = &values[JFieldColumn(i)];

		nulls[JFieldColumn(i)] = JStrIsNull(s);
		if (JStrIsNull(s))
			*value = (Datum) 0;
		else if (i == JF_REVENUE)
			*value = DirectFunctionCall3(numeric_in, CStringGetDatum(pnstrdup(s.data, s.len)),
										 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
		else if (i == JF_PROPERTIES || i == JF_TRAITS)
			*value = DirectFunctionCall1(jsonb_in, CStringGetDatum(pnstrdup(s.data, s.len)));
		else
			*value = PointerGetDatum(cstring_to_text_with_len(s.data, s.len));
	}
	return heap_form_tuple(tupdesc, values, nulls);
}

Datum
events(PG_FUNCTION_ARGS)
{
	FuncCallContext *funcctx;
	MemoryContext oldcontext;
	JEvent		event;
	bool		found;

	if (SRF_IS_FIRSTCALL())
	{
		struct varlena *timeline;
		TupleDesc	tupdesc;

		funcctx = SRF_FIRSTCALL_INIT();
		oldcontext = MemoryContextSwitchTo(funcctx->multi_call_memory_ctx);
		if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE ||
			tupdesc->natts != J_EVENT_COLUMNS)
			elog(ERROR, "journey.event does not have %d columns", J_EVENT_COLUMNS);
		funcctx->tuple_desc = BlessTupleDesc(tupdesc);
		timeline = PG_DETOAST_DATUM_COPY(PG_GETARG_DATUM(0));
		funcctx->user_fctx = JTimelineOpenDatum(timeline);
		MemoryContextSwitchTo(oldcontext);
	}

	/* the reader keeps strings from call to call */
	funcctx = SRF_PERCALL_SETUP();
	oldcontext = MemoryContextSwitchTo(funcctx->multi_call_memory_ctx);
	found = JTimelineNext(funcctx->user_fctx, &event);
	MemoryContextSwitchTo(oldcontext);
	if (!found)
		SRF_RETURN_DONE(funcctx);
	SRF_RETURN_NEXT(funcctx, HeapTupleGetDatum(FormEventTuple(funcctx->tuple_desc, &event)));
}
