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

/*
 * _segment_stretches(segments jsonb, timeline, first_at timestamptz, profile jsonb): a row for each stretch of a
 * person in a segment. The timeline may be NULL where none of them asks for events.
 */
Datum
journey_segment_stretches(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	JSegments  *segments;
	JStr		profile = JSTR_NULL;
	JStepRow   *rows = NULL;
	int			n = 0;
	int			read = -1;		/* the list of steps whose rows these are */

	InitMaterializedSRF(fcinfo, 0);
	segments = JCompiled(fcinfo, 0, "v", CompileSegments);
	if (!PG_ARGISNULL(3))
	{
		Jsonb	   *jsonb = PG_GETARG_JSONB_P(3);

		profile = JStrFromCString(JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb)));
	}
	for (int i = 0; i < segments->n; i++)
	{
		const JSegment *segment = &segments->segment[i];
		JSteps	   *steps = segments->steps[segment->steps];
		JStretches	stretches;
		Datum		values[3];
		bool		nulls[3] = {false};

		if (segment->steps != read && steps->n > 0 && !PG_ARGISNULL(1))
			rows = JTimelineRows(PG_GETARG_TIMELINE_PP(1), steps, false, 0, &n);
		read = segment->steps;
		stretches = JSegmentStretches(segment, rows, steps->n > 0 ? n : 0, profile,
									  PG_ARGISNULL(2) ? DT_NOBEGIN : PG_GETARG_TIMESTAMPTZ(2));
		values[0] = PointerGetDatum(cstring_to_text_with_len(segment->name.data, segment->name.len));
		for (int j = 0; j < stretches.n; j++)
		{
			values[1] = TimestampTzGetDatum(stretches.items[j].from);
			values[2] = TimestampTzGetDatum(stretches.items[j].to);
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		}
		pfree(stretches.items);
	}
	return (Datum) 0;
}
