
-- ---------------------------------------------------------------------------------------------
-- definition: the documents that users write
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION journey._where_holds(conditions text, properties jsonb) RETURNS boolean
    AS 'MODULE_PATHNAME', '_where_holds'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION journey._where_holds(text, jsonb) IS
    'internal: whether the properties fulfil the conditions of a definition';
