
-- ---------------------------------------------------------------------------------------------
-- url
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION journey.url_host(url text) RETURNS text
    AS 'MODULE_PATHNAME', 'journey_url_host'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION journey.url_host(text) IS
    'host of a URL in lower case, without port and user; NULL where there is none';

CREATE FUNCTION journey.url_path(url text) RETURNS text
    AS 'MODULE_PATHNAME', 'journey_url_path'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION journey.url_path(text) IS
    'path of a URL as written; NULL where there is none';

CREATE FUNCTION journey.url_param(url text, name text) RETURNS text
    AS 'MODULE_PATHNAME', 'journey_url_param'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION journey.url_param(text, text) IS
    'first non-empty value of exactly that parameter of a URL, decoded; NULL where absent';

CREATE FUNCTION journey.url_params(url text, OUT name text, OUT value text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'journey_url_params'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 5;
COMMENT ON FUNCTION journey.url_params(text) IS
    'all parameters of a URL in their order, decoded';

CREATE FUNCTION journey.strip_tracking(url text) RETURNS text
    AS 'MODULE_PATHNAME', 'journey_strip_tracking'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION journey.strip_tracking(text) IS
    'the URL without campaign parameters and click ids, all else untouched';
