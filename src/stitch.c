/*
 * stitch.c
 *		Stitching: marks of visitors in, the persons and numbers of units out. And what a first load writes
 *		person by person: units and facts with their persons in, each from a query, put together as two
 *		sorted files are; sessions, touches, facts and profiles out.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "gather_sql.h"
#include "profile_sql.h"
#include "split_sql.h"
#include "stitch_core.h"
#include "writer.h"

/* ------------------------------------------------------------------------------------------------
 * rows of a query
 * ------------------------------------------------------------------------------------------------ */

#define J_FETCH 500

/* A query whose rows come one by one. */
typedef struct JRows
{
	Portal		portal;
	SPITupleTable *table;		/* those fetched */
	uint64		n;
	uint64		at;				/* the next of them */
	Datum	   *values;			/* of the row, while it lasts */
	bool	   *nulls;
} JRows;

static void
JRowsOpen(JRows *rows, const char *query, const Oid *types, int n)
{
	TupleDesc	tupdesc;

	memset(rows, 0, sizeof(*rows));
	rows->portal = SPI_cursor_open(NULL, JPlanQuery(query), NULL, NULL, true);
	tupdesc = rows->portal->tupDesc;
	for (int i = 0; i < n; i++)
		if (tupdesc->natts != n || TupleDescAttr(tupdesc, i)->atttypid != types[i])
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column %d of the query must be of type %s", i + 1, format_type_be(types[i]))));
	rows->values = palloc_array(Datum, n);
	rows->nulls = palloc_array(bool, n);
}

static void
JRowsClose(JRows *rows)
{
	if (rows->portal == NULL)
		return;
	if (rows->table != NULL)
		SPI_freetuptable(rows->table);
	SPI_cursor_close(rows->portal);
	rows->portal = NULL;
}

/* The next row; false at the end. */
static bool
JRowsNext(JRows *rows)
{
	if (rows->portal == NULL)
		return false;
	if (rows->at == rows->n)
	{
		if (rows->table != NULL)
			SPI_freetuptable(rows->table);
		SPI_cursor_fetch(rows->portal, true, J_FETCH);
		rows->table = SPI_tuptable;
		rows->n = SPI_processed;
		rows->at = 0;
		if (rows->n == 0)
		{
			JRowsClose(rows);
			return false;
		}
		CHECK_FOR_INTERRUPTS();
	}
	heap_deform_tuple(rows->table->vals[rows->at++], rows->table->tupdesc, rows->values, rows->nulls);
	return true;
}

/* A string of the row, in the memory that is current where it is compressed; NULL where it is null. */
static JStr
JRowsStr(const JRows *rows, int column)
{
	return rows->nulls[column] ? JSTR_NULL : JStrFromText(DatumGetTextPP(rows->values[column]));
}

static void
JRefuseNull(const JRows *rows, int n)
{
	for (int i = 0; i < n; i++)
		if (rows->nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("column %d of the query must not be null", i + 1)));
}

/* ------------------------------------------------------------------------------------------------
 * visitors
 * ------------------------------------------------------------------------------------------------ */

/* The columns of the query of marks, in order of visitor, time, event and sender. */
enum
{
	MARK_VISITOR,
	MARK_TIME,
	MARK_EVENT,
	MARK_SHARED,
	MARK_BASE,
	MARK_BARRIER,
	MARK_SESSION,				/* from here on NULL where there is none */
	MARK_LOOSE,
	MARK_ASIDE,
	MARK_PERSON,				/* those it has so far */
	MARK_NUMBER,
	MARK_FIRST,
	MARK_OWN,
	MARK_COLUMNS
};

static const Oid mark_types[] = {
	TEXTOID, TIMESTAMPTZOID, TEXTOID, BOOLOID, INT8OID, BOOLOID, UUIDOID, BOOLOID, BOOLOID, TEXTOID, INT8OID,
	TEXTOID, TEXTOID
};

/* What is kept of a mark besides what decides. */
typedef struct JMarkRow
{
	JStr		event_id;
	pg_uuid_t	session_id;
	JStr		person;
	int64		number;
	bool		has_number;
} JMarkRow;

typedef struct JStitcher
{
	JRows		marks;
	ReturnSetInfo *rsinfo;		/* gets the units; or, NULL, tables get what is known of whole visitors: */
	JWriter    *units;			/* those that go to another than the visitor itself */
	JWriter    *stretches;
	MemoryContext context;		/* for what a visitor takes */
	JStr		visitor_id;
	JStr		own_person;
	bool		shared;
	int64		base;
	JMark	   *mark;
	JMarkRow   *row;
	int			n;
	int			max;
} JStitcher;

static JStr
JCopyStr(JStr s)
{
	return JStrIsNull(s) ? s : (JStr) {pnstrdup(s.data, s.len), s.len};
}

/* Takes the mark that is next, in the visitor's memory. */
static void
JStitcherAdd(JStitcher *stitcher)
{
	const JRows *rows = &stitcher->marks;
	JMark	   *mark;
	JMarkRow   *row;

	if (stitcher->n == stitcher->max)
	{
		stitcher->max = Max(16, 2 * stitcher->max);
		stitcher->mark = stitcher->mark == NULL ? palloc_array(JMark, stitcher->max) :
			repalloc_huge(stitcher->mark, sizeof(JMark) * (Size) stitcher->max);
		stitcher->row = stitcher->row == NULL ? palloc_array(JMarkRow, stitcher->max) :
			repalloc_huge(stitcher->row, sizeof(JMarkRow) * (Size) stitcher->max);
	}
	mark = &stitcher->mark[stitcher->n];
	row = &stitcher->row[stitcher->n++];
	memset(mark, 0, sizeof(JMark));
	memset(row, 0, sizeof(JMarkRow));
	mark->is_unit = !rows->nulls[MARK_SESSION];
	mark->loose = !rows->nulls[MARK_LOOSE] && DatumGetBool(rows->values[MARK_LOOSE]);
	mark->aside = !rows->nulls[MARK_ASIDE] && DatumGetBool(rows->values[MARK_ASIDE]);
	mark->barrier = DatumGetBool(rows->values[MARK_BARRIER]);
	mark->time = DatumGetTimestampTz(rows->values[MARK_TIME]);
	mark->first = JCopyStr(JRowsStr(rows, MARK_FIRST));
	mark->own = JCopyStr(JRowsStr(rows, MARK_OWN));
	row->event_id = JCopyStr(JRowsStr(rows, MARK_EVENT));
	if (mark->is_unit)
		row->session_id = *DatumGetUUIDP(rows->values[MARK_SESSION]);
	row->person = JCopyStr(JRowsStr(rows, MARK_PERSON));
	row->has_number = !rows->nulls[MARK_NUMBER];
	if (row->has_number)
		row->number = DatumGetInt64(rows->values[MARK_NUMBER]);
}

/* A unit with the person and number that it had, and those that it has. */
static void
JPutUnit(JStitcher *stitcher, const JMark *mark, const JMarkRow *row)
{
	Datum		values[8];
	bool		nulls[8] = {false};

	JSetStr(values, nulls, 0, stitcher->visitor_id);
	values[1] = TimestampTzGetDatum(mark->time);
	JSetStr(values, nulls, 2, row->event_id);
	values[3] = UUIDPGetDatum(&row->session_id);
	JSetStr(values, nulls, 4, row->person);
	JSetStr(values, nulls, 5, JStrIsNull(mark->person) ? stitcher->own_person : mark->person);
	values[6] = Int64GetDatum(row->number);
	nulls[6] = !row->has_number;
	values[7] = Int64GetDatum(mark->number);
	nulls[7] = mark->loose;
	tuplestore_putvalues(stitcher->rsinfo->setResult, stitcher->rsinfo->setDesc, values, nulls);
}

static void
JWriteUnit(JStitcher *stitcher, const JMark *mark, const JMarkRow *row)
{
	Datum		values[2] = {UUIDPGetDatum(&row->session_id)};
	bool		nulls[2] = {false};

	JSetStr(values, nulls, 1, mark->person);
	JWriterPut(stitcher->units, values, nulls);
}

static const char *
JStretchReason(const JStitcher *stitcher, const JStretch *stretch)
{
	if (stretch->named)
		return "identified";
	if (!JStrIsNull(stretch->person))
		return "alias";
	return stitcher->shared ? "shared" : "anonymous";
}

static void
JPutStretches(JStitcher *stitcher)
{
	JStretch   *stretches;
	int			n = JStretches(stitcher->mark, stitcher->n, &stretches);

	for (int i = 0; i < n; i++)
	{
		Datum		values[6];
		bool		nulls[6] = {false};
		JStr		person = stretches[i].person;

		JSetStr(values, nulls, 0, stitcher->visitor_id);
		JSetStr(values, nulls, 1, JSTR_LIT("visitor"));
		JSetStr(values, nulls, 2, JStrIsNull(person) ? stitcher->own_person : person);
		values[3] = TimestampTzGetDatum(stretches[i].from);
		values[4] = TimestampTzGetDatum(stretches[i].to);
		JSetStr(values, nulls, 5, JStrFromCString(JStretchReason(stitcher, &stretches[i])));
		JWriterPut(stitcher->stretches, values, nulls);
	}
}

/* One visitor, from the mark that is next. False if there was none. */
static bool
JStitchNext(JStitcher *stitcher, bool *more)
{
	MemoryContext caller = CurrentMemoryContext;
	const JRows *rows = &stitcher->marks;

	if (!*more)
		return false;
	MemoryContextSwitchTo(stitcher->context);
	stitcher->visitor_id = JCopyStr(JRowsStr(rows, MARK_VISITOR));
	stitcher->own_person = JStrFromCString(psprintf("visitor:%.*s", stitcher->visitor_id.len,
													stitcher->visitor_id.data));
	stitcher->shared = DatumGetBool(rows->values[MARK_SHARED]);
	stitcher->base = DatumGetInt64(rows->values[MARK_BASE]);
	stitcher->mark = NULL;
	stitcher->row = NULL;
	stitcher->n = stitcher->max = 0;
	while (*more && JStrEqual(JRowsStr(rows, MARK_VISITOR), stitcher->visitor_id))
	{
		JStitcherAdd(stitcher);
		MemoryContextSwitchTo(caller);
		*more = JRowsNext(&stitcher->marks);
		if (*more)
			JRefuseNull(rows, MARK_SESSION);
		MemoryContextSwitchTo(stitcher->context);
	}
	JStitch(stitcher->mark, stitcher->n, stitcher->shared, stitcher->base);
	for (int i = 0; i < stitcher->n; i++)
	{
		const JMark *mark = &stitcher->mark[i];
		const JMarkRow *row = &stitcher->row[i];

		if (mark->is_unit && stitcher->rsinfo != NULL)
			JPutUnit(stitcher, mark, row);
		else if (mark->is_unit && !JStrIsNull(mark->person))
			JWriteUnit(stitcher, mark, row);
	}
	if (stitcher->rsinfo == NULL)
		JPutStretches(stitcher);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(stitcher->context);
	return true;
}

static JWriter *
JOpenPersons(Oid relation)
{
	static const JWriterColumn columns[] = {{"session_id", UUIDOID}, {"p1", TEXTOID}};

	return JWriterOpen(relation, columns, lengthof(columns));
}

static JWriter *
JOpenStretches(Oid relation)
{
	static const JWriterColumn columns[] = {
		{"id", TEXTOID}, {"id_type", TEXTOID}, {"person_id", TEXTOID}, {"valid_from", TIMESTAMPTZOID},
		{"valid_to", TIMESTAMPTZOID}, {"reason", TEXTOID}
	};

	return JWriterOpen(relation, columns, lengthof(columns));
}

static void
JStitchMarks(JStitcher *stitcher, const char *query)
{
	bool		more;

	stitcher->context = AllocSetContextCreate(CurrentMemoryContext, "pg_journey visitor",
											  ALLOCSET_DEFAULT_SIZES);
	SPI_connect();
	JRowsOpen(&stitcher->marks, query, mark_types, MARK_COLUMNS);
	more = JRowsNext(&stitcher->marks);
	if (more)
		JRefuseNull(&stitcher->marks, MARK_SESSION);
	while (JStitchNext(stitcher, &more))
		;
	SPI_finish();
}

/* _stitch(marks): the units among the marks, to whom they go and which number they have. */
PG_FUNCTION_INFO_V1(journey_stitch);
Datum
journey_stitch(PG_FUNCTION_ARGS)
{
	JStitcher	stitcher = {.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo};

	InitMaterializedSRF(fcinfo, 0);
	JStitchMarks(&stitcher, text_to_cstring(PG_GETARG_TEXT_PP(0)));
	return (Datum) 0;
}

/*
 * _stitch_whole(marks, units, stretches): of marks of whole visitors, writes which units go to another person than the
 * visitor itself, and when the visitors stand for whom.
 */
PG_FUNCTION_INFO_V1(journey_stitch_whole);
Datum
journey_stitch_whole(PG_FUNCTION_ARGS)
{
	JStitcher	stitcher = {.rsinfo = NULL};

	stitcher.units = JOpenPersons(PG_GETARG_OID(1));
	stitcher.stretches = JOpenStretches(PG_GETARG_OID(2));
	JStitchMarks(&stitcher, text_to_cstring(PG_GETARG_TEXT_PP(0)));
	(void) JWriterClose(stitcher.units);
	(void) JWriterClose(stitcher.stretches);
	PG_RETURN_VOID();
}

/* ------------------------------------------------------------------------------------------------
 * persons
 * ------------------------------------------------------------------------------------------------ */

/* The columns of the two queries; both in order of person_id, bytewise. */
enum
{
	UNIT_PERSON,
	UNIT_NUMBER,
	UNIT_PART,
	UNIT_QUERY_COLUMNS
};

enum
{
	FACT_PERSON,
	FACT_VISITOR,
	FACT_TIME,
	FACT_EVENT,
	FACT_NAME,
	FACT_ORDER,
	FACT_REVENUE,
	FACT_CURRENCY,
	FACT_TRAITS,
	FACT_SESSION,
	FACT_USER,
	FACT_CONVERSIONS,
	FACT_QUERY_COLUMNS
};

static const Oid unit_types[] = {TEXTOID, INT8OID, BYTEAOID};
static const Oid fact_types[] = {
	TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, NUMERICOID, TEXTOID, JSONBOID, UUIDOID, TEXTOID,
	JSONBOID
};

/* The columns of a session besides those of journey.session, in the order of JSetUnit(). */
#define SESSION_COLUMNS (J_UNIT_COLUMNS - 1 + ROW_COLUMNS)
#define TOUCH_COLUMNS (J_TOUCHED_COLUMNS + 1 + VERSION_COLUMNS)

/* Behind what a part gives: person and number, and the refresh that writes. */
#define VERSION_COLUMNS 2
#define ROW_COLUMNS (2 + VERSION_COLUMNS)

static const char *const session_columns[J_SESSION_COLUMNS] = {
	"ended_at", "session_date", "duration_seconds", "events", "page_views", "landing_page",
	"landing_page_path", "exit_page", "referrer", "referrer_host", "source", "medium", "campaign", "term",
	"content", "channel", "gclid", "click_id", "click_id_type", "revenue", "is_bounce"
};

static Oid
JSessionColumnType(int i)
{
	switch (i)
	{
		case 0:
			return TIMESTAMPTZOID;
		case 1:
			return DATEOID;
		case 2:
		case J_SESSION_COLUMNS - 2:
			return NUMERICOID;
		case 3:
		case 4:
			return INT8OID;
		case J_SESSION_COLUMNS - 1:
			return BOOLOID;
		default:
			return TEXTOID;
	}
}

static JWriter *
JOpenSessions(Oid relation)
{
	static const JWriterColumn before[] = {
		{"visitor_id", TEXTOID}, {"started_at", TIMESTAMPTZOID}, {"first_event_id", TEXTOID},
		{"loose", BOOLOID}, {"session_id", UUIDOID}, {"user_id", TEXTOID}
	};
	static const JWriterColumn behind[] = {
		{"refs", TEXTARRAYOID}, {"identity", TEXTOID}, {"identified_at", TIMESTAMPTZOID},
		{"kept", TEXTARRAYOID}, {"counts", BYTEAOID}, {"aside", BOOLOID},
		{"person_id", TEXTOID}, {"session_number", INT8OID}, {"version", INT8OID}, {"updated_at", TIMESTAMPTZOID}
	};
	JWriterColumn columns[SESSION_COLUMNS];
	int			n = 0;

	StaticAssertStmt(lengthof(before) + J_SESSION_COLUMNS + lengthof(behind) == SESSION_COLUMNS,
					 "columns of sessions");
	for (int i = 0; i < lengthof(before); i++)
		columns[n++] = before[i];
	for (int i = 0; i < J_SESSION_COLUMNS; i++)
		columns[n++] = (JWriterColumn) {session_columns[i], JSessionColumnType(i)};
	for (int i = 0; i < lengthof(behind); i++)
		columns[n++] = behind[i];
	return JWriterOpen(relation, columns, n);
}

static JWriter *
JOpenTouches(Oid relation)
{
	static const JWriterColumn columns[TOUCH_COLUMNS] = {
		{"touch_id", UUIDOID}, {"visitor_id", TEXTOID}, {"session_id", UUIDOID},
		{"touched_at", TIMESTAMPTZOID}, {"touch_type", TEXTOID}, {"source", TEXTOID}, {"medium", TEXTOID},
		{"campaign", TEXTOID}, {"term", TEXTOID}, {"content", TEXTOID}, {"campaign_id", TEXTOID},
		{"channel", TEXTOID}, {"click_id", TEXTOID}, {"click_id_type", TEXTOID}, {"click_ids", JSONBOID},
		{"landing_page", TEXTOID}, {"referrer", TEXTOID}, {"referrer_host", TEXTOID}, {"person_id", TEXTOID},
		{"version", INT8OID}, {"updated_at", TIMESTAMPTZOID}
	};

	return JWriterOpen(relation, columns, lengthof(columns));
}

/* In the order of the query. */
static JWriter *
JOpenFacts(Oid relation)
{
	static const char *const names[FACT_QUERY_COLUMNS] = {
		"person_id", "visitor_id", "event_time", "event_id", "name", "order_id", "revenue", "currency", "traits",
		"session_id", "user_id", "conversions"
	};
	JWriterColumn columns[FACT_QUERY_COLUMNS];

	for (int i = 0; i < FACT_QUERY_COLUMNS; i++)
		columns[i] = (JWriterColumn) {names[i], fact_types[i]};
	return JWriterOpen(relation, columns, FACT_QUERY_COLUMNS);
}

/* What a first load writes of persons. */
typedef struct JPersons
{
	JRows		units;
	JRows		facts;
	bool		more_units;
	bool		more_facts;
	pg_tz	   *zone;
	int64		n_sessions;		/* so far */
	bool		anonymous;		/* persons of whom nothing is known have profiles too */
	int64		version;		/* number and time of the refresh */
	TimestampTz at;
	JWriter    *sessions;
	JWriter    *touches;
	JWriter    *fact_rows;
	JWriter    *profiles;
	JPersonFold *fold;
	MemoryContext context;		/* for what a row takes */
} JPersons;

static void
JSetVersion(const JPersons *persons, Datum *values, bool *nulls)
{
	values[0] = Int64GetDatum(persons->version);
	values[1] = TimestampTzGetDatum(persons->at);
	nulls[0] = nulls[1] = false;
}

/* A unit of the person: its session, its touches, and what it adds to the profile. */
static void
JPersonsUnit(JPersons *persons, Datum person)
{
	Datum		values[SESSION_COLUMNS];
	bool		nulls[SESSION_COLUMNS];
	bytea	   *bytes = DatumGetByteaPP(persons->units.values[UNIT_PART]);
	JPart		part;
	JPartTouch *touches = NULL;
	int			n = 0;

	if (!JPartDecode(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes), JIsText, &part))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid summary of a segment")));
	JSetUnit(values, nulls, &part, persons->zone);
	values[J_UNIT_COLUMNS - 1] = person;
	nulls[J_UNIT_COLUMNS - 1] = false;
	values[J_UNIT_COLUMNS] = persons->units.values[UNIT_NUMBER];
	nulls[J_UNIT_COLUMNS] = persons->units.nulls[UNIT_NUMBER];
	JSetVersion(persons, values + J_UNIT_COLUMNS + 1, nulls + J_UNIT_COLUMNS + 1);
	JWriterPut(persons->sessions, values, nulls);
	if (!part.loose)
	{
		n = JPartTouches(&part, &touches);
		persons->n_sessions++;
	}
	for (int i = 0; i < n; i++)
	{
		Datum		touch[TOUCH_COLUMNS];
		bool		isnull[TOUCH_COLUMNS];

		JSetTouched(touch, isnull, &part, &touches[i]);
		touch[J_TOUCHED_COLUMNS] = person;
		isnull[J_TOUCHED_COLUMNS] = false;
		JSetVersion(persons, touch + J_TOUCHED_COLUMNS + 1, isnull + J_TOUCHED_COLUMNS + 1);
		JWriterPut(persons->touches, touch, isnull);
	}
	JPersonFoldUnit(persons->fold, &part, touches, n);
}

/* A fact of the person, to whom it counts if it has an amount or traits. */
static void
JPersonsFact(JPersons *persons)
{
	const JRows *rows = &persons->facts;
	JFact		fact = {
		.visitor_id = JRowsStr(rows, FACT_VISITOR),
		.event_id = JRowsStr(rows, FACT_EVENT),
		.time = DatumGetTimestampTz(rows->values[FACT_TIME]),
		.name = JRowsStr(rows, FACT_NAME),
		.order_id = JRowsStr(rows, FACT_ORDER),
		.revenue = rows->nulls[FACT_REVENUE] ? NULL : DatumGetNumeric(rows->values[FACT_REVENUE]),
		.currency = JRowsStr(rows, FACT_CURRENCY),
		.traits = rows->nulls[FACT_TRAITS] ? NULL : DatumGetJsonbP(rows->values[FACT_TRAITS])
	};

	if (fact.revenue != NULL || fact.traits != NULL)
		JPersonFoldFact(persons->fold, &fact);
}

static void
JNextUnit(JPersons *persons)
{
	persons->more_units = JRowsNext(&persons->units);
	if (persons->more_units)
		JRefuseNull(&persons->units, UNIT_NUMBER);
	if (persons->more_units && persons->units.nulls[UNIT_PART])
		JRefuseNull(&persons->units, UNIT_QUERY_COLUMNS);
}

/* Each fact is written as it comes. */
static void
JNextFact(JPersons *persons)
{
	persons->more_facts = JRowsNext(&persons->facts);
	if (!persons->more_facts)
		return;
	JRefuseNull(&persons->facts, FACT_NAME);
	JWriterPut(persons->fact_rows, persons->facts.values, persons->facts.nulls);
}

/* One person, from the unit that is next. Facts of who has no unit are in no profile. */
static void
JPersonsNext(JPersons *persons)
{
	MemoryContext caller = CurrentMemoryContext;
	JStr		at = JRowsStr(&persons->units, UNIT_PERSON);
	Datum		person = JStrGetDatum(at);	/* in the caller's memory: rows go, the person stays */
	JStr		id = JStrFromText(DatumGetTextPP(person));
	bool		known = JPersonIsKnown(id);
	Datum		values[J_PROFILE_COLUMNS];
	bool		nulls[J_PROFILE_COLUMNS];
	int			c;

	JPersonFoldStart(persons->fold, id);
	MemoryContextSwitchTo(persons->context);
	while (persons->more_units && JStrEqual(JRowsStr(&persons->units, UNIT_PERSON), id))
	{
		JPersonsUnit(persons, person);
		MemoryContextReset(persons->context);
		MemoryContextSwitchTo(caller);
		JNextUnit(persons);
		MemoryContextSwitchTo(persons->context);
	}
	while (persons->more_facts &&
		   (c = JStrCompare(JRowsStr(&persons->facts, FACT_PERSON), id)) <= 0)
	{
		if (c == 0)
			JPersonsFact(persons);
		MemoryContextReset(persons->context);
		MemoryContextSwitchTo(caller);
		JNextFact(persons);
		MemoryContextSwitchTo(persons->context);
	}
	if (known || persons->anonymous)
	{
		JPersonFoldRow(persons->fold, values, nulls);
		JWriterPut(persons->profiles, values, nulls);
	}
	MemoryContextReset(persons->context);
	MemoryContextSwitchTo(caller);
	pfree(DatumGetPointer(person));
}

/*
 * _load_persons(units, facts, sessions, touches, fact_rows, profiles, time_zone, email_trait, internal_users,
 * anonymous, version, at): writes the sessions, touches, facts and profiles of a first load; how many sessions and
 * profiles there are.
 */
PG_FUNCTION_INFO_V1(journey_load_persons);
Datum
journey_load_persons(PG_FUNCTION_ARGS)
{
	JPersons	persons = {{NULL}};
	JProfileRules rules;
	Datum		values[2];
	bool		nulls[2] = {false};
	TupleDesc	tupdesc;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	JSetProfileRules(&rules, PG_GETARG_TEXT_PP(7), PG_GETARG_ARRAYTYPE_P(8), PG_GETARG_INT64(10),
					 PG_GETARG_TIMESTAMPTZ(11));
	persons.zone = JFindZone(text_to_cstring(PG_GETARG_TEXT_PP(6)));
	persons.anonymous = PG_GETARG_BOOL(9);
	persons.version = rules.version;
	persons.at = rules.at;
	persons.sessions = JOpenSessions(PG_GETARG_OID(2));
	persons.touches = JOpenTouches(PG_GETARG_OID(3));
	persons.fact_rows = JOpenFacts(PG_GETARG_OID(4));
	persons.profiles = JWriterOpen(PG_GETARG_OID(5), JProfileColumns(), J_PROFILE_COLUMNS);
	persons.fold = JPersonFoldMake(&rules);
	persons.context = AllocSetContextCreate(CurrentMemoryContext, "pg_journey row", ALLOCSET_DEFAULT_SIZES);
	SPI_connect();
	JRowsOpen(&persons.units, text_to_cstring(PG_GETARG_TEXT_PP(0)), unit_types, UNIT_QUERY_COLUMNS);
	JRowsOpen(&persons.facts, text_to_cstring(PG_GETARG_TEXT_PP(1)), fact_types, FACT_QUERY_COLUMNS);
	JNextUnit(&persons);
	JNextFact(&persons);
	while (persons.more_units)
		JPersonsNext(&persons);
	while (persons.more_facts)
		JNextFact(&persons);
	SPI_finish();
	(void) JWriterClose(persons.sessions);
	(void) JWriterClose(persons.touches);
	(void) JWriterClose(persons.fact_rows);
	values[0] = Int64GetDatum(persons.n_sessions);
	values[1] = Int64GetDatum((int64) JWriterClose(persons.profiles));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(tupdesc, values, nulls)));
}
