/*
 * attribution_core.c
 *		Credit for the touches before a conversion, and the transforms of paths.
 */
#include "attribution_core.h"

#include "port/pg_bitutils.h"

#include "set_core.h"

const char *const JRuleNames[JRULE_COUNT] = {
	"first", "last", "last_non_direct", "linear", "position", "w_shaped", "time_decay"
};

const JRuleOptions JRuleDefaults = {
	.position = {40, 20, 40},
	.w_shaped = {30, 30, 30, 10},
	.half_life = 7 * J_USECS_PER_DAY
};

/* ------------------------------------------------------------------------------------------------
 * splitting by shares
 * ------------------------------------------------------------------------------------------------ */

void
JSharesInit(JShares *shares, int n)
{
	if (n > shares->allocated)
	{
		JSharesFree(shares);
		shares->share = palloc_extended(sizeof(uint128) * n, MCXT_ALLOC_HUGE);
		shares->rest = palloc_extended(sizeof(uint128) * n, MCXT_ALLOC_HUGE);
		shares->order = palloc_extended(sizeof(int) * n, MCXT_ALLOC_HUGE);
		shares->allocated = n;
	}
	shares->n = n;
	memset(shares->share, 0, sizeof(uint128) * n);
}

void
JSharesFree(JShares *shares)
{
	if (shares->allocated > 0)
	{
		pfree(shares->share);
		pfree(shares->rest);
		pfree(shares->order);
	}
	memset(shares, 0, sizeof(JShares));
}

static int
BitLength(uint128 x)
{
	if (x >> 64 != 0)
		return 65 + pg_leftmost_one_pos64((uint64) (x >> 64));
	return x == 0 ? 0 : 1 + pg_leftmost_one_pos64((uint64) x);
}

/*
 * units * share / total, rounded down, and what is left of it. The product may be longer than 128 bits,
 * so it is divided 16 bits of `units` at a time; a rest is less than 2^111, so there is room for them.
 */
static uint128
MultiplyDivide(uint128 units, uint128 share, uint128 total, uint128 *rest)
{
	int			bits = BitLength(units);
	uint128		quotient = 0;

	if (bits + BitLength(share) <= 128)
	{
		*rest = units * share % total;
		return units * share / total;
	}
	*rest = 0;
	for (int shift = (bits - 1) / 16 * 16; shift >= 0; shift -= 16)
	{
		uint128		part = (*rest << 16) + share * (uint128) ((units >> shift) & 0xFFFF);

		quotient = (quotient << 16) + part / total;
		*rest = part % total;
	}
	return quotient;
}

/* Those with the greater rest first, of equal ones the first. */
static int
CompareRests(const void *a, const void *b, void *arg)
{
	const uint128 *rest = arg;
	int			x = *(const int *) a;
	int			y = *(const int *) b;

	if (rest[x] != rest[y])
		return rest[x] > rest[y] ? -1 : 1;
	return x - y;
}

void
JSharesSplit(JShares *shares, uint128 units, uint128 *parts)
{
	uint128		total = 0;
	uint128		left = units;

	for (int i = 0; i < shares->n; i++)
		total += shares->share[i];
	Assert(total > 0 && total >> 111 == 0);
	for (int i = 0; i < shares->n; i++)
	{
		parts[i] = MultiplyDivide(units, shares->share[i], total, &shares->rest[i]);
		left -= parts[i];
		shares->order[i] = i;
	}
	if (left == 0)
		return;
	qsort_arg(shares->order, shares->n, sizeof(int), CompareRests, shares->rest);
	for (int i = 0; i < (int) left; i++)
		parts[shares->order[i]]++;
}

/* ------------------------------------------------------------------------------------------------
 * the decay: powers of two in fixed point
 * ------------------------------------------------------------------------------------------------ */

/* Numbers from 0 to 1 with so many binary digits behind the point. */
#define FIXED_BITS 120
#define FIXED_ONE ((uint128) 1 << FIXED_BITS)

/* The natural logarithm of 2, of so many digits (0.6931471805599453...). */
#define FIXED_LN2 (((uint128) UINT64CONST(0x00B17217F7D1CF79) << 64) | UINT64CONST(0xABC9E3B39803F2F6))

/* The shares of touches at the half-lives 0, 1, 2, .. are 2^80, 2^79, 2^78, .. exactly. */
#define DECAY_BITS 80

/* a * b, rounded down, by halves of 60 bits. */
static uint128
FixedMultiply(uint128 a, uint128 b)
{
	const uint128 mask = ((uint128) 1 << 60) - 1;
	uint128		a1 = a >> 60;
	uint128		a0 = a & mask;
	uint128		b1 = b >> 60;
	uint128		b0 = b & mask;

	return a1 * b1 + ((a1 * b0 + a0 * b1 + (a0 * b0 >> 60)) >> 60);
}

/*
 * 2^-(r / h) for 0 <= r < h. The series of exp(-y) is taken at y / 16, where 18 terms are more than
 * enough, and squared four times.
 */
static uint128
FixedHalved(uint64 r, uint64 h)
{
	uint128		x = 0;
	uint128		rest = r;
	uint128		y;
	uint128		sum = FIXED_ONE;

	if (r == 0)
		return FIXED_ONE;
	for (int i = 0; i < FIXED_BITS / 60; i++)
	{
		rest <<= 60;
		x = (x << 60) + rest / h;
		rest %= h;
	}
	y = FixedMultiply(x, FIXED_LN2) >> 4;
	for (int k = 18; k > 0; k--)
		sum = FIXED_ONE - FixedMultiply(y, sum) / k;
	for (int i = 0; i < 4; i++)
		sum = FixedMultiply(sum, sum);
	return sum;
}

/* Ages count from the youngest touch on, which changes no proportion. */
static void
DecayShares(JShares *shares, const JTouchPath *path, int64 half_life)
{
	int64		youngest = path->ages == NULL ? 0 : path->ages[0];

	for (int i = 1; i < path->n && path->ages != NULL; i++)
		youngest = Min(youngest, path->ages[i]);
	for (int i = 0; i < path->n; i++)
	{
		int64		age = path->ages == NULL ? 0 : path->ages[i] - youngest;
		int64		halvings = age / half_life;

		if (i > 0 && path->ages != NULL && path->ages[i] == path->ages[i - 1])
			shares->share[i] = shares->share[i - 1];
		else if (halvings <= DECAY_BITS)
			shares->share[i] = FixedHalved(age % half_life, half_life) >>
				(FIXED_BITS - DECAY_BITS + halvings);
	}
}

/* ------------------------------------------------------------------------------------------------
 * the rules
 * ------------------------------------------------------------------------------------------------ */

static int
LastNonDirect(const JTouchPath *path)
{
	for (int i = path->n - 1; i >= 0 && path->direct != NULL; i--)
		if (!path->direct[i])
			return i;
	return path->n - 1;
}

/*
 * Weights for the first, the lead's and the last touch, which add up where one touch is several of
 * these, and a weight that all others share. Without others the weights of the rest are in proportion.
 * The place of the lead's touch is -1 for a rule that knows none.
 */
static void
RoleShares(JShares *shares, int place, uint64 first, uint64 lead, uint64 last, uint64 others)
{
	int			n = shares->n;
	int			rest = Max(n - 2, 0) - (place > 0 && place < n - 1 ? 1 : 0);
	bool		any = false;

	for (int i = 0; i < n; i++)
	{
		if (i == 0 || i == n - 1 || i == place)
			shares->share[i] = (uint128) ((i == 0 ? first : 0) + (i == place ? lead : 0) +
										  (i == n - 1 ? last : 0)) * Max(rest, 1);
		else
			shares->share[i] = others;
		any |= shares->share[i] > 0;
	}
	/* a path of two, and all weight is on those between */
	for (int i = 0; i < n && !any; i++)
		shares->share[i] = 1;
}

void
JSharesOfRule(JShares *shares, JRule rule, const JTouchPath *path, const JRuleOptions *options)
{
	const uint64 *w = options->w_shaped;

	JSharesInit(shares, path->n);
	if (rule == JRULE_W_SHAPED && path->lead < 0)
		rule = JRULE_POSITION;
	switch (rule)
	{
		case JRULE_FIRST:
			shares->share[0] = 1;
			break;
		case JRULE_LAST:
			shares->share[path->n - 1] = 1;
			break;
		case JRULE_LAST_NON_DIRECT:
			shares->share[LastNonDirect(path)] = 1;
			break;
		case JRULE_POSITION:
			RoleShares(shares, -1, options->position[0], 0, options->position[2],
					   options->position[1]);
			break;
		case JRULE_W_SHAPED:
			RoleShares(shares, path->lead, w[0], w[1], w[2], w[3]);
			break;
		case JRULE_TIME_DECAY:
			DecayShares(shares, path, options->half_life);
			break;
		default:
			for (int i = 0; i < path->n; i++)
				shares->share[i] = 1;
	}
}

void
JAttribute(JShares *shares, const JTouchPath *path, const JRuleOptions *options, uint64 amount,
		   int64 *credits, uint64 *values)
{
	uint128    *parts = palloc_extended(sizeof(uint128) * path->n, MCXT_ALLOC_HUGE);

	for (int rule = 0; rule < JRULE_COUNT; rule++)
	{
		Size		at = (Size) rule * path->n;

		JSharesOfRule(shares, rule, path, options);
		JSharesSplit(shares, J_CREDIT_UNITS, parts);
		for (int i = 0; i < path->n; i++)
			credits[at + i] = (int64) parts[i];
		if (values == NULL)
			continue;
		JSharesSplit(shares, amount, parts);
		for (int i = 0; i < path->n; i++)
			values[at + i] = (uint64) parts[i];
	}
	pfree(parts);
}

/* ------------------------------------------------------------------------------------------------
 * transforms of paths
 * ------------------------------------------------------------------------------------------------ */

static const struct
{
	const char *name;
	JTransform	transform;
}			transforms[] = {
	{"exposure_path", JTRANSFORM_EXPOSURE},
	{"first_path", JTRANSFORM_FIRST},
	{"frequency_path", JTRANSFORM_FREQUENCY},
	{"last_n_steps", JTRANSFORM_TRIM},
	{"remove_if_last_and_not_all", JTRANSFORM_REMOVE_LAST},
	{"remove_if_not_all", JTRANSFORM_REMOVE},
	{"trim_long_path", JTRANSFORM_TRIM},
	{"unique_path", JTRANSFORM_UNIQUE},
};

bool
JTransformFromName(JStr name, JTransform *transform)
{
	for (int i = 0; i < lengthof(transforms); i++)
	{
		if (!JStrEqual(name, (JStr) {transforms[i].name, (int32) strlen(transforms[i].name)}))
			continue;
		*transform = transforms[i].transform;
		return true;
	}
	return false;
}

static bool
StepHash(const void *entry, uint32 *hash)
{
	*hash = JSetHash(0, *(const JStr *) entry);
	return true;
}

static bool
StepSame(const void *a, const void *b)
{
	return JStrEqual(*(const JStr *) a, *(const JStr *) b);
}

static const JSetKind step_kind = {sizeof(JStr), StepHash, StepSame};

/* Of each channel the first step; counts[i], where asked for, is how many step i stands for. */
static int
FirstSteps(JStr *path, int n, int *counts)
{
	JSet		set = {0};
	int			kept = 0;

	for (int i = 0; i < n; i++)
	{
		int			at = JSetFind(&set, &step_kind, path, kept, &path[i]);

		if (at < 0)
		{
			at = kept++;
			path[at] = path[i];
			if (counts != NULL)
				counts[at] = 0;
		}
		if (counts != NULL)
			counts[at]++;
	}
	if (set.slots != NULL)
		pfree(set.slots);
	return kept;
}

static int
ExposureSteps(JStr *path, int n)
{
	int			kept = 0;

	for (int i = 0; i < n; i++)
		if (kept == 0 || !JStrEqual(path[kept - 1], path[i]))
			path[kept++] = path[i];
	return kept;
}

static int
RemoveSteps(JStr *path, int n, JStr channel, bool at_end)
{
	int			end = n;
	int			kept = 0;

	while (end > 0 && JStrEqual(path[end - 1], channel))
		end--;
	if (end == 0)
		return n;
	if (at_end)
		return end;
	for (int i = 0; i < end; i++)
		if (!JStrEqual(path[i], channel))
			path[kept++] = path[i];
	return kept;
}

static int
TrimSteps(JStr *path, int n, int64 steps)
{
	if (steps <= 0 || steps >= n)
		return n;
	memmove(path, path + (n - steps), sizeof(JStr) * steps);
	return steps;
}

int
JPathTransform(JStr *path, int n, JTransform transform, const JTransformArgs *args)
{
	switch (transform)
	{
		case JTRANSFORM_EXPOSURE:
			return ExposureSteps(path, n);
		case JTRANSFORM_FIRST:
			return FirstSteps(path, n, NULL);
		case JTRANSFORM_FREQUENCY:
			return FirstSteps(path, n, args->counts);
		case JTRANSFORM_REMOVE:
			return RemoveSteps(path, n, args->channel, false);
		case JTRANSFORM_REMOVE_LAST:
			return RemoveSteps(path, n, args->channel, true);
		case JTRANSFORM_TRIM:
			return TrimSteps(path, n, args->steps);
		default:
			return n;
	}
}
