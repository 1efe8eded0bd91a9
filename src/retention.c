/*
 * retention.c
 *		SQL: who comes back, on which days, and how long something takes.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/datetime.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "session_core.h"
#include "session_options.h"
#include "steps.h"
#include "timeline.h"

PG_FUNCTION_INFO_V1(retention_add);
PG_FUNCTION_INFO_V1(retention_combine);
PG_FUNCTION_INFO_V1(retention_final);
PG_FUNCTION_INFO_V1(retention_timeline);
PG_FUNCTION_INFO_V1(retention_counts_add);
PG_FUNCTION_INFO_V1(retention_counts_combine);
PG_FUNCTION_INFO_V1(first_at);
PG_FUNCTION_INFO_V1(time_between);
PG_FUNCTION_INFO_V1(days_active);
PG_FUNCTION_INFO_V1(stickiness);

/* A boolean[] of n elements, all false, and where they lie, one byte each. */
static ArrayType *
NewBooleans(int n, bool **elements)
{
	Size		size = ARR_OVERHEAD_NONULLS(1) + n;
	ArrayType  *array = palloc0(size);

	SET_VARSIZE(array, size);
	array->ndim = 1;
	array->elemtype = BOOLOID;
	ARR_DIMS(array)[0] = n;
	ARR_LBOUND(array)[0] = 1;
	*elements = (bool *) ARR_DATA_PTR(array);
	return array;
}

/* ------------------------------------------------------------------------------------------------
 * the aggregate: its state is a bigint, the number of conditions and which of them ever held
 * ------------------------------------------------------------------------------------------------ */

static int64
CheckState(int64 state)
{
	int64		n = state >> 32;

	if (n < 1 || n > JSTEPS_MAX || ((uint64) state & PG_UINT32_MAX) >> n != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid state of retention")));
	return n;
}

static int64
Unite(int64 a, int64 b)
{
	if (CheckState(a) != CheckState(b))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rows of one group have different numbers of conditions: %d and %d",
						(int) CheckState(a), (int) CheckState(b))));
	return a | b;
}

Datum
retention_add(PG_FUNCTION_ARGS)
{
	ArrayType  *array;
	int64		state;
	int			n;
	const bits8 *nulls;
	const char *value;

	if (PG_ARGISNULL(1))
		JNullArgument("conditions");
	array = PG_GETARG_ARRAYTYPE_P(1);
	n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	if (n < 1 || n > JSTEPS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("there must be 1 to %d conditions, not %d", JSTEPS_MAX, n)));
	state = (int64) n << 32;
	nulls = ARR_NULLBITMAP(array);
	value = ARR_DATA_PTR(array);
	for (int i = 0; i < n; i++)
		if (nulls == NULL || (nulls[i / 8] & (1 << (i % 8))) != 0)
			state |= (int64) (*value++ != 0) << i;
	PG_RETURN_INT64(PG_ARGISNULL(0) ? state : Unite(PG_GETARG_INT64(0), state));
}

Datum
retention_combine(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(Unite(PG_GETARG_INT64(0), PG_GETARG_INT64(1)));
}

Datum
retention_final(PG_FUNCTION_ARGS)
{
	ArrayType  *array;
	bool	   *result;
	int64		state;
	int			n;

	if (PG_ARGISNULL(0))
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(BOOLOID));
	state = PG_GETARG_INT64(0);
	n = (int) CheckState(state);
	array = NewBooleans(n, &result);
	for (int i = 0; i < n; i++)
		result[i] = (state & 1) && (state >> i & 1);
	PG_RETURN_ARRAYTYPE_P(array);
}

/* ------------------------------------------------------------------------------------------------
 * periods
 * ------------------------------------------------------------------------------------------------ */

typedef enum JUnit
{
	JUNIT_HOUR,
	JUNIT_DAY,
	JUNIT_WEEK,					/* from Monday */
	JUNIT_SUNDAY_WEEK,
	JUNIT_MONTH,
	JUNIT_QUARTER,
	JUNIT_YEAR,
	JUNIT_FIXED					/* of a length, counted from the first event itself */
} JUnit;

typedef struct JPeriods
{
	JUnit		unit;
	int64		length;			/* of JUNIT_FIXED */
	pg_tz	   *zone;
} JPeriods;

static const char *const units[] = {"hour", "day", "week", "sunday_week", "month", "quarter",
"year", NULL};

/* Reads "24 hours", "7 days"; 0 if it is no such length. */
static int64
FixedLength(const char *unit)
{
	static const struct
	{
		const char *name;
		int64		length;
	}			lengths[] = {
		{"minute", 60 * J_USECS_PER_SEC},
		{"hour", 3600 * J_USECS_PER_SEC},
		{"day", J_USECS_PER_DAY},
		{"week", 7 * J_USECS_PER_DAY}
	};
	char	   *name;
	long		count = strtol(unit, &name, 10);

	if (*unit < '0' || *unit > '9' || count < 1 || count > 100000)
		return 0;
	name += strspn(name, " ");
	for (int i = 0; i < lengthof(lengths); i++)
	{
		int			len = strlen(lengths[i].name);

		if (strncmp(name, lengths[i].name, len) == 0 &&
			(name[len] == '\0' || strcmp(name + len, "s") == 0))
			return count * lengths[i].length;
	}
	return 0;
}

static JPeriods
ReadPeriods(FunctionCallInfo fcinfo, const char *unit, int zone_arg)
{
	JPeriods	periods = {0};
	char	   *zone;

	if (PG_ARGISNULL(zone_arg))
		JNullArgument("time_zone");
	zone = text_to_cstring(PG_GETARG_TEXT_PP(zone_arg));
	periods.zone = pg_tzset(zone);
	if (periods.zone == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" not recognized", zone),
				 errhint("See pg_timezone_names for the known names.")));
	while (periods.unit < JUNIT_FIXED && strcmp(units[periods.unit], unit) != 0)
		periods.unit++;
	if (periods.unit == JUNIT_FIXED)
		periods.length = FixedLength(unit);
	if (periods.unit == JUNIT_FIXED && periods.length == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown unit \"%s\"", unit),
				 errhint("Units of the calendar are %s; a length such as '24 hours' or '7 days' counts from the first event.",
						 JDefNames(units))));
	return periods;
}

static inline int64
FloorDiv(int64 a, int64 b)
{
	return a / b - (a % b < 0);
}

/* Seconds east of UTC at a time. */
static int
OffsetAt(int64 time, pg_tz *zone)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			tz;

	if (timestamp2tm(time, &tz, &tm, &fsec, NULL, zone) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	return -tz;
}

/* The number of a time's period on the calendar. */
static int64
CalendarNumber(const JPeriods *periods, int64 time)
{
	int64		day = JLocalDay(time, periods->zone);
	int			year,
				month,
				mday;

	if (periods->unit == JUNIT_DAY)
		return day;
	/* day 0, 2000-01-01, is a Saturday */
	if (periods->unit == JUNIT_WEEK || periods->unit == JUNIT_SUNDAY_WEEK)
		return FloorDiv(day - (periods->unit == JUNIT_WEEK ? 2 : 1), 7);
	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &mday);
	if (periods->unit == JUNIT_YEAR)
		return year;
	return periods->unit == JUNIT_MONTH ? year * 12 + month : year * 4 + (month - 1) / 3;
}

/* The number of a time's period among those that are counted from an origin's. */
static int64
PeriodNumber(const JPeriods *periods, int64 origin, int64 time)
{
	if (periods->unit == JUNIT_FIXED)
		return FloorDiv(time - origin, periods->length);
	if (periods->unit != JUNIT_HOUR)
		return CalendarNumber(periods, time);
	/* all hours are counted where clocks are put back: by the origin's offset */
	return FloorDiv(time + OffsetAt(origin, periods->zone) * J_USECS_PER_SEC, 3600 * J_USECS_PER_SEC);
}

/* ------------------------------------------------------------------------------------------------
 * retention
 * ------------------------------------------------------------------------------------------------ */

#define MAX_PERIODS 10000

typedef struct JRetentionCall
{
	JSteps		steps;			/* the first, the return */
	int			n;
	JPeriods	periods;
} JRetentionCall;

static void *
CompileRetention(FunctionCallInfo fcinfo)
{
	JRetentionCall *call = palloc0_object(JRetentionCall);

	JStepsAddText(&call->steps, fcinfo, 1, "first_step");
	JStepsAddText(&call->steps, fcinfo, 2, "return_step");
	if (PG_ARGISNULL(3) || PG_ARGISNULL(4))
		JNullArgument(PG_ARGISNULL(3) ? "periods" : "unit");
	call->n = PG_GETARG_INT32(3);
	if (call->n < 0 || call->n > MAX_PERIODS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("periods must be between 0 and %d: %d", MAX_PERIODS, call->n)));
	call->periods = ReadPeriods(fcinfo, text_to_cstring(PG_GETARG_TEXT_PP(4)), 5);
	return call;
}

/* The first row that is a step; n where there is none. */
static int
FirstRow(const JStepRow *rows, int n, uint64 step)
{
	int			i = 0;

	while (i < n && (rows[i].mask & step) == 0)
		i++;
	return i;
}

/*
 * Whether a row is the second of two steps, at the time of a first step or later, and there is a
 * row for the first besides it. `first` is the earliest row for the first; others at its time do too.
 */
static bool
ComesAfter(const JStepRow *rows, int n, int first, int row)
{
	if (row != first)
		return true;
	for (int i = first + 1; i < n && rows[i].time == rows[first].time; i++)
		if (rows[i].mask & 1)
			return true;
	return false;
}

/* The first row of its time. */
static int
FirstOfTime(const JStepRow *rows, int row)
{
	while (row > 0 && rows[row - 1].time == rows[row].time)
		row--;
	return row;
}

/* retention(timeline, first_step, return_step, periods integer, unit text, time_zone text) */
Datum
retention_timeline(PG_FUNCTION_ARGS)
{
	JRetentionCall *call = JCompiled(fcinfo, 1, "vvnvv", CompileRetention);
	JStepRow   *rows;
	ArrayType  *array;
	bool	   *result;
	int64		origin;
	int			n;
	int			first;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	rows = JTimelineRows(PG_GETARG_TIMELINE_PP(0), &call->steps, false, 1, &n);
	first = FirstRow(rows, n, 1);
	if (first == n)
		PG_RETURN_NULL();
	array = NewBooleans(call->n + 1, &result);
	origin = PeriodNumber(&call->periods, rows[first].time, rows[first].time);
	for (int i = FirstOfTime(rows, first); i < n; i++)
	{
		int64		period;

		if ((rows[i].mask & 2) == 0 || !ComesAfter(rows, n, first, i))
			continue;
		period = PeriodNumber(&call->periods, rows[first].time, rows[i].time) - origin;
		/* where clocks are put back over midnight, a day may seem to be the one before */
		period = Max(period, 0);
		if (period > call->n)
			break;
		result[period] = true;
	}
	PG_RETURN_ARRAYTYPE_P(array);
}

/* ------------------------------------------------------------------------------------------------
 * retention_counts: its state is its result
 * ------------------------------------------------------------------------------------------------ */

/* The number of elements of an array of one dimension. */
static int
CountElements(ArrayType *array)
{
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("periods must be an array of one dimension")));
	return ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
}

/*
 * The counts of argument 0 with room for n, and where they lie. Those of an aggregate are changed in place,
 * others stay what they were.
 */
static ArrayType *
CountsFor(FunctionCallInfo fcinfo, int n, int64 **counts)
{
	ArrayType  *old = PG_GETARG_ARRAYTYPE_P(0);
	int			n_old = CountElements(old);
	ArrayType  *array = old;

	if (ARR_HASNULL(old))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid state of retention_counts")));
	if (n > n_old || AggCheckCallContext(fcinfo, NULL) == 0)
	{
		Size		size = ARR_OVERHEAD_NONULLS(1) + sizeof(int64) * (Size) Max(n, n_old);

		if (n == 0 && n_old == 0)
			return old;
		array = palloc0(size);
		SET_VARSIZE(array, size);
		array->ndim = 1;
		array->elemtype = INT8OID;
		ARR_DIMS(array)[0] = Max(n, n_old);
		ARR_LBOUND(array)[0] = 1;
		memcpy(ARR_DATA_PTR(array), ARR_DATA_PTR(old), sizeof(int64) * (Size) n_old);
	}
	*counts = (int64 *) ARR_DATA_PTR(array);
	return array;
}

/* retention_counts(periods boolean[]) */
Datum
retention_counts_add(PG_FUNCTION_ARGS)
{
	ArrayType  *periods = PG_GETARG_ARRAYTYPE_P(1);
	int			n = CountElements(periods);
	const bits8 *nulls = ARR_NULLBITMAP(periods);
	const char *value = ARR_DATA_PTR(periods);
	int64	   *counts;
	ArrayType  *array = CountsFor(fcinfo, n, &counts);

	for (int i = 0; i < n; i++)
		if (nulls == NULL || (nulls[i / 8] & (1 << (i % 8))) != 0)
			counts[i] += *value++ != 0;
	PG_RETURN_ARRAYTYPE_P(array);
}

Datum
retention_counts_combine(PG_FUNCTION_ARGS)
{
	ArrayType  *other = PG_GETARG_ARRAYTYPE_P(1);
	int			n = CountElements(other);
	const int64 *more = (const int64 *) ARR_DATA_PTR(other);
	int64	   *counts;
	ArrayType  *array = CountsFor(fcinfo, n, &counts);

	if (ARR_HASNULL(other))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid state of retention_counts")));
	for (int i = 0; i < n; i++)
		counts[i] += more[i];
	PG_RETURN_ARRAYTYPE_P(array);
}

/* ------------------------------------------------------------------------------------------------
 * first_at, time_between
 * ------------------------------------------------------------------------------------------------ */

static void *
CompileOneStep(FunctionCallInfo fcinfo)
{
	JSteps	   *steps = palloc0_object(JSteps);

	JStepsAddText(steps, fcinfo, 1, "step");
	return steps;
}

/* first_at(timeline, step text) */
Datum
first_at(PG_FUNCTION_ARGS)
{
	JSteps	   *steps = JCompiled(fcinfo, 1, "v", CompileOneStep);
	int64		time;

	if (PG_ARGISNULL(0) || !JTimelineFirst(PG_GETARG_TIMELINE_PP(0), steps, &time))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(time);
}

static void *
CompileTwoSteps(FunctionCallInfo fcinfo)
{
	JSteps	   *steps = palloc0_object(JSteps);

	JStepsAddText(steps, fcinfo, 1, "from_step");
	JStepsAddText(steps, fcinfo, 2, "to_step");
	return steps;
}

/* time_between(timeline, from_step text, to_step text) */
Datum
time_between(PG_FUNCTION_ARGS)
{
	JSteps	   *steps = JCompiled(fcinfo, 1, "vv", CompileTwoSteps);
	JStepRow   *rows;
	int			n;
	int			first;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	rows = JTimelineRows(PG_GETARG_TIMELINE_PP(0), steps, false, 1 | 2, &n);
	first = FirstRow(rows, n, 1);
	if (first == n)
		PG_RETURN_NULL();
	for (int i = FirstOfTime(rows, first); i < n; i++)
		if ((rows[i].mask & 2) && ComesAfter(rows, n, first, i))
			PG_RETURN_NUMERIC(int64_div_fast_to_numeric(rows[i].time - rows[first].time, 6));
	PG_RETURN_NULL();
}

/* ------------------------------------------------------------------------------------------------
 * days_active, stickiness
 * ------------------------------------------------------------------------------------------------ */

typedef struct JActiveCall
{
	JSteps		steps;			/* one, or none: any active event */
	JPeriods	periods;
} JActiveCall;

/* Arguments from number `from` on: step, since, until, time_zone. */
static JActiveCall *
CompileActive(FunctionCallInfo fcinfo, const char *unit, int from)
{
	JActiveCall *call = palloc0_object(JActiveCall);

	if (!PG_ARGISNULL(from))
		JStepsAddText(&call->steps, fcinfo, from, "step");
	call->periods = ReadPeriods(fcinfo, unit, from + 3);
	return call;
}

static void *
CompileDays(FunctionCallInfo fcinfo)
{
	return CompileActive(fcinfo, "day", 1);
}

static void *
CompileStickiness(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(1))
		JNullArgument("unit");
	return CompileActive(fcinfo, text_to_cstring(PG_GETARG_TEXT_PP(1)), 2);
}

/* How many periods have an event in [since, until). */
static int32
CountPeriods(JActiveCall *call, const struct varlena *timeline, int64 since, int64 until)
{
	static const JSessionOptions no_options = {0};
	bool		ask_channels = call->steps.asks[JASPECT_CHANNEL] != 0;
	JStr	   *channels;
	int			n;
	JEvent	   *events = JTimelineAll(timeline, &n, ask_channels ? &channels : NULL);
	int64		origin = 0;
	int64		latest = 0;
	int32		count = 0;

	JStepsBegin(&call->steps);
	for (int i = 0; i < n; i++)
	{
		int64		period;

		if (events[i].time < since || events[i].time >= until ||
			(call->steps.n == 0 ? JEventIsPassive(&events[i], &no_options) :
			 JStepsMatch(&call->steps, &events[i],
						 ask_channels ? channels[i] : JSTR_NULL) == 0))
			continue;
		if (count == 0)
			origin = events[i].time;
		period = PeriodNumber(&call->periods, origin, events[i].time);
		if (count > 0 && period <= latest)
			continue;
		latest = period;
		count++;
	}
	return count;
}

static Datum
CountActive(FunctionCallInfo fcinfo, JActiveCall *call, int from)
{
	int64		since = PG_ARGISNULL(from + 1) ? DT_NOBEGIN : PG_GETARG_TIMESTAMPTZ(from + 1);
	int64		until = PG_ARGISNULL(from + 2) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(from + 2);

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_INT32(CountPeriods(call, PG_GETARG_TIMELINE_PP(0), since, until));
}

/* days_active(timeline, step text, since timestamptz, until timestamptz, time_zone text) */
Datum
days_active(PG_FUNCTION_ARGS)
{
	return CountActive(fcinfo, JCompiled(fcinfo, 1, "v--v", CompileDays), 1);
}

/* stickiness(timeline, unit text, step text, since timestamptz, until timestamptz, time_zone text) */
Datum
stickiness(PG_FUNCTION_ARGS)
{
	return CountActive(fcinfo, JCompiled(fcinfo, 1, "vv--v", CompileStickiness), 2);
}
