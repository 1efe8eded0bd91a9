
-- ---------------------------------------------------------------------------------------------
-- identity: ids
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION journey._blocked_id(id text) RETURNS boolean
    LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', '_blocked_id';
COMMENT ON FUNCTION journey._blocked_id(text) IS
    'internal: whether a value is no id, such as "null", "undefined" or zeros';

CREATE FUNCTION journey._clean_id(id text) RETURNS text
    LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', '_clean_id';
COMMENT ON FUNCTION journey._clean_id(text) IS 'internal: the id unchanged, NULL where it is none';

CREATE FUNCTION journey._visitor_id(anonymous_id text, user_id text) RETURNS text
    LANGUAGE C CALLED ON NULL INPUT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', '_visitor_id';
COMMENT ON FUNCTION journey._visitor_id(text, text) IS
    'internal: the anonymous id, else "user:" and the user id, NULL where both are none';

CREATE FUNCTION journey._clean_email(email text) RETURNS text
    LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', '_clean_email';
COMMENT ON FUNCTION journey._clean_email(text) IS
    'internal: the address without white space and in lower case, NULL where it is none';
