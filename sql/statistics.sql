-- Tests and intervals: the values of ../shared/reference/conversions-and-journeys.md 1.6 and 3.2, from SciPy
-- and statsmodels, to all digits that are given there.
CREATE SCHEMA regress_statistics;
SET search_path = regress_statistics, journey, public;
SET extra_float_digits = 0;
\set VERBOSITY default
\set SHOW_CONTEXT never

-- a value to eight decimals
CREATE FUNCTION r(float8) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT round($1::numeric, 8)';

SELECT x1 || '/' || n1 || ', ' || x2 || '/' || n2 AS data, r(t.z) AS z, r(t.p_value) AS p, r(t.lower) AS lower, r(t.upper) AS upper,
       r(f.p_value) AS fisher, r(t.difference) AS difference, r(t.lift) AS lift
FROM (VALUES (1, 120, 1000, 100, 1000), (2, 45, 400, 30, 410), (3, 7, 20, 2, 20), (4, 0, 50, 5, 50), (5, 1000, 10000, 1100, 10000),
             (6, 16, 30, 14, 28), (7, 0, 10, 0, 10), (8, 62, 1471, 87, 1529), (9, 0, 0, 1, 2), (10, 5, 5, 5, 5)) AS v(i, x1, n1, x2, n2),
     two_proportions(n1, x1, n2, x2) AS t, fisher_exact(x1, n1 - x1, x2, n2 - x2) AS f ORDER BY i;
SELECT x || '/' || n AS data, r(lower) AS lower, r(upper) AS upper, rate
FROM (VALUES (0, 10), (1, 10), (10, 10), (0, 1), (0, 0)) AS v(x, n), wilson(n, x);
SELECT a, b, c, d, r(p_value) AS p, r(p_greater) AS greater, r(p_less) AS less, r(odds_ratio) AS odds
FROM (VALUES (3, 1, 1, 3), (8, 2, 1, 5), (0, 0, 0, 0), (5, 0, 0, 5), (0, 10, 0, 10)) AS v(a, b, c, d), fisher_exact(a, b, c, d);
-- far tails, and many persons
SELECT p_value, p_greater FROM fisher_exact(300, 0, 0, 300);
SELECT r(p_value) AS p FROM fisher_exact(500000, 500000, 501000, 499000);
SELECT p_value FROM fisher_exact(1000000, 0, 0, 1000000);

SELECT r(t) AS t, r(df) AS df, r(p_value) AS p, r(lower) AS lower, r(upper) AS upper
FROM welch_t('{10,12,9.5,11,30}', '{8,7.5,9,8.5,7,20}');
-- sums and sums of squares, as GrowthBook's tests have them
SELECT round(difference::numeric, 5) AS difference, round(standard_error::numeric, 5) AS se, round(lower::numeric, 5) AS lower, round(upper::numeric, 5) AS upper,
       round(p_value::numeric, 5) AS p
FROM (VALUES (1396.87, 52377.9767, 3407, 2422.7, 134698.29, 3461)) AS v(s1, q1, n1, s2, q2, n2),
     welch_t(n2, s2 / n2, (q2 - s2 * s2 / n2) / (n2 - 1), n1, s1 / n1, (q1 - s1 * s1 / n1) / (n1 - 1));
-- from aggregates; a large mean takes no digits; too few values, no variance
SELECT w.difference = 1 AS difference, r(w.t) AS t, r(w.df) AS df
FROM (SELECT count(*) AS n, avg(x) AS m, var_samp(x) AS v FROM unnest('{1000000001,1000000002,1000000003}'::float8[]) AS x) AS a,
     welch_t(a.n, a.m + 1, a.v, a.n, a.m, a.v) AS w;
SELECT r(t) AS t FROM welch_t('{1000000001,1000000002,1000000004}', '{1000000001,1000000002,1000000003}');
SELECT * FROM welch_t('{1}', '{2,3}');
SELECT * FROM welch_t('{1,1}', '{2,2}');
SELECT * FROM welch_t(1, 5, NULL, 2, 3, 1);
SELECT * FROM welch_t('{}', '{2,NULL,3}');
SELECT * FROM welch_t(NULL, '{2}');

SELECT c, w, round(chi_square::numeric, 6) AS chi2, df, CASE WHEN p_value < 1e-6 THEN to_char(p_value, '9.999EEEE') ELSE round(p_value::numeric, 6)::text END AS p,
       is_mismatch, message
FROM (VALUES (1, '{5000,5300}', NULL), (2, '{4980,5020}', NULL), (3, '{821588,815482}', NULL), (4, '{1000,1050,950}', NULL),
             (5, '{900,100}', '{90,10}'), (6, '{4072,2035}', '{80,20}'), (7, '{2,0}', NULL), (8, '{100,100,0}', '{50,50,0}'),
             (9, '{100}', NULL), (10, '{0,0}', NULL), (11, '{}', NULL), (12, '{1000,0}', NULL)) AS v(i, c, w),
     sample_ratio(c::bigint[], w::float8[]) ORDER BY i;
SELECT sample_ratio(NULL);

-- CUPED in plain SQL: theta is the slope, what is left of the variance one minus the square of the correlation
SELECT r(theta) AS theta, r(var_samp(y) / var_samp(post)) AS ratio, r(1 - r2) AS left, avg(y) AS mean
FROM (SELECT post, theta, r2, post - theta * (pre - mean) AS y
      FROM unnest('{1,2,3,4,5,6,7,8}'::float8[], '{2,3,5,4,6,8,7,9}'::float8[]) AS x(pre, post),
           (SELECT regr_slope(post, pre) AS theta, regr_r2(post, pre) AS r2, avg(pre) AS mean
            FROM unnest('{1,2,3,4,5,6,7,8}'::float8[], '{2,3,5,4,6,8,7,9}'::float8[]) AS x(pre, post)) AS a) AS b
GROUP BY theta, r2;

-- another confidence
SELECT r(lower) AS lower, r(upper) AS upper FROM two_proportions(1000, 120, 1000, 100, 0.99);
SELECT r(lower) AS lower, r(upper) AS upper FROM welch_t('{1,2,3}', '{2,4,9}', 0.8);

-- what is refused
SELECT two_proportions(120, 1000, 100, 1000);
SELECT two_proportions(-1, 0, 1, 0);
SELECT two_proportions(1, 0, 1, 0, 95);
SELECT two_proportions(1, 0, 1, 0, 'NaN');
SELECT two_proportions(1, 0, NULL, 0);
SELECT wilson(1, 2);
SELECT fisher_exact(-1, 0, 0, 0);
SELECT fisher_exact(9223372036854775807, 0, 0, 0);
SELECT welch_t('{1,NaN}', '{2,3}');
SELECT welch_t('{1,2}', '{2,infinity}');
SELECT welch_t(-1, 0, 0, 1, 0, 0);
SELECT welch_t(2, 0, -1, 1, 0, 0);
SELECT welch_t(2, 0, 1, 1, 'infinity', 0);
SELECT welch_t(2, 0, 1, 1, 0, 0, NULL);
SELECT sample_ratio('{1,NULL}');
SELECT sample_ratio('{1,-1}');
SELECT sample_ratio('{1,2}', '{1}');
SELECT sample_ratio('{1,2}', '{1,-1}');
SELECT sample_ratio('{1,2}', '{1,NaN}');
