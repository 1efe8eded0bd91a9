/*
 * snapshot.c
 *		Which rows of a table an earlier reading has seen, told by the transactions that wrote them.
 *
 * A refresh keeps the snapshot under which it read. A row version whose transaction that snapshot saw
 * as committed was there for that reading, so it needs no second one. Only a speed-up: a row that is
 * taken for unseen is read once more, which does no harm, while one that is wrongly taken for seen
 * would be lost. Where in doubt a transaction counts as unseen.
 *
 * The server's own pg_current_snapshot() would not do, as it leaves out the ids of subtransactions,
 * those of the caller's transaction, and what the ids of another cluster are worth here: nothing.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "pg_journey_compat.h"

PG_FUNCTION_INFO_V1(_snapshot);
PG_FUNCTION_INFO_V1(_was_visible);
PG_FUNCTION_INFO_V1(_is_current);

/* A transaction id with its epoch. It is of a transaction that runs, so it is not far behind. */
static int64
FullId(FullTransactionId next, TransactionId xid)
{
	uint64		full = U64FromFullTransactionId(next);

	return (int64) (full - (uint32) ((uint32) full - xid));
}

static int
CompareInt64(const void *a, const void *b)
{
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	return x < y ? -1 : x > y;
}

/* Adds the ids below a limit to those that run. */
static void
AddRunning(int64 *running, int *n, FullTransactionId next, const TransactionId *xids, int count,
		   int64 limit)
{
	for (int i = 0; i < count; i++)
	{
		int64		id = FullId(next, xids[i]);

		if (id < limit)
			running[(*n)++] = id;
	}
}

/*
 * The transactions that `snapshot` does not see, with their subtransactions, sorted: those in
 * `running`, whose number is returned, and all from *xmax on.
 */
static int
UnseenTransactions(Snapshot snapshot, int64 *running, int64 *xmin, int64 *xmax)
{
	FullTransactionId next = ReadNextFullTransactionId();
	TransactionId own = GetTopTransactionIdIfAny();
	int			n = 0;

	*xmin = FullId(next, snapshot->xmin);
	*xmax = FullId(next, snapshot->xmax);
	/* subtransactions that the snapshot does not list are younger than the oldest transaction */
	if (snapshot->suboverflowed || snapshot->takenDuringRecovery)
		*xmax = *xmin;
	/* the caller's own transaction and its parts may write more */
	if (TransactionIdIsValid(own))
		*xmax = Min(*xmax, FullId(next, own));
	*xmin = Min(*xmin, *xmax);

	AddRunning(running, &n, next, snapshot->xip, snapshot->xcnt, *xmax);
	AddRunning(running, &n, next, snapshot->subxip, Max(snapshot->subxcnt, 0), *xmax);
	qsort(running, n, sizeof(int64), CompareInt64);
	return n;
}

/*
 * _snapshot(OUT cluster text, OUT xmin bigint, OUT xmax bigint, OUT running bigint[]): what the current
 * snapshot sees, and where the ids mean anything: in this database, on this timeline of this
 * cluster.
 */
Datum
_snapshot(PG_FUNCTION_ARGS)
{
	Snapshot	snapshot = GetActiveSnapshot();
	int			most = snapshot->xcnt + Max(snapshot->subxcnt, 0);
	int64	   *running = palloc_array(int64, most + 1);
	Datum	   *elems = palloc_array(Datum, most + 1);
	int64		xmin;
	int64		xmax;
	int			n;
	Datum		values[4];
	bool		nulls[4] = {false};
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("recovery is in progress"),
				 errhint("A model is refreshed on the primary server.")));
	n = UnseenTransactions(snapshot, running, &xmin, &xmax);
	for (int i = 0; i < n; i++)
		elems[i] = Int64GetDatum(running[i]);

	values[0] = CStringGetTextDatum(psprintf(UINT64_FORMAT "/%u/%u", GetSystemIdentifier(),
											 GetWALInsertionTimeLine(), MyDatabaseId));
	values[1] = Int64GetDatum(xmin);
	values[2] = Int64GetDatum(xmax);
	values[3] = PointerGetDatum(construct_array(elems, n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
												TYPALIGN_DOUBLE));
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/*
 * _was_visible(id xid, xmin bigint, xmax bigint, running bigint[]): whether a snapshot saw what a
 * transaction wrote that has committed.
 *
 * Of an id of 32 bits, which is all that a row has, the epoch is not known. It need not be, as long as
 * the snapshot is younger than 2^31 transactions: an id that it did not see is as young, and one that
 * is so old that it looks young is taken for unseen at worst.
 */
Datum
_was_visible(PG_FUNCTION_ARGS)
{
	TransactionId xid = PG_GETARG_TRANSACTIONID(0);
	TransactionId xmin = (TransactionId) PG_GETARG_INT64(1);
	TransactionId xmax = (TransactionId) PG_GETARG_INT64(2);
	ArrayType  *running = PG_GETARG_ARRAYTYPE_P(3);
	int64		id;

	if (ARR_NDIM(running) > 1 || ARR_HASNULL(running))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a list of transactions must have one dimension and no nulls")));
	if (!TransactionIdIsNormal(xid))
		PG_RETURN_BOOL(false);
	if (TransactionIdPrecedes(xid, xmin))
		PG_RETURN_BOOL(true);
	if (!TransactionIdPrecedes(xid, xmax))
		PG_RETURN_BOOL(false);
	id = PG_GETARG_INT64(1) + (uint32) (xid - xmin);
	PG_RETURN_BOOL(ARR_NDIM(running) == 0 ||
				   bsearch(&id, ARR_DATA_PTR(running), ARR_DIMS(running)[0], sizeof(int64),
						   CompareInt64) == NULL);
}

/*
 * _is_current(id xid): whether the caller's transaction, or a part of it, wrote a row. The same transaction may
 * yet put another row in its place: a second TRUNCATE keeps the file.
 */
Datum
_is_current(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(TransactionIdIsCurrentTransactionId(PG_GETARG_TRANSACTIONID(0)));
}
