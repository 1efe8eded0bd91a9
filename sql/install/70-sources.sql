-- ---------------------------------------------------------------------------------------------
-- model: sources
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION journey.add_schema(model name, source_schema name, options jsonb DEFAULT '{}')
    RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'journey_as_owner';
COMMENT ON FUNCTION journey.add_schema(name, name, jsonb) IS
    'adds a schema that RudderStack or Segment fills to the sources of a model';

CREATE FUNCTION journey.set_schema(model name, source_schema name, options jsonb) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'journey_as_owner';
COMMENT ON FUNCTION journey.set_schema(name, name, jsonb) IS
    'changes the options of a schema that a model reads; events that were read stay';

CREATE FUNCTION journey.add_source(
    model name, relation regclass, kind text DEFAULT NULL, columns jsonb DEFAULT '{}',
    options jsonb DEFAULT '{}') RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'journey_as_owner';
COMMENT ON FUNCTION journey.add_source(name, regclass, text, jsonb, jsonb) IS
    'adds a table or view to the sources of a model';

-- A relation may give several conversions, under different names.
CREATE FUNCTION journey._check_new_source(m journey._model, source_schema name, relation_name name,
    conversion text DEFAULT NULL)
    RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF source_schema IN (m.schema, m.store_schema) THEN
        RAISE EXCEPTION 'a model cannot read its own schema "%"', source_schema
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF EXISTS (SELECT FROM jsonb_populate_recordset(NULL::journey._source,
                               journey._catalog('sources'::text, m.model, '{}'::jsonb)) AS s
                WHERE s.source_schema = _check_new_source.source_schema
                  AND s.relation_name IS NOT DISTINCT FROM _check_new_source.relation_name
                  AND coalesce(s.event_kind = 'conversion', false) = (conversion IS NOT NULL)
                  AND (conversion IS NULL OR coalesce(s.options ->> 'name', '') = conversion)) THEN
        RAISE EXCEPTION 'model "%" already reads %', m.model,
            CASE WHEN relation_name IS NULL THEN format('schema %I', source_schema)
                 ELSE format('relation %I.%I', source_schema, relation_name) END
            USING ERRCODE = 'duplicate_object';
    END IF;
    IF NOT has_schema_privilege(source_schema, 'USAGE') THEN
        RAISE EXCEPTION 'permission denied for schema %', quote_ident(source_schema)
            USING ERRCODE = 'insufficient_privilege',
                  HINT = format('GRANT USAGE ON SCHEMA %I TO %I.', source_schema, current_user);
    END IF;
END
$$;
COMMENT ON FUNCTION journey._check_new_source(journey._model, name, name, text) IS
    'internal: checks a source';

CREATE FUNCTION journey._add_schema(model name, source_schema name, options jsonb) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    m journey._model := journey._lock_model(model);
    known text;
BEGIN
    IF source_schema IS NULL THEN
        RAISE EXCEPTION 'source_schema must not be null' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    PERFORM journey._check_schema_options(options);
    IF NOT EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = source_schema) THEN
        SELECT string_agg(DISTINCT quote_ident(n.nspname), ', ') INTO known
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relname = ANY ('{tracks,pages,identifies,screens}'::name[])
           AND c.relkind = ANY ('{r,p,f}'::"char"[]);
        RAISE EXCEPTION 'schema "%" does not exist', source_schema
            USING ERRCODE = 'invalid_schema_name',
                  HINT = coalesce('Schemas with event tables are ' || known || '.',
                                  'No schema has tables of events, such as "tracks" or "pages".');
    END IF;
    PERFORM journey._check_new_source(m, source_schema, NULL::name);
    PERFORM journey._catalog('add_source'::text, model, jsonb_build_object(
        'kind', 'schema', 'source_schema', source_schema, 'id_space', 'loader',
        'columns', '{}'::jsonb, 'options', options));
    PERFORM journey._start_capture(m);
    IF NOT EXISTS (SELECT FROM journey._source_tables(jsonb_build_array(jsonb_build_object(
                       'kind', 'schema', 'source_schema', source_schema)))) THEN
        RAISE NOTICE 'schema "%" has no event tables yet', source_schema
            USING HINT = 'Those that appear in it are found by the next refresh.';
    END IF;
END
$$;
COMMENT ON FUNCTION journey._add_schema(name, name, jsonb) IS
    'internal: journey.add_schema() as the owner';

-- Raises an error unless an object of a mapping says of a column of numbers, or of text, what they count.
CREATE FUNCTION journey._check_unit(field text, given jsonb, kind text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF given - '{column,unit}'::text[] <> '{}' OR jsonb_typeof(given -> 'column') IS DISTINCT FROM 'string'
       OR (jsonb_typeof(given -> 'unit') = 'string' AND journey._time_units() ? (given ->> 'unit')) IS NOT TRUE
    THEN
        RAISE EXCEPTION 'invalid column for "%": %', field, given
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = 'It must be a name of a column, null for none, or {"column": .., "unit": ..}.',
                  HINT = 'Units are s, ms, us, ns: what the column counts since 1970.';
    ELSIF field <> ALL ('{event_time,received_at,loaded_at}'::text[]) THEN
        RAISE EXCEPTION 'column "%" can have no unit: % is no time', given ->> 'column', field
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Those that can are event_time, received_at, loaded_at.';
    ELSIF kind <> ALL ('{integer,number,text,other}'::text[]) THEN
        RAISE EXCEPTION 'column "%" can have no unit: it holds no numbers', given ->> 'column'
            USING ERRCODE = 'datatype_mismatch',
                  HINT = format('Map it by its name: {"%s": %s}.', field, given -> 'column');
    END IF;
END
$$;
COMMENT ON FUNCTION journey._check_unit(text, jsonb, text) IS 'internal: checks a mapping';

-- Whether these are tables of one event each with the names of their events.
CREATE FUNCTION journey._is_event_names(value jsonb) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT CASE WHEN jsonb_typeof(value) = 'object'
            THEN NOT EXISTS (SELECT FROM jsonb_each(value) AS e(name, event)
                              WHERE jsonb_typeof(event) <> 'string' OR event #>> '{}' = ''
                                 OR name = ANY ('{tracks,pages,screens,identifies,groups,aliases,users}'::text[]))
            ELSE false END
$$;
COMMENT ON FUNCTION journey._is_event_names(jsonb) IS 'internal: whether it is names of the events of tables';

-- Raises an error unless these are options of a loader's schema.
CREATE FUNCTION journey._check_schema_options(options jsonb) RETURNS void
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM journey._check_keys(options, '{exclude_tables,event_names}'::text[]);
    IF options ? 'exclude_tables' AND NOT journey._is_texts(options -> 'exclude_tables') THEN
        PERFORM journey._bad_option('exclude_tables'::text, options -> 'exclude_tables',
            'an array of names of tables, in which * stands for any characters'::text);
    END IF;
    IF options ? 'event_names' AND NOT journey._is_event_names(options -> 'event_names') THEN
        PERFORM journey._bad_option('event_names'::text, options -> 'event_names',
            'an object with the names of the events of tables of one event each'::text);
    END IF;
END
$$;
COMMENT ON FUNCTION journey._check_schema_options(jsonb) IS 'internal: checks the options of a schema';

CREATE FUNCTION journey._set_schema(model name, source_schema name, options jsonb) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    m journey._model := journey._lock_model(model);
BEGIN
    PERFORM journey._check_schema_options(options);
    IF journey._catalog('set_schema'::text, model, jsonb_build_object(
           'source_schema', source_schema, 'options', options)) IS NULL THEN
        RAISE EXCEPTION 'model "%" does not read schema "%"', model, source_schema
            USING ERRCODE = 'undefined_object',
                  HINT = format('SELECT journey.add_schema(%L, %L) adds it.', model, source_schema);
    END IF;
    PERFORM journey._start_capture(m);
END
$$;
COMMENT ON FUNCTION journey._set_schema(name, name, jsonb) IS
    'internal: journey.set_schema() as the owner';

-- Raises an error unless each mapped field and column exists, and what an event needs is there.
CREATE FUNCTION journey._check_columns(relation regclass, columns jsonb, options jsonb, role text DEFAULT 'own')
    RETURNS void
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kinds jsonb := journey._column_kinds(relation);
    names text[] := ARRAY(SELECT jsonb_object_keys(journey._standard_columns(role)) AS k
                          EXCEPT SELECT unnest(journey._payload_fields()) WHERE role = 'payload' ORDER BY k);
    mapping jsonb;
    field text;
    col jsonb;
    name text;
BEGIN
    IF (jsonb_typeof(columns) = 'object') IS NOT TRUE THEN
        RAISE EXCEPTION 'columns must be a JSON object, not %', coalesce(columns::text, 'null')
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'It maps standard names to columns, such as {"event_time": "created_at"}.';
    END IF;
    FOR field, col IN SELECT * FROM jsonb_each(columns) LOOP
        IF field <> ALL (names) THEN
            RAISE EXCEPTION 'unknown standard name "%"', field
                USING ERRCODE = 'undefined_column',
                      HINT = format('Standard names are %s.', array_to_string(names, ', '));
        END IF;
        name := journey._given_column(columns, field);
        IF jsonb_typeof(col) = 'object' THEN
            PERFORM journey._check_unit(field, col, kinds ->> name);
        ELSIF jsonb_typeof(col) <> ALL ('{string,"null"}'::text[]) THEN
            RAISE EXCEPTION 'invalid column for "%": %', field, col
                USING ERRCODE = 'invalid_parameter_value',
                      DETAIL = 'It must be a name of a column, or null for none.';
        END IF;
        IF NOT kinds ? name THEN
            RAISE EXCEPTION 'relation % has no column "%"', relation, name
                USING ERRCODE = 'undefined_column',
                      HINT = format('Its columns are %s.', array_to_string(ARRAY(
                                 SELECT jsonb_object_keys(kinds) ORDER BY 1), ', '));
        END IF;
    END LOOP;

    mapping := journey._mapping(role, columns);
    IF role = 'payload' THEN
        PERFORM journey._check_payload_column(relation, journey._first_column(kinds, mapping -> 'payload'));
    ELSIF journey._first_column(kinds, (mapping -> 'visitor_id') || (mapping -> 'user_id'))
       IS NULL THEN
        RAISE EXCEPTION 'relation % has no column for a visitor or a user', relation
            USING ERRCODE = 'undefined_column',
                  HINT = 'Map one, such as {"user_id": "customer_id"}.';
    ELSIF journey._first_column(kinds, mapping -> 'event_time') IS NULL THEN
        RAISE EXCEPTION 'relation % has no column for the time of an event', relation
            USING ERRCODE = 'undefined_column',
                  HINT = 'Map one, such as {"event_time": "created_at"}.';
    END IF;
    FOR field, col IN SELECT key, kinds -> (value #>> '{}') FROM jsonb_each(columns) LOOP
        IF (field = ANY ('{event_time,received_at}'::text[])
                AND col #>> '{}' <> ALL ('{timestamptz,timestamp,date,text,other}'::text[]))
           OR (field = 'loaded_at' AND col #>> '{}' <> ALL ('{timestamptz,timestamp,date,text}'::text[]))
           OR (field = ANY ('{properties,traits}'::text[])
               AND col #>> '{}' <> ALL ('{json,jsonb,text}'::text[]))
        THEN
            name := columns ->> field;
            RAISE EXCEPTION 'column "%" cannot be read as %', name, field
                USING ERRCODE = 'datatype_mismatch',
                      DETAIL = CASE WHEN field = ANY ('{properties,traits}'::text[])
                                    THEN 'It must be json, jsonb or text.' ELSE 'It must be a time.' END,
                      HINT = CASE
                          WHEN field = ANY ('{properties,traits}'::text[])
                          THEN format('Add a view that has %I::jsonb.', name)
                          WHEN col #>> '{}' = ANY ('{integer,number}'::text[])
                          THEN format('Say what it counts since 1970: {"%s": {"column": %s, "unit": "ms"}}, or s, us,'
                                      ' ns.', field, to_jsonb(name))
                          ELSE format('Add a view that has %I::timestamptz.', name) END;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION journey._check_columns(regclass, jsonb, jsonb, text) IS 'internal: checks a mapping';

CREATE FUNCTION journey._add_source(
    model name, relation regclass, kind text, columns jsonb, options jsonb) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    m journey._model := journey._lock_model(model);
    s journey._settings := journey._settings(m.options);
    rel pg_class;
    source_schema name;
BEGIN
    SELECT * INTO rel FROM pg_class c WHERE c.oid = relation;
    IF NOT FOUND OR rel.relkind <> ALL ('{r,p,v,m,f}'::"char"[]) THEN
        RAISE EXCEPTION '% is no table or view', coalesce(relation::text, 'null')
            USING ERRCODE = 'wrong_object_type';
    ELSIF rel.relpersistence = 't' THEN
        RAISE EXCEPTION '% is temporary: other sessions cannot read it', relation
            USING ERRCODE = 'wrong_object_type';
    END IF;
    SELECT n.nspname INTO source_schema FROM pg_namespace n WHERE n.oid = rel.relnamespace;
    PERFORM journey._check_keys(options, CASE kind WHEN 'conversion' THEN '{id_space,name}'::text[]
                                              WHEN 'payload' THEN '{id_space,form}'::text[]
                                              ELSE '{id_space}'::text[] END);
    IF kind <> ALL ('{page,screen,track,identify,group,alias,payload,conversion}'::text[]) THEN
        RAISE EXCEPTION 'unknown kind "%"', kind
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Kinds are page, screen, track, identify, group, alias, payload, conversion.';
    END IF;
    IF options ? 'id_space' AND coalesce(options ->> 'id_space', '') = '' THEN
        PERFORM journey._bad_option('id_space'::text, options -> 'id_space', 'a string'::text);
    END IF;
    IF options ? 'form' AND (options ->> 'form' = ANY ('{delivered,wire}'::text[])) IS NOT TRUE THEN
        PERFORM journey._bad_option('form'::text, options -> 'form', '"delivered" or "wire"'::text);
    END IF;
    PERFORM journey._check_new_source(m, source_schema, rel.relname,
        CASE WHEN kind = 'conversion' THEN coalesce(options ->> 'name', '') END);
    IF NOT has_table_privilege(relation, 'SELECT') THEN
        RAISE EXCEPTION 'permission denied for %', relation
            USING ERRCODE = 'insufficient_privilege',
                  HINT = format('GRANT SELECT ON %s TO %I.', relation, current_user);
    END IF;
    IF kind = 'conversion' THEN
        PERFORM journey._check_conversion_source(relation, columns, options,
            s.capture = 'trigger' AND NOT s.ignore_deletes AND journey._members(relation) IS NOT NULL);
    ELSE
        PERFORM journey._check_columns(relation, columns, options,
                                       CASE kind WHEN 'payload' THEN kind ELSE 'own' END);
    END IF;
    PERFORM journey._catalog('add_source'::text, model, jsonb_build_object(
        'kind', 'relation', 'source_schema', source_schema, 'relation_name', rel.relname,
        'event_kind', kind, 'columns', columns, 'options', options - 'id_space',
        'id_space', coalesce(options ->> 'id_space', CASE kind WHEN 'payload' THEN 'loader' ELSE
                                                         format('%I.%I', source_schema, rel.relname) END)));
    PERFORM journey._start_capture(m);
END
$$;
COMMENT ON FUNCTION journey._add_source(name, regclass, text, jsonb, jsonb) IS
    'internal: journey.add_source() as the owner';

-- Raises an error unless a relation can give conversions by this mapping. Whether rows that go are captured.
CREATE FUNCTION journey._check_conversion_source(relation regclass, columns jsonb, options jsonb, captured boolean)
    RETURNS void
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kinds jsonb := journey._column_kinds(relation);
    mapping jsonb;
    field text;
    col jsonb;
BEGIN
    IF (jsonb_typeof(columns) = 'object') IS NOT TRUE THEN
        RAISE EXCEPTION 'columns must be a JSON object, not %', coalesce(columns::text, 'null')
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'It maps standard names to columns, such as {"converted_at": "mql_at"}.';
    END IF;
    FOR field, col IN SELECT * FROM jsonb_each(columns) LOOP
        IF NOT journey._standard_columns('conversion'::text) ? field OR field = 'received_at' THEN
            RAISE EXCEPTION 'unknown standard name "%"', field
                USING ERRCODE = 'undefined_column',
                      HINT = 'Of a conversion they are conversion_id, name, user_id, email, visitor_id, phone, '
                             'converted_at, value, currency, order_id, gclid, click_id, consent, loaded_at.';
        ELSIF jsonb_typeof(col) <> ALL ('{string,"null"}'::text[]) THEN
            RAISE EXCEPTION 'invalid column for "%": %', field, col
                USING ERRCODE = 'invalid_parameter_value',
                      DETAIL = 'It must be a name of a column, or null for none.';
        ELSIF col <> 'null' AND NOT kinds ? (col #>> '{}') THEN
            RAISE EXCEPTION 'relation % has no column "%"', relation, col #>> '{}'
                USING ERRCODE = 'undefined_column',
                      HINT = format('Its columns are %s.', array_to_string(ARRAY(
                                 SELECT jsonb_object_keys(kinds) ORDER BY 1), ', '));
        END IF;
    END LOOP;
    mapping := journey._mapping('conversion'::text, columns);
    IF (jsonb_typeof(options -> 'name') = 'string' AND options ->> 'name' <> '') IS NOT TRUE
       AND NOT columns ? 'name' THEN
        RAISE EXCEPTION 'conversions of relation % have no name', relation
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Give one in the options, {"name": "MQL"}, or map a column to "name".';
    END IF;
    FOREACH field IN ARRAY '{conversion_id,converted_at}'::text[] LOOP
        IF journey._first_column(kinds, mapping -> field) IS NULL THEN
            RAISE EXCEPTION 'relation % has no column for %', relation, field
                USING ERRCODE = 'undefined_column', HINT = format('Map one: {"%s": "column"}.', field);
        END IF;
    END LOOP;
    IF journey._first_column(kinds, (mapping -> 'user_id') || (mapping -> 'email') || (mapping -> 'visitor_id'))
       IS NULL THEN
        RAISE EXCEPTION 'relation % has no column that tells whose a conversion is', relation
            USING ERRCODE = 'undefined_column', HINT = 'Map user_id, email or visitor_id.';
    END IF;
    IF NOT captured AND journey._watermark_column(kinds, mapping, columns) IS NOT NULL THEN
        RAISE NOTICE 'rows that are deleted from % stay in the model', relation
            USING DETAIL = 'New rows are told by their load time, which says nothing of those that go.',
                  HINT = 'Set the time of conversion to NULL instead, or map {"loaded_at": null}: then the relation '
                         'is read whole each time, and what is not in it is no conversion.';
    END IF;
END
$$;
COMMENT ON FUNCTION journey._check_conversion_source(regclass, jsonb, jsonb, boolean) IS 'internal: checks a source';
