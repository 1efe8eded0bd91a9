/*
 * paths.c
 *		SQL: the path through a timeline, the paths of its sessions, and regular expressions over it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "path_regex_core.h"
#include "paths_core.h"
#include "session_options.h"
#include "session_sql.h"
#include "steps.h"
#include "timeline.h"

PG_FUNCTION_INFO_V1(journey_paths);
PG_FUNCTION_INFO_V1(session_path);
PG_FUNCTION_INFO_V1(path_regex);

static Datum
LabelsDatum(const JPathNode *nodes, int n)
{
	Datum	   *values = palloc_array(Datum, Max(n, 1));

	for (int i = 0; i < n; i++)
		values[i] = JStrGetDatum(nodes[i].label);
	return PointerGetDatum(construct_array(values, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Reads {"of": ["pages", "events", "channels"], "repeats": false}. */
static JPathParts
ReadParts(Jsonb *jsonb)
{
	static const char *const known[] = {"of", "repeats", NULL};
	JDefError	error = {0};
	JDef	   *def = JDefFromJsonb(jsonb, "options", "path options");
	JPathParts	parts = {.pages = true, .events = true};
	JStr	   *names;
	int			n;

	JDefCheckKeys(def, known, &error);
	parts.repeats = JDefBool(JDefMember(def, "repeats"), false, &error);
	if (JDefMember(def, "of") != NULL)
	{
		n = JDefStrings(JDefMember(def, "of"), &names, &error);
		parts.pages = parts.events = false;
		for (int i = 0; i < n && error.code == NULL; i++)
		{
			if (JStrEqual(names[i], JSTR_LIT("pages")))
				parts.pages = true;
			else if (JStrEqual(names[i], JSTR_LIT("events")))
				parts.events = true;
			else if (JStrEqual(names[i], JSTR_LIT("channels")))
				parts.channels = true;
			else
				JDefFail(&error, J_DEF_VALUE, JDefMember(def, "of"),
						 "Known are pages, events, channels.", "\"%.*s\" is not known",
						 names[i].len, names[i].data);
		}
		if (n == 0)
			JDefFail(&error, J_DEF_VALUE, JDefMember(def, "of"),
					 "Known are pages, events, channels.", "it is empty");
	}
	JDefCheck(&error, "path options");
	return parts;
}

/* ------------------------------------------------------------------------------------------------
 * paths
 * ------------------------------------------------------------------------------------------------ */

typedef struct JPathsCall
{
	JSteps		steps;
	uint64		start;			/* bits of the steps; 0 where not asked */
	uint64		end;
	int			depth;
	JPathParts	parts;
} JPathsCall;

static void *
CompilePaths(FunctionCallInfo fcinfo)
{
	JPathsCall *call = palloc0_object(JPathsCall);

	if (PG_ARGISNULL(3) || PG_ARGISNULL(4))
		JNullArgument(PG_ARGISNULL(3) ? "depth" : "options");
	if (!PG_ARGISNULL(1))
	{
		call->start = UINT64CONST(1) << call->steps.n;
		JStepsAddText(&call->steps, fcinfo, 1, "start_at");
	}
	if (!PG_ARGISNULL(2))
	{
		call->end = UINT64CONST(1) << call->steps.n;
		JStepsAddText(&call->steps, fcinfo, 2, "end_at");
	}
	call->depth = PG_GETARG_INT32(3);
	if (call->depth < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("depth must be at least 1: %d", call->depth)));
	call->parts = ReadParts(PG_GETARG_JSONB_P(4));
	return call;
}

/* Finds the events from .. to - 1 of the path; false if what it starts or ends at is not there. */
static bool
FindStretch(JPathsCall *call, const JEvent *events, const JStr *channels, int n, int *from,
			int *to)
{
	bool		found = call->start == 0;

	*from = 0;
	*to = n;
	if (call->steps.n == 0)
		return true;
	JStepsBegin(&call->steps);
	for (int i = 0; i < n; i++)
	{
		uint64		mask = JStepsMatch(&call->steps, &events[i],
									   channels != NULL ? channels[i] : JSTR_NULL);

		if (!found)
		{
			found = (mask & call->start) != 0;
			*from = i;
			if (found && call->end == 0)
				return true;
		}
		else if (mask & call->end)
		{
			*to = i + 1;
			return true;
		}
	}
	return call->end == 0 && found;
}

/* paths(timeline, start_at text, end_at text, depth integer, options jsonb) */
Datum
journey_paths(PG_FUNCTION_ARGS)
{
	JPathsCall *call = JCompiled(fcinfo, 1, "vvnv", CompilePaths);
	bool		ask_channels = call->parts.channels || call->steps.asks[JASPECT_CHANNEL] != 0;
	JStr	   *channels = NULL;
	JEvent	   *events;
	JPathNode  *nodes;
	int			n,
				from,
				to;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	events = JTimelineAll(PG_GETARG_TIMELINE_PP(0), &n, ask_channels ? &channels : NULL);
	if (!FindStretch(call, events, channels, n, &from, &to))
		PG_RETURN_NULL();
	nodes = palloc_extended(sizeof(JPathNode) * Max(2 * (Size) (to - from), 1), MCXT_ALLOC_HUGE);
	n = JPathNodes(&call->parts, events, channels, from, to,
				   call->start == 0 || (call->start & call->steps.asks[JASPECT_CHANNEL]) != 0,
				   nodes);
	/* a path that ends at a channel ends before the page that the visit began with */
	if ((call->end & call->steps.asks[JASPECT_CHANNEL]) && n > 1 && !nodes[n - 1].channel &&
		nodes[n - 2].channel)
		n--;
	if (n > call->depth && call->start == 0 && call->end != 0)
		nodes += n - call->depth;
	PG_RETURN_DATUM(LabelsDatum(nodes, Min(n, call->depth)));
}

/* ------------------------------------------------------------------------------------------------
 * session_path
 * ------------------------------------------------------------------------------------------------ */

typedef struct JSessionPathCall
{
	JSqlOptions options;
	JPathParts	parts;
} JSessionPathCall;

static void *
CompileSessionPath(FunctionCallInfo fcinfo)
{
	JSessionPathCall *call = palloc0_object(JSessionPathCall);

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		JNullArgument(PG_ARGISNULL(1) ? "timeout" : "options");
	JInitSqlOptions(&call->options);
	call->options.session.timeout = JIntervalMicroseconds(PG_GETARG_INTERVAL_P(1), "timeout");
	call->parts = ReadParts(PG_GETARG_JSONB_P(2));
	return call;
}

/* Where sessions begin among the events of one visitor. */
typedef struct JSessionMark
{
	int			from;
	int64		ended_at;
	JUuid		id;
	JStr		channel;
} JSessionMark;

typedef struct JMarkSink
{
	const JEvent *events;
	int			at;
	JSessionMark *marks;
	int			n;
	int			allocated;
} JMarkSink;

static void
MarkSession(const JPart *part, int64 number, void *arg)
{
	JMarkSink  *sink = arg;
	const JPartTouch *touch = JPartMainTouch(part);

	while (sink->events[sink->at].time != part->started_at ||
		   !JStrEqual(sink->events[sink->at].field[JF_EVENT_ID], part->first_event_id))
		sink->at++;
	if (sink->n == sink->allocated)
	{
		sink->allocated = Max(sink->allocated * 2, 16);
		sink->marks = sink->marks == NULL ?
			palloc(sizeof(JSessionMark) * sink->allocated) :
			repalloc_huge(sink->marks, sizeof(JSessionMark) * (Size) sink->allocated);
	}
	sink->marks[sink->n++] = (JSessionMark) {
		sink->at, part->ended_at, part->id,
		touch != NULL ? touch->touch->channel : JSTR_LIT("Direct")
	};
}

/* The rows of one visitor. `channels` are those of the events' tags. */
static void
PutSessionPaths(ReturnSetInfo *rsinfo, const JSessionPathCall *call, JEvent *events,
				const JStr *channels, int n)
{
	JMarkSink	sink = {.events = events};
	JPathNode  *nodes = palloc_extended(sizeof(JPathNode) * 2 * (Size) n, MCXT_ALLOC_HUGE);

	JSessionsOf(&call->options.session, events, n, MarkSession, &sink);
	for (int i = 0; i < sink.n; i++)
	{
		const JSessionMark *mark = &sink.marks[i];
		int			to = i + 1 < sink.n ? sink.marks[i + 1].from : n;
		Datum		values[6];
		bool		nulls[6] = {false};

		while (to > mark->from && events[to - 1].time > mark->ended_at)
			to--;
		JSetUuid(values, nulls, 0, &mark->id);
		JSetStr(values, nulls, 1, events[0].field[JF_VISITOR_ID]);
		values[2] = Int64GetDatum(i + 1);
		values[3] = TimestampTzGetDatum(events[mark->from].time);
		values[4] = JStrGetDatum(mark->channel);
		values[5] = LabelsDatum(nodes, JPathNodes(&call->parts, events, channels, mark->from, to,
												  true, nodes));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
}

/* session_path(timeline, timeout interval, options jsonb) */
Datum
session_path(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	JSessionPathCall *call;
	JStr	   *channels = NULL;
	JEvent	   *events;
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	call = JCompiled(fcinfo, 1, "iv", CompileSessionPath);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	events = JTimelineAll(PG_GETARG_TIMELINE_PP(0), &n, NULL);
	events = JEventsByVisitor(events, n);
	if (call->parts.channels)
		channels = JEventChannels(events, n, &call->options.session);
	for (int from = 0, to; from < n; from = to)
	{
		to = JVisitorEnd(events, n, from);
		PutSessionPaths(rsinfo, call, events + from, channels == NULL ? NULL : channels + from,
						to - from);
	}
	return (Datum) 0;
}

/* ------------------------------------------------------------------------------------------------
 * path_regex
 * ------------------------------------------------------------------------------------------------ */

typedef struct JRegexCall
{
	JSteps		steps;			/* one for each symbol */
	JStr		names[JSTEPS_MAX];
	JRegex		regex;
	bool		overlapping;
} JRegexCall;

/* Takes 'name := step' apart, as one adds symbols. */
static void
AddSymbol(JRegexCall *call, JStr text, int number)
{
	char	   *copy = pnstrdup(text.data, text.len);
	char	   *step = strstr(copy, ":=");
	char	   *name = copy + strspn(copy, " \t\r\n");
	char	   *end;
	JStr	   *symbol = &call->names[call->steps.n];

	if (call->steps.n == JSTEPS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many symbols"),
				 errdetail("There may be %d at most.", JSTEPS_MAX)));
	for (end = name; (*end >= 'a' && *end <= 'z') || (*end >= 'A' && *end <= 'Z') ||
		 (*end >= '0' && *end <= '9') || *end == '_' || IS_HIGHBIT_SET(*end); end++)
		*end = (char) JLower((unsigned char) *end);
	if (step == NULL || end == name || end + strspn(end, " \t\r\n") != step)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid symbol \"%s\"", JShort(text)),
				 errhint("Write a name, := and a step: 'buy := Order Completed'.")));
	*symbol = (JStr) {name, (int32) (end - name)};
	for (int i = 0; i < call->steps.n; i++)
		if (JStrEqual(call->names[i], *symbol))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("symbol \"%.*s\" is defined twice", symbol->len, symbol->data)));
	step += 2;
	step += strspn(step, " \t\r\n");
	JStepsAdd(&call->steps, JStepFromSql(JStrFromCString(step), psprintf("symbols[%d]", number)));
}

static void
ReadSymbols(JRegexCall *call, ArrayType *array)
{
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("symbols must not be empty")));
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			JNullArgument(psprintf("symbols[%d]", i + 1));
		AddSymbol(call, JStrFromText(DatumGetTextPP(elements[i])), i + 1);
	}
}

static void *
CompileRegex(FunctionCallInfo fcinfo)
{
	static const char *const known[] = {"overlapping", "syntax", NULL};
	static const char *const syntaxes[] = {"madlib", "npath", NULL};
	JRegexCall *call = palloc0_object(JRegexCall);
	JDefError	error = {0};
	JRegexError wrong;
	JDef	   *def;
	JStr		pattern;
	int			syntax;

	for (int i = 1; i < 4; i++)
		if (PG_ARGISNULL(i))
			JNullArgument(i == 1 ? "pattern" : i == 2 ? "symbols" : "options");
	ReadSymbols(call, PG_GETARG_ARRAYTYPE_P(2));
	def = JDefFromJsonb(PG_GETARG_JSONB_P(3), "options", "path_regex options");
	JDefCheckKeys(def, known, &error);
	call->overlapping = JDefBool(JDefMember(def, "overlapping"), false, &error);
	syntax = JDefChoice(JDefMember(def, "syntax"), 0, syntaxes, &error);
	JDefCheck(&error, "path_regex options");
	pattern = JStrFromText(PG_GETARG_TEXT_PP(1));
	if (!JRegexParse(pattern, call->names, call->steps.n, syntax == 1, &call->regex, &wrong))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid pattern \"%s\": %s", JShort(pattern), wrong.message),
				 errdetail("At byte %d.", wrong.at + 1),
				 errhint("A pattern is made of (symbol), [^(a)(b)], ., | * + ? {1,3} and parentheses.")));
	return call;
}

/* A row for each match: its number, times, length, symbols and labels. */
static void
PutMatch(ReturnSetInfo *rsinfo, const JRegexCall *call, const JEvent *events,
		 const uint8 *symbols, int number, int from, int to)
{
	Datum		values[6];
	bool		nulls[6] = {false};
	JPathNode  *nodes = palloc_array(JPathNode, to - from);

	values[0] = Int32GetDatum(number);
	values[1] = TimestampTzGetDatum(events[from].time);
	values[2] = TimestampTzGetDatum(events[to - 1].time);
	values[3] = Int32GetDatum(to - from);
	for (int i = from; i < to; i++)
		nodes[i - from].label = call->names[symbols[i]];
	values[4] = LabelsDatum(nodes, to - from);
	for (int i = from; i < to; i++)
		nodes[i - from].label = JEventLabel(&events[i]);
	values[5] = LabelsDatum(nodes, to - from);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	pfree(nodes);
	pfree(DatumGetPointer(values[4]));
	pfree(DatumGetPointer(values[5]));
}

/* path_regex(timeline, pattern text, symbols text[], options jsonb) */
Datum
path_regex(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	JRegexCall *call;
	JStr	   *channels = NULL;
	JEvent	   *events;
	uint8	   *symbols;
	int		   *ends;
	int			n;
	int			count = 0;
	int			number = 0;

	InitMaterializedSRF(fcinfo, 0);
	call = JCompiled(fcinfo, 1, "vvv", CompileRegex);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	events = JTimelineAll(PG_GETARG_TIMELINE_PP(0), &n,
						  call->steps.asks[JASPECT_CHANNEL] != 0 ? &channels : NULL);
	symbols = palloc_extended(Max(n, 1), MCXT_ALLOC_HUGE);
	JStepsBegin(&call->steps);
	for (int i = 0; i < n; i++)
	{
		uint64		mask = JStepsMatch(&call->steps, &events[i],
									   channels != NULL ? channels[i] : JSTR_NULL);

		/* what is no symbol is left out; of several the first counts */
		if (mask == 0)
			continue;
		events[count] = events[i];
		symbols[count++] = pg_rightmost_one_pos64(mask);
	}
	ends = JRegexEnds(&call->regex, symbols, count);
	for (int i = 0; i < count;)
	{
		CHECK_FOR_INTERRUPTS();
		if (ends[i] >= 0)
			PutMatch(rsinfo, call, events, symbols, ++number, i, ends[i]);
		i = ends[i] >= 0 && !call->overlapping ? ends[i] : i + 1;
	}
	return (Datum) 0;
}
