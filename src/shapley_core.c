/*
 * shapley_core.c
 *		Shapley values of channels, in closed form.
 *
 * Where a set of channels is worth what the paths within it bring, the Shapley value shares out what
 * each path brings equally to the channels that it has: no coalition need be looked at, of however many
 * channels.
 */
#include "shapley_core.h"

/* Fractions have so many binary digits; a channel has less than 2^64 of them. */
#define FRACTION_BITS 60

/* What a channel has: whole units, and a fraction. */
typedef struct Portion
{
	int128		whole;
	uint128		fraction;
	int			channel;
} Portion;

/* Those with the greater fraction first, of equal ones the first. */
static int
ComparePortions(const void *a, const void *b)
{
	const Portion *x = a;
	const Portion *y = b;

	if (x->fraction != y->fraction)
		return x->fraction > y->fraction ? -1 : 1;
	return x->channel - y->channel;
}

/* amount / size, rounded down, to the portion; what is left as a fraction. */
static void
AddShare(Portion *portion, int128 amount, int size)
{
	int128		whole = amount / size;
	int128		rest = amount % size;

	if (rest < 0)
	{
		rest += size;
		whole--;
	}
	portion->whole += whole;
	portion->fraction += ((uint128) rest << FRACTION_BITS) / size;
	portion->whole += (int128) (portion->fraction >> FRACTION_BITS);
	portion->fraction &= ((uint128) 1 << FRACTION_BITS) - 1;
}

/* The portions rounded to whole units that sum to the whole. */
static void
RoundPortions(Portion *portions, int n, int128 all, int128 *units)
{
	for (int c = 0; c < n; c++)
		all -= portions[c].whole;
	qsort(portions, n, sizeof(Portion), ComparePortions);
	for (int i = 0; i < n; i++)
		units[portions[i].channel] = portions[i].whole + (i < all ? 1 : 0);
}

/* One side of the sums. By size, the shares of all channels are so many times what the paths bring. */
static void
ShapleySide(const JPathSums *sums, bool value, int128 *units)
{
	int			n = sums->n_channels;
	Portion    *portions = palloc_extended(sizeof(Portion) * Max(n, 1),
										   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	int128	   *by_size = palloc_extended(sizeof(int128) * (n + 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	int128		all = 0;

	for (int c = 0; c < n; c++)
		portions[c].channel = c;
	for (int i = 0; i < sums->n_sums; i++)
	{
		const JPathSum *sum = &sums->sums[i];
		int128		amount = value ? sum->value : (int128) sum->weight * J_CREDIT_UNITS;

		AddShare(&portions[sum->key[0] - 1], amount, sum->key[1]);
		by_size[sum->key[1]] += amount;
	}
	for (int size = 1; size <= n; size++)
		all += by_size[size] / size;
	RoundPortions(portions, n, all, units);
	pfree(portions);
	pfree(by_size);
}

void
JShapley(const JPathSums *sums, int128 *conversions, int128 *value, int64 *with, int64 *all)
{
	int128		total = 0;

	memset(with, 0, sizeof(int64) * sums->n_channels);
	for (int i = 0; i < sums->n_sums; i++)
		with[sums->sums[i].key[0] - 1] += sums->sums[i].weight;
	ShapleySide(sums, false, conversions);
	ShapleySide(sums, true, value);
	for (int c = 0; c < sums->n_channels; c++)
		total += conversions[c];
	*all = (int64) (total / J_CREDIT_UNITS);
}
