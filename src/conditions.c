/*
 * conditions.c
 *		The state of aggregates over rows with a time and conditions.
 */
#include "postgres.h"

#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "conditions.h"
#include "steps.h"
#include "timeline.h"

PG_FUNCTION_INFO_V1(conditions_combine);
PG_FUNCTION_INFO_V1(conditions_serialize);
PG_FUNCTION_INFO_V1(conditions_deserialize);

/* The allocator rounds up to powers of two; so do we, and use the whole chunk. */
#define CONDITIONS_MIN_SIZE 256

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

static JConditions *
GetState(FunctionCallInfo fcinfo, int arg)
{
	return PG_ARGISNULL(arg) ? NULL : (JConditions *) PG_GETARG_POINTER(arg);
}

static void
TooManyRows(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("too many rows in one group"),
			 errdetail("The state of an aggregate holds at most 1 GB, some 67 million rows."),
			 errhint("Group by person or visitor.")));
}

/* A state that holds settings and has room for `rows` more; it may have moved. */
static JConditions *
Reserve(JConditions *state, const JConditions *settings, Size rows, MemoryContext context)
{
	const JConditions *head = state != NULL ? state : settings;
	Size		header = MAXALIGN(offsetof(JConditions, settings) + head->settings_len);
	Size		needed;
	Size		size = CONDITIONS_MIN_SIZE;

	if (state != NULL && rows <= state->allocated - state->count)
		return state;
	needed = header + ((state != NULL ? state->count : 0) + rows) * sizeof(JStepRow);
	if (needed > MaxAllocSize)
		TooManyRows();
	while (size < needed)
		size *= 2;
	size = Min(size, MaxAllocSize);
	if (state == NULL)
	{
		state = MemoryContextAlloc(context, size);
		memcpy(state, settings, offsetof(JConditions, settings) + settings->settings_len);
		state->count = 0;
	}
	else
		state = repalloc(state, size);
	state->allocated = (size - header) / sizeof(JStepRow);
	return state;
}

/* The conditions that hold, bit by index; NULL is false. */
static uint64
MaskOf(ArrayType *array, int n)
{
	const bits8 *nulls = ARR_NULLBITMAP(array);
	const char *values = ARR_DATA_PTR(array);
	uint64		mask = 0;

	for (int i = 0; i < n; i++)
	{
		if (nulls != NULL && (nulls[i / 8] & (1 << (i % 8))) == 0)
			continue;
		if (*values++)
			mask |= UINT64CONST(1) << i;
	}
	return mask;
}

static int
CountConditions(ArrayType *array)
{
	int			n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there must be at least one condition")));
	if (n > JSTEPS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many conditions: %d", n),
				 errdetail("There may be %d at most.", JSTEPS_MAX)));
	return n;
}

/* All rows of a group must ask the same. */
static void
CheckSame(const JConditions *a, const JConditions *b, const char *what)
{
	if (a->n_conditions != b->n_conditions)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rows of one group have different numbers of conditions: %d and %d",
						a->n_conditions, b->n_conditions)));
	if (a->settings_len != b->settings_len ||
		memcmp(a->settings, b->settings, a->settings_len) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be the same for all rows of a group", what)));
}

Datum
JConditionsAdd(FunctionCallInfo fcinfo, const void *settings, int settings_len, int time_arg,
			   bool all, const char *what)
{
	JConditions *state = GetState(fcinfo, 0);
	ArrayType  *array;
	JStepRow	row = {0};
	int			n;

	if (PG_ARGISNULL(time_arg + 1))
		JNullArgument("conditions");
	array = PG_GETARG_ARRAYTYPE_P(time_arg + 1);
	n = CountConditions(array);
	if (state == NULL || state->n_conditions != n || state->settings_len != settings_len ||
		memcmp(state->settings, settings, settings_len) != 0)
	{
		JConditions *asked = palloc(offsetof(JConditions, settings) + settings_len);

		*asked = (JConditions) {.n_conditions = n, .settings_len = settings_len};
		memcpy(asked->settings, settings, settings_len);
		if (state != NULL)
			CheckSame(state, asked, what);
		state = Reserve(NULL, asked, 0, AggContext(fcinfo));
	}
	if (PG_ARGISNULL(time_arg))
		PG_RETURN_POINTER(state);
	row.time = PG_GETARG_TIMESTAMPTZ(time_arg);
	row.mask = MaskOf(array, n);
	if (row.mask == 0 && !all)
		PG_RETURN_POINTER(state);
	JTimelineCheckTime(row.time, "event_time");
	state = Reserve(state, NULL, 1, AggContext(fcinfo));
	JConditionsRows(state)[state->count++] = row;
	PG_RETURN_POINTER(state);
}

JStepRow *
JConditionsSorted(FunctionCallInfo fcinfo, JConditions **state, int *n)
{
	*state = GetState(fcinfo, 0);
	*n = *state == NULL ? 0 : (*state)->count;
	if (*n == 0)
		return NULL;
	JStepRowsSort(JConditionsRows(*state), *n);
	return JConditionsRows(*state);
}

Datum
conditions_combine(PG_FUNCTION_ARGS)
{
	JConditions *state = GetState(fcinfo, 0);
	JConditions *other = GetState(fcinfo, 1);

	if (other == NULL)
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	if (state != NULL)
		CheckSame(state, other, "what an aggregate is asked");
	state = Reserve(state, other, other->count, AggContext(fcinfo));
	memcpy(JConditionsRows(state) + state->count, JConditionsRows(other),
		   other->count * sizeof(JStepRow));
	state->count += other->count;
	PG_RETURN_POINTER(state);
}

/* The state for another process of this server: as it lies, without what is free. */
Datum
conditions_serialize(PG_FUNCTION_ARGS)
{
	JConditions *state = (JConditions *) PG_GETARG_POINTER(0);
	Size		size = (char *) (JConditionsRows(state) + state->count) - (char *) state;
	bytea	   *result;

	(void) AggContext(fcinfo);
	if (size > MaxAllocSize - VARHDRSZ)
		TooManyRows();
	result = palloc(VARHDRSZ + size);
	SET_VARSIZE(result, VARHDRSZ + size);
	memcpy(VARDATA(result), state, size);
	PG_RETURN_BYTEA_P(result);
}

Datum
conditions_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *serialized = PG_GETARG_BYTEA_PP(0);
	Size		size = VARSIZE_ANY_EXHDR(serialized);
	JConditions *state;

	(void) AggContext(fcinfo);
	if (size < offsetof(JConditions, settings))
		elog(ERROR, "invalid state of an aggregate over conditions");
	state = palloc(size);
	memcpy(state, VARDATA_ANY(serialized), size);
	if (state->settings_len < 0 || state->settings_len > size ||
		(char *) (JConditionsRows(state) + state->count) - (char *) state != size)
		elog(ERROR, "invalid state of an aggregate over conditions");
	state->allocated = state->count;
	PG_RETURN_POINTER(state);
}
