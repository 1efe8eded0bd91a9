-- ---------------------------------------------------------------------------------------------
-- model: making one, its options, its segments, taking it in and dropping it
--
-- Beside a model's tables lies a copy of what the catalog knows of it, which follows every change
-- (src/catalog.c). So the schemas of a model are enough to have it in another database, or again.
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION journey.create_model(
    model name, source_schema name DEFAULT NULL, options jsonb DEFAULT '{}') RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'journey_as_caller';
COMMENT ON FUNCTION journey.create_model(name, name, jsonb) IS
    'makes a model: a schema with the tables that journey.refresh() maintains';

CREATE FUNCTION journey._create_model(model name, source_schema name, options jsonb) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    checked jsonb;
    target name;
    store name;
    made boolean;
    made_store boolean;
    before text[];
BEGIN
    IF coalesce(model, '') = '' THEN
        RAISE EXCEPTION 'model must not be null or empty' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    checked := journey._check_options(options);
    IF journey._catalog('exists'::text, model, '{}'::jsonb) = 'true' THEN
        RAISE EXCEPTION 'model "%" already exists', model USING ERRCODE = 'duplicate_object';
    END IF;

    target := coalesce(checked ->> 'schema', model);
    store := journey._store_schema(target, checked);
    made := journey._make_schema(model, target, 'schema'::text);
    made_store := journey._make_schema(model, store, 'store_schema'::text);
    before := journey._relations_in(target) || journey._relations_in(store);
    PERFORM journey._create_store(target, store, checked);
    PERFORM journey._create_intake(target, store);
    EXECUTE format('CREATE SEQUENCE %1$I._failed_at; CREATE SEQUENCE %1$I._failure;'
                   'GRANT SELECT ON SEQUENCE %1$I._failed_at, %1$I._failure TO pg_monitor', store);
    PERFORM journey._create_capture(store);
    PERFORM journey._create_catalog_copy(store);
    PERFORM journey._comment_relations(target);
    PERFORM journey._catalog('create'::text, model, jsonb_build_object(
        'schema', target, 'store_schema', store, 'options', checked - '{schema,store_schema}'::text[],
        'rules_version', journey._rules_version(),
        'relations', ARRAY(SELECT unnest(journey._relations_in(target) || journey._relations_in(store))
                           EXCEPT SELECT unnest(before)),
        'made_schema', made, 'made_store', made_store, 'created_by', current_user));
    PERFORM journey._make_redact_key(journey._get_model(model));

    IF source_schema IS NOT NULL THEN
        PERFORM journey.add_schema(model, source_schema);
    END IF;
END
$$;
COMMENT ON FUNCTION journey._create_model(name, name, jsonb) IS
    'internal: journey.create_model() behind its door';

CREATE FUNCTION journey.set_options(model name, options jsonb) RETURNS text
    LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'journey_as_owner';
COMMENT ON FUNCTION journey.set_options(name, jsonb) IS
    'changes options of a model, null sets the default; says whether a rebuild is due';

CREATE FUNCTION journey._set_options(model name, options jsonb) RETURNS text
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    m journey._model := journey._lock_model(model);
    wanted jsonb;
    now_in_force jsonb;
    later text[];
    soon text[];
    unread text[];
    -- what a rebuild was due for: of reading, until one reads the sources again; and else
    before text[] := string_to_array(substring(m.rebuild_due FROM 'rows read before keep the old (.*?) unless '), ', ');
    reason text := nullif(regexp_replace(m.rebuild_due, '(; )?rows read before keep the old .*', ''), '');
BEGIN
    PERFORM journey._check_options(options);
    IF options ? 'schema' AND options -> 'schema' IS DISTINCT FROM to_jsonb(m.schema)
       OR options ? 'store_schema' AND options -> 'store_schema' IS DISTINCT FROM to_jsonb(m.store_schema) THEN
        RAISE EXCEPTION 'the schema of a model cannot be changed'
            USING ERRCODE = 'feature_not_supported';
    END IF;
    wanted := journey._merge_options(coalesce(m.options_due, m.options),
                                     options - '{schema,store_schema}'::text[]);

    IF m.version = 0 THEN
        later := '{}';
        soon := '{}';
        unread := '{}';
    ELSE
        later := journey._changed_options(m, wanted, '{rebuild}'::text[]);
        soon := journey._changed_options(m, wanted, '{refresh}'::text[]);
        unread := journey._changed_options(m, wanted, '{read}'::text[]);
    END IF;
    -- what waits keeps its value until then
    SELECT journey._merge_options(wanted, coalesce(
               jsonb_object_agg(o, coalesce(m.options -> o, 'null')), '{}'))
      INTO now_in_force FROM unnest(later || soon) AS o;

    IF later <> '{}' THEN
        reason := format('changed options take effect with it: %s', array_to_string(later, ', '));
    ELSIF m.options_due IS NOT NULL THEN
        reason := NULL;
    END IF;
    unread := ARRAY(SELECT u.name FROM unnest(before || unread) WITH ORDINALITY AS u (name, place)
                    GROUP BY u.name ORDER BY min(u.place));
    IF unread <> '{}' THEN
        reason := concat_ws('; ', reason, format(
            'rows read before keep the old %s unless it reads from the sources',
            array_to_string(unread, ', '))
            || CASE WHEN 'redact' = ANY (unread) THEN
                   '; until then the store holds what the old rules for personal data kept' ELSE '' END);
    END IF;
    PERFORM journey._catalog('set'::text, model, jsonb_build_object(
        'options', now_in_force, 'options_due', CASE WHEN later || soon <> '{}' THEN wanted END,
        'rebuild_due', reason, 'rules_version', m.rules_version));
    PERFORM journey._make_redact_key(journey._get_model(model));
    PERFORM journey._change_capture(m, journey._get_model(model));
    IF m.version = 0 THEN
        -- no rebuild comes to make the columns of keep_properties
        PERFORM journey._show_sessions(journey._new_run(journey._get_model(model), false));
    END IF;
    RETURN CASE WHEN reason IS NULL THEN 'no rebuild is due' ELSE 'rebuild is due: ' || reason END
        || CASE WHEN soon <> '{}' THEN format('; the next refresh puts in force: %s', array_to_string(soon, ', '))
                ELSE '' END;
END
$$;
COMMENT ON FUNCTION journey._set_options(name, jsonb) IS
    'internal: journey.set_options() as the owner';

CREATE FUNCTION journey.drop_model(model name) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'journey_as_owner';
COMMENT ON FUNCTION journey.drop_model(name) IS
    'drops a model: its relations, and its schema if create_model made it and it is empty then';

CREATE FUNCTION journey._drop_model(model name) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    m journey._model;
    schema name;
    space pg_namespace;
BEGIN
    -- without its store only the catalog's row is left: nothing says whose the other relations are
    IF NOT EXISTS (SELECT FROM journey.models v
                     JOIN pg_namespace n ON n.nspname = v.store_schema
                     JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = '_segments'
                    WHERE v.model = _drop_model.model) THEN
        PERFORM journey._catalog('drop'::text, model, '{}'::jsonb);
        RETURN;
    END IF;

    m := journey._lock_model(model);
    PERFORM journey._catalog('drop'::text, model, '{}'::jsonb);
    PERFORM journey._drop_triggers(m.store_schema);
    FOREACH schema IN ARRAY ARRAY[m.schema, m.store_schema] LOOP
        PERFORM journey._drop_relations(schema, m.relations, '{v}'::"char"[], 'DROP VIEW'::text);
        PERFORM journey._drop_relations(schema, m.relations, '{m}'::"char"[], 'DROP MATERIALIZED VIEW'::text);
        PERFORM journey._drop_relations(schema, m.relations, '{r,p}'::"char"[], 'DROP TABLE'::text);
        PERFORM journey._drop_relations(schema, m.relations, '{S}'::"char"[], 'DROP SEQUENCE'::text);

        SELECT * INTO space FROM pg_namespace n WHERE n.nspname = schema;
        CONTINUE WHEN NOT FOUND OR NOT CASE schema WHEN m.schema THEN m.made_schema ELSE m.made_store END
                      OR NOT pg_has_role(space.nspowner, 'USAGE');
        BEGIN
            EXECUTE format('DROP SCHEMA %I', schema);
        EXCEPTION WHEN dependent_objects_still_exist THEN
            RAISE NOTICE 'schema "%" is kept: other objects are in it', schema;
        END;
    END LOOP;
END
$$;
COMMENT ON FUNCTION journey._drop_model(name) IS 'internal: journey.drop_model() as the owner';

CREATE FUNCTION journey.create_segment(model name, segment text, definition jsonb) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'journey_as_owner';
COMMENT ON FUNCTION journey.create_segment(name, text, jsonb) IS
    'makes a segment of a model''s persons, which journey.refresh() keeps from then on';

CREATE FUNCTION journey._create_segment(model name, segment text, definition jsonb) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    m journey._model := journey._lock_model(model);
    r journey._run;
BEGIN
    IF segment IS NULL OR definition IS NULL THEN
        RAISE EXCEPTION '% must not be null', CASE WHEN segment IS NULL THEN 'segment' ELSE 'definition' END
            USING ERRCODE = 'null_value_not_allowed';
    ELSIF m.options -> 'segments' ? segment OR m.options_due -> 'segments' ? segment THEN
        RAISE EXCEPTION 'segment "%" of model "%" already exists', segment, model
            USING ERRCODE = 'duplicate_object', HINT = format('SELECT journey.drop_segment(%L, %L);', model, segment);
    END IF;
    PERFORM journey._check_segment_option(coalesce(coalesce(m.options_due, m.options) -> 'segments', '{}')
                                          || jsonb_build_object(segment, definition));
    r := journey._new_run(journey._set_segment(m, segment, definition), false);
    -- this one alone, of all persons
    r.segments := jsonb_build_object(segment, definition);
    r.bulk := true;
    PERFORM journey._begin_run(r);
    PERFORM journey._phase('profiles'::text);
    PERFORM journey._follow(r, journey._segment_members(r));
END
$$;
COMMENT ON FUNCTION journey._create_segment(name, text, jsonb) IS
    'internal: journey.create_segment() as the owner';

CREATE FUNCTION journey.drop_segment(model name, segment text) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'journey_as_owner';
COMMENT ON FUNCTION journey.drop_segment(name, text) IS 'drops a segment of a model';

CREATE FUNCTION journey._drop_segment(model name, segment text) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    m journey._model := journey._lock_model(model);
BEGIN
    PERFORM journey._check_segment(model, segment, coalesce(m.options -> 'segments', '{}')
                                                   || coalesce(m.options_due -> 'segments', '{}'));
    m := journey._set_segment(m, segment, NULL::jsonb);
    EXECUTE journey._bind(journey._new_run(m, false), 'DELETE FROM {_segment_members} WHERE segment = $1'::text)
    USING segment;
END
$$;
COMMENT ON FUNCTION journey._drop_segment(name, text) IS 'internal: journey.drop_segment() as the owner';

-- Puts a definition among the options, or with NULL takes it out, both in those in force and in those that wait
-- for a rebuild.
CREATE FUNCTION journey._set_segment(m journey._model, segment text, definition jsonb) RETURNS journey._model
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM journey._catalog('set'::text, m.model, jsonb_build_object(
               'options', o.changed[1], 'options_due', o.changed[2], 'rebuild_due', m.rebuild_due,
               'rules_version', m.rules_version))
    FROM (SELECT array_agg(CASE WHEN x.options IS NOT NULL THEN
                     journey._merge_options(x.options, jsonb_build_object('segments', coalesce(nullif(
                         coalesce(x.options -> 'segments', '{}') - segment
                         || CASE WHEN definition IS NULL THEN '{}' ELSE jsonb_build_object(segment, definition) END,
                         '{}'), 'null'))) END ORDER BY x.n) AS changed
          FROM unnest(ARRAY[m.options, m.options_due]) WITH ORDINALITY AS x (options, n)) AS o;
    RETURN journey._get_model(m.model);
END
$$;
COMMENT ON FUNCTION journey._set_segment(journey._model, text, jsonb) IS
    'internal: changes the definition of a segment';

CREATE FUNCTION journey.adopt_model(model name, schema name, store_schema name DEFAULT NULL) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'journey_adopt_model';
COMMENT ON FUNCTION journey.adopt_model(name, name, name) IS
    'takes in the schemas of a model that were restored without the catalog';

CREATE FUNCTION journey._adopt_model(model name, schema name, store_schema name) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    copy jsonb;
    m jsonb;
    adopted journey._model;
    lost text;
    store name := journey._store_schema(schema, jsonb_strip_nulls(jsonb_build_object('store_schema', store_schema)));
BEGIN
    IF model = '' THEN
        RAISE EXCEPTION 'model must not be empty' USING ERRCODE = 'invalid_parameter_value';
    ELSIF journey._catalog('exists'::text, model, '{}'::jsonb) = 'true' THEN
        RAISE EXCEPTION 'model "%" already exists', model
            USING ERRCODE = 'duplicate_object', HINT = 'Give it another name, or drop that one.';
    END IF;
    PERFORM journey._check_creators(schema);
    PERFORM journey._check_creators(store);
    copy := journey._read_catalog_copy(store);
    m := copy -> 'model';
    SELECT string_agg(quote_ident(r), ', ') INTO lost
      FROM jsonb_array_elements_text(m -> 'relations') AS r
     WHERE r <> ALL (journey._relations_in(CASE WHEN starts_with(r, '_') THEN store ELSE schema END));
    IF lost IS NOT NULL THEN
        RAISE EXCEPTION 'schema "%" lacks relations of the model', schema
            USING ERRCODE = 'undefined_table', DETAIL = format('They are %s.', lost),
                  HINT = format('Restore all of it, and of schema %I, the store.', store);
    END IF;
    BEGIN
        PERFORM journey._catalog('create'::text, model,
                                 m || jsonb_build_object('schema', schema, 'store_schema', store,
                                                         'created_by', current_user));
    EXCEPTION WHEN unique_violation THEN
        RAISE EXCEPTION 'schema "%" belongs to a model of the catalog', schema
            USING ERRCODE = 'duplicate_object',
                  HINT = 'It needs not be taken in; journey.models has the models that you may use.';
    END;
    PERFORM journey._catalog('adopt'::text, model, copy);

    -- what happened to the sources in between was not noted: they are read whole, and watched anew
    adopted := journey._get_model(model);
    IF adopted.options ->> 'capture' = 'trigger' THEN
        PERFORM journey._drop_triggers(store);
        EXECUTE format('TRUNCATE %1$I._changes, %1$I._captured', store);
    END IF;
END
$$;
COMMENT ON FUNCTION journey._adopt_model(name, name, name) IS
    'internal: journey.adopt_model() as the owner of the store';

-- The copy of a schema's catalog, in the form in which the catalog takes it; of what somebody has written
-- into it nothing counts that the functions on a model would refuse.
CREATE FUNCTION journey._read_catalog_copy(schema name) RETURNS jsonb
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    copy jsonb;
    m jsonb;
    s jsonb;
    valid boolean;
BEGIN
    IF '_catalog_copy' <> ALL (journey._relations_in(schema)) THEN
        RAISE EXCEPTION 'schema "%" has no copy of the catalog', schema
            USING ERRCODE = 'undefined_table', DETAIL = 'It is relation "_catalog_copy" in it.',
                  HINT = 'Restore it, or make a new model with journey.create_model().';
    END IF;
    EXECUTE format('SELECT catalog FROM %I._catalog_copy LIMIT 1', schema) INTO copy;
    m := copy -> 'model';
    valid := coalesce(copy -> 'format' = '1' AND jsonb_typeof(m) = 'object'
        AND jsonb_typeof(m -> 'relations') = 'array' AND jsonb_typeof(m -> 'made_schema') = 'boolean'
        AND jsonb_typeof(m -> 'made_store') = 'boolean'
        AND m ->> 'version' ~ '^[0-9]{1,18}$' AND m ->> 'rules_version' ~ '^[0-9]{1,9}$'
        AND jsonb_typeof(copy -> 'sources') = 'array' AND jsonb_typeof(copy -> 'tables') = 'array', false);
    IF valid THEN
        FOR s IN SELECT jsonb_array_elements(copy -> 'sources') LOOP
            valid := valid AND coalesce(s ->> 'kind' = ANY ('{schema,relation}'::text[])
                AND jsonb_typeof(s -> 'columns') = 'object' AND jsonb_typeof(s -> 'options') = 'object', false);
        END LOOP;
    END IF;
    IF NOT valid THEN
        RAISE EXCEPTION 'the copy of the catalog in schema "%" cannot be read', schema
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = 'It was changed by hand, or written by another release.',
                  HINT = 'Restore relation "_catalog_copy", or make a new model with journey.create_model().';
    END IF;
    PERFORM journey._check_options(m -> 'options');
    IF jsonb_typeof(m -> 'options_due') <> 'null' THEN
        PERFORM journey._check_options(m -> 'options_due');
    END IF;
    RETURN copy;
END
$$;
COMMENT ON FUNCTION journey._read_catalog_copy(name) IS 'internal: the copy of the catalog, checked';

CREATE FUNCTION journey._create_catalog_copy(schema name) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format($sql$
        CREATE TABLE %1$I._catalog_copy (catalog jsonb);
        INSERT INTO %1$I._catalog_copy VALUES (NULL);
        COMMENT ON TABLE %1$I._catalog_copy IS
            'what the catalog knows of the model, for journey.adopt_model()'$sql$, schema);
END
$$;
COMMENT ON FUNCTION journey._create_catalog_copy(name) IS
    'internal: makes the table with the copy of the catalog';

CREATE FUNCTION journey._create_store(schema name, store name, options jsonb)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    r journey._run;
BEGIN
    r.schema := schema;
    r.store := store;
    r.shadow := false;
    r.settings := journey._settings(options);
    PERFORM journey._create_derived(r);
    PERFORM journey._create_scratch(r);
    PERFORM journey._create_sums(r);
    PERFORM journey._keep_from_vacuum(r);
    PERFORM journey._create_tombstones(r);
    PERFORM journey._create_exports(r);
    PERFORM journey._create_changes(r);
    PERFORM journey._show_sessions(r);
    PERFORM journey._show_conversions(r);
    PERFORM journey._show_segments(r);
    PERFORM journey._show_events(r);
    PERFORM journey._show_masked(r);
END
$$;

CREATE FUNCTION journey.retry_rejected(model name, OUT retried bigint, OUT accepted bigint)
    LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'journey_as_owner';
COMMENT ON FUNCTION journey.retry_rejected(name) IS
    'reads the sources of rejected rows once more: tells how many there were, and how many are events now';

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
