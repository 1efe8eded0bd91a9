
-- ---------------------------------------------------------------------------------------------
-- model: watermarks
--
-- How far each input is read, and which of its rows need not be read again.
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
CREATE FUNCTION journey._seen_inputs(m journey._model, inputs journey._input[], snapshot jsonb)
    RETURNS journey._input[]
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
        result := result || i;
    END LOOP;
    RETURN result;
END
$$;
COMMENT ON FUNCTION journey._seen_inputs(journey._model, journey._input[], jsonb) IS
    'internal: which rows the last refresh has seen';
