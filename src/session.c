/*
 * session.c
 *		SQL functions on timelines: sessions, touches, first and last touch; and the window function
 *		session_number.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"
#include "windowapi.h"

#include "profile_sql.h"
#include "session_sql.h"
#include "timeline_core.h"
#include "touch_sql.h"
#include "url_core.h"

/* ------------------------------------------------------------------------------------------------
 * rows
 * ------------------------------------------------------------------------------------------------ */

Datum
JNumericFromText(JStr amount)
{
	return DirectFunctionCall3(numeric_in, CStringGetDatum(pnstrdup(amount.data, amount.len)),
							   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

/* The sum of a session's amounts; NULL where it has none, or several currencies. */
static bool
JPartRevenue(const JPart *part, Datum *sum)
{
	JFactSums	sums = {JNumericAdd};

	for (int i = 0; i < part->n_revenues; i++)
		JFactSumsAmount(&sums, part->revenues[i].currency,
						DatumGetPointer(JNumericFromText(part->revenues[i].amount)));
	*sum = PointerGetDatum(JFactSumsSingle(&sums));
	return DatumGetPointer(*sum) != NULL;
}

static void
JSetTimestamp(Datum *values, bool *nulls, int column, int64 time)
{
	values[column] = TimestampTzGetDatum(time);
	nulls[column] = false;
}

void
JSetUuid(Datum *values, bool *nulls, int column, const JUuid *uuid)
{
	JUuid	   *copy = palloc_object(JUuid);

	*copy = *uuid;
	values[column] = PointerGetDatum(copy);
	nulls[column] = false;
}

/* The columns ended_at .. is_bounce of journey.session, from values[0] on. */
void
JSetSession(Datum *values, bool *nulls, const JPart *part, pg_tz *zone)
{
	const JPartTouch *main = JPartMainTouch(part);
	const JTouch direct = {.source = JSTR_LIT("(direct)"), .medium = JSTR_LIT("(none)"),
	.channel = JSTR_LIT("Direct")};
	const JTouch *touch = main != NULL ? main->touch : &direct;
	int64		day = zone != NULL ? JLocalDay(part->started_at, zone) :
		(part->started_at - (part->started_at % J_USECS_PER_DAY + J_USECS_PER_DAY) % J_USECS_PER_DAY) /
		J_USECS_PER_DAY;
	JUrl		landing = {.path = JSTR_NULL};
	int			i = 0;

	if (!JStrIsNull(part->landing_page))
		JUrlParse(part->landing_page, &landing);
	memset(nulls, 0, sizeof(bool) * J_SESSION_COLUMNS);
	JSetTimestamp(values, nulls, i++, part->ended_at);
	values[i++] = Int32GetDatum((int32) day);
	values[i++] = NumericGetDatum(int64_div_fast_to_numeric(part->ended_at - part->started_at, 6));
	values[i++] = Int64GetDatum(part->events);
	values[i++] = Int64GetDatum(part->page_views);
	JSetStr(values, nulls, i++, part->landing_page);
	JSetStr(values, nulls, i++, landing.path);
	JSetStr(values, nulls, i++, part->exit_page);
	JSetStr(values, nulls, i++, main != NULL ? main->referrer : JSTR_NULL);
	JSetStr(values, nulls, i++, touch->referrer_host);
	JSetStr(values, nulls, i++, touch->source);
	JSetStr(values, nulls, i++, touch->medium);
	JSetStr(values, nulls, i++, touch->campaign);
	JSetStr(values, nulls, i++, touch->term);
	JSetStr(values, nulls, i++, touch->content);
	JSetStr(values, nulls, i++, touch->channel);
	JSetStr(values, nulls, i++, part->gclid);
	JSetStr(values, nulls, i++, touch->click_id);
	JSetStr(values, nulls, i++, touch->click_id_type);
	nulls[i] = !JPartRevenue(part, &values[i]);
	i++;
	values[i++] = BoolGetDatum(part->page_views <= 1 && !part->active_track);
	Assert(i == J_SESSION_COLUMNS);
}

/* The touches of a session: those that it has, or one that is direct. */
int
JPartTouches(const JPart *part, JPartTouch **touches)
{
	JTouch	   *direct;

	if (part->n_touches > 0)
	{
		*touches = part->touches;
		return part->n_touches;
	}
	direct = palloc0(offsetof(JTouch, click_ids));
	direct->type = JTOUCH_DIRECT;
	direct->source = JSTR_LIT("(direct)");
	direct->medium = JSTR_LIT("(none)");
	direct->channel = JSTR_LIT("Direct");
	direct->landing_page = part->landing_page;
	*touches = palloc0_object(JPartTouch);
	(*touches)->time = part->started_at;
	(*touches)->event_id = part->first_event_id;
	(*touches)->touch = direct;
	return 1;
}

/* A row of journey.touched. */
void
JSetTouched(Datum *values, bool *nulls, const JPart *part, const JPartTouch *at)
{
	const JTouch *touch = at->touch;
	JUuid		id = JUuidFrom("touch", part->visitor_id, at->event_id, at->time);
	int			i = 0;

	JSetUuid(values, nulls, i++, &id);
	JSetStr(values, nulls, i++, part->visitor_id);
	JSetUuid(values, nulls, i++, &part->id);
	JSetTimestamp(values, nulls, i++, at->time);
	JSetStr(values, nulls, i++, JStrFromCString(JTouchTypeName(touch->type)));
	JSetStr(values, nulls, i++, touch->source);
	JSetStr(values, nulls, i++, touch->medium);
	JSetStr(values, nulls, i++, touch->campaign);
	JSetStr(values, nulls, i++, touch->term);
	JSetStr(values, nulls, i++, touch->content);
	JSetStr(values, nulls, i++, touch->campaign_id);
	JSetStr(values, nulls, i++, touch->channel);
	JSetStr(values, nulls, i++, touch->click_id);
	JSetStr(values, nulls, i++, touch->click_id_type);
	nulls[i] = touch->n_click_ids == 0;
	values[i] = nulls[i] ? (Datum) 0 : JsonbPGetDatum(JTouchClickIds(touch));
	i++;
	JSetStr(values, nulls, i++, touch->landing_page);
	JSetStr(values, nulls, i++, at->referrer);
	JSetStr(values, nulls, i++, touch->referrer_host);
	Assert(i == J_TOUCHED_COLUMNS);
}

/* ------------------------------------------------------------------------------------------------
 * splitting a timeline
 * ------------------------------------------------------------------------------------------------ */

static int
JCompareVisitorFirst(const void *a, const void *b)
{
	const JEvent *x = a;
	const JEvent *y = b;
	int			c = JStrCompare(x->field[JF_VISITOR_ID], y->field[JF_VISITOR_ID]);

	return c != 0 ? c : JEventCompare(x, y);
}

void
JForEachSession(const struct varlena *timeline, const JSessionOptions *options,
				JSessionCallback callback, void *arg)
{
	const char *error;
	JTimelineReader *reader = JTimelineOpen(VARDATA_ANY(timeline), VARSIZE_ANY_EXHDR(timeline),
											false, &error);
	JEvent	   *events;
	int			n;
	bool		several = false;

	if (reader == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("invalid timeline: %s", error)));
	events = JTimelineEvents(reader, &n);
	for (int i = 1; i < n && !several; i++)
		several = !JStrEqual(events[i].field[JF_VISITOR_ID], events[0].field[JF_VISITOR_ID]);
	if (several)
		qsort(events, n, sizeof(JEvent), JCompareVisitorFirst);

	for (int from = 0, to; from < n; from = to)
	{
		for (to = from + 1; to < n && JStrEqual(events[to].field[JF_VISITOR_ID],
												events[from].field[JF_VISITOR_ID]); to++)
			;
		JSessionsOf(options, events + from, to - from, callback, arg);
	}
}

void
JPutSessionRow(const JPart *part, int64 number, void *arg)
{
	JRowSink   *sink = arg;
	MemoryContext old = MemoryContextSwitchTo(sink->context);
	Datum		values[5 + J_SESSION_COLUMNS];
	bool		nulls[5 + J_SESSION_COLUMNS];

	JSetUuid(values, nulls, 0, &part->id);
	JSetStr(values, nulls, 1, part->visitor_id);
	JSetStr(values, nulls, 2, part->user_id);
	values[3] = Int64GetDatum(number);
	nulls[3] = false;
	JSetTimestamp(values, nulls, 4, part->started_at);
	JSetSession(values + 5, nulls + 5, part, sink->zone);
	tuplestore_putvalues(sink->rsinfo->setResult, sink->rsinfo->setDesc, values, nulls);
	MemoryContextSwitchTo(old);
	MemoryContextReset(sink->context);
}

static void
JPutTouchedRows(const JPart *part, int64 number, void *arg)
{
	JRowSink   *sink = arg;
	MemoryContext old = MemoryContextSwitchTo(sink->context);
	JPartTouch *touches;
	int			n = JPartTouches(part, &touches);

	for (int i = 0; i < n; i++)
	{
		Datum		values[J_TOUCHED_COLUMNS];
		bool		nulls[J_TOUCHED_COLUMNS];

		JSetTouched(values, nulls, part, &touches[i]);
		tuplestore_putvalues(sink->rsinfo->setResult, sink->rsinfo->setDesc, values, nulls);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(sink->context);
}

static Datum
JSplitTimeline(FunctionCallInfo fcinfo, JSessionCallback callback)
{
	const JSqlOptions *options;
	JRowSink	sink;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	options = JGetSqlOptions(fcinfo, 1, 2);
	sink.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	sink.zone = options->time_zone;
	sink.context = AllocSetContextCreate(CurrentMemoryContext, "pg_journey rows",
										 ALLOCSET_DEFAULT_SIZES);
	JForEachSession(PG_GETARG_VARLENA_PP(0), &options->session, callback, &sink);
	MemoryContextDelete(sink.context);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(journey_sessions);
Datum
journey_sessions(PG_FUNCTION_ARGS)
{
	return JSplitTimeline(fcinfo, JPutSessionRow);
}

PG_FUNCTION_INFO_V1(journey_touches);
Datum
journey_touches(PG_FUNCTION_ARGS)
{
	return JSplitTimeline(fcinfo, JPutTouchedRows);
}

/* ------------------------------------------------------------------------------------------------
 * first_touch, last_touch
 * ------------------------------------------------------------------------------------------------ */

typedef struct JTouchSearch
{
	bool		last;			/* else the first */
	bool		non_direct;
	int64		from;			/* both ends are in */
	int64		to;
	JPartTouch	found;			/* touch NULL: none yet */
} JTouchSearch;

static void
JSearchTouch(const JPart *part, int64 number, void *arg)
{
	JTouchSearch *search = arg;
	JPartTouch *touches;
	int			n = JPartTouches(part, &touches);

	for (int i = 0; i < n; i++)
	{
		JPartTouch *at = &touches[i];
		int			c = 0;

		if (at->time < search->from || at->time > search->to ||
			(search->non_direct && at->touch->type == JTOUCH_DIRECT))
			continue;
		if (search->found.touch != NULL)
		{
			c = (at->time > search->found.time) - (at->time < search->found.time);
			if (c == 0)
				c = JStrCompare(at->event_id, search->found.event_id);
		}
		if (search->found.touch == NULL || (search->last ? c > 0 : c < 0))
			search->found = *at;
	}
}

/* The row of the touch that is searched for; NULL if there is none. */
static Datum
JFoundTouch(FunctionCallInfo fcinfo, JTouchSearch *search)
{
	JSqlOptions options;
	const JTouch *touch;
	TupleDesc	tupdesc;

	JInitSqlOptions(&options);
	JForEachSession(PG_GETARG_VARLENA_PP(0), &options.session, JSearchTouch, search);
	touch = search->found.touch;
	if (touch == NULL)
		PG_RETURN_NULL();
	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return JTouchRow(touch, BlessTupleDesc(tupdesc));
}

PG_FUNCTION_INFO_V1(journey_first_touch);
Datum
journey_first_touch(PG_FUNCTION_ARGS)
{
	JTouchSearch search = {.from = PG_INT64_MIN, .to = PG_INT64_MAX};

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	search.non_direct = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);
	return JFoundTouch(fcinfo, &search);
}

/* The time of the last event of a timeline; false where it has none. */
static bool
JTimelineEnd(const struct varlena *timeline, int64 *end)
{
	const char *error;
	JTimelineReader *reader = JTimelineOpen(VARDATA_ANY(timeline), VARSIZE_ANY_EXHDR(timeline),
											false, &error);
	JEvent		event;
	bool		found = false;

	if (reader == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("invalid timeline: %s", error)));
	while (JTimelineNext(reader, &event))
	{
		found = true;
		*end = event.time;
	}
	JTimelineClose(reader);
	return found;
}

PG_FUNCTION_INFO_V1(journey_last_touch);
Datum
journey_last_touch(PG_FUNCTION_ARGS)
{
	JTouchSearch search = {.last = true};

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (!PG_ARGISNULL(1))
		search.to = PG_GETARG_TIMESTAMPTZ(1);
	else if (!JTimelineEnd(PG_GETARG_VARLENA_PP(0), &search.to))
		PG_RETURN_NULL();
	search.from = PG_INT64_MIN;
	if (!PG_ARGISNULL(2) &&
		pg_sub_s64_overflow(search.to, JIntervalMicroseconds(PG_GETARG_INTERVAL_P(2), "lookback"),
							&search.from))
		search.from = PG_INT64_MIN;
	search.non_direct = !PG_ARGISNULL(3) && PG_GETARG_BOOL(3);
	return JFoundTouch(fcinfo, &search);
}

/* ------------------------------------------------------------------------------------------------
 * session_number
 * ------------------------------------------------------------------------------------------------ */

typedef struct JNumberState
{
	bool		begun;
	int64		timeout;
	int64		prev;			/* time of the last row that has one */
	int64		number;
} JNumberState;

/* Of timestamptz and of timestamp, whose gaps are both in microseconds. */
PG_FUNCTION_INFO_V1(journey_session_number);
Datum
journey_session_number(PG_FUNCTION_ARGS)
{
	WindowObject window = PG_WINDOW_OBJECT();
	JNumberState *state = WinGetPartitionLocalMemory(window, sizeof(JNumberState));
	bool		isnull;
	Datum		time = WinGetFuncArgCurrent(window, 0, &isnull);
	int64		gap;

	/* no row is looked at again */
	WinSetMarkPosition(window, WinGetCurrentPosition(window));
	if (state->number == 0)
	{
		bool		no_timeout;
		Datum		timeout = WinGetFuncArgCurrent(window, 1, &no_timeout);

		if (no_timeout)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("timeout must not be NULL")));
		state->timeout = JIntervalMicroseconds(DatumGetIntervalP(timeout), "timeout");
		state->number = 1;
	}
	if (isnull)
		PG_RETURN_NULL();
	/* rows may come latest first: then sessions are counted from the end */
	if (state->begun &&
		(pg_sub_s64_overflow(Max(DatumGetTimestampTz(time), state->prev),
							 Min(DatumGetTimestampTz(time), state->prev), &gap) ||
		 gap > state->timeout))
		state->number++;
	state->begun = true;
	state->prev = DatumGetTimestampTz(time);
	PG_RETURN_INT64(state->number);
}
