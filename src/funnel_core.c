/*
 * funnel_core.c
 *		How far events come through the steps of a funnel.
 *
 * One pass over the times. For each level (steps done) the walk keeps the attempt with the latest
 * start that is there: a later start leaves more of the window, and an attempt that comes to a level
 * later never has an earlier start than the one before, so the newest is always the best. All rows
 * of one time are taken together. From which earlier levels a time's rows lead to a level is a
 * range, since what fills the steps i+1..j fills i+2..j too.
 */
#include "funnel_core.h"

#include "port/pg_bitutils.h"

#define STEP_BIT(step) (UINT64CONST(1) << ((step) - 1))

/* An attempt that has come to a level. */
typedef struct JAttempt
{
	bool		there;
	int64		start;
	int64		last;			/* time of its last step */
	int			before;			/* its level before that time */
} JAttempt;

/* The rows of one time. */
typedef struct JMoment
{
	int64		time;
	const JStepRow *rows;
	int			n;
	uint64		present;		/* what any of them is */
	int			foreign;		/* the greatest lowest step of a row; beyond all where a row is none */
} JMoment;

/* Takes the next moment, from rows[*at] on; false at the end. */
static bool
NextMoment(const JFunnelRules *rules, const JStepRow *rows, int n, int *at, JMoment *moment)
{
	uint64		all = STEP_BIT(rules->n_steps) | (STEP_BIT(rules->n_steps) - 1);
	int			i = *at;

	if (i == n)
		return false;
	*moment = (JMoment) {.time = rows[i].time, .rows = rows + i};
	for (; i < n && rows[i].time == moment->time; i++)
	{
		uint64		steps = rows[i].mask & all;
		int			lowest = steps == 0 ? JSTEPS_ROOM : pg_rightmost_one_pos64(steps) + 1;

		moment->present |= rows[i].mask;
		moment->foreign = Max(moment->foreign, lowest);
	}
	moment->n = i - *at;
	*at = i;
	CHECK_FOR_INTERRUPTS();
	return true;
}

/* ------------------------------------------------------------------------------------------------
 * which steps the rows of a moment can fill together, each row one
 * ------------------------------------------------------------------------------------------------ */

/*
 * Steps and the rows that may fill them. Of more rows than there are steps the latest suffice: so
 * many cannot all be taken by others.
 */
typedef struct JFilling
{
	int			n_steps;
	int			count[JSTEPS_MAX];	/* of candidates, a ring of n_steps */
	int			next[JSTEPS_MAX];
	int			candidate[JSTEPS_MAX][JSTEPS_MAX];
	int			filled_by[JSTEPS_MAX];	/* a row, or -1 */
	int			first;			/* rows before it are gone */
	bool		once;			/* else a row may fill several steps */
} JFilling;

static void
FillingInit(JFilling *filling, const JFunnelRules *rules)
{
	filling->n_steps = rules->n_steps;
	filling->first = 0;
	filling->once = rules->once;
	for (int i = 0; i < rules->n_steps; i++)
	{
		filling->count[i] = filling->next[i] = 0;
		filling->filled_by[i] = -1;
	}
}

/* The step (from 0) that a row fills, or -1. */
static int
FilledWith(const JFilling *filling, int row)
{
	for (int i = 0; i < filling->n_steps; i++)
		if (filling->filled_by[i] == row)
			return i;
	return -1;
}

/* Finds a row for a step, if need be by giving others another; `seen` are steps not to ask again. */
static bool
Fill(JFilling *filling, int step, uint64 *seen)
{
	*seen |= UINT64CONST(1) << step;
	for (int i = 0; i < filling->count[step]; i++)
	{
		int			row = filling->candidate[step][i];
		int			other;

		if (row < filling->first)
			continue;
		other = filling->once ? FilledWith(filling, row) : -1;
		if (other >= 0 && ((*seen >> other & 1) || !Fill(filling, other, seen)))
			continue;
		filling->filled_by[step] = row;
		return true;
	}
	return false;
}

static void
AddCandidate(JFilling *filling, int step, int row)
{
	int			gone = -1;

	if (filling->count[step] < filling->n_steps)
		filling->count[step]++;
	else
		gone = filling->candidate[step][filling->next[step]];
	filling->candidate[step][filling->next[step]] = row;
	filling->next[step] = (filling->next[step] + 1) % filling->n_steps;
	if (gone >= 0 && filling->filled_by[step] == gone)
	{
		uint64		seen = 0;

		filling->filled_by[step] = -1;
		(void) Fill(filling, step, &seen);
	}
}

static void
AddRow(JFilling *filling, const JStepRow *rows, int row)
{
	for (int i = 0; i < filling->n_steps; i++)
		if (rows[row].mask >> i & 1)
			AddCandidate(filling, i, row);
}

/*
 * For each step that a moment has, the lowest level from which the moment leads to it: lowest[j] is
 * the least i such that the steps i + 1 .. j can be filled. The interval is moved along: a step that
 * was filled frees its row when it leaves.
 */
static void
LowestOnce(const JFunnelRules *rules, const JMoment *moment, int *lowest)
{
	JFilling	filling;
	int			i = 0;

	FillingInit(&filling, rules);
	for (int row = 0; row < moment->n; row++)
	{
		CHECK_FOR_INTERRUPTS();
		AddRow(&filling, moment->rows, row);
	}
	for (int j = 1; j <= rules->n_steps; j++)
	{
		uint64		seen = 0;

		if ((moment->present & STEP_BIT(j)) == 0)
		{
			while (i < j)
				filling.filled_by[i++] = -1;
			continue;
		}
		while (!Fill(&filling, j - 1, &seen))
		{
			filling.filled_by[i++] = -1;
			seen = 0;
		}
		lowest[j] = i;
	}
}

static void
Lowest(const JFunnelRules *rules, const JMoment *moment, int *lowest)
{
	if (rules->once && !rules->increase && moment->n > 1)
	{
		LowestOnce(rules, moment, lowest);
		return;
	}
	for (int j = 1; j <= rules->n_steps; j++)
		if (moment->present & STEP_BIT(j))
			lowest[j] = j > 1 && !rules->increase && !rules->once &&
				(moment->present & STEP_BIT(j - 1)) ? lowest[j - 1] : j - 1;
}

/* ------------------------------------------------------------------------------------------------
 * the walk
 * ------------------------------------------------------------------------------------------------ */

/* Whether an attempt can go on at a time. */
static inline bool
InWindow(const JFunnelRules *rules, const JAttempt *attempt, int64 time)
{
	return attempt->there && (uint64) time - (uint64) attempt->start <= rules->within;
}

/*
 * Whether an attempt at a level ends by what else a moment has: a row out of order after its last
 * step, or an excluded one after the step from which on that is. The steps behind number `before`
 * were taken at this moment; none were if that is the level.
 */
static bool
EndsNow(const JFunnelRules *rules, const JMoment *moment, int level, int before)
{
	if (rules->strict_order && before == level && level + 1 < moment->foreign)
		return true;
	for (int i = 0; i < rules->n_excluded; i++)
		if ((moment->present & rules->excluded[i].bit) && rules->excluded[i].from <= before &&
			rules->excluded[i].from <= level && level < rules->excluded[i].to)
			return true;
	return false;
}

/*
 * The best attempt that comes to a level at this moment; false if none does. `before` are the
 * attempts as they stood before the moment, that of level 0 is one that starts now.
 */
static bool
BestAttempt(const JFunnelRules *rules, const JAttempt *before, int lowest, int level, int64 time,
			JAttempt *best)
{
	for (int i = lowest; i < level; i++)
	{
		if (i > 0 && !InWindow(rules, &before[i], time))
			continue;
		if (i == 0 && rules->bounded && (time < rules->since || time >= rules->until))
			continue;
		*best = (JAttempt) {true, i == 0 ? time : before[i].start, time, i};
		return true;
	}
	return false;
}

static void
Note(JFunnelResult *result, int level, const JAttempt *attempt)
{
	if (level <= result->steps)
		return;
	result->steps = level;
	result->start = attempt->start;
	result->end = attempt->last;
}

/* Takes a moment by the rules of funnel(): all levels, the highest first, so that none is read after it changed. */
static void
TakeMoment(const JFunnelRules *rules, const JMoment *moment, JAttempt *attempts,
		   JFunnelResult *result)
{
	int			lowest[JSTEPS_MAX + 1];
	uint64		steps = moment->present & (STEP_BIT(rules->n_steps) | (STEP_BIT(rules->n_steps) - 1));

	if (steps != 0)
		Lowest(rules, moment, lowest);
	while (steps != 0)
	{
		int			level = pg_leftmost_one_pos64(steps) + 1;
		JAttempt	attempt;

		steps &= ~STEP_BIT(level);
		if (!BestAttempt(rules, attempts, lowest[level], level, moment->time, &attempt))
			continue;
		attempts[level] = attempt;
		Note(result, level, &attempt);
	}
	if (!rules->strict_order && rules->n_excluded == 0)
		return;
	for (int level = 1; level < rules->n_steps; level++)
		if (attempts[level].there &&
			EndsNow(rules, moment, level,
					attempts[level].last < moment->time ? level : attempts[level].before))
			attempts[level].there = false;
}

/* How many rows of a moment are a step. */
static int
CountStep(const JMoment *moment, int step)
{
	int			count = 0;

	for (int i = 0; i < moment->n; i++)
		count += moment->rows[i].mask >> (step - 1) & 1;
	return count;
}

/*
 * Takes a moment by the strict modes of window_funnel(): its steps one by one, the lowest first, a
 * row of no step before all. False if the walk stops.
 */
static bool
TakeStrictly(const JFunnelRules *rules, const JMoment *moment, JAttempt *attempts,
			 JFunnelResult *result)
{
	int			lowest[JSTEPS_MAX + 1];
	JAttempt	before[JSTEPS_MAX + 1];

	if (rules->stop_order && moment->foreign == JSTEPS_ROOM && attempts[1].there)
		return false;
	memcpy(before, attempts, sizeof(JAttempt) * (rules->n_steps + 1));
	Lowest(rules, moment, lowest);
	for (int level = 1; level <= rules->n_steps; level++)
	{
		JAttempt	attempt;

		if ((moment->present & STEP_BIT(level)) == 0)
			continue;
		if (level > 1 && rules->stop_repeat && before[level].there)
			return false;
		if (level > 1 && rules->stop_order && !attempts[level - 1].there && attempts[1].there)
		{
			if (rules->skip_order)
				continue;
			return false;
		}
		if (!BestAttempt(rules, before, lowest[level], level, moment->time, &attempt))
			continue;
		attempts[level] = attempt;
		Note(result, level, &attempt);
		if (level > 1 && rules->stop_repeat && CountStep(moment, level) > 1)
			return false;
	}
	return true;
}

/* What of the attempts may still go on. */
static void
NoteOpen(const JFunnelRules *rules, const JAttempt *attempts, JFunnelResult *result)
{
	if (result->steps == rules->n_steps)
		return;
	for (int level = 1; level < rules->n_steps; level++)
		if (attempts[level].there &&
			(!result->can_go_on || attempts[level].start > result->open_from))
		{
			result->can_go_on = true;
			result->open_from = attempts[level].start;
		}
}

/* ------------------------------------------------------------------------------------------------
 * steps in any order
 * ------------------------------------------------------------------------------------------------ */

/* Fills the steps that a new row lets fill; returns how many are filled. */
static int
FillAll(JFilling *filling)
{
	uint64		seen = 0;
	int			filled = 0;

	for (int i = 0; i < filling->n_steps; i++)
	{
		if (filling->filled_by[i] < 0)
		{
			/* what a search without success has seen stays of no use, until one succeeds */
			if ((seen >> i & 1) || !Fill(filling, i, &seen))
				continue;
			seen = 0;
		}
		filled++;
	}
	return filled;
}

/* Takes the rows before `first` away. */
static void
DropBefore(JFilling *filling, int first)
{
	filling->first = first;
	for (int i = 0; i < filling->n_steps; i++)
		if (filling->filled_by[i] < first)
			filling->filled_by[i] = -1;
}

/* The most steps in a window, and the earliest window's end with so many. */
static void
WalkAnyOrder(const JFunnelRules *rules, const JStepRow *rows, int n, JFunnelResult *result)
{
	JFilling	filling;
	int			first = 0;

	FillingInit(&filling, rules);
	for (int i = 0; i < n; i++)
	{
		int			filled;

		CHECK_FOR_INTERRUPTS();
		if (rows[i].mask == 0)
			continue;
		while ((uint64) rows[i].time - (uint64) rows[first].time > rules->within)
			first++;
		DropBefore(&filling, first);
		AddRow(&filling, rows, i);
		filled = FillAll(&filling);
		if (filled > result->steps)
		{
			result->steps = filled;
			result->end = rows[i].time;
		}
		result->can_go_on = true;
		result->open_from = rows[i].time;
	}
	if (result->steps == rules->n_steps)
		result->can_go_on = false;
	if (result->steps == 0)
		return;

	/* the latest start: rows leave from the left as long as so many steps are filled */
	FillingInit(&filling, rules);
	for (first = 0; rows[first].time < result->end &&
		 (uint64) result->end - (uint64) rows[first].time > rules->within; first++)
		;
	for (int i = first; i < n && rows[i].time <= result->end; i++)
		AddRow(&filling, rows, i);
	for (; rows[first].time <= result->end; first++)
	{
		DropBefore(&filling, first);
		if (FillAll(&filling) < result->steps)
			break;
		result->start = rows[first].time;
		if (first == n - 1)
			break;
	}
}

static void
TimesAnyOrder(const JFunnelRules *rules, const JStepRow *rows, int n,
			  const JFunnelResult *result, int64 *times)
{
	JFilling	filling;
	int			done = 0;

	FillingInit(&filling, rules);
	for (int i = 0; i < n && done < result->steps; i++)
	{
		int			filled;

		if (rows[i].time < result->start || rows[i].mask == 0)
			continue;
		AddRow(&filling, rows, i);
		filled = FillAll(&filling);
		while (done < filled)
			times[done++] = rows[i].time;
	}
}

/* ------------------------------------------------------------------------------------------------
 * entry
 * ------------------------------------------------------------------------------------------------ */

void
JFunnelWalk(const JFunnelRules *rules, const JStepRow *rows, int n, JFunnelResult *result)
{
	JAttempt	attempts[JSTEPS_MAX + 1];
	bool		strict = rules->stop_order || rules->stop_repeat;
	JMoment		moment;
	int			at = 0;

	memset(result, 0, sizeof(*result));
	if (rules->any_order)
	{
		WalkAnyOrder(rules, rows, n, result);
		return;
	}
	memset(attempts, 0, sizeof(JAttempt) * (rules->n_steps + 1));
	while (result->steps < rules->n_steps && NextMoment(rules, rows, n, &at, &moment))
	{
		if (!strict)
			TakeMoment(rules, &moment, attempts, result);
		else if (!TakeStrictly(rules, &moment, attempts, result))
			break;
	}
	NoteOpen(rules, attempts, result);
}

int
JFunnelEnds(const JFunnelRules *rules, const JStepRow *rows, int n, int64 *ends)
{
	JAttempt	attempts[JSTEPS_MAX + 1];
	JAttempt   *last = &attempts[rules->n_steps];
	JFunnelResult result = {0};
	JMoment		moment;
	int			at = 0;
	int			count = 0;

	memset(attempts, 0, sizeof(JAttempt) * (rules->n_steps + 1));
	while (NextMoment(rules, rows, n, &at, &moment))
	{
		TakeMoment(rules, &moment, attempts, &result);
		if (last->there && last->last == moment.time)
			ends[count++] = moment.time;
	}
	return count;
}

/* The walk again from one start, with the times of each attempt. */
typedef struct JRoute
{
	bool		there;
	int64		times[JSTEPS_MAX];
} JRoute;

/*
 * Takes one level of a moment. An attempt that is there stays until it ends: it came first. Of those
 * that come now counts the one from the highest level, whose steps were done the earliest; unless
 * it is the last level, it must not end at once.
 */
static void
TakeRoute(const JFunnelRules *rules, const JMoment *moment, JRoute *routes, const int *lowest,
		  int level, const JFunnelResult *result)
{
	JRoute	   *route = &routes[level];
	int			from = level - 1;

	if (route->there && !EndsNow(rules, moment, level, level))
		return;
	route->there = false;
	if ((moment->present & STEP_BIT(level)) == 0)
		return;
	while (from >= lowest[level] &&
		   ((from == 0 ? moment->time != result->start : !routes[from].there) ||
			(level < result->steps && EndsNow(rules, moment, level, from))))
		from--;
	if (from < lowest[level])
		return;
	route->there = true;
	for (int i = 0; i < level; i++)
		route->times[i] = i < from ? routes[from].times[i] : moment->time;
}

void
JFunnelTimes(const JFunnelRules *rules, const JStepRow *rows, int n, const JFunnelResult *result,
			 int64 *times)
{
	JRoute		routes[JSTEPS_MAX + 1];
	JMoment		moment;
	int			at = 0;

	if (rules->any_order)
	{
		TimesAnyOrder(rules, rows, n, result, times);
		return;
	}
	/* usually there is nothing between */
	if (result->steps <= 2)
	{
		times[0] = result->start;
		times[result->steps - 1] = result->end;
		return;
	}
	for (int i = 0; i <= result->steps; i++)
		routes[i].there = false;
	while (!routes[result->steps].there && NextMoment(rules, rows, n, &at, &moment))
	{
		int			lowest[JSTEPS_MAX + 1];

		if (moment.time < result->start)
			continue;
		Lowest(rules, &moment, lowest);
		/* the highest level first, so that none is read after it changed */
		for (int level = result->steps; level > 0; level--)
			TakeRoute(rules, &moment, routes, lowest, level, result);
	}
	Assert(routes[result->steps].there);
	memcpy(times, routes[result->steps].times, sizeof(int64) * result->steps);
}
