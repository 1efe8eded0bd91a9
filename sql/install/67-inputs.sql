-- ---------------------------------------------------------------------------------------------
-- model: inputs
--
-- How far each input is read, and which of its rows need not be read again. Watermarks move in _batch_counts()
-- (69-reading.sql).
-- ---------------------------------------------------------------------------------------------

-- The transactions that write in this database now, or hold a lock to write into a source: rows that
-- they will commit bear load times from their beginning on. When that was, `since`, is hidden from
-- plain roles, but not that they are there: one that neither wrote nor held such a lock when the last
-- refresh read is taken for younger than that; one that did keeps what was known of it then. Nothing is
-- known of those that the first refresh meets. To be called before the snapshot of the reading is taken.
CREATE FUNCTION journey._open_writers(m journey._model, inputs journey._input[]) RETURNS jsonb
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    at timestamptz := clock_timestamp();
    writers jsonb;
    since timestamptz;
BEGIN
    -- a transaction keeps what it once saw of pg_stat_activity: not from before, nor for the caller
    PERFORM pg_stat_clear_snapshot();
    WITH RECURSIVE source(oid) AS (
        SELECT i.relation::oid FROM unnest(inputs) AS i
         UNION
        SELECT h.inhrelid FROM pg_inherits h JOIN source ON h.inhparent = source.oid
    ), here AS MATERIALIZED (
        SELECT d.oid, d.datname FROM pg_database d WHERE d.datname = current_database()
    ), writer AS MATERIALIZED (
        SELECT l.virtualtransaction AS id, min(l.pid) AS pid,
               min(l.transactionid::text::bigint) AS xid
          FROM pg_locks l
         WHERE l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()
           AND (l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock'
                OR l.locktype = 'relation' AND l.database = (SELECT oid FROM here)
                   AND l.mode = ANY ('{RowExclusiveLock,ShareRowExclusiveLock,ExclusiveLock,'
                                     'AccessExclusiveLock}'::text[])
                   AND l.relation IN (SELECT oid FROM source))
         GROUP BY l.virtualtransaction
    ), known AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(m.writers -> 'writers')
                          AS k(id text, xid bigint, since timestamptz)
    )
    SELECT jsonb_agg(jsonb_build_object('id', w.id, 'xid', w.xid, 'since', x.since)), min(x.since)
      INTO writers, since
      FROM writer AS w
      LEFT JOIN pg_stat_activity a ON a.pid = w.pid
      LEFT JOIN pg_prepared_xacts p ON w.pid IS NULL AND p.transaction::text::bigint = w.xid
     CROSS JOIN LATERAL (
           SELECT coalesce(a.xact_start,
                           (SELECT min(k.since) FROM known AS k WHERE k.id = w.id OR k.xid = w.xid),
                           CASE WHEN p.transaction IS NOT NULL THEN (SELECT min(k.since) FROM known AS k) END,
                           (m.writers ->> 'at')::timestamptz,
                           '-infinity') AS since) AS x
     WHERE coalesce(a.datid = (SELECT oid FROM here), p.database = (SELECT datname FROM here), true);
    PERFORM pg_stat_clear_snapshot();
    RETURN jsonb_build_object('at', at, 'writers', coalesce(writers, '[]'), 'since', since);
END
$$;
COMMENT ON FUNCTION journey._open_writers(journey._model, journey._input[]) IS
    'internal: transactions that write now';

-- Since when there may be rows that this reading does not see: since the beginning of the oldest
-- writer, NULL if there is none. A transaction that keeps one snapshot took it before the writers were
-- listed, so for it the list of the refresh before counts.
CREATE FUNCTION journey._open_since(m journey._model, writers jsonb) RETURNS timestamptz
    LANGUAGE plpgsql STABLE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    one_snapshot boolean := current_setting('transaction_isolation') <> 'read committed';
    list jsonb := CASE WHEN one_snapshot THEN m.writers ELSE writers END;
BEGIN
    RETURN least((list ->> 'since')::timestamptz,
                 CASE WHEN one_snapshot
                      THEN coalesce((m.writers ->> 'at')::timestamptz, '-infinity') END);
END
$$;
COMMENT ON FUNCTION journey._open_since(journey._model, jsonb) IS
    'internal: the time from which rows may still come';

-- Tables, each with its partitions, if what a snapshot saw tells which of its rows were read: plain tables of
-- this server, of which the reader sees every row. Others are not there.
CREATE FUNCTION journey._plain_tables(relations regclass[]) RETURNS TABLE (root regclass, members oid[])
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
WITH RECURSIVE member(root, oid) AS (
    SELECT DISTINCT r, r::oid FROM unnest(relations) AS r
     UNION
    SELECT m.root, i.inhrelid FROM pg_inherits i JOIN member AS m ON i.inhparent = m.oid
)
SELECT m.root, array_agg(c.oid ORDER BY c.oid)
  FROM member AS m JOIN pg_class c ON c.oid = m.oid
  LEFT JOIN pg_am a ON a.oid = c.relam
 -- they put scans of their own in place of the server's
 WHERE NOT EXISTS (SELECT FROM pg_extension e WHERE e.extname = ANY ('{citus,timescaledb}'::name[]))
 GROUP BY m.root
HAVING bool_and(c.relkind = 'p' OR c.relkind = 'r' AND a.amname = 'heap') AND NOT row_security_active(m.root)
$$;
COMMENT ON FUNCTION journey._plain_tables(regclass[]) IS
    'internal: tables and their partitions, if their rows are plain';

-- The same of one, which is locked, so that no partition is taken out and put back while this refresh runs.
CREATE FUNCTION journey._plain_members(relation regclass) RETURNS oid[]
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM journey._plain_tables(ARRAY[relation])) THEN
        RETURN NULL;
    END IF;
    EXECUTE format('LOCK TABLE %s IN ACCESS SHARE MODE', relation);
    RETURN (SELECT p.members FROM journey._plain_tables(ARRAY[relation]) AS p);
END
$$;
COMMENT ON FUNCTION journey._plain_members(regclass) IS
    'internal: a table and its partitions, if their rows are plain';

-- What stands for how a row is read: the same row, read in the same way, is the same event. Columns
-- with their numbers, as one may have been dropped and made anew with a default.
CREATE FUNCTION journey._reading(i journey._input, s journey._settings, columns text) RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN md5(concat_ws(' ', journey._rules_version(), i.role, i.event_kind, i.id_prefix, i.columns,
                         i.watermark_column, i.kinds, s.exclude, s.revenue, s.earliest, s.max_future,
                         s.keep_properties, s.allow_ids, s.redact, i.options, columns));
END
$$;
COMMENT ON FUNCTION journey._reading(journey._input, journey._settings, text) IS
    'internal: stands for how a row is read';

-- Says of each input which of its rows the last refresh has seen: adds its snapshot to what is known,
-- unless that does not hold any more.
CREATE FUNCTION journey._seen_inputs(
    m journey._model, inputs journey._input[], snapshot jsonb, since timestamptz) RETURNS journey._input[]
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    last jsonb := m.writers -> 'snapshot';
    known boolean := (last ->> 'cluster' = snapshot ->> 'cluster'
        AND (last ->> 'xmax')::bigint <= (snapshot ->> 'xmax')::bigint
        AND (snapshot ->> 'xmax')::bigint - (last ->> 'xmin')::bigint < 1 << 30) IS TRUE;
    i journey._input;
    result journey._input[] := '{}';
BEGIN
    FOREACH i IN ARRAY inputs LOOP
        IF i.captured THEN
            i.members := NULL;
        END IF;
        i.seen := CASE WHEN known AND i.members IS NOT NULL AND i.seen ->> 'reading' = i.reading
                       THEN i.seen || last END;
        i.compared := since IS NULL AND coalesce(i.seen -> 'files' = journey._files(i), false);
        result := result || i;
    END LOOP;
    RETURN result;
END
$$;
COMMENT ON FUNCTION journey._seen_inputs(journey._model, journey._input[], jsonb, timestamptz) IS
    'internal: which rows the last refresh has seen';

-- ---------------------------------------------------------------------------------------------
-- model: what there is to read
--
-- What is known of a table, and the query that reads its rows, is kept with it (reader.. of
-- journey._source_table), under a key of all that it is made of. So one query on the catalog tells what is as
-- it was, and nothing is written anew for that.
-- ---------------------------------------------------------------------------------------------

-- The tables of sources, as arrays of journey._source: of a loader's schema the ordinary, partitioned and foreign
-- ones that hold events; partitions and inheriting tables are read with their parents, views may be added as
-- sources of their own.
CREATE FUNCTION journey._source_tables(sources jsonb)
    RETURNS TABLE (source integer, relation regclass, schema name, name name, relkind "char", role text,
                   columns text, own_types boolean)
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
WITH source AS MATERIALIZED (
    SELECT s.*, n.oid AS namespace
      FROM jsonb_populate_recordset(NULL::journey._source, sources) AS s
      JOIN pg_namespace n ON n.nspname = s.source_schema
), found AS MATERIALIZED (
    SELECT s.source, s.kind, s.event_kind, s.source_schema, c.oid, c.relname, c.relkind
      FROM source s JOIN pg_class c ON c.relnamespace = s.namespace AND c.relkind = ANY ('{r,p,f}'::"char"[])
     WHERE s.kind = 'schema'
       AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid)
       AND NOT EXISTS (SELECT FROM jsonb_array_elements_text(s.options -> 'exclude_tables') AS p
                        WHERE c.relname::text LIKE journey._like_pattern(p))
     UNION ALL
    SELECT s.source, s.kind, s.event_kind, s.source_schema, c.oid, c.relname, c.relkind
      FROM source s JOIN pg_class c ON c.relnamespace = s.namespace AND c.relname = s.relation_name
     WHERE s.kind = 'relation'
), columns AS MATERIALIZED (
    SELECT a.attrelid,
           string_agg(format('%I %s %s', a.attname, a.attnum, a.atttypid), ',' ORDER BY a.attnum) AS list,
           bool_or(a.attname = 'id') AS has_id,
           bool_or(a.attname = ANY ('{event,event_text}'::name[])) AS has_event,
           bool_or(a.atttypid >= 16384) AS own_types
      FROM pg_attribute a
     WHERE a.attrelid IN (SELECT oid FROM found) AND a.attnum > 0 AND NOT a.attisdropped
     GROUP BY a.attrelid
), known AS (
    SELECT f.*, k.list, coalesce(k.own_types, false) AS own_types,
           CASE WHEN f.kind = 'schema' THEN journey._table_role(f.relname, k.has_id, k.has_event)
                WHEN f.event_kind = ANY ('{conversion,payload}'::text[]) THEN f.event_kind
                ELSE 'own' END AS role
      FROM found f LEFT JOIN columns k ON k.attrelid = f.oid
)
SELECT source, oid::regclass, source_schema, relname, relkind, role, coalesce(list, ''), own_types
  FROM known WHERE role IS NOT NULL
$$;
COMMENT ON FUNCTION journey._source_tables(jsonb) IS 'internal: the tables of sources';

-- What is known of an input by its columns and options.
CREATE FUNCTION journey._describe(INOUT i journey._input, s journey._settings, given jsonb, columns text)
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    i.columns := journey._mapping(i.role, given);
    i.kinds := journey._with_units(journey._column_kinds(i.relation), given);
    i.watermark_column := journey._watermark_column(i.kinds, i.columns, given);
    i.overlap := CASE WHEN i.columns #>> '{received_at,0}' = i.watermark_column::text AND NOT given ? 'loaded_at'
                      THEN interval '1 hour' ELSE interval '15 minutes' END;
    SELECT l.expression, l.type INTO i.load_time, i.load_type FROM journey._load_time(i) AS l;
    i.dated := journey._fields(i) ->> 'event_time';
    i.reading := journey._reading(i, s, columns);
END
$$;
COMMENT ON FUNCTION journey._describe(journey._input, journey._settings, jsonb, text) IS
    'internal: what is known of an input';

-- The query that reads an input, before and after the rows that it reads.
CREATE FUNCTION journey._reader_text(m journey._model, i journey._input, s journey._settings) RETURNS text[]
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    rows text := format('(rows %s)', gen_random_uuid());
    parts text[] := string_to_array(journey._redacted_select(m, i, s, rows), rows);
BEGIN
    IF cardinality(parts) <> 2 THEN
        RAISE EXCEPTION 'the query of % reads its rows % times', i.relation, cardinality(parts) - 1;
    END IF;
    RETURN parts;
END
$$;
COMMENT ON FUNCTION journey._reader_text(journey._model, journey._input, journey._settings) IS
    'internal: the query that reads an input';

CREATE FUNCTION journey._readable_inputs(m journey._model) RETURNS journey._input[]
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN journey._readable_inputs(m, journey._settings(m.options),
                                    journey._catalog('inputs'::text, m.model, '{}'::jsonb));
END
$$;
COMMENT ON FUNCTION journey._readable_inputs(journey._model) IS 'internal: the tables to read';

-- All that a model reads and may read, as it is now. Sources that are gone or not readable are skipped, with a
-- warning: what they hold is read as soon as they can be. A table seen for the first time gets its number. `known`
-- is what the catalog has of the sources and their tables. With `peek` nothing is said or written, and a new table
-- has no number.
CREATE FUNCTION journey._readable_inputs(
    m journey._model, s journey._settings, known jsonb, peek boolean DEFAULT false)
    RETURNS journey._input[]
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    settings text := concat_ws(' ', journey._rules_version(), m.store_schema, s);
    x record;
    i journey._input;
    denied text[] := '{}';
    changed jsonb[] := '{}';
    result journey._input[] := '{}';
    all_there boolean := peek OR journey._are_there(m, known -> 'sources');
BEGIN
    IF s.redact IS NOT NULL THEN
        settings := concat_ws(' ', settings, journey._earlier_keys(m, s));
    END IF;
    FOR x IN
        WITH source AS MATERIALIZED (
            -- ids of conversions are apart from those of events
            SELECT o.*, journey._id_prefix(o.id_space, first_value(o.id_space) OVER (
                       PARTITION BY coalesce(o.event_kind = 'conversion', false) ORDER BY o.source)) AS prefix
              FROM jsonb_populate_recordset(NULL::journey._source, known -> 'sources') AS o
        ), found AS MATERIALIZED (
            SELECT * FROM journey._source_tables(known -> 'sources')
        ), release AS MATERIALIZED (
            SELECT e.extversion FROM pg_extension e WHERE e.extname = 'pg_journey'
        ), members AS MATERIALIZED (
            SELECT p.root, p.members FROM journey._plain_tables(ARRAY(SELECT f.relation FROM found AS f)) AS p
        )
        SELECT ROW(f.source, t.table_id, f.relation, f.schema, f.name, f.role,
                   CASE f.role WHEN 'conversion' THEN o.options ->> 'name' WHEN 'payload' THEN NULL
                               ELSE o.event_kind END,
                   o.prefix, NULL, NULL, NULL, NULL, t.watermark, t.table_id IS NULL, false, '{}', t.seen, p.members,
                   NULL, NULL, o.options, NULL, NULL, NULL, NULL, NULL, false)::journey._input AS input,
               has_schema_privilege(f.schema, 'USAGE') AND has_table_privilege(f.relation, 'SELECT') AS readable,
               o.columns AS given, f.columns, f.relkind, t.watermark_column, t.reader_key, t.reader,
               md5(concat_ws(' ', settings, (SELECT extversion FROM release), o.kind, f.role, o.event_kind, o.prefix,
                             o.columns, o.options, f.columns,
                             -- who owns the casts of such types decides how they may be read
                             CASE WHEN f.own_types THEN journey._column_kinds(f.relation) END)) AS key,
               EXISTS (SELECT FROM pg_attribute a
                         JOIN pg_index n ON n.indrelid = a.attrelid AND n.indkey[0] = a.attnum
                                        AND n.indpred IS NULL AND n.indisvalid
                         JOIN pg_class k ON k.oid = n.indexrelid
                         JOIN pg_am am ON am.oid = k.relam AND am.amname = ANY ('{btree,brin}'::name[])
                        WHERE a.attrelid = f.relation AND a.attname = t.watermark_column) AS indexed
          FROM found f
          JOIN source o ON o.source = f.source
          LEFT JOIN jsonb_populate_recordset(NULL::journey._source_table, known -> 'tables') AS t
                 ON t.source = f.source AND t.schema = f.schema AND t.relation = f.name
          LEFT JOIN members p ON p.root = f.relation
         ORDER BY f.source, f.schema, f.name
    LOOP
        i := x.input;
        IF NOT x.readable THEN
            denied := denied || format('%I.%I', i.schema, i.name);
            CONTINUE;
        END IF;
        IF i.is_new AND NOT peek THEN
            i.table_id := journey._catalog('add_table'::text, m.model, jsonb_build_object(
                'source', i.source, 'schema', i.schema, 'relation', i.name))::integer;
            i.members := journey._plain_members(i.relation);
        END IF;
        IF x.reader_key = x.key THEN
            i := jsonb_populate_record(i, x.reader);
        ELSE
            i := journey._describe(i, s, x.given, x.columns);
        END IF;
        IF x.reader_key IS DISTINCT FROM x.key AND NOT peek THEN
            i.query := journey._reader_text(m, i, s);
            changed := changed || jsonb_build_object(
                'table_id', i.table_id, 'reader_key', x.key, 'reader_text', i.query,
                'reader', jsonb_build_object(
                    'columns', i.columns, 'kinds', i.kinds, 'watermark_column', i.watermark_column,
                    'overlap', i.overlap, 'load_time', i.load_time, 'load_type', i.load_type, 'dated', i.dated,
                    'reading', i.reading));
        END IF;
        IF x.watermark_column IS DISTINCT FROM i.watermark_column THEN
            i.watermark := NULL;
        END IF;
        -- without an index, only what is small: it would be scanned twice, as would what a view stands for
        i.asked := x.relkind = ANY ('{r,p,m}'::"char"[])
            -- what is not in such a one any more is gone
            AND NOT (i.role = 'conversion' AND i.watermark_column IS NULL)
            AND CASE WHEN i.watermark IS NULL AND i.seen IS NULL THEN true
                     WHEN i.watermark IS NOT NULL AND x.indexed THEN true
                     ELSE x.relkind <> 'p' AND pg_relation_size(i.relation) < 8 * 1024 * 1024 END;
        result := result || i;
    END LOOP;
    IF changed <> '{}' THEN
        PERFORM journey._catalog('readers'::text, m.model, to_jsonb(changed));
    END IF;
    IF denied <> '{}' AND NOT peek THEN
        RAISE WARNING 'model "%" cannot read %: permission denied',
            m.model, array_to_string(denied, ', ')
            USING HINT = format('GRANT SELECT on it to %I; ALTER DEFAULT PRIVILEGES does it for'
                                ' tables that the loader makes later.', current_user);
    END IF;
    RETURN result;
END
$$;
COMMENT ON FUNCTION journey._readable_inputs(journey._model, journey._settings, jsonb, boolean) IS
    'internal: the tables to read';

-- Only a look.
CREATE FUNCTION journey._inputs(m journey._model) RETURNS SETOF journey._input
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT * FROM unnest(journey._readable_inputs(
        m, journey._settings(m.options), journey._catalog('inputs'::text, m.model, '{}'::jsonb), true));
END
$$;
COMMENT ON FUNCTION journey._inputs(journey._model) IS 'internal: the tables that a model can read now';

-- Whether all sources are there; warns of those that are not.
CREATE FUNCTION journey._are_there(m journey._model, sources jsonb) RETURNS boolean
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    missing text;
    result boolean := true;
BEGIN
    FOR missing IN
        SELECT CASE WHEN s.kind = 'schema' THEN format('schema %I', s.source_schema)
                    ELSE format('relation %I.%I', s.source_schema, s.relation_name) END
          FROM jsonb_populate_recordset(NULL::journey._source, sources) AS s
          LEFT JOIN pg_namespace n ON n.nspname = s.source_schema
          LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = s.relation_name
         WHERE n.oid IS NULL OR (s.kind = 'relation' AND c.oid IS NULL)
         ORDER BY s.source
    LOOP
        RAISE WARNING 'model "%" cannot read %: it does not exist', m.model, missing;
        result := false;
    END LOOP;
    RETURN result;
END
$$;
COMMENT ON FUNCTION journey._are_there(journey._model, jsonb) IS 'internal: whether all sources are there';
