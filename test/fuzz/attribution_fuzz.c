/*
 * attribution_fuzz.c
 *		The cores of attribution and of hashes outside the server.
 *
 *	attribution_fuzz ROUNDS [SEED]
 *
 * Built with the address and undefined behaviour sanitizers by test/tap/attribution_fuzz.t. Checks that parts are
 * those of the largest remainder, bit by bit; that sums of paths do not depend on order and grouping, and that
 * damaged ones are refused or harmless; that removal effects are those of a chain solved without each channel; that
 * hashes of made-up text are of valid text.
 */
#include "attribution_core.h"
#include "hash_core.h"
#include "markov_core.h"
#include "shapley_core.h"

#include "mb/pg_wchar.h"

#include <math.h>

static uint64 random_state;

#define CHECK(condition) \
	do { \
		if (!(condition)) \
		{ \
			fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

static uint64
Random64(void)
{
	uint64		x = random_state += UINT64CONST(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64CONST(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64CONST(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static uint32
Random(uint32 below)
{
	return (uint32) (Random64() % below);
}

/* units * share / total, a bit at a time. */
static uint128
SlowPart(uint128 units, uint128 share, uint128 total, uint128 *rest)
{
	uint128		quotient = 0;

	*rest = 0;
	for (int bit = 127; bit >= 0; bit--)
	{
		uint128		part = *rest * 2 + ((units >> bit) & 1) * share;

		quotient = quotient * 2 + part / total;
		*rest = part % total;
	}
	return quotient;
}

/* Parts sum to the whole; each is rounded down, or up where no part that was rounded down had more to lose. */
static void
CheckParts(const JShares *shares, uint128 units, const uint128 *parts)
{
	uint128		total = 0;
	uint128		sum = 0;
	uint128		least_up = (uint128) -1;
	uint128		most_down = 0;
	int			last_up = -1;
	int			first_down = -1;

	for (int i = 0; i < shares->n; i++)
		total += shares->share[i];
	for (int i = 0; i < shares->n; i++)
	{
		uint128		rest;
		uint128		down = SlowPart(units, shares->share[i], total, &rest);

		CHECK(parts[i] == down || parts[i] == down + 1);
		sum += parts[i];
		if (parts[i] > down && rest <= least_up)
		{
			least_up = rest;
			last_up = i;
		}
		if (parts[i] == down && (rest > most_down || first_down < 0))
		{
			most_down = rest;
			first_down = i;
		}
	}
	CHECK(sum == units);
	if (last_up >= 0 && first_down >= 0)
		CHECK(least_up > most_down || (least_up == most_down && last_up < first_down));
}

static void
FuzzShares(void)
{
	JRuleOptions options = JRuleDefaults;
	JShares		shares = {0};
	int			n = 1 + Random(Random(10) == 0 ? 300 : 12);
	int64	   *ages = palloc(sizeof(int64) * n);
	bool	   *direct = palloc(n);
	uint128    *parts = palloc(sizeof(uint128) * n);
	int64	   *credits = palloc(sizeof(int64) * n * JRULE_COUNT);
	uint64	   *values = palloc(sizeof(uint64) * n * JRULE_COUNT);
	uint64		amount = Random64() >> Random(64);
	JTouchPath	path = {n, ages, direct, (int) Random(n + 1) - 1};

	for (int i = 0; i < n; i++)
	{
		ages[i] = (int64) (Random64() >> (1 + Random(63)));
		direct[i] = Random(2);
	}
	if (Random(2))
		options.half_life = 1 + (int64) (Random64() >> (1 + Random(62)));
	for (int i = 0; i < 3; i++)
		options.position[i] = Random(3) ? options.position[i] : Random64() % (J_MAX_WEIGHT + 1);
	for (int i = 0; i < 4; i++)
		options.w_shaped[i] = Random(3) ? options.w_shaped[i] : Random64() % (J_MAX_WEIGHT + 1);
	JAttribute(&shares, &path, &options, amount, credits, values);
	for (int rule = 0; rule < JRULE_COUNT; rule++)
	{
		JSharesOfRule(&shares, rule, &path, &options);
		for (int i = 0; i < n; i++)
			parts[i] = credits[rule * n + i];
		CheckParts(&shares, J_CREDIT_UNITS, parts);
		for (int i = 0; i < n; i++)
			parts[i] = values[rule * n + i];
		CheckParts(&shares, amount, parts);
		JSharesSplit(&shares, (uint128) amount << 38, parts);
		CheckParts(&shares, (uint128) amount << 38, parts);
	}
	JSharesFree(&shares);
	pfree(ages);
	pfree(direct);
	pfree(parts);
	pfree(credits);
	pfree(values);
}

/* ------------------------------------------------------------------------------------------------
 * sums of paths
 * ------------------------------------------------------------------------------------------------ */

#define MAX_PATHS 60
#define MAX_STEPS 8

typedef struct Path
{
	int			n;
	JStr		steps[MAX_STEPS];
	JPathCounts counts;
} Path;

static bool
AnyText(JStr s)
{
	return true;
}

static char *
Encoded(const JPathSums *sums, Size *size)
{
	char	   *bytes;

	*size = JPathSumsEncodedSize(sums);
	bytes = palloc(*size);
	JPathSumsEncode(JPathSumsSorted(sums), bytes);
	return bytes;
}

/* All paths in a random order, in two sums that are merged. */
static JPathSums *
SumsOf(JPathModel model, const Path *paths, int n)
{
	JPathSums  *halves[2];
	int			order[MAX_PATHS];

	for (int side = 0; side < 2; side++)
	{
		halves[side] = palloc0(sizeof(JPathSums));
		halves[side]->model = model;
	}
	for (int i = 0; i < n; i++)
		order[i] = i;
	for (int i = n - 1; i >= 0; i--)
	{
		int			other = Random(i + 1);
		int			place = order[other];

		order[other] = order[i];
		CHECK(JPathSumsAdd(halves[Random(2)], paths[place].steps, paths[place].n, &paths[place].counts));
	}
	CHECK(JPathSumsMerge(halves[0], halves[1]));
	return halves[0];
}

/* The effect of a channel on conversions, by solving the chain of paths with and without it. */
static double
SlowEffect(const Path *paths, int n, int depth, JStr without)
{
	static double x[2 * MAX_PATHS * MAX_STEPS];
	static double out[2 * MAX_PATHS * MAX_STEPS];
	JStr		states[MAX_PATHS * MAX_STEPS][2];
	double		whole = 0;
	double		start[2] = {0};

	/* by iteration over the paths themselves: x of a state is the mean of what follows it */
	for (int side = 0; side < 2; side++)
	{
		int			n_states = 0;

		memset(x, 0, sizeof(x));
		for (int sweep = 0; sweep < 3000; sweep++)
		{
			double		sums[MAX_PATHS * MAX_STEPS] = {0};
			double		all = 0;
			double		begin = 0;

			memset(out, 0, sizeof(out));
			for (int p = 0; p < n; p++)
			{
				double		weight = paths[p].counts.conversions + paths[p].counts.nulls;
				int			before = -1;

				for (int i = 0; i <= paths[p].n && weight > 0; i++)
				{
					double		follows = paths[p].counts.conversions / weight;
					int			state = 0;

					if (i < paths[p].n)
					{
						JStr		last = depth == 2 && i > 0 ? paths[p].steps[i - 1] : JSTR_NULL;

						while (state < n_states && !(JStrEqual(states[state][0], last) &&
													 JStrEqual(states[state][1], paths[p].steps[i])))
							state++;
						if (state == n_states)
						{
							states[n_states][0] = last;
							states[n_states++][1] = paths[p].steps[i];
						}
						follows = side == 1 && JStrEqual(paths[p].steps[i], without) ? 0 : x[state];
					}
					if (before < 0)
					{
						begin += weight * follows;
						all += weight;
					}
					else
					{
						sums[before] += weight * follows;
						out[before] += weight;
					}
					before = state;
				}
			}
			for (int s = 0; s < n_states; s++)
				x[s] = out[s] > 0 ? sums[s] / out[s] : 0;
			start[side] = all > 0 ? begin / all : 0;
		}
	}
	whole = start[0];
	return whole > 0 ? 1 - start[1] / whole : 0;
}

static void
FuzzSums(int round)
{
	static const char *const names[] = {"a", "b", "", "(null)", "(start)", "c", "dd", "ddd", "e", "f", "g", "h"};
	Path		paths[MAX_PATHS];
	int			n = 1 + Random(Random(4) ? 6 : MAX_PATHS);
	int			n_names = 1 + Random(lengthof(names));
	JPathModel	model = Random(3);
	JPathSums  *sums;
	JPathSums	read;
	JRemovalEffects effects;
	const char *hint;
	Size		size;
	Size		again;
	char	   *bytes;

	for (int p = 0; p < n; p++)
	{
		paths[p].n = 1 + Random(MAX_STEPS);
		for (int i = 0; i < paths[p].n; i++)
		{
			const char *name = names[Random(n_names)];

			paths[p].steps[i] = (JStr) {name, (int32) strlen(name)};
		}
		memset(&paths[p].counts, 0, sizeof(JPathCounts));
		paths[p].counts.conversions = Random(3) ? Random(5) : 0;
		paths[p].counts.nulls = Random(3) ? Random(5) : 0;
		paths[p].counts.has_value = true;
		paths[p].counts.value = (int128) (int64) Random64() >> Random(64);
	}
	sums = SumsOf(model, paths, n);
	bytes = Encoded(sums, &size);
	CHECK(memcmp(bytes, Encoded(SumsOf(model, paths, n), &again), size) == 0 && again == size);
	CHECK(JPathSumsDecode(bytes, size, AnyText, &read) == NULL);
	CHECK(memcmp(bytes, Encoded(&read, &again), size) == 0 && again == size);
	if (model != JPATHS_SHAPLEY)
	{
		CHECK(JMarkovSolve(&read, &effects, &hint) == NULL);
		for (int c = 0; c < read.n_channels; c++)
		{
			CHECK(effects.conversions[c] >= 0 && effects.conversions[c] <= 1);
			if (round % 50 == 0)
				CHECK(fabs(effects.conversions[c] - SlowEffect(paths, n, model == JPATHS_MARKOV_2 ? 2 : 1,
															   read.channels[c])) < 1e-9);
		}
	}
	/* damaged */
	for (int i = 0; i < 1 + (int) Random(3); i++)
		bytes[Random(size)] ^= 1 << Random(8);
	if (JPathSumsDecode(bytes, size - (Random(4) ? 0 : Random(size)), AnyText, &read) == NULL)
	{
		int128	   *units = palloc(2 * sizeof(int128) * (read.n_channels + 1));
		int64	   *with = palloc(sizeof(int64) * (read.n_channels + 1));
		int64		all;

		if (read.model == JPATHS_SHAPLEY)
			JShapley(&read, units, units + read.n_channels, with, &all);
		else
			(void) JMarkovSolve(&read, &effects, &hint);
	}
}

/* ------------------------------------------------------------------------------------------------
 * hashes
 * ------------------------------------------------------------------------------------------------ */

static void
FuzzHash(void)
{
	static const char *const pieces[] = {
		"a", "B", ".", "+", "@", "@gmail.com", "x@y.de", " ", "\xC2\xA0", "\xE2\x80\x89", "\xC3\x89", "e\xCC\x81", "\xD0\x96",
		"\xEF\xB7\xBA", "\xF0\x9F\x98\x80", "0", "1", "49", "800", "(0)", "-", "\xE2\x80\x91", "ext", "#", "tel:", "00", "\xC5\xB8", "7777777"
	};
	static const char *const codes[] = {"DE", "US", "it", "RU", "XX", "", "D", "HU", "uk"};
	char		text[400];
	int			len = 0;
	JStr		given;
	JStr		result;

	for (int i = Random(12); i >= 0; i--)
	{
		const char *piece = pieces[Random(lengthof(pieces))];

		memcpy(text + len, piece, strlen(piece));
		len += strlen(piece);
	}
	/* a copy of just that length, so that a step beyond it is seen */
	given = (JStr) {memcpy(palloc(len), text, len), len};
	for (int platform = 0; platform <= JPLATFORM_TIKTOK; platform++)
	{
		const char *code = codes[Random(lengthof(codes))];

		result = JEmailNormal(given, platform);
		for (int i = 0; i < result.len; i += pg_utf_mblen((const unsigned char *) result.data + i))
			CHECK(pg_utf8_islegal((const unsigned char *) result.data + i,
								  pg_utf_mblen((const unsigned char *) result.data + i)));
		CHECK(JStrIsNull(result) || memchr(result.data, '@', result.len) != NULL);
		if (!JStrIsNull(result))
			CHECK(JStrEqual(JEmailNormal(result, platform), result));
		result = JPhoneNormal(given, platform, (JStr) {code, (int32) strlen(code)});
		CHECK(JStrIsNull(result) || (result.len >= 7 && result.len <= 16));
		if (!JStrIsNull(result) && platform != JPLATFORM_META)
			CHECK(JStrEqual(JPhoneNormal(result, platform, JSTR_NULL), result));
	}
	(void) JIsHash(given, &result);
}

int
main(int argc, char **argv)
{
	int			rounds = argc > 1 ? atoi(argv[1]) : 1000;

	random_state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	for (int i = 0; i < rounds; i++)
	{
		FuzzShares();
		FuzzSums(i);
		FuzzHash();
	}
	return 0;
}
