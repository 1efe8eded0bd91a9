/*
 * profile.c
 *		What a profile is made of: how many events a person has of each name, the last value of each
 *		trait, and which touches come first and last.
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "journey_sql.h"
#include "profile_core.h"
#include "timeline.h"

/* ------------------------------------------------------------------------------------------------
 * counts of events
 * ------------------------------------------------------------------------------------------------ */

/* _event_counts(body): how many events of each name. */
PG_FUNCTION_INFO_V1(journey_event_counts);
Datum
journey_event_counts(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	JTimelineReader *reader;
	JEvent		event;
	JNameCounts counts = {0};

	InitMaterializedSRF(fcinfo, 0);
	reader = JTimelineOpenDatum(PG_GETARG_TIMELINE_PP(0));
	while (JTimelineNext(reader, &event))
		JNameCountsAdd(&counts, JEventCountName(&event), false);
	for (int i = 0; i < counts.n; i++)
	{
		Datum		values[2] = {JStrGetDatum(counts.names[i].name), Int64GetDatum(counts.names[i].n)};
		bool		nulls[2] = {false, false};

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

static MemoryContext
JAggregateContext(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("function called outside of an aggregate")));
	return context;
}

/* _count_events(body): {"name": n, ..} over the events of all timelines. */
PG_FUNCTION_INFO_V1(journey_count_events_add);
Datum
journey_count_events_add(PG_FUNCTION_ARGS)
{
	MemoryContext context = JAggregateContext(fcinfo);
	JNameCounts *counts = PG_ARGISNULL(0) ? NULL : (JNameCounts *) PG_GETARG_POINTER(0);
	JTimelineReader *reader;
	JEvent		event;

	if (counts == NULL)
		counts = MemoryContextAllocZero(context, sizeof(JNameCounts));
	if (PG_ARGISNULL(1))
		PG_RETURN_POINTER(counts);
	reader = JTimelineOpenDatum(PG_GETARG_TIMELINE_PP(1));
	while (JTimelineNext(reader, &event))
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		JNameCountsAdd(counts, JEventCountName(&event), true);
		MemoryContextSwitchTo(old);
	}
	PG_RETURN_POINTER(counts);
}

PG_FUNCTION_INFO_V1(journey_count_events_final);
Datum
journey_count_events_final(PG_FUNCTION_ARGS)
{
	const JNameCounts *counts = PG_ARGISNULL(0) ? NULL : (JNameCounts *) PG_GETARG_POINTER(0);
	JsonbParseState *state = NULL;
	JsonbValue *object;

	(void) JAggregateContext(fcinfo);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; counts != NULL && i < counts->n; i++)
	{
		JsonbValue	key = {.type = jbvString};
		JsonbValue	value = {.type = jbvNumeric};

		key.val.string.val = unconstify(char *, counts->names[i].name.data);
		key.val.string.len = counts->names[i].name.len;
		value.val.numeric = int64_to_numeric(counts->names[i].n);
		pushJsonbValue(&state, WJB_KEY, &key);
		pushJsonbValue(&state, WJB_VALUE, &value);
	}
	object = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	PG_RETURN_JSONB_P(JsonbValueToJsonb(object));
}

/* ------------------------------------------------------------------------------------------------
 * traits
 * ------------------------------------------------------------------------------------------------ */

/* What one event says of a person, copied whole; freed when later events have said all of it anew. */
typedef struct JTraitSource
{
	int			users;
	int64		time;
	JStr		event_id;
	JStr		visitor_id;
	Jsonb	   *traits;
} JTraitSource;

/* Key and value point into the source. */
typedef struct JTrait
{
	JStr		key;
	JsonbValue	value;
	JTraitSource *source;
} JTrait;

typedef struct JTraits
{
	int			n;
	int			max;
	JTrait	   *traits;
	JSet		set;
} JTraits;

static bool
JTraitHash(const void *entry, uint32 *hash)
{
	*hash = JSetHash(0, ((const JTrait *) entry)->key);
	return true;
}

static bool
JTraitSame(const void *a, const void *b)
{
	return JStrEqual(((const JTrait *) a)->key, ((const JTrait *) b)->key);
}

static const JSetKind trait_kind = {sizeof(JTrait), JTraitHash, JTraitSame};

/* In the order of time, event id, visitor id. */
static bool
JSaidAfter(const JTraitSource *a, const JTraitSource *b)
{
	int			c = (a->time > b->time) - (a->time < b->time);

	if (c == 0)
		c = JStrCompare(a->event_id, b->event_id);
	if (c == 0)
		c = JStrCompare(a->visitor_id, b->visitor_id);
	return c > 0;
}

static void
JReleaseSource(JTraitSource *source)
{
	if (--source->users > 0)
		return;
	pfree(source->traits);
	pfree(unconstify(char *, source->event_id.data));
	pfree(unconstify(char *, source->visitor_id.data));
	pfree(source);
}

static void
JTraitsAdd(JTraits *traits, JTrait *new)
{
	int			i = JSetFind(&traits->set, &trait_kind, traits->traits, traits->n, new);

	if (i >= 0 && !JSaidAfter(new->source, traits->traits[i].source))
		return;
	new->source->users++;
	if (i >= 0)
	{
		JReleaseSource(traits->traits[i].source);
		traits->traits[i] = *new;
		return;
	}
	if (traits->n == traits->max)
	{
		traits->max = Max(4, 2 * traits->max);
		traits->traits = traits->traits == NULL ? palloc_array(JTrait, traits->max) :
			repalloc_array(traits->traits, JTrait, traits->max);
	}
	traits->traits[traits->n++] = *new;
}

static JStr
JCopyText(const text *t)
{
	JStr		s = JStrFromText(t);

	return (JStr) {pnstrdup(s.data, s.len), s.len};
}

static Jsonb *
JCopyJsonb(const Jsonb *jsonb)
{
	return memcpy(palloc(VARSIZE(jsonb)), jsonb, VARSIZE(jsonb));
}

/*
 * _last_traits(traits, event_time, event_id, visitor_id): an object with the value of each key that was
 * said last; null says nothing.
 */
PG_FUNCTION_INFO_V1(journey_last_traits_add);
Datum
journey_last_traits_add(PG_FUNCTION_ARGS)
{
	MemoryContext context = JAggregateContext(fcinfo);
	MemoryContext old;
	JTraits    *traits;
	JTrait		new;
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	key;
	/* what is unpacked of the arguments belongs to the row, not to the aggregate */
	bool		said = !PG_ARGISNULL(1) && !PG_ARGISNULL(2) && !PG_ARGISNULL(3) && !PG_ARGISNULL(4);
	const Jsonb *object = said ? PG_GETARG_JSONB_P(1) : NULL;
	const text *event_id = said ? PG_GETARG_TEXT_PP(3) : NULL;
	const text *visitor_id = said ? PG_GETARG_TEXT_PP(4) : NULL;

	old = MemoryContextSwitchTo(context);
	traits = PG_ARGISNULL(0) ? palloc0_object(JTraits) : (JTraits *) PG_GETARG_POINTER(0);
	if (said && JB_ROOT_IS_OBJECT(object))
	{
		new.source = palloc_object(JTraitSource);
		new.source->users = 1;	/* this function */
		new.source->time = PG_GETARG_TIMESTAMPTZ(2);
		new.source->event_id = JCopyText(event_id);
		new.source->visitor_id = JCopyText(visitor_id);
		new.source->traits = JCopyJsonb(object);
		it = JsonbIteratorInit(&new.source->traits->root);
		while ((token = JsonbIteratorNext(&it, &key, true)) != WJB_DONE)
		{
			if (token != WJB_KEY)
				continue;
			(void) JsonbIteratorNext(&it, &new.value, true);
			new.key = (JStr) {key.val.string.val, key.val.string.len};
			if (new.value.type != jbvNull)
				JTraitsAdd(traits, &new);
		}
		JReleaseSource(new.source);
	}
	MemoryContextSwitchTo(old);
	PG_RETURN_POINTER(traits);
}

PG_FUNCTION_INFO_V1(journey_last_traits_final);
Datum
journey_last_traits_final(PG_FUNCTION_ARGS)
{
	const JTraits *traits = PG_ARGISNULL(0) ? NULL : (JTraits *) PG_GETARG_POINTER(0);
	JsonbParseState *state = NULL;

	(void) JAggregateContext(fcinfo);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; traits != NULL && i < traits->n; i++)
	{
		JsonbValue	key = {.type = jbvString};

		key.val.string.val = unconstify(char *, traits->traits[i].key.data);
		key.val.string.len = traits->traits[i].key.len;
		pushJsonbValue(&state, WJB_KEY, &key);
		pushJsonbValue(&state, WJB_VALUE, &traits->traits[i].value);
	}
	PG_RETURN_JSONB_P(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

/* ------------------------------------------------------------------------------------------------
 * first and last touches
 * ------------------------------------------------------------------------------------------------ */

/* In the order of journey._touch_ends. */
enum
{
	FIRST_TOUCH,
	FIRST_NON_DIRECT,
	LAST_TOUCH,
	LAST_NON_DIRECT,
	TOUCH_ENDS
};

/* A copy of a touch's row, for as many ends as have it. */
typedef struct JEndRow
{
	int			users;
	HeapTupleHeader row;
} JEndRow;

typedef struct JEnd
{
	TimestampTz at;
	pg_uuid_t	touch_id;
	JEndRow    *row;			/* NULL: none yet */
} JEnd;

typedef struct JTouchEnds
{
	JEnd		ends[TOUCH_ENDS];
} JTouchEnds;

static bool
JReplacesEnd(const JEnd *end, bool first, TimestampTz at, const pg_uuid_t *touch_id)
{
	int			c;

	if (end->row == NULL)
		return true;
	c = (at > end->at) - (at < end->at);
	if (c == 0)
		c = memcmp(touch_id, &end->touch_id, sizeof(pg_uuid_t));
	return first ? c < 0 : c > 0;
}

static JEndRow *
JKeepRow(MemoryContext context, HeapTupleHeader row)
{
	Size		len = HeapTupleHeaderGetDatumLength(row);
	JEndRow    *copy = MemoryContextAlloc(context, MAXALIGN(sizeof(JEndRow)) + len);

	copy->users = 0;
	copy->row = (HeapTupleHeader) ((char *) copy + MAXALIGN(sizeof(JEndRow)));
	memcpy(copy->row, row, len);
	return copy;
}

/* _touch_ends(touched_at, touch_id, direct, touch): in the order of time, then id. */
PG_FUNCTION_INFO_V1(journey_touch_ends_add);
Datum
journey_touch_ends_add(PG_FUNCTION_ARGS)
{
	MemoryContext context = JAggregateContext(fcinfo);
	JTouchEnds *state = PG_ARGISNULL(0) ? NULL : (JTouchEnds *) PG_GETARG_POINTER(0);
	JEndRow    *row = NULL;

	if (state == NULL)
		state = MemoryContextAllocZero(context, sizeof(JTouchEnds));
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(3) || PG_ARGISNULL(4))
		PG_RETURN_POINTER(state);
	for (int i = 0; i < TOUCH_ENDS; i++)
	{
		JEnd	   *end = &state->ends[i];

		if ((i == FIRST_NON_DIRECT || i == LAST_NON_DIRECT) && PG_GETARG_BOOL(3))
			continue;
		if (!JReplacesEnd(end, i < LAST_TOUCH, PG_GETARG_TIMESTAMPTZ(1), PG_GETARG_UUID_P(2)))
			continue;
		if (row == NULL)
			row = JKeepRow(context, PG_GETARG_HEAPTUPLEHEADER(4));
		if (end->row != NULL && --end->row->users == 0)
			pfree(end->row);
		row->users++;
		end->at = PG_GETARG_TIMESTAMPTZ(1);
		end->touch_id = *PG_GETARG_UUID_P(2);
		end->row = row;
	}
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(journey_touch_ends_final);
Datum
journey_touch_ends_final(PG_FUNCTION_ARGS)
{
	const JTouchEnds *state = PG_ARGISNULL(0) ? NULL : (JTouchEnds *) PG_GETARG_POINTER(0);
	TupleDesc	tupdesc = fcinfo->flinfo->fn_extra;
	Datum		values[TOUCH_ENDS];
	bool		nulls[TOUCH_ENDS];

	(void) JAggregateContext(fcinfo);
	if (state == NULL)
		PG_RETURN_NULL();
	if (tupdesc == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE ||
			tupdesc->natts != TOUCH_ENDS)
			elog(ERROR, "unexpected row type");
		fcinfo->flinfo->fn_extra = tupdesc = BlessTupleDesc(CreateTupleDescCopy(tupdesc));
		MemoryContextSwitchTo(old);
	}
	for (int i = 0; i < TOUCH_ENDS; i++)
	{
		nulls[i] = state->ends[i].row == NULL;
		values[i] = nulls[i] ? (Datum) 0 : PointerGetDatum(state->ends[i].row->row);
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(tupdesc, values, nulls)));
}
