
-- ---------------------------------------------------------------------------------------------
-- redact: personal data
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION journey.redact_event(
    payload jsonb, rules jsonb DEFAULT '"gdpr"', key bytea DEFAULT NULL) RETURNS jsonb
    AS 'MODULE_PATHNAME', 'journey_redact_event'
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION journey.redact_event(jsonb, jsonb, bytea) IS
    'the payload without what the rules name as personal';

CREATE FUNCTION journey.redact_url(
    url text, rules jsonb DEFAULT '"gdpr"', key bytea DEFAULT NULL) RETURNS text
    AS 'MODULE_PATHNAME', 'journey_redact_url'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION journey.redact_url(text, jsonb, bytea) IS
    'the URL without user, personal parameters and values in path, query and fragment';

CREATE FUNCTION journey.redact_text(
    value text, rules jsonb DEFAULT '"gdpr"', key bytea DEFAULT NULL) RETURNS text
    AS 'MODULE_PATHNAME', 'journey_redact_text'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION journey.redact_text(text, jsonb, bytea) IS
    'the text without the values that the rules'' patterns find in it, and in URLs in it';

CREATE FUNCTION journey.mask_ip(address inet) RETURNS inet
    AS 'MODULE_PATHNAME', 'journey_mask_ip'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION journey.mask_ip(inet) IS
    'the address of its network: /24, of IPv6 /48; an IPv4 address mapped to IPv6 is one of IPv4';

CREATE FUNCTION journey.pseudonym(value text, key bytea, kind text DEFAULT '') RETURNS text
    AS 'MODULE_PATHNAME', 'journey_pseudonym'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION journey.pseudonym(text, bytea, text) IS
    'HMAC-SHA-256 of the value in hex, with the kind and a zero byte before it where there is one';
