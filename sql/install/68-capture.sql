-- ---------------------------------------------------------------------------------------------
-- model: capture
--
-- With the option capture => 'trigger' statement-level triggers on the sources note in
-- <schema>._changes which rows came and which went: for each row the key that finds it again (its
-- event's id, or of a users table the user's), and of an old row also where its event stands in
-- the store; with the option "redact" all of it as it is kept. A refresh takes what it sees of these notes, under the snapshot under which it
-- reads, takes the events of old rows out of the store, and puts in what the sources now hold
-- under their ids.
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION journey._create_capture(schema name) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format($sql$
        CREATE TABLE %1$I._changes (
            table_id   integer NOT NULL,    -- of journey._source_table
            is_old     boolean NOT NULL,    -- a row that went or changed; else one that came
            key        text,                -- as in the source, or with "redact" as kept; NULL: none
            visitor_id text,                -- of an old row, likewise
            user_id    text,
            event_time timestamptz,
            "row"      json);               -- of an old row whose key alone does not tell its event; with
                                            -- "redact" the event
        CREATE TABLE %1$I._captured (
            table_id integer NOT NULL,
            relation text NOT NULL,         -- the table or a partition: read, and watched since
            triggers text,                  -- by these, as they were made or last changed
            PRIMARY KEY (table_id, relation));
        CREATE TABLE %1$I._notes (
            statement bytea PRIMARY KEY);   -- its hash
        COMMENT ON TABLE %1$I._notes IS 'statements that triggers on the sources may execute';
        COMMENT ON TABLE %1$I._changes IS 'what changed in the sources since the last refresh';
        COMMENT ON TABLE %1$I._captured IS 'sources whose changes are noted'$sql$, schema);
END
$$;
COMMENT ON FUNCTION journey._create_capture(name) IS 'internal: makes the tables of the capture';

-- An expression for the key of a row as it is noted; NULL where it has none.
CREATE FUNCTION journey._noted_key(store name, rules jsonb, role text, expression text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT journey._redacted_key(store, rules, format('nullif(%s, '''')', expression),
                             CASE role WHEN 'users' THEN 'userId' WHEN 'payload' THEN NULL ELSE 'messageId' END)
 WHERE expression IS NOT NULL
$$;
COMMENT ON FUNCTION journey._noted_key(name, jsonb, text, text) IS 'internal: an expression for a key as it is noted';

-- ---------------------------------------------------------------------------------------------
-- model: triggers on the sources
-- ---------------------------------------------------------------------------------------------

-- The trigger function of a model: one of its owner's, as whom this runs, whoever else has put one of that
-- name into the schema. NULL if there is none.
CREATE FUNCTION journey._trigger_function(schema name) RETURNS oid
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT p.oid
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname = schema AND p.proname = '_note_changes' AND p.pronargs = 0
   AND pg_get_userbyid(p.proowner) = current_user
$$;
COMMENT ON FUNCTION journey._trigger_function(name) IS 'internal: the trigger function of a model';

-- The role whose function has the name that the model's would have; NULL if there is none.
CREATE FUNCTION journey._other_trigger_function(schema name) RETURNS name
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT pg_get_userbyid(p.proowner)
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname = schema AND p.proname = '_note_changes' AND p.pronargs = 0
   AND pg_get_userbyid(p.proowner) <> current_user
$$;
COMMENT ON FUNCTION journey._other_trigger_function(name) IS
    'internal: whose function has the name of a model''s';

-- The trigger function of a model. It is called as whoever writes into a source and writes into
-- the model's schema, where the writer has no rights: therefore SECURITY DEFINER, in the name of
-- the model's owner, who alone may make triggers with it. Should others be able to, as after a restore
-- without privileges, they could give any arguments: so of statements in these only those are executed
-- that the owner listed, and of tables whose policies could run what others wrote only such are read.
-- It is kept in the model's schema, as its owner differs by model. TRUNCATE is noted before it
-- happens, while the rows can be read.
CREATE FUNCTION journey._create_trigger_function(schema name) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    other text := journey._other_trigger_function(schema);
BEGIN
    IF other IS NOT NULL THEN
        RAISE EXCEPTION 'function %._note_changes() belongs to role "%"', quote_ident(schema), other
            USING ERRCODE = 'insufficient_privilege',
                  DETAIL = format('It would run in the name of that role, and the model belongs to "%s".',
                                  current_user),
                  HINT = format('Drop it; the triggers are then made anew: '
                                'DROP FUNCTION %I._note_changes() CASCADE;', schema);
    END IF;
    EXECUTE format($sql$
        CREATE FUNCTION %1$I._note_changes() RETURNS trigger
            LANGUAGE plpgsql VOLATILE SECURITY DEFINER
            SET search_path = pg_catalog, pg_temp
            SET TimeZone = 'UTC' -- what src/catalog.c pins: keys are noted as they are read
            SET DateStyle = 'ISO, YMD'
            SET IntervalStyle = 'postgres'
            SET extra_float_digits = 1
            SET bytea_output = 'hex'
            SET standard_conforming_strings = on
            SET array_nulls = on
            SET xmloption = content
            SET transform_null_equals = off
            SET quote_all_identifiers = off
        AS %2$L;
        REVOKE ALL ON FUNCTION %1$I._note_changes() FROM PUBLIC;
        -- it goes with the extension, and its triggers with it: else no loader could write any more
        ALTER FUNCTION %1$I._note_changes() DEPENDS ON EXTENSION pg_journey;
        COMMENT ON FUNCTION %1$I._note_changes() IS 'notes what changes in the sources'$sql$,
        schema, format($f$
        DECLARE
            known boolean;
            redacts jsonb := TG_ARGV[0]::jsonb -> 'redact';
        BEGIN
            IF TG_OP = 'DELETE' THEN
                -- most loaders delete by id whatever they insert, and find nothing
                IF NOT EXISTS (SELECT FROM old_rows) THEN
                    RETURN NULL;
                END IF;
            END IF;
            -- the writer must not fail for it
            IF redacts IS NOT NULL AND NOT EXISTS (SELECT FROM %1$I._pseudonym_keys AS k
                                                    WHERE k.number = journey._key_number(redacts)) THEN
                DELETE FROM %1$I._captured WHERE table_id = (TG_ARGV[0]::jsonb ->> 'table_id')::integer;
                RAISE WARNING 'a change of %% is not noted for the model in schema %%', TG_RELID::regclass, %1$L
                    USING DETAIL = 'The key of pseudonyms is missing.',
                          HINT = 'Restore it; if rows were changed or deleted, rebuild the model from its sources.';
                RETURN NULL;
            END IF;
            known := TG_OP <> 'TRUNCATE' AND TG_ARGV[1] = (
                SELECT string_agg(a.attname || ' ' || a.atttypid, ',' ORDER BY a.attname)
                  FROM pg_attribute a
                 WHERE a.attrelid = TG_RELID AND a.attname = ANY (TG_ARGV[2]::text[])
                   AND NOT a.attisdropped)
                AND (SELECT count(*) = 2 FROM %1$I._notes AS n
                      WHERE n.statement = ANY (ARRAY[
                          journey._note_hash(TG_ARGV[1], TG_ARGV[2], TG_ARGV[3]),
                          journey._note_hash(TG_ARGV[1], TG_ARGV[2], TG_ARGV[4])]))
                -- old rows may be noted whole
                AND (TG_OP = 'INSERT' OR NOT journey._calls_others((
                         SELECT c.reltype FROM pg_class c WHERE c.oid = TG_RELID)));
            IF TG_OP = 'INSERT' OR TG_OP = 'UPDATE' THEN
                EXECUTE CASE WHEN known THEN TG_ARGV[3]
                             ELSE journey._note(%1$L, TG_RELID, TG_ARGV[0], false, 'new_rows'::text) END;
            END IF;
            IF TG_OP = 'UPDATE' OR TG_OP = 'DELETE' THEN
                EXECUTE CASE WHEN known AND redacts IS NULL THEN TG_ARGV[4]
                             ELSE journey._note(%1$L, TG_RELID, TG_ARGV[0], true, 'old_rows'::text) END;
            ELSIF TG_OP = 'TRUNCATE' THEN
                IF (SELECT c.relrowsecurity FROM pg_class c WHERE c.oid = TG_RELID)
                   AND NOT EXISTS (SELECT FROM %1$I._notes AS n
                                    WHERE n.statement = journey._truncate_hash(TG_RELID, TG_ARGV[0])) THEN
                    RAISE WARNING 'a TRUNCATE of %% is not noted for the model in schema %%',
                        TG_RELID::regclass, %1$L
                        USING DETAIL = 'Its trigger was not made by the model, or under another name.',
                              HINT = 'Rebuild the model from its sources, or drop the trigger.';
                    RETURN NULL;
                END IF;
                EXECUTE journey._note(%1$L, TG_RELID, TG_ARGV[0], true,
                                      format('ONLY %%s', TG_RELID::regclass));
            END IF;
            RETURN NULL;
        END
        $f$, schema));
END
$$;
COMMENT ON FUNCTION journey._create_trigger_function(name) IS
    'internal: makes the trigger function of a model';

CREATE FUNCTION journey._statement_hash(statement text) RETURNS bytea
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN pg_catalog.sha256(pg_catalog.decode(
               pg_catalog.replace(statement, '\', '\\'), 'escape'));
COMMENT ON FUNCTION journey._statement_hash(text) IS 'internal: stands for a statement';

-- Stands for a statement that notes rows, and the columns that it was written for: of others, with types of
-- somebody else, the same words would call what he likes.
CREATE FUNCTION journey._note_hash(columns text, names text, statement text) RETURNS bytea
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$SELECT journey._statement_hash(format('%L %L %L', columns, names, statement))$$;
COMMENT ON FUNCTION journey._note_hash(text, text, text) IS 'internal: stands for a statement on some columns';

-- Stands for the reading of a table that is about to be truncated; its name outlives a restore.
CREATE FUNCTION journey._truncate_hash(relation regclass, argument text) RETURNS bytea
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$SELECT journey._statement_hash(format('TRUNCATE %s %s', relation, argument))$$;
COMMENT ON FUNCTION journey._truncate_hash(regclass, text) IS 'internal: stands for a table to be read';

-- What a trigger has to know: its input, and the statements that note new and old rows, which
-- hold as long as the columns that they look for are as they are now.
CREATE FUNCTION journey._trigger_arguments(m journey._model, i journey._input, member regclass)
    RETURNS text[]
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    columns jsonb := jsonb_build_object(
        'key', journey._key_columns(i), 'visitor_id', i.columns -> 'visitor_id',
        'user_id', i.columns -> 'user_id', 'event_time', coalesce(i.columns -> 'event_time', '[]'))
        || journey._payload_note_columns(i);
    s journey._settings := journey._settings(m.options);
    argument text := jsonb_build_object(
        'table_id', i.table_id, 'users', i.role = 'users', 'payload', journey._payload_argument(i), 'columns', columns, 'units', coalesce((
            SELECT jsonb_object_agg(key, value) FROM jsonb_each(i.kinds) WHERE value #>> '{}' LIKE 'epoch %'), '{}'))
        || CASE WHEN s.redact IS NULL THEN '{}' ELSE jsonb_build_object('redact', s.redact, 'model', m.model) END;
    names text[] := ARRAY(SELECT DISTINCT n FROM jsonb_each(columns) AS c
                          CROSS JOIN jsonb_array_elements_text(c.value) AS n ORDER BY n);
BEGIN
    RETURN ARRAY[
        argument,
        (SELECT string_agg(a.attname || ' ' || a.atttypid, ',' ORDER BY a.attname)
           FROM pg_attribute a
          WHERE a.attrelid = member AND a.attname = ANY (names) AND NOT a.attisdropped),
        names::text,
        journey._note(m.store_schema, member, argument, false, 'new_rows'::text),
        -- with "redact" it is made each time, of the options then
        CASE WHEN s.redact IS NULL THEN journey._note(m.store_schema, member, argument, true, 'old_rows'::text)
             ELSE '' END];
END
$$;
COMMENT ON FUNCTION journey._trigger_arguments(journey._model, journey._input, regclass) IS
    'internal: the arguments of a trigger';

-- The statement that notes rows. The columns are those that the table has at this moment: a loader
-- adds some at any time.
CREATE FUNCTION journey._note(
    schema name, relation oid, argument text, is_old boolean, rows text) RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    i journey._input;
    f jsonb;
    key text;
    table_id integer := argument::jsonb -> 'table_id';
    -- a row without a key whose JSON is not to be had is not followed
    whole text := CASE WHEN journey._calls_others((SELECT c.reltype FROM pg_class c WHERE c.oid = relation))
                       THEN 'NULL::json' ELSE 'to_json(t.*)' END;
BEGIN
    IF is_old AND argument::jsonb ? 'redact' THEN
        RETURN journey._note_redacted(schema, relation, argument::jsonb, rows);
    END IF;
    i.columns := argument::jsonb -> 'columns';
    i.kinds := journey._column_kinds(relation, ARRAY(
        SELECT jsonb_array_elements_text(value) FROM jsonb_each(i.columns)));
    -- the argument of a trigger that another role made may say anything
    i.kinds := i.kinds || coalesce((
        SELECT jsonb_object_agg(u.key, u.value)
          FROM jsonb_each_text(argument::jsonb -> 'units') AS u
          JOIN jsonb_each_text(journey._time_units()) AS t ON u.value = 'epoch ' || t.value
         WHERE i.kinds ? u.key), '{}');
    f := journey._fields(i);
    key := coalesce(journey._noted_key(schema, argument::jsonb -> 'redact', CASE
               WHEN argument::jsonb -> 'users' = 'true' THEN 'users'
               WHEN jsonb_typeof(argument::jsonb -> 'payload') = 'object' THEN 'payload' END, f ->> 'key'), 'NULL::text');
    IF NOT is_old THEN
        RETURN format('INSERT INTO %I._changes (table_id, is_old, key)'
                      ' SELECT %s, false, %s FROM %s AS t',
                      schema, table_id, key, rows);
    END IF;
    IF jsonb_typeof(argument::jsonb -> 'payload') = 'object' THEN
        RETURN journey._note_payload(schema, argument::jsonb, i, rows);
    END IF;
    RETURN format(
        'INSERT INTO %I._changes (table_id, is_old, key, visitor_id, user_id, event_time, "row")'
        ' SELECT %s, true, %s, %s, %s, %s, %s FROM %s AS t',
        schema, table_id, key,
        coalesce(f ->> 'visitor_id', 'NULL'), coalesce(f ->> 'user_id', 'NULL'),
        coalesce(f ->> 'event_time', 'NULL'),
        CASE WHEN argument::jsonb -> 'users' = 'true' THEN whole
             ELSE format('CASE WHEN %s IS NULL THEN %s END', key, whole) END,
        rows);
END
$$;
COMMENT ON FUNCTION journey._note(name, oid, text, boolean, text) IS
    'internal: the statement that notes changed rows';

-- The same of old rows with the option "redact", by the model's options of this moment: the events that were kept of
-- them. Of a table that the model does not read, whose trigger another role made, nothing is noted.
CREATE FUNCTION journey._note_redacted(schema name, relation oid, argument jsonb, rows text) RETURNS text
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    m journey._model := journey._get_model((argument ->> 'model')::name);
    s journey._settings := journey._settings(m.options);
    i journey._input;
BEGIN
    SELECT * INTO i FROM journey._inputs(m) AS x
     WHERE x.table_id = (argument ->> 'table_id')::integer AND _note_redacted.relation::regclass = ANY (journey._members(x.relation))
       AND m.store_schema = _note_redacted.schema AND s.redact IS NOT NULL;
    IF NOT FOUND THEN
        RETURN 'SELECT';
    END IF;
    i.id_prefix := '';
    i.members := NULL;
    RETURN format(
        'INSERT INTO %I._changes (table_id, is_old, key, visitor_id, user_id, event_time, "row")'
        ' SELECT %s, true, x.%I, x.visitor_id, x.user_id, x.event_time,'
        ' CASE WHEN x.is_traits OR x.event_id IS NULL THEN to_json(%s) END FROM (%s) AS x (%s)'
        ' WHERE x.status IS NULL OR x.status = ''excluded''', -- maybe not when it was read
        schema, i.table_id, CASE i.role WHEN 'users' THEN 'user_id' ELSE 'event_id' END, journey._batch_event(),
        journey._redacted_select(m, i, s, CASE i.role WHEN 'conversion' THEN journey._versioned(m, i, rows) ELSE rows END),
        (SELECT string_agg(quote_ident(b.name), ', ' ORDER BY b.place) FROM journey._batch_columns() AS b));
END
$$;
COMMENT ON FUNCTION journey._note_redacted(name, oid, jsonb, text) IS
    'internal: the statement that notes the redacted events of old rows';

-- The triggers of an input on one of its tables, by what fires them.
CREATE FUNCTION journey._triggers(m journey._model, i journey._input, ignore_deletes boolean)
    RETURNS TABLE (name name, event text, type integer) -- as pg_trigger.tgtype has it
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT format('pg_journey_%s_%s_%s',
              CASE WHEN octet_length(m.schema::text) > 32 THEN md5(m.schema::text)
                   ELSE m.schema::text END, i.table_id, t.op)::name,
       t.event, t.type
  FROM (VALUES ('insert', 'AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows', 4, false),
               ('update', 'AFTER UPDATE ON %s REFERENCING OLD TABLE AS old_rows'
                ' NEW TABLE AS new_rows', 16, false),
               ('delete', 'AFTER DELETE ON %s REFERENCING OLD TABLE AS old_rows', 8, true),
               ('truncate', 'BEFORE TRUNCATE ON %s', 34, true)) AS t(op, event, type, deletes)
 WHERE NOT (ignore_deletes AND t.deletes)
$$;
COMMENT ON FUNCTION journey._triggers(journey._model, journey._input, boolean) IS
    'internal: the triggers of an input';

-- A trigger is ours by what it does, whatever its name: it calls the model's function with our table's number,
-- the last of the first argument's keys.
CREATE FUNCTION journey._missing_triggers(
    m journey._model, s journey._settings, i journey._input, member regclass)
    RETURNS TABLE (name name, event text)
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT t.name, t.event
  FROM journey._triggers(m, i, s.ignore_deletes) AS t
 WHERE NOT EXISTS (
           SELECT FROM pg_trigger g
            WHERE g.tgrelid = member AND g.tgfoid = journey._trigger_function(m.store_schema)
              AND g.tgtype = t.type AND g.tgqual IS NULL AND g.tgenabled = ANY ('{O,A}'::"char"[])
              AND split_part(encode(g.tgargs, 'escape'), '\000', 1)
                      LIKE format('%%"table_id": %s}', i.table_id))
$$;
COMMENT ON FUNCTION
    journey._missing_triggers(journey._model, journey._settings, journey._input, regclass) IS
    'internal: the triggers that a table should have and has not';

-- What tells whether the triggers of a table are as they were: one that was switched off and on again has
-- another row in the catalog.
CREATE FUNCTION journey._trigger_state(m journey._model, member regclass) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT coalesce(string_agg(format('%s %s', g.oid, g.xmin), ',' ORDER BY g.oid), '')
  FROM pg_trigger g
  JOIN pg_proc p ON p.oid = g.tgfoid
  JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE g.tgrelid = member AND n.nspname = m.store_schema AND p.proname = '_note_changes'
$$;
COMMENT ON FUNCTION journey._trigger_state(journey._model, regclass) IS
    'internal: stands for the triggers of a table';

-- Why triggers on one of some tables do not fire for all who write to it, NULL where they do: a subscription
-- of logical replication fires no triggers of statements, and who writes with session_replication_role
-- "replica" only those that fire always, which only the table's owner can make.
CREATE FUNCTION journey._mute_reason(members regclass[]) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
WITH ours AS (
    SELECT m.oid, coalesce(NOT pg_has_role(c.relowner, 'USAGE'), false) AS foreign
      FROM unnest(members) AS m(oid) JOIN pg_class c ON c.oid = m.oid
)
SELECT coalesce(
    (SELECT 'a subscription of logical replication writes to it'
       FROM ours CROSS JOIN LATERAL (
            SELECT ours.oid UNION ALL SELECT a FROM pg_partition_ancestors(ours.oid) AS a) AS x(oid)
       JOIN pg_subscription_rel s ON s.srrelid = x.oid
      LIMIT 1),
    (SELECT 'session_replication_role is replica'
       FROM ours WHERE ours.foreign AND current_setting('session_replication_role') = 'replica' LIMIT 1),
    (SELECT format('role "%s" writes with session_replication_role replica', pg_get_userbyid(s.setrole))
       FROM ours
       JOIN pg_db_role_setting s ON 'session_replication_role=replica' = ANY (s.setconfig)
      WHERE ours.foreign
        AND s.setdatabase IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
        AND CASE WHEN s.setrole = 0 THEN true
                 ELSE has_table_privilege(s.setrole, ours.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') END
      ORDER BY s.setrole LIMIT 1))
$$;
COMMENT ON FUNCTION journey._mute_reason(regclass[]) IS 'internal: why triggers do not fire';

-- Makes the triggers that one table lacks, and lists what they may execute; false if it may not.
CREATE FUNCTION journey._create_triggers(
    m journey._model, s journey._settings, i journey._input, member regclass) RETURNS boolean
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    arguments text[];
    missing record;
BEGIN
    IF EXISTS (SELECT FROM journey._missing_triggers(m, s, i, member))
       AND NOT (has_table_privilege(member, 'TRIGGER') AND has_table_privilege(member, 'SELECT')) THEN
        RETURN false;
    END IF;
    -- of a table that was renamed, too, which has triggers
    arguments := journey._trigger_arguments(m, i, member);
    EXECUTE format('INSERT INTO %I._notes SELECT journey._note_hash($1[2], $1[3], a)'
                   ' FROM unnest($1[4:5]) AS a UNION SELECT journey._truncate_hash($2, $1[1])'
                   ' ON CONFLICT DO NOTHING', m.store_schema)
        USING arguments, member;
    FOR missing IN SELECT * FROM journey._missing_triggers(m, s, i, member) LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER %I %s FOR EACH STATEMENT'
                       ' EXECUTE FUNCTION %I._note_changes(%s)',
                       missing.name, format(missing.event, member), m.store_schema,
                       (SELECT string_agg(quote_literal(coalesce(a, '')), ', ' ORDER BY n)
                          FROM unnest(arguments) WITH ORDINALITY AS x(a, n)));
        IF (SELECT pg_has_role(c.relowner, 'USAGE') FROM pg_class c WHERE c.oid = member) THEN
            EXECUTE format('ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER %I', member, missing.name);
        END IF;
    END LOOP;
    RETURN true;
END
$$;
COMMENT ON FUNCTION
    journey._create_triggers(journey._model, journey._settings, journey._input, regclass) IS
    'internal: makes the triggers of a table';

-- The function goes, and with it the triggers on tables of whatever owner. One of another role stays.
CREATE FUNCTION journey._drop_triggers(schema name) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = warning
AS $$
DECLARE
    other text := journey._other_trigger_function(schema);
BEGIN
    IF other IS NOT NULL THEN
        RAISE WARNING 'function %._note_changes() of role "%" is kept', quote_ident(schema), other
            USING HINT = format('If triggers of the model call it, writers fail until it is dropped: '
                                'DROP FUNCTION %I._note_changes() CASCADE;', schema);
    ELSE
        EXECUTE format('DROP FUNCTION IF EXISTS %I._note_changes() CASCADE', schema);
    END IF;
END
$$;
COMMENT ON FUNCTION journey._drop_triggers(name) IS 'internal: drops the triggers of a model';

-- Says of an input whose triggers do not fire for all that it is read by its load time from now on. What was
-- captured so far is read whole once more: nobody knows since when it is not.
CREATE FUNCTION journey._mute_input(
    m journey._model, INOUT i journey._input, members regclass[], reason text, told boolean)
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT FROM %I._captured WHERE table_id = $1)', m.store_schema)
        INTO i.captured USING i.table_id;
    IF i.captured THEN
        i.unread := members;
    ELSE
        EXECUTE format('DELETE FROM %I._changes WHERE table_id = $1', m.store_schema) USING i.table_id;
    END IF;
    IF told OR i.is_new OR i.captured THEN
        RAISE WARNING 'changes of %.% cannot be captured: %', quote_ident(i.schema), quote_ident(i.name), reason
            USING DETAIL = 'Triggers of statements do not fire there. Its rows are read by their load time.',
                  HINT = CASE WHEN reason LIKE '%subscription%'
                      THEN 'Let the option "overlap" be longer than replication lags behind.'
                      ELSE format('Triggers that the table''s owner makes fire always: GRANT that role TO %I.',
                                  current_user) END;
    END IF;
END
$$;
COMMENT ON FUNCTION journey._mute_input(journey._model, journey._input, regclass[], text, boolean) IS
    'internal: an input whose triggers do not fire';

-- Sees to the triggers of all inputs, and says of each whether its changes are noted and what of it
-- is to be read whole: what no refresh has read since its triggers are there, or were last touched. What may
-- have no triggers is read by its load time; with `strict` it is an error that the role may not make them.
CREATE FUNCTION journey._capture_inputs(
    m journey._model, s journey._settings, inputs journey._input[], strict boolean)
    RETURNS journey._input[]
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    i journey._input;
    members regclass[];
    member regclass;
    read jsonb;
    mute text;
    missing boolean;
    denied regclass[] := '{}';
    result journey._input[] := '{}';
BEGIN
    IF journey._trigger_function(m.store_schema) IS NULL THEN
        PERFORM journey._create_trigger_function(m.store_schema);
    END IF;
    EXECUTE format('DELETE FROM %I._captured WHERE table_id <> ALL ($1)', m.store_schema)
        USING ARRAY(SELECT x.table_id FROM unnest(inputs) AS x);
    FOREACH i IN ARRAY inputs LOOP
        members := journey._members(i.relation);
        i.captured := members IS NOT NULL AND NOT (i.role = 'conversion' AND s.ignore_deletes);
        IF i.role = 'conversion' AND s.ignore_deletes THEN -- which rows there are is what they say
            result := result || i;
            CONTINUE;
        END IF;
        i.triggers := '{}';
        -- a partition that was detached is read again when it comes back
        EXECUTE format('DELETE FROM %I._captured WHERE table_id = $1 AND relation <> ALL ($2)', m.store_schema)
            USING i.table_id, coalesce(members, '{}')::text[];
        mute := journey._mute_reason(members);
        IF mute IS NOT NULL THEN
            result := result || journey._mute_input(m, i, members, mute, strict);
            CONTINUE;
        END IF;
        EXECUTE format('SELECT jsonb_object_agg(relation, triggers) FROM %I._captured WHERE table_id = $1',
                       m.store_schema) INTO read USING i.table_id;
        FOREACH member IN ARRAY coalesce(members, '{}') LOOP
            missing := EXISTS (SELECT FROM journey._missing_triggers(m, s, i, member));
            IF NOT missing AND read ->> member::text = journey._trigger_state(m, member) THEN
                i.triggers := i.triggers || jsonb_build_object(member::text, read -> member::text);
                CONTINUE;
            END IF;
            i.unread := i.unread || member;
            IF NOT journey._create_triggers(m, s, i, member) THEN
                denied := denied || member;
                i.captured := false;
            END IF;
            i.triggers := i.triggers || jsonb_build_object(member::text, journey._trigger_state(m, member));
        END LOOP;
        result := result || i;
    END LOOP;
    IF denied <> '{}' AND strict THEN
        RAISE EXCEPTION 'changes of % cannot be captured: permission denied',
            array_to_string(denied, ', ')
            USING ERRCODE = 'insufficient_privilege',
                  HINT = format('GRANT SELECT, TRIGGER ON %s TO %I;', array_to_string(denied, ', '),
                                current_user);
    ELSIF denied <> '{}' THEN
        RAISE WARNING 'changes of % cannot be captured: permission denied',
            array_to_string(denied, ', ')
            USING DETAIL = 'Until they can, new rows are read by their load time.',
                  HINT = format('GRANT SELECT, TRIGGER ON %s TO %I;', array_to_string(denied, ', '),
                                current_user);
    END IF;
    RETURN result;
END
$$;
COMMENT ON FUNCTION
    journey._capture_inputs(journey._model, journey._settings, journey._input[], boolean) IS
    'internal: triggers for what a model reads';

-- ---------------------------------------------------------------------------------------------
-- model: switching capture on and off
-- ---------------------------------------------------------------------------------------------

-- Makes the triggers of a model that captures, so that they are there before its sources are read.
CREATE FUNCTION journey._start_capture(m journey._model) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    s journey._settings := journey._settings(m.options);
    inputs journey._input[];
    i journey._input;
BEGIN
    IF s.capture <> 'trigger' THEN
        RETURN;
    END IF;
    inputs := journey._capture_inputs(m, s, journey._readable_inputs(m), true);
    FOREACH i IN ARRAY inputs LOOP
        IF NOT i.captured AND journey._members(i.relation) IS NULL THEN
            RAISE NOTICE 'changes of %.% are not captured: a view or foreign table has no triggers',
                quote_ident(i.schema), quote_ident(i.name)
                USING DETAIL = 'Its new rows are read by their load time.';
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION journey._start_capture(journey._model) IS 'internal: begins to capture changes';

-- Follows a change of options. What the triggers noted is given up with them, so everything is read
-- once more.
CREATE FUNCTION journey._change_capture(old journey._model, m journey._model) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    was journey._settings := journey._settings(old.options);
    s journey._settings := journey._settings(m.options);
BEGIN
    IF was.capture = 'trigger' AND s.capture <> 'trigger' THEN
        PERFORM journey._drop_triggers(m.store_schema);
        EXECUTE format('TRUNCATE %1$I._changes, %1$I._captured', m.store_schema);
        PERFORM journey._catalog('watermarks'::text, m.model, (
            SELECT jsonb_agg(t.value || '{"watermark": null, "seen": null}')
              FROM jsonb_array_elements(journey._catalog('tables'::text, m.model, '{}'::jsonb)) AS t));
    ELSIF s.capture = 'trigger' AND was.redact IS DISTINCT FROM s.redact THEN
        -- what was noted by other rules must not stay
        PERFORM journey._drop_triggers(m.store_schema);
        EXECUTE format('TRUNCATE %1$I._changes, %1$I._captured', m.store_schema);
        PERFORM journey._start_capture(m);
    ELSIF s.capture = 'trigger'
          AND (was.capture, was.ignore_deletes) IS DISTINCT FROM (s.capture, s.ignore_deletes) THEN
        PERFORM journey._drop_triggers(m.store_schema);
        PERFORM journey._start_capture(m);
    END IF;
END
$$;
COMMENT ON FUNCTION journey._change_capture(journey._model, journey._model) IS
    'internal: follows a change of the option "capture"';

-- ---------------------------------------------------------------------------------------------
-- model: reading what was noted
--
-- Parts of the one statement that reads. In it "changes" is what it takes of the notes.
-- ---------------------------------------------------------------------------------------------

-- Notes of a table that may not be read now wait until it may.
CREATE FUNCTION journey._taken_changes(m journey._model, inputs journey._input[], tables jsonb) RETURNS text
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN format(
        'WITH changes AS MATERIALIZED ('
        'DELETE FROM %I._changes WHERE table_id <> ALL (%L) RETURNING *)',
        m.store_schema, ARRAY(
            SELECT t.table_id
              FROM jsonb_populate_recordset(NULL::journey._source_table, tables) AS t
             WHERE to_regclass(format('%I.%I', t.schema, t.relation)) IS NOT NULL
               AND NOT EXISTS (SELECT FROM unnest(inputs) AS i WHERE i.table_id = t.table_id)));
END
$$;
COMMENT ON FUNCTION journey._taken_changes(journey._model, journey._input[], jsonb) IS
    'internal: takes what triggers noted';

-- The conditions that find rows by their keys as they are noted. Most keys are no value of a rule and stand in the
-- source as in the note; only where pseudonyms are noted all rows are looked at.
CREATE FUNCTION journey._find_keys(
    m journey._model, i journey._input, s journey._settings, key text, keys text) RETURNS text[]
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    pseudonyms text := keys || ' AND c.key ~ ''^p[0-9]+_[0-9a-f]{64}$''';
BEGIN
    RETURN journey._has_key(i, keys) || CASE WHEN s.redact IS NULL THEN '{}'::text[] ELSE ARRAY[
        format('(SELECT EXISTS (SELECT %s)) AND %s COLLATE "C" IN (SELECT c.key %1$s)', pseudonyms, key)] END;
END
$$;
COMMENT ON FUNCTION journey._find_keys(journey._model, journey._input, journey._settings, text, text) IS
    'internal: the conditions for rows of some keys';

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

-- The rows of a captured input that are read, as an item of FROM: those of the keys that were noted
-- for it, or for an old row of any table of its id space; those without a key, if such were noted;
-- what is unread; and what `since` asks for. A row may come twice, which does no harm.
CREATE FUNCTION journey._changed_rows(
    m journey._model, i journey._input, s journey._settings, inputs journey._input[], since timestamptz) RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    f jsonb := journey._fields(i);
    key text := journey._noted_key(m.store_schema, s.redact, i.role, f ->> journey._key_field(i.role));
    list text := (SELECT string_agg(format('t.%I', k), ', ' ORDER BY k)
                    FROM jsonb_object_keys(i.kinds) AS k);
    space text := format(
        '(c.table_id = %s OR c.is_old AND c.table_id = ANY (%L))', i.table_id, ARRAY(
            SELECT x.table_id FROM unnest(inputs) AS x
             WHERE CASE WHEN i.role = 'users' THEN x.role = 'users'
                        WHEN i.role = 'conversion' THEN x.table_id = i.table_id
                        ELSE x.role <> ALL ('{users,conversion}'::text[]) AND x.id_prefix = i.id_prefix END));
    parts text[] := '{}';
BEGIN
    IF since = '-infinity' OR i.relation = ANY (i.unread) THEN
        RETURN format('%I.%I', i.schema, i.name);
    END IF;
    IF i.role = 'payload' THEN
        RETURN journey._changed_payloads(m, i, s, list, space, since);
    END IF;
    IF key IS NOT NULL THEN
        parts := parts || ARRAY(
            SELECT format('SELECT %s FROM %I.%I AS t WHERE %s', list, i.schema, i.name, x.condition)
              FROM unnest(journey._find_keys(m, i, s, key, 'FROM changes AS c WHERE c.key IS NOT NULL AND ' || space))
                   AS x(condition));
    END IF;
    parts := parts || format(
        'SELECT %s FROM %I.%I AS t WHERE %s EXISTS (SELECT FROM changes AS c WHERE c.key IS NULL'
        ' AND (c.table_id = %s OR c.is_old))', list, i.schema, i.name,
        CASE WHEN key IS NOT NULL THEN format('%s IS NULL AND', key) END, i.table_id);
    parts := parts || ARRAY(SELECT format('SELECT %s FROM ONLY %s AS t', list, u)
                              FROM unnest(i.unread) AS u);
    IF since IS NOT NULL THEN
        parts := parts || format('SELECT %s FROM %s AS t', list, journey._new_rows(i, s, since));
    END IF;
    RETURN format('(%s)', array_to_string(parts, ' UNION ALL '));
END
$$;
COMMENT ON FUNCTION
    journey._changed_rows(journey._model, journey._input, journey._settings, journey._input[], timestamptz) IS
    'internal: the changed rows of an input';

-- What is before the ids of a table's events in the store, for all tables that ever were sources.
CREATE FUNCTION journey._id_prefixes(m journey._model) RETURNS TABLE (table_id integer, prefix text)
    LANGUAGE sql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT t.table_id, journey._id_prefix(s.id_space, s.first_space)
  FROM jsonb_populate_recordset(NULL::journey._source_table,
                                journey._catalog('tables'::text, m.model, '{}'::jsonb)) AS t
  JOIN (SELECT x.source, x.id_space,
               first_value(x.id_space) OVER (PARTITION BY coalesce(x.event_kind = 'conversion', false)
                                             ORDER BY x.source) AS first_space
          FROM jsonb_populate_recordset(NULL::journey._source,
                                        journey._catalog('sources'::text, m.model, '{}'::jsonb)) AS x) AS s
       ON s.source = t.source
$$;
COMMENT ON FUNCTION journey._id_prefixes(journey._model) IS 'internal: prefixes of ids by table';

-- A row that was noted whole, without the values that a table's columns could not hold as they are now:
-- those were altered in between. Types are those of _plain_types(). Nothing is left of a row whose JSON
-- cannot be taken apart, which was rejected when it was read.
CREATE FUNCTION journey._fitting("row" json, types jsonb) RETURNS json
    LANGUAGE plpgsql STABLE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    statement text := 'SELECT FROM json_to_record($1) AS t(%s)';
    name text;
    type text;
    unfit text[] := '{}';
BEGIN
    BEGIN
        EXECUTE format(statement, (SELECT string_agg(format('%I %s', t.key, t.value), ', ')
                                     FROM jsonb_each_text(types) AS t)) USING "row";
        RETURN "row";
    EXCEPTION WHEN data_exception OR integrity_constraint_violation OR feature_not_supported
                   OR syntax_error_or_access_rule_violation OR invalid_schema_name
                   OR program_limit_exceeded THEN
        NULL;
    END;
    FOR name, type IN SELECT * FROM jsonb_each_text(types) LOOP
        BEGIN
            EXECUTE format(statement, format('%I %s', name, type)) USING "row";
        EXCEPTION WHEN data_exception OR integrity_constraint_violation OR feature_not_supported
                       OR syntax_error_or_access_rule_violation OR invalid_schema_name
                       OR program_limit_exceeded THEN
            unfit := unfit || name;
        END;
    END LOOP;
    RETURN (SELECT coalesce(json_object_agg(key, value), '{}')
              FROM json_each("row") WHERE key <> ALL (unfit));
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    RETURN '{}';
END
$$;
COMMENT ON FUNCTION journey._fitting(json, jsonb) IS 'internal: an old row as columns are now';

-- The columns of a table with their types, domains as what they are made of: an old row need not meet
-- the constraints of today. Types that are not the server's own are read as text: their input functions
-- could be anybody's, and their names not ours to use.
CREATE FUNCTION journey._plain_types(relation regclass) RETURNS jsonb
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT jsonb_object_agg(a.attname, CASE WHEN b.base < 16384 THEN format_type(b.base, -1) ELSE 'text' END)
  FROM pg_attribute a CROSS JOIN LATERAL (SELECT journey._base_type(a.atttypid) AS base) AS b
 WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
$$;
COMMENT ON FUNCTION journey._plain_types(regclass) IS 'internal: the types of columns without domains';

-- The events of old rows in the form of the batch: their ids, times and visitors, or all there was
-- in rows whose keys do not tell that.
CREATE FUNCTION journey._removed_rows(
    m journey._model, s journey._settings, inputs journey._input[]) RETURNS text
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    keyed text;
    conversions text := (SELECT array_agg(i.table_id)::text FROM unnest(inputs) AS i WHERE i.role = 'conversion');
BEGIN
    IF s.redact IS NOT NULL THEN
        RETURN journey._removed_redacted(m, inputs);
    END IF;
    keyed := format('SELECT %s FROM (SELECT c.*, p.prefix,'
                    ' %s AS visitor'
                    ' FROM changes AS c JOIN (VALUES %s) AS p(id, prefix) ON p.id = c.table_id'
                    ' WHERE c.is_old AND c."row" IS NULL AND c.table_id <> ALL (%L)) AS c'
                    -- what is rejected was never stored
                    ' WHERE journey._reject_reason(c.visitor, NULL::text, c.prefix || c.key, c.event_time,'
                    ' NULL, ''-infinity''::timestamptz, ''0''::interval) IS NULL',
        (SELECT string_agg(CASE b.name
                    WHEN 'event_id' THEN 'c.prefix || c.key'
                    WHEN 'visitor_id' THEN 'c.visitor'
                    WHEN 'event_time' THEN 'c.event_time'
                    WHEN 'table_id' THEN 'c.table_id'
                    WHEN 'status' THEN '''removed'''
                    WHEN 'is_traits' THEN 'false'
                    ELSE 'NULL::' || b.type END, ', ' ORDER BY b.place)
           FROM journey._batch_columns() AS b),
        journey._visitor('c.visitor_id'::text, 'c.user_id'::text, s),
        (SELECT string_agg(format('(%s, %L)', p.table_id, p.prefix), ', ')
           FROM journey._id_prefixes(m) AS p), coalesce(conversions, '{}'));
    -- of conversions the ids say all: the rows that there are come with them
    IF conversions IS NOT NULL THEN
        keyed := keyed || format(
            ' UNION ALL SELECT %s FROM changes AS c WHERE c.is_old AND btrim(c.key) <> '''' AND c.table_id = ANY (%L)',
            (SELECT string_agg(CASE b.name
                        WHEN 'event_id' THEN format('%s || btrim(c.key)', (
                            SELECT format('CASE c.table_id %s END', string_agg(
                                       format('WHEN %s THEN %L', i.table_id, i.id_prefix), ' '))
                              FROM unnest(inputs) AS i WHERE i.role = 'conversion'))
                        WHEN 'kind' THEN '''conversion'''
                        WHEN 'table_id' THEN 'c.table_id'
                        WHEN 'status' THEN '''removed'''
                        WHEN 'is_traits' THEN 'true'
                        ELSE 'NULL::' || b.type END, ', ' ORDER BY b.place)
               FROM journey._batch_columns() AS b), conversions);
    END IF;
    RETURN ' UNION ALL ' || keyed || coalesce((
        SELECT string_agg(' UNION ALL ' || journey._select(i, s, format(
                   '(SELECT p.* FROM changes AS c'
                   ' CROSS JOIN LATERAL json_to_record(journey._fitting(c."row", %L)) AS p(%s)'
                   ' WHERE c.table_id = %s AND c."row" IS NOT NULL)',
                   t.types, (SELECT string_agg(format('%I %s', key, value), ', ')
                               FROM jsonb_each_text(t.types)),
                   i.table_id), true), '' ORDER BY i.table_id)
          FROM unnest(inputs) AS i CROSS JOIN LATERAL journey._plain_types(i.relation) AS t(types)
         WHERE i.captured AND i.role <> ALL ('{payload,conversion}'::text[]) AND t.types IS NOT NULL), '') || coalesce((
        SELECT string_agg(' UNION ALL ' || journey._removed_payloads(i, s), '' ORDER BY i.table_id)
          FROM unnest(inputs) AS i WHERE i.captured AND i.role = 'payload'), '');
END
$$;
COMMENT ON FUNCTION journey._removed_rows(journey._model, journey._settings, journey._input[]) IS
    'internal: the events of rows that are no more';

-- The same with the option "redact": what was noted is what is kept.
CREATE FUNCTION journey._removed_redacted(m journey._model, inputs journey._input[]) RETURNS text
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN format(
        ' UNION ALL SELECT %s FROM changes AS c JOIN (VALUES %s) AS p(id, prefix) ON p.id = c.table_id'
        ' CROSS JOIN LATERAL json_populate_record(NULL::journey.event, c."row") AS e WHERE c.is_old',
        (SELECT string_agg(CASE b.name
                    WHEN 'event_id' THEN format('p.prefix || CASE WHEN c.table_id = ANY (%L::integer[]) THEN e.event_id'
                        ' ELSE c.key END', ARRAY(SELECT i.table_id FROM unnest(inputs) AS i WHERE i.role = 'users'))
                    WHEN 'visitor_id' THEN 'c.visitor_id'
                    WHEN 'user_id' THEN 'c.user_id'
                    WHEN 'event_time' THEN 'c.event_time'
                    WHEN 'table_id' THEN 'c.table_id'
                    WHEN 'status' THEN '''removed'''
                    WHEN 'is_traits' THEN format('c.table_id = ANY (%L::integer[])',
                        ARRAY(SELECT i.table_id FROM unnest(inputs) AS i WHERE i.role IN ('users', 'conversion')))
                    ELSE CASE WHEN b.place <= 100 THEN format('e.%I', b.name) ELSE 'NULL::' || b.type END
                    END, ', ' ORDER BY b.place)
           FROM journey._batch_columns() AS b),
        (SELECT string_agg(format('(%s, %L)', p.table_id, p.prefix), ', ')
           FROM journey._id_prefixes(m) AS p));
END
$$;
COMMENT ON FUNCTION journey._removed_redacted(journey._model, journey._input[]) IS
    'internal: the redacted events of rows that are no more';

-- At the end of a reading: what it read whole is read, if the triggers were there before, as they were then.
-- A transaction that keeps one snapshot may have taken it before it made them.
CREATE FUNCTION journey._capture_done(m journey._model, inputs journey._input[]) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF current_setting('transaction_isolation') = 'read committed' THEN
        EXECUTE format('INSERT INTO %I._captured (table_id, relation, triggers)'
                       ' SELECT i.table_id, u::text, i.triggers ->> u::text'
                       ' FROM unnest($1) AS i CROSS JOIN unnest(i.unread) AS u'
                       ' WHERE i.captured AND i.triggers ? u::text ON CONFLICT (table_id, relation)'
                       ' DO UPDATE SET triggers = excluded.triggers', m.store_schema) USING inputs;
    END IF;
    EXECUTE format('DELETE FROM %I._captured AS c USING unnest($1) AS i'
                   ' WHERE c.table_id = i.table_id AND (NOT i.captured OR i.triggers = ''{}'')', m.store_schema)
        USING inputs;
END
$$;
COMMENT ON FUNCTION journey._capture_done(journey._model, journey._input[]) IS
    'internal: what was read whole is captured';

-- What triggers noted and no refresh has taken.
CREATE FUNCTION journey._noted_ids(m journey._model)
    RETURNS TABLE (table_id integer, is_old boolean, event_id text)
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT DISTINCT c.table_id, c.is_old, p.prefix || c.key FROM %I._changes AS c'
        ' JOIN journey._id_prefixes($1) AS p ON p.table_id = c.table_id', m.store_schema) USING m;
END
$$;
COMMENT ON FUNCTION journey._noted_ids(journey._model) IS 'internal: ids of what triggers noted';

COMMENT ON FUNCTION journey._missing_triggers IS 'internal: triggers that a captured table lacks';
COMMENT ON FUNCTION journey._create_triggers IS 'internal: makes the triggers of a captured table';
COMMENT ON FUNCTION journey._capture_inputs IS 'internal: sees to the triggers of all inputs';
COMMENT ON FUNCTION journey._changed_payloads IS 'internal: the rows of payloads whose keys were noted';
COMMENT ON FUNCTION journey._changed_rows IS 'internal: the rows of a captured input that are read';
