-- ---------------------------------------------------------------------------------------------
-- model: rebuild and verify
--
-- Both derive everything anew, from the stored events or from the sources, into shadow tables beside
-- the real ones. A rebuild writes what differs; verify tells it.
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION journey._drop_shadow(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    messages text := current_setting('client_min_messages');
BEGIN
    PERFORM set_config('client_min_messages', 'warning', true);
    EXECUTE (SELECT journey._bind(r, 'DROP TABLE IF EXISTS ' || string_agg('{' || relation || '}', ', '))
             FROM journey._derived());
    PERFORM set_config('client_min_messages', messages, true);
END
$$;

-- Derives all into shadow tables; from what _batch holds, or from the store.
CREATE FUNCTION journey._derive_shadow(r journey._run, from_batch boolean)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM journey._drop_shadow(r);
    PERFORM journey._create_derived(r);
    PERFORM journey._begin_run(r);
    PERFORM journey._phase('merge'::text);
    IF from_batch THEN
        PERFORM journey._merge_all(r, journey._batch_events(r));
        PERFORM journey._note_user_rows(r);
        PERFORM journey._note_conversion_rows(r);
    ELSE
        PERFORM journey._merge_all(r, NULL::text);
        EXECUTE journey._bind(r, 'INSERT INTO {_conversion_records} SELECT * FROM {._conversion_records}'::text);
        EXECUTE journey._bind(r, $sql$
            INSERT INTO {._noted} (visitor_id, event_id, event_time, user_id, kind, traits, sign)
            SELECT visitor_id, event_id, event_time, user_id, 'users', traits, 1
            FROM {._facts}
            WHERE session_id IS NULL AND user_id IS NOT NULL AND event_id LIKE 'users:%'$sql$);
    END IF;
    PERFORM journey._derive(r, '{}'::jsonb);
END
$$;

-- Makes the real relations equal to their shadows; rows that are equal are not touched.
CREATE FUNCTION journey._apply_shadow(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    d record;
    matched text;
    listed text[];          -- the relation and its key, as the list of changes has them
    statement text;
BEGIN
    FOR d IN SELECT * FROM journey._derived() LOOP
        listed := CASE d.relation WHEN '_sessions' THEN '{sessions,session_id}'::text[]
                                  WHEN 'touches' THEN '{touches,touch_id}'::text[]
                                  WHEN 'profiles' THEN '{profiles,person_id}'::text[] END;
        matched := journey._same_key(d.key, 'o'::text, 's'::text);
        FOREACH statement IN ARRAY ARRAY[
            format('DELETE FROM {.%1$s} AS o WHERE NOT EXISTS (SELECT FROM {%1$s} AS s WHERE %2$s)',
                   d.relation, matched),
            format('UPDATE {.%1$s} AS o SET %2$s FROM {%1$s} AS s '
                   'WHERE %3$s AND ROW(%4$s)::record *<> ROW(%5$s)::record',
                   d.relation, journey._assignments(r, d.relation, d.attributes, 's'::text), matched,
                   journey._compared_columns(r, d.relation, 'o.'::text),
                   journey._compared_columns(r, d.relation, 's.'::text)),
            format('INSERT INTO {.%1$s} AS o SELECT * FROM {%1$s} AS s '
                   'WHERE NOT EXISTS (SELECT FROM {.%1$s} AS o WHERE %2$s)',
                   d.relation, matched)]
        LOOP
            EXECUTE journey._bind(r, CASE
                WHEN d.key = '{session_id}' AND d.relation LIKE '\_%' AND d.relation <> '_sessions'
                THEN journey._telling(r, statement)
                ELSE journey._listed(r, listed[1], 'o.' || listed[2], statement) END);
        END LOOP;
    END LOOP;
    EXECUTE journey._bind(r, 'DELETE FROM {._sums}'::text);
END
$$;

CREATE FUNCTION journey._rebuild(model name, from_sources boolean, force boolean)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    m journey._model := journey._lock_model(model);
    started timestamptz := clock_timestamp();
    r journey._run;
    counts jsonb;
    lost bigint;
    kept text[] := (journey._settings(m.options)).keep_properties;
BEGIN
    m := journey._apply_options(m, coalesce(from_sources, false));
    r := journey._new_run(m, true);
    IF from_sources THEN
        PERFORM journey._phase('read'::text);
        counts := journey._read(m, '-infinity'::timestamptz);
        IF NOT coalesce(force, false) THEN
            lost := (SELECT count(*) FROM journey._lost_events(r));
            IF lost > 0 THEN
                RAISE EXCEPTION 'a rebuild of model "%" from its sources would lose % events', model, lost
                    USING ERRCODE = 'object_not_in_prerequisite_state',
                          DETAIL = 'The sources do not hold them any more.',
                          HINT = format('SELECT journey.rebuild(%L) derives all from the stored events; '
                                        'with force => true they are given up.', model);
            END IF;
        END IF;
    END IF;
    PERFORM journey._derive_shadow(r, coalesce(from_sources, false));
    PERFORM journey._phase('apply'::text);
    PERFORM journey._apply_shadow(r);
    PERFORM journey._drop_shadow(r);
    r.shadow := false;
    PERFORM journey._create_indexes(r);
    IF kept IS DISTINCT FROM (r.settings).keep_properties THEN
        PERFORM journey._show_sessions(r);
    END IF;
    IF from_sources THEN
        PERFORM journey._read_done(m, counts);
    END IF;
    PERFORM journey._catalog('refreshed'::text, model, jsonb_build_object('started_at', started,
        'counts', '{"rebuild": true}'::jsonb, 'phases', journey._note_phase('{}'::jsonb, 'total'::text, started)));
END
$$;

CREATE FUNCTION journey.rebuild(model name, from_sources boolean DEFAULT false,
    force boolean DEFAULT false)
RETURNS void
AS 'MODULE_PATHNAME', 'journey_as_owner'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION journey.rebuild(name, boolean, boolean) IS
    'derives a model anew from its stored events, or reads its sources again';

-- Stored events that _batch, which holds all rows of the sources, does not give.
CREATE FUNCTION journey._lost_events(r journey._run)
RETURNS TABLE (visitor_id text, event_id text, event_time timestamptz)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY EXECUTE journey._bind(r, $sql$
        WITH sources AS (SELECT visitor_id COLLATE "C" AS visitor_id, body FROM journey._gather($1))
        SELECT e.visitor_id, e.event_id, e.event_time
        FROM {._segments} AS g CROSS JOIN LATERAL journey.events(g.body) AS e
        WHERE NOT EXISTS (
            SELECT FROM sources AS s CROSS JOIN LATERAL journey.events(s.body) AS x
            WHERE s.visitor_id = e.visitor_id AND x.event_id = e.event_id)$sql$)
    USING journey._batch_events(r);
END
$$;

-- One row for each row of a derived relation that is not as derived anew.
CREATE FUNCTION journey._differences(r journey._run)
RETURNS TABLE (relation text, key jsonb, problem text, stored jsonb, derived jsonb)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    d record;
BEGIN
    FOR d IN SELECT * FROM journey._derived() AS x WHERE x.relation <> '_segments' LOOP
        RETURN QUERY EXECUTE journey._bind(r, format($sql$
            SELECT %1$L, (SELECT jsonb_object_agg(k, coalesce(to_jsonb(o), to_jsonb(s)) -> k)
                          FROM unnest(ARRAY[%2$s]) AS k),
                   CASE WHEN s IS NULL THEN 'extra' WHEN o IS NULL THEN 'missing' ELSE 'different' END,
                   to_jsonb(o), to_jsonb(s)
            FROM (SELECT %3$s FROM {.%4$s}) AS o
            FULL JOIN (SELECT %3$s FROM {%4$s}) AS s ON %5$s
            WHERE (o *= s) IS NOT TRUE$sql$,
            CASE WHEN d.relation IN ('_sessions', '_conversions', '_segment_members') THEN substr(d.relation, 2) ELSE d.relation END,
            (SELECT string_agg(quote_literal(k), ', ') FROM unnest(d.key) AS k),
            journey._compared_columns(r, d.relation, ''::text), d.relation,
            journey._same_key(d.key, 'o'::text, 's'::text)));
    END LOOP;
END
$$;

-- One row for each session whose segments are not those that its events give. Where a session is cut
-- depends on how its events came, so segments are compared by what they hold together; and a later one
-- by the state and the sums that it keeps of its session.
CREATE FUNCTION journey._segment_differences(r journey._run)
RETURNS TABLE (relation text, key jsonb, problem text, stored jsonb, derived jsonb)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY EXECUTE journey._bind(r, $sql$
        SELECT 'events', jsonb_build_object('visitor_id', visitor_id, 'session_id', session_id),
               CASE WHEN s IS NULL THEN 'extra' WHEN o IS NULL THEN 'missing' ELSE 'different' END,
               NULL::jsonb, NULL::jsonb
        FROM (SELECT visitor_id, session_id, bool_or(loose) AS loose, journey.rollup(body) AS body
              FROM {._segments} GROUP BY visitor_id, session_id) AS o
        FULL JOIN (SELECT visitor_id, session_id, bool_or(loose) AS loose, journey.rollup(body) AS body
                   FROM {_segments} GROUP BY visitor_id, session_id) AS s
            USING (visitor_id, session_id)
        WHERE o.loose IS DISTINCT FROM s.loose OR (o.body OPERATOR(journey.=) s.body) IS NOT TRUE
        UNION ALL
        SELECT DISTINCT 'events', jsonb_build_object('visitor_id', o.visitor_id, 'session_id', o.session_id),
               'different', NULL::jsonb, NULL::jsonb
        FROM (
            SELECT g.*, row_number() OVER w = 1 AS first, bool_or(g.loose) OVER w AS any_loose
            FROM {._segments} AS g
            WINDOW w AS (PARTITION BY g.visitor_id, g.session_id ORDER BY g.started_at, g.first_event_id
                         ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)) AS o
        LEFT JOIN {_segments} AS s USING (visitor_id, started_at, first_event_id, session_id)
        WHERE o.head <> o.first OR o.loose <> o.any_loose
           OR (o.started_at, o.first_event_id) <> (
               SELECT e.event_time, e.event_id FROM journey.events(o.body) AS e
               ORDER BY e.event_time, e.event_id COLLATE "C" LIMIT 1)
           OR o.part IS DISTINCT FROM CASE WHEN NOT o.head THEN
                  journey._segment_part(o.loose, o.state, o.body, $1, $2) END
           OR NOT s.head AND NOT o.head AND o.state IS DISTINCT FROM s.state
        $sql$) USING r.timeout, r.rules;
END
$$;
COMMENT ON FUNCTION journey._segment_differences(journey._run) IS
    'internal: sessions whose events are not stored as derived anew';

-- Rows of the sources, behind the watermark, that the store does not have in this form; with strict,
-- stored events that the sources have lost.
CREATE FUNCTION journey._source_differences(r journey._run, m journey._model, strict boolean)
RETURNS TABLE (relation text, key jsonb, problem text, stored jsonb, derived jsonb)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM journey._read(m, '-infinity'::timestamptz, true);
    IF strict THEN
        RETURN QUERY
            SELECT 'sources', jsonb_build_object('visitor_id', l.visitor_id, 'event_id', l.event_id,
                                                 'event_time', l.event_time),
                   'lost', NULL::jsonb, NULL::jsonb
            FROM journey._lost_events(r) AS l
            WHERE l.event_id NOT IN (SELECT n.event_id FROM journey._noted_ids(m) AS n
                                     WHERE n.is_old AND n.event_id IS NOT NULL);
    END IF;
    -- not yet read: what lies before the watermark or, of captured tables, what triggers noted
    EXECUTE journey._bind(r, $sql$
        DELETE FROM {._batch} AS b
        USING jsonb_populate_recordset(NULL::journey._source_table, $1) AS t
        WHERE b.table_id = t.table_id
          AND (t.first_read_at IS NULL OR t.watermark IS NULL OR b.loaded_at > t.watermark
               OR b.loaded_at IS NULL)
          AND NOT EXISTS (SELECT FROM {._captured} AS c WHERE c.table_id = t.table_id)$sql$)
    USING journey._catalog('tables'::text, m.model, '{}'::jsonb);
    EXECUTE journey._bind(r, $sql$
        DELETE FROM {._batch} AS b
        USING journey._noted_ids($1) AS n
        WHERE b.table_id = n.table_id AND b.event_id IS NOT DISTINCT FROM n.event_id$sql$) USING m;
    RETURN QUERY EXECUTE journey._bind(r, $sql$
        WITH fresh AS (SELECT visitor_id COLLATE "C" AS visitor_id, body FROM journey._gather($1)),
        both_sides AS (
            SELECT f.visitor_id, s.body AS stored,
                   CASE WHEN s.body IS NULL THEN f.body
                        ELSE journey.timeline_union(s.body, f.body) END AS merged
            FROM fresh AS f
            LEFT JOIN LATERAL (
                SELECT journey.rollup(g.body) AS body FROM {._segments} AS g
                WHERE g.visitor_id = f.visitor_id) AS s ON true)
        SELECT 'sources', jsonb_build_object('visitor_id', b.visitor_id, 'event_id', d.event_id,
                                             'event_time', d.event_time),
               'not read', NULL::jsonb, to_jsonb(d)
        FROM both_sides AS b
        CROSS JOIN LATERAL (
            SELECT * FROM journey.events(b.merged)
            EXCEPT
            SELECT * FROM journey.events(b.stored)) AS d
        WHERE (b.stored OPERATOR(journey.=) b.merged) IS NOT TRUE$sql$)
    USING journey._batch_events(r);
    PERFORM journey._empty_batch(m);
END
$$;

CREATE FUNCTION journey._verify(model name, strict boolean)
RETURNS TABLE (relation text, key jsonb, problem text, stored jsonb, derived jsonb)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    m journey._model := journey._lock_model(model);
    r journey._run := journey._new_run(m, true);
BEGIN
    IF m.rules_version <> journey._rules_version() THEN
        RAISE WARNING 'model "%" is not verified: the rules changed with an upgrade', model
            USING DETAIL = 'Rows of an earlier release are no difference.',
                  HINT = format('SELECT journey.rebuild(%L);', model);
        RETURN;
    END IF;
    PERFORM journey._catalog('touch'::text, model, '{}'::jsonb);
    PERFORM journey._derive_shadow(r, false);
    PERFORM journey._phase('compare'::text);
    RETURN QUERY SELECT * FROM journey._differences(r);
    RETURN QUERY SELECT * FROM journey._segment_differences(r);
    RETURN QUERY SELECT * FROM journey._sum_differences(r);
    PERFORM journey._drop_shadow(r);
    PERFORM journey._phase('read'::text);
    RETURN QUERY SELECT * FROM journey._source_differences(r, m, coalesce(strict, false));
END
$$;

CREATE FUNCTION journey.verify(model name, strict boolean DEFAULT false)
RETURNS TABLE (relation text, key jsonb, problem text, stored jsonb, derived jsonb)
AS 'MODULE_PATHNAME', 'journey_as_owner'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION journey.verify(name, boolean) IS
    'what is not as it would be if derived anew, and rows of the sources that were not read; none if all is well';
