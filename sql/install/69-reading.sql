-- ---------------------------------------------------------------------------------------------
-- model: a reading
-- ---------------------------------------------------------------------------------------------

-- The batch is scratch of one refresh. It is unlogged and not temporary, since a
-- security-restricted operation may make no temporary table.
CREATE FUNCTION journey._create_intake(schema name, store name) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('CREATE UNLOGGED TABLE %I._batch (LIKE journey.event)', store);
    EXECUTE (SELECT format('ALTER TABLE %I._batch %s', store,
                           string_agg(format('ADD COLUMN %I %s', name, type), ', ' ORDER BY place))
               FROM journey._batch_columns() WHERE place > 100);
    EXECUTE format('ALTER TABLE %I._batch SET (autovacuum_enabled = false)', store);
    EXECUTE format('COMMENT ON TABLE %I._batch IS ''scratch of a refresh''', store);

    EXECUTE format('CREATE TABLE %I.rejected_events ('
                   ' source text NOT NULL, "row" jsonb NOT NULL, reason text NOT NULL,'
                   ' rejected_at timestamptz NOT NULL, "position" integer, row_key text)', schema);
    -- of rows without content key, place and reason are all there is to tell them apart
    EXECUTE format('CREATE UNIQUE INDEX rejected_events_once ON %I.rejected_events'
                   ' (source, md5("row"::text), coalesce("position", 0), md5(coalesce(row_key, '''')),'
                   ' coalesce(CASE "row" WHEN ''{}'' THEN reason END, ''''))', schema);
    EXECUTE format('COMMENT ON TABLE %I.rejected_events IS'
                   ' ''rows of the sources that are no events, once, with the reason''', schema);
    PERFORM journey._create_redaction(store);
END
$$;
COMMENT ON FUNCTION journey._create_intake(name, name) IS 'internal: makes the tables of the intake';

-- Locks the tables known so far, as reading does. Who is changing one is waited for, and its columns
-- stay what they are from the look at them to the reading; partitions are locked with their tables.
CREATE FUNCTION journey._lock_inputs(tables jsonb) RETURNS boolean
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    plain text;
    others text;
    names text[];
    name text;
BEGIN
    SELECT array_agg(t.name ORDER BY t.table_id),
           string_agg(t.name, ', ' ORDER BY t.table_id) FILTER (WHERE t.is_plain),
           string_agg(format('SELECT 1 FROM %s WHERE false', t.name), ' UNION ALL ' ORDER BY t.table_id)
               FILTER (WHERE NOT t.is_plain)
      INTO names, plain, others
      FROM (SELECT t.table_id, format('%I.%I', t.schema, t.relation) AS name,
                   c.relkind = ANY ('{r,p}'::"char"[]) AS is_plain
              FROM jsonb_populate_recordset(NULL::journey._source_table, tables) AS t
              JOIN pg_namespace n ON n.nspname = t.schema
              JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = t.relation
             WHERE has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')) AS t;
    BEGIN
        IF plain IS NOT NULL THEN
            EXECUTE format('LOCK TABLE %s IN ACCESS SHARE MODE', plain);
        END IF;
        IF others IS NOT NULL THEN
            EXECUTE others;
        END IF;
        RETURN true;
    EXCEPTION WHEN undefined_table OR invalid_schema_name OR wrong_object_type THEN
        NULL; -- one was dropped meanwhile, so it is not there for the reading either
    END;
    FOREACH name IN ARRAY names LOOP
        BEGIN
            EXECUTE format('SELECT FROM %s WHERE false', name);
        EXCEPTION WHEN undefined_table OR invalid_schema_name THEN
            CONTINUE;
        END;
    END LOOP;
    RETURN false;
END
$$;
COMMENT ON FUNCTION journey._lock_inputs(jsonb) IS 'internal: locks the tables to read';

-- Sees to the indexes on load time or, of captured ones, id, without which a refresh scans a source
-- whole: makes them where the option says so and the role may, else tells once, when the table is first
-- read. A loader that is writing is not waited for, who may be about to wait for this refresh: a later
-- one makes it.
CREATE FUNCTION journey._index_inputs(
    m journey._model, s journey._settings, inputs journey._input[]) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    statement text;
    lock text;
    may boolean;
    first boolean;
    by_what text;
    told text[] := '{}';
    lacking text[] := '{}';
BEGIN
    FOR statement, lock, may, first, by_what IN
        SELECT format('CREATE INDEX ON %I.%I (%I)', i.schema, i.name, a.attname),
               CASE WHEN c.relkind = 'm' THEN '' -- cannot be locked so, and no loader writes to it
                    ELSE format('LOCK %I.%I IN SHARE MODE NOWAIT; ', i.schema, i.name) END,
               pg_has_role(c.relowner, 'USAGE'), i.is_new OR i.relation = ANY (i.unread),
               CASE WHEN i.captured THEN 'id' ELSE 'load time' END
          FROM unnest(inputs) AS i
          JOIN pg_class c ON c.oid = i.relation AND c.relkind = ANY ('{r,p,m}'::"char"[])
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = CASE
                   WHEN i.captured THEN journey._first_column(i.kinds, journey._key_columns(i))
                   ELSE i.watermark_column END
         WHERE (i.captured OR i.kinds ->> i.watermark_column::text = ANY ('{timestamptz,timestamp,date}'::text[]))
           AND NOT EXISTS (SELECT FROM pg_index x
                             JOIN pg_class k ON k.oid = x.indexrelid
                             JOIN pg_am am ON am.oid = k.relam AND (
                                      am.amname IN ('btree', 'brin') OR i.captured AND am.amname = 'hash')
                            WHERE x.indrelid = c.oid AND x.indkey[0] = a.attnum
                              AND x.indpred IS NULL AND x.indisvalid)
         ORDER BY i.table_id
    LOOP
        IF s.index_sources AND may THEN
            BEGIN
                EXECUTE lock || statement;
            EXCEPTION WHEN lock_not_available THEN
                CONTINUE;
            END;
        ELSIF first THEN
            told := told || (statement || ';');
            lacking := array_remove(lacking, by_what) || by_what;
        END IF;
    END LOOP;
    IF told <> '{}' THEN
        RAISE NOTICE
            'sources of model "%" have no index on their %: a refresh scans them whole',
            m.model, array_to_string(lacking, ' or ') USING HINT = array_to_string(told, ' ');
    END IF;
END
$$;
COMMENT ON FUNCTION journey._index_inputs(journey._model, journey._settings, journey._input[]) IS
    'internal: indexes on the sources';

-- What the rows of a table in a reading are.
CREATE TYPE journey._tally AS (
    table_id     integer,
    rows         bigint,        -- all but the old side of removed ones
    excluded     bigint,
    rejected     bigint,
    traits       bigint,        -- accepted rows of a users table
    events       bigint,        -- accepted events
    page_views   bigint,        -- of those
    any_page     boolean,       -- a page view among all rows
    web_track    boolean,       -- an accepted track of a device, with a URL
    loaded_until timestamptz,   -- the newest load time
    new          bigint,        -- events of the store, where the reading merged them
    removed      bigint
);

CREATE FUNCTION journey._batch_tallies(m journey._model) RETURNS journey._tally[]
    LANGUAGE plpgsql STABLE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    result journey._tally[];
BEGIN
    EXECUTE format($q$
        SELECT coalesce(array_agg(t), '{}') FROM (
            SELECT table_id, count(*) FILTER (WHERE status IS DISTINCT FROM 'removed') AS rows,
                   count(*) FILTER (WHERE status = 'excluded') AS excluded,
                   count(*) FILTER (WHERE status <> ALL ('{excluded,removed}')) AS rejected,
                   count(*) FILTER (WHERE status IS NULL AND is_traits) AS traits,
                   count(*) FILTER (WHERE status IS NULL AND NOT is_traits) AS events,
                   count(*) FILTER (WHERE status IS NULL AND NOT is_traits
                                      AND kind = ANY ('{page,screen}')) AS page_views,
                   coalesce(bool_or(kind = ANY ('{page,screen}')), false) AS any_page,
                   coalesce(bool_or(status IS NULL AND NOT is_traits AND kind = 'track' AND url <> ''
                                    AND visitor_id NOT LIKE 'user:%%'
                                    AND coalesce(platform, '') <> ALL ('{server,sources}')), false)
                       AS web_track,
                   max(loaded_at) FILTER (WHERE status IS DISTINCT FROM 'removed') AS loaded_until,
                   NULL::bigint AS new, count(*) FILTER (WHERE status = 'removed') AS removed
              FROM %I._batch GROUP BY table_id) AS t $q$, m.store_schema) INTO result;
    RETURN result;
END
$$;
COMMENT ON FUNCTION journey._batch_tallies(journey._model) IS 'internal: what the rows of a batch are';

-- A reading that has begun: of which tables, and the query that gives their rows.
CREATE TYPE journey._started_reading AS (
    settings  journey._settings,
    inputs    journey._input[],
    tables    jsonb,        -- as the catalog had them
    writers   jsonb,        -- transactions that write meanwhile, and the snapshot
    forgotten boolean,      -- something was forgotten, and may be told of again
    taken     text,         -- WITH ..: takes what triggers noted; '' where they noted nothing
    rows      text          -- the query, with the columns of the batch; NULL where nothing is new
);

-- What a reading has: rows by outcome, and how far each input is read. The watermark never passes the
-- beginning of this transaction, as a row from the future must not hide those that come before it,
-- nor that of the oldest writer. Of an input that is gone it is taken back, so that a table made
-- anew is read whole; of one that cannot be read nothing counts as seen, as the snapshot is kept for all.
CREATE FUNCTION journey._batch_counts(
    r journey._started_reading, open_since timestamptz, tallies journey._tally[])
    RETURNS jsonb
    LANGUAGE sql STABLE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
WITH part AS MATERIALIZED (
    SELECT * FROM unnest(tallies)
), input AS MATERIALIZED (
    SELECT * FROM unnest((r).inputs)
), state AS MATERIALIZED (
    SELECT * FROM jsonb_populate_recordset(NULL::journey._source_table, (r).tables)
), leaving AS MATERIALIZED (
    -- a partition that is on its way out was not read
    SELECT coalesce(array_agg(h.inhrelid), '{}') AS oids FROM pg_inherits h WHERE h.inhdetachpending
), mark AS (
    SELECT i.table_id, i.watermark_column,
           -- without a watermark there is none to hold back
           CASE WHEN x.read_until IS NOT NULL AND (open_since > '-infinity') IS NOT FALSE
                THEN least(x.read_until, open_since) END AS watermark,
           -- a transaction that keeps one snapshot does not know which partitions it has read
           CASE WHEN i.members IS NOT NULL AND (cardinality(i.members) = 1
                                                OR current_setting('transaction_isolation') = 'read committed')
                THEN jsonb_build_object(
                         'from', journey._read_from(i, (r).settings), 'reading', i.reading,
                         'loaded_until', l.loaded_until, 'files', journey._files(i),
                         'members', (SELECT coalesce(jsonb_agg(m), '[]')
                                       FROM unnest(i.members) AS m, leaving WHERE m <> ALL (leaving.oids)))
           END AS seen
      FROM input AS i LEFT JOIN part p ON p.table_id = i.table_id
     CROSS JOIN LATERAL (
           SELECT greatest(p.loaded_until, (i.seen ->> 'loaded_until')::timestamptz) AS loaded_until) AS l
     CROSS JOIN LATERAL (
           SELECT CASE WHEN l.loaded_until IS NULL THEN i.watermark
                       ELSE greatest(i.watermark, least(l.loaded_until, transaction_timestamp()))
                  END AS read_until) AS x
     UNION ALL
    SELECT t.table_id, CASE WHEN n.is_there THEN t.watermark_column END,
           CASE WHEN n.is_there THEN t.watermark END, NULL
      FROM state AS t
     CROSS JOIN LATERAL (
           SELECT to_regclass(format('%I.%I', t.schema, t.relation)) IS NOT NULL AS is_there) AS n
     WHERE NOT EXISTS (SELECT FROM input AS i WHERE i.table_id = t.table_id)
       AND NOT (n.is_there AND t.seen IS NULL)
)
SELECT jsonb_build_object(
           'rows_read', coalesce(sum(rows), 0), 'excluded', coalesce(sum(excluded), 0),
           'rejected', coalesce(sum(rejected), 0), 'traits', coalesce(sum(traits), 0),
           'removed', coalesce(sum(removed), 0),
           'writers', (r).writers,
           'watermarks', (
               SELECT coalesce(jsonb_agg(to_jsonb(mark) ORDER BY mark.table_id), '[]')
                 FROM mark LEFT JOIN state AS t ON t.table_id = mark.table_id
                WHERE t.first_read_at IS NULL OR (t.watermark_column, t.watermark, t.seen)
                      IS DISTINCT FROM (mark.watermark_column, mark.watermark, mark.seen)))
  FROM part
$$;
COMMENT ON FUNCTION journey._batch_counts(journey._started_reading, timestamptz, journey._tally[]) IS
    'internal: what a batch has';

-- Says of a source that is read for the first time that web pages are in it and none of its events is a
-- page view. One that was given as tracks is such a source only if there are no page views anywhere.
CREATE FUNCTION journey._tell_no_pages(m journey._model, r journey._started_reading, tallies journey._tally[])
    RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT i.source, min(format('%I.%I', i.schema, i.name)) AS name, min(i.schema) AS schema,
               bool_or(i.role <> 'own') AS is_schema
          FROM unnest(tallies) AS b JOIN unnest(r.inputs) AS i ON i.table_id = b.table_id
         WHERE b.events > 0
         GROUP BY i.source
        HAVING sum(b.page_views) = 0 AND bool_or(b.web_track)
           AND bool_and(i.role <> 'payload') AND (bool_and(i.event_kind IS NULL)
                OR m.version = 0 AND NOT EXISTS (SELECT FROM unnest(tallies) AS p WHERE p.any_page))
           AND NOT EXISTS (
               SELECT FROM jsonb_populate_recordset(NULL::journey._source_table, r.tables) AS t
                WHERE t.source = i.source AND CASE WHEN t.watermark_column IS NULL
                          THEN t.first_read_at IS NOT NULL ELSE t.watermark IS NOT NULL END)
         ORDER BY i.source
    LOOP
        RAISE NOTICE 'model "%" found no page view in %, whose events have URLs', m.model,
            CASE WHEN found.is_schema THEN format('schema %I', found.schema) ELSE found.name END
            USING DETAIL = 'Sessions without page views have no landing page.',
                  HINT = CASE WHEN found.is_schema THEN
                      'Page views lie in the tables "pages" and "screens"; if another table has them, add it with'
                      ' journey.add_source() and its third argument, the kind "page".'
                  ELSE format('Add %s with the kind "page", the third argument of add_source(), if all its rows are page views,'
                      ' else map its kinds, of a view that has them as page, screen, track, ..:'
                      ' {"kind": "column"}.', found.name) END;
    END LOOP;
END
$$;
COMMENT ON FUNCTION journey._tell_no_pages(journey._model, journey._started_reading, journey._tally[]) IS
    'internal: says that a source of web pages has no page views';

-- Empties the batch, and the list of tables that are in it whole: at the end, and before a reading, since one that
-- failed leaves rows behind. A run that reads nothing must not take a table of the last one for empty.
CREATE FUNCTION journey._empty_batch(m journey._model) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    relation regclass;
    size bigint;
BEGIN
    FOREACH relation IN ARRAY ARRAY[format('%I._batch', m.store_schema),
                                    format('%I._whole_tables', m.store_schema)]::regclass[] LOOP
        size := pg_relation_size(relation);
        IF size > 1024 * 1024 THEN
            PERFORM journey._empty(relation);
        ELSIF size > 0 THEN
            EXECUTE format('DELETE FROM %s', relation);
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION journey._empty_batch(journey._model) IS
    'internal: empties the batch of a refresh';

-- Tables that have news, of those that are asked, and 0 where triggers noted changes; and whether there are
-- tombstones. By indexes, where there are any: rows that the last refresh saw lie before those that it did not.
CREATE FUNCTION journey._ask(m journey._model, s journey._settings, inputs journey._input[],
    OUT news integer[], OUT forgotten boolean)
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    list text;
    scans text := current_setting('enable_seqscan');
    done text;
BEGIN
    SELECT concat_ws(', ', CASE WHEN bool_or(i.captured) THEN
                         format('CASE WHEN EXISTS (SELECT FROM %I._changes) THEN 0 END', m.store_schema) END,
                     string_agg(format('CASE WHEN %s THEN %s END', journey._has_news(i, s), i.table_id), ', ')
                         FILTER (WHERE i.asked AND NOT i.captured))
      INTO list FROM unnest(inputs) AS i;
    done := set_config('enable_seqscan', 'off', true);
    EXECUTE format('SELECT array_remove(ARRAY[%s]::integer[], NULL), EXISTS (SELECT FROM %I._tombstones)',
                   list, m.store_schema)
       INTO news, forgotten;
    done := set_config('enable_seqscan', scans, true);
END
$$;
COMMENT ON FUNCTION journey._ask(journey._model, journey._settings, journey._input[]) IS
    'internal: which tables have news';

-- Begins to read what is new in all sources, with one statement and so under one snapshot. With `since`, reads
-- the rows loaded or dated since then too; '-infinity' is everything. With `peek` it only looks: no index is made,
-- and nothing that triggers noted counts as read. To be called as the model's owner, who holds the lock on the
-- model. What the writers and the snapshot are is asked before anything of a table is.
CREATE FUNCTION journey._begin_reading(
    m journey._model, s journey._settings, since timestamptz, peek boolean) RETURNS journey._started_reading
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    SET TimeZone = 'UTC'
    SET DateStyle = 'ISO, YMD'
AS $$
DECLARE
    r journey._started_reading;
    known jsonb := journey._catalog('inputs'::text, m.model, '{}'::jsonb);
    locked boolean := journey._lock_inputs(known -> 'tables');
    inputs journey._input[] := journey._readable_inputs(m, s, known);
    i journey._input;
    indexed boolean;
    answer record;
BEGIN
    IF s.redact IS NOT NULL THEN
        PERFORM journey._begin_redaction(m, s, since, peek);
    END IF;
    IF s.capture = 'trigger' AND NOT peek THEN
        inputs := journey._capture_inputs(m, s, inputs, false);
    END IF;
    indexed := peek;
    FOREACH i IN ARRAY inputs LOOP
        EXIT WHEN indexed;
        IF s.index_sources OR i.is_new OR i.unread <> '{}' THEN
            PERFORM journey._index_inputs(m, s, inputs);
            indexed := true;
        END IF;
    END LOOP;
    r.settings := s;
    r.tables := known -> 'tables';
    r.writers := journey._open_writers(m, inputs);
    r.writers := r.writers || jsonb_build_object('snapshot', to_jsonb(journey._snapshot()));
    r.inputs := journey._seen_inputs(m, inputs, r.writers -> 'snapshot', since);
    answer := journey._ask(m, s, CASE WHEN since IS NULL THEN r.inputs ELSE '{}' END);
    r.forgotten := answer.forgotten;
    RETURN journey._write_query(m, r, since, answer.news);
END
$$;
COMMENT ON FUNCTION journey._begin_reading(journey._model, journey._settings, timestamptz, boolean) IS
    'internal: begins to read what is new in the sources of a model';

-- The query of a reading: of the inputs that have news, or may have, or of all with `since`. What triggers noted
-- of one may concern others.
CREATE FUNCTION journey._write_query(
    m journey._model, INOUT r journey._started_reading, since timestamptz, news integer[])
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    SET TimeZone = 'UTC'
    SET DateStyle = 'ISO, YMD'
AS $$
DECLARE
    inputs journey._input[];
    changes boolean;
    unfetched integer[];
    texts jsonb := '{}';
BEGIN
    r.taken := '';
    SELECT array_agg(i ORDER BY i.table_id), coalesce(bool_or(i.captured), false),
           array_agg(i.table_id) FILTER (WHERE i.query IS NULL)
      INTO inputs, changes, unfetched
      FROM unnest(r.inputs) AS i
     CROSS JOIN (SELECT bool_or(c.captured AND (c.unread <> '{}' OR 0 = ANY (news))) AS any_change
                   FROM unnest(r.inputs) AS c) AS n
     WHERE since IS NOT NULL OR CASE WHEN i.captured THEN n.any_change
                                     ELSE NOT i.asked OR i.table_id = ANY (news) END;
    IF inputs IS NULL THEN
        RETURN;
    END IF;
    IF changes THEN
        r.taken := journey._taken_changes(m, r.inputs, r.tables);
    END IF;
    IF unfetched IS NOT NULL THEN
        texts := journey._catalog('reader_texts'::text, m.model, to_jsonb(unfetched));
    END IF;
    r.rows := (SELECT string_agg(
                          coalesce(i.query[1], texts #>> ARRAY[i.table_id::text, '0'])
                          || CASE i.role WHEN 'conversion' THEN journey._versioned(m, i, x.rows) ELSE x.rows END
                          || coalesce(i.query[2], texts #>> ARRAY[i.table_id::text, '1'])
                          || CASE WHEN i.compared THEN journey._outdated_records(m, i) ELSE '' END,
                          ' UNION ALL ' ORDER BY i.table_id)
                 FROM unnest(inputs) AS i
                CROSS JOIN LATERAL (
                      SELECT CASE WHEN i.captured THEN journey._changed_rows(m, i, r.settings, r.inputs, since)
                                  ELSE journey._new_rows(i, r.settings, since) END AS rows) AS x)
              || CASE WHEN changes THEN journey._removed_rows(m, r.settings, r.inputs) ELSE '' END;
END
$$;
COMMENT ON FUNCTION journey._write_query(journey._model, journey._started_reading, timestamptz, integer[]) IS
    'internal: the query of a reading';

-- Whether the rows of a reading may be merged as they come, past the batch: nothing in the statement that
-- reads them writes, and none tells of what was forgotten.
CREATE FUNCTION journey._may_stream(m journey._model, r journey._started_reading) RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN r.rows IS NOT NULL AND r.taken = '' AND NOT r.forgotten
        AND ((r.settings).redact IS NULL OR (r.settings).internal_users = '{}'); -- whose ids are taken of the batch
END
$$;
COMMENT ON FUNCTION journey._may_stream(journey._model, journey._started_reading) IS
    'internal: whether rows may be merged as they come';

-- The rows of a reading, under the names that they have in the batch.
CREATE FUNCTION journey._reading_rows(r journey._started_reading) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT format('SELECT * FROM (%s) AS b (%s)', (r).rows,
              (SELECT string_agg(quote_ident(name), ', ' ORDER BY place) FROM journey._batch_columns()))
$$;
COMMENT ON FUNCTION journey._reading_rows(journey._started_reading) IS
    'internal: the query for the rows of a reading';

-- Rejects rows of _batch that tell of what was forgotten, without their content. On a shared device the
-- rows of others within a removed stretch stay. A row that is rejected anyway is meant, too, unless its time
-- can be believed and is after the forgetting, or of a device outside the removed stretch.
CREATE FUNCTION journey._reject_forgotten(m journey._model)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    r journey._run;
    s journey._settings := journey._settings(m.options);
    statement text;
BEGIN
    r.schema := m.schema;
    r.store := m.store_schema;
    r.shadow := false;
    statement := $sql$
        UPDATE {_batch} AS %s SET status = 'forgotten', raw = '{}'
        FROM {_tombstone_key} AS k%s
        WHERE %s AND coalesce(b.status, '') NOT IN ('excluded', 'removed', 'forgotten') AND EXISTS (
            SELECT FROM {_tombstones} AS t
            WHERE (b.event_time < t.forgotten_at
                   OR b.status IS NOT NULL AND (b.event_time BETWEEN t.forgotten_at AND $2) IS NOT TRUE)
              AND (
                (t.kind = 'user' AND t.valid_from IN ('-infinity', b.event_time)
                    AND t.hash = journey._tombstone(k.key, 'user'::text, b.user_id))
                OR (t.kind = 'user' AND t.valid_from IN ('-infinity', b.event_time) AND b.kind = 'alias'
                    AND t.hash = journey._tombstone(k.key, 'user'::text, b.previous_id))
                OR (t.kind = 'email' AND t.valid_from IN ('-infinity', b.event_time) AND b.user_id IS NULL
                    AND t.hash = journey._tombstone(k.key, 'email'::text,
                                                    journey._clean_email(b.traits ->> $1)))
                OR (t.kind = 'event'
                    AND t.hash = journey._tombstone(k.key, 'event'::text, b.visitor_id || ' ' || b.event_id))
                OR (t.kind = 'record' AND b.kind = 'conversion'
                    AND t.hash = journey._tombstone(k.key, 'record'::text, journey._record_key(b.name, b.event_id)))
                OR (t.kind = 'device' AND b.user_id IS NULL
                    AND (b.event_time BETWEEN t.valid_from AND t.valid_to
                         OR b.status IS NOT NULL AND (b.event_time BETWEEN $3 AND $2) IS NOT TRUE)
                    AND t.hash = journey._tombstone(k.key, 'device'::text, b.visitor_id))
                OR (t.kind = 'device at' AND t.valid_from = b.event_time AND b.user_id IS NULL
                    AND t.hash = journey._tombstone(k.key, 'device at'::text, b.visitor_id))))$sql$;
    EXECUTE journey._bind(r, format(statement, 'b', '', 'true'))
    USING s.email_trait, transaction_timestamp() + s.max_future, s.earliest;
    IF s.redact IS NOT NULL THEN -- under earlier keys
        EXECUTE journey._bind(r, format(statement, 'o',
            ', (SELECT b.ctid AS row, b.status, b.kind, b.name, e.event_id, e.visitor_id, e.user_id, e.event_time,'
            ' e.previous_id, e.traits FROM {_batch} AS b CROSS JOIN LATERAL unnest(b.earlier) AS e) AS b',
            'o.ctid = b.row'))
        USING s.email_trait, transaction_timestamp() + s.max_future, s.earliest;
    END IF;
END
$$;

-- Puts the rows of a reading into <schema>._batch.
CREATE FUNCTION journey._fill_batch(m journey._model, r journey._started_reading) RETURNS journey._tally[]
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    SET TimeZone = 'UTC'
    SET DateStyle = 'ISO, YMD'
AS $$
DECLARE
    n bigint := 0;
BEGIN
    PERFORM journey._empty_batch(m);
    IF r.rows IS NOT NULL THEN
        EXECUTE format('%s INSERT INTO %I._batch (%s) %s', r.taken, m.store_schema,
            (SELECT string_agg(quote_ident(name), ', ' ORDER BY place) FROM journey._batch_columns()),
            r.rows);
        GET DIAGNOSTICS n = ROW_COUNT;
    END IF;
    IF n = 0 THEN
        RETURN '{}';
    END IF;
    IF pg_relation_size(format('%I._batch', m.store_schema)::regclass) > journey._little_scratch() THEN
        EXECUTE format('ANALYZE %I._batch', m.store_schema);
    END IF;
    IF r.forgotten THEN
        PERFORM journey._reject_forgotten(m);
    END IF;
    RETURN journey._batch_tallies(m);
END
$$;
COMMENT ON FUNCTION journey._fill_batch(journey._model, journey._started_reading) IS
    'internal: reads into the batch';

-- What was read: counts, and what is to be remembered of the tables at the end of the refresh; lists rejected
-- rows, which the batch has.
CREATE FUNCTION journey._end_reading(
    m journey._model, r journey._started_reading, tallies journey._tally[], peek boolean) RETURNS jsonb
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    SET TimeZone = 'UTC'
    SET DateStyle = 'ISO, YMD'
AS $$
DECLARE
    counts jsonb := journey._batch_counts(r, journey._open_since(m, r.writers), tallies);
    i journey._input;
    whole integer[] := '{}';
    compared integer[] := '{}';
BEGIN
    IF peek THEN
        RETURN counts;
    END IF;
    IF (r.settings).capture = 'trigger' THEN
        PERFORM journey._capture_done(m, r.inputs);
    END IF;
    IF r.rows IS NULL THEN
        RETURN counts;
    END IF;
    FOREACH i IN ARRAY r.inputs LOOP
        IF i.compared THEN
            compared := compared || i.table_id;
        ELSIF i.role = 'conversion' AND (i.captured AND i.relation = ANY (i.unread)
                                         OR NOT i.captured AND i.watermark_column IS NULL) THEN
            whole := whole || i.table_id;
        END IF;
    END LOOP;
    IF whole <> '{}' OR compared <> '{}' THEN
        PERFORM journey._note_whole_tables(m.store_schema, whole, compared);
    END IF;
    IF tallies = '{}' THEN
        RETURN counts;
    END IF;
    IF (r.settings).redact IS NOT NULL THEN
        PERFORM journey._note_internal(m, r.settings);
    END IF;
    -- of a source that was read before it was told, if ever
    IF r.tables @? '$[*] ? (@.watermark == null)' OR cardinality(r.inputs) > jsonb_array_length(r.tables) THEN
        PERFORM journey._tell_no_pages(m, r, tallies);
    END IF;
    IF counts ->> 'rejected' <> '0' THEN
        EXECUTE format(
            'INSERT INTO %1$I.rejected_events (source, "row", reason, rejected_at, "position", row_key)'
            ' SELECT format(''%%I.%%I'', i.schema, i.name), journey._without_nulls(b.raw), b.status,'
            ' transaction_timestamp(), b.position, b.row_key'
            ' FROM %2$I._batch b JOIN unnest($1) AS i ON i.table_id = b.table_id'
            ' WHERE b.status <> ALL (''{excluded,removed}'') ON CONFLICT DO NOTHING', m.schema, m.store_schema)
            USING r.inputs;
    END IF;
    RETURN counts;
END
$$;
COMMENT ON FUNCTION
    journey._end_reading(journey._model, journey._started_reading, journey._tally[], boolean) IS
    'internal: what was read of the sources of a model';

-- A reading into the batch.
CREATE FUNCTION journey._read(
    m journey._model, since timestamptz DEFAULT NULL, peek boolean DEFAULT false) RETURNS jsonb
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    r journey._started_reading := journey._begin_reading(m, journey._settings(m.options), since, peek);
BEGIN
    RETURN journey._end_reading(m, r, journey._fill_batch(m, r), peek);
END
$$;
COMMENT ON FUNCTION journey._read(journey._model, timestamptz, boolean) IS
    'internal: reads what is new in the sources of a model';

-- Ends a reading of a rebuild: what was read counts as read, and the batch is empty. (A refresh writes its watermarks
-- with its own line of the log.)
CREATE FUNCTION journey._read_done(m journey._model, counts jsonb) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM journey._catalog('watermarks'::text, m.model, counts -> 'watermarks');
    PERFORM journey._catalog('writers'::text, m.model, counts -> 'writers');
    PERFORM journey._empty_batch(m);
END
$$;
COMMENT ON FUNCTION journey._read_done(journey._model, jsonb) IS 'internal: ends a reading';

COMMENT ON TYPE journey._tally IS 'internal: what the rows of a table in a reading are';
COMMENT ON TYPE journey._started_reading IS 'internal: a reading that has begun';
COMMENT ON FUNCTION journey._end_reading IS 'internal: what was read, and what is to be remembered of it';
