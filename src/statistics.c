/*
 * statistics.c
 *		SQL: tests and intervals for experiments.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "statistics_core.h"
#include "steps.h"

PG_FUNCTION_INFO_V1(two_proportions);
PG_FUNCTION_INFO_V1(wilson);
PG_FUNCTION_INFO_V1(fisher_exact);
PG_FUNCTION_INFO_V1(welch_t);
PG_FUNCTION_INFO_V1(welch_t_samples);
PG_FUNCTION_INFO_V1(sample_ratio);

/* A column of a row; what is not defined is NULL. */
static void
SetValue(Datum *values, bool *nulls, int column, double value)
{
	nulls[column] = isnan(value);
	values[column] = Float8GetDatum(value);
}

static Datum
RowDatum(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	TupleDesc	tupdesc;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls));
}

static double
Confidence(double confidence)
{
	if (!(confidence > 0 && confidence < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("confidence must be between 0 and 1: %g", confidence),
				 errhint("0.95 is usual.")));
	return confidence;
}

/* x of n */
static void
CheckCounts(int64 n, int64 x)
{
	if (n < 0 || x < 0 || x > n)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there cannot be " INT64_FORMAT " of " INT64_FORMAT, x, n),
				 errhint("The number of all comes first, then how many of them.")));
}

/* wilson(n bigint, x bigint, confidence double precision) */
Datum
wilson(PG_FUNCTION_ARGS)
{
	int64		n = PG_GETARG_INT64(0);
	int64		x = PG_GETARG_INT64(1);
	double		z = JNormalQuantile(1 - Confidence(PG_GETARG_FLOAT8(2)));
	JInterval	interval = {NAN, NAN};
	Datum		values[3];
	bool		nulls[3];

	CheckCounts(n, x);
	if (n > 0)
		interval = JWilson(n, x, z);
	SetValue(values, nulls, 0, n > 0 ? (double) x / n : NAN);
	SetValue(values, nulls, 1, interval.lower);
	SetValue(values, nulls, 2, interval.upper);
	PG_RETURN_DATUM(RowDatum(fcinfo, values, nulls));
}

/* two_proportions(n1 bigint, x1 bigint, n2 bigint, x2 bigint, confidence double precision) */
Datum
two_proportions(PG_FUNCTION_ARGS)
{
	int64		n1 = PG_GETARG_INT64(0);
	int64		x1 = PG_GETARG_INT64(1);
	int64		n2 = PG_GETARG_INT64(2);
	int64		x2 = PG_GETARG_INT64(3);
	double		z = JNormalQuantile(1 - Confidence(PG_GETARG_FLOAT8(4)));
	JProportions result;
	Datum		values[8];
	bool		nulls[8];

	CheckCounts(n1, x1);
	CheckCounts(n2, x2);
	result = JTwoProportions(n1, x1, n2, x2, z);
	SetValue(values, nulls, 0, result.rate1);
	SetValue(values, nulls, 1, result.rate2);
	SetValue(values, nulls, 2, result.difference);
	SetValue(values, nulls, 3, result.interval.lower);
	SetValue(values, nulls, 4, result.interval.upper);
	SetValue(values, nulls, 5, x2 > 0 ? result.rate1 / result.rate2 - 1 : NAN);
	SetValue(values, nulls, 6, result.z);
	SetValue(values, nulls, 7, result.p);
	PG_RETURN_DATUM(RowDatum(fcinfo, values, nulls));
}

#define MAX_TABLE INT64CONST(1000000000000)

/* fisher_exact(a bigint, b bigint, c bigint, d bigint) */
Datum
fisher_exact(PG_FUNCTION_ARGS)
{
	int64		cell[4];
	JFisher		result;
	Datum		values[4];
	bool		nulls[4];

	for (int i = 0; i < 4; i++)
	{
		cell[i] = PG_GETARG_INT64(i);
		if (cell[i] < 0 || cell[i] > MAX_TABLE)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a cell of the table must be between 0 and " INT64_FORMAT ": " INT64_FORMAT,
							MAX_TABLE, cell[i])));
	}
	result = JFisherExact(cell[0], cell[1], cell[2], cell[3]);
	SetValue(values, nulls, 0, cell[1] == 0 || cell[2] == 0 ? NAN :
			 ((double) cell[0] / cell[1]) * ((double) cell[3] / cell[2]));
	SetValue(values, nulls, 1, result.p);
	SetValue(values, nulls, 2, result.less);
	SetValue(values, nulls, 3, result.greater);
	PG_RETURN_DATUM(RowDatum(fcinfo, values, nulls));
}

static Datum
WelchRow(FunctionCallInfo fcinfo, JSample a, JSample b, double confidence)
{
	JWelch		result = JWelchTest(a, b, Confidence(confidence));
	Datum		values[7];
	bool		nulls[7];

	SetValue(values, nulls, 0, result.difference);
	SetValue(values, nulls, 1, result.error);
	SetValue(values, nulls, 2, result.interval.lower);
	SetValue(values, nulls, 3, result.interval.upper);
	SetValue(values, nulls, 4, result.t);
	SetValue(values, nulls, 5, result.df);
	SetValue(values, nulls, 6, result.p);
	PG_RETURN_DATUM(RowDatum(fcinfo, values, nulls));
}

/* One sample of a call: its size, mean and variance, from that argument on. */
static JSample
SampleArgs(FunctionCallInfo fcinfo, int arg)
{
	JSample		sample = {PG_ARGISNULL(arg) ? 0 : PG_GETARG_INT64(arg), NAN, NAN};

	if (!PG_ARGISNULL(arg + 1))
		sample.mean = PG_GETARG_FLOAT8(arg + 1);
	if (!PG_ARGISNULL(arg + 2))
		sample.variance = PG_GETARG_FLOAT8(arg + 2);
	if (sample.n < 0 || sample.variance < 0 || isinf(sample.mean) || isinf(sample.variance))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid sample: size %g, mean %g, variance %g", sample.n, sample.mean,
						sample.variance),
				 errhint("Size and variance are not negative, and all are finite.")));
	return sample;
}

/* welch_t(n1 bigint, mean1, variance1, n2 bigint, mean2, variance2, confidence double precision) */
Datum
welch_t(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(6))
		JNullArgument("confidence");
	return WelchRow(fcinfo, SampleArgs(fcinfo, 0), SampleArgs(fcinfo, 3), PG_GETARG_FLOAT8(6));
}

/* The values of an array that are not NULL; finite numbers alone, or an error. */
static double *
Doubles(ArrayType *array, const char *what, int *n)
{
	Datum	   *elements;
	bool	   *nulls;
	double	   *values;
	int			all;

	deconstruct_array(array, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
					  &elements, &nulls, &all);
	values = palloc_array(double, Max(all, 1));
	*n = 0;
	for (int i = 0; i < all; i++)
	{
		if (nulls[i])
			continue;
		values[*n] = DatumGetFloat8(elements[i]);
		if (isnan(values[*n]) || isinf(values[*n]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s must be finite: %g", what, values[*n])));
		(*n)++;
	}
	return values;
}

/* welch_t(sample1 double precision[], sample2 double precision[], confidence double precision) */
Datum
welch_t_samples(PG_FUNCTION_ARGS)
{
	JSample		samples[2];

	for (int i = 0; i < 2; i++)
	{
		int			n;
		double	   *values = Doubles(PG_GETARG_ARRAYTYPE_P(i), "values of a sample", &n);

		samples[i] = JSampleFrom(values, n);
	}
	return WelchRow(fcinfo, samples[0], samples[1], PG_GETARG_FLOAT8(2));
}

/* ------------------------------------------------------------------------------------------------
 * sample ratio
 * ------------------------------------------------------------------------------------------------ */

/* An alarm is raised below the first, a word of caution said below the second; smaller expected counts tell nothing. */
#define RATIO_ALARM 0.001
#define RATIO_CAUTION 0.01
#define RATIO_LEAST 8

/* The counts of an array; none may be NULL or negative. */
static double *
Counts(ArrayType *array, int *n)
{
	Datum	   *elements;
	bool	   *nulls;
	double	   *counts;

	deconstruct_array(array, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
					  &elements, &nulls, n);
	counts = palloc_array(double, Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		if (nulls[i] || DatumGetInt64(elements[i]) < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("counts[%d] must be a number of persons", i + 1)));
		counts[i] = DatumGetInt64(elements[i]);
	}
	return counts;
}

/* The weights of so many variants; all the same where none are given. */
static double *
Weights(FunctionCallInfo fcinfo, int n)
{
	double	   *weights;
	int			n_weights = n;

	if (PG_ARGISNULL(1))
	{
		weights = palloc_array(double, Max(n, 1));
		for (int i = 0; i < n; i++)
			weights[i] = 1;
		return weights;
	}
	weights = Doubles(PG_GETARG_ARRAYTYPE_P(1), "weights", &n_weights);
	if (n_weights != n)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there are %d counts and %d weights", n, n_weights)));
	for (int i = 0; i < n; i++)
		if (weights[i] < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("weights[%d] must not be negative: %g", i + 1, weights[i])));
	return weights;
}

/* sample_ratio(counts bigint[], weights double precision[]) */
Datum
sample_ratio(PG_FUNCTION_ARGS)
{
	Datum		values[5];
	bool		nulls[5] = {false};
	JRatio		result;
	double	   *counts;
	char	   *message;
	int			n;
	bool		tells;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	counts = Counts(PG_GETARG_ARRAYTYPE_P(0), &n);
	result = JSampleRatio(counts, Weights(fcinfo, n), n);
	tells = result.df >= 1 && result.least_expected >= RATIO_LEAST;
	if (!tells)
		message = "There are too few persons, or variants, to tell whether the split is as planned.";
	else if (result.p < RATIO_ALARM)
		message = psprintf("Sample ratio mismatch: a split so far from the planned one comes by chance with p = %.2g. Find out why before you read the results.",
						   result.p);
	else if (result.p < RATIO_CAUTION)
		message = psprintf("The split is further from the planned one than chance usually takes it (p = %.2g). Keep an eye on it.",
						   result.p);
	else
		message = psprintf("The split is as planned (p = %.2g).", result.p);

	SetValue(values, nulls, 0, result.chi_square);
	values[1] = Int32GetDatum(result.df);
	nulls[1] = result.df < 1;
	SetValue(values, nulls, 2, result.p);
	values[3] = BoolGetDatum(tells && result.p < RATIO_ALARM);
	nulls[3] = !tells;
	values[4] = CStringGetTextDatum(message);
	PG_RETURN_DATUM(RowDatum(fcinfo, values, nulls));
}
