/*
 * funnel.c
 *		SQL: the function funnel() on a timeline, and the aggregate window_funnel() on rows.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "conditions.h"
#include "funnel_core.h"
#include "steps.h"
#include "timeline.h"

PG_FUNCTION_INFO_V1(journey_funnel);
PG_FUNCTION_INFO_V1(funnel_between);
PG_FUNCTION_INFO_V1(window_funnel_add);
PG_FUNCTION_INFO_V1(window_funnel_final);

/* ------------------------------------------------------------------------------------------------
 * funnel
 * ------------------------------------------------------------------------------------------------ */

typedef struct JFunnelCall
{
	JSteps		steps;			/* the funnel's, then those excluded */
	JFunnelRules rules;
	bool		has_until;
	int64		until;
	TupleDesc	tupdesc;		/* of the result */
} JFunnelCall;

/*
 * A time of ISO 8601; without a zone it is in UTC, so that no setting changes what it means.
 */
static int64
ReadUntil(const JDef *def, JDefError *error)
{
	JStr		text = JDefString(def, error);
	char	   *value;
	char		buffer[MAXDATELEN + MAXDATEFIELDS];
	char	   *field[MAXDATEFIELDS];
	int			ftype[MAXDATEFIELDS];
	int			nf,
				dtype,
				tz;
	struct pg_tm tm;
	fsec_t		fsec;
	DateTimeErrorExtra extra;
	TimestampTz result;

	if (JStrIsNull(text))
		return 0;
	value = psprintf("%.*s", text.len, text.data);
	/* what stands behind the date, if anything, has a zone or none */
	if (strlen(value) >= 10 && strpbrk(value + 10, "Zz+-") == NULL)
		value = psprintf("%s%s", value, strlen(value) == 10 ? "T00:00Z" : "Z");
	if (strlen(value) > MAXDATELEN || value[strspn(value, "0123456789TtZz:.+- ")] != '\0' ||
		strspn(value, "0123456789") != 4 || value[4] != '-' ||
		ParseDateTime(value, buffer, sizeof(buffer), field, ftype, MAXDATEFIELDS, &nf) != 0 ||
		DecodeDateTime(field, ftype, nf, &dtype, &tm, &fsec, &tz, &extra) != 0 ||
		dtype != DTK_DATE || tm2timestamp(&tm, fsec, &tz, &result) != 0)
	{
		JDefFail(error, J_DEF_VALUE, def, "Write it as \"2026-01-31T12:00:00Z\".", "it is no time");
		return 0;
	}
	return result;
}

/* What must not come between: a step alone, or {"step": .., "from": 1, "to": 2}. */
static void
AddExclusion(JFunnelCall *call, const JDef *def, JDefError *error)
{
	static const char *const known[] = {"step", "from", "to", NULL};
	JFunnelRules *rules = &call->rules;
	JExclusion	exclusion = {.from = 1, .to = rules->n_steps};
	const JDef *step = def;

	if (def->type == JDEF_OBJECT && JDefMember(def, "step") != NULL)
	{
		JDefCheckKeys(def, known, error);
		step = JDefMember(def, "step");
		exclusion.from = JDefInteger(JDefMember(def, "from"), 1, 1, rules->n_steps - 1, error);
		exclusion.to = JDefInteger(JDefMember(def, "to"), rules->n_steps, 2, rules->n_steps, error);
		if (exclusion.from >= exclusion.to)
			JDefFail(error, J_DEF_VALUE, def, NULL, "\"from\" must be less than \"to\"");
	}
	if (rules->n_excluded == lengthof(rules->excluded))
		JDefFail(error, J_DEF_VALUE, def, NULL, "there are more than %d",
				 (int) lengthof(rules->excluded));
	if (error->code != NULL)
		return;
	exclusion.bit = UINT64CONST(1) << call->steps.n;
	JStepsAdd(&call->steps, step->type == JDEF_OBJECT ? JStepFromDef(step, error) :
			  JStepFromText(JDefString(step, error)));
	rules->excluded[rules->n_excluded++] = exclusion;
}

static void
ReadFunnelOptions(JFunnelCall *call, Jsonb *jsonb)
{
	static const char *const known[] = {"strict_order", "strict_increase", "once", "any_order",
	"exclude", "until", NULL};
	JFunnelRules *rules = &call->rules;
	JDefError	error = {0};
	JDef	   *def = JDefFromJsonb(jsonb, "options", "funnel options");
	const JDef *exclude;

	JDefCheckKeys(def, known, &error);
	rules->strict_order = JDefBool(JDefMember(def, "strict_order"), false, &error);
	rules->increase = JDefBool(JDefMember(def, "strict_increase"), false, &error);
	rules->once = JDefBool(JDefMember(def, "once"), true, &error);
	rules->any_order = JDefBool(JDefMember(def, "any_order"), false, &error);
	call->has_until = JDefMember(def, "until") != NULL;
	call->until = ReadUntil(JDefMember(def, "until"), &error);
	exclude = JDefMember(def, "exclude");
	if (exclude != NULL && exclude->type != JDEF_ARRAY)
		AddExclusion(call, exclude, &error);
	else if (exclude != NULL)
		for (int i = 0; i < exclude->count; i++)
			AddExclusion(call, &exclude->items[i], &error);
	if (rules->any_order && (rules->strict_order || rules->increase || rules->n_excluded > 0))
		JDefFail(&error, J_DEF_VALUE, def, "Leave out any_order, or the other.",
				 "any_order does not go with strict_order, strict_increase or exclude");
	JDefCheck(&error, "funnel options");
}

static void *
CompileFunnel(FunctionCallInfo fcinfo)
{
	JFunnelCall *call = palloc0_object(JFunnelCall);

	if (PG_ARGISNULL(2) || PG_ARGISNULL(3))
		JNullArgument(PG_ARGISNULL(2) ? "within" : "options");
	JStepsAddArray(&call->steps, fcinfo, 1, "steps");
	call->rules.n_steps = call->steps.n;
	call->rules.within = JWithin(PG_GETARG_INTERVAL_P(2));
	ReadFunnelOptions(call, PG_GETARG_JSONB_P(3));
	if (get_call_result_type(fcinfo, NULL, &call->tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	call->tupdesc = BlessTupleDesc(CreateTupleDescCopy(call->tupdesc));
	return call;
}

static Datum
FunnelDatum(const JFunnelCall *call, const JStepRow *rows, int n, const JFunnelResult *result)
{
	int64		times[JSTEPS_MAX];
	Datum		values[3];
	bool		nulls[3] = {false};

	if (result->steps > 0)
		JFunnelTimes(&call->rules, rows, n, result, times);
	values[0] = Int32GetDatum(result->steps);
	values[1] = JTimesDatum(times, result->steps);
	/* whether the window is over nobody knows without a time up to which there is data */
	nulls[2] = result->can_go_on && !call->has_until;
	values[2] = BoolGetDatum(result->can_go_on &&
							 (call->until < result->open_from ||
							  (uint64) call->until - (uint64) result->open_from < call->rules.within));
	return HeapTupleGetDatum(heap_form_tuple(call->tupdesc, values, nulls));
}

/* funnel(timeline, steps text[], within interval, options jsonb) */
Datum
journey_funnel(PG_FUNCTION_ARGS)
{
	JFunnelCall *call = JCompiled(fcinfo, 1, "viv", CompileFunnel);
	JFunnelResult result;
	JStepRow   *rows;
	int			n;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	rows = JTimelineRows(PG_GETARG_TIMELINE_PP(0), &call->steps, call->rules.strict_order,
						 call->rules.any_order ? 0 : 1, &n);
	JFunnelWalk(&call->rules, rows, n, &result);
	PG_RETURN_DATUM(FunnelDatum(call, rows, n, &result));
}

/*
 * The funnel of attempts in any order that start within the bounds: of each start the rows in its window.
 * Any row may be a start.
 */
static void
BoundedAnyOrder(const JFunnelRules *rules, const JStepRow **rows, int *n, JFunnelResult *result)
{
	const JStepRow *best = *rows;
	int			best_n = 0;

	memset(result, 0, sizeof(*result));
	for (int i = 0, end = 0; i < *n && (*rows)[i].time < rules->until; i++)
	{
		const JStepRow *start = *rows + i;
		JFunnelResult one;

		CHECK_FOR_INTERRUPTS();
		if (start->time < rules->since || (i > 0 && start[-1].time == start->time))
			continue;
		for (end = Max(end, i); end < *n &&
			 (uint64) (*rows)[end].time - (uint64) start->time <= rules->within;)
			end++;
		JFunnelWalk(rules, start, end - i, &one);
		if (one.steps > result->steps ||
			(one.steps == result->steps && (one.end < result->end ||
											(one.end == result->end && one.start > result->start))))
		{
			int64		open_from = result->open_from;
			bool		can_go_on = result->can_go_on;

			best = start;
			best_n = end - i;
			*result = one;
			result->open_from = open_from;
			result->can_go_on = can_go_on;
		}
		if (one.can_go_on)
		{
			/* of a walk over one window only an attempt from its start is in question */
			result->can_go_on = true;
			result->open_from = start->time;
		}
	}
	if (result->steps == rules->n_steps)
		result->can_go_on = false;
	*rows = best;
	*n = best_n;
}

/*
 * funnel_between(timeline, steps text[], within interval, options jsonb, since timestamptz,
 * until timestamptz): the funnel of the attempts that start in [since, until); NULL is no bound.
 */
Datum
funnel_between(PG_FUNCTION_ARGS)
{
	JFunnelCall *call = JCompiled(fcinfo, 1, "viv", CompileFunnel);
	JFunnelRules rules = call->rules;
	JFunnelResult result;
	JStepRow   *rows;
	const JStepRow *taken;
	int			n;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	rules.bounded = !PG_ARGISNULL(4) || !PG_ARGISNULL(5);
	rules.since = PG_ARGISNULL(4) ? DT_NOBEGIN : PG_GETARG_TIMESTAMPTZ(4);
	rules.until = PG_ARGISNULL(5) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(5);
	rows = JTimelineRows(PG_GETARG_TIMELINE_PP(0), &call->steps, rules.strict_order, rules.any_order ? 0 : 1, &n);
	taken = rows;
	if (rules.any_order && rules.bounded)
		BoundedAnyOrder(&rules, &taken, &n, &result);
	else
		JFunnelWalk(&rules, rows, n, &result);
	PG_RETURN_DATUM(FunnelDatum(call, taken, n, &result));
}

/* ------------------------------------------------------------------------------------------------
 * window_funnel
 * ------------------------------------------------------------------------------------------------ */

/* What a state keeps of a call. */
typedef struct JWindowSettings
{
	uint64		within;
	uint64		modes;			/* bit by index in `modes` */
} JWindowSettings;

static const char *const modes[] = {"strict_deduplication", "strict_order", "strict_increase",
"strict_once", "allow_reentry", NULL};

#define MODE_REPEAT 0x01
#define MODE_ORDER 0x02
#define MODE_INCREASE 0x04
#define MODE_ONCE 0x08
#define MODE_REENTRY 0x10

static uint64
ReadModes(char *text)
{
	uint64		result = 0;

	for (char *next; text != NULL; text = next)
	{
		int			len;
		int			i;

		next = strchr(text, ',');
		if (next != NULL)
			*next++ = '\0';
		text += strspn(text, " ");
		for (len = strlen(text); len > 0 && text[len - 1] == ' ';)
			text[--len] = '\0';
		for (i = 0; modes[i] != NULL && strcmp(modes[i], text) != 0; i++)
			;
		/* '' alone is no mode; an empty name between commas is an error */
		if (len == 0 && next == NULL && result == 0)
			break;
		if (modes[i] == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("unknown mode \"%s\" of window_funnel", JShort(JStrFromCString(text))),
					 errhint("Modes are %s, joined by commas; '' is none.", JDefNames(modes))));
		result |= UINT64CONST(1) << i;
	}
	if ((result & MODE_REENTRY) && !(result & MODE_ORDER))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("mode allow_reentry needs strict_order")));
	return result;
}

static void *
CompileWindow(FunctionCallInfo fcinfo)
{
	JWindowSettings *settings = palloc_object(JWindowSettings);

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		JNullArgument(PG_ARGISNULL(1) ? "within" : "mode");
	settings->within = JWithin(PG_GETARG_INTERVAL_P(1));
	settings->modes = ReadModes(text_to_cstring(PG_GETARG_TEXT_PP(2)));
	return settings;
}

/* window_funnel(within interval, mode text, event_time timestamptz, VARIADIC conditions boolean[]) */
Datum
window_funnel_add(PG_FUNCTION_ARGS)
{
	const JWindowSettings *settings = JCompiled(fcinfo, 1, "iv", CompileWindow);

	return JConditionsAdd(fcinfo, settings, sizeof(JWindowSettings), 3,
						  (settings->modes & MODE_ORDER) != 0, "within and mode");
}

Datum
window_funnel_final(PG_FUNCTION_ARGS)
{
	JConditions *state;
	int			n;
	JStepRow   *rows = JConditionsSorted(fcinfo, &state, &n);
	JWindowSettings settings;
	JFunnelRules rules = {0};
	JFunnelResult result;

	if (n == 0)
		PG_RETURN_INT32(0);
	memcpy(&settings, state->settings, sizeof(settings));
	rules.n_steps = state->n_conditions;
	rules.within = settings.within;
	rules.increase = (settings.modes & MODE_INCREASE) != 0;
	rules.once = (settings.modes & MODE_ONCE) != 0;
	rules.stop_order = (settings.modes & MODE_ORDER) != 0;
	rules.stop_repeat = (settings.modes & MODE_REPEAT) != 0;
	rules.skip_order = (settings.modes & MODE_REENTRY) != 0;
	JFunnelWalk(&rules, rows, n, &result);
	PG_RETURN_INT32(result.steps);
}
