/*
 * statistics_core.c
 *		Tests and intervals for experiments.
 *
 * The distributions come from their continued fractions and series, evaluated until nothing
 * changes; quantiles by Newton's steps kept within bounds. Fisher's test adds up the tables from the
 * most likely one outwards by the ratio of neighbours, so that nothing large is subtracted.
 */
#include "statistics_core.h"

#include <float.h>
#include <math.h>

#define TINY 1e-300
#define MAX_ROUNDS 1000000

/* ------------------------------------------------------------------------------------------------
 * distributions
 * ------------------------------------------------------------------------------------------------ */

double
JNormalTails(double z)
{
	return erfc(fabs(z) / M_SQRT2);
}

/* ln(Gamma(a + 1/2) / Gamma(a)). Of large a both logarithms are so large that their difference is lost. */
static double
LogGammaHalf(double a)
{
	double		inverse = 1 / a;

	if (a < 50)
		return lgamma(a + 0.5) - lgamma(a);
	return 0.5 * log(a) +
		inverse * (-1.0 / 8 + inverse * inverse * (1.0 / 192 - inverse * inverse / 640));
}

/* A term of Lentz's method must not be 0. */
static inline double
NotZero(double x)
{
	return fabs(x) < TINY ? TINY : x;
}

/* The continued fraction of the incomplete beta function. */
static double
BetaFraction(double x, double a, double b)
{
	double		c = 1;
	double		d = 1 / NotZero(1 - (a + b) * x / (a + 1));
	double		result = d;

	for (int m = 1; m < MAX_ROUNDS; m++)
	{
		double		even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double		odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		double		factor;

		d = 1 / NotZero(1 + even * d);
		c = NotZero(1 + even / c);
		result *= c * d;
		d = 1 / NotZero(1 + odd * d);
		c = NotZero(1 + odd / c);
		factor = c * d;
		result *= factor;
		if (fabs(factor - 1) < DBL_EPSILON)
			break;
	}
	return result;
}

/* As the incomplete beta function of df / (df + t^2) with df / 2 and 1/2. */
double
JStudentTails(double t, double df)
{
	double		a = df / 2;
	double		ratio = t * t / df;
	double		x = 1 / (1 + ratio);
	double		y = ratio / (1 + ratio);
	double		front;

	if (isnan(t) || isnan(df))
		return NAN;
	if (t == 0)
		return 1;
	if (isinf(df) || df > 1e12)
		return JNormalTails(t);
	/* x^a y^(1/2) / B(a, 1/2) */
	front = exp(-a * log1p(ratio) + 0.5 * log(y) + LogGammaHalf(a) - 0.5 * log(M_PI));
	if (x < (a + 1) / (a + 2.5))
		return front * BetaFraction(x, a, 0.5) / a;
	return 1 - front * BetaFraction(y, 0.5, a) / 0.5;
}

/* The upper incomplete gamma function of df / 2 and x / 2, divided by the complete one. */
double
JChiSquareTail(double x, double df)
{
	double		a = df / 2;
	double		y = x / 2;
	double		front;
	double		b = y + 1 - a;
	double		c = 1 / TINY;
	double		d;
	double		result;

	if (isnan(x) || isnan(df))
		return NAN;
	if (x <= 0)
		return 1;
	front = exp(a * log(y) - y - lgamma(a));
	if (y < a + 1)
	{
		double		term = 1 / a;
		double		sum = term;

		for (int i = 1; i < MAX_ROUNDS && term > sum * DBL_EPSILON; i++)
		{
			term *= y / (a + i);
			sum += term;
		}
		return 1 - front * sum;
	}
	d = 1 / NotZero(b);
	result = d;
	for (int i = 1; i < MAX_ROUNDS; i++)
	{
		double		factor;

		b += 2;
		d = 1 / NotZero(i * (a - i) * d + b);
		c = NotZero(b + i * (a - i) / c);
		factor = c * d;
		result *= factor;
		if (fabs(factor - 1) < DBL_EPSILON)
			break;
	}
	return front * result;
}

/*
 * The point where the tails of a distribution are as asked; they fall from 1 at 0. Looked for within
 * bounds by straight lines through logarithms, since tails are far from straight themselves; a bound
 * that stays twice counts half (the Illinois method).
 */
static double
Quantile(double tails, double df, double (*tails_of) (double, double))
{
	double		low = 0;
	double		high = 2;
	double		above = -log(tails);	/* how far the bounds' logarithms are off */
	double		below;
	int			side = 0;

	while ((below = log(tails_of(high, df) / tails)) > 0 && high < 1e300)
	{
		low = high;
		above = below;
		high *= 2;
	}
	for (int i = 0; i < 200 && high - low > 2 * DBL_EPSILON * high; i++)
	{
		double		middle = (high * above - low * below) / (above - below);
		double		off;

		if (!(middle > low && middle < high))
			middle = low + (high - low) / 2;
		off = log(tails_of(middle, df) / tails);
		if (off == 0)
			return middle;
		if (off > 0)
		{
			low = middle;
			above = off;
			below /= side > 0 ? 2 : 1;
			side = 1;
		}
		else
		{
			high = middle;
			below = off;
			above /= side < 0 ? 2 : 1;
			side = -1;
		}
	}
	return low + (high - low) / 2;
}

static double
NormalTails(double z, double df)
{
	return JNormalTails(z);
}

double
JNormalQuantile(double tails)
{
	return Quantile(tails, 0, NormalTails);
}

double
JStudentQuantile(double tails, double df)
{
	return isnan(df) ? NAN : Quantile(tails, df, JStudentTails);
}

/* ------------------------------------------------------------------------------------------------
 * proportions
 * ------------------------------------------------------------------------------------------------ */

JInterval
JWilson(double n, double x, double z)
{
	double		p = x / n;
	double		shrink = 1 + z * z / n;
	double		centre = (p + z * z / (2 * n)) / shrink;
	double		half = z / shrink * sqrt(p * (1 - p) / n + z * z / (4 * n * n));

	/* exact at the ends, where rounding would leave a rest */
	return (JInterval) {x == 0 ? 0 : Max(centre - half, 0), x == n ? 1 : Min(centre + half, 1)};
}

JProportions
JTwoProportions(double n1, double x1, double n2, double x2, double z)
{
	JProportions result = {NAN, NAN, NAN, {NAN, NAN}, NAN, NAN};
	double		pooled = (x1 + x2) / (n1 + n2);
	double		error = sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2));
	JInterval	a,
				b;

	if (n1 > 0)
		result.rate1 = x1 / n1;
	if (n2 > 0)
		result.rate2 = x2 / n2;
	if (n1 == 0 || n2 == 0)
		return result;
	result.difference = result.rate1 - result.rate2;
	a = JWilson(n1, x1, z);
	b = JWilson(n2, x2, z);
	result.interval.lower = result.difference -
		hypot(result.rate1 - a.lower, b.upper - result.rate2);
	result.interval.upper = result.difference +
		hypot(a.upper - result.rate1, result.rate2 - b.lower);
	if (error > 0)
	{
		result.z = result.difference / error;
		result.p = JNormalTails(result.z);
	}
	return result;
}

/* ------------------------------------------------------------------------------------------------
 * Fisher
 * ------------------------------------------------------------------------------------------------ */

/* How much more likely a table is than the one with one less in the first cell, row and column sums kept. */
static double
Step(double k, double row, double column, double total)
{
	return (row - k + 1) * (column - k + 1) / (k * (total - row - column + k));
}

typedef struct JFisherSums
{
	double		all;
	double		tail;			/* not more likely than the one seen */
	double		less;
	double		greater;
} JFisherSums;

/* Likelihoods are relative to the most likely table; one is "as likely" within rounding. */
static void
AddTable(JFisherSums *sums, double likelihood, double seen, int64 k, int64 a)
{
	sums->all += likelihood;
	if (likelihood <= seen * (1 + 1e-7))
		sums->tail += likelihood;
	if (k <= a)
		sums->less += likelihood;
	if (k >= a)
		sums->greater += likelihood;
}

JFisher
JFisherExact(int64 a, int64 b, int64 c, int64 d)
{
	double		row = (double) a + b;
	double		column = (double) a + c;
	double		total = (double) a + b + c + d;
	int64		least = Max(0, a - d);
	int64		most = a + Min(b, c);
	int64		mode = (int64) floor((row + 1) * (column + 1) / (total + 2));
	double		seen = 1;
	double		likelihood;
	JFisherSums sums = {0};

	mode = Min(Max(mode, least), most);
	for (int64 k = mode + 1; k <= a && seen > 0; k++)
		seen *= Step(k, row, column, total);
	for (int64 k = mode; k > a && seen > 0; k--)
		seen /= Step(k, row, column, total);

	AddTable(&sums, 1, seen, mode, a);
	likelihood = 1;
	for (int64 k = mode + 1; k <= most; k++)
	{
		CHECK_FOR_INTERRUPTS();
		likelihood *= Step(k, row, column, total);
		if (likelihood == 0)
			break;
		AddTable(&sums, likelihood, seen, k, a);
	}
	likelihood = 1;
	for (int64 k = mode; k > least; k--)
	{
		CHECK_FOR_INTERRUPTS();
		likelihood /= Step(k, row, column, total);
		if (likelihood == 0)
			break;
		AddTable(&sums, likelihood, seen, k - 1, a);
	}
	return (JFisher) {
		Min(sums.tail / sums.all, 1), Min(sums.less / sums.all, 1),
		Min(sums.greater / sums.all, 1)
	};
}

/* ------------------------------------------------------------------------------------------------
 * means
 * ------------------------------------------------------------------------------------------------ */

JSample
JSampleFrom(const double *values, int n)
{
	JSample		sample = {n, NAN, NAN};
	double		mean = 0;
	double		squares = 0;

	for (int i = 0; i < n; i++)
	{
		double		step = values[i] - mean;

		mean += step / (i + 1);
		squares += step * (values[i] - mean);
	}
	if (n > 0)
		sample.mean = mean;
	if (n > 1)
		sample.variance = squares / (n - 1);
	return sample;
}

JWelch
JWelchTest(JSample a, JSample b, double confidence)
{
	JWelch		result = {NAN, NAN, NAN, NAN, NAN, {NAN, NAN}};
	double		va = a.variance / a.n;
	double		vb = b.variance / b.n;
	double		half;

	if (a.n < 1 || b.n < 1)
		return result;
	result.difference = a.mean - b.mean;
	if (a.n < 2 || b.n < 2 || !(va + vb > 0))
		return result;
	result.error = sqrt(va + vb);
	result.t = result.difference / result.error;
	/* by shares, so that no square overflows */
	va /= va + vb;
	result.df = 1 / (va * va / (a.n - 1) + (1 - va) * (1 - va) / (b.n - 1));
	result.p = JStudentTails(result.t, result.df);
	half = JStudentQuantile(1 - confidence, result.df) * result.error;
	result.interval = (JInterval) {result.difference - half, result.difference + half};
	return result;
}

/* ------------------------------------------------------------------------------------------------
 * sample ratio
 * ------------------------------------------------------------------------------------------------ */

JRatio
JSampleRatio(const double *counts, const double *weights, int n)
{
	JRatio		result = {NAN, -1, NAN, NAN};
	double		all_counts = 0;
	double		all_weights = 0;

	for (int i = 0; i < n; i++)
		if (weights[i] > 0)
		{
			all_counts += counts[i];
			all_weights += weights[i];
			result.df++;
		}
	if (result.df < 1 || all_counts == 0)
		return result;
	result.chi_square = 0;
	for (int i = 0; i < n; i++)
	{
		double		expected = all_counts * (weights[i] / all_weights);

		if (!(weights[i] > 0))
			continue;
		result.chi_square += (counts[i] - expected) * (counts[i] - expected) / expected;
		if (!(result.least_expected <= expected))
			result.least_expected = expected;
	}
	result.p = JChiSquareTail(result.chi_square, result.df);
	return result;
}
