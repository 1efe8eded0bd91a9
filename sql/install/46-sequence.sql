-- ---------------------------------------------------------------------------------------------
-- sequence
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION journey.sequence_add(internal, text, timestamptz, boolean[]) RETURNS internal
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION journey.sequence_match_final(internal) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION journey.sequence_count_final(internal) RETURNS bigint
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION journey.sequence_events_final(internal) RETURNS timestamptz[]
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE journey.sequence_match(
    pattern text, event_time timestamptz, VARIADIC conditions boolean[]
) (
    SFUNC = journey.sequence_add,
    STYPE = internal,
    SSPACE = 256,
    FINALFUNC = journey.sequence_match_final,
    COMBINEFUNC = journey.conditions_combine,
    SERIALFUNC = journey.conditions_serialize,
    DESERIALFUNC = journey.conditions_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey.sequence_match(text, timestamptz, VARIADIC boolean[]) IS
    'whether rows in order of time match a pattern of conditions';

CREATE AGGREGATE journey.sequence_count(
    pattern text, event_time timestamptz, VARIADIC conditions boolean[]
) (
    SFUNC = journey.sequence_add,
    STYPE = internal,
    SSPACE = 256,
    FINALFUNC = journey.sequence_count_final,
    COMBINEFUNC = journey.conditions_combine,
    SERIALFUNC = journey.conditions_serialize,
    DESERIALFUNC = journey.conditions_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey.sequence_count(text, timestamptz, VARIADIC boolean[]) IS
    'how many times rows in order of time match a pattern of conditions, no row twice';

CREATE AGGREGATE journey.sequence_events(
    pattern text, event_time timestamptz, VARIADIC conditions boolean[]
) (
    SFUNC = journey.sequence_add,
    STYPE = internal,
    SSPACE = 256,
    FINALFUNC = journey.sequence_events_final,
    COMBINEFUNC = journey.conditions_combine,
    SERIALFUNC = journey.conditions_serialize,
    DESERIALFUNC = journey.conditions_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey.sequence_events(text, timestamptz, VARIADIC boolean[]) IS
    'the times of the conditions'' rows in the first match of a pattern';

CREATE FUNCTION journey.sequence_match(timeline journey.timeline, pattern text, steps text[])
RETURNS boolean
AS 'MODULE_PATHNAME', 'sequence_match_timeline'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION journey.sequence_match(journey.timeline, text, text[]) IS
    'whether a timeline matches a pattern of steps';

CREATE FUNCTION journey.sequence_count(timeline journey.timeline, pattern text, steps text[])
RETURNS bigint
AS 'MODULE_PATHNAME', 'sequence_count_timeline'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION journey.sequence_count(journey.timeline, text, text[]) IS
    'how many times a timeline matches a pattern of steps, no event twice';

CREATE FUNCTION journey.sequence_events(timeline journey.timeline, pattern text, steps text[])
RETURNS timestamptz[]
AS 'MODULE_PATHNAME', 'sequence_events_timeline'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION journey.sequence_events(journey.timeline, text, text[]) IS
    'the times of the steps in a timeline''s first match of a pattern';

CREATE FUNCTION journey.next_event(timeline journey.timeline, steps text[],
    base text DEFAULT 'first_match')
RETURNS text
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION journey.next_event(journey.timeline, text[], text) IS
    'what came right after steps that follow each other';

CREATE FUNCTION journey.previous_event(timeline journey.timeline, steps text[],
    base text DEFAULT 'first_match')
RETURNS text
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION journey.previous_event(journey.timeline, text[], text) IS
    'what came right before steps, which are listed from the last to the first';
