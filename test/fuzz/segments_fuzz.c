/*
 * segments_fuzz.c
 *		Random definitions of segments over random rows, under the sanitizers: who is in at a time, against asking
 *		condition by condition; and what is derived from what was known before a change, against the whole.
 *
 *		segments_fuzz ROUNDS SEED
 */
#include "segments_core.h"

#include "datatype/timestamp.h"

#define MAX_ROWS 14
#define MAX_TIME 24				/* seconds */
#define LAST_TIME 100			/* when nothing changes any more */

typedef struct Condition
{
	JSegmentOp	op;
	int			n;
	struct Condition *nodes[3];
	int			key;			/* of the profile */
	int			step;			/* bits, in the order of the text */
	int			without;
	int			at_least;
	int			at_most;
	int			last;			/* seconds */
	int			since;
	int			until;
	int			within;
	bool		has_profile;
} Condition;

static uint64 seed;

static uint32
Random(uint32 below)
{
	seed = seed * UINT64CONST(6364136223846793005) + UINT64CONST(1442695040888963407);
	return (uint32) (seed >> 33) % below;
}

static void
Check(bool condition, const char *what, const char *definition)
{
	if (condition)
		return;
	fprintf(stderr, "not so: %s: %s\n", what, definition);
	abort();
}

/* What a step asks for is not looked at here: rows come with their masks. */
JStep
JStepFromText(JStr text)
{
	return (JStep) {.pattern = {JSTR_NULL}};
}

JStep
JStepFromDef(const JDef *def, JDefError *error)
{
	return (JStep) {.pattern = {JSTR_NULL}};
}

void
JStepsAdd(JSteps *steps, JStep step)
{
	steps->n++;
}

/* ------------------------------------------------------------------------------------------------
 * definitions
 * ------------------------------------------------------------------------------------------------ */

static void
AppendTime(char **p, const char *key, int seconds)
{
	*p += sprintf(*p, ", \"%s\": \"2000-01-01T00:00:%02dZ\"", key, seconds);
}

static void
AppendBounds(char **p, Condition *c)
{
	if (Random(2))
		*p += sprintf(*p, ", \"last\": \"%d seconds\"", c->last = 1 + Random(8));
	if (Random(5) == 0)
		AppendTime(p, "since", c->since = Random(MAX_TIME));
	if (Random(5) == 0)
		AppendTime(p, "until", c->until = Random(MAX_TIME));
}

static void
AppendEvent(char **p, Condition *c, int *steps)
{
	c->op = JSEG_EVENT;
	c->step = (*steps)++;
	c->at_least = 1;
	*p += sprintf(*p, "{\"event\": \"x\"");
	if (Random(3) == 0)
	{
		c->at_most = Random(3);
		c->at_least = 0;
		*p += sprintf(*p, ", \"at_most\": %d", c->at_most);
	}
	if (Random(3) == 0)
	{
		c->at_least = 1 + Random(2);
		if (c->at_most >= 0 && c->at_most < c->at_least)
			c->at_least = c->at_most;
		if (c->at_least > 0)
			*p += sprintf(*p, ", \"at_least\": %d", c->at_least);
	}
	AppendBounds(p, c);
	if (Random(4) == 0)
	{
		c->without = (*steps)++;
		*p += sprintf(*p, ", \"without\": \"w\"");
	}
	*p += sprintf(*p, "}");
}

static void
AppendFunnel(char **p, Condition *c, int *steps)
{
	c->op = JSEG_FUNNEL;
	c->step = *steps;
	c->n = 1 + Random(3);
	*steps += c->n;
	*p += sprintf(*p, "{\"funnel\": [\"a\"%s%s]", c->n > 1 ? ", \"b\"" : "", c->n > 2 ? ", \"c\"" : "");
	*p += sprintf(*p, ", \"within\": \"%d seconds\"", c->within = Random(7));
	AppendBounds(p, c);
	*p += sprintf(*p, "}");
}

/* A random condition, and its text. */
static Condition *
MakeCondition(char **p, int depth, int *steps)
{
	static const char *const names[] = {"all", "any", "not"};
	Condition  *c = palloc0(sizeof(Condition));
	int			what = Random(depth > 2 ? 7 : 10);

	*c = (Condition) {.without = -1, .at_most = -1, .since = -1, .until = -1};
	if (what < 4)
		AppendEvent(p, c, steps);
	else if (what < 6)
		AppendFunnel(p, c, steps);
	else if (what == 6)
	{
		c->op = JSEG_PROFILE;
		c->has_profile = true;
		*p += sprintf(*p, "{\"profile\": {\"k%d\": true}}", c->key = Random(3));
	}
	else
	{
		c->op = what == 7 ? JSEG_ALL : what == 8 ? JSEG_ANY : JSEG_NOT;
		c->n = c->op == JSEG_NOT ? 1 : 1 + Random(3);
		*p += sprintf(*p, "{\"%s\": %s", names[what - 7], c->op == JSEG_NOT ? "" : "[");
		for (int i = 0; i < c->n; i++)
		{
			*p += sprintf(*p, "%s", i > 0 ? ", " : "");
			c->nodes[i] = MakeCondition(p, depth + 1, steps);
			c->has_profile |= c->nodes[i]->has_profile;
		}
		*p += sprintf(*p, "%s}", c->op == JSEG_NOT ? "" : "]");
	}
	return c;
}

/* ------------------------------------------------------------------------------------------------
 * who is in at a time, asked condition by condition
 * ------------------------------------------------------------------------------------------------ */

static bool
IsStep(const JStepRow *row, int step)
{
	return row->mask >> step & 1;
}

static bool
InBounds(const Condition *c, int64 time)
{
	return (c->since < 0 || time >= c->since * USECS_PER_SEC) && (c->until < 0 || time < c->until * USECS_PER_SEC);
}

static int
CountAt(const Condition *c, const JSegmentInput *in, int64 at)
{
	int			count = 0;

	for (int i = 0; i < in->n; i++)
	{
		int64		time = in->rows[i].time;
		bool		counts = IsStep(&in->rows[i], c->step) && time <= at && InBounds(c, time) &&
			(c->last == 0 || at < time + c->last * USECS_PER_SEC);

		for (int j = 0; j < in->n && counts; j++)
			if (c->without >= 0 && IsStep(&in->rows[j], c->without) && in->rows[j].time >= time && in->rows[j].time <= at)
				counts = false;
		count += counts;
	}
	return count;
}

/* Whether rows from step `step` on complete an attempt that has used some rows, at a time that counts. */
static bool
Completes(const Condition *c, const JSegmentInput *in, int step, int64 start, int64 time, uint64 used, int64 at)
{
	if (step == c->n)
		return c->last == 0 || at < time + c->last * USECS_PER_SEC;
	for (int i = 0; i < in->n; i++)
	{
		int64		then = in->rows[i].time;

		if (!IsStep(&in->rows[i], c->step + step) || (used >> i & 1) || then > at)
			continue;
		if (step == 0 ? !InBounds(c, then) : then < time || then - start > c->within * USECS_PER_SEC)
			continue;
		if (Completes(c, in, step + 1, step == 0 ? then : start, then, used | UINT64CONST(1) << i, at))
			return true;
	}
	return false;
}

static bool
Holds(const Condition *c, const JSegmentInput *in, int profile, int64 at)
{
	switch (c->op)
	{
		case JSEG_PROFILE:
			return profile >> c->key & 1;
		case JSEG_EVENT:
			if (c->at_most >= 0 && (at < in->first_at || CountAt(c, in, at) > c->at_most))
				return false;
			return CountAt(c, in, at) >= c->at_least;
		case JSEG_FUNNEL:
			return Completes(c, in, 0, 0, 0, 0, at);
		case JSEG_NOT:
			return (c->has_profile || at >= in->first_at) && !Holds(c->nodes[0], in, profile, at);
		default:
			for (int i = 0; i < c->n; i++)
				if (Holds(c->nodes[i], in, profile, at) != (c->op == JSEG_ALL))
					return c->op == JSEG_ANY;
			return c->op == JSEG_ALL;
	}
}

static bool
IsIn(JStretches stretches, int64 at)
{
	for (int i = 0; i < stretches.n; i++)
		if (stretches.items[i].from <= at && at < stretches.items[i].to)
			return true;
	return false;
}

/* ------------------------------------------------------------------------------------------------
 * a person, and a change
 * ------------------------------------------------------------------------------------------------ */

static JStepRow
RandomRow(int steps, int64 from, int64 to)
{
	JStepRow	row = {(from + Random(to - from + 1)) * USECS_PER_SEC, 0};

	for (int bits = Random(3); bits > 0 && steps > 0; bits--)
		row.mask |= UINT64CONST(1) << Random(steps);
	return row;
}

static JStr
ProfileText(int profile)
{
	char	   *text = palloc(100);

	sprintf(text, "{\"k0\": %s, \"k1\": %s, \"k2\": %s}", profile & 1 ? "true" : "false",
			profile & 2 ? "true" : "false", profile & 4 ? "true" : "false");
	return (JStr) {text, (int32) strlen(text)};
}

static JStretches
Whole(const JSegment *segment, const Condition *c, JSegmentInput *input, int profile, int64 *facts,
	  const char *text)
{
	JStretches	stretches;

	JStepRowsSort((JStepRow *) input->rows, input->n);
	input->first_at = input->rows[0].time;
	input->profile = ProfileText(profile);
	stretches = JSegmentStretches(segment, input, NULL, NULL, facts);
	for (int i = 0; i < stretches.n; i++)
		Check(stretches.items[i].from < stretches.items[i].to &&
			  (i == 0 || stretches.items[i - 1].to < stretches.items[i].from), "stretches are apart", text);
	for (int64 at = -2; at < LAST_TIME; at++)
	{
		Check(IsIn(stretches, at * USECS_PER_SEC) == Holds(c, input, profile, at * USECS_PER_SEC), "is in", text);
		Check(IsIn(stretches, at * USECS_PER_SEC - 1) == Holds(c, input, profile, at * USECS_PER_SEC - 1),
			  "is in just before", text);
	}
	return stretches;
}

/* The rows of `before` with other ones between two times. */
static int
Change(const JStepRow *before, int n, JStepRow *after, int steps, const JSegmentKnown *known)
{
	int			count = 0;
	int			more = known->changed ? Random(4) : 0;

	for (int i = 0; i < n; i++)
		if (!known->changed || before[i].time < known->from || before[i].time > known->to || Random(3))
			after[count++] = before[i];
	while (more-- > 0 && count < MAX_ROWS)
		after[count++] = RandomRow(steps, known->from / USECS_PER_SEC, known->to / USECS_PER_SEC);
	return count;
}

/* What the plan asks for, and now and then some of what is beside it. */
static int
Pick(const JSegmentInput *input, const JSegmentPlan *plan, JStepRow *read)
{
	int			slack = Random(6);
	int			n = 0;

	for (int i = 0; i < input->n; i++)
		if (plan->kind == JSEG_WHOLE ||
			(plan->kind == JSEG_WINDOW && input->rows[i].time >= plan->read_from - slack * USECS_PER_SEC &&
			 (plan->read_to == PG_INT64_MAX || input->rows[i].time <= plan->read_to + slack * USECS_PER_SEC)))
			read[n++] = input->rows[i];
	return n;
}

static int	plans[3];

static void
Round(void)
{
	char	   *text = palloc(20000);
	char	   *p = text + sprintf(text, "{\"s\": ");
	int			steps = 0;
	Condition  *c = MakeCondition(&p, 0, &steps);
	JDefError	error = {0};
	JSegments  *segments;
	const JSegment *segment;
	JStepRow	before[MAX_ROWS];
	JSegmentInput input = {.rows = before, .n = 1 + Random(MAX_ROWS)};
	JSegmentKnown known = {.changed = Random(10) > 0};
	int			profile = Random(8);
	JStr		document;

	sprintf(p, "}");
	document = (JStr) {text, (int32) strlen(text)};
	segments = JSegmentsCompile(JDefRead(document, "", JDefMemory(document), &error), &error);
	Check(error.code == NULL && segments->steps[0]->n == steps, "is a definition", text);
	segment = &segments->segment[0];
	for (int i = 0; i < input.n; i++)
		before[i] = RandomRow(Min(steps, JSTEPS_ROOM), 0, MAX_TIME);
	known.facts = palloc(sizeof(int64) * (segment->n_facts + 1));
	known.stretches = Whole(segment, c, &input, profile, known.facts, text);
	known.from = Random(MAX_TIME) * USECS_PER_SEC;
	known.to = known.from + Random(4) * USECS_PER_SEC;

	for (int again = 0; again < 6; again++)
	{
		JStepRow	after[MAX_ROWS];
		JStepRow	read[MAX_ROWS];
		JSegmentInput now = {.rows = after, .n = Change(before, input.n, after, steps, &known)};
		int64	   *facts = palloc(sizeof(int64) * (segment->n_facts + 1));
		int64	   *own_facts = palloc(sizeof(int64) * (segment->n_facts + 1));
		int			own_profile = Random(4) ? profile : (int) Random(8);
		JStretches	whole;
		JStretches	own;
		JSegmentPlan plan;

		if (now.n == 0)
			continue;
		whole = Whole(segment, c, &now, own_profile, facts, text);
		plan = JSegmentPlanFor(segment, &now, &known);
		plans[plan.kind]++;
		now.n = Pick(&now, &plan, read);
		now.rows = read;
		own = JSegmentStretches(segment, &now, &plan, &known, own_facts);
		Check(own.n == whole.n && memcmp(own.items, whole.items, sizeof(JStretch) * own.n) == 0,
			  "what was known and what changed give the whole", text);
		Check(memcmp(facts, own_facts, sizeof(int64) * segment->n_facts) == 0, "facts, too", text);
	}
}

int
main(int argc, char **argv)
{
	long		rounds = argc > 1 ? atol(argv[1]) : 1000;

	seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	for (long i = 0; i < rounds; i++)
		Round();
	printf("%d kept, %d windows, %d wholes\n", plans[JSEG_KEEP], plans[JSEG_WINDOW], plans[JSEG_WHOLE]);
	return plans[JSEG_KEEP] > 0 && plans[JSEG_WINDOW] > 0 && plans[JSEG_WHOLE] > 0 ? 0 : 1;
}
