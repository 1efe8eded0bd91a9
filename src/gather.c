/*
 * gather.c
 *		Functions that run a query and gather its rows by visitor: sessions straight from a query.
 *
 * The query is any SELECT that locks no rows, run with the caller's rights and under the snapshot of the
 * calling statement. Its rows come one by one from the executor and go to the gather core; nothing is kept of
 * a row but its fields. Results come visitor by visitor when the query is at its end.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "storage/buffile.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/timestamp.h"

#include "gather_sql.h"
#include "session_sql.h"
#include "timeline.h"

/* ------------------------------------------------------------------------------------------------
 * files
 * ------------------------------------------------------------------------------------------------ */

static void *
JFileCreate(void)
{
	return BufFileCreateTemp(false);
}

static void
JFileWrite(void *file, const void *data, Size size)
{
	BufFileWrite(file, unconstify(void *, data), size);
}

static void
JFileRewind(void *file)
{
	if (BufFileSeek(file, 0, 0, SEEK_SET) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not rewind temporary file")));
}

static void
JFileRead(void *file, void *data, Size size)
{
	BufFileReadExact(file, data, size);
}

static void
JFileClose(void *file)
{
	BufFileClose(file);
}

static const JGatherFiles temp_files = {
	JFileCreate, JFileWrite, JFileRewind, JFileRead, JFileClose
};

/* ------------------------------------------------------------------------------------------------
 * columns
 * ------------------------------------------------------------------------------------------------ */

/* Columns of an event beside the fields that are strings. */
#define J_FIELD_EVENT_TIME JF_COUNT
#define J_FIELD_RECEIVED_AT (JF_COUNT + 1)
#define J_FIELD_CAMPAIGN_ID (JF_COUNT + 2)
#define J_FIELDS (JF_COUNT + 3)

/* How a field's value is read. */
typedef enum JFieldType
{
	JTYPE_TEXT,
	JTYPE_ID,					/* text, or what is written as one: numbers, uuids */
	JTYPE_NUMERIC,
	JTYPE_JSONB,
	JTYPE_TIME
} JFieldType;

/* The names of a column: that of journey.event first, then those that add_source() knows. */
typedef struct JFieldColumns
{
	JFieldType	type;
	const char *names[4];
} JFieldColumns;

static const JFieldColumns field_columns[J_FIELDS] = {
	[JF_EVENT_ID] = {JTYPE_ID, {"event_id", "id"}},
	[JF_VISITOR_ID] = {JTYPE_ID, {"visitor_id", "anonymous_id"}},
	[JF_USER_ID] = {JTYPE_ID, {"user_id"}},
	[JF_KIND] = {JTYPE_TEXT, {"kind"}},
	[JF_NAME] = {JTYPE_TEXT, {"name", "event_text", "event"}},
	[JF_URL] = {JTYPE_TEXT, {"url", "context_page_url"}},
	[JF_REFERRER] = {JTYPE_TEXT, {"referrer", "context_page_referrer"}},
	[JF_REVENUE] = {JTYPE_NUMERIC, {"revenue"}},
	[JF_CURRENCY] = {JTYPE_TEXT, {"currency"}},
	[JF_ORDER_ID] = {JTYPE_ID, {"order_id"}},
	[JF_SOURCE] = {JTYPE_TEXT, {"source", "context_campaign_source"}},
	[JF_MEDIUM] = {JTYPE_TEXT, {"medium", "context_campaign_medium"}},
	[JF_CAMPAIGN] = {JTYPE_TEXT, {"campaign", "context_campaign_name"}},
	[JF_TERM] = {JTYPE_TEXT, {"term", "context_campaign_term"}},
	[JF_CONTENT] = {JTYPE_TEXT, {"content", "context_campaign_content"}},
	[JF_SESSION_KEY] = {JTYPE_ID, {"session_key", "context_session_id"}},
	[JF_PREVIOUS_ID] = {JTYPE_ID, {"previous_id"}},
	[JF_PLATFORM] = {JTYPE_TEXT, {"platform", "channel"}},
	[JF_PROPERTIES] = {JTYPE_JSONB, {"properties"}},
	[JF_TRAITS] = {JTYPE_JSONB, {"traits"}},
	[J_FIELD_EVENT_TIME] = {JTYPE_TIME, {"event_time", "timestamp", "original_timestamp"}},
	[J_FIELD_RECEIVED_AT] = {JTYPE_TIME, {"received_at"}},
	[J_FIELD_CAMPAIGN_ID] = {JTYPE_ID, {J_CAMPAIGN_ID}}
};

/* How the value of a column becomes a string. */
typedef enum JRead
{
	JREAD_TEXT,
	JREAD_BPCHAR,
	JREAD_JSONB,
	JREAD_OUTPUT				/* by its output function */
} JRead;

/* A column of the query that is a field. */
typedef struct JColumn
{
	int			at;				/* from 0, -1: none */
	JField		field;
	JRead		read;
	FmgrInfo	output;
} JColumn;

/* Takes the rows of the query. */
typedef struct JReceiver
{
	DestReceiver pub;
	JGather    *gather;
	JRowFilter *filter;			/* NULL: none */
	MemoryContext context;		/* for what a row takes */
	int			time;			/* columns from 0, -1: none */
	int			received_at;
	int			n_columns;
	JColumn		columns[JF_COUNT];
	JColumn		campaign_id;	/* becomes a property */
	int			last;			/* no column behind this, from 1, is needed */
} JReceiver;

/* The column of this name, from 0; -1 if there is none. */
static int
JFindName(TupleDesc tupdesc, const char *name)
{
	int			found = -1;

	for (int i = 0; i < tupdesc->natts; i++)
	{
		if (strcmp(NameStr(TupleDescAttr(tupdesc, i)->attname), name) != 0)
			continue;
		if (found >= 0)
			ereport(ERROR,
					(errcode(ERRCODE_AMBIGUOUS_COLUMN),
					 errmsg("column \"%s\" of the query is ambiguous", name)));
		found = i;
	}
	return found;
}

/* The column that is a field, by the first of its names that there is; -1 if there is none. */
static int
JFindColumn(TupleDesc tupdesc, int field)
{
	int			found = -1;

	for (int i = 0; i < lengthof(field_columns[0].names) && found < 0; i++)
		if (field_columns[field].names[i] != NULL)
			found = JFindName(tupdesc, field_columns[field].names[i]);
	return found;
}

static void
JBadColumnType(TupleDesc tupdesc, int at, const char *wanted, const char *hint)
{
	Form_pg_attribute column = TupleDescAttr(tupdesc, at);

	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column \"%s\" of the query is of type %s, not %s", NameStr(column->attname),
					format_type_be(column->atttypid), wanted),
			 errhint(hint, NameStr(column->attname))));
}

/* Is a type written as text without loss, and meant as text? */
static bool
JIsTextLike(Oid type, bool is_id)
{
	char		category;
	bool		preferred;

	if (type == CHAROID)
		return false;			/* of another category in PostgreSQL 14 */
	if (is_id && (type == UUIDOID || type == INT2OID || type == INT4OID || type == INT8OID))
		return true;
	get_type_category_preferred(type, &category, &preferred);
	return category == TYPCATEGORY_STRING || category == TYPCATEGORY_ENUM;
}

/* How a column is read as a field, or an error. */
static JRead
JColumnRead(TupleDesc tupdesc, int at, JFieldType type)
{
	Oid			base = getBaseType(TupleDescAttr(tupdesc, at)->atttypid);

	if (type == JTYPE_JSONB)
	{
		if (base != JSONBOID)
			JBadColumnType(tupdesc, at, "jsonb", "Cast it: %s::jsonb.");
		return JREAD_JSONB;
	}
	if (type == JTYPE_NUMERIC)
	{
		if (base != NUMERICOID && base != INT2OID && base != INT4OID && base != INT8OID)
			JBadColumnType(tupdesc, at, "numeric", "Cast it: %s::numeric.");
		return JREAD_OUTPUT;
	}
	if (base == TEXTOID || base == VARCHAROID)
		return JREAD_TEXT;
	if (base == BPCHAROID)
		return JREAD_BPCHAR;
	if (!JIsTextLike(base, type == JTYPE_ID))
		JBadColumnType(tupdesc, at, "text", "Cast it: %s::text.");
	return JREAD_OUTPUT;
}

/* The column of a time, from 0; -1 if there is none. */
static int
JFindTime(TupleDesc tupdesc, int field)
{
	int			at = JFindColumn(tupdesc, field);
	Oid			base = at < 0 ? InvalidOid : getBaseType(TupleDescAttr(tupdesc, at)->atttypid);

	if (at >= 0 && base == TIMESTAMPOID)
		JBadColumnType(tupdesc, at, "timestamp with time zone",
					   "Say in which time zone it is: %s AT TIME ZONE 'UTC'.");
	if (at >= 0 && base != TIMESTAMPTZOID)
		JBadColumnType(tupdesc, at, "timestamp with time zone", "Cast it: %s::timestamptz.");
	return at;
}

static void
JNoColumn(int field)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("the query has no column \"%s\"", field_columns[field].names[0]),
			 errhint("Name its columns as those of journey.event; event_time and visitor_id must be there.")));
}

/* Finds the column of a field; false if there is none. */
static bool
JPrepareColumn(JReceiver *receiver, TupleDesc tupdesc, int field, JColumn *column)
{
	Oid			output;
	bool		is_varlena;

	column->at = JFindColumn(tupdesc, field);
	if (column->at < 0)
		return false;
	column->field = field;
	column->read = JColumnRead(tupdesc, column->at, field_columns[field].type);
	if (column->read == JREAD_OUTPUT)
	{
		getTypeOutputInfo(TupleDescAttr(tupdesc, column->at)->atttypid, &output, &is_varlena);
		fmgr_info(output, &column->output);
	}
	receiver->last = Max(receiver->last, column->at + 1);
	return true;
}

/* Finds the columns of the query that are fields of an event. */
static void
JReceiverStartup(DestReceiver *self, int operation, TupleDesc tupdesc)
{
	JReceiver  *receiver = (JReceiver *) self;

	if (receiver->filter != NULL)
		receiver->filter->startup(receiver->filter, tupdesc);
	receiver->time = JFindTime(tupdesc, J_FIELD_EVENT_TIME);
	if (receiver->time < 0)
		JNoColumn(J_FIELD_EVENT_TIME);
	receiver->received_at = JFindTime(tupdesc, J_FIELD_RECEIVED_AT);
	receiver->last = Max(receiver->time, receiver->received_at) + 1;
	for (int field = 0; field < JF_COUNT; field++)
	{
		if (JPrepareColumn(receiver, tupdesc, field, &receiver->columns[receiver->n_columns]))
			receiver->n_columns++;
		else if (field == JF_VISITOR_ID)
			JNoColumn(field);
	}
	(void) JPrepareColumn(receiver, tupdesc, J_FIELD_CAMPAIGN_ID, &receiver->campaign_id);
}

static JStr
JColumnValue(JColumn *column, Datum value)
{
	text	   *string;
	Jsonb	   *jsonb;

	switch (column->read)
	{
		case JREAD_TEXT:
		case JREAD_BPCHAR:
			string = DatumGetTextPP(value);
			return (JStr) {
				VARDATA_ANY(string),
				column->read == JREAD_TEXT ? VARSIZE_ANY_EXHDR(string) :
				bpchartruelen(VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string))
			};
		case JREAD_JSONB:
			jsonb = DatumGetJsonbP(value);
			return JStrFromCString(JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb)));
		case JREAD_OUTPUT:
			break;
	}
	return JStrFromCString(OutputFunctionCall(&column->output, value));
}

/* Is a row of a kind that has no campaign? */
static bool
JRowMakesNoTouch(const JRow *row)
{
	const JStr *kind = &row->field[JF_KIND];

	return (row->mask & (1 << JF_KIND)) != 0 &&
		(JStrEqual(*kind, JSTR_LIT("identify")) || JStrEqual(*kind, JSTR_LIT("group")) ||
		 JStrEqual(*kind, JSTR_LIT("alias")));
}

/*
 * Puts the id of a campaign among the properties, as journey._with_campaign_id() does; properties that are no
 * object stay.
 */
static void
JSetCampaignId(JRow *row, JStr id, const Jsonb *properties)
{
	JsonbParseState *state = NULL;
	JsonbValue	key = {.type = jbvString, .val.string = {strlen(J_CAMPAIGN_ID), J_CAMPAIGN_ID}};
	JsonbValue	value = {.type = jbvString, .val.string = {id.len, (char *) id.data}};
	Jsonb	   *jsonb;
	char	   *text;

	if (id.len == 0 || JRowMakesNoTouch(row) || (properties != NULL && !JB_ROOT_IS_OBJECT(properties)))
		return;
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	pushJsonbValue(&state, WJB_KEY, &key);
	pushJsonbValue(&state, WJB_VALUE, &value);
	jsonb = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
	if (properties != NULL)
		jsonb = DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(properties), JsonbPGetDatum(jsonb)));
	text = JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb));
	JRowSet(row, JF_PROPERTIES, text, strlen(text));
}

static bool
JReceive(TupleTableSlot *slot, DestReceiver *self)
{
	JReceiver  *receiver = (JReceiver *) self;
	JColumn    *campaign_id = &receiver->campaign_id;
	const Jsonb *properties = NULL;
	MemoryContext old;
	JRow		row;

	if (receiver->filter != NULL)
	{
		bool		taken;

		slot_getallattrs(slot);
		old = MemoryContextSwitchTo(receiver->context);
		taken = receiver->filter->take(receiver->filter, slot);
		MemoryContextSwitchTo(old);
		if (taken)
			return true;
	}
	slot_getsomeattrs(slot, receiver->last);
	if (slot->tts_isnull[receiver->time])
		return true;
	old = MemoryContextSwitchTo(receiver->context);
	JRowStart(&row, DatumGetTimestampTz(slot->tts_values[receiver->time]));
	JTimelineCheckTime(row.time, "event_time");
	if (receiver->received_at >= 0 && !slot->tts_isnull[receiver->received_at])
	{
		JRowSetReceived(&row, DatumGetTimestampTz(slot->tts_values[receiver->received_at]));
		JTimelineCheckTime(row.received_at, "received_at");
	}
	for (int i = 0; i < receiver->n_columns; i++)
	{
		JColumn    *column = &receiver->columns[i];

		if (!slot->tts_isnull[column->at])
		{
			JStr		value = JColumnValue(column, slot->tts_values[column->at]);

			JRowSet(&row, column->field, value.data, value.len);
			if (column->field == JF_PROPERTIES && campaign_id->at >= 0)
				properties = DatumGetJsonbP(slot->tts_values[column->at]);
		}
	}
	if (campaign_id->at >= 0 && !slot->tts_isnull[campaign_id->at])
		JSetCampaignId(&row, JColumnValue(campaign_id, slot->tts_values[campaign_id->at]), properties);
	if (!JGatherAdd(receiver->gather, &row))
		JTimelineTooLarge();
	MemoryContextSwitchTo(old);
	MemoryContextReset(receiver->context);
	return true;
}

static void
JReceiverNothing(DestReceiver *self)
{
}

/* ------------------------------------------------------------------------------------------------
 * the query
 * ------------------------------------------------------------------------------------------------ */

/* Does a query lock rows, or one within it? */
static bool
JLocksRows(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return ((Query *) node)->rowMarks != NIL ||
			query_tree_walker((Query *) node, JLocksRows, context, 0);
	return expression_tree_walker(node, JLocksRows, context);
}

/* A plan of the query, which must be one that only reads. */
SPIPlanPtr
JPlanQuery(const char *query)
{
	SPIPlanPtr	plan = SPI_prepare_cursor(query, 0, NULL, CURSOR_OPT_PARALLEL_OK);
	List	   *sources;
	Query	   *parsed = NULL;

	if (plan == NULL)
		elog(ERROR, "could not prepare the query: %s", SPI_result_code_string(SPI_result));
	sources = SPI_plan_get_plan_sources(plan);
	if (list_length(sources) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("the query must be one SELECT statement"),
				 errdetail_plural("It has %d statement.", "It has %d statements.",
								  list_length(sources), list_length(sources))));
	if (list_length(((CachedPlanSource *) linitial(sources))->query_list) == 1)
		parsed = linitial_node(Query, ((CachedPlanSource *) linitial(sources))->query_list);
	if (parsed == NULL || parsed->commandType != CMD_SELECT || parsed->hasModifyingCTE ||
		JLocksRows((Node *) parsed, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("the query must be one SELECT statement"),
				 errdetail("It must neither write nor lock rows.")));
	return plan;
}

JGather *
JGatherQuery(const char *query, Size limit, JRowFilter *filter)
{
	JReceiver	receiver = {
		{JReceive, JReceiverStartup, JReceiverNothing, JReceiverNothing, DestTuplestore}
	};
	SPIExecuteOptions options = {.read_only = true, .dest = &receiver.pub};
	int			result;

	receiver.filter = filter;
	receiver.gather = JGatherMake(limit, &temp_files);
	receiver.context = AllocSetContextCreate(CurrentMemoryContext, "pg_journey row",
											 ALLOCSET_DEFAULT_SIZES);
	SPI_connect();
	result = SPI_execute_plan_extended(JPlanQuery(query), &options);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "could not run the query: %s", SPI_result_code_string(result));
	SPI_finish();
	MemoryContextDelete(receiver.context);
	return receiver.gather;
}

/* ------------------------------------------------------------------------------------------------
 * the functions
 * ------------------------------------------------------------------------------------------------ */

static const char *
JQueryArgument(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("query must not be NULL")));
	return text_to_cstring(PG_GETARG_TEXT_PP(0));
}

typedef struct JVisitorSink
{
	JRowSink	rows;
	const JSessionOptions *options;
	MemoryContext context;		/* for what a visitor takes */
} JVisitorSink;

static void
JSinkInit(JVisitorSink *sink, FunctionCallInfo fcinfo)
{
	memset(sink, 0, sizeof(*sink));
	sink->rows.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	sink->rows.context = AllocSetContextCreate(CurrentMemoryContext, "pg_journey rows",
											   ALLOCSET_DEFAULT_SIZES);
	sink->context = AllocSetContextCreate(CurrentMemoryContext, "pg_journey visitor",
										  ALLOCSET_DEFAULT_SIZES);
}

static void
JPutSessions(JEvent *events, int n, void *arg)
{
	JVisitorSink *sink = arg;
	MemoryContext old;

	if (events == NULL)
		JTimelineTooLarge();
	old = MemoryContextSwitchTo(sink->context);
	n = JEventsCanonicalise(events, n);
	JSessionsOf(sink->options, events, n, JPutSessionRow, &sink->rows);
	MemoryContextSwitchTo(old);
	MemoryContextReset(sink->context);
}

PG_FUNCTION_INFO_V1(journey_sessionize);
Datum
journey_sessionize(PG_FUNCTION_ARGS)
{
	const JSqlOptions *options;
	JVisitorSink sink;

	InitMaterializedSRF(fcinfo, 0);
	options = JGetSqlOptions(fcinfo, 1, 2);
	JSinkInit(&sink, fcinfo);
	sink.options = &options->session;
	sink.rows.zone = options->time_zone;
	JGatherFinish(JGatherQuery(JQueryArgument(fcinfo), get_hash_memory_limit(), NULL), JPutSessions, &sink);
	return (Datum) 0;
}

static void
JPutTimeline(JEvent *events, int n, void *arg)
{
	JVisitorSink *sink = arg;
	MemoryContext old;
	Datum		values[2];
	bool		nulls[2] = {false, false};

	if (events == NULL)
		JTimelineTooLarge();
	old = MemoryContextSwitchTo(sink->context);
	JSetStr(values, nulls, 0, events[0].field[JF_VISITOR_ID]);
	values[1] = PointerGetDatum(JTimelineFromEvents(events, n));
	tuplestore_putvalues(sink->rows.rsinfo->setResult, sink->rows.rsinfo->setDesc, values, nulls);
	MemoryContextSwitchTo(old);
	MemoryContextReset(sink->context);
}

PG_FUNCTION_INFO_V1(journey_gather);
Datum
journey_gather(PG_FUNCTION_ARGS)
{
	JVisitorSink sink;

	InitMaterializedSRF(fcinfo, 0);
	JSinkInit(&sink, fcinfo);
	JGatherFinish(JGatherQuery(JQueryArgument(fcinfo), (Size) maintenance_work_mem * 1024, NULL), JPutTimeline, &sink);
	return (Datum) 0;
}
