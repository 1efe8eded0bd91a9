/*
 * path_sums.c
 *		The aggregates over paths: markov, markov_matrix, shapley.
 *
 * Their state is a bytea, so that it travels between parallel workers and shards like any value, but an
 * expanded one: while rows come in it is the sums of path_sums_core.h, and becomes bytes when somebody
 * wants to see them flat. Final functions work on a sorted copy: they may run many times, and their
 * result does not depend on the order of rows.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/expandeddatum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/typcache.h"

#include "attribution_sql.h"
#include "markov_core.h"
#include "shapley_core.h"

/* ------------------------------------------------------------------------------------------------
 * the state
 * ------------------------------------------------------------------------------------------------ */

/* Sums that grow. They and their strings live in the context of the header. */
typedef struct ExpandedSums
{
	ExpandedObjectHeader header;
	JPathSums	sums;
} ExpandedSums;

static Size
ExpandedSumsFlatSize(ExpandedObjectHeader *header)
{
	Size		size = VARHDRSZ + JPathSumsEncodedSize(&((ExpandedSums *) header)->sums);

	if (size > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("paths have too many different channels and steps"),
				 errhint("Give rare channels one name, such as (other).")));
	return size;
}

static void
ExpandedSumsFlatten(ExpandedObjectHeader *header, void *result, Size allocated_size)
{
	MemoryContext scratch = AllocSetContextCreate(header->eoh_context, "sorted path sums",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(scratch);

	SET_VARSIZE(result, allocated_size);
	JPathSumsEncode(JPathSumsSorted(&((ExpandedSums *) header)->sums), VARDATA(result));
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
}

static const ExpandedObjectMethods expanded_sums_methods = {
	ExpandedSumsFlatSize,
	ExpandedSumsFlatten
};

#define EXPANDED_SUMS_CONTEXT "expanded path sums"

/*
 * The context of the states of an aggregate, a child of the aggregate's as the executor asks of
 * expanded objects. All groups share it, as those of rollup do and for the same reason.
 */
static MemoryContext
ExpandedSumsContext(MemoryContext parent)
{
	for (MemoryContext child = parent->firstchild; child != NULL; child = child->nextchild)
		if (strcmp(child->name, EXPANDED_SUMS_CONTEXT) == 0)
			return child;
	return AllocSetContextCreate(parent, EXPANDED_SUMS_CONTEXT, ALLOCSET_DEFAULT_SIZES);
}

static ExpandedSums *
MakeExpandedSums(MemoryContext parent, JPathModel model)
{
	MemoryContext context = ExpandedSumsContext(parent);
	ExpandedSums *expanded = MemoryContextAllocZero(context, sizeof(ExpandedSums));

	EOH_init_header(&expanded->header, &expanded_sums_methods, context);
	expanded->sums.model = model;
	return expanded;
}

static bool
ChannelIsText(JStr s)
{
	return pg_verifymbstr(s.data, s.len, true);
}

/* The sums of a state, which is flat or expanded. */
static const JPathSums *
SumsOfDatum(Datum state)
{
	struct varlena *flat;
	JPathSums  *sums;
	const char *error;

	if (VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(state)) &&
		DatumGetEOHP(state)->eoh_methods == &expanded_sums_methods)
		return &((ExpandedSums *) DatumGetEOHP(state))->sums;
	flat = PG_DETOAST_DATUM_PACKED(state);
	sums = palloc_object(JPathSums);
	error = JPathSumsDecode(VARDATA_ANY(flat), VARSIZE_ANY_EXHDR(flat), ChannelIsText, sums);
	if (error != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid state of an aggregate over paths"),
				 errdetail_internal("In the bytes, %s.", error)));
	return sums;
}

static void
SumsOutOfRange(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("sum over paths is out of range"),
			 errdetail("Counts are bigint; the value of a step must be below 10^20.")));
}

static void
MergeSums(ExpandedSums *expanded, const JPathSums *other)
{
	MemoryContext old = MemoryContextSwitchTo(expanded->header.eoh_context);
	bool		good = JPathSumsMerge(&expanded->sums, other);

	MemoryContextSwitchTo(old);
	if (!good)
		SumsOutOfRange();
}

/* The aggregate's state as one that may be changed; made where there is none. */
static ExpandedSums *
GetState(FunctionCallInfo fcinfo, JPathModel model)
{
	MemoryContext context;
	ExpandedSums *expanded;
	const JPathSums *sums;

	if (!AggCheckCallContext(fcinfo, &context))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("function is part of an aggregate, not to be called by itself")));
	if (PG_ARGISNULL(0))
		return MakeExpandedSums(context, model);
	if (VARATT_IS_EXTERNAL_EXPANDED_RW(DatumGetPointer(PG_GETARG_DATUM(0))) &&
		DatumGetEOHP(PG_GETARG_DATUM(0))->eoh_methods == &expanded_sums_methods)
		return (ExpandedSums *) DatumGetEOHP(PG_GETARG_DATUM(0));
	sums = SumsOfDatum(PG_GETARG_DATUM(0));
	expanded = MakeExpandedSums(context, sums->model);
	MergeSums(expanded, sums);
	return expanded;
}

/* ------------------------------------------------------------------------------------------------
 * rows
 * ------------------------------------------------------------------------------------------------ */

/* A value in units of 10^-J_VALUE_DIGITS, rounded. */
static int128
ValueUnits(Datum value)
{
	Numeric		number = DatumGetNumeric(value);
	int128		units;
	bool		exact;

	if (numeric_is_nan(number) || numeric_is_inf(number))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("value of a path must not be %s",
						DatumGetCString(DirectFunctionCall1(numeric_out, value)))));
	if (!JUnitsFromNumeric(value, J_VALUE_DIGITS, J_MAX_VALUE, &units, &exact))
		SumsOutOfRange();
	return units;
}

/* A count that may be NULL, which is none. */
static int64
CountArg(FunctionCallInfo fcinfo, int arg, const char *what)
{
	int64		count = PG_ARGISNULL(arg) ? 0 : PG_GETARG_INT64(arg);

	if (count < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s of a path must not be negative: %lld", what, (long long) count)));
	return count;
}

/* Adds the row of arguments path, conversions, value and for a chain nulls. */
static Datum
AddRow(FunctionCallInfo fcinfo, JPathModel model)
{
	ExpandedSums *expanded = GetState(fcinfo, model);
	JPathCounts counts = {0};
	MemoryContext old;
	JStr	   *path = NULL;
	int			n = 0;
	bool		good;

	if (expanded->sums.model != model)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("depth must be the same for all rows")));
	counts.conversions = CountArg(fcinfo, 2, "conversions");
	counts.nulls = model == JPATHS_SHAPLEY ? 0 : CountArg(fcinfo, 4, "nulls");
	counts.has_value = !PG_ARGISNULL(3);
	if (counts.has_value)
		counts.value = ValueUnits(PG_GETARG_DATUM(3));
	if (!PG_ARGISNULL(1))
		path = JPathFromArray(PG_GETARG_ARRAYTYPE_P(1), &n);
	/* what came without a touch is nobody's */
	if (n > 0)
	{
		old = MemoryContextSwitchTo(expanded->header.eoh_context);
		good = JPathSumsAdd(&expanded->sums, path, n, &counts);
		MemoryContextSwitchTo(old);
		if (!good)
			SumsOutOfRange();
	}
	return EOHPGetRWDatum(&expanded->header);
}

/* _markov_add(state, path, conversions, value, nulls) */
PG_FUNCTION_INFO_V1(_markov_add);
Datum
_markov_add(PG_FUNCTION_ARGS)
{
	return AddRow(fcinfo, JPATHS_MARKOV_1);
}

/* _markov_add(state, path, conversions, value, nulls, depth) */
PG_FUNCTION_INFO_V1(_markov_add_depth);
Datum
_markov_add_depth(PG_FUNCTION_ARGS)
{
	int32		depth = PG_ARGISNULL(5) ? 0 : PG_GETARG_INT32(5);

	if (PG_ARGISNULL(5) || depth < 1 || depth > 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 PG_ARGISNULL(5) ? errmsg("depth must not be NULL") :
				 errmsg("depth must be 1 or 2, not %d", depth)));
	return AddRow(fcinfo, depth == 1 ? JPATHS_MARKOV_1 : JPATHS_MARKOV_2);
}

/* _shapley_add(state, path, conversions, value) */
PG_FUNCTION_INFO_V1(_shapley_add);
Datum
_shapley_add(PG_FUNCTION_ARGS)
{
	return AddRow(fcinfo, JPATHS_SHAPLEY);
}

/* _path_sums_combine(state, state) */
PG_FUNCTION_INFO_V1(_path_sums_combine);
Datum
_path_sums_combine(PG_FUNCTION_ARGS)
{
	const JPathSums *other = SumsOfDatum(PG_GETARG_DATUM(1));
	ExpandedSums *expanded = GetState(fcinfo, other->model);

	if (expanded->sums.model != other->model)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("states of different aggregates over paths cannot be combined")));
	MergeSums(expanded, other);
	return EOHPGetRWDatum(&expanded->header);
}

/* ------------------------------------------------------------------------------------------------
 * results
 * ------------------------------------------------------------------------------------------------ */

/* Units of 10^-12 with their sign. */
static Datum
SignedNumeric(int128 units)
{
	Datum		number = JNumericFromUnits(units < 0 ? -units : units, J_VALUE_DIGITS);

	return units < 0 ? DirectFunctionCall1(numeric_uminus, number) : number;
}

/* The row type of which the function returns an array. */
static TupleDesc
ElementDescriptor(FunctionCallInfo fcinfo, Oid *type)
{
	*type = get_element_type(get_fn_expr_rettype(fcinfo->flinfo));
	if (!OidIsValid(*type))
		elog(ERROR, "return type must be an array of rows");
	return lookup_rowtype_tupdesc_copy(*type, -1);
}

static Datum
ArrayOfRows(Datum *rows, int n, Oid type)
{
	int16		len;
	bool		by_value;
	char		align;

	if (n == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(type));
	get_typlenbyvalalign(type, &len, &by_value, &align);
	PG_RETURN_ARRAYTYPE_P(construct_array(rows, n, type, len, by_value, align));
}

/* An array of journey.channel_credit: what each channel has, in units of 10^-12, and its effect. */
static Datum
ChannelCredits(FunctionCallInfo fcinfo, const JPathSums *sums, const int128 *conversions,
			   const int128 *value, const double *effects)
{
	Oid			type;
	TupleDesc	tupdesc = ElementDescriptor(fcinfo, &type);
	Datum	   *rows = palloc_extended(sizeof(Datum) * Max(sums->n_channels, 1), MCXT_ALLOC_HUGE);

	for (int c = 0; c < sums->n_channels; c++)
	{
		Datum		values[4];
		bool		nulls[4] = {false, false, !sums->has_value, false};

		CHECK_FOR_INTERRUPTS();
		values[0] = JStrGetDatum(sums->channels[c]);
		values[1] = SignedNumeric(conversions[c]);
		values[2] = nulls[2] ? (Datum) 0 : SignedNumeric(value[c]);
		values[3] = SignedNumeric((int128) (effects[c] * J_CREDIT_UNITS + 0.5));
		rows[c] = HeapTupleGetDatum(heap_form_tuple(tupdesc, values, nulls));
	}
	return ArrayOfRows(rows, sums->n_channels, type);
}

/* Shares of a whole, which may be negative, in proportion to effects. */
static void
SplitByEffects(const double *effects, int n, int128 all, int128 *units)
{
	const double one = (double) ((uint64) 1 << 62);
	JShares		shares = {0};
	uint128    *parts = palloc_extended(sizeof(uint128) * Max(n, 1), MCXT_ALLOC_HUGE);
	bool		any = false;

	JSharesInit(&shares, n);
	for (int c = 0; c < n; c++)
	{
		shares.share[c] = (uint64) (effects[c] * one);
		any |= shares.share[c] > 0;
	}
	if (any)
		JSharesSplit(&shares, all < 0 ? -all : all, parts);
	for (int c = 0; c < n; c++)
		units[c] = !any ? 0 : all < 0 ? -(int128) parts[c] : (int128) parts[c];
	JSharesFree(&shares);
	pfree(parts);
}

/* The sums of all paths: conversions, and their value in units. */
static void
MarkovTotals(const JPathSums *sums, int128 *conversions, int128 *value)
{
	int			to = sums->model == JPATHS_MARKOV_2 ? 2 : 1;

	*conversions = *value = 0;
	for (int i = 0; i < sums->n_sums; i++)
		if (sums->sums[i].key[to] == J_STATE_CONVERSION)
		{
			*conversions += sums->sums[i].weight;
			*value += sums->sums[i].value;
		}
}

/* Raises an error unless the state is that of the function. */
static void
CheckModel(const JPathSums *sums, bool shapley)
{
	if ((sums->model == JPATHS_SHAPLEY) != shapley)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("state is of another aggregate over paths")));
}

/* _markov_final(state) */
PG_FUNCTION_INFO_V1(_markov_final);
Datum
_markov_final(PG_FUNCTION_ARGS)
{
	const JPathSums *sums = JPathSumsSorted(SumsOfDatum(PG_GETARG_DATUM(0)));
	int			n = sums->n_channels;
	int128	   *conversions = palloc_extended(sizeof(int128) * Max(n, 1), MCXT_ALLOC_HUGE);
	int128	   *value = palloc_extended(sizeof(int128) * Max(n, 1), MCXT_ALLOC_HUGE);
	int128		all_conversions;
	int128		all_value;
	JRemovalEffects effects;
	const char *error;
	const char *hint;

	CheckModel(sums, false);
	error = JMarkovSolve(sums, &effects, &hint);
	if (error != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("chain of channels cannot be solved: %s", error),
				 hint != NULL ? errhint("%s", hint) : 0));
	MarkovTotals(sums, &all_conversions, &all_value);
	SplitByEffects(effects.conversions, n, all_conversions * J_CREDIT_UNITS, conversions);
	SplitByEffects(effects.value != NULL ? effects.value : effects.conversions, n, all_value, value);
	return ChannelCredits(fcinfo, sums, conversions, value, effects.conversions);
}

/* _shapley_final(state) */
PG_FUNCTION_INFO_V1(_shapley_final);
Datum
_shapley_final(PG_FUNCTION_ARGS)
{
	const JPathSums *sums = JPathSumsSorted(SumsOfDatum(PG_GETARG_DATUM(0)));
	int			n = sums->n_channels;
	int128	   *conversions = palloc_extended(sizeof(int128) * Max(n, 1), MCXT_ALLOC_HUGE);
	int128	   *value = palloc_extended(sizeof(int128) * Max(n, 1), MCXT_ALLOC_HUGE);
	int64	   *with = palloc_extended(sizeof(int64) * Max(n, 1), MCXT_ALLOC_HUGE);
	double	   *effects = palloc_extended(sizeof(double) * Max(n, 1), MCXT_ALLOC_HUGE);
	int64		all;

	CheckModel(sums, true);
	JShapley(sums, conversions, value, with, &all);
	for (int c = 0; c < n; c++)
		effects[c] = all == 0 ? 0 : (double) with[c] / (double) all;
	return ChannelCredits(fcinfo, sums, conversions, value, effects);
}

/* The channels of a context, without what is before the start. */
static Datum
ContextArray(const JPathSums *sums, const int32 *states, int n)
{
	Datum		channels[2];
	int			count = 0;

	for (int i = 0; i < n; i++)
		if (states[i] != J_STATE_START)
			channels[count++] = JStrGetDatum(sums->channels[states[i] - 1]);
	return PointerGetDatum(count == 0 ? construct_empty_array(TEXTOID) :
						   construct_array(channels, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/* _markov_matrix(state) */
PG_FUNCTION_INFO_V1(_markov_matrix);
Datum
_markov_matrix(PG_FUNCTION_ARGS)
{
	const JPathSums *sums = JPathSumsSorted(SumsOfDatum(PG_GETARG_DATUM(0)));
	int			depth = sums->model == JPATHS_MARKOV_2 ? 2 : 1;
	Oid			type;
	TupleDesc	tupdesc = ElementDescriptor(fcinfo, &type);
	Datum	   *rows = palloc_extended(sizeof(Datum) * Max(sums->n_sums, 1), MCXT_ALLOC_HUGE);
	uint128    *parts = palloc_extended(sizeof(uint128) * Max(sums->n_sums, 1), MCXT_ALLOC_HUGE);
	JShares		shares = {0};
	int			n = 0;

	CheckModel(sums, false);
	for (int from = 0, to; from < sums->n_sums; from = to)
	{
		uint128		all = 0;

		CHECK_FOR_INTERRUPTS();
		for (to = from; to < sums->n_sums && memcmp(sums->sums[to].key, sums->sums[from].key,
													sizeof(int32) * depth) == 0; to++)
			all += sums->sums[to].weight;
		if (all == 0)
			continue;
		JSharesInit(&shares, to - from);
		for (int i = from; i < to; i++)
			shares.share[i - from] = sums->sums[i].weight;
		JSharesSplit(&shares, J_CREDIT_UNITS, parts);
		for (int i = from; i < to; i++)
		{
			const JPathSum *sum = &sums->sums[i];
			int32		state = sum->key[depth];
			Datum		values[5];
			bool		nulls[5] = {false, state <= 0, state > 0, false, false};

			if (sum->weight == 0)
				continue;
			values[0] = ContextArray(sums, sum->key, depth);
			values[1] = state > 0 ? JStrGetDatum(sums->channels[state - 1]) : (Datum) 0;
			values[2] = state > 0 ? (Datum) 0 :
				CStringGetTextDatum(state == J_STATE_CONVERSION ? "conversion" : "null");
			values[3] = Int64GetDatum(sum->weight);
			values[4] = SignedNumeric((int128) parts[i - from]);
			rows[n++] = HeapTupleGetDatum(heap_form_tuple(tupdesc, values, nulls));
		}
	}
	return ArrayOfRows(rows, n, type);
}
