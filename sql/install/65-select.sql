-- ---------------------------------------------------------------------------------------------
-- model: the statement that reads
-- ---------------------------------------------------------------------------------------------

-- The id of a conversion that comes as a row: its name and the row's own id.
CREATE FUNCTION journey._record_key(name text, id text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE -- without SET, so that it is inlined
    RETURN pg_catalog.replace(pg_catalog.replace(name, '\', '\\'), ':', '\:')
           OPERATOR(pg_catalog.||) ':' OPERATOR(pg_catalog.||) id;
COMMENT ON FUNCTION journey._record_key(text, text) IS 'internal: the id of a conversion that comes as a row';

-- The rows of an input of conversions in the form of the batch: the same columns as an event's, apart from
-- events by is_traits. A row without a time takes its conversion back, whosever it is. `rows` are items of FROM: a row
-- t and its version v.
CREATE FUNCTION journey._select_conversions(i journey._input, s journey._settings, rows text, f jsonb, raw text)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted jsonb := jsonb_strip_nulls(jsonb_build_object(
        'event_id', 'c.event_id', 'visitor_id', 'c.visitor_id', 'user_id', 'c.user_id',
        'event_time', 'c.converted_at', 'kind', '''conversion''', 'name', 'c.name',
        'revenue', f ->> 'value', 'order_id', f ->> 'order_id',
        'currency', format('nullif(upper(btrim(%s, %L) COLLATE "C"), '''')', coalesce(f ->> 'currency', 'NULL'),
                           E' \t\n\r\x0b\f'),
        'properties', format(
            'jsonb_strip_nulls(jsonb_build_object(''email'', c.email, ''phone'', nullif(btrim(%s), ''''),'
            ' ''gclid'', nullif(btrim(%s), ''''), ''click_id'', nullif(btrim(%s), ''''), ''consent'', %s))',
            coalesce(f ->> 'phone', 'NULL'), coalesce(f ->> 'gclid', 'NULL'), coalesce(f ->> 'click_id', 'NULL'),
            coalesce(f ->> 'consent', 'NULL::jsonb')),
        'traits', format('CASE WHEN c.email IS NOT NULL THEN jsonb_build_object(%L, c.email) END', s.email_trait),
        'table_id', i.table_id::text, 'is_traits', 'true',
        'status', 's.status', 'row_version', 'v.row_version',
        'loaded_at', CASE WHEN i.watermark_column IS NOT NULL
                          THEN journey._as(i.kinds ->> i.watermark_column::text, i.watermark_column,
                                           'timestamptz'::text) END));
    bad text := (
        SELECT string_agg(format(' WHEN %s IS NULL AND %s <> '''' THEN %L', f ->> n.field,
                                 journey._as(i.kinds ->> c.name, c.name, 'text'::text),
                                 format('%s is no %s', n.field, n.word)), '')
        FROM (VALUES ('converted_at', 'time'), ('value', 'number')) AS n (field, word)
        CROSS JOIN LATERAL jsonb_array_elements_text(i.columns -> n.field) AS c (name)
        WHERE i.kinds ? c.name);
BEGIN
    RETURN format(
        'SELECT %s, CASE WHEN s.status IS NOT NULL THEN %s END FROM %s'
        ' CROSS JOIN LATERAL (SELECT %s AS event_id, coalesce(%s, %L) AS name, %s AS visitor_id, %s AS user_id,'
        ' journey._clean_email(%s) AS email, %s AS converted_at) AS c'
        ' CROSS JOIN LATERAL (SELECT CASE WHEN c.event_id IS NULL THEN ''no conversion_id'''
        ' WHEN octet_length(c.event_id) > 1024 THEN ''id too long'''
        ' WHEN c.name IS NULL THEN ''no name''%s'
        ' WHEN c.converted_at IS NOT NULL THEN journey._reject_reason(coalesce(c.visitor_id, c.user_id, c.email),'
        ' NULL::text, NULL::text, c.converted_at, %s, %L, %L) END AS status) AS s',
        (SELECT string_agg(coalesce(wanted ->> b.name, 'NULL::' || b.type), ', ' ORDER BY b.place)
           FROM journey._batch_columns() AS b WHERE b.name <> 'raw'),
        raw, rows,
        CASE WHEN i.id_prefix = '' THEN '' ELSE format('%L || ', i.id_prefix) END
            || format('nullif(btrim(%s), '''')', f ->> 'conversion_id'),
        format('nullif(%s, '''')', coalesce(f ->> 'name', 'NULL')), i.event_kind,
        coalesce(journey._cleaned(f ->> 'visitor_id', s), 'NULL::text'),
        coalesce(journey._cleaned(f ->> 'user_id', s), 'NULL::text'),
        coalesce(f ->> 'email', 'NULL::text'), coalesce(f ->> 'converted_at', 'NULL::timestamptz'),
        bad, journey._arrived(i), s.earliest, s.max_future);
END
$$;
COMMENT ON FUNCTION journey._select_conversions(journey._input, journey._settings, text, jsonb, text) IS
    'internal: the query that reads an input of conversions';

-- Rows of one input in the form of the batch: those that `rows` gives, an item of FROM; or, with
-- `removed`, the events that such rows, which are no more, were.
CREATE FUNCTION journey._select(
    i journey._input, s journey._settings, rows text, removed boolean DEFAULT false) RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    f jsonb := journey._fields(i);
    bad text := journey._bad_values(i, s);
    raw text := journey._raw_row(i);
    kind text := format('%L::text', coalesce(i.event_kind, CASE i.role WHEN 'users' THEN 'identify'
                                                                       ELSE i.role END));
BEGIN
    IF i.role = 'conversion' THEN
        RETURN journey._select_conversions(i, s, rows, f, raw);
    ELSIF i.role = 'payload' THEN
        RETURN journey._select(journey._parsed_input(i), s, journey._parsed_rows(i, s, rows), removed);
    ELSIF i.role = 'own' AND i.columns ? 'reason' THEN -- rows of payloads
        bad := concat(' WHEN t.reason IS NOT NULL THEN t.reason', bad);
        raw := journey._parsed_raw();
    END IF;
    IF i.role = 'own' AND i.event_kind IS NULL THEN
        kind := format('coalesce(nullif(%s, ''''), journey._event_kind(%s, %s))',
                       coalesce(f ->> 'kind', 'NULL'), coalesce(f ->> 'name', 'NULL'),
                       coalesce(f ->> 'url', 'NULL'));
        bad := concat(bad, ' WHEN c.kind <> ALL (''{page,screen,track,identify,group,alias}'')'
                           ' THEN ''unknown kind''');
    END IF;
    IF f ? 'previous_id' THEN
        bad := concat(bad, format(' WHEN octet_length(%s) > 1024 THEN ''id too long''',
                                  f ->> 'previous_id'));
    END IF;
    -- a mapped column is the whole of them; null in the mapping says that there are none
    f := (journey._custom(i, s)
          - ARRAY(SELECT key FROM jsonb_each(i.columns) WHERE value = '[]')) || f;
    f := f || jsonb_strip_nulls(jsonb_build_object(
        'previous_id', journey._cleaned(f ->> 'previous_id', s),
        'currency', CASE WHEN f ? 'currency' THEN
            format('nullif(upper(btrim(%s, %L) COLLATE "C"), '''')', f ->> 'currency', E' \t\n\r\x0b\f') END,
        'properties', journey._with_campaign_id(i, f ->> 'properties')));
    RETURN format(
        'SELECT %s, CASE WHEN s.status <> ''excluded'' THEN %s END FROM %s AS t'
        ' CROSS JOIN LATERAL (SELECT %s AS event_id, %s AS visitor_id,'
        ' %s AS user_id, %s AS event_time, %s AS received_at, %s AS kind) AS c'
        ' CROSS JOIN LATERAL (SELECT CASE WHEN %s THEN ''excluded''%s ELSE journey._reject_reason('
        'c.visitor_id, c.user_id, c.event_id, c.event_time, %s, %L, %L) END AS status)'
        ' AS s%s',
        (SELECT string_agg(coalesce(CASE
                    WHEN b.name = ANY (
                        '{event_id,visitor_id,user_id,event_time,received_at,kind}'::text[])
                        THEN 'c.' || b.name
                    WHEN b.name = 'revenue' THEN journey._revenue(i, s)
                    WHEN b.name = 'position' AND f ? b.name THEN 't."position"'
                    WHEN b.name = 'table_id' THEN i.table_id::text
                    WHEN b.name = 'status'
                        THEN CASE WHEN removed THEN '''removed''' ELSE 's.status' END
                    WHEN b.name = 'is_traits' THEN (i.role = 'users')::text
                    WHEN b.name = 'loaded_at'
                        THEN CASE WHEN i.watermark_column IS NOT NULL
                                  THEN journey._as(i.kinds ->> i.watermark_column::text,
                                                   i.watermark_column, 'timestamptz'::text) END
                    ELSE f ->> b.name END, 'NULL::' || b.type), ', ' ORDER BY b.place)
           FROM journey._batch_columns() AS b WHERE b.name <> 'raw'),
        raw, rows,
        CASE WHEN i.id_prefix = '' THEN '' ELSE format('%L || ', i.id_prefix) END
            || format('nullif(%s, '''')', coalesce(f ->> 'event_id', 'NULL::text')),
        journey._visitor(coalesce(f ->> 'visitor_id', 'NULL'), coalesce(f ->> 'user_id', 'NULL'), s),
        journey._cleaned(coalesce(f ->> 'user_id', 'NULL'), s),
        coalesce(f ->> 'event_time', 'NULL::timestamptz'),
        coalesce(f ->> 'received_at', 'NULL::timestamptz'), kind,
        journey._excluded(f, s), bad, journey._arrived(i), s.earliest, s.max_future,
        CASE WHEN removed THEN ' WHERE s.status IS NULL' ELSE '' END);
END
$$;
COMMENT ON FUNCTION journey._select(journey._input, journey._settings, text, boolean) IS
    'internal: the query that reads an input';

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

-- Whether the rows of an input have versions, by which a later reading tells those that are as they were: of
-- conversions, where all rows are read and they are plain.
CREATE FUNCTION journey._has_versions(i journey._input) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN i.role = 'conversion' AND i.watermark_column IS NULL AND i.members IS NOT NULL;
END
$$;
COMMENT ON FUNCTION journey._has_versions(journey._input) IS 'internal: whether rows of an input have versions';

-- The files of an input whose rows have versions, in which these hold. NULL where a row can read otherwise without
-- another version: a label of an enum, the name of a table and the like follow from the catalog.
CREATE FUNCTION journey._files(i journey._input) RETURNS jsonb
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT journey._has_versions(i) THEN
        RETURN NULL;
    END IF;
    IF EXISTS (
        SELECT FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
        WHERE a.attrelid = ANY (i.members) AND a.attnum > 0
          AND (t.oid >= 16384 OR t.typname ~ '^_?reg' OR a.attgenerated = 'v')) THEN
        RETURN NULL;
    END IF;
    RETURN (SELECT jsonb_object_agg(m, pg_relation_filenode(m)) FROM unnest(i.members) AS m);
END
$$;
COMMENT ON FUNCTION journey._files(journey._input) IS 'internal: the files of an input';

-- The version of a row.
CREATE FUNCTION journey._row_version() RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN 'ROW("a row".tableoid, "a row".ctid, "a row".xmin)::journey._row_version';
COMMENT ON FUNCTION journey._row_version() IS 'internal: an expression for the version of a row';

-- The rows of an input of conversions that `rows` gives, as items of FROM: a row t and its version v. Of a compared
-- one those that no record has as they are; all that does not count is among them each time.
CREATE FUNCTION journey._versioned(m journey._model, i journey._input, rows text) RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT journey._has_versions(i) THEN
        RETURN rows || ' AS t CROSS JOIN (SELECT NULL::journey._row_version AS row_version) AS v';
    END IF;
    -- the expression for the table keeps the planner from taking the records of one that it does not know for none
    RETURN format(
        '(SELECT ("a row".*)::%I.%I AS t, CASE WHEN NOT journey._is_current("a row".xmin) THEN %s END AS row_version'
        ' FROM %s AS "a row"%s) AS v CROSS JOIN LATERAL (SELECT (v.t).*) AS t',
        i.schema, i.name, journey._row_version(), rows,
        CASE WHEN i.compared THEN format(
            ' WHERE NOT EXISTS (SELECT FROM %I._conversion_records AS o WHERE o.table_id + 0 = %s AND o.row_version = %s)',
            m.store_schema, i.table_id, journey._row_version()) ELSE '' END);
END
$$;
COMMENT ON FUNCTION journey._versioned(journey._model, journey._input, text) IS
    'internal: rows of conversions with their versions';

-- The records of a compared input whose rows changed or went, in the form of the batch.
CREATE FUNCTION journey._outdated_records(m journey._model, i journey._input) RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN format(
        ' UNION ALL SELECT %s FROM %I._conversion_records AS o'
        ' WHERE o.table_id + 0 = %s AND NOT EXISTS (SELECT FROM %I.%I AS "a row" WHERE %s = o.row_version)',
        (SELECT string_agg(CASE b.name
                    WHEN 'event_id' THEN 'o.row_id'
                    WHEN 'kind' THEN '''conversion'''
                    WHEN 'table_id' THEN 'o.table_id'
                    WHEN 'status' THEN '''removed'''
                    WHEN 'is_traits' THEN 'true'
                    WHEN 'row_key' THEN 'o.conversion_id'
                    ELSE 'NULL::' || b.type END, ', ' ORDER BY b.place)
           FROM journey._batch_columns() AS b),
        m.store_schema, i.table_id, i.schema, i.name, journey._row_version());
END
$$;
COMMENT ON FUNCTION journey._outdated_records(journey._model, journey._input) IS
    'internal: records whose rows changed or went';

-- Says of which tables of conversions there is all in a reading: what is not in it is no more; or, of those that were
-- compared, what the records do not have as it is.
CREATE FUNCTION journey._note_whole_tables(schema name, tables integer[], compared integer[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('DELETE FROM %I._whole_tables', schema);
    EXECUTE format('INSERT INTO %I._whole_tables SELECT t, t = ANY ($2) FROM unnest($1 || $2) AS t', schema)
    USING tables, compared;
END
$$;
COMMENT ON FUNCTION journey._note_whole_tables(name, integer[], integer[]) IS
    'internal: which tables of conversions were read whole';
