/*
 * writer.c
 *		Rows written in bulk, as COPY writes them: many at a time, past the executor. What the executor
 *		would see to is refused instead (triggers, rules, policies, checks, generated columns).
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/hio.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "storage/bufmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "pg_journey_compat.h"
#include "writer.h"

/* As many rows, or about so many bytes, are written at once. */
#define J_WRITER_ROWS 500
#define J_WRITER_BYTES (256 * 1024)

struct JWriter
{
	MemoryContext context;
	Relation	rel;
	EState	   *estate;
	ResultRelInfo *target;
	BulkInsertState bulk;
	BufferAccessStrategy ring;	/* COPY's, not used so far; NULL: in use */
	Size		cached;			/* bytes that may still go without */
	CommandId	cid;
	int		   *attnum;			/* from 0, of each column given */
	int			n_columns;
	TupleTableSlot *slots[J_WRITER_ROWS];
	int			n_slots;		/* that hold a row */
	Size		bytes;
	uint64		rows;
};

static void
JRefuseTable(Relation rel, const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("cannot write into \"%s\"", RelationGetRelationName(rel)),
			 errdetail("%s", why)));
}

/* Before the table is locked: it is there, and the current user's. */
static void
JCheckOwner(Oid relation)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE), errmsg("there is no table with OID %u", relation)));
	if (((Form_pg_class) GETSTRUCT(tuple))->relowner != GetUserId())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of table %s",
						NameStr(((Form_pg_class) GETSTRUCT(tuple))->relname))));
	ReleaseSysCache(tuple);
}

static void
JCheckTable(Relation rel)
{
	TupleConstr *constr = RelationGetDescr(rel)->constr;

	if (rel->rd_rel->relkind != RELKIND_RELATION || rel->rd_rel->relam != HEAP_TABLE_AM_OID ||
		rel->rd_rel->relispartition)
		JRefuseTable(rel, "It is no ordinary table.");
	if (rel->trigdesc != NULL || rel->rd_rules != NULL || rel->rd_rel->relrowsecurity)
		JRefuseTable(rel, "It has triggers, rules or policies.");
	if (constr != NULL && (constr->num_check > 0 || constr->has_generated_stored))
		JRefuseTable(rel, "It has constraints or generated columns.");
}

/* Finds the columns; those that are not given must be nullable. */
static void
JFindColumns(JWriter *writer, const JWriterColumn *columns, int n)
{
	TupleDesc	tupdesc = RelationGetDescr(writer->rel);
	bool	   *given = palloc0_array(bool, tupdesc->natts);

	for (int i = 0; i < n; i++)
	{
		AttrNumber	at = get_attnum(RelationGetRelid(writer->rel), columns[i].name);

		if (at <= 0 || TupleDescAttr(tupdesc, at - 1)->atttypid != columns[i].type)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("table \"%s\" has no column \"%s\" of type %s",
							RelationGetRelationName(writer->rel), columns[i].name,
							format_type_be(columns[i].type))));
		writer->attnum[i] = at - 1;
		given[at - 1] = true;
	}
	for (int i = 0; i < tupdesc->natts; i++)
		if (!given[i] && TupleDescAttr(tupdesc, i)->attnotnull)
			JRefuseTable(writer->rel, "It has other columns that must not be null.");
	pfree(given);
}

/*
 * What is written is read again soon, by rounds and by indexes that are made. COPY's few buffers would be written
 * out before; so a table takes an eighth of the cache, and those few from there on.
 */
static void
JKeepInCache(JWriter *writer)
{
	writer->ring = writer->bulk->strategy;
	writer->bulk->strategy = NULL;
	writer->cached = (Size) NBuffers / 8 * BLCKSZ;
}

JWriter *
JWriterOpen(Oid relation, const JWriterColumn *columns, int n)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pg_journey writer",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	JWriter    *writer = palloc0_object(JWriter);

	writer->context = context;
	JCheckOwner(relation);
	writer->rel = relation_open(relation, RowExclusiveLock);
	JCheckTable(writer->rel);
	writer->attnum = palloc_array(int, n);
	writer->n_columns = n;
	JFindColumns(writer, columns, n);
	writer->estate = CreateExecutorState();
	writer->target = makeNode(ResultRelInfo);
	InitResultRelInfo(writer->target, writer->rel, 0, NULL, 0);
	ExecOpenIndices(writer->target, false);
	writer->bulk = GetBulkInsertState();
	JKeepInCache(writer);
	writer->cid = GetCurrentCommandId(true);
	MemoryContextSwitchTo(old);
	return writer;
}

static void
JWriterFlush(JWriter *writer)
{
	MemoryContext old;

	if (writer->n_slots == 0)
		return;
	if (writer->bytes > writer->cached && writer->ring != NULL)
	{
		writer->bulk->strategy = writer->ring;
		writer->ring = NULL;
	}
	writer->cached -= Min(writer->bytes, writer->cached);
	old = MemoryContextSwitchTo(GetPerTupleMemoryContext(writer->estate));
	table_multi_insert(writer->rel, writer->slots, writer->n_slots, writer->cid, 0, writer->bulk);
	MemoryContextSwitchTo(old);
	for (int i = 0; i < writer->n_slots; i++)
	{
		TupleTableSlot *slot = writer->slots[i];

		if (writer->target->ri_NumIndices > 0)
		{
			slot->tts_tableOid = RelationGetRelid(writer->rel);
			list_free(JInsertIndexTuples(writer->target, slot, writer->estate));
		}
		ExecClearTuple(slot);
		ResetPerTupleExprContext(writer->estate);
	}
	writer->rows += writer->n_slots;
	writer->n_slots = 0;
	writer->bytes = 0;
	CHECK_FOR_INTERRUPTS();
}

void
JWriterPut(JWriter *writer, const Datum *values, const bool *nulls)
{
	TupleDesc	tupdesc = RelationGetDescr(writer->rel);
	TupleTableSlot *slot = writer->slots[writer->n_slots];
	MemoryContext old = MemoryContextSwitchTo(writer->context);
	Size		before;

	if (slot == NULL)
		slot = writer->slots[writer->n_slots] = table_slot_create(writer->rel, NULL);
	memset(slot->tts_isnull, true, sizeof(bool) * tupdesc->natts);
	for (int i = 0; i < writer->n_columns; i++)
	{
		slot->tts_values[writer->attnum[i]] = values[i];
		slot->tts_isnull[writer->attnum[i]] = nulls[i];
		if (nulls[i] && TupleDescAttr(tupdesc, writer->attnum[i])->attnotnull)
			ereport(ERROR,
					(errcode(ERRCODE_NOT_NULL_VIOLATION),
					 errmsg("null value in column \"%s\" of table \"%s\"",
							NameStr(TupleDescAttr(tupdesc, writer->attnum[i])->attname),
							RelationGetRelationName(writer->rel))));
	}
	ExecStoreVirtualTuple(slot);
	before = writer->bytes;
	ExecMaterializeSlot(slot);
	writer->bytes = before + ((HeapTupleTableSlot *) slot)->tuple->t_len;
	writer->n_slots++;
	MemoryContextSwitchTo(old);
	if (writer->n_slots == J_WRITER_ROWS || writer->bytes >= J_WRITER_BYTES)
		JWriterFlush(writer);
}

uint64
JWriterClose(JWriter *writer)
{
	uint64		rows;

	JWriterFlush(writer);
	rows = writer->rows;
	FreeBulkInsertState(writer->bulk);
	if (writer->ring != NULL)
		FreeAccessStrategy(writer->ring);
	table_finish_bulk_insert(writer->rel, 0);
	for (int i = 0; i < J_WRITER_ROWS && writer->slots[i] != NULL; i++)
		ExecDropSingleTupleTableSlot(writer->slots[i]);
	ExecCloseIndices(writer->target);
	FreeExecutorState(writer->estate);
	table_close(writer->rel, NoLock);
	MemoryContextDelete(writer->context);
	return rows;
}

Oid
JTypeBeside(FunctionCallInfo fcinfo, const char *name)
{
	Oid			schema = get_func_namespace(fcinfo->flinfo->fn_oid);
	Oid			type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(name),
									   ObjectIdGetDatum(schema));

	if (!OidIsValid(type))
		elog(ERROR, "type %s is missing", name);
	return type;
}
