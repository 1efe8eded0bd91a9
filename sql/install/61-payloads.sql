
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
    LANGUAGE C CALLED ON NULL INPUT STABLE PARALLEL SAFE ROWS 1 AS 'MODULE_PATHNAME', '_payload_rows';
COMMENT ON FUNCTION journey._payload_rows("any", timestamptz, jsonb, boolean) IS
    'internal: the events in a payload, ids as sent, and why others cannot be read';

-- What all inputs have and is within the payloads of this one.
CREATE FUNCTION journey._payload_fields() RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN '{event_id,visitor_id,user_id,event_time}'::pg_catalog.text[];
COMMENT ON FUNCTION journey._payload_fields() IS 'internal: fields that a source of payloads has no columns for';

-- The standard names of a source of payloads, with their columns.
CREATE FUNCTION journey._payload_columns() RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT '{"payload": ["payload"], "key": [], "received_at": ["received_at"],
         "loaded_at": ["loaded_at", "uuid_ts", "received_at"]}'
    || jsonb_object_agg(f, '[]'::jsonb) FROM unnest(journey._payload_fields()) AS f
$$;
COMMENT ON FUNCTION journey._payload_columns() IS 'internal: the columns of the standard fields';

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

-- As journey._changed_rows(): rows of the keys that were noted, and of none; and all, where events went that
-- any of them may hold, too.
CREATE FUNCTION journey._changed_payloads(
    m journey._model, i journey._input, s journey._settings, list text, space text, since timestamptz) RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    key text := journey._noted_key(m.store_schema, s.redact, i.role, journey._fields(i) ->> 'key');
    came text := format('FROM changes AS c WHERE NOT c.is_old AND c.table_id = %s AND c.key IS ', i.table_id);
    went text := format('EXISTS (SELECT FROM changes AS c WHERE c.is_old AND %s)', space);
    parts text[];
BEGIN
    parts := ARRAY[
        format('SELECT %s FROM %I.%I AS t WHERE %s OR %s EXISTS (SELECT %s NULL)', list, i.schema, i.name, went,
               CASE WHEN key IS NOT NULL THEN format('%s IS NULL AND', key) END, came)]
        || ARRAY(SELECT format('SELECT %s FROM ONLY %s AS t', list, u) FROM unnest(i.unread) AS u);
    IF key IS NOT NULL THEN
        parts := parts || ARRAY(
            SELECT format('SELECT %s FROM %I.%I AS t WHERE NOT %s AND %s', list, i.schema, i.name, went, x.condition)
              FROM unnest(journey._find_keys(m, i, s, key, came || 'NOT NULL')) AS x(condition));
    END IF;
    IF since IS NOT NULL THEN
        parts := parts || format('SELECT %s FROM %s AS t', list, journey._new_rows(i, s, since));
    END IF;
    RETURN format('(%s)', array_to_string(parts, ' UNION ALL '));
END
$$;
COMMENT ON FUNCTION
    journey._changed_payloads(journey._model, journey._input, journey._settings, text, text, timestamptz) IS
    'internal: the changed rows of an input of payloads';

-- Events of old rows that have no id of their own, in the form of the batch.
CREATE FUNCTION journey._removed_payloads(i journey._input, s journey._settings) RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN journey._select(journey._parsed_input(i), s, format(
        '(SELECT p.*, NULL::timestamptz AS loaded_at, NULL::text AS row_key FROM changes AS c'
        ' CROSS JOIN LATERAL json_populate_record(NULL::journey._payload_row, c."row") AS p'
        ' WHERE c.table_id = %s AND c."row" IS NOT NULL)', i.table_id), true);
END
$$;
COMMENT ON FUNCTION journey._removed_payloads(journey._input, journey._settings) IS
    'internal: the events of rows that are no more';

-- ---------------------------------------------------------------------------------------------
-- model: rejected rows, once more
-- ---------------------------------------------------------------------------------------------

-- The condition that a rejected row e is one that its input still holds: by its key, where the input has one,
-- else by its content. A payload's content is but a part of its row: without a key it counts as there.
CREATE FUNCTION journey._still_there(m journey._model, i journey._input, s journey._settings) RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    key text := journey._fields(i) ->> 'key';
BEGIN
    IF i.role = 'payload' AND key IS NULL OR s.redact IS NOT NULL AND i.role <> 'payload' THEN
        RETURN 'true';
    ELSIF i.role = 'payload' THEN
        RETURN format('e.row_key IN (SELECT %s FROM %I.%I AS t)', journey._redacted_key(m.store_schema, s.redact, key), i.schema, i.name);
    END IF;
    RETURN format('md5(e."row"::text) IN (SELECT md5(journey._without_nulls(%s)::text) FROM %I.%I AS t)',
                  journey._raw_row(i), i.schema, i.name);
END
$$;
COMMENT ON FUNCTION journey._still_there(journey._model, journey._input, journey._settings) IS
    'internal: whether a source still has a rejected row';

-- Reads the sources of rejected rows whole. What they have lost stays listed.
CREATE FUNCTION journey._retry_rejected(model name, OUT retried bigint, OUT accepted bigint)
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    m journey._model := journey._lock_model(model);
    s journey._settings := journey._settings(m.options);
    i journey._input;
    inputs journey._input[];
    gone bigint;
BEGIN
    EXECUTE format('SELECT array_agg(i) FROM unnest($1) AS i WHERE format(''%%I.%%I'', i.schema, i.name) IN'
                   ' (SELECT source FROM %I.rejected_events)', m.schema)
        INTO inputs USING journey._readable_inputs(m);
    retried := 0;
    accepted := 0;
    IF inputs IS NULL THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE UNLOGGED TABLE %2$I._retried (LIKE %1$I.rejected_events)', m.schema, m.store_schema);
    EXECUTE format($sql$
        WITH e AS (
            DELETE FROM %1$I.rejected_events WHERE source IN (
                SELECT format('%%I.%%I', i.schema, i.name) FROM unnest($1) AS i)
            RETURNING *)
        INSERT INTO %2$I._retried SELECT * FROM e$sql$, m.schema, m.store_schema) USING inputs;
    GET DIAGNOSTICS retried = ROW_COUNT;

    PERFORM journey._catalog('watermarks'::text, m.model, (
        SELECT jsonb_agg(t.value || '{"watermark": null, "seen": null}')
          FROM jsonb_array_elements(journey._catalog('tables'::text, m.model, '{}'::jsonb)) AS t
          JOIN unnest(inputs) AS x ON x.table_id = (t.value ->> 'table_id')::integer));
    EXECUTE format('DELETE FROM %I._captured WHERE table_id IN (SELECT x.table_id FROM unnest($1) AS x)', m.store_schema)
        USING inputs;
    PERFORM FROM journey._refresh(model, false, NULL::timestamptz);

    EXECUTE format($sql$
        DELETE FROM %2$I._retried AS o USING %1$I.rejected_events AS e
         WHERE e.source = o.source AND e."row" = o."row"
           AND (e."position", e.row_key) IS NOT DISTINCT FROM (o."position", o.row_key)
           AND (e."row" <> '{}' OR e.reason = o.reason)$sql$, m.schema, m.store_schema);
    GET DIAGNOSTICS accepted = ROW_COUNT;
    accepted := retried - accepted;
    FOREACH i IN ARRAY inputs LOOP
        EXECUTE format('INSERT INTO %1$I.rejected_events SELECT * FROM %4$I._retried AS e'
                       ' WHERE e.source = %2$L AND (%3$s) IS NOT TRUE ON CONFLICT DO NOTHING',
                       m.schema, format('%I.%I', i.schema, i.name), journey._still_there(m, i, s), m.store_schema);
        GET DIAGNOSTICS gone = ROW_COUNT;
        accepted := accepted - gone;
    END LOOP;
    EXECUTE format('DROP TABLE %I._retried', m.store_schema);
END
$$;
COMMENT ON FUNCTION journey._retry_rejected(name) IS 'internal: journey.retry_rejected() as the owner';

CREATE FUNCTION journey.retry_rejected(model name, OUT retried bigint, OUT accepted bigint)
    LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'journey_as_owner';
COMMENT ON FUNCTION journey.retry_rejected(name) IS
    'reads the sources of rejected rows once more: tells how many there were, and how many are events now';
