/*
 * sequence.c
 *		SQL: patterns of events on rows and on timelines, and what came next or before.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "conditions.h"
#include "sequence_core.h"
#include "paths_core.h"
#include "steps.h"
#include "timeline.h"

PG_FUNCTION_INFO_V1(sequence_add);
PG_FUNCTION_INFO_V1(sequence_match_final);
PG_FUNCTION_INFO_V1(sequence_count_final);
PG_FUNCTION_INFO_V1(sequence_events_final);
PG_FUNCTION_INFO_V1(sequence_match_timeline);
PG_FUNCTION_INFO_V1(sequence_count_timeline);
PG_FUNCTION_INFO_V1(sequence_events_timeline);
PG_FUNCTION_INFO_V1(next_event);
PG_FUNCTION_INFO_V1(previous_event);

/* ------------------------------------------------------------------------------------------------
 * patterns
 * ------------------------------------------------------------------------------------------------ */

/* Reads a pattern that names none but the first n conditions. */
static JPattern *
PatternFrom(JStr text, int n, const char *conditions)
{
	JPattern   *pattern = palloc_object(JPattern);
	JPatternError error;

	if (!JPatternParse(text, pattern, &error))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid pattern \"%s\": %s", JShort(text), error.message),
				 errdetail("At byte %d.", error.at + 1),
				 errhint("A pattern is made of (?1), (?2), .. for events, (?t<=60) for seconds between two, . for any event and .* for any number of them.")));
	if (pattern->highest > n)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("pattern \"%s\" names (?%d), of %d %s", JShort(text), pattern->highest, n,
						conditions)));
	return pattern;
}

typedef struct JSequenceCall
{
	JSteps		steps;
	JPattern   *pattern;
} JSequenceCall;

static void *
CompileSequence(FunctionCallInfo fcinfo)
{
	JSequenceCall *call = palloc0_object(JSequenceCall);

	if (PG_ARGISNULL(1))
		JNullArgument("pattern");
	JStepsAddArray(&call->steps, fcinfo, 2, "steps");
	call->pattern = PatternFrom(JStrFromText(PG_GETARG_TEXT_PP(1)), call->steps.n, "steps");
	return call;
}

/* The matches in a timeline; argument 0 is not NULL. */
static JMatcher *
TimelineMatcher(FunctionCallInfo fcinfo, const JPattern **pattern, JStepRow **rows)
{
	JSequenceCall *call = JCompiled(fcinfo, 1, "vv", CompileSequence);
	int			n;

	*pattern = call->pattern;
	*rows = JTimelineRows(PG_GETARG_TIMELINE_PP(0), &call->steps, false, call->pattern->named, &n);
	JStepRowsSort(*rows, n);
	return JMatcherMake(call->pattern, *rows, n);
}

/* One call's pattern, with the text that it was made of. */
typedef struct JPatternCache
{
	int			n_conditions;
	int			len;
	const JPattern *pattern;
	char		text[FLEXIBLE_ARRAY_MEMBER];
} JPatternCache;

static const JPattern *
StatePattern(FunctionCallInfo fcinfo, const JConditions *state)
{
	JPatternCache *cache = fcinfo->flinfo->fn_extra;
	MemoryContext old;

	if (cache != NULL && cache->n_conditions == state->n_conditions &&
		cache->len == state->settings_len && memcmp(cache->text, state->settings, cache->len) == 0)
		return cache->pattern;
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	cache = palloc(offsetof(JPatternCache, text) + state->settings_len);
	cache->n_conditions = state->n_conditions;
	cache->len = state->settings_len;
	memcpy(cache->text, state->settings, cache->len);
	cache->pattern = PatternFrom((JStr) {cache->text, cache->len}, cache->n_conditions, "conditions");
	MemoryContextSwitchTo(old);
	fcinfo->flinfo->fn_extra = cache;
	return cache->pattern;
}

/* The matches in the rows of a final function's state; NULL where there are no rows. */
static JMatcher *
StateMatcher(FunctionCallInfo fcinfo, const JPattern **pattern, JStepRow **rows)
{
	JConditions *state;
	int			n;

	*rows = JConditionsSorted(fcinfo, &state, &n);
	if (n == 0)
		return NULL;
	*pattern = StatePattern(fcinfo, state);
	return JMatcherMake(*pattern, *rows, n);
}

static int64
CountMatches(JMatcher *matcher)
{
	int			matched[JPATTERN_MAX];
	int64		count = 0;

	while (matcher != NULL && JMatcherNext(matcher, matched))
		count++;
	return count;
}

/* The times of the named events of the first match. */
static Datum
FirstMatch(JMatcher *matcher, const JPattern *pattern, const JStepRow *rows)
{
	int			matched[JPATTERN_MAX];
	int64		times[JPATTERN_MAX];
	int			n = 0;

	if (matcher != NULL && JMatcherNext(matcher, matched))
		for (int i = 0; i < pattern->n; i++)
			if (pattern->element[i].named)
				times[n++] = rows[matched[i]].time;
	return JTimesDatum(times, n);
}

static void *
CheckPattern(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(1))
		JNullArgument("pattern");
	return PatternFrom(JStrFromText(PG_GETARG_TEXT_PP(1)), JSTEPS_MAX, "conditions");
}

/* sequence_match(pattern text, event_time timestamptz, VARIADIC conditions boolean[]) and its sisters */
Datum
sequence_add(PG_FUNCTION_ARGS)
{
	const JPattern *pattern = JCompiled(fcinfo, 1, "v", CheckPattern);
	text	   *given = PG_GETARG_TEXT_PP(1);

	if (!PG_ARGISNULL(3))
	{
		ArrayType  *array = PG_GETARG_ARRAYTYPE_P(3);
		int			n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

		if (pattern->highest > n)
			(void) PatternFrom(JStrFromText(given), n, "conditions");
	}
	return JConditionsAdd(fcinfo, VARDATA_ANY(given), VARSIZE_ANY_EXHDR(given), 2, false,
						  "pattern");
}

Datum
sequence_match_final(PG_FUNCTION_ARGS)
{
	const JPattern *pattern;
	JStepRow   *rows;
	int			matched[JPATTERN_MAX];
	JMatcher   *matcher = StateMatcher(fcinfo, &pattern, &rows);

	PG_RETURN_BOOL(matcher != NULL && JMatcherNext(matcher, matched));
}

Datum
sequence_count_final(PG_FUNCTION_ARGS)
{
	const JPattern *pattern;
	JStepRow   *rows;

	PG_RETURN_INT64(CountMatches(StateMatcher(fcinfo, &pattern, &rows)));
}

Datum
sequence_events_final(PG_FUNCTION_ARGS)
{
	const JPattern *pattern = NULL;
	JStepRow   *rows;
	JMatcher   *matcher = StateMatcher(fcinfo, &pattern, &rows);

	PG_RETURN_DATUM(FirstMatch(matcher, pattern, rows));
}

/* sequence_match(timeline, pattern text, steps text[]) and its sisters */
Datum
sequence_match_timeline(PG_FUNCTION_ARGS)
{
	const JPattern *pattern;
	JStepRow   *rows;
	int			matched[JPATTERN_MAX];

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_BOOL(JMatcherNext(TimelineMatcher(fcinfo, &pattern, &rows), matched));
}

Datum
sequence_count_timeline(PG_FUNCTION_ARGS)
{
	const JPattern *pattern;
	JStepRow   *rows;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_INT64(CountMatches(TimelineMatcher(fcinfo, &pattern, &rows)));
}

Datum
sequence_events_timeline(PG_FUNCTION_ARGS)
{
	const JPattern *pattern;
	JStepRow   *rows;
	JMatcher   *matcher;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	matcher = TimelineMatcher(fcinfo, &pattern, &rows);
	PG_RETURN_DATUM(FirstMatch(matcher, pattern, rows));
}

/* ------------------------------------------------------------------------------------------------
 * next_event, previous_event
 * ------------------------------------------------------------------------------------------------ */

typedef enum JBase
{
	JBASE_HEAD,
	JBASE_TAIL,
	JBASE_FIRST_MATCH,
	JBASE_LAST_MATCH
} JBase;

typedef struct JNeighbourCall
{
	JSteps		steps;
	JBase		base;
} JNeighbourCall;

static void *
CompileNeighbour(FunctionCallInfo fcinfo)
{
	static const char *const bases[] = {"head", "tail", "first_match", "last_match", NULL};
	JNeighbourCall *call = palloc0_object(JNeighbourCall);
	char	   *base;

	if (PG_ARGISNULL(2))
		JNullArgument("base");
	JStepsAddArray(&call->steps, fcinfo, 1, "steps");
	base = text_to_cstring(PG_GETARG_TEXT_PP(2));
	for (call->base = 0; bases[call->base] != NULL; call->base++)
		if (strcmp(bases[call->base], base) == 0)
			return call;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown base \"%s\"", base),
			 errhint("Known are %s.", JDefNames(bases))));
}

/* The event from which the steps are looked at; -1 where there is none. */
static int
FindBase(JBase base, const uint64 *masks, int n)
{
	if (base == JBASE_HEAD || base == JBASE_TAIL)
		return base == JBASE_HEAD ? 0 : n - 1;
	if (base == JBASE_FIRST_MATCH)
	{
		for (int i = 0; i < n; i++)
			if (masks[i] & 1)
				return i;
		return -1;
	}
	for (int i = n - 1; i >= 0; i--)
		if (masks[i] & 1)
			return i;
	return -1;
}

static Datum
Neighbour(FunctionCallInfo fcinfo, int direction)
{
	JNeighbourCall *call = JCompiled(fcinfo, 1, "vv", CompileNeighbour);
	JStr	   *channels;
	JEvent	   *events;
	uint64	   *masks;
	int			n;
	int			at;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	events = JTimelineAll(PG_GETARG_TIMELINE_PP(0), &n,
						  call->steps.asks[JASPECT_CHANNEL] != 0 ? &channels : NULL);
	masks = palloc_extended(sizeof(uint64) * Max((Size) n, 1), MCXT_ALLOC_HUGE);
	JStepsBegin(&call->steps);
	for (int i = 0; i < n; i++)
		masks[i] = JStepsMatch(&call->steps, &events[i],
							   call->steps.asks[JASPECT_CHANNEL] != 0 ? channels[i] : JSTR_NULL);
	at = FindBase(call->base, masks, n);
	for (int step = 0; step < call->steps.n; step++, at += direction)
		if (at < 0 || at >= n || (masks[at] >> step & 1) == 0)
			PG_RETURN_NULL();
	if (at < 0 || at >= n)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(JStrGetDatum(JEventLabel(&events[at])));
}

/* next_event(timeline, steps text[], base text) */
Datum
next_event(PG_FUNCTION_ARGS)
{
	return Neighbour(fcinfo, 1);
}

/* previous_event(timeline, steps text[], base text) */
Datum
previous_event(PG_FUNCTION_ARGS)
{
	return Neighbour(fcinfo, -1);
}
