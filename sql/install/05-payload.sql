
-- ---------------------------------------------------------------------------------------------
-- payload
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION journey.parse_event(payload text, options jsonb DEFAULT '{}') RETURNS journey.event
    AS 'MODULE_PATHNAME', 'journey_parse_event'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION journey.parse_event(text, jsonb) IS
    'the event in a payload of RudderStack or Segment; an error with a code and an offset where there is none';

CREATE FUNCTION journey.parse_event(payload jsonb, options jsonb DEFAULT '{}') RETURNS journey.event
    AS 'MODULE_PATHNAME', 'journey_parse_event_jsonb'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION journey.parse_event(jsonb, jsonb) IS
    'the event in a payload of RudderStack or Segment; an error with a code and an offset where there is none';

CREATE FUNCTION journey.parse_events(payload text, options jsonb DEFAULT '{}')
    RETURNS TABLE ("position" integer, event journey.event, error text)
    AS 'MODULE_PATHNAME', 'journey_parse_events'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200 ROWS 20;
COMMENT ON FUNCTION journey.parse_events(text, jsonb) IS
    'the events in a payload (one, a batch, an array, JSON lines, an archive''s line), or why one cannot be read';

CREATE FUNCTION journey.payload_summary(payload text, options jsonb DEFAULT '{}',
    OUT form text, OUT events bigint, OUT rejected bigint, OUT nuls_removed bigint, OUT bytes bigint)
    AS 'MODULE_PATHNAME', 'journey_payload_summary'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION journey.payload_summary(text, jsonb) IS
    'what a payload holds: its form, events, what cannot be read, and how often \u0000 was taken out';

CREATE FUNCTION journey.warehouse_name(
    name text, loader text DEFAULT 'rudderstack', divide_numbers boolean DEFAULT false) RETURNS text
    AS 'MODULE_PATHNAME', 'journey_warehouse_name'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION journey.warehouse_name(text, text, boolean) IS
    'the name that a loader makes of a property, trait or event for its column or table; NULL where it drops it';
