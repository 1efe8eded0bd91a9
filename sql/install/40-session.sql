-- ---------------------------------------------------------------------------------------------
-- session
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION journey.sessions(timeline journey.timeline,
    timeout interval DEFAULT '30 minutes', options jsonb DEFAULT '{}')
RETURNS SETOF journey.session
AS 'MODULE_PATHNAME', 'journey_sessions'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100 ROWS 10;
COMMENT ON FUNCTION journey.sessions(journey.timeline, interval, jsonb) IS
    'the sessions of a timeline, each visitor split by itself';

CREATE FUNCTION journey.touches(timeline journey.timeline,
    timeout interval DEFAULT '30 minutes', options jsonb DEFAULT '{}')
RETURNS SETOF journey.touched
AS 'MODULE_PATHNAME', 'journey_touches'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100 ROWS 10;
COMMENT ON FUNCTION journey.touches(journey.timeline, interval, jsonb) IS
    'the touches of a timeline''s sessions, each with its time, visitor and session';

CREATE FUNCTION journey.first_touch(timeline journey.timeline, non_direct boolean DEFAULT false)
RETURNS journey.touch
AS 'MODULE_PATHNAME', 'journey_first_touch'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION journey.first_touch(journey.timeline, boolean) IS
    'the first touch of a timeline; with non_direct the first that is not direct';

CREATE FUNCTION journey.last_touch(timeline journey.timeline, before timestamptz DEFAULT NULL,
    lookback interval DEFAULT '90 days', non_direct boolean DEFAULT false)
RETURNS journey.touch
AS 'MODULE_PATHNAME', 'journey_last_touch'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION journey.last_touch(journey.timeline, timestamptz, interval, boolean) IS
    'the last touch in [before - lookback, before]; before NULL is the timeline''s last event';

CREATE FUNCTION journey.session_number(event_time timestamptz,
    timeout interval DEFAULT '30 minutes')
RETURNS bigint
AS 'MODULE_PATHNAME', 'journey_session_number'
LANGUAGE C WINDOW IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION journey.session_number(timestamptz, interval) IS
    'the number of the session, from 1: a row starts one if its gap to the row before is greater than timeout';

-- the gaps of clock times are the same in each TimeZone
CREATE FUNCTION journey.session_number(event_time timestamp,
    timeout interval DEFAULT '30 minutes')
RETURNS bigint
AS 'MODULE_PATHNAME', 'journey_session_number'
LANGUAGE C WINDOW IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION journey.session_number(timestamp, interval) IS
    'the number of the session, from 1, by times without time zone';
