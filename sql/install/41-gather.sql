-- ---------------------------------------------------------------------------------------------
-- session: straight from a query
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION journey.sessionize(query text,
    timeout interval DEFAULT '30 minutes', options jsonb DEFAULT '{}')
RETURNS SETOF journey.session
AS 'MODULE_PATHNAME', 'journey_sessionize'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 100000;
COMMENT ON FUNCTION journey.sessionize(text, interval, jsonb) IS
    'the sessions of the events that a query gives, as columns of journey.event by name';

CREATE FUNCTION journey._gather(query text)
RETURNS TABLE (visitor_id text, body journey.timeline)
AS 'MODULE_PATHNAME', 'journey_gather'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 100000;
COMMENT ON FUNCTION journey._gather(text) IS
    'internal: the timeline of each visitor of the events that a query gives';
