
-- ---------------------------------------------------------------------------------------------
-- touch
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION journey.campaign(url text) RETURNS journey.campaign
    AS 'MODULE_PATHNAME', 'journey_campaign'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION journey.campaign(text) IS
    'campaign parameters and the most telling click id of a URL';

CREATE FUNCTION journey.touch(url text, referrer text DEFAULT NULL, options jsonb DEFAULT '{}')
    RETURNS journey.touch
    AS 'MODULE_PATHNAME', 'journey_touch'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION journey.touch(text, text, jsonb) IS
    'where a visit came from, by its page''s URL and referrer; NULL for a direct or internal visit';

CREATE FUNCTION journey.channel(source text, medium text, campaign text DEFAULT NULL) RETURNS text
    AS 'MODULE_PATHNAME', 'journey_channel'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION journey.channel(text, text, text) IS
    'GA4''s default channel group of a source, medium and campaign';

CREATE FUNCTION journey.channel(source text, medium text, campaign text, rules jsonb,
        host text DEFAULT NULL, click_id_type text DEFAULT NULL) RETURNS text
    AS 'MODULE_PATHNAME', 'journey_channel_by_rules'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION journey.channel(text, text, text, jsonb, text, text) IS
    'the channel of a source, medium, campaign, referrer''s host and click id by one''s own rules, else GA4''s';
