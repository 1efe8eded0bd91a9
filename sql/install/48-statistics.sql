-- ---------------------------------------------------------------------------------------------
-- statistics
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION journey.wilson(n bigint, x bigint, confidence double precision DEFAULT 0.95,
    OUT rate double precision, OUT lower double precision, OUT upper double precision)
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION journey.wilson(bigint, bigint, double precision) IS
    'the rate x of n with Wilson''s interval';

CREATE FUNCTION journey.two_proportions(n1 bigint, x1 bigint, n2 bigint, x2 bigint,
    confidence double precision DEFAULT 0.95,
    OUT rate1 double precision, OUT rate2 double precision, OUT difference double precision,
    OUT lower double precision, OUT upper double precision, OUT lift double precision,
    OUT z double precision, OUT p_value double precision)
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION journey.two_proportions(bigint, bigint, bigint, bigint, double precision) IS
    'the difference of two rates with Newcombe''s interval, and the z test of two proportions';

CREATE FUNCTION journey.fisher_exact(a bigint, b bigint, c bigint, d bigint,
    OUT odds_ratio double precision, OUT p_value double precision,
    OUT p_less double precision, OUT p_greater double precision)
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION journey.fisher_exact(bigint, bigint, bigint, bigint) IS
    'Fisher''s exact test of a table of two rows, a, b and c, d';

CREATE FUNCTION journey.welch_t(n1 bigint, mean1 double precision, variance1 double precision,
    n2 bigint, mean2 double precision, variance2 double precision,
    confidence double precision DEFAULT 0.95,
    OUT difference double precision, OUT standard_error double precision,
    OUT lower double precision, OUT upper double precision, OUT t double precision,
    OUT df double precision, OUT p_value double precision)
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION journey.welch_t(bigint, double precision, double precision, bigint,
    double precision, double precision, double precision) IS
    'Welch''s t test of two means, by count, avg and var_samp of each sample';

CREATE FUNCTION journey.welch_t(sample1 double precision[], sample2 double precision[],
    confidence double precision DEFAULT 0.95,
    OUT difference double precision, OUT standard_error double precision,
    OUT lower double precision, OUT upper double precision, OUT t double precision,
    OUT df double precision, OUT p_value double precision)
AS 'MODULE_PATHNAME', 'welch_t_samples'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION journey.welch_t(double precision[], double precision[], double precision) IS
    'Welch''s t test of the means of two samples';

CREATE FUNCTION journey.sample_ratio(counts bigint[], weights double precision[] DEFAULT NULL,
    OUT chi_square double precision, OUT df integer, OUT p_value double precision,
    OUT is_mismatch boolean, OUT message text)
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION journey.sample_ratio(bigint[], double precision[]) IS
    'whether persons are split over variants as planned: the test for a sample ratio mismatch';
