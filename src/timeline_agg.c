/*
 * timeline_agg.c
 *		Aggregates that make timelines of rows, and of timelines.
 *
 * timeline_agg's state is one chunk of memory per group: a small header and the rows, one after
 * the other, as they came (row_core.h). Most groups are small and there may be millions of them,
 * so there is no memory context per group, and a row costs a copy of its bytes and nothing else.
 * The state lives in the aggregate's context, moves when it grows, and does not depend on the
 * order of rows; all sorting is done by the final function, on a copy, so that the final function
 * may run many times.
 *
 * rollup's state is a timeline, as the distributed engines want it, but an expanded one: a
 * canonical part and copies of those added since, united when somebody wants to see it flat or
 * when they have grown well past the canonical part. Groups of a single row never get there.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "datatype/timestamp.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/expandeddatum.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "row_core.h"
#include "timeline.h"

PG_FUNCTION_INFO_V1(timeline_agg_columns);
PG_FUNCTION_INFO_V1(timeline_agg_names);
PG_FUNCTION_INFO_V1(timeline_agg_event);
PG_FUNCTION_INFO_V1(timeline_agg_combine);
PG_FUNCTION_INFO_V1(timeline_agg_serialize);
PG_FUNCTION_INFO_V1(timeline_agg_deserialize);
PG_FUNCTION_INFO_V1(timeline_agg_final);
PG_FUNCTION_INFO_V1(timeline_agg_zoneless);
PG_FUNCTION_INFO_V1(timeline_union);

/* -----------------------------------------------------------------------------------------------
 * the state of timeline_agg
 * -----------------------------------------------------------------------------------------------
 */

typedef struct TimelineAggState
{
	uint32		allocated;		/* bytes of rows that fit */
	uint32		used;			/* bytes of rows */
	int32		count;			/* of rows */
	char		rows[FLEXIBLE_ARRAY_MEMBER];
} TimelineAggState;

/* The allocator rounds up to powers of two; so do we, and use the whole chunk. */
#define TIMELINE_AGG_HEADER offsetof(TimelineAggState, rows)
#define TIMELINE_AGG_MIN_SIZE 256

/* Sets a field from an argument of type text, unless it is NULL. */
static inline void
SetTextArg(JRow *row, JField field, FunctionCallInfo fcinfo, int arg)
{
	if (!PG_ARGISNULL(arg))
	{
		text	   *value = PG_GETARG_TEXT_PP(arg);

		JRowSet(row, field, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
	}
}

static inline void
SetCString(JRow *row, JField field, Datum value, PGFunction output)
{
	char	   *text = DatumGetCString(DirectFunctionCall1(output, value));

	JRowSet(row, field, text, strlen(text));
}

/* The state with room for `more` bytes; it may have moved, and is made if there was none. */
static TimelineAggState *
ReserveState(TimelineAggState *state, Size more, MemoryContext context)
{
	Size		needed = TIMELINE_AGG_HEADER + (state == NULL ? 0 : state->used) + more;
	Size		size = TIMELINE_AGG_MIN_SIZE;

	if (state != NULL && more <= state->allocated - state->used)
		return state;
	if (needed > MaxAllocSize)
		JTimelineTooLarge();
	while (size < needed)
		size *= 2;
	size = Min(size, MaxAllocSize);
	if (state == NULL)
	{
		state = MemoryContextAlloc(context, size);
		state->used = 0;
		state->count = 0;
	}
	else
		state = repalloc(state, size);
	state->allocated = size - TIMELINE_AGG_HEADER;
	return state;
}

/* The aggregate's context; an error where there is none. */
static MemoryContext
AggContext(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("function called outside of an aggregate")));
	return context;
}

static inline TimelineAggState *
GetState(FunctionCallInfo fcinfo, int arg)
{
	return PG_ARGISNULL(arg) ? NULL : (TimelineAggState *) PG_GETARG_POINTER(arg);
}

#define RETURN_STATE(state) \
	do { \
		if ((state) == NULL) \
			PG_RETURN_NULL(); \
		PG_RETURN_POINTER(state); \
	} while (0)

/* Appends a row to the state. */
static TimelineAggState *
AddRow(FunctionCallInfo fcinfo, TimelineAggState *state, const JRow *row)
{
	Size		size = JRowSize(row);

	JTimelineCheckTime(row->time, "event_time");
	state = ReserveState(state, size, AggContext(fcinfo));
	if (state->count == JTIMELINE_MAX_EVENTS)
		JTimelineTooLarge();
	(void) JRowPut(state->rows + state->used, row);
	state->used += size;
	state->count++;
	return state;
}

/* The events of a state; their strings point into it. */
static JEvent *
StateEvents(const TimelineAggState *state)
{
	JEvent	   *events = palloc_extended(sizeof(JEvent) * (Size) state->count, MCXT_ALLOC_HUGE);
	const char *p = state->rows;

	for (int i = 0; i < state->count; i++)
		p = JRowGet(p, &events[i]);
	if (p != state->rows + state->used)
		elog(ERROR, "invalid state of timeline_agg");
	return events;
}

/* timeline_agg(event_id, event_time, name, url, referrer, user_id, revenue) */
Datum
timeline_agg_columns(PG_FUNCTION_ARGS)
{
	TimelineAggState *state = GetState(fcinfo, 0);
	JRow		row;

	if (PG_ARGISNULL(2))
		RETURN_STATE(state);
	JRowStart(&row, PG_GETARG_TIMESTAMPTZ(2));
	SetTextArg(&row, JF_EVENT_ID, fcinfo, 1);
	SetTextArg(&row, JF_NAME, fcinfo, 3);
	SetTextArg(&row, JF_URL, fcinfo, 4);
	SetTextArg(&row, JF_REFERRER, fcinfo, 5);
	SetTextArg(&row, JF_USER_ID, fcinfo, 6);
	if (!PG_ARGISNULL(7))
		SetCString(&row, JF_REVENUE, PG_GETARG_DATUM(7), numeric_out);
	PG_RETURN_POINTER(AddRow(fcinfo, state, &row));
}

/* timeline_agg(event_time, name) */
Datum
timeline_agg_names(PG_FUNCTION_ARGS)
{
	TimelineAggState *state = GetState(fcinfo, 0);
	JRow		row;

	if (PG_ARGISNULL(1))
		RETURN_STATE(state);
	JRowStart(&row, PG_GETARG_TIMESTAMPTZ(1));
	SetTextArg(&row, JF_NAME, fcinfo, 2);
	PG_RETURN_POINTER(AddRow(fcinfo, state, &row));
}

/*
 * Takes a row of journey.event apart; false if it has no time. The row type is looked up each
 * time: that is cheap, and fn_extra cannot be relied upon where a distributed engine runs partial
 * aggregates.
 */
static bool
DeformEvent(HeapTupleHeader header, JRow *row)
{
	TupleDesc	tupdesc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header),
												 HeapTupleHeaderGetTypMod(header));
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(header), .t_data = header};
	Datum		values[J_EVENT_COLUMNS];
	bool		nulls[J_EVENT_COLUMNS];

	if (tupdesc->natts != J_EVENT_COLUMNS)
		elog(ERROR, "journey.event does not have %d columns", J_EVENT_COLUMNS);
	ItemPointerSetInvalid(&tuple.t_self);
	heap_deform_tuple(&tuple, tupdesc, values, nulls);
	ReleaseTupleDesc(tupdesc);
	if (nulls[J_COLUMN_EVENT_TIME])
		return false;

	JRowStart(row, DatumGetTimestampTz(values[J_COLUMN_EVENT_TIME]));
	if (!nulls[J_COLUMN_RECEIVED_AT])
	{
		JRowSetReceived(row, DatumGetTimestampTz(values[J_COLUMN_RECEIVED_AT]));
		JTimelineCheckTime(row->received_at, "received_at");
	}
	for (int i = 0; i < JF_COUNT; i++)
	{
		Datum		value = values[JFieldColumn(i)];

		if (nulls[JFieldColumn(i)])
			continue;
		if (i == JF_REVENUE)
			SetCString(row, i, value, numeric_out);
		else if (i == JF_PROPERTIES || i == JF_TRAITS)
			SetCString(row, i, value, jsonb_out);
		else
		{
			text	   *string = DatumGetTextPP(value);

			JRowSet(row, i, VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string));
		}
	}
	return true;
}

/* timeline_agg(journey.event) */
Datum
timeline_agg_event(PG_FUNCTION_ARGS)
{
	TimelineAggState *state = GetState(fcinfo, 0);
	JRow		row;

	if (PG_ARGISNULL(1) || !DeformEvent(PG_GETARG_HEAPTUPLEHEADER(1), &row))
		RETURN_STATE(state);
	PG_RETURN_POINTER(AddRow(fcinfo, state, &row));
}

/* All functions of timeline_agg for timestamp without time zone. */
Datum
timeline_agg_zoneless(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("event_time must be of type timestamp with time zone, not timestamp without time zone"),
			 errdetail("Without its time zone it would be another time for each setting of TimeZone."),
			 errhint("Say which zone it is of: event_time AT TIME ZONE 'UTC'.")));
}

Datum
timeline_agg_combine(PG_FUNCTION_ARGS)
{
	TimelineAggState *state = GetState(fcinfo, 0);
	TimelineAggState *other = GetState(fcinfo, 1);

	if (other == NULL)
		RETURN_STATE(state);
	state = ReserveState(state, other->used, AggContext(fcinfo));
	if (state->count > JTIMELINE_MAX_EVENTS - other->count)
		JTimelineTooLarge();
	memcpy(state->rows + state->used, other->rows, other->used);
	state->used += other->used;
	state->count += other->count;
	PG_RETURN_POINTER(state);
}

/* The state for another process of this server: the number of rows and the rows. */
Datum
timeline_agg_serialize(PG_FUNCTION_ARGS)
{
	TimelineAggState *state = (TimelineAggState *) PG_GETARG_POINTER(0);
	Size		size = VARHDRSZ + sizeof(int32) + state->used;
	bytea	   *result;
	char	   *p;

	if (size > MaxAllocSize)
		JTimelineTooLarge();
	result = palloc(size);
	SET_VARSIZE(result, size);
	p = VARDATA(result);
	J_ROW_PUT(p, state->count);
	memcpy(p, state->rows, state->used);
	PG_RETURN_BYTEA_P(result);
}

Datum
timeline_agg_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *serialized = PG_GETARG_BYTEA_PP(0);
	const char *p = VARDATA_ANY(serialized);
	Size		size = VARSIZE_ANY_EXHDR(serialized);
	TimelineAggState *state;
	int32		count;

	if (size < sizeof(int32))
		elog(ERROR, "invalid state of timeline_agg");
	size -= sizeof(int32);
	J_ROW_GET(p, count);
	if (count < 1 || count > size / J_ROW_HEADER)
		elog(ERROR, "invalid state of timeline_agg");
	state = ReserveState(NULL, size, CurrentMemoryContext);
	state->count = count;
	state->used = size;
	memcpy(state->rows, p, size);
	PG_RETURN_POINTER(state);
}

Datum
timeline_agg_final(PG_FUNCTION_ARGS)
{
	TimelineAggState *state = GetState(fcinfo, 0);
	JEvent	   *events;
	struct varlena *result;

	if (state == NULL)
		PG_RETURN_NULL();
	events = StateEvents(state);
	result = JTimelineFromEvents(events, state->count);
	pfree(events);
	PG_RETURN_POINTER(result);
}

/* -----------------------------------------------------------------------------------------------
 * the union
 * -----------------------------------------------------------------------------------------------
 */

/* A timeline that grows. It and its parts live in the context of its header. */
typedef struct ExpandedTimeline
{
	ExpandedObjectHeader header;
	struct varlena **parts;		/* timelines whose union it is; a single one is the flat form */
	int			count;			/* of parts, at least 1 */
	int			allocated;		/* parts that fit */
	Size		added_size;		/* bytes of all parts but the first */
} ExpandedTimeline;

/*
 * Parts are united before the end once they pass this and three times the first: rows that come
 * again must not fill the memory, and small timelines take that much more room than one large.
 */
#define EXPANDED_TIMELINE_SLACK (4 * 1024 * 1024)

/* The union of several timelines, in the current context. */
static struct varlena *
UniteTimelines(struct varlena *const *timelines, int n)
{
	JTimelineReader *reader = JTimelineOpenDatum(timelines[0]);
	Size		total = JTimelineCount(reader);
	Size		allocated = Max(2 * total, 64);
	JEvent	   *events = palloc_extended(sizeof(JEvent) * allocated, MCXT_ALLOC_HUGE);
	struct varlena *result;

	total = 0;
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (i > 0)
			JTimelineReopen(reader, VARDATA_ANY(timelines[i]), VARSIZE_ANY_EXHDR(timelines[i]));
		if (total + JTimelineCount(reader) > allocated)
		{
			allocated = 2 * (total + JTimelineCount(reader));
			events = repalloc_huge(events, sizeof(JEvent) * allocated);
		}
		while (JTimelineNext(reader, &events[total]))
			total++;
		if (total > 2 * JTIMELINE_MAX_EVENTS)
			JTimelineTooLarge();
	}
	result = JTimelineFromEvents(events, (int) total);
	pfree(events);
	JTimelineClose(reader);
	return result;
}

/* Puts a copy of a timeline behind the parts. */
static void
AddPart(ExpandedTimeline *expanded, const struct varlena *timeline)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(expanded->header.eoh_context);
	Size		size = VARSIZE_ANY(timeline);

	if (expanded->count == expanded->allocated)
	{
		expanded->allocated *= 2;
		expanded->parts = repalloc_huge(expanded->parts,
										sizeof(struct varlena *) * (Size) expanded->allocated);
	}
	expanded->parts[expanded->count] = palloc(size);
	memcpy(expanded->parts[expanded->count], timeline, size);
	if (expanded->count > 0)
		expanded->added_size += size;
	expanded->count++;
	MemoryContextSwitchTo(oldcontext);
}

/*
 * Makes one part of all, in the object's own context: who flattens it may be in one that does not
 * give memory back, as the tuples of a sort are from PostgreSQL 17 on.
 */
static void
UniteParts(ExpandedTimeline *expanded)
{
	MemoryContext oldcontext;
	struct varlena *united;

	if (expanded->count == 1)
		return;
	oldcontext = MemoryContextSwitchTo(expanded->header.eoh_context);
	united = UniteTimelines(expanded->parts, expanded->count);
	while (expanded->count > 0)
		pfree(expanded->parts[--expanded->count]);
	expanded->added_size = 0;
	AddPart(expanded, united);
	pfree(united);
	MemoryContextSwitchTo(oldcontext);
}

static Size
ExpandedTimelineFlatSize(ExpandedObjectHeader *header)
{
	ExpandedTimeline *expanded = (ExpandedTimeline *) header;

	UniteParts(expanded);
	return VARHDRSZ + VARSIZE_ANY_EXHDR(expanded->parts[0]);
}

static void
ExpandedTimelineFlatten(ExpandedObjectHeader *header, void *result, Size allocated_size)
{
	ExpandedTimeline *expanded = (ExpandedTimeline *) header;

	Assert(expanded->count == 1);
	Assert(allocated_size == VARHDRSZ + VARSIZE_ANY_EXHDR(expanded->parts[0]));
	SET_VARSIZE(result, allocated_size);
	memcpy(VARDATA(result), VARDATA_ANY(expanded->parts[0]), allocated_size - VARHDRSZ);
}

static const ExpandedObjectMethods expanded_timeline_methods = {
	ExpandedTimelineFlatSize,
	ExpandedTimelineFlatten
};

#define EXPANDED_TIMELINE_CONTEXT "expanded timelines"

/*
 * The context of the expanded timelines of an aggregate, a child of the aggregate's as the
 * executor asks of expanded objects. All groups share it: hash aggregation adds up all contexts
 * below its own at every new group, so that one per group would cost the square of the groups.
 * Nobody deletes a single object: the transition function always returns the one that it was
 * given.
 */
static MemoryContext
ExpandedTimelineContext(MemoryContext parent)
{
	for (MemoryContext child = parent->firstchild; child != NULL; child = child->nextchild)
		if (strcmp(child->name, EXPANDED_TIMELINE_CONTEXT) == 0)
			return child;
	return AllocSetContextCreate(parent, EXPANDED_TIMELINE_CONTEXT, ALLOCSET_DEFAULT_SIZES);
}

/* An expanded object that holds one timeline. */
static ExpandedTimeline *
ExpandTimeline(const struct varlena *timeline, MemoryContext parent)
{
	MemoryContext context = ExpandedTimelineContext(parent);
	ExpandedTimeline *expanded = MemoryContextAllocZero(context, sizeof(ExpandedTimeline));

	EOH_init_header(&expanded->header, &expanded_timeline_methods, context);
	expanded->allocated = 4;
	expanded->parts = MemoryContextAlloc(context,
										 sizeof(struct varlena *) * expanded->allocated);
	AddPart(expanded, timeline);
	return expanded;
}

/* The argument as an expanded timeline that may be changed, or NULL. */
static ExpandedTimeline *
GetExpandedArg(FunctionCallInfo fcinfo, int arg)
{
	Datum		value = PG_GETARG_DATUM(arg);
	ExpandedObjectHeader *header;

	if (!VARATT_IS_EXTERNAL_EXPANDED_RW(DatumGetPointer(value)))
		return NULL;
	header = DatumGetEOHP(value);
	return header->eoh_methods == &expanded_timeline_methods ? (ExpandedTimeline *) header : NULL;
}

/*
 * The union of two timelines. As an aggregate's transition function it adds the second to the
 * first in place.
 */
Datum
timeline_union(PG_FUNCTION_ARGS)
{
	struct varlena *added = PG_GETARG_TIMELINE_PP(1);
	MemoryContext context;
	ExpandedTimeline *expanded;

	if (!AggCheckCallContext(fcinfo, &context))
	{
		struct varlena *pair[] = {PG_GETARG_TIMELINE_PP(0), added};

		PG_RETURN_POINTER(UniteTimelines(pair, lengthof(pair)));
	}
	expanded = GetExpandedArg(fcinfo, 0);
	if (expanded == NULL)
		expanded = ExpandTimeline(PG_GETARG_TIMELINE_PP(0), context);
	AddPart(expanded, added);
	if (expanded->added_size > EXPANDED_TIMELINE_SLACK + 3 * VARSIZE_ANY(expanded->parts[0]))
		UniteParts(expanded);
	return EOHPGetRWDatum(&expanded->header);
}
