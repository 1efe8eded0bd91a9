/*
 * load.c
 *		The merge round of a first load: whole visitors in; segments, units, noted events and whom the
 *		visitors name out, each written into its table as it comes.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "gather_sql.h"
#include "session_options.h"
#include "split_sql.h"
#include "timeline.h"
#include "writer.h"

/* Where the rows of a first load go. */
typedef struct JLoad
{
	JSessionOptions options;
	MemoryContext context;		/* for what a visitor takes */
	JWriter    *segments;
	JWriter    *units;
	JWriter    *noted;
	JWriter    *refs;
	JWriter    *identities;		/* of visitors that name nobody */
	JConversions *conversions;	/* NULL: none */
	int64		events;			/* how many there are */
} JLoad;

static JWriter *
JOpenSegments(Oid relation, Oid timeline)
{
	const JWriterColumn columns[] = {
		{"visitor_id", TEXTOID}, {"started_at", TIMESTAMPTZOID}, {"first_event_id", TEXTOID},
		{"session_id", UUIDOID}, {"loose", BOOLOID}, {"head", BOOLOID}, {"resumable", BOOLOID},
		{"state", BYTEAOID}, {"part", BYTEAOID}, {"body", timeline}
	};

	return JWriterOpen(relation, columns, lengthof(columns));
}

static JWriter *
JOpenUnits(Oid relation)
{
	static const JWriterColumn columns[] = {
		{"visitor_id", TEXTOID}, {"op", TEXTOID}, {"started_at", TIMESTAMPTZOID}, {"first_event_id", TEXTOID},
		{"session_id", UUIDOID}, {"loose", BOOLOID}, {"part", BYTEAOID}, {"session_number", INT8OID},
		{"first_ref", TEXTOID}, {"identity", TEXTOID}, {"aside", BOOLOID}
	};

	return JWriterOpen(relation, columns, lengthof(columns));
}

static JWriter *
JOpenNoted(Oid relation)
{
	static const JWriterColumn columns[] = {
		{"visitor_id", TEXTOID}, {"event_id", TEXTOID}, {"event_time", TIMESTAMPTZOID},
		{"user_id", TEXTOID}, {"kind", TEXTOID}, {"name", TEXTOID}, {"order_id", TEXTOID},
		{"revenue", NUMERICOID}, {"currency", TEXTOID}, {"previous_id", TEXTOID},
		{"traits", JSONBOID}, {"first_copy", TIMESTAMPTZOID}, {"last_copy", TIMESTAMPTZOID},
		{"conversions", JSONBOID},
		{"sign", INT4OID}, {"session_id", UUIDOID}, {"person_id", TEXTOID}
	};

	return JWriterOpen(relation, columns, lengthof(columns));
}

static JWriter *
JOpenVisitorRefs(Oid relation)
{
	static const JWriterColumn columns[] = {
		{"visitor_id", TEXTOID}, {"ref", TEXTOID}, {"n", INT8OID}, {"device", INT8OID}
	};

	return JWriterOpen(relation, columns, lengthof(columns));
}

static JWriter *
JOpenIdentities(Oid relation)
{
	static const JWriterColumn columns[] = {
		{"id", TEXTOID}, {"id_type", TEXTOID}, {"person_id", TEXTOID}, {"valid_from", TIMESTAMPTZOID},
		{"valid_to", TIMESTAMPTZOID}, {"reason", TEXTOID}
	};

	return JWriterOpen(relation, columns, lengthof(columns));
}

static void
JPutSegment(JLoad *load, const JNewSegment *segment, const JEvent *events)
{
	Datum		values[10];
	bool		nulls[10] = {false};
	StringInfoData part;
	Size		size;
	char	   *body = JTimelineBuild(events, segment->n_events, &size);

	if (body == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a segment of a visitor's events would be larger than 1 GB")));
	SET_VARSIZE(body, size);
	JSetStr(values, nulls, 0, segment->part.visitor_id);
	values[1] = TimestampTzGetDatum(segment->part.started_at);
	JSetStr(values, nulls, 2, segment->part.first_event_id);
	JSetUuid(values, nulls, 3, &segment->part.id);
	values[4] = BoolGetDatum(segment->part.loose);
	values[5] = BoolGetDatum(segment->head);
	values[6] = BoolGetDatum(segment->resumable);
	nulls[7] = JStrIsNull(segment->state);
	values[7] = nulls[7] ? (Datum) 0 : JBytea(segment->state);
	nulls[8] = segment->head;
	if (!nulls[8])
	{
		initStringInfo(&part);
		JPartEncode(&segment->part, &part);
		values[8] = JBytea((JStr) {part.data, part.len});
	}
	values[9] = PointerGetDatum(body);
	JWriterPut(load->segments, values, nulls);
}

/* The events of a segment that tables of their own follow. */
static void
JPutNotedEvents(JLoad *load, const JNewSegment *segment, const JEvent *events)
{
	for (int i = 0; i < segment->n_events; i++)
	{
		Datum		values[J_NOTED_COLUMNS + 3];
		bool		nulls[J_NOTED_COLUMNS + 3] = {false};

		if (!JSetNoted(values, nulls, &events[i], load->conversions))
			continue;
		values[J_NOTED_COLUMNS] = Int32GetDatum(1);
		JSetUuid(values, nulls, J_NOTED_COLUMNS + 1, &segment->part.id);
		nulls[J_NOTED_COLUMNS + 2] = true;
		JWriterPut(load->noted, values, nulls);
	}
}

static void
JPutUnit(JLoad *load, const JPart *part, int64 number)
{
	Datum		values[11];
	bool		nulls[11] = {false};
	StringInfoData bytes;

	initStringInfo(&bytes);
	JPartEncode(part, &bytes);
	JSetStr(values, nulls, 0, part->visitor_id);
	JSetStr(values, nulls, 1, JSTR_LIT("unit"));
	values[2] = TimestampTzGetDatum(part->started_at);
	JSetStr(values, nulls, 3, part->first_event_id);
	JSetUuid(values, nulls, 4, &part->id);
	values[5] = BoolGetDatum(part->loose);
	values[6] = JBytea((JStr) {bytes.data, bytes.len});
	nulls[7] = part->loose;
	values[7] = Int64GetDatum(number);
	nulls[8] = nulls[9] = part->n_refs == 0;
	if (part->n_refs > 0)
	{
		values[8] = JRefText(part->refs[0].is_email, part->refs[0].id);
		values[9] = JIdentityText(part);
	}
	values[10] = BoolGetDatum(part->aside);
	JWriterPut(load->units, values, nulls);
}

/* A unit while its segments come. Another may lie between two of them: a run outside a session. */
typedef struct JOpenUnit
{
	JPart		part;
	int64		number;
} JOpenUnit;

/* An id by which units of a visitor name somebody. */
typedef struct JVisitorRef
{
	bool		is_email;
	JStr		id;
	int64		n;				/* in so many */
	int64		device;			/* in so many that say whose device it is */
} JVisitorRef;

static bool
JVisitorRefHash(const void *entry, uint32 *hash)
{
	const JVisitorRef *ref = entry;

	*hash = JSetHash(ref->is_email, ref->id);
	return true;
}

static bool
JVisitorRefSame(const void *a, const void *b)
{
	const JVisitorRef *x = a;
	const JVisitorRef *y = b;

	return x->is_email == y->is_email && JStrEqual(x->id, y->id);
}

static const JSetKind visitor_ref_kind = {sizeof(JVisitorRef), JVisitorRefHash, JVisitorRefSame};

/* Most visitors name nobody, and so stand for themselves at all times. */
static void
JPutAnonymous(JLoad *load, JStr visitor_id)
{
	Datum		values[6];
	bool		nulls[6] = {false};
	char	   *person = psprintf("visitor:%.*s", visitor_id.len, visitor_id.data);

	JSetStr(values, nulls, 0, visitor_id);
	JSetStr(values, nulls, 1, JSTR_LIT("visitor"));
	JSetStr(values, nulls, 2, JStrFromCString(person));
	values[3] = TimestampTzGetDatum(DT_NOBEGIN);
	values[4] = TimestampTzGetDatum(DT_NOEND);
	JSetStr(values, nulls, 5, JSTR_LIT("anonymous"));
	JWriterPut(load->identities, values, nulls);
}

/* Whom the units of a visitor name; a unit names each once. */
static void
JPutVisitorRefs(JLoad *load, const JOpenUnit *units, int n_units)
{
	JVisitorRef *refs = NULL;
	JSet		set = {0};
	int			n = 0,
				max = 0;

	for (int i = 0; i < n_units; i++)
		for (int k = 0; k < units[i].part.n_refs; k++)
		{
			const JIdentityRef *named = &units[i].part.refs[k];
			JVisitorRef new = {named->is_email, named->id};
			int			at = JSetFind(&set, &visitor_ref_kind, refs, n, &new);

			if (at < 0 && n == max)
			{
				max = Max(4, 2 * max);
				refs = refs == NULL ? palloc_array(JVisitorRef, max) :
					repalloc_huge(refs, sizeof(JVisitorRef) * (Size) max);
			}
			if (at < 0)
				refs[at = n++] = new;
			refs[at].n++;
			refs[at].device += !units[i].part.aside;
		}
	if (n == 0)
		JPutAnonymous(load, units[0].part.visitor_id);
	for (int i = 0; i < n; i++)
	{
		Datum		values[4];
		bool		nulls[4] = {false};

		JSetStr(values, nulls, 0, units[0].part.visitor_id);
		values[1] = JRefText(refs[i].is_email, refs[i].id);
		values[2] = Int64GetDatum(refs[i].n);
		values[3] = Int64GetDatum(refs[i].device);
		JWriterPut(load->refs, values, nulls);
	}
}

static JOpenUnit *
JFindUnit(JOpenUnit *units, int n, const JUuid *id)
{
	while (--n >= 0)
		if (memcmp(&units[n].part.id, id, sizeof(JUuid)) == 0)
			return &units[n];
	elog(ERROR, "segment without the head of its unit");
}

/* Splits all of a visitor's events, which are canonical, at least one. */
static void
JLoadVisitor(JLoad *load, JEvent *events, int n)
{
	JSplitResult result;
	int64		number = 0;
	JOpenUnit  *units;
	int			n_units = 0;

	if (load->conversions != NULL)
		JStepsBegin(&load->conversions->steps);
	JSplit(&load->options, NULL, NULL, 0, events, n, NULL, 0, false,
		   JSegmentEvents(&load->options), &result);
	units = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(JOpenUnit) * (Size) result.n_segments);
	for (int i = 0; i < result.n_segments; i++)
	{
		const JNewSegment *segment = &result.segments[i];

		JPutSegment(load, segment, result.events + segment->first);
		JPutNotedEvents(load, segment, result.events + segment->first);
		if (segment->head)
		{
			number += !segment->part.loose;
			units[n_units++] = (JOpenUnit) {segment->part, number};
		}
		else
			JPartAppend(&JFindUnit(units, n_units, &segment->part.id)->part, &segment->part);
		CHECK_FOR_INTERRUPTS();
	}
	for (int i = 0; i < n_units; i++)
		JPutUnit(load, &units[i].part, units[i].number);
	JPutVisitorRefs(load, units, n_units);
	load->events += result.n_events;
}

static void
JLoadGathered(JEvent *events, int n, void *arg)
{
	JLoad	   *load = arg;
	MemoryContext old;

	if (events == NULL)
		JTimelineTooLarge();
	old = MemoryContextSwitchTo(load->context);
	n = JEventsCanonicalise(events, n);
	JLoadVisitor(load, events, n);
	MemoryContextSwitchTo(old);
	MemoryContextReset(load->context);
}

/* The rules and tables of a call: .., timeout, rules, segments, units, noted, refs, identities from argument 1 on. */
static void
JLoadBegin(JLoad *load, FunctionCallInfo fcinfo, int conversions_arg)
{
	for (int i = 0; i < 8; i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("arguments must not be null")));
	load->options = JStoreOptions(fcinfo, 1, 2);
	load->conversions = PG_ARGISNULL(conversions_arg) ? NULL :
		JConversionsFromJsonb(PG_GETARG_JSONB_P(conversions_arg));
	load->events = 0;
	load->context = AllocSetContextCreate(CurrentMemoryContext, "pg_journey visitor",
										  ALLOCSET_DEFAULT_SIZES);
	load->segments = JOpenSegments(PG_GETARG_OID(3), JTypeBeside(fcinfo, "timeline"));
	load->units = JOpenUnits(PG_GETARG_OID(4));
	load->noted = JOpenNoted(PG_GETARG_OID(5));
	load->refs = JOpenVisitorRefs(PG_GETARG_OID(6));
	load->identities = JOpenIdentities(PG_GETARG_OID(7));
}

static int64
JLoadEnd(JLoad *load)
{
	(void) JWriterClose(load->segments);
	(void) JWriterClose(load->units);
	(void) JWriterClose(load->noted);
	(void) JWriterClose(load->refs);
	(void) JWriterClose(load->identities);
	MemoryContextDelete(load->context);
	return load->events;
}

/*
 * _load_events(query, timeout, rules, segments, units, noted, refs, identities, conversions): splits the events of a
 * query into tables that are empty; how many there are.
 */
PG_FUNCTION_INFO_V1(journey_load_events);
Datum
journey_load_events(PG_FUNCTION_ARGS)
{
	JLoad		load;

	JLoadBegin(&load, fcinfo, 8);
	JGatherFinish(JGatherQuery(text_to_cstring(PG_GETARG_TEXT_PP(0)), (Size) maintenance_work_mem * 1024, NULL),
				  JLoadGathered, &load);
	PG_RETURN_INT64(JLoadEnd(&load));
}

/* ------------------------------------------------------------------------------------------------
 * rows of a reading
 * ------------------------------------------------------------------------------------------------ */

/* What a table's rows in a reading are. */
typedef struct JTally
{
	int32		table_id;
	int64		rows;
	int64		excluded;
	int64		rejected;
	int64		traits;
	int64		events;
	int64		page_views;
	bool		any_page;		/* even one that is rejected */
	bool		web_track;		/* a track of a device's page */
	TimestampTz loaded_until;
	bool		has_loaded;
} JTally;

/* Counts rows, and takes those that are no events into the batch. */
typedef struct JReading
{
	JRowFilter	filter;
	Oid			relation;		/* of the batch */
	MemoryContext context;		/* outlives the query */
	JWriter    *batch;
	int			table_id;		/* columns from 0 */
	int			status;
	int			is_traits;
	int			loaded_at;
	int			kind;
	int			url;
	int			visitor_id;
	int			platform;
	JTally	   *tallies;
	int			n;
	int			max;
	JTally	   *last;
} JReading;

static int
JReadingColumn(TupleDesc tupdesc, const char *name)
{
	for (int i = 0; i < tupdesc->natts; i++)
		if (strcmp(NameStr(TupleDescAttr(tupdesc, i)->attname), name) == 0)
			return i;
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("the query has no column \"%s\"", name)));
}

static int
JReadingColumnOf(TupleDesc tupdesc, const char *name, Oid type)
{
	int			at = JReadingColumn(tupdesc, name);

	if (TupleDescAttr(tupdesc, at)->atttypid != type)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of the query must be of type %s", name, format_type_be(type))));
	return at;
}

static void
JReadingStartup(JRowFilter *filter, TupleDesc tupdesc)
{
	JReading   *reading = (JReading *) filter;
	MemoryContext old = MemoryContextSwitchTo(reading->context);
	JWriterColumn *columns = palloc_array(JWriterColumn, tupdesc->natts);

	for (int i = 0; i < tupdesc->natts; i++)
		columns[i] = (JWriterColumn) {
			pstrdup(NameStr(TupleDescAttr(tupdesc, i)->attname)), TupleDescAttr(tupdesc, i)->atttypid
		};
	reading->batch = JWriterOpen(reading->relation, columns, tupdesc->natts);
	MemoryContextSwitchTo(old);
	reading->table_id = JReadingColumnOf(tupdesc, "table_id", INT4OID);
	reading->status = JReadingColumnOf(tupdesc, "status", TEXTOID);
	reading->is_traits = JReadingColumnOf(tupdesc, "is_traits", BOOLOID);
	reading->loaded_at = JReadingColumnOf(tupdesc, "loaded_at", TIMESTAMPTZOID);
	reading->kind = JReadingColumnOf(tupdesc, "kind", TEXTOID);
	reading->url = JReadingColumnOf(tupdesc, "url", TEXTOID);
	reading->visitor_id = JReadingColumnOf(tupdesc, "visitor_id", TEXTOID);
	reading->platform = JReadingColumnOf(tupdesc, "platform", TEXTOID);
}

static JTally *
JFindTally(JReading *reading, int32 table_id)
{
	if (reading->last != NULL && reading->last->table_id == table_id)
		return reading->last;
	for (int i = 0; i < reading->n; i++)
		if (reading->tallies[i].table_id == table_id)
			return reading->last = &reading->tallies[i];
	if (reading->n == reading->max)
	{
		reading->max = Max(16, 2 * reading->max);
		reading->tallies = repalloc(reading->tallies, sizeof(JTally) * (reading->max + 1));
	}
	reading->last = &reading->tallies[reading->n++];
	memset(reading->last, 0, sizeof(JTally));
	reading->last->table_id = table_id;
	return reading->last;
}

static JStr
JSlotStr(const TupleTableSlot *slot, int column)
{
	return slot->tts_isnull[column] ? JSTR_NULL : JStrFromText(DatumGetTextPP(slot->tts_values[column]));
}

static bool
JIsWebTrack(const JReading *reading, const TupleTableSlot *slot)
{
	JStr		visitor = JSlotStr(slot, reading->visitor_id);
	JStr		platform = JSlotStr(slot, reading->platform);

	return JSlotStr(slot, reading->url).len > 0 &&
		!JStrIsNull(visitor) && !(visitor.len >= 5 && memcmp(visitor.data, "user:", 5) == 0) &&
		!JStrEqual(platform, JSTR_LIT("server")) && !JStrEqual(platform, JSTR_LIT("sources"));
}

static void
JTallyEvent(const JReading *reading, JTally *tally, const TupleTableSlot *slot, bool is_page)
{
	tally->events++;
	tally->page_views += is_page;
	if (!tally->web_track && JStrEqual(JSlotStr(slot, reading->kind), JSTR_LIT("track")))
		tally->web_track = JIsWebTrack(reading, slot);
}

static bool
JReadingTake(JRowFilter *filter, TupleTableSlot *slot)
{
	JReading   *reading = (JReading *) filter;
	JTally	   *tally = JFindTally(reading, DatumGetInt32(slot->tts_values[reading->table_id]));
	JStr		status = JSlotStr(slot, reading->status);
	JStr		kind = JSlotStr(slot, reading->kind);
	bool		is_page = JStrEqual(kind, JSTR_LIT("page")) || JStrEqual(kind, JSTR_LIT("screen"));
	bool		is_traits = !slot->tts_isnull[reading->is_traits] &&
		DatumGetBool(slot->tts_values[reading->is_traits]);

	tally->rows++;
	tally->any_page |= is_page;
	if (!slot->tts_isnull[reading->loaded_at])
	{
		TimestampTz at = DatumGetTimestampTz(slot->tts_values[reading->loaded_at]);

		tally->loaded_until = tally->has_loaded ? Max(tally->loaded_until, at) : at;
		tally->has_loaded = true;
	}
	if (JStrEqual(status, JSTR_LIT("excluded")))
	{
		tally->excluded++;
		return true;
	}
	if (JStrIsNull(status) && !is_traits)
	{
		JTallyEvent(reading, tally, slot, is_page);
		return false;
	}
	if (JStrIsNull(status))
		tally->traits++;
	else
		tally->rejected++;
	JWriterPut(reading->batch, slot->tts_values, slot->tts_isnull);
	return true;
}

static void
JPutTallies(const JReading *reading, ReturnSetInfo *rsinfo, int64 events)
{
	for (int i = 0; i <= reading->n; i++)
	{
		Datum		values[12] = {0};
		bool		nulls[12] = {false};
		const JTally *tally = &reading->tallies[i];

		if (i == reading->n)
		{
			memset(nulls, true, sizeof(nulls));
			values[10] = Int64GetDatum(events);
		}
		else
		{
			values[0] = Int32GetDatum(tally->table_id);
			values[1] = Int64GetDatum(tally->rows);
			values[2] = Int64GetDatum(tally->excluded);
			values[3] = Int64GetDatum(tally->rejected);
			values[4] = Int64GetDatum(tally->traits);
			values[5] = Int64GetDatum(tally->events);
			values[6] = Int64GetDatum(tally->page_views);
			values[7] = BoolGetDatum(tally->any_page);
			values[8] = BoolGetDatum(tally->web_track);
			values[9] = TimestampTzGetDatum(tally->loaded_until);
			nulls[9] = !tally->has_loaded;
		}
		nulls[10] = i < reading->n;
		values[11] = Int64GetDatum(0);
		nulls[11] = i == reading->n;
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
}

/*
 * _load_rows(query, timeout, rules, segments, units, noted, refs, identities, batch, conversions): the same from the
 * rows of a reading, with all columns of the batch. Those that are no events go to the batch. Tells what the rows of each table
 * are and, in a last row, how many events there are.
 */
PG_FUNCTION_INFO_V1(journey_load_rows);
Datum
journey_load_rows(PG_FUNCTION_ARGS)
{
	JReading	reading = {{JReadingStartup, JReadingTake}};
	JLoad		load;
	JGather    *gather;

	InitMaterializedSRF(fcinfo, 0);
	JLoadBegin(&load, fcinfo, 9);
	if (PG_ARGISNULL(8))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("arguments must not be null")));
	reading.relation = PG_GETARG_OID(8);
	reading.context = CurrentMemoryContext;
	reading.max = 16;
	reading.tallies = palloc_array(JTally, reading.max + 1);
	gather = JGatherQuery(text_to_cstring(PG_GETARG_TEXT_PP(0)), (Size) maintenance_work_mem * 1024,
						  &reading.filter);
	(void) JWriterClose(reading.batch);
	JGatherFinish(gather, JLoadGathered, &load);
	JPutTallies(&reading, (ReturnSetInfo *) fcinfo->resultinfo, JLoadEnd(&load));
	return (Datum) 0;
}

/* ------------------------------------------------------------------------------------------------
 * stored events
 * ------------------------------------------------------------------------------------------------ */

/* The stored events of a visitor, from as many segments as come in a row. */
typedef struct JStoredVisitor
{
	MemoryContext context;
	JStr		visitor_id;		/* data NULL: none yet */
	JEvent	   *events;
	int64		n;
	int64		max;
} JStoredVisitor;

static void
JLoadStored(JLoad *load, JStoredVisitor *visitor)
{
	MemoryContext old;

	if (visitor->n > JTIMELINE_MAX_EVENTS)
		JTimelineTooLarge();
	if (visitor->n > 0)
	{
		old = MemoryContextSwitchTo(load->context);
		JLoadVisitor(load, visitor->events, JEventsCanonicalise(visitor->events, (int) visitor->n));
		MemoryContextSwitchTo(old);
		MemoryContextReset(load->context);
	}
	MemoryContextReset(visitor->context);
	memset(&visitor->visitor_id, 0, sizeof(JStr));
	visitor->events = NULL;
	visitor->n = visitor->max = 0;
}

static void
JStoredAdd(JLoad *load, JStoredVisitor *visitor, JStr visitor_id, Datum body)
{
	MemoryContext old;
	JEvent	   *events;
	int			n;

	if (!JStrIsNull(visitor->visitor_id) && !JStrEqual(visitor->visitor_id, visitor_id))
		JLoadStored(load, visitor);
	old = MemoryContextSwitchTo(visitor->context);
	if (JStrIsNull(visitor->visitor_id))
		visitor->visitor_id = (JStr) {pnstrdup(visitor_id.data, visitor_id.len), visitor_id.len};
	events = JTimelineEvents(JTimelineOpenDatum((struct varlena *) PG_DETOAST_DATUM_COPY(body)), &n);
	for (int i = 0; i < n; i++)
		events[i].field[JF_VISITOR_ID] = visitor->visitor_id;	/* in a damaged store some say another */
	if (visitor->n + n > visitor->max)
	{
		visitor->max = Max(visitor->n + n, 2 * visitor->max);
		visitor->events = visitor->events == NULL ?
			MemoryContextAllocHuge(visitor->context, sizeof(JEvent) * visitor->max) :
			repalloc_huge(visitor->events, sizeof(JEvent) * visitor->max);
	}
	memcpy(visitor->events + visitor->n, events, sizeof(JEvent) * n);
	visitor->n += n;
	pfree(events);
	MemoryContextSwitchTo(old);
}

/*
 * _load_stored(query, timeout, rules, segments, units, noted, refs, identities, conversions): the same from stored
 * segments, of which the query gives (visitor_id, body), those of a visitor in a row.
 */
PG_FUNCTION_INFO_V1(journey_load_stored);
Datum
journey_load_stored(PG_FUNCTION_ARGS)
{
	JLoad		load;
	JStoredVisitor visitor = {NULL};
	Portal		portal;

	JLoadBegin(&load, fcinfo, 8);
	visitor.context = AllocSetContextCreate(CurrentMemoryContext, "pg_journey stored visitor",
											ALLOCSET_DEFAULT_SIZES);
	SPI_connect();
	portal = SPI_cursor_open(NULL, JPlanQuery(text_to_cstring(PG_GETARG_TEXT_PP(0))), NULL, NULL, true);
	if (portal->tupDesc->natts != 2 || TupleDescAttr(portal->tupDesc, 0)->atttypid != TEXTOID ||
		TupleDescAttr(portal->tupDesc, 1)->atttypid != JTypeBeside(fcinfo, "timeline"))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("the query must give visitors and timelines")));
	for (;;)
	{
		SPI_cursor_fetch(portal, true, 200);
		if (SPI_processed == 0)
			break;
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			HeapTuple	tuple = SPI_tuptable->vals[i];
			bool		nulls[2];
			Datum		id = SPI_getbinval(tuple, SPI_tuptable->tupdesc, 1, &nulls[0]);
			Datum		body = SPI_getbinval(tuple, SPI_tuptable->tupdesc, 2, &nulls[1]);

			if (!nulls[0] && !nulls[1])
				JStoredAdd(&load, &visitor, JStrFromText(DatumGetTextPP(id)), body);
		}
		SPI_freetuptable(SPI_tuptable);
	}
	SPI_cursor_close(portal);
	JLoadStored(&load, &visitor);
	SPI_finish();
	MemoryContextDelete(visitor.context);
	PG_RETURN_INT64(JLoadEnd(&load));
}
