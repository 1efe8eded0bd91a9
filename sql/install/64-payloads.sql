-- ---------------------------------------------------------------------------------------------
-- model: sources of payloads
--
-- Rows of such a source are read as rows of events: journey._payload_rows() gives them, with the columns of
-- an own table. From then on they are that, to the statement that reads (journey._select()).
-- ---------------------------------------------------------------------------------------------

CREATE TYPE journey._payload_row AS (
    event_id text, visitor_id text, user_id text, event_time timestamptz, received_at timestamptz, kind text,
    name text, url text, referrer text, revenue numeric, currency text, order_id text, source text, medium text,
    campaign text, term text, content text, session_key text, previous_id text, platform text,
    properties jsonb, traits jsonb,         -- so far the columns of journey.event
    ip text, user_agent text,
    "position"  integer,                    -- in the payload, from 1
    reason      text,                       -- why it is no event
    payload     text                        -- what is no event
);

CREATE FUNCTION journey._payload_rows(
    payload "any", received_at timestamptz, options jsonb, with_content boolean)
    RETURNS SETOF journey._payload_row
    LANGUAGE C CALLED ON NULL INPUT STABLE PARALLEL SAFE COST 200 ROWS 1 AS 'MODULE_PATHNAME', '_payload_rows';
COMMENT ON FUNCTION journey._payload_rows("any", timestamptz, jsonb, boolean) IS
    'internal: the events in a payload, ids as sent, and why others cannot be read';

CREATE FUNCTION journey._check_payload_column(relation regclass, name text) RETURNS void
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    type oid := (SELECT journey._base_type(a.atttypid) FROM pg_attribute a
                  WHERE a.attrelid = relation AND a.attname = name AND a.attnum > 0);
BEGIN
    IF name IS NULL THEN
        RAISE EXCEPTION 'relation % has no column for the payload', relation
            USING ERRCODE = 'undefined_column', HINT = 'Map one, such as {"payload": "body"}.';
    ELSIF type <> ALL ('{text,"character varying",json,jsonb,bytea}'::regtype[]) THEN
        RAISE EXCEPTION 'column "%" cannot be read as a payload', name
            USING ERRCODE = 'datatype_mismatch', DETAIL = 'It must be text, json, jsonb or bytea.',
                  HINT = format('Add a view that has %I::text.', name);
    END IF;
END
$$;
COMMENT ON FUNCTION journey._check_payload_column(regclass, text) IS 'internal: checks a mapping';

-- The input that the rows of an input of payloads are read as.
CREATE FUNCTION journey._parsed_input(i journey._input) RETURNS journey._input
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    i.kinds := journey._column_kinds('journey._payload_row'::regclass)
               || '{"loaded_at": "timestamptz", "row_key": "text"}';
    i.columns := (SELECT jsonb_object_agg(k, jsonb_build_array(k)) FROM jsonb_object_keys(i.kinds) AS k);
    i.watermark_column := CASE WHEN i.watermark_column IS NOT NULL THEN 'loaded_at' END;
    i.role := 'own';
    RETURN i;
END
$$;
COMMENT ON FUNCTION journey._parsed_input(journey._input) IS 'internal: an input of payloads, read';

-- The options with which payloads of an input are read.
CREATE FUNCTION journey._payload_options(i journey._input, s journey._settings) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$SELECT jsonb_build_object('form', coalesce(i.options ->> 'form', 'delivered'), 'revenue', s.revenue)$$;
COMMENT ON FUNCTION journey._payload_options(journey._input, journey._settings) IS
    'internal: options of payloads';

-- Rows of payloads, an item of FROM, as rows of the input above.
CREATE FUNCTION journey._parsed_rows(i journey._input, s journey._settings, rows text) RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    f jsonb := journey._fields(i);
BEGIN
    RETURN format(
        '(SELECT (x.event).*, x.loaded_at, x.row_key FROM (SELECT journey._payload_rows(t.%I, %s, %L::jsonb, %s)'
        ' AS event, %s AS loaded_at, %s AS row_key FROM %s AS t) AS x)',
        journey._first_column(i.kinds, i.columns -> 'payload'), coalesce(f ->> 'received_at', 'NULL::timestamptz'),
        journey._payload_options(i, s), (s.redact IS NULL)::text,
        CASE WHEN i.watermark_column IS NULL THEN 'NULL::timestamptz'
             ELSE journey._as(i.kinds ->> i.watermark_column::text, i.watermark_column, 'timestamptz'::text) END,
        coalesce(f ->> 'key', 'NULL::text'), rows);
END
$$;
COMMENT ON FUNCTION journey._parsed_rows(journey._input, journey._settings, text) IS
    'internal: the events in rows of payloads';

-- What is kept of a rejected row of the input above: the payload where it could not be read, else what was
-- read of it.
CREATE FUNCTION journey._parsed_raw() RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN 'CASE WHEN t.reason IS NULL THEN to_jsonb(t.*) - ''{position,loaded_at,row_key}''::text[]'
           ' ELSE jsonb_build_object(''payload'', t.payload) END';
COMMENT ON FUNCTION journey._parsed_raw() IS 'internal: an expression for a rejected row';

-- ---------------------------------------------------------------------------------------------
-- model: capture of payloads
--
-- A row that came is noted by its key, as of other sources. A row that went is noted event by event, so that
-- other tables that hold one of them are read again.
-- ---------------------------------------------------------------------------------------------

-- What a trigger on an input of payloads has to know beside the columns below; NULL of another input.
CREATE FUNCTION journey._payload_argument(i journey._input) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT CASE WHEN i.role = 'payload' THEN
           jsonb_build_object('form', coalesce(i.options ->> 'form', 'delivered')) END
$$;
COMMENT ON FUNCTION journey._payload_argument(journey._input) IS 'internal: what a trigger has to know';

CREATE FUNCTION journey._payload_note_columns(i journey._input) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT CASE WHEN i.role = 'payload' THEN
           jsonb_build_object('payload', i.columns -> 'payload', 'received_at', i.columns -> 'received_at')
       ELSE '{}' END
$$;
COMMENT ON FUNCTION journey._payload_note_columns(journey._input) IS 'internal: columns that a trigger looks at';

CREATE FUNCTION journey._note_payload(schema name, argument jsonb, i journey._input, rows text) RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN format(
        'INSERT INTO %I._changes (table_id, is_old, key, visitor_id, user_id, event_time, "row")'
        ' SELECT %s, true, nullif(x.event_id, ''''), x.visitor_id, x.user_id, x.event_time,'
        ' CASE WHEN nullif(x.event_id, '''') IS NULL THEN to_json(x.*) END'
        ' FROM (SELECT (x.event).* FROM (SELECT journey._payload_rows(t.%I, %s, %L::jsonb, false) AS event'
        ' FROM %s AS t) AS x) AS x WHERE x.reason IS NULL',
        schema, argument -> 'table_id', journey._first_column(i.kinds, i.columns -> 'payload'),
        coalesce(journey._fields(i) ->> 'received_at', 'NULL::timestamptz'), argument -> 'payload', rows);
END
$$;
COMMENT ON FUNCTION journey._note_payload(name, jsonb, journey._input, text) IS
    'internal: the statement that notes events of old rows';

COMMENT ON TYPE journey._payload_row IS 'internal: a row with a payload';
