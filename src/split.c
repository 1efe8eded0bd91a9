/*
 * split.c
 *		The model's use of the split: stored segments in, changed segments out; the rows of sessions
 *		from summaries; what a profile needs to know of single events.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"
#include "utils/uuid.h"

#include "session_sql.h"
#include "split_sql.h"
#include "timeline.h"

/* The columns of journey._segment, as _split() takes stored segments. */
enum
{
	SEG_STARTED_AT,
	SEG_FIRST_EVENT_ID,
	SEG_SESSION_ID,
	SEG_LOOSE,
	SEG_HEAD,
	SEG_STATE,
	SEG_BODY,
	SEG_SENTINEL,
	SEG_COLUMNS
};

typedef struct JStoredSegment
{
	Datum		values[SEG_COLUMNS];
	bool		nulls[SEG_COLUMNS];
	JStr		first_event_id;
	JStr		body;
} JStoredSegment;

/* The bytes of a text, bytea or timeline; valid as long as that, or its detoasted copy. */
static JStr
JStrFromVarlena(Datum datum)
{
	struct varlena *v = PG_DETOAST_DATUM_PACKED(datum);

	return (JStr) {VARDATA_ANY(v), VARSIZE_ANY_EXHDR(v)};
}

/* Raises an error unless a stored segment is whole. Anybody may call _split(). */
static void
JCheckSegment(const JStoredSegment *stored, const JOldSegment *segment)
{
	JSessionState state;

	if (segment->n_events == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("stored segment without events")));
	if (!stored->nulls[SEG_STATE] &&
		!JStateDecode(segment->state.data, segment->state.len, &state))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid state of a segment")));
}

/* Opens an array of journey._segment. */
static int
JReadSegments(ArrayType *array, JStoredSegment **stored, JOldSegment **old)
{
	Oid			type = ARR_ELEMTYPE(array);
	int16		typlen;
	bool		typbyval;
	char		typalign;
	Datum	   *elements;
	int			n;
	TupleDesc	tupdesc;

	get_typlenbyvalalign(type, &typlen, &typbyval, &typalign);
	deconstruct_array(array, type, typlen, typbyval, typalign, &elements, NULL, &n);
	tupdesc = lookup_rowtype_tupdesc(type, -1);
	*stored = palloc_array(JStoredSegment, Max(n, 1));
	*old = palloc0_array(JOldSegment, Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		HeapTupleHeader header = DatumGetHeapTupleHeader(elements[i]);
		HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(header), .t_data = header};
		JStoredSegment *in = &(*stored)[i];
		JOldSegment *segment = &(*old)[i];
		struct varlena *body;

		heap_deform_tuple(&tuple, tupdesc, in->values, in->nulls);
		for (int column = 0; column < SEG_COLUMNS; column++)
			if (in->nulls[column] && column != SEG_STATE)
				ereport(ERROR,
						(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						 errmsg("column \"%s\" of a stored segment must not be null",
								NameStr(TupleDescAttr(tupdesc, column)->attname))));
		body = PG_DETOAST_DATUM_PACKED(in->values[SEG_BODY]);
		in->body = (JStr) {VARDATA_ANY(body), VARSIZE_ANY_EXHDR(body)};
		in->first_event_id = JStrFromVarlena(in->values[SEG_FIRST_EVENT_ID]);
		segment->sentinel = DatumGetBool(in->values[SEG_SENTINEL]);
		segment->loose = DatumGetBool(in->values[SEG_LOOSE]);
		segment->head = DatumGetBool(in->values[SEG_HEAD]);
		memcpy(&segment->session_id, DatumGetPointer(in->values[SEG_SESSION_ID]), sizeof(JUuid));
		if (!in->nulls[SEG_STATE])
			segment->state = JStrFromVarlena(in->values[SEG_STATE]);
		segment->events = JTimelineEvents(JTimelineOpenDatum(body), &segment->n_events);
		JCheckSegment(in, segment);
	}
	ReleaseTupleDesc(tupdesc);
	return n;
}

static int
JReadStrings(ArrayType *array, JStr **strings)
{
	Datum	   *elements;
	int			n;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, &n);
	*strings = palloc_array(JStr, Max(n, 1));
	for (int i = 0; i < n; i++)
		(*strings)[i] = JStrFromVarlena(elements[i]);
	return n;
}

/* The columns of journey._split_row. */
enum
{
	OUT_VISITOR_ID,
	OUT_OP,
	OUT_STARTED_AT,
	OUT_FIRST_EVENT_ID,
	OUT_SESSION_ID,
	OUT_UNIT_STARTED_AT,
	OUT_LOOSE,
	OUT_HEAD,
	OUT_WHOLE,
	OUT_RESUMABLE,
	OUT_STATE,
	OUT_BODY,
	OUT_PART,
	OUT_NOTED,
	OUT_NEW_EVENTS,
	OUT_NEW_ID,
	OUT_COLUMNS
};

Datum
JBytea(JStr bytes)
{
	bytea	   *result = palloc(VARHDRSZ + bytes.len);

	SET_VARSIZE(result, VARHDRSZ + bytes.len);
	memcpy(VARDATA(result), bytes.data, bytes.len);
	return PointerGetDatum(result);
}

/* Where rows of journey._split_row go, and whose they are. */
typedef struct JSplitSink
{
	ReturnSetInfo *rsinfo;
	Datum		visitor_id;		/* 0: NULL */
} JSplitSink;

static void
JPutRow(const JSplitSink *sink, const char *op, Datum *values, bool *nulls)
{
	nulls[OUT_VISITOR_ID] = sink->visitor_id == (Datum) 0;
	values[OUT_VISITOR_ID] = sink->visitor_id;
	JSetStr(values, nulls, OUT_OP, JStrFromCString(op));
	tuplestore_putvalues(sink->rsinfo->setResult, sink->rsinfo->setDesc, values, nulls);
}

static void
JPutIncomplete(const JSplitSink *sink)
{
	Datum		values[OUT_COLUMNS];
	bool		nulls[OUT_COLUMNS];

	memset(nulls, true, sizeof(nulls));
	JPutRow(sink, "incomplete", values, nulls);
}

static void
JPutDelete(const JSplitSink *sink, const JStoredSegment *stored)
{
	Datum		values[OUT_COLUMNS];
	bool		nulls[OUT_COLUMNS];

	memset(nulls, true, sizeof(nulls));
	values[OUT_STARTED_AT] = stored->values[SEG_STARTED_AT];
	nulls[OUT_STARTED_AT] = false;
	values[OUT_FIRST_EVENT_ID] = stored->values[SEG_FIRST_EVENT_ID];
	nulls[OUT_FIRST_EVENT_ID] = false;
	values[OUT_SESSION_ID] = stored->values[SEG_SESSION_ID];
	nulls[OUT_SESSION_ID] = false;
	values[OUT_LOOSE] = stored->values[SEG_LOOSE];
	nulls[OUT_LOOSE] = false;
	JPutRow(sink, "delete", values, nulls);
}

/* From this sentinel on, what carries the id takes another. */
static void
JPutRename(const JSplitSink *sink, const JStoredSegment *stored, const JRename *rename)
{
	Datum		values[OUT_COLUMNS];
	bool		nulls[OUT_COLUMNS];

	memset(nulls, true, sizeof(nulls));
	values[OUT_STARTED_AT] = stored[rename->sentinel].values[SEG_STARTED_AT];
	values[OUT_FIRST_EVENT_ID] = stored[rename->sentinel].values[SEG_FIRST_EVENT_ID];
	values[OUT_UNIT_STARTED_AT] = TimestampTzGetDatum(rename->start);
	values[OUT_LOOSE] = BoolGetDatum(rename->loose);
	nulls[OUT_STARTED_AT] = nulls[OUT_FIRST_EVENT_ID] = nulls[OUT_UNIT_STARTED_AT] = nulls[OUT_LOOSE] = false;
	JSetUuid(values, nulls, OUT_SESSION_ID, &rename->from);
	JSetUuid(values, nulls, OUT_NEW_ID, &rename->to);
	JPutRow(sink, "rename", values, nulls);
}

bool
JEventIsNoted(const JEvent *event)
{
	return !JStrIsNull(event->field[JF_REVENUE]) || !JStrIsNull(event->field[JF_TRAITS]) ||
		event->first_copy < event->last_copy ||
		JStrEqual(event->field[JF_KIND], JSTR_LIT("alias"));
}

/* new_events 0: told by another row, if there are any. */
static void
JPutSegment(const JSplitSink *sink, const JNewSegment *segment, const JEvent *events, char *body,
			Size size, int64 new_events)
{
	Datum		values[OUT_COLUMNS];
	bool		nulls[OUT_COLUMNS] = {false};
	StringInfoData part;
	bool		noted = false;

	SET_VARSIZE(body, size);
	initStringInfo(&part);
	JPartEncode(&segment->part, &part);
	for (int i = 0; i < segment->n_events && !noted; i++)
		noted = JEventIsNoted(&events[i]);
	values[OUT_STARTED_AT] = TimestampTzGetDatum(segment->part.started_at);
	JSetStr(values, nulls, OUT_FIRST_EVENT_ID, segment->part.first_event_id);
	JSetUuid(values, nulls, OUT_SESSION_ID, &segment->part.id);
	values[OUT_UNIT_STARTED_AT] = TimestampTzGetDatum(segment->unit_start);
	values[OUT_LOOSE] = BoolGetDatum(segment->part.loose);
	values[OUT_HEAD] = BoolGetDatum(segment->head);
	values[OUT_WHOLE] = BoolGetDatum(segment->head && !segment->continues);
	values[OUT_RESUMABLE] = BoolGetDatum(segment->resumable);
	nulls[OUT_STATE] = JStrIsNull(segment->state);
	if (!nulls[OUT_STATE])
		values[OUT_STATE] = JBytea(segment->state);
	values[OUT_BODY] = PointerGetDatum(body);
	values[OUT_PART] = JBytea((JStr) {part.data, part.len});
	values[OUT_NOTED] = BoolGetDatum(noted);
	nulls[OUT_NEW_EVENTS] = new_events == 0;
	values[OUT_NEW_EVENTS] = Int64GetDatum(new_events);
	nulls[OUT_NEW_ID] = true;
	JPutRow(sink, "put", values, nulls);
}

/* The old segment that begins where this one does, or -1. They stand in order of their beginnings. */
static int
JFindOld(const JStoredSegment *stored, const JOldSegment *old, int n, const JPart *part)
{
	int			lo = 0,
				hi = n;

	while (lo < hi)
	{
		int			mid = lo + (hi - lo) / 2;
		TimestampTz started_at = DatumGetTimestampTz(stored[mid].values[SEG_STARTED_AT]);
		int			c = (started_at > part->started_at) - (started_at < part->started_at);

		if (c == 0)
			c = JStrCompare(stored[mid].first_event_id, part->first_event_id);
		if (c == 0)
			return old[mid].sentinel ? -1 : mid;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return -1;
}

/*
 * Is what was built what is stored? Whether the session goes on behind it is not stored, but decides
 * whether it can be summed up alone, so a segment beside a changed one counts as changed by its caller.
 */
static bool
JSameAsOld(const JStoredSegment *stored, const JOldSegment *old, const JNewSegment *segment,
		   const char *body, Size size)
{
	return old->loose == segment->part.loose && old->head == segment->head &&
		memcmp(&old->session_id, &segment->part.id, sizeof(JUuid)) == 0 &&
		JStrEqual(old->state, segment->state) &&
		stored->body.len == size - VARHDRSZ &&
		memcmp(stored->body.data, body + VARHDRSZ, stored->body.len) == 0;
}

static void
JPutResult(const JSplitSink *sink, const JStoredSegment *stored, JOldSegment *old, int n_old,
		   const JSplitResult *result)
{
	bool	   *stays = palloc0_array(bool, Max(n_old, 1));
	int64		n_new = result->n_new;

	for (int i = 0; i < result->n_segments; i++)
	{
		const JNewSegment *segment = &result->segments[i];
		int			at = JFindOld(stored, old, n_old, &segment->part);
		Size		size;
		char	   *body = JTimelineBuild(result->events + segment->first, segment->n_events, &size);

		if (body == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("a segment of a visitor's events would be larger than 1 GB")));
		if (at >= 0 && JSameAsOld(&stored[at], &old[at], segment, body, size))
			stays[at] = true;
		else
		{
			JPutSegment(sink, segment, result->events + segment->first, body, size, n_new);
			n_new = 0;
		}
		CHECK_FOR_INTERRUPTS();
	}
	for (int i = 0; i < n_old; i++)
		if (old[i].dirty && !old[i].sentinel && !stays[i])
			JPutDelete(sink, &stored[i]);
	for (int i = 0; i < result->n_renames; i++)
		JPutRename(sink, stored, &result->renames[i]);
	Assert(n_new == 0);			/* a new event changes its segment */
}

static int
JCompareRemoved(const void *a, const void *b)
{
	const JRemoved *x = a;
	const JRemoved *y = b;
	int			c = JStrCompare(x->event_id, y->event_id);

	return c != 0 ? c : (x->time > y->time) - (x->time < y->time);
}

static int
JReadRemoved(ArrayType *ids, ArrayType *times, JRemoved **removed)
{
	Datum	   *id,
			   *time;
	bool	   *nulls;
	int			n,
				m;

	deconstruct_array(ids, TEXTOID, -1, false, TYPALIGN_INT, &id, NULL, &n);
	deconstruct_array(times, TIMESTAMPTZOID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &time, &nulls, &m);
	if (n != m)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("removed events must come with their times")));
	*removed = palloc_array(JRemoved, Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		(*removed)[i].event_id = JStrFromVarlena(id[i]);
		(*removed)[i].time = nulls[i] ? J_NO_TIME : DatumGetTimestampTz(time[i]);
	}
	qsort(*removed, n, sizeof(JRemoved), JCompareRemoved);
	return n;
}

JSessionOptions
JStoreOptions(FunctionCallInfo fcinfo, int timeout_arg, int options_arg)
{
	JSessionOptions options = JGetSqlOptions(fcinfo, timeout_arg, options_arg)->session;

	options.counts = true;
	return options;
}

int
JSegmentEvents(const JSessionOptions *options)
{
	return options->segment_events > 0 ? options->segment_events : J_SEGMENT_EVENTS;
}

/*
 * _split(visitor_id, fresh timeline, old journey._segment[], alias_previous text[], alias_user text[],
 * force bool, timeout interval, options jsonb, removed text[], removed_at timestamptz[]) returns setof
 * journey._split_row: 'delete' for stored segments that go or change, 'put' for what comes, 'rename' where those
 * that were not read take another id; or one row 'incomplete' if more segments must be read. Old segments come in order of started_at and
 * first_event_id.
 */
PG_FUNCTION_INFO_V1(journey_split);
Datum
journey_split(PG_FUNCTION_ARGS)
{
	JSessionOptions options = JStoreOptions(fcinfo, 6, 7);
	JSplitSink	sink = {(ReturnSetInfo *) fcinfo->resultinfo, PG_ARGISNULL(0) ? (Datum) 0 : PG_GETARG_DATUM(0)};
	JStoredSegment *stored = NULL;
	JOldSegment *old = NULL;
	JEvent	   *fresh = NULL;
	JStr	   *previous = NULL;
	JStr	   *user = NULL;
	JAliases   *aliases = NULL;
	JRemoved   *removed = NULL;
	int			n_old = 0,
				n_fresh = 0,
				n_removed = 0;
	bool		force = !PG_ARGISNULL(5) && PG_GETARG_BOOL(5);
	JSplitResult result;

	InitMaterializedSRF(fcinfo, 0);
	if (!PG_ARGISNULL(1))
		fresh = JTimelineEvents(JTimelineOpenDatum(PG_GETARG_VARLENA_PP(1)), &n_fresh);
	if (!PG_ARGISNULL(2))
		n_old = JReadSegments(PG_GETARG_ARRAYTYPE_P(2), &stored, &old);
	if (n_old > 0 && !force)	/* else all events of the visitor are here */
	{
		int			n = 0;

		if (!PG_ARGISNULL(3) && !PG_ARGISNULL(4))
		{
			n = JReadStrings(PG_GETARG_ARRAYTYPE_P(3), &previous);
			if (JReadStrings(PG_GETARG_ARRAYTYPE_P(4), &user) != n)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("aliases must come in pairs")));
		}
		aliases = JAliasesFrom(previous, user, n);
	}
	if (!PG_ARGISNULL(8) && !PG_ARGISNULL(9))
		n_removed = JReadRemoved(PG_GETARG_ARRAYTYPE_P(8), PG_GETARG_ARRAYTYPE_P(9), &removed);
	JSplit(&options, aliases, old, n_old, fresh, n_fresh, removed, n_removed, force,
		   JSegmentEvents(&options), &result);
	if (result.incomplete)
		JPutIncomplete(&sink);
	else
		JPutResult(&sink, stored, old, n_old, &result);
	return (Datum) 0;
}

/* _renamed_state(state, from, to, started_at): with another id of its session or run; NULL: it has none of it. */
PG_FUNCTION_INFO_V1(journey_renamed_state);
Datum
journey_renamed_state(PG_FUNCTION_ARGS)
{
	JStr		bytes = JStrFromVarlena(PG_GETARG_DATUM(0));
	JSessionState state;
	StringInfoData out;

	if (!JStateDecode(bytes.data, bytes.len, &state))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid state of a segment")));
	if (!JStateRename(&state, *(JUuid *) PG_GETARG_UUID_P(1), *(JUuid *) PG_GETARG_UUID_P(2),
					  PG_GETARG_TIMESTAMPTZ(3)))
		PG_RETURN_NULL();
	initStringInfo(&out);
	JStateEncode(&state, &out);
	PG_RETURN_DATUM(JBytea((JStr) {out.data, out.len}));
}

/* _renamed_part(part, id): a summary with another id. */
PG_FUNCTION_INFO_V1(journey_renamed_part);
Datum
journey_renamed_part(PG_FUNCTION_ARGS)
{
	JStr		bytes = JStrFromVarlena(PG_GETARG_DATUM(0));
	JPart		part;
	StringInfoData out;

	if (!JPartDecode(bytes.data, bytes.len, JIsText, &part))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid summary of a segment")));
	part.id = *(JUuid *) PG_GETARG_UUID_P(1);
	initStringInfo(&out);
	JPartEncode(&part, &out);
	PG_RETURN_DATUM(JBytea((JStr) {out.data, out.len}));
}

/* ------------------------------------------------------------------------------------------------
 * summaries to rows
 * ------------------------------------------------------------------------------------------------ */

/* The summary of a stored segment, from its events and the state at its beginning. */
PG_FUNCTION_INFO_V1(journey_segment_part);
Datum
journey_segment_part(PG_FUNCTION_ARGS)
{
	JSessionOptions options = JStoreOptions(fcinfo, 3, 4);
	JOldSegment segment = {.loose = !PG_ARGISNULL(0) && PG_GETARG_BOOL(0)};
	JWalk		walk;
	JPart		part;
	StringInfoData out;
	bool		starts,
				aside;

	if (PG_ARGISNULL(2))
		PG_RETURN_NULL();
	segment.events = JTimelineEvents(JTimelineOpenDatum(PG_GETARG_VARLENA_PP(2)), &segment.n_events);
	if (segment.n_events == 0)
		PG_RETURN_NULL();
	JWalkInit(&walk, &options, NULL);
	walk.one_session = true;
	if (!PG_ARGISNULL(1))
	{
		JStr		state = JStrFromVarlena(PG_GETARG_DATUM(1));

		if (!JStateDecode(state.data, state.len, &walk.state))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid state of a segment")));
	}
	starts = !segment.loose && !walk.state.open;
	aside = segment.loose && walk.state.aside;
	for (int i = 0; i < segment.n_events; i++)
	{
		JEvent	   *event = &segment.events[i];
		bool		passive = segment.loose || JEventIsPassive(event, &options);
		JTouch		touch = {JTOUCH_NONE};

		if (!passive)
			(void) JWalkStep(&walk, event, &touch);
		else if (segment.loose)
			(void) JStateTakeLoose(&walk.state, event, aside, &options);
		if (i == 0 && starts)
			JPartBeginSession(&part, &walk, event);
		else if (i == 0)
			JPartBegin(&part, event, segment.loose,
					   segment.loose ? walk.state.run_id : walk.state.session_id);
		JPartAdd(&part, event, !passive, &touch, &options);
	}
	part.aside = aside;
	initStringInfo(&out);
	JPartEncode(&part, &out);
	PG_RETURN_DATUM(JBytea((JStr) {out.data, out.len}));
}

typedef struct JUnitCache
{
	TupleDesc	tupdesc;
	TupleDesc	touched;
	Oid			touched_type;
} JUnitCache;

static JUnitCache *
JGetUnitCache(FunctionCallInfo fcinfo)
{
	JUnitCache *cache = fcinfo->flinfo->fn_extra;
	MemoryContext old;
	TupleDesc	tupdesc;

	if (cache != NULL)
		return cache;
	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE ||
		tupdesc->natts != J_UNIT_COLUMNS)
		elog(ERROR, "unexpected row type");
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	cache = palloc0_object(JUnitCache);
	cache->tupdesc = BlessTupleDesc(CreateTupleDescCopy(tupdesc));
	cache->touched_type = get_element_type(TupleDescAttr(tupdesc, J_UNIT_COLUMNS - 1)->atttypid);
	cache->touched = lookup_rowtype_tupdesc_copy(cache->touched_type, -1);
	MemoryContextSwitchTo(old);
	fcinfo->flinfo->fn_extra = cache;
	return cache;
}

Datum
JRefText(bool is_email, JStr id)
{
	return PointerGetDatum(cstring_to_text(psprintf("%s:%.*s", is_email ? "email" : "user",
													id.len, id.data)));
}

/* The id that a unit with refs goes by. */
Datum
JIdentityText(const JPart *part)
{
	return JStrIsNull(part->user_id) ? JRefText(true, part->last_email) : JRefText(false, part->user_id);
}

static void
JSetRefs(Datum *values, bool *nulls, const JPart *part)
{
	Datum	   *refs;

	if (part->n_refs == 0)
	{
		nulls[0] = nulls[1] = nulls[2] = true;
		return;
	}
	nulls[0] = nulls[1] = nulls[2] = false;
	refs = palloc_array(Datum, part->n_refs);
	for (int i = 0; i < part->n_refs; i++)
		refs[i] = JRefText(part->refs[i].is_email, part->refs[i].id);
	values[0] = PointerGetDatum(construct_array(refs, part->n_refs, TEXTOID, -1, false,
												TYPALIGN_INT));
	values[1] = JIdentityText(part);
	values[2] = TimestampTzGetDatum(part->refs[0].time);
}

static Datum
JTouchedArray(const JUnitCache *cache, const JPart *part)
{
	JPartTouch *touches;
	int			n = JPartTouches(part, &touches);
	Datum	   *rows = palloc_array(Datum, n);
	int16		typlen;
	bool		typbyval;
	char		typalign;

	for (int i = 0; i < n; i++)
	{
		Datum		values[J_TOUCHED_COLUMNS];
		bool		nulls[J_TOUCHED_COLUMNS];

		JSetTouched(values, nulls, part, &touches[i]);
		rows[i] = HeapTupleGetDatum(heap_form_tuple(cache->touched, values, nulls));
	}
	get_typlenbyvalalign(cache->touched_type, &typlen, &typbyval, &typalign);
	return PointerGetDatum(construct_array(rows, n, cache->touched_type, typlen, typbyval,
										   typalign));
}

/* First and last values of the kept properties, in pairs. */
static void
JSetKept(Datum *value, bool *isnull, const JPart *part)
{
	Datum	   *texts;
	bool	   *nulls;
	int			n = 2 * part->n_kept;
	int			lower = 1;

	*isnull = n == 0;
	if (n == 0)
		return;
	texts = palloc_array(Datum, n);
	nulls = palloc_array(bool, n);
	for (int i = 0; i < n; i++)
		JSetStr(texts, nulls, i, part->kept[i]);
	*value = PointerGetDatum(construct_md_array(texts, nulls, 1, &n, &lower, TEXTOID, -1, false,
												TYPALIGN_INT));
}

/* A summary is bytes that anybody may give: what becomes text must be text in this database. */
bool
JIsText(JStr s)
{
	return pg_verify_mbstr(GetDatabaseEncoding(), s.data, s.len, true);
}

pg_tz *
JFindZone(const char *name)
{
	pg_tz	   *zone;

	if (strcmp(name, "UTC") == 0)
		return NULL;
	zone = pg_tzset(name);
	if (zone == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" not recognized", name)));
	return zone;
}

void
JSetUnit(Datum *values, bool *nulls, const JPart *part, pg_tz *zone)
{
	int			tail = J_UNIT_HEAD + J_SESSION_COLUMNS;
	StringInfoData counts;

	memset(nulls, 0, sizeof(bool) * J_UNIT_HEAD);
	JSetStr(values, nulls, 0, part->visitor_id);
	values[1] = TimestampTzGetDatum(part->started_at);
	JSetStr(values, nulls, 2, part->first_event_id);
	values[3] = BoolGetDatum(part->loose);
	JSetUuid(values, nulls, 4, &part->id);
	JSetStr(values, nulls, 5, part->user_id);
	JSetSession(values + J_UNIT_HEAD, nulls + J_UNIT_HEAD, part, zone);
	JSetRefs(values + tail, nulls + tail, part);
	JSetKept(&values[tail + 3], &nulls[tail + 3], part);
	initStringInfo(&counts);
	JNameCountsEncode(&part->counts, &counts);
	values[tail + 4] = JBytea((JStr) {counts.data, counts.len});
	values[tail + 5] = BoolGetDatum(part->aside);
	nulls[tail + 4] = nulls[tail + 5] = false;
}

/* _unit(parts bytea[], time_zone text): the row of a session from its summaries, in order. */
PG_FUNCTION_INFO_V1(journey_unit);
Datum
journey_unit(PG_FUNCTION_ARGS)
{
	JUnitCache *cache = JGetUnitCache(fcinfo);
	pg_tz	   *zone = JFindZone(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	Datum	   *parts;
	int			n;
	JPart		part = {0};
	Datum		values[J_UNIT_COLUMNS];
	bool		nulls[J_UNIT_COLUMNS];

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), BYTEAOID, -1, false, TYPALIGN_INT, &parts, NULL, &n);
	if (n == 0)
		PG_RETURN_NULL();
	for (int i = 0; i < n; i++)
	{
		JStr		bytes = JStrFromVarlena(parts[i]);
		JPart		next;

		CHECK_FOR_INTERRUPTS();
		if (!JPartDecode(bytes.data, bytes.len, JIsText, &next) ||
			(part.n_kept > 0 && next.n_kept > 0 && part.n_kept != next.n_kept))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid summary of a segment")));
		if (i == 0)
			part = next;
		else
			JPartAppend(&part, &next);
	}
	JSetUnit(values, nulls, &part, zone);
	nulls[J_UNIT_COLUMNS - 1] = part.loose;
	values[J_UNIT_COLUMNS - 1] = part.loose ? (Datum) 0 : JTouchedArray(cache, &part);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(cache->tupdesc, values, nulls)));
}

/* ------------------------------------------------------------------------------------------------
 * single events
 * ------------------------------------------------------------------------------------------------ */

bool
JSetNoted(Datum *values, bool *nulls, const JEvent *event, JConversions *conversions)
{
	const JStr *field = event->field;
	Datum		converted = (Datum) 0;
	bool		is_conversion = JConversionsOfEvent(conversions, event, &converted);
	int			i = 0;

	if (!is_conversion && !JEventIsNoted(event))
		return false;
	memset(nulls, 0, sizeof(bool) * J_NOTED_COLUMNS);
	JSetStr(values, nulls, i++, field[JF_VISITOR_ID]);
	JSetStr(values, nulls, i++, field[JF_EVENT_ID]);
	values[i++] = TimestampTzGetDatum(event->time);
	JSetStr(values, nulls, i++, JEventUser(event));
	JSetStr(values, nulls, i++, field[JF_KIND]);
	JSetStr(values, nulls, i++, field[JF_NAME]);
	JSetStr(values, nulls, i++, field[JF_ORDER_ID]);
	nulls[i] = JStrIsNull(field[JF_REVENUE]);
	values[i] = nulls[i] ? (Datum) 0 : JNumericFromText(field[JF_REVENUE]);
	i++;
	JSetStr(values, nulls, i++, field[JF_CURRENCY]);
	JSetStr(values, nulls, i++, field[JF_PREVIOUS_ID]);
	nulls[i] = JStrIsNull(field[JF_TRAITS]);
	values[i] = nulls[i] ? (Datum) 0 :
		DirectFunctionCall1(jsonb_in, CStringGetDatum(pnstrdup(field[JF_TRAITS].data,
															   field[JF_TRAITS].len)));
	i++;
	values[i++] = TimestampTzGetDatum(event->first_copy);
	values[i++] = TimestampTzGetDatum(event->last_copy);
	nulls[i] = !is_conversion;
	values[i++] = converted;
	Assert(i == J_NOTED_COLUMNS);
	return true;
}

/* What _noted_events() keeps in fn_extra: the definitions that it was last called with. */
typedef struct JNotedCache
{
	MemoryContext context;
	Jsonb	   *list;
	JConversions *conversions;
} JNotedCache;

static JConversions *
JGetConversions(FunctionCallInfo fcinfo, Jsonb *list)
{
	JNotedCache *cache = fcinfo->flinfo->fn_extra;
	MemoryContext old;

	if (cache != NULL && cache->conversions != NULL && VARSIZE(cache->list) == VARSIZE(list) &&
		memcmp(cache->list, list, VARSIZE(list)) == 0)
		return cache->conversions;
	if (cache == NULL)
	{
		cache = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(JNotedCache));
		cache->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "pg_journey conversions",
											   ALLOCSET_SMALL_SIZES);
		fcinfo->flinfo->fn_extra = cache;
	}
	cache->conversions = NULL;	/* in case of an error below */
	MemoryContextReset(cache->context);
	old = MemoryContextSwitchTo(cache->context);
	cache->list = memcpy(palloc(VARSIZE(list)), list, VARSIZE(list));
	cache->conversions = JConversionsFromJsonb(cache->list);
	MemoryContextSwitchTo(old);
	return cache->conversions;
}

/* _noted_events(body, conversions): the events that tables of their own follow. */
PG_FUNCTION_INFO_V1(journey_noted_events);
Datum
journey_noted_events(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	JConversions *conversions = NULL;
	JTimelineReader *reader;
	JEvent		event;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	if (!PG_ARGISNULL(1))
	{
		conversions = JGetConversions(fcinfo, PG_GETARG_JSONB_P(1));
		JStepsBegin(&conversions->steps);
	}
	reader = JTimelineOpenDatum(PG_GETARG_VARLENA_PP(0));
	while (JTimelineNext(reader, &event))
	{
		Datum		values[J_NOTED_COLUMNS];
		bool		nulls[J_NOTED_COLUMNS];

		if (JSetNoted(values, nulls, &event, conversions))
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* _event_keys(body): ids of events, their times with those of copies, and whether an alias is among them. */
PG_FUNCTION_INFO_V1(journey_event_keys);
Datum
journey_event_keys(PG_FUNCTION_ARGS)
{
	TupleDesc	tupdesc;
	int			n;
	JEvent	   *events = JTimelineEvents(JTimelineOpenDatum(PG_GETARG_VARLENA_PP(0)), &n);
	Datum	   *ids = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Datum) * (Size) Max(n, 1));
	Datum	   *times = MemoryContextAllocHuge(CurrentMemoryContext, 3 * sizeof(Datum) * (Size) Max(n, 1));
	int			n_times = 0;
	bool		is_alias = false;
	Datum		values[3];
	bool		nulls[3] = {false};

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "unexpected row type");
	for (int i = 0; i < n; i++)
	{
		const JEvent *event = &events[i];

		ids[i] = JStrGetDatum(event->field[JF_EVENT_ID]);
		times[n_times++] = TimestampTzGetDatum(event->time);
		if (event->first_copy < event->last_copy)
		{
			times[n_times++] = TimestampTzGetDatum(event->first_copy);
			times[n_times++] = TimestampTzGetDatum(event->last_copy);
		}
		is_alias |= JStrEqual(event->field[JF_KIND], JSTR_LIT("alias"));
	}
	values[0] = PointerGetDatum(construct_array(ids, n, TEXTOID, -1, false, TYPALIGN_INT));
	values[1] = PointerGetDatum(construct_array(times, n_times, TIMESTAMPTZOID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	values[2] = BoolGetDatum(is_alias);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}

/* Two days: a day before and a day behind an event there may be copies of it. */
#define J_REACH_GAP (2 * USECS_PER_DAY)

static int
JCompareTimes(const void *a, const void *b)
{
	TimestampTz x = DatumGetTimestampTz(*(const Datum *) a);
	TimestampTz y = DatumGetTimestampTz(*(const Datum *) b);

	return (x > y) - (x < y);
}

static void
JPutReach(ReturnSetInfo *rsinfo, TimestampTz lo, TimestampTz hi)
{
	Datum		values[2] = {TimestampTzGetDatum(lo), TimestampTzGetDatum(hi)};
	bool		nulls[2] = {false};

	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* _reach(times, whole): the stretches that times lie in, two days apart at least; or all time. NULLs are passed by. */
PG_FUNCTION_INFO_V1(journey_reach);
Datum
journey_reach(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Datum	   *times;
	bool	   *nulls;
	int			all,
				n = 0;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_GETARG_BOOL(1))
	{
		JPutReach(rsinfo, DT_NOBEGIN, DT_NOEND);
		return (Datum) 0;
	}
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), TIMESTAMPTZOID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
					  &times, &nulls, &all);
	for (int i = 0; i < all; i++)
		if (!nulls[i])
			times[n++] = times[i];
	qsort(times, n, sizeof(Datum), JCompareTimes);
	for (int i = 0, from = 0; i < n; i++)
	{
		TimestampTz time = DatumGetTimestampTz(times[i]);

		/* sorted, so the difference is no less than 0, and fits without a sign */
		if (i + 1 < n && (uint64) DatumGetTimestampTz(times[i + 1]) - (uint64) time <= J_REACH_GAP)
			continue;
		JPutReach(rsinfo, DatumGetTimestampTz(times[from]), time);
		from = i + 1;
	}
	return (Datum) 0;
}
