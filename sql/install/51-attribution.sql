
-- ---------------------------------------------------------------------------------------------
-- attribution: credit for the touches before a conversion
-- ---------------------------------------------------------------------------------------------

CREATE TYPE journey.attributed_touch AS (
    position      bigint,
    path_length   bigint,
    credit        numeric,
    touch_id      uuid,
    visitor_id    text COLLATE "C",
    session_id    uuid,
    touched_at    timestamptz,
    touch_type    text,
    source        text,
    medium        text,
    campaign      text,
    term          text,
    content       text,
    campaign_id   text,
    channel       text,
    click_id      text,
    click_id_type text,
    click_ids     jsonb,
    landing_page  text,
    referrer      text,
    referrer_host text
);
COMMENT ON TYPE journey.attributed_touch IS 'a touch before a conversion, with its place and its credit';

CREATE FUNCTION journey.attribution(timeline journey.timeline, converted_at timestamptz, rule text,
    lookback interval DEFAULT '90 days', options jsonb DEFAULT '{}')
RETURNS SETOF journey.attributed_touch
AS 'MODULE_PATHNAME', 'journey_attribution'
LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 10;
COMMENT ON FUNCTION journey.attribution(journey.timeline, timestamptz, text, interval, jsonb) IS
    'the touches in [converted_at - lookback, converted_at] with the credit that a rule gives them';

CREATE FUNCTION journey.credits(n integer, rule text, ages interval[] DEFAULT NULL,
    options jsonb DEFAULT '{}')
RETURNS numeric[]
AS 'MODULE_PATHNAME', 'journey_credits'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION journey.credits(integer, text, interval[], jsonb) IS
    'the credits that a rule gives to n touches, from the first to the last; they sum to 1';

CREATE FUNCTION journey.split_amount(amount numeric, credits numeric[], scale integer DEFAULT 2)
RETURNS numeric[]
AS 'MODULE_PATHNAME', 'journey_split_amount'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION journey.split_amount(numeric, numeric[], integer) IS
    'an amount split in proportion to credits, in parts that sum to it';

CREATE FUNCTION journey.transform_path(path text[], transform text, args text[] DEFAULT NULL)
RETURNS text[]
AS 'MODULE_PATHNAME', 'journey_transform_path'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION journey.transform_path(text[], text, text[]) IS
    'a path of channels as a model wants it: without repetitions, without a channel, its last steps, ..';

-- models of all paths: aggregates whose state is sums by channels, in bytes

CREATE TYPE journey.channel_credit AS (
    channel        text,
    conversions    numeric,
    value          numeric,
    removal_effect numeric
);
COMMENT ON TYPE journey.channel_credit IS 'what a model of all paths gives to a channel';

CREATE TYPE journey.channel_transition AS (
    from_channels text[],
    to_channel    text,
    outcome       text,
    transitions   bigint,
    probability   numeric
);
COMMENT ON TYPE journey.channel_transition IS
    'how often a chain goes from its last channels to a channel or to the end';

CREATE FUNCTION journey._markov_add(bytea, text[], bigint, numeric, bigint) RETURNS bytea
    AS 'MODULE_PATHNAME', '_markov_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION journey._markov_add(bytea, text[], bigint, numeric, bigint) IS
    'internal: of the aggregate markov';
CREATE FUNCTION journey._markov_add(bytea, text[], bigint, numeric, bigint, integer) RETURNS bytea
    AS 'MODULE_PATHNAME', '_markov_add_depth' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION journey._markov_add(bytea, text[], bigint, numeric, bigint, integer) IS
    'internal: of the aggregate markov';
CREATE FUNCTION journey._shapley_add(bytea, text[], bigint, numeric) RETURNS bytea
    AS 'MODULE_PATHNAME', '_shapley_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION journey._shapley_add(bytea, text[], bigint, numeric) IS
    'internal: of the aggregate shapley';
CREATE FUNCTION journey._path_sums_combine(bytea, bytea) RETURNS bytea
    AS 'MODULE_PATHNAME', '_path_sums_combine' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION journey._path_sums_combine(bytea, bytea) IS
    'internal: of the aggregates markov, markov_matrix and shapley';
CREATE FUNCTION journey._markov_final(bytea) RETURNS journey.channel_credit[]
    AS 'MODULE_PATHNAME', '_markov_final' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION journey._markov_final(bytea) IS 'internal: of the aggregate markov';
CREATE FUNCTION journey._markov_matrix(bytea) RETURNS journey.channel_transition[]
    AS 'MODULE_PATHNAME', '_markov_matrix' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION journey._markov_matrix(bytea) IS 'internal: of the aggregate markov_matrix';
CREATE FUNCTION journey._shapley_final(bytea) RETURNS journey.channel_credit[]
    AS 'MODULE_PATHNAME', '_shapley_final' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION journey._shapley_final(bytea) IS 'internal: of the aggregate shapley';

CREATE AGGREGATE journey.markov(path text[], conversions bigint, value numeric, nulls bigint) (
    SFUNC = journey._markov_add,
    STYPE = bytea,
    SSPACE = 8192,
    FINALFUNC = journey._markov_final,
    COMBINEFUNC = journey._path_sums_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey.markov(text[], bigint, numeric, bigint) IS
    'conversions and value by channel, in proportion to what a Markov chain of the paths loses without it';

CREATE AGGREGATE journey.markov(path text[], conversions bigint, value numeric, nulls bigint,
    depth integer) (
    SFUNC = journey._markov_add,
    STYPE = bytea,
    SSPACE = 8192,
    FINALFUNC = journey._markov_final,
    COMBINEFUNC = journey._path_sums_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey.markov(text[], bigint, numeric, bigint, integer) IS
    'the same with a chain that remembers the last one (depth 1) or two channels (depth 2)';

CREATE AGGREGATE journey.markov_matrix(path text[], conversions bigint, value numeric,
    nulls bigint) (
    SFUNC = journey._markov_add,
    STYPE = bytea,
    SSPACE = 8192,
    FINALFUNC = journey._markov_matrix,
    COMBINEFUNC = journey._path_sums_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey.markov_matrix(text[], bigint, numeric, bigint) IS
    'the transitions of the chain that markov solves; from the start, outcome at the end';

CREATE AGGREGATE journey.markov_matrix(path text[], conversions bigint, value numeric,
    nulls bigint, depth integer) (
    SFUNC = journey._markov_add,
    STYPE = bytea,
    SSPACE = 8192,
    FINALFUNC = journey._markov_matrix,
    COMBINEFUNC = journey._path_sums_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey.markov_matrix(text[], bigint, numeric, bigint, integer) IS
    'the transitions of the chain of that depth';

CREATE AGGREGATE journey.shapley(path text[], conversions bigint, value numeric) (
    SFUNC = journey._shapley_add,
    STYPE = bytea,
    SSPACE = 8192,
    FINALFUNC = journey._shapley_final,
    COMBINEFUNC = journey._path_sums_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey.shapley(text[], bigint, numeric) IS
    'conversions and value by channel, as the Shapley values of the channels that paths have';
