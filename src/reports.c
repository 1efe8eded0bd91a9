/*
 * reports.c
 *		SQL: what the reports on a model need of a timeline beside the public functions.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "session_core.h"
#include "steps.h"
#include "timeline.h"

PG_FUNCTION_INFO_V1(journey_filter);

typedef struct JFilterCall
{
	JSteps		steps;			/* one, or none: any event */
	bool		active;			/* leave out passive events */
} JFilterCall;

static void *
CompileFilter(FunctionCallInfo fcinfo)
{
	JFilterCall *call = palloc0_object(JFilterCall);

	if (!PG_ARGISNULL(1))
		JStepsAddText(&call->steps, fcinfo, 1, "step");
	call->active = !PG_ARGISNULL(4) && PG_GETARG_BOOL(4);
	return call;
}

/*
 * _filter(timeline, step text, since timestamptz, until timestamptz, active boolean): the events that
 * are the step, from `since` to before `until`; NULL if there is none.
 */
Datum
journey_filter(PG_FUNCTION_ARGS)
{
	static const JSessionOptions no_options = {0};
	JFilterCall *call = JCompiled(fcinfo, 1, "v--n", CompileFilter);
	int64		since = PG_ARGISNULL(2) ? DT_NOBEGIN : PG_GETARG_TIMESTAMPTZ(2);
	int64		until = PG_ARGISNULL(3) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(3);
	bool		ask_channels = call->steps.asks[JASPECT_CHANNEL] != 0;
	JStr	   *channels = NULL;
	JEvent	   *events;
	int			n;
	int			kept = 0;
	Size		size;
	char	   *result;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (call->steps.n == 0 && !call->active && since == DT_NOBEGIN && until == DT_NOEND)
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	events = JTimelineAll(PG_GETARG_TIMELINE_PP(0), &n, ask_channels ? &channels : NULL);
	JStepsBegin(&call->steps);
	for (int i = 0; i < n; i++)
	{
		if (events[i].time < since || events[i].time >= until ||
			(call->active && JEventIsPassive(&events[i], &no_options)) ||
			(call->steps.n > 0 &&
			 JStepsMatch(&call->steps, &events[i], ask_channels ? channels[i] : JSTR_NULL) == 0))
			continue;
		events[kept++] = events[i];
	}
	if (kept == 0)
		PG_RETURN_NULL();
	result = JTimelineBuild(events, kept, &size);
	if (result == NULL)
		JTimelineTooLarge();
	SET_VARSIZE(result, size);
	PG_RETURN_POINTER(result);
}
