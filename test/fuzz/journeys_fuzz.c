/*
 * journeys_fuzz.c
 *		Random rows and random patterns through the cores of funnels, sequences, paths and statistics,
 *		built with sanitizers. What an answer claims is looked at; whether it is the best one is
 *		test/oracle/journeys.py's affair.
 *
 *		journeys_fuzz ROUNDS SEED
 */
#include "funnel_core.h"

#include <math.h>

#include "path_regex_core.h"
#include "sequence_core.h"
#include "statistics_core.h"

#define MAX_ROWS 200

static uint64 seed;

static uint32
Random(uint32 below)
{
	seed = seed * UINT64CONST(6364136223846793005) + UINT64CONST(1442695040888963407);
	return (uint32) (seed >> 33) % below;
}

static void
Check(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "not so: %s\n", what);
	abort();
}

/* Rows of so many steps; few times, so that many rows share one. Now and then times at the ends. */
static int
RandomRows(JStepRow *rows, int n_steps)
{
	int			n = Random(MAX_ROWS);
	bool		ends = Random(20) == 0;

	for (int i = 0; i < n; i++)
	{
		rows[i].time = ends ? (Random(2) ? PG_INT64_MAX : PG_INT64_MIN) : (int64) Random(30);
		rows[i].mask = 0;
		for (int bits = Random(4); bits > 0; bits--)
			rows[i].mask |= UINT64CONST(1) << Random(n_steps);
		if (Random(10) == 0)
			rows[i].mask |= UINT64CONST(1) << (JSTEPS_MAX + Random(JSTEPS_ROOM - JSTEPS_MAX));
	}
	JStepRowsSort(rows, n);
	for (int i = 1; i < n; i++)
		Check(!JStepRowBefore(&rows[i], &rows[i - 1]), "rows are sorted");
	return n;
}

static void
FuzzFunnel(void)
{
	JFunnelRules rules = {.n_steps = 1 + Random(JSTEPS_MAX), .within = Random(40)};
	JStepRow	rows[MAX_ROWS];
	int			n = RandomRows(rows, rules.n_steps);
	JFunnelResult result;
	int64		times[JSTEPS_MAX];
	int			kind = Random(4);

	rules.once = Random(2);
	rules.any_order = kind == 0;
	if (kind == 1)
	{
		rules.stop_order = Random(2);
		rules.stop_repeat = Random(2);
		rules.skip_order = Random(2);
	}
	if (kind > 0)
		rules.increase = Random(3) == 0;
	if (kind > 1)
		rules.strict_order = Random(2);
	if (kind == 3 && rules.n_steps > 1)
		for (int i = Random(JSTEPS_ROOM - JSTEPS_MAX); i >= 0; i--)
		{
			int			from = 1 + Random(rules.n_steps - 1);

			rules.excluded[rules.n_excluded++] = (JExclusion) {
				UINT64CONST(1) << (JSTEPS_MAX + i), from,
				from + 1 + Random(rules.n_steps - from)
			};
		}
	JFunnelWalk(&rules, rows, n, &result);
	Check(result.steps >= 0 && result.steps <= rules.n_steps, "there are so many steps");
	if (result.steps == 0 || kind == 1)
		return;
	JFunnelTimes(&rules, rows, n, &result, times);
	Check(times[0] == result.start && times[result.steps - 1] == result.end, "times are start and end");
	Check((uint64) result.end - (uint64) result.start <= rules.within, "they are in the window");
	for (int i = 1; i < result.steps; i++)
		Check(rules.increase ? times[i] > times[i - 1] : times[i] >= times[i - 1], "times rise");
}

/* A text of pieces, or of any bytes. */
static JStr
RandomText(char *buffer, int size, const char *const *pieces, int n_pieces)
{
	int			len = 0;

	for (int left = Random(12); left > 0; left--)
	{
		const char *piece = pieces[Random(n_pieces)];
		char		byte[2] = {(char) Random(256), '\0'};

		if (Random(20) == 0)
			piece = byte;
		if (len + strlen(piece) > size)
			break;
		memcpy(buffer + len, piece, strlen(piece));
		len += strlen(piece);
	}
	return (JStr) {buffer, len};
}

static void
FuzzSequence(void)
{
	static const char *const pieces[] = {"(?1)", "(?2)", "(?3)", ".", ".*", "(?t<=3)", "(?t>1.5)",
	"(?t==0)", "(", "?", ")", "t", "(?32)", " ", "99999999999999999999"};
	char		buffer[256];
	JStr		text = RandomText(buffer, sizeof(buffer), pieces, lengthof(pieces));
	JPattern	pattern;
	JPatternError error = {NULL, 0};
	JStepRow	rows[MAX_ROWS];
	int			matched[JPATTERN_MAX];
	int			n = RandomRows(rows, 3);
	int			last = -1;
	JMatcher   *matcher;

	if (!JPatternParse(text, &pattern, &error))
	{
		Check(error.message != NULL && error.at >= 0 && error.at <= text.len, "an error has a place");
		return;
	}
	matcher = JMatcherMake(&pattern, rows, n);
	while (JMatcherNext(matcher, matched))
		for (int i = 0; i < pattern.n; i++)
		{
			Check(matched[i] > last && matched[i] < n, "no row matches twice");
			Check((rows[matched[i]].mask & pattern.element[i].mask) != 0 ||
				  pattern.element[i].mask == ~UINT64CONST(0), "a row fulfils its condition");
			last = matched[i];
		}
}

static void
FuzzRegex(void)
{
	static const char *const pieces[] = {"a", "(bc)", "b", ".", "(", ")", "[", "]", "^", "$", "|",
	"*", "+", "?", "{2}", "{1,30}", "{", "}", ",", " "};
	static const JStr names[] = {{"a", 1}, {"bc", 2}, {"b", 1}};
	char		buffer[256];
	JStr		text = RandomText(buffer, sizeof(buffer), pieces, lengthof(pieces));
	JRegex	   *regex = palloc_object(JRegex);
	JRegexError error;
	uint8		symbols[MAX_ROWS];
	int			n = Random(MAX_ROWS);
	int		   *ends;

	for (int i = 0; i < n; i++)
		symbols[i] = Random(3);
	if (!JRegexParse(text, names, 3, Random(2), regex, &error))
	{
		Check(error.message != NULL && error.at >= 0 && error.at <= text.len, "an error has a place");
		pfree(regex);
		return;
	}
	ends = JRegexEnds(regex, symbols, n);
	for (int i = 0; i < n; i++)
		Check(ends[i] == -1 || (ends[i] > i && ends[i] <= n), "a match has an end");
	pfree(ends);
	pfree(regex);
}

static double
RandomCount(void)
{
	return floor(pow(10, Random(70) / 10.0)) - 1;
}

static void
FuzzStatistics(void)
{
	double		n1 = RandomCount(),
				n2 = RandomCount();
	double		x1 = floor(n1 * Random(101) / 100),
				x2 = floor(n2 * Random(101) / 100);
	JProportions proportions = JTwoProportions(n1, x1, n2, x2, JNormalQuantile(0.05));
	JFisher		fisher = JFisherExact(x1, n1 - x1, x2, n2 - x2);
	JSample		a = {n1, x1, x2},
				b = {n2, x2, n1};
	JWelch		welch = JWelchTest(a, b, 0.95);
	double		counts[] = {n1, n2, x1},
				weights[] = {Random(3), Random(3), Random(3)};
	JRatio		ratio = JSampleRatio(counts, weights, 3);
	double		ps[] = {proportions.p, fisher.p, fisher.less, fisher.greater, welch.p, ratio.p};

	for (int i = 0; i < lengthof(ps); i++)
		Check(isnan(ps[i]) || (ps[i] >= -1e-12 && ps[i] <= 1 + 1e-12), "a p-value is one");
	Check(fisher.less + fisher.greater >= 1 - 1e-9, "the two sides share the table");
	Check(isnan(proportions.difference) ||
		  (proportions.interval.lower <= proportions.difference + 1e-12 &&
		   proportions.interval.upper >= proportions.difference - 1e-12), "a difference is in its interval");
}

int
main(int argc, char **argv)
{
	int			rounds = argc > 1 ? atoi(argv[1]) : 2000;

	seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	for (int i = 0; i < rounds; i++)
	{
		FuzzFunnel();
		FuzzSequence();
		FuzzRegex();
		if (i % 10 == 0)
			FuzzStatistics();
	}
	return 0;
}
