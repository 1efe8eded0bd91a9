/*
 * event_rows.c
 *		The events of a stored timeline as the rows of a view, and how many events the planner is to
 *		expect of a timeline.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_statistic.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "storage/bufmgr.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/selfuncs.h"
#include "utils/timestamp.h"

#include "journey_sql.h"
#include "pg_journey_compat.h"
#include "timeline.h"

PG_FUNCTION_INFO_V1(journey_event_rows);
PG_FUNCTION_INFO_V1(journey_events_support);

/* The columns of journey._event_row; one of JF_COUNT is the time. */
static const int row_fields[] = {
	JF_EVENT_ID, JF_USER_ID, JF_COUNT, JF_KIND, JF_NAME, JF_URL, JF_REFERRER, JF_REVENUE, JF_CURRENCY,
	JF_ORDER_ID, JF_PROPERTIES
};

/*
 * _event_rows(timeline): what a view shows of events. Amounts and properties are the text that the timeline
 * has, so that who does not ask for them does not pay for their parsing. The rows are given at once: a view
 * calls this once per session, and a call per row would cost more than the row.
 */
Datum
journey_event_rows(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old;
	TupleDesc	tupdesc;
	JTimelineReader *reader;
	JEvent		event;
	Datum		values[lengthof(row_fields)];
	bool		nulls[lengthof(row_fields)];

	if (rsinfo == NULL || !IsA(rsinfo, ReturnSetInfo) || (rsinfo->allowedModes & SFRM_Materialize) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));
	/* without InitMaterializedSRF(), which copies the descriptor for each call */
	tupdesc = rsinfo->expectedDesc;
	if (tupdesc == NULL || tupdesc->natts != lengthof(row_fields))
		elog(ERROR, "journey._event_row does not have %d columns", (int) lengthof(row_fields));
	old = MemoryContextSwitchTo(rsinfo->econtext->ecxt_per_query_memory);
	rsinfo->returnMode = SFRM_Materialize;
	rsinfo->setResult = tuplestore_begin_heap((rsinfo->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);
	MemoryContextSwitchTo(old);

	reader = JTimelineOpenDatum(PG_GETARG_TIMELINE_PP(0));
	while (JTimelineNext(reader, &event))
	{
		for (int i = 0; i < lengthof(row_fields); i++)
		{
			if (row_fields[i] < JF_COUNT)
				JSetStr(values, nulls, i, event.field[row_fields[i]]);
			else
			{
				values[i] = TimestampTzGetDatum(event.time);
				nulls[i] = false;
			}
		}
		tuplestore_putvalues(rsinfo->setResult, tupdesc, values, nulls);
		for (int i = 0; i < lengthof(row_fields); i++)
			if (row_fields[i] < JF_COUNT && !nulls[i])
				pfree(DatumGetPointer(values[i]));
	}
	JTimelineClose(reader);
	return (Datum) 0;
}

static int
JCountEvents(Datum timeline)
{
	struct varlena *body = (struct varlena *) PG_DETOAST_DATUM_PACKED(timeline);
	JTimelineReader *reader = JTimelineOpenDatum(body);
	int			n = JTimelineCount(reader);

	JTimelineClose(reader);
	return n;
}

/* What an event takes in a timeline that is stored compressed; a guess. */
#define BYTES_OF_EVENT 40

/* Larger ones are in no histogram: WIDTH_THRESHOLD of analyze.c. */
#define LARGE_TIMELINE 1024

/* The bytes per row of a table that lie out of line, where the statistics of a column have none of them. */
static double
JToastOfRow(PlannerInfo *root, const RelOptInfo *rel)
{
	RangeTblEntry *rte = rel == NULL || rel->reloptkind != RELOPT_BASEREL ? NULL : planner_rt_fetch(rel->relid, root);
	Relation	table,
				toast;
	double		bytes = 0;

	if (rte == NULL || rte->rtekind != RTE_RELATION || rte->inh || rel->tuples < 1)
		return 0;
	table = table_open(rte->relid, NoLock); /* the planner has a lock */
	if (OidIsValid(table->rd_rel->reltoastrelid))
	{
		toast = table_open(table->rd_rel->reltoastrelid, AccessShareLock);
		bytes = (double) RelationGetNumberOfBlocks(toast) * BLCKSZ / rel->tuples;
		table_close(toast, AccessShareLock);
	}
	table_close(table, NoLock);
	return bytes;
}

/*
 * How many events a timeline of a column has on average: those in the column's histogram, more where the
 * average is wider. 0 where nothing is known.
 */
static double
JEventsOfColumn(PlannerInfo *root, Node *column)
{
	VariableStatData vardata;
	AttStatsSlot slot;
	double		rows = 0;

	examine_variable(root, column, 0, &vardata);
	if (HeapTupleIsValid(vardata.statsTuple))
	{
		double		width = ((Form_pg_statistic) GETSTRUCT(vardata.statsTuple))->stawidth +
		JToastOfRow(root, vardata.rel);
		double		count = 0,
					size = 0;

		if (get_attstatsslot(&slot, vardata.statsTuple, STATISTIC_KIND_HISTOGRAM, InvalidOid, ATTSTATSSLOT_VALUES))
		{
			for (int i = 0; i < slot.nvalues; i++)
			{
				count += JCountEvents(slot.values[i]);
				size += VARSIZE_ANY(DatumGetPointer(slot.values[i]));
			}
			if (slot.nvalues > 0)
				rows = count / slot.nvalues * Max(1.0, width * slot.nvalues / size);
			free_attstatsslot(&slot);
		}
		else if (width > 0)
			rows = Max(width, LARGE_TIMELINE) / BYTES_OF_EVENT;
	}
	ReleaseVariableStats(vardata);
	return rows;
}

/* The planner support of functions that return a row per event of their first argument. */
Datum
journey_events_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);
	SupportRequestRows *rows = (SupportRequestRows *) request;
	Node	   *timeline;

	if (!IsA(request, SupportRequestRows) || !is_funcclause(rows->node) || rows->root == NULL)
		PG_RETURN_POINTER(NULL);
	timeline = estimate_expression_value(rows->root, linitial(((FuncExpr *) rows->node)->args));
	if (IsA(timeline, Const))
		rows->rows = ((Const *) timeline)->constisnull ? 0 : JCountEvents(((Const *) timeline)->constvalue);
	else
	{
		rows->rows = JEventsOfColumn(rows->root, timeline);
		if (rows->rows == 0)
			PG_RETURN_POINTER(NULL);
	}
	PG_RETURN_POINTER(request);
}
