/*
 * statistics_core.h
 *		Tests and intervals for experiments.
 *
 * A value that the data does not define is NAN. Results are correct to some twelve digits, p-values
 * relative to themselves, down to 1e-300.
 */
#ifndef STATISTICS_CORE_H
#define STATISTICS_CORE_H

#include "journey_core.h"

/* P(|Z| > z) of the normal distribution, and the z of which that is true. */
extern double JNormalTails(double z);
extern double JNormalQuantile(double tails);

/* P(|T| > t) of Student's distribution, and the t of which that is true. */
extern double JStudentTails(double t, double df);
extern double JStudentQuantile(double tails, double df);

/* P(X > x) of the chi-square distribution. */
extern double JChiSquareTail(double x, double df);

typedef struct JInterval
{
	double		lower;
	double		upper;
} JInterval;

/* Wilson's score interval of x of n; z as JNormalQuantile() gives it. n > 0. */
extern JInterval JWilson(double n, double x, double z);

/* Rates x1 / n1 and x2 / n2. The interval is Newcombe's of the difference, the test pooled. */
typedef struct JProportions
{
	double		rate1;
	double		rate2;
	double		difference;
	JInterval	interval;
	double		z;
	double		p;
} JProportions;

extern JProportions JTwoProportions(double n1, double x1, double n2, double x2, double z);

/* Fisher's exact test of the table a, b / c, d. */
typedef struct JFisher
{
	double		p;				/* of all tables not more likely than this one */
	double		less;			/* of tables with a or less in the first cell */
	double		greater;
} JFisher;

extern JFisher JFisherExact(int64 a, int64 b, int64 c, int64 d);

/* Welch's test of two means, by the variances of the samples. */
typedef struct JSample
{
	double		n;
	double		mean;
	double		variance;
} JSample;

typedef struct JWelch
{
	double		difference;
	double		error;			/* standard error of the difference */
	double		t;
	double		df;
	double		p;
	JInterval	interval;
} JWelch;

/* Mean and variance of values, without loss by cancelling. */
extern JSample JSampleFrom(const double *values, int n);
extern JWelch JWelchTest(JSample a, JSample b, double confidence);

/* Pearson's test of counts against weights; those with weight 0 are left out. */
typedef struct JRatio
{
	double		chi_square;
	int			df;				/* less than 1: there is nothing to test, the rest is NAN */
	double		p;
	double		least_expected; /* count of any variant */
} JRatio;

extern JRatio JSampleRatio(const double *counts, const double *weights, int n);

#endif							/* STATISTICS_CORE_H */
