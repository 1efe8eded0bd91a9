-- ---------------------------------------------------------------------------------------------
-- funnel
-- ---------------------------------------------------------------------------------------------

CREATE TYPE journey.funnel_result AS (
    steps   integer,
    times   timestamptz[],
    is_open boolean
);
COMMENT ON TYPE journey.funnel_result IS 'how far events came through the steps of a funnel';

CREATE FUNCTION journey.funnel(timeline journey.timeline, steps text[],
    within interval DEFAULT '7 days', options jsonb DEFAULT '{}')
RETURNS journey.funnel_result
AS 'MODULE_PATHNAME', 'journey_funnel'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION journey.funnel(journey.timeline, text[], interval, jsonb) IS
    'how many steps of a funnel a timeline reaches within a window, when, and whether it may go on';

-- the state of aggregates over rows with a time and conditions

CREATE FUNCTION journey.conditions_combine(internal, internal) RETURNS internal
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION journey.conditions_serialize(internal) RETURNS bytea
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION journey.conditions_deserialize(bytea, internal) RETURNS internal
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION journey.window_funnel_add(internal, interval, text, timestamptz, boolean[])
    RETURNS internal
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION journey.window_funnel_final(internal) RETURNS integer
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE journey.window_funnel(
    within interval, mode text, event_time timestamptz, VARIADIC conditions boolean[]
) (
    SFUNC = journey.window_funnel_add,
    STYPE = internal,
    SSPACE = 256,
    FINALFUNC = journey.window_funnel_final,
    COMBINEFUNC = journey.conditions_combine,
    SERIALFUNC = journey.conditions_serialize,
    DESERIALFUNC = journey.conditions_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey.window_funnel(interval, text, timestamptz, VARIADIC boolean[]) IS
    'how many of the conditions hold one after the other within a window; modes as in ClickHouse';
