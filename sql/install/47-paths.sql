-- ---------------------------------------------------------------------------------------------
-- paths and retention
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION journey.paths(timeline journey.timeline, start_at text DEFAULT NULL,
    end_at text DEFAULT NULL, depth integer DEFAULT 10, options jsonb DEFAULT '{}')
RETURNS text[]
AS 'MODULE_PATHNAME', 'journey_paths'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION journey.paths(journey.timeline, text, text, integer, jsonb) IS
    'what was seen one after the other, from one step on, or up to one';

CREATE FUNCTION journey.session_path(timeline journey.timeline,
    timeout interval DEFAULT '30 minutes', options jsonb DEFAULT '{}',
    OUT session_id uuid, OUT visitor_id text, OUT session_number bigint,
    OUT started_at timestamptz, OUT channel text, OUT path text[])
RETURNS SETOF record
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100 ROWS 10;
COMMENT ON FUNCTION journey.session_path(journey.timeline, interval, jsonb) IS
    'the path through each session of a timeline';

CREATE FUNCTION journey.path_regex(timeline journey.timeline, pattern text, symbols text[],
    options jsonb DEFAULT '{}',
    OUT match_number integer, OUT started_at timestamptz, OUT ended_at timestamptz,
    OUT events integer, OUT symbol_path text[], OUT path text[])
RETURNS SETOF record
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100 ROWS 10;
COMMENT ON FUNCTION journey.path_regex(journey.timeline, text, text[], jsonb) IS
    'where a timeline matches a regular expression over symbols';

CREATE FUNCTION journey.first_at(timeline journey.timeline, step text) RETURNS timestamptz
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION journey.first_at(journey.timeline, text) IS
    'when a step was first done';

CREATE FUNCTION journey.time_between(timeline journey.timeline, from_step text, to_step text)
RETURNS numeric
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION journey.time_between(journey.timeline, text, text) IS
    'seconds from the first event of one step to the next of another';

CREATE FUNCTION journey.days_active(timeline journey.timeline, step text DEFAULT NULL,
    since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, time_zone text DEFAULT 'UTC')
RETURNS integer
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION journey.days_active(journey.timeline, text, timestamptz, timestamptz, text) IS
    'on how many days there was an event, from since to before until';

CREATE FUNCTION journey.stickiness(timeline journey.timeline, unit text DEFAULT 'day',
    step text DEFAULT NULL, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL,
    time_zone text DEFAULT 'UTC')
RETURNS integer
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION journey.stickiness(journey.timeline, text, text, timestamptz, timestamptz, text) IS
    'in how many periods of a unit there was an event, from since to before until';

CREATE FUNCTION journey.retention(timeline journey.timeline, first_step text, return_step text,
    periods integer DEFAULT 8, unit text DEFAULT 'week', time_zone text DEFAULT 'UTC')
RETURNS boolean[]
AS 'MODULE_PATHNAME', 'retention_timeline'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION journey.retention(journey.timeline, text, text, integer, text, text) IS
    'whether who did the first step returned in its own period and in each of the next';

CREATE FUNCTION journey.retention_add(bigint, boolean[]) RETURNS bigint
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION journey.retention_combine(bigint, bigint) RETURNS bigint
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION journey.retention_final(bigint) RETURNS boolean[]
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE journey.retention(VARIADIC conditions boolean[]) (
    SFUNC = journey.retention_add,
    STYPE = bigint,
    FINALFUNC = journey.retention_final,
    COMBINEFUNC = journey.retention_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey.retention(VARIADIC boolean[]) IS
    'whether the first condition ever held, and with it each of the others';

CREATE FUNCTION journey.retention_counts_add(bigint[], boolean[]) RETURNS bigint[]
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION journey.retention_counts_combine(bigint[], bigint[]) RETURNS bigint[]
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE AGGREGATE journey.retention_counts(periods boolean[]) (
    SFUNC = journey.retention_counts_add,
    STYPE = bigint[],
    INITCOND = '{}',
    COMBINEFUNC = journey.retention_counts_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey.retention_counts(boolean[]) IS
    'how many returned in each period, of what retention gives for each of them';
