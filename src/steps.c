/*
 * steps.c
 *		Steps and timelines, for the SQL functions on journeys.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "session_options.h"
#include "steps.h"
#include "timeline.h"

/* ------------------------------------------------------------------------------------------------
 * once per call
 * ------------------------------------------------------------------------------------------------ */

#define MAX_KEYS 8

typedef struct JCompiledCache
{
	MemoryContext context;
	bool		isnull[MAX_KEYS];
	Datum		key[MAX_KEYS];	/* by value, or a copy without a long header */
	void	   *compiled;
} JCompiledCache;

/* An argument as it is compared and kept. */
static Datum
KeyOf(FunctionCallInfo fcinfo, int arg, char kind)
{
	return kind == 'v' ? PointerGetDatum(PG_GETARG_VARLENA_PP(arg)) : PG_GETARG_DATUM(arg);
}

static bool
SameKey(Datum a, Datum b, char kind)
{
	struct varlena *x = (struct varlena *) DatumGetPointer(a);
	struct varlena *y = (struct varlena *) DatumGetPointer(b);

	if (kind == 'n')
		return a == b;
	if (kind == 'i')
		return memcmp(x, y, sizeof(Interval)) == 0;
	return VARSIZE_ANY_EXHDR(x) == VARSIZE_ANY_EXHDR(y) &&
		memcmp(VARDATA_ANY(x), VARDATA_ANY(y), VARSIZE_ANY_EXHDR(x)) == 0;
}

static Datum
CopyKey(Datum key, char kind)
{
	Size		size;
	char	   *copy;

	if (kind == 'n')
		return key;
	size = kind == 'i' ? sizeof(Interval) : VARSIZE_ANY(DatumGetPointer(key));
	copy = palloc(size);
	memcpy(copy, DatumGetPointer(key), size);
	return PointerGetDatum(copy);
}

static bool
SameCall(FunctionCallInfo fcinfo, int from, const char *kinds, const JCompiledCache *cache)
{
	for (int i = 0; kinds[i] != '\0'; i++)
	{
		if (kinds[i] == '-')
			continue;
		if (PG_ARGISNULL(from + i) != cache->isnull[i])
			return false;
		if (!cache->isnull[i] &&
			!SameKey(KeyOf(fcinfo, from + i, kinds[i]), cache->key[i], kinds[i]))
			return false;
	}
	return true;
}

void *
JCompiled(FunctionCallInfo fcinfo, int from, const char *kinds, JCompile compile)
{
	JCompiledCache *cache = fcinfo->flinfo->fn_extra;
	MemoryContext context;
	MemoryContext old;

	if (cache != NULL && SameCall(fcinfo, from, kinds, cache))
		return cache->compiled;
	Assert(strlen(kinds) <= MAX_KEYS);
	fcinfo->flinfo->fn_extra = NULL;	/* in case of an error below */
	if (cache != NULL)
		MemoryContextDelete(cache->context);
	context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "pg_journey steps",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	cache = palloc0_object(JCompiledCache);
	cache->context = context;
	for (int i = 0; kinds[i] != '\0'; i++)
	{
		cache->isnull[i] = PG_ARGISNULL(from + i);
		if (!cache->isnull[i] && kinds[i] != '-')
			cache->key[i] = CopyKey(KeyOf(fcinfo, from + i, kinds[i]), kinds[i]);
	}
	cache->compiled = compile(fcinfo);
	MemoryContextSwitchTo(old);
	fcinfo->flinfo->fn_extra = cache;
	return cache->compiled;
}

/* ------------------------------------------------------------------------------------------------
 * arguments
 * ------------------------------------------------------------------------------------------------ */

void
JNullArgument(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("%s must not be NULL", what)));
}

JStep
JStepFromSql(JStr text, const char *where)
{
	JDefError	error = {0};
	JStep		step;

	if (text.len == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be empty", where),
				 errhint("A step is an event's name, or begins with kind:, page:, host: or channel:, or is JSON. * is any event.")));
	if (text.data[0] != '{')
		return JStepFromText(text);
	step = JStepFromDef(JDefFromText(text, where, "step"), &error);
	JDefCheck(&error, "step");
	return step;
}

static void
AddStep(JSteps *steps, JStr text, const char *where, const char *what)
{
	if (steps->n == JSTEPS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many %s", what),
				 errdetail("There may be %d at most.", JSTEPS_MAX)));
	text.data = pnstrdup(text.data, text.len);
	JStepsAdd(steps, JStepFromSql(text, where));
}

void
JStepsAddText(JSteps *steps, FunctionCallInfo fcinfo, int arg, const char *what)
{
	if (PG_ARGISNULL(arg))
		JNullArgument(what);
	AddStep(steps, JStrFromText(PG_GETARG_TEXT_PP(arg)), what, what);
}

void
JStepsAddArray(JSteps *steps, FunctionCallInfo fcinfo, int arg, const char *what)
{
	ArrayType  *array;
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	if (PG_ARGISNULL(arg))
		JNullArgument(what);
	array = PG_GETARG_ARRAYTYPE_P(arg);
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("%s must be an array of one dimension", what)));
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be empty", what)));
	for (int i = 0; i < n; i++)
	{
		char	   *where = psprintf("%s[%d]", what, i + 1);

		if (nulls[i])
			JNullArgument(where);
		AddStep(steps, JStrFromText(DatumGetTextPP(elements[i])), where, what);
	}
}

uint64
JWithin(const Interval *interval)
{
	static const Interval zero = {0};

	if (interval->month == 0 && interval->day == 0 && interval->time == 0)
		return 0;
	if (DatumGetBool(DirectFunctionCall2(interval_lt, IntervalPGetDatum(interval),
										 IntervalPGetDatum(&zero))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("within must not be negative: \"%s\"",
						DatumGetCString(DirectFunctionCall1(interval_out,
															IntervalPGetDatum(interval)))),
				 errhint("0 is the same instant.")));
	return JIntervalMicroseconds(interval, "within");
}

#define SHORT_BYTES 80

char *
JShort(JStr text)
{
	if (text.len <= SHORT_BYTES)
		return pnstrdup(text.data, text.len);
	return psprintf("%.*s...", pg_mbcliplen(text.data, text.len, SHORT_BYTES), text.data);
}

Datum
JTimesDatum(const int64 *times, int n)
{
	Datum	   *values = palloc_array(Datum, Max(n, 1));

	for (int i = 0; i < n; i++)
		values[i] = TimestampTzGetDatum(times[i]);
	return PointerGetDatum(construct_array(values, n, TIMESTAMPTZOID, sizeof(int64),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* ------------------------------------------------------------------------------------------------
 * timelines
 * ------------------------------------------------------------------------------------------------ */

JEvent *
JTimelineAll(const struct varlena *timeline, int *n, JStr **channels)
{
	JEvent	   *events = JTimelineEvents(JTimelineOpenDatum(timeline), n);

	if (channels != NULL)
	{
		JSqlOptions options;

		JInitSqlOptions(&options);
		*channels = JEventChannels(events, *n, &options.session);
	}
	return events;
}

/* As JTimelineRows(), where an event's channel depends on those around it. */
static JStepRow *
RowsWithChannels(const struct varlena *timeline, JSteps *steps, bool all, int *n)
{
	JStr	   *channels;
	JEvent	   *events = JTimelineAll(timeline, n, &channels);
	JStepRow   *rows = palloc_extended(sizeof(JStepRow) * Max((Size) *n, 1), MCXT_ALLOC_HUGE);
	int			count = 0;

	for (int i = 0; i < *n; i++)
	{
		JStepRow	row = {events[i].time, JStepsMatch(steps, &events[i], channels[i])};

		if (all || row.mask != 0)
			rows[count++] = row;
	}
	*n = count;
	return rows;
}

JStepRow *
JTimelineRows(const struct varlena *timeline, JSteps *steps, bool all, uint64 needed, int *n)
{
	JTimelineReader *reader;
	JStepRow   *rows;
	const JEvent *event;
	int			allocated;

	*n = 0;
	if (!JStepsMayOccur(steps, needed, VARDATA_ANY(timeline), VARSIZE_ANY_EXHDR(timeline)))
		return palloc(sizeof(JStepRow));
	JStepsBegin(steps);
	if (steps->asks[JASPECT_CHANNEL] != 0)
		return RowsWithChannels(timeline, steps, all, n);
	reader = JTimelineOpenDatum(timeline);
	allocated = Min(JTimelineCount(reader), 256);
	rows = palloc_array(JStepRow, Max(allocated, 1));
	while ((event = JTimelineNextWithoutId(reader)) != NULL)
	{
		JStepRow	row = {event->time, JStepsMatch(steps, event, JSTR_NULL)};

		if (!all && row.mask == 0)
			continue;
		if (*n == allocated)
		{
			allocated = Min(allocated * 2, JTimelineCount(reader));
			rows = repalloc_huge(rows, sizeof(JStepRow) * (Size) allocated);
		}
		rows[(*n)++] = row;
	}
	JTimelineClose(reader);
	return rows;
}

bool
JTimelineFirst(const struct varlena *timeline, JSteps *steps, int64 *time)
{
	JTimelineReader *reader;
	const JEvent *event;
	bool		found = false;

	if (steps->asks[JASPECT_CHANNEL] != 0)
	{
		int			n;
		JStepRow   *rows = JTimelineRows(timeline, steps, false, 0, &n);

		if (n > 0)
			*time = rows[0].time;
		return n > 0;
	}
	JStepsBegin(steps);
	reader = JTimelineOpenDatum(timeline);
	while (!found && (event = JTimelineNextWithoutId(reader)) != NULL)
	{
		found = JStepsMatch(steps, event, JSTR_NULL) != 0;
		*time = event->time;
	}
	JTimelineClose(reader);
	return found;
}
