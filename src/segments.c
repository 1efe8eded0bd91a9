/*
 * segments.c
 *		SQL: segments of persons, for the model that keeps who is in them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "definition.h"
#include "segments_core.h"
#include "steps.h"
#include "timeline.h"

PG_FUNCTION_INFO_V1(journey_check_segments);
PG_FUNCTION_INFO_V1(journey_segment_window);
PG_FUNCTION_INFO_V1(journey_segment_stretches);

/* The segments of argument 0. Errors call them by their names: big spenders.all[1].last. */
static void *
CompileSegments(FunctionCallInfo fcinfo)
{
	JDefError	error = {0};
	JSegments  *segments;

	if (PG_ARGISNULL(0))
		JNullArgument("segments");
	segments = JSegmentsCompile(JDefFromJsonb(PG_GETARG_JSONB_P(0), "", "segment"), &error);
	JDefCheck(&error, "segment");
	return segments;
}

/* The names that conditions on the profile have, below a node. */
static ArrayBuildState *
AddNames(ArrayBuildState *names, const JSegmentNode *node)
{
	for (int i = 0; i < node->profile.n; i++)
	{
		JStr		name = node->profile.conditions[i].name;

		names = accumArrayResult(names, PointerGetDatum(cstring_to_text_with_len(name.data, name.len)), false,
								 TEXTOID, CurrentMemoryContext);
	}
	if (node->nodes != NULL)
		for (int i = 0; i < node->n; i++)
			names = AddNames(names, &node->nodes[i]);
	return names;
}

/* _check_segments(segments jsonb, OUT profile_names text[], OUT asks_for_events boolean) */
Datum
journey_check_segments(PG_FUNCTION_ARGS)
{
	JSegments  *segments = CompileSegments(fcinfo);
	ArrayBuildState *names = NULL;
	TupleDesc	tupdesc;
	Datum		values[2];
	bool		nulls[2] = {false};
	bool		asks = false;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	for (int i = 0; i < segments->n; i++)
		names = AddNames(names, &segments->segment[i].root);
	for (int i = 0; i < segments->n_steps; i++)
		asks |= segments->steps[i]->n > 0;
	values[0] = names == NULL ? PointerGetDatum(construct_empty_array(TEXTOID)) :
		makeArrayResult(names, CurrentMemoryContext);
	values[1] = BoolGetDatum(asks);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls));
}

/* ------------------------------------------------------------------------------------------------
 * persons
 * ------------------------------------------------------------------------------------------------ */

/* What both functions on persons have: the arguments segments, first_at, profile, and from `known` on what is known. */
typedef struct JPerson
{
	const JSegments *segments;
	JSegmentInput input;		/* without rows */
	JSegmentKnown *known;		/* by segment; NULL: nothing */
} JPerson;

static Datum *
ArrayElements(FunctionCallInfo fcinfo, int arg, Oid type, int *n)
{
	Datum	   *elements;
	bool	   *nulls;

	if (PG_ARGISNULL(arg))
		JNullArgument("known");
	if (type == TEXTOID)
		deconstruct_array(PG_GETARG_ARRAYTYPE_P(arg), TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, n);
	else if (type == INT4OID)
		deconstruct_array(PG_GETARG_ARRAYTYPE_P(arg), INT4OID, 4, true, TYPALIGN_INT, &elements, &nulls, n);
	else
		deconstruct_array(PG_GETARG_ARRAYTYPE_P(arg), TIMESTAMPTZOID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
						  &elements, &nulls, n);
	for (int i = 0; i < *n; i++)
		if (nulls[i])
			JNullArgument("known");
	return elements;
}

/* Nothing is known yet of a person in some segments, but in which stretch of time events changed. */
static JSegmentKnown *
NewKnown(FunctionCallInfo fcinfo, int arg, const JSegments *segments)
{
	JSegmentKnown *known = palloc0_array(JSegmentKnown, Max(segments->n, 1));
	bool		changed = !PG_ARGISNULL(arg) && !PG_ARGISNULL(arg + 1);

	for (int i = 0; i < segments->n; i++)
	{
		known[i].changed = changed;
		known[i].from = changed ? PG_GETARG_TIMESTAMPTZ(arg) : 0;
		known[i].to = changed ? PG_GETARG_TIMESTAMPTZ(arg + 1) : 0;
		known[i].facts = palloc_array(int64, Max(segments->segment[i].n_facts, 1));
		for (int j = 0; j < segments->segment[i].n_facts; j++)
			known[i].facts[j] = PG_INT64_MAX;
	}
	return known;
}

/*
 * Arguments from `arg` on: from_at, to_at, and as arrays the rows of _segment_members: segment, fact, valid_from,
 * valid_to, those of a segment in a row and in order of time.
 */
static JSegmentKnown *
ReadKnown(FunctionCallInfo fcinfo, int arg, const JSegments *segments)
{
	int			n[4];
	Datum	   *segment = ArrayElements(fcinfo, arg + 2, TEXTOID, &n[0]);
	Datum	   *fact = ArrayElements(fcinfo, arg + 3, INT4OID, &n[1]);
	Datum	   *from = ArrayElements(fcinfo, arg + 4, TIMESTAMPTZOID, &n[2]);
	Datum	   *to = ArrayElements(fcinfo, arg + 5, TIMESTAMPTZOID, &n[3]);
	JSegmentKnown *known = NewKnown(fcinfo, arg, segments);
	int			at = 0;

	if (n[0] != n[1] || n[0] != n[2] || n[0] != n[3])
		elog(ERROR, "arrays of what is known differ in length");
	for (int i = 0; i < n[0]; i++)
	{
		JStr		name = JStrFromText(DatumGetTextPP(segment[i]));
		int			number = DatumGetInt32(fact[i]);
		int			tried = 0;

		/* usually that of the row before */
		for (; tried < segments->n && !JStrEqual(segments->segment[at].name, name); tried++)
			at = (at + 1) % segments->n;
		if (tried == segments->n)
			continue;
		if (number > 0 && number <= segments->segment[at].n_facts)
			known[at].facts[number - 1] = DatumGetTimestampTz(from[i]);
		else if (number == 0)
		{
			JStretches *stretches = &known[at].stretches;

			if (stretches->items == NULL)
				stretches->items = palloc_array(JStretch, n[0]);
			stretches->items[stretches->n++] = (JStretch) {
				DatumGetTimestampTz(from[i]), DatumGetTimestampTz(to[i])
			};
			if (segments->segment[at].is_fact)
				known[at].facts[0] = stretches->items[0].from;
		}
	}
	return known;
}

/* The columns segments, first_at and profile stand at the arguments given. */
static JPerson
ReadPerson(FunctionCallInfo fcinfo, int first_at, int profile)
{
	JPerson		person = {.segments = JCompiled(fcinfo, 0, "v", CompileSegments)};

	person.input.first_at = PG_ARGISNULL(first_at) ? DT_NOBEGIN : PG_GETARG_TIMESTAMPTZ(first_at);
	person.input.profile = JSTR_NULL;
	if (!PG_ARGISNULL(profile))
	{
		Jsonb	   *jsonb = PG_GETARG_JSONB_P(profile);

		person.input.profile = JStrFromCString(JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb)));
	}
	return person;
}

/*
 * _segment_window(segments jsonb, first_at timestamptz, profile jsonb, from_at timestamptz, to_at timestamptz,
 * known_segment text[], known_fact integer[], known_from timestamptz[], known_to timestamptz[],
 * OUT read_from timestamptz, OUT read_to timestamptz): NULL where no event must be read.
 */
Datum
journey_segment_window(PG_FUNCTION_ARGS)
{
	JPerson		person = ReadPerson(fcinfo, 1, 2);
	JSegmentKnown *known = ReadKnown(fcinfo, 3, person.segments);
	TupleDesc	tupdesc;
	int64		from = PG_INT64_MAX;
	int64		to = PG_INT64_MIN;
	Datum		values[2];
	bool		nulls[2];

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	for (int i = 0; i < person.segments->n; i++)
	{
		const JSegment *segment = &person.segments->segment[i];
		JSegmentPlan plan = JSegmentPlanFor(segment, &person.input, &known[i]);

		if (plan.kind == JSEG_KEEP || person.segments->steps[segment->steps]->n == 0)
			continue;
		from = Min(from, plan.read_from);
		to = Max(to, plan.read_to);
	}
	values[0] = TimestampTzGetDatum(from);
	values[1] = TimestampTzGetDatum(to);
	nulls[0] = nulls[1] = from > to;
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls));
}

static void
PutStretch(ReturnSetInfo *rsinfo, const JSegment *segment, int fact, int64 from, int64 to)
{
	Datum		values[4];
	bool		nulls[4] = {false};

	values[0] = PointerGetDatum(cstring_to_text_with_len(segment->name.data, segment->name.len));
	values[1] = Int32GetDatum(fact);
	values[2] = TimestampTzGetDatum(from);
	values[3] = TimestampTzGetDatum(to);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/*
 * _segment_stretches(segments jsonb, timeline, first_at timestamptz, profile jsonb): a row for each stretch of a
 * person in a segment, as fact 0, and for each fact that holds. The timeline may be NULL where nobody asks for
 * events. With the arguments of _segment_window() behind, what is known stays where no change reaches.
 */
Datum
journey_segment_stretches(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	JPerson		person;
	JSegmentKnown *known;
	JStepRow   *rows = NULL;
	int			n = 0;
	int			read = -1;		/* the list of steps whose rows these are */

	InitMaterializedSRF(fcinfo, 0);
	person = ReadPerson(fcinfo, 2, 3);
	known = PG_NARGS() > 4 ? ReadKnown(fcinfo, 4, person.segments) : NULL;
	for (int i = 0; i < person.segments->n; i++)
	{
		const JSegment *segment = &person.segments->segment[i];
		JSteps	   *steps = person.segments->steps[segment->steps];
		JSegmentPlan plan = {.kind = JSEG_WHOLE};
		int64	   *facts = palloc_array(int64, Max(segment->n_facts, 1));
		JStretches	stretches;

		if (known != NULL)
			plan = JSegmentPlanFor(segment, &person.input, &known[i]);
		if (plan.kind != JSEG_KEEP && segment->steps != read)
		{
			if (steps->n > 0 && !PG_ARGISNULL(1))
				rows = JTimelineRows(PG_GETARG_TIMELINE_PP(1), steps, false, 0, &n);
			read = segment->steps;
		}
		person.input.rows = rows;
		person.input.n = steps->n > 0 ? n : 0;
		stretches = JSegmentStretches(segment, &person.input, &plan, known != NULL ? &known[i] : NULL, facts);
		for (int j = 0; j < stretches.n; j++)
			PutStretch(rsinfo, segment, 0, stretches.items[j].from, stretches.items[j].to);
		for (int j = 0; j < segment->n_facts && !segment->is_fact; j++)
			if (facts[j] != PG_INT64_MAX)
				PutStretch(rsinfo, segment, j + 1, facts[j], PG_INT64_MAX);
	}
	return (Datum) 0;
}
