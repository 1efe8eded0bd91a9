-- ---------------------------------------------------------------------------------------------
-- timeline
-- ---------------------------------------------------------------------------------------------

CREATE TYPE journey.timeline;

CREATE FUNCTION journey.timeline_in(cstring) RETURNS journey.timeline
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION journey.timeline_out(journey.timeline) RETURNS cstring
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION journey.timeline_recv(internal) RETURNS journey.timeline
    AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;

CREATE FUNCTION journey.timeline_send(journey.timeline) RETURNS bytea
    AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;

CREATE TYPE journey.timeline (
    INPUT = journey.timeline_in,
    OUTPUT = journey.timeline_out,
    RECEIVE = journey.timeline_recv,
    SEND = journey.timeline_send,
    INTERNALLENGTH = VARIABLE,
    ALIGNMENT = int4,
    STORAGE = extended
);
COMMENT ON TYPE journey.timeline IS 'a compact set of events in order of time';

-- comparison: equal sets are equal; the order serves DISTINCT, EXCEPT and indexes only

CREATE FUNCTION journey.timeline_eq(journey.timeline, journey.timeline) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION journey.timeline_ne(journey.timeline, journey.timeline) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION journey.timeline_lt(journey.timeline, journey.timeline) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION journey.timeline_le(journey.timeline, journey.timeline) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION journey.timeline_gt(journey.timeline, journey.timeline) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION journey.timeline_ge(journey.timeline, journey.timeline) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION journey.timeline_cmp(journey.timeline, journey.timeline) RETURNS integer
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION journey.timeline_hash(journey.timeline) RETURNS integer
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION journey.timeline_hash_extended(journey.timeline, bigint) RETURNS bigint
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE OPERATOR journey.= (
    LEFTARG = journey.timeline, RIGHTARG = journey.timeline, FUNCTION = journey.timeline_eq,
    COMMUTATOR = OPERATOR(journey.=), NEGATOR = OPERATOR(journey.<>),
    RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
CREATE OPERATOR journey.<> (
    LEFTARG = journey.timeline, RIGHTARG = journey.timeline, FUNCTION = journey.timeline_ne,
    COMMUTATOR = OPERATOR(journey.<>), NEGATOR = OPERATOR(journey.=),
    RESTRICT = neqsel, JOIN = neqjoinsel
);
CREATE OPERATOR journey.< (
    LEFTARG = journey.timeline, RIGHTARG = journey.timeline, FUNCTION = journey.timeline_lt,
    COMMUTATOR = OPERATOR(journey.>), NEGATOR = OPERATOR(journey.>=),
    RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
CREATE OPERATOR journey.<= (
    LEFTARG = journey.timeline, RIGHTARG = journey.timeline, FUNCTION = journey.timeline_le,
    COMMUTATOR = OPERATOR(journey.>=), NEGATOR = OPERATOR(journey.>),
    RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
CREATE OPERATOR journey.> (
    LEFTARG = journey.timeline, RIGHTARG = journey.timeline, FUNCTION = journey.timeline_gt,
    COMMUTATOR = OPERATOR(journey.<), NEGATOR = OPERATOR(journey.<=),
    RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
CREATE OPERATOR journey.>= (
    LEFTARG = journey.timeline, RIGHTARG = journey.timeline, FUNCTION = journey.timeline_ge,
    COMMUTATOR = OPERATOR(journey.<=), NEGATOR = OPERATOR(journey.<),
    RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR journey.= (journey.timeline, journey.timeline) IS
    'the same set of events';
COMMENT ON OPERATOR journey.<> (journey.timeline, journey.timeline) IS
    'not the same set of events';
COMMENT ON OPERATOR journey.< (journey.timeline, journey.timeline) IS
    'less, in an order for sorting only';
COMMENT ON OPERATOR journey.<= (journey.timeline, journey.timeline) IS
    'less or equal, in an order for sorting only';
COMMENT ON OPERATOR journey.> (journey.timeline, journey.timeline) IS
    'greater, in an order for sorting only';
COMMENT ON OPERATOR journey.>= (journey.timeline, journey.timeline) IS
    'greater or equal, in an order for sorting only';

CREATE OPERATOR CLASS journey.timeline_ops DEFAULT FOR TYPE journey.timeline USING btree AS
    OPERATOR 1 journey.<,
    OPERATOR 2 journey.<=,
    OPERATOR 3 journey.=,
    OPERATOR 4 journey.>=,
    OPERATOR 5 journey.>,
    FUNCTION 1 journey.timeline_cmp(journey.timeline, journey.timeline);
COMMENT ON OPERATOR CLASS journey.timeline_ops USING btree IS 'order of timelines';

CREATE OPERATOR CLASS journey.timeline_ops DEFAULT FOR TYPE journey.timeline USING hash AS
    OPERATOR 1 journey.=,
    FUNCTION 1 journey.timeline_hash(journey.timeline),
    FUNCTION 2 journey.timeline_hash_extended(journey.timeline, bigint);
COMMENT ON OPERATOR CLASS journey.timeline_ops USING hash IS 'equality of timelines';

-- what is in a timeline

CREATE FUNCTION journey._events_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'journey_events_support' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION journey._events_support(internal) IS
    'internal: tells the planner how many events a timeline has';

CREATE FUNCTION journey.events(timeline journey.timeline) RETURNS SETOF journey.event
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 10
    SUPPORT journey._events_support;
COMMENT ON FUNCTION journey.events(journey.timeline) IS
    'the events of a timeline, in order of time';

CREATE FUNCTION journey.event_count(timeline journey.timeline) RETURNS bigint
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION journey.event_count(journey.timeline) IS
    'how many events a timeline has';

-- the union

CREATE FUNCTION journey.timeline_union(journey.timeline, journey.timeline)
    RETURNS journey.timeline
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION journey.timeline_union(journey.timeline, journey.timeline) IS
    'one timeline with the events of both';

CREATE AGGREGATE journey.rollup(journey.timeline) (
    SFUNC = journey.timeline_union,
    STYPE = journey.timeline,
    SSPACE = 2048,
    COMBINEFUNC = journey.timeline_union,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey.rollup(journey.timeline) IS
    'one timeline with the events of all';

-- timelines from rows

CREATE FUNCTION journey.timeline_agg_columns(
    internal, text, timestamptz, text, text, text, text, numeric
) RETURNS internal
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION journey.timeline_agg_names(internal, timestamptz, text) RETURNS internal
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION journey.timeline_agg_event(internal, journey.event) RETURNS internal
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION journey.timeline_agg_combine(internal, internal) RETURNS internal
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION journey.timeline_agg_serialize(internal) RETURNS bytea
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION journey.timeline_agg_deserialize(bytea, internal) RETURNS internal
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION journey.timeline_agg_final(internal) RETURNS journey.timeline
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE journey.timeline_agg(
    event_id text, event_time timestamptz, name text, url text, referrer text, user_id text,
    revenue numeric
) (
    SFUNC = journey.timeline_agg_columns,
    STYPE = internal,
    SSPACE = 1024,
    FINALFUNC = journey.timeline_agg_final,
    COMBINEFUNC = journey.timeline_agg_combine,
    SERIALFUNC = journey.timeline_agg_serialize,
    DESERIALFUNC = journey.timeline_agg_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE
    journey.timeline_agg(text, timestamptz, text, text, text, text, numeric) IS
    'the timeline of rows with the usual columns of an event';

CREATE AGGREGATE journey.timeline_agg(event_time timestamptz, name text) (
    SFUNC = journey.timeline_agg_names,
    STYPE = internal,
    SSPACE = 512,
    FINALFUNC = journey.timeline_agg_final,
    COMBINEFUNC = journey.timeline_agg_combine,
    SERIALFUNC = journey.timeline_agg_serialize,
    DESERIALFUNC = journey.timeline_agg_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey.timeline_agg(timestamptz, text) IS
    'the timeline of rows with a time and a name';

CREATE AGGREGATE journey.timeline_agg(journey.event) (
    SFUNC = journey.timeline_agg_event,
    STYPE = internal,
    SSPACE = 2048,
    FINALFUNC = journey.timeline_agg_final,
    COMBINEFUNC = journey.timeline_agg_combine,
    SERIALFUNC = journey.timeline_agg_serialize,
    DESERIALFUNC = journey.timeline_agg_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey.timeline_agg(journey.event) IS
    'the timeline of events in standard form';

-- a time without its zone would be another one for each TimeZone: it is refused, not taken for timestamptz

CREATE FUNCTION journey.timeline_agg_zoneless(
    internal, text, timestamp, text, text, text, text, numeric
) RETURNS internal
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION journey.timeline_agg_zoneless(internal, timestamp, text) RETURNS internal
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION journey.timeline_agg_zoneless(internal) RETURNS journey.timeline
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE journey.timeline_agg(
    event_id text, event_time timestamp, name text, url text, referrer text, user_id text,
    revenue numeric
) (
    SFUNC = journey.timeline_agg_zoneless,
    STYPE = internal,
    FINALFUNC = journey.timeline_agg_zoneless,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE
    journey.timeline_agg(text, timestamp, text, text, text, text, numeric) IS
    'refuses a time without time zone';

CREATE AGGREGATE journey.timeline_agg(event_time timestamp, name text) (
    SFUNC = journey.timeline_agg_zoneless,
    STYPE = internal,
    FINALFUNC = journey.timeline_agg_zoneless,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey.timeline_agg(timestamp, text) IS 'refuses a time without time zone';
