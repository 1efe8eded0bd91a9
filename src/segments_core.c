/*
 * segments_core.c
 *		Segments of persons: who is in by a definition, and since when.
 *
 * Each condition gives stretches of time, and all, any and not put them together. What an absence is
 * ("not") begins with the person's first event; a condition on the profile, of which nobody knows since
 * when it holds, is the whole of time or nothing.
 *
 * Facts that held before the first change hold still, since nothing before a change is touched by it.
 */
#include "segments_core.h"

#include "datatype/timestamp.h"

#include "funnel_core.h"
#include "time_core.h"

#define MAX_SEGMENTS 1000
#define MAX_NAME_BYTES 200		/* so that it fits into an index */
#define MAX_COUNT 1000000

/* ------------------------------------------------------------------------------------------------
 * stretches
 * ------------------------------------------------------------------------------------------------ */

static JStretches
NewStretches(int room)
{
	return (JStretches) {
		0, palloc_extended(sizeof(JStretch) * Max((Size) room, 1), MCXT_ALLOC_HUGE)
	};
}

/* Adds a stretch that begins with none before it, or later; one that touches the last prolongs it. */
static void
AddStretch(JStretches *list, int64 from, int64 to)
{
	JStretch   *last = list->n > 0 ? &list->items[list->n - 1] : NULL;

	if (from >= to)
		return;
	if (last != NULL && from <= last->to)
		last->to = Max(last->to, to);
	else
		list->items[list->n++] = (JStretch) {from, to};
}

static JStretches
Union(JStretches a, JStretches b)
{
	JStretches	result = NewStretches(a.n + b.n);

	for (int i = 0, j = 0; i < a.n || j < b.n;)
	{
		JStretch	s = j == b.n || (i < a.n && a.items[i].from < b.items[j].from) ? a.items[i++] : b.items[j++];

		AddStretch(&result, s.from, s.to);
	}
	return result;
}

static JStretches
Intersection(JStretches a, JStretches b)
{
	JStretches	result = NewStretches(a.n + b.n);

	for (int i = 0, j = 0; i < a.n && j < b.n;)
	{
		AddStretch(&result, Max(a.items[i].from, b.items[j].from), Min(a.items[i].to, b.items[j].to));
		if (a.items[i].to < b.items[j].to)
			i++;
		else
			j++;
	}
	return result;
}

/* What of the time from `begin` on is in none. */
static JStretches
Complement(JStretches a, int64 begin)
{
	JStretches	result = NewStretches(a.n + 1);

	for (int i = 0; i < a.n; i++)
	{
		AddStretch(&result, begin, a.items[i].from);
		begin = Max(begin, a.items[i].to);
	}
	AddStretch(&result, begin, PG_INT64_MAX);
	return result;
}

/* Until when something of a time counts. */
static int64
CountsUntil(int64 time, int64 last)
{
	return last == 0 || time >= END_TIMESTAMP - last ? PG_INT64_MAX : time + last;
}

/* ------------------------------------------------------------------------------------------------
 * events and funnels
 * ------------------------------------------------------------------------------------------------ */

/* When a step was done at least so often: since the last `without`, and of late. */
static JStretches
DoneAtLeast(const JSegmentNode *node, const JStepRow *rows, int n, int64 count)
{
	JStretches	result = NewStretches(n);
	uint64		bit = UINT64CONST(1) << node->step;
	uint64		without = node->without < 0 ? 0 : UINT64CONST(1) << node->without;
	int			newest = 0;		/* the row of the last one counted, and the next row after it */
	int64		counted = 0;
	int			end = 0;		/* the first `without` at the oldest one's time or later */

	/* for each row that is the oldest to count, the newest is `count` - 1 further on */
	for (int oldest = 0; oldest < n; oldest++)
	{
		int64		to;

		if ((rows[oldest].mask & bit) == 0 || rows[oldest].time < node->since || rows[oldest].time >= node->until)
			continue;
		for (; newest < n && counted < count; newest++)
			counted += (rows[newest].mask & bit) != 0 && rows[newest].time >= node->since &&
				rows[newest].time < node->until;
		if (counted < count)
			break;
		counted--;
		to = CountsUntil(rows[oldest].time, node->last);
		while (without != 0 && end < n &&
			   ((rows[end].mask & without) == 0 || rows[end].time < rows[oldest].time))
			end++;
		if (without != 0 && end < n)
			to = Min(to, rows[end].time);
		AddStretch(&result, rows[newest - 1].time, to);
	}
	return result;
}

/* One evaluation of a definition. */
typedef struct JEvaluation
{
	const JSegmentInput *input;
	const JSegmentKnown *known; /* facts before known->from are taken from it; NULL: none */
	int64	   *facts;			/* written */
	bool		has_facts;
} JEvaluation;

/* A fact that is known to hold, as stretches. */
static bool
HoldsStill(const JEvaluation *eval, int fact, JStretches *result)
{
	if (fact < 0 || eval->known == NULL || eval->known->facts[fact] >= eval->known->from)
		return false;
	*result = NewStretches(1);
	AddStretch(result, eval->known->facts[fact], PG_INT64_MAX);
	eval->facts[fact] = eval->known->facts[fact];
	return true;
}

/* Writes down since when a fact holds that was found out. */
static JStretches
NoteFact(const JEvaluation *eval, int fact, JStretches stretches)
{
	if (fact >= 0)
		eval->facts[fact] = stretches.n > 0 ? stretches.items[0].from : PG_INT64_MAX;
	return stretches;
}

static JStretches
CountStretches(const JEvaluation *eval, const JSegmentNode *node, int fact, int64 count)
{
	JStretches	result;

	if (HoldsStill(eval, fact, &result))
		return result;
	return NoteFact(eval, fact, DoneAtLeast(node, eval->input->rows, eval->input->n, count));
}

static JStretches
EventStretches(const JEvaluation *eval, const JSegmentNode *node)
{
	JStretches	result;

	if (node->at_most < 0)
		return CountStretches(eval, node, node->fact, node->at_least);
	result = Complement(CountStretches(eval, node, node->most_fact, node->at_most + 1), eval->input->first_at);
	if (node->at_least > 0)
		result = Intersection(result, CountStretches(eval, node, node->fact, node->at_least));
	return result;
}

/* From each time on at which an attempt comes to the funnel's end. */
static JStretches
FunnelStretches(const JEvaluation *eval, const JSegmentNode *node)
{
	const JStepRow *rows = eval->input->rows;
	int			n = eval->input->n;
	JFunnelRules rules = {
		.n_steps = node->n, .within = node->within, .once = true, .bounded = true,
		.since = node->since, .until = node->until
	};
	JStretches	result;
	JStepRow   *own;
	int64	   *ends;
	int			n_own = 0;
	int			n_ends;

	if (HoldsStill(eval, node->fact, &result))
		return result;
	result = NewStretches(n);
	own = palloc_extended(sizeof(JStepRow) * Max((Size) n, 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < n; i++)
	{
		uint64		mask = rows[i].mask >> node->step & ((UINT64CONST(1) << node->n) - 1);

		if (mask != 0)
			own[n_own++] = (JStepRow) {rows[i].time, mask};
	}
	ends = palloc_extended(sizeof(int64) * Max((Size) n_own, 1), MCXT_ALLOC_HUGE);
	n_ends = JFunnelEnds(&rules, own, n_own, ends);
	for (int i = 0; i < n_ends; i++)
		AddStretch(&result, ends[i], CountsUntil(ends[i], node->last));
	pfree(ends);
	pfree(own);
	return NoteFact(eval, node->fact, result);
}

static JStretches
NodeStretches(const JEvaluation *eval, const JSegmentNode *node)
{
	JStretches	result;

	CHECK_FOR_INTERRUPTS();
	switch (node->op)
	{
		case JSEG_EVENT:
			return EventStretches(eval, node);
		case JSEG_FUNNEL:
			return FunnelStretches(eval, node);
		case JSEG_PROFILE:
			result = NewStretches(1);
			if (JWhereHolds(&node->profile, eval->input->profile))
				AddStretch(&result, PG_INT64_MIN, PG_INT64_MAX);
			return NoteFact(eval, node->fact, result);
		default:
			break;
	}
	result = NodeStretches(eval, &node->nodes[0]);
	if (node->op == JSEG_NOT)
		return Complement(result, node->has_profile ? PG_INT64_MIN : eval->input->first_at);
	for (int i = 1; i < node->n; i++)
	{
		JStretches	other;

		/* what nothing can change any more; but facts are to be found out */
		if (node->op == JSEG_ALL && result.n == 0 && !eval->has_facts)
			break;
		other = NodeStretches(eval, &node->nodes[i]);
		result = node->op == JSEG_ALL ? Intersection(result, other) : Union(result, other);
	}
	return result;
}

/* ------------------------------------------------------------------------------------------------
 * what a change reaches
 * ------------------------------------------------------------------------------------------------ */

JSegmentPlan
JSegmentPlanFor(const JSegment *segment, const JSegmentInput *input, const JSegmentKnown *known)
{
	static const JSegmentPlan whole = {JSEG_WHOLE, PG_INT64_MIN, PG_INT64_MAX, PG_INT64_MIN, PG_INT64_MAX};
	JSegmentPlan plan = {.kind = JSEG_WINDOW, .from = known->from};

	/* what a profile is now it was always */
	for (int i = 0; i < segment->n_facts; i++)
	{
		const JSegmentNode *node = segment->facts[i].node;

		if (node->op == JSEG_PROFILE &&
			JWhereHolds(&node->profile, input->profile) != (known->facts[i] != PG_INT64_MAX))
			return whole;
	}
	if (!known->changed)
		return (JSegmentPlan) {.kind = JSEG_KEEP};
	/* where the first event changes, so do absences until what was the first */
	if (!segment->is_bounded || input->first_at >= known->from)
		return whole;
	plan.to = segment->reach == 0 ? known->to : CountsUntil(known->to, segment->reach);
	for (int i = 0; i < segment->n_facts; i++)
	{
		if (segment->facts[i].node->op == JSEG_PROFILE || known->facts[i] < known->from)
			continue;
		/* so many may have been there before */
		if (segment->facts[i].count > 1)
			return whole;
		plan.to = PG_INT64_MAX;
	}
	if (segment->reach == 0 && plan.to != PG_INT64_MAX)
		return (JSegmentPlan) {.kind = JSEG_KEEP};
	plan.read_from = known->from - segment->reach;
	plan.read_to = plan.to;
	return plan;
}

/* Adds what of some stretches lies in [from, to). */
static void
AddWithin(JStretches *list, JStretches stretches, int64 from, int64 to)
{
	for (int i = 0; i < stretches.n; i++)
		AddStretch(list, Max(stretches.items[i].from, from), Min(stretches.items[i].to, to));
}

JStretches
JSegmentStretches(const JSegment *segment, const JSegmentInput *input, const JSegmentPlan *plan,
				  const JSegmentKnown *known, int64 *facts)
{
	bool		window = plan != NULL && plan->kind == JSEG_WINDOW;
	JEvaluation eval = {input, window ? known : NULL, facts, segment->n_facts > 0};
	JStretches	result;
	JStretches	anew;

	if (plan != NULL && plan->kind == JSEG_KEEP)
	{
		memcpy(facts, known->facts, sizeof(int64) * segment->n_facts);
		return known->stretches;
	}
	anew = NodeStretches(&eval, &segment->root);
	if (!window)
		return anew;
	result = NewStretches(2 * known->stretches.n + anew.n);
	AddWithin(&result, known->stretches, PG_INT64_MIN, plan->from);
	AddWithin(&result, anew, plan->from, plan->to);
	AddWithin(&result, known->stretches, plan->to, PG_INT64_MAX);
	return result;
}

/* ------------------------------------------------------------------------------------------------
 * compiling
 * ------------------------------------------------------------------------------------------------ */

/* A length of time: numbers with units, such as "30 days" or "1 day 12 hours". */
static int64
ReadLength(const JDef *def, int64 absent, bool zero, JDefError *error)
{
	static const struct
	{
		const char *name;
		int64		length;
	}			units[] = {
		{"second", USECS_PER_SEC}, {"minute", USECS_PER_MINUTE}, {"hour", USECS_PER_HOUR},
		{"day", USECS_PER_DAY}, {"week", 7 * USECS_PER_DAY}
	};
	JStr		text = JDefString(def, error);
	int64		length = 0;
	bool		valid = text.len > 0;

	if (JStrIsNull(text))
		return absent;
	for (int i = 0; i < text.len && valid;)
	{
		int64		number = 0;
		int			from = i;
		int			unit = 0;
		int			len;

		for (; i < text.len && text.data[i] >= '0' && text.data[i] <= '9' && i - from < 9; i++)
			number = number * 10 + text.data[i] - '0';
		valid = i > from && i < text.len && text.data[i++] == ' ';
		for (from = i; i < text.len && text.data[i] != ' ';)
			i++;
		len = i > from && text.data[i - 1] == 's' ? i - from - 1 : i - from;
		while (unit < lengthof(units) &&
			   (len != (int) strlen(units[unit].name) || memcmp(text.data + from, units[unit].name, len) != 0))
			unit++;
		/* each number is below 1e9, and a week of microseconds below 1e12: no sum of the first overflows */
		valid = valid && unit < lengthof(units) && number <= INT64CONST(365000) * USECS_PER_DAY / units[unit].length;
		if (valid)
			length += number * units[unit].length;
		valid = valid && length <= INT64CONST(365000) * USECS_PER_DAY && (i == text.len || ++i < text.len);
	}
	if (!valid || (length == 0 && !zero))
		JDefFail(error, J_DEF_VALUE, def,
				 "Units are second, minute, hour, day (of 24 hours) and week; months and years have no fixed length.",
				 "it must be a length of time, such as \"30 days\", of at most 365000 days");
	return length;
}

static int64
ReadTime(const JDef *def, int64 absent, JDefError *error)
{
	JStr		text = JDefString(def, error);
	int64		time = absent;

	if (!JStrIsNull(text) && !JTimeFromIso(text, &time))
		JDefFail(error, J_DEF_VALUE, def, "Write it as \"2026-01-31T12:00:00Z\".", "it is no time");
	return time;
}

/* Adds a step that is a text or a definition; its bit. */
static int
AddStep(JSteps *steps, const JDef *def, JDefError *error)
{
	JStep		step = {.pattern = {JSTR_NULL}};

	if (def->type == JDEF_OBJECT)
		step = JStepFromDef(def, error);
	else
	{
		JStr		text = JDefString(def, error);

		if (error->code == NULL && text.len == 0)
			JDefFail(error, J_DEF_VALUE, def, "\"*\" is any event.", "a step must not be empty");
		if (error->code == NULL)
			step = JStepFromText(text);
	}
	if (steps->n == JSTEPS_ROOM)
		JDefFail(error, J_DEF_SIZE, def, NULL, "a segment has more than %d steps", JSTEPS_ROOM);
	if (error->code != NULL)
		return 0;
	JStepsAdd(steps, step);
	return steps->n - 1;
}

/* The members that say what an event must be, as a definition of their own. */
static JDef *
StepPart(const JDef *def)
{
	static const char *const step_keys[] = {"event", "kind", "page", "host", "channel", "where"};
	JDef	   *part = palloc_object(JDef);

	*part = *def;
	part->items = palloc_array(JDef, lengthof(step_keys));
	part->count = 0;
	for (int i = 0; i < lengthof(step_keys); i++)
	{
		const JDef *member = JDefMember(def, step_keys[i]);

		if (member != NULL)
			part->items[part->count++] = *member;
	}
	return part;
}

static void
ReadBounds(const JDef *def, JSegmentNode *node, JDefError *error)
{
	node->last = ReadLength(JDefMember(def, "last"), 0, false, error);
	node->since = ReadTime(JDefMember(def, "since"), PG_INT64_MIN, error);
	node->until = ReadTime(JDefMember(def, "until"), PG_INT64_MAX, error);
}

static void
CompileEvent(const JDef *def, JSteps *steps, JSegmentNode *node, JDefError *error)
{
	static const char *const known[] = {"event", "kind", "page", "host", "channel", "where", "at_least", "at_most",
	"last", "since", "until", "without", NULL};
	const JDef *without = JDefMember(def, "without");

	JDefCheckKeys(def, known, error);
	node->op = JSEG_EVENT;
	node->at_most = JDefInteger(JDefMember(def, "at_most"), -1, 0, MAX_COUNT, error);
	node->at_least = JDefInteger(JDefMember(def, "at_least"), node->at_most < 0 ? 1 : 0, 1, MAX_COUNT, error);
	if (node->at_most >= 0 && node->at_most < node->at_least)
		JDefFail(error, J_DEF_VALUE, def, NULL, "\"at_most\" is less than \"at_least\"");
	ReadBounds(def, node, error);
	node->step = AddStep(steps, StepPart(def), error);
	node->without = without == NULL ? -1 : AddStep(steps, without, error);
}

static void
CompileFunnel(const JDef *def, JSteps *steps, JSegmentNode *node, JDefError *error)
{
	static const char *const known[] = {"funnel", "within", "last", "since", "until", NULL};
	const JDef *list = JDefMember(def, "funnel");

	JDefCheckKeys(def, known, error);
	node->op = JSEG_FUNNEL;
	node->n = JDefArray(list, error);
	if (error->code == NULL && (node->n == 0 || node->n > JSTEPS_MAX))
		JDefFail(error, J_DEF_VALUE, list, NULL, "a funnel has 1 to %d steps", JSTEPS_MAX);
	node->within = ReadLength(JDefMember(def, "within"), 7 * USECS_PER_DAY, true, error);
	ReadBounds(def, node, error);
	node->step = steps->n;
	for (int i = 0; i < node->n && error->code == NULL; i++)
		(void) AddStep(steps, &list->items[i], error);
}

static void CompileNode(const JDef *def, JSteps *steps, JSegmentNode *node, JDefError *error);

static void
CompileList(const JDef *def, const char *key, JSegmentOp op, JSteps *steps, JSegmentNode *node, JDefError *error)
{
	const JDef *list = JDefMember(def, key);

	if (def->count != 1)
		JDefFail(error, J_DEF_UNKNOWN, def, "Put the others into a list of \"all\".",
				 "\"%s\" must stand alone in its object", key);
	node->op = op;
	node->n = op == JSEG_NOT ? 1 : JDefArray(list, error);
	if (error->code == NULL && node->n == 0)
		JDefFail(error, J_DEF_VALUE, list, NULL, "it must not be empty");
	node->nodes = palloc0_array(JSegmentNode, Max(node->n, 1));
	for (int i = 0; i < node->n && error->code == NULL; i++)
	{
		CompileNode(op == JSEG_NOT ? list : &list->items[i], steps, &node->nodes[i], error);
		node->has_profile |= node->nodes[i].has_profile;
	}
}

static void
CompileNode(const JDef *def, JSteps *steps, JSegmentNode *node, JDefError *error)
{
	static const char *const lists[] = {[JSEG_ALL] = "all", [JSEG_ANY] = "any", [JSEG_NOT] = "not"};
	static const char *const profile_keys[] = {"profile", NULL};

	if (def->type != JDEF_OBJECT)
		JDefFail(error, J_DEF_TYPE, def, NULL, "it must be an object");
	if (error->code != NULL)
		return;
	for (int i = 0; i < lengthof(lists); i++)
		if (JDefMember(def, lists[i]) != NULL)
		{
			CompileList(def, lists[i], i, steps, node, error);
			return;
		}
	if (JDefMember(def, "profile") != NULL)
	{
		JDefCheckKeys(def, profile_keys, error);
		node->op = JSEG_PROFILE;
		node->has_profile = true;
		node->profile = JWhereCompile(JDefMember(def, "profile"), error);
		if (error->code == NULL && node->profile.n == 0)
			JDefFail(error, J_DEF_VALUE, JDefMember(def, "profile"), NULL, "it must not be empty");
	}
	else if (JDefMember(def, "funnel") != NULL)
		CompileFunnel(def, steps, node, error);
	else if (StepPart(def)->count > 0)
		CompileEvent(def, steps, node, error);
	else
		JDefFail(error, J_DEF_MISSING, def,
				 "A condition has all, any, not, profile or funnel, or of an event its event, kind, page, host, channel or where.",
				 "it asks for nothing");
}

/* At most so many steps does a definition ask for. */
static int
CountSteps(const JDef *def)
{
	const JDef *funnel = JDefMember(def, "funnel");
	int			count = funnel != NULL ? funnel->count : (StepPart(def)->count > 0) + (JDefMember(def, "without") != NULL);

	if (def->type == JDEF_ARRAY || (def->type == JDEF_OBJECT && count == 0))
		for (int i = 0; i < def->count; i++)
			count += CountSteps(&def->items[i]);
	return count;
}

static int
AddFact(JSegment *segment, const JSegmentNode *node, int64 count)
{
	if (segment->facts == NULL)
		segment->facts = palloc_array(JSegmentFact, 8);
	else if (segment->n_facts >= 8 && (segment->n_facts & (segment->n_facts - 1)) == 0)
		segment->facts = repalloc(segment->facts, sizeof(JSegmentFact) * 2 * segment->n_facts);
	segment->facts[segment->n_facts] = (JSegmentFact) {node, count};
	return segment->n_facts++;
}

/* Numbers the facts of a definition, and finds out how far back it looks for all else. */
static void
FindReach(JSegment *segment, JSegmentNode *node)
{
	node->fact = node->most_fact = -1;
	switch (node->op)
	{
		case JSEG_PROFILE:
			node->fact = AddFact(segment, node, 0);
			break;
		case JSEG_EVENT:
			segment->reach = Max(segment->reach, node->last);
			if (node->last == 0 && node->without >= 0)
				segment->is_bounded = false;
			else if (node->last == 0)
			{
				if (node->at_least > 0)
					node->fact = AddFact(segment, node, node->at_least);
				if (node->at_most >= 0)
					node->most_fact = AddFact(segment, node, node->at_most + 1);
			}
			break;
		case JSEG_FUNNEL:
			segment->reach = Max(segment->reach, (int64) node->within + node->last);
			if (node->last == 0)
				node->fact = AddFact(segment, node, 1);
			break;
		default:
			for (int i = 0; i < node->n; i++)
				FindReach(segment, &node->nodes[i]);
	}
}

JSegments *
JSegmentsCompile(const JDef *object, JDefError *error)
{
	JSegments  *segments = palloc0_object(JSegments);
	JSteps	   *steps = NULL;

	if (object->type != JDEF_OBJECT)
		JDefFail(error, J_DEF_TYPE, object, NULL, "it must be an object of definitions by name");
	else if (object->count > MAX_SEGMENTS)
		JDefFail(error, J_DEF_SIZE, object, NULL, "there are more than %d segments", MAX_SEGMENTS);
	if (error->code != NULL)
		return segments;
	segments->segment = palloc0_array(JSegment, Max(object->count, 1));
	segments->steps = palloc_array(JSteps *, Max(object->count, 1));
	for (int i = 0; i < object->count && error->code == NULL; i++)
	{
		const JDef *def = &object->items[i];
		JSegment   *segment = &segments->segment[segments->n++];
		int			first_step;

		if (def->key.len == 0 || def->key.len > MAX_NAME_BYTES)
			JDefFail(error, J_DEF_VALUE, object, NULL, "a segment's name has 1 to %d bytes", MAX_NAME_BYTES);
		if (steps == NULL || steps->n + CountSteps(def) > JSTEPS_ROOM)
			segments->steps[segments->n_steps++] = steps = palloc0_object(JSteps);
		segment->name = def->key;
		segment->steps = segments->n_steps - 1;
		first_step = steps->n;
		CompileNode(def, steps, &segment->root, error);
		if (error->code != NULL)
			break;
		/* a channel depends on the session around the event */
		segment->is_bounded = first_step == JSTEPS_ROOM || steps->asks[JASPECT_CHANNEL] >> first_step == 0;
		FindReach(segment, &segment->root);
		segment->is_fact = segment->root.fact >= 0 && segment->root.most_fact < 0;
	}
	return segments;
}
