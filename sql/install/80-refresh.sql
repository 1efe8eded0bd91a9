-- ---------------------------------------------------------------------------------------------
-- model: refresh
-- ---------------------------------------------------------------------------------------------

-- What a run of this model goes by.
CREATE FUNCTION journey._new_run(m journey._model, shadow boolean)
RETURNS journey._run
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    r journey._run;
    s journey._settings := journey._settings(m.options);
BEGIN
    r.model := m.model;
    r.schema := m.schema;
    r.store := m.store_schema;
    r.shadow := shadow;
    r.anew := false;
    r.version := m.version + 1;
    r.at := transaction_timestamp();
    r.timeout := s.timeout;
    r.settings := s;
    r.conversions := nullif(s.conversions, '[]'::jsonb);
    r.segments := nullif(s.segments, '{}'::jsonb);
    r.rules := journey._touch_options(s) || jsonb_strip_nulls(jsonb_build_object(
        'new_campaign', s.new_campaign, 'midnight', s.midnight, 'max_duration', s.max_duration,
        'session_key', s.session_key, 'user_change', s.user_change,
        'passive_events', to_jsonb(s.passive_events), 'time_zone', s.time_zone, 'email_trait', s.email_trait,
        '_judged', CASE WHEN s.redact IS NOT NULL THEN true END, -- touches, as properties of events say
        'keep_properties', to_jsonb(nullif(s.keep_properties, '{}'))));
    IF shadow THEN
        r.bulk := true;
    ELSE
        EXECUTE journey._bind(r, $sql$
            SELECT NOT EXISTS (SELECT FROM {_segments}) AND NOT EXISTS (SELECT FROM {_facts})
               AND NOT EXISTS (SELECT FROM {_conversion_records})$sql$)
            INTO r.bulk;
        -- what the owner added to a table is not passed by: the first load is as any other then
        IF r.bulk AND EXISTS (
            SELECT FROM journey._derived() AS d
            JOIN pg_class AS c ON c.oid = journey._bind(r, format('{%s}', d.relation))::regclass
            WHERE c.relhastriggers OR c.relhasrules OR c.relrowsecurity OR c.relchecks > 0
               OR EXISTS (SELECT FROM pg_attribute AS a
                          WHERE a.attrelid = c.oid AND a.attnum > 0 AND (a.atthasdef OR a.attnotnull)
                            AND a.attnum NOT IN (SELECT x.place FROM journey._made_columns(c.oid) AS x))) THEN
            r.bulk := false;
            PERFORM journey._create_indexes(r);
        END IF;
    END IF;
    RETURN r;
END
$$;

-- Settings under which the statements of a run are planned and run; the caller's come back with its end.
CREATE FUNCTION journey._begin_run(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM set_config('jit', 'off', true), set_config('hash_mem_multiplier', '1', true),
            -- A statement has several sorts and hashes at once; together they keep to about maintenance_work_mem.
            set_config('work_mem', greatest(
                64, pg_size_bytes(current_setting('maintenance_work_mem')) / 1024 / 4)::text, true),
            -- rows of scratch are much alike
            set_config('default_statistics_target', '20', true),
            -- A first load reads all; a later one looks up what is new, and must not scan what is stored for it.
            set_config('random_page_cost', CASE WHEN r.bulk THEN '1.1' ELSE '0.5' END, true);
    PERFORM journey._clear_scratch(r);
END
$$;

-- All that follows from the events that were merged; how many profiles changed.
CREATE FUNCTION journey._derive(r journey._run, INOUT phases jsonb, OUT profiles_changed bigint,
    OUT sessions_changed bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    begun timestamptz := journey._phase('identity'::text);
    noted text[] := journey._noted_kinds(r);
    moved boolean;
    older boolean;
BEGIN
    PERFORM journey._apply_noted(r, noted);
    noted := journey._apply_refs(r, noted);
    IF r.bulk THEN
        PERFORM journey._identify_all(r);
    ELSE
        noted := journey._identify(r, noted);
    END IF;
    phases := journey._note_phase(phases, 'identity'::text, begun);

    begun := journey._phase('sessions'::text);
    IF r.bulk THEN
        PERFORM journey._stitch_all(r);
        phases := journey._note_phase(phases, 'sessions'::text, begun);
        -- touches and facts with them
        begun := journey._phase('profiles'::text);
        SELECT sessions, profiles INTO sessions_changed, profiles_changed FROM journey._store_persons(r);
        PERFORM journey._follow_all(r);
        IF (r.settings).keep_changes IS NOT NULL AND r.version > 1 AND NOT r.shadow THEN
            PERFORM journey._list_all(r);
        END IF;
    ELSE
        PERFORM journey._store_units(r);
        PERFORM journey._stitch_changed(r);
        EXECUTE journey._bind(r, $sql$
            SELECT count(*) FILTER (WHERE NOT loose), coalesce(bool_or(p0 <> p1), false),
                   coalesce(bool_or(from0 IS NOT NULL AND (from1 IS NULL OR touches IS NOT NULL)), false)
            FROM {._changed_units}$sql$) INTO sessions_changed, moved, older;
        phases := journey._note_phase(phases, 'sessions'::text, begun);

        begun := journey._phase('touches'::text);
        PERFORM journey._store_touches(r, moved, older);
        PERFORM journey._store_facts(r, noted, moved);
        phases := journey._note_phase(phases, 'touches'::text, begun);

        begun := journey._phase('profiles'::text);
        PERFORM journey._store_stretches(r);
        profiles_changed := journey._follow_all(r);
    END IF;
    phases := journey._note_phase(phases, 'profiles'::text, begun);

    IF r.bulk AND NOT r.shadow THEN
        begun := journey._phase('indexes'::text);
        PERFORM journey._create_indexes(r);
        PERFORM journey._sum_all(r);
        phases := journey._note_phase(phases, 'indexes'::text, begun);
    END IF;
    IF NOT r.shadow AND ((r.settings).keep_changes IS NOT NULL
                         OR journey._scratch_size(r, '_change_list'::text) > 0) THEN
        PERFORM journey._end_changes(r);
    END IF;
    PERFORM journey._trim_scratch(r);
END
$$;

-- Milliseconds of a phase, added to those that it has.
CREATE FUNCTION journey._note_phase(phases jsonb, phase text, begun timestamptz)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN phases || jsonb_build_object(phase, coalesce((phases ->> phase)::numeric, 0) +
        round((extract(epoch FROM clock_timestamp() - begun) * 1000)::numeric, 1));
END
$$;

-- Adds to _fresh the events of a slice that go before the new ones come: all of an id within
-- reach of where the sources had it.
CREATE FUNCTION journey._fresh_removed(r journey._run, slice integer, slices integer) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF r.bulk THEN
        RETURN;
    END IF;
    EXECUTE journey._bind(r, $sql$
        WITH removed AS (
            SELECT b.visitor_id, b.event_id, b.event_time
            FROM {._batch} AS b
            WHERE b.status = 'removed' AND NOT b.is_traits AND b.event_id IS NOT NULL
              AND journey._slice(b.visitor_id, $2) = $1
            UNION ALL
            SELECT x.visitor_id, e.event_id, e.event_time
            FROM (
                SELECT journey.timeline_agg(ROW(b.event_id, b.visitor_id, b.user_id, b.event_time,
                    b.received_at, b.kind, b.name, b.url, b.referrer, b.revenue, b.currency,
                    b.order_id, b.source, b.medium, b.campaign, b.term, b.content, b.session_key,
                    b.previous_id, b.platform, b.properties, b.traits)::journey.event) AS body,
                    b.visitor_id
                FROM {._batch} AS b
                WHERE b.status = 'removed' AND NOT b.is_traits AND b.event_id IS NULL
                  AND journey._slice(b.visitor_id, $2) = $1
                GROUP BY b.visitor_id) AS x
            CROSS JOIN LATERAL journey.events(x.body) AS e),
        grouped AS (
            SELECT d.*, array_fill(NULL::timestamptz, ARRAY[cardinality(d.ids)]) AS any_time
            FROM (
                SELECT d.visitor_id, array_agg(DISTINCT d.event_id::text) AS ids,
                       array_agg(DISTINCT d.event_time) AS times
                FROM removed AS d
                GROUP BY d.visitor_id) AS d),
        known AS (
            UPDATE {._fresh} AS f
            SET removed = g.ids, removed_at = g.any_time, reach = g.times
            FROM grouped AS g
            WHERE f.visitor_id = g.visitor_id
            RETURNING f.visitor_id)
        INSERT INTO {._fresh} (visitor_id, removed, removed_at, reach)
        SELECT g.visitor_id, g.ids, g.any_time, g.times
        FROM grouped AS g
        WHERE g.visitor_id NOT IN (SELECT visitor_id FROM known)$sql$) USING slice, slices;
END
$$;
COMMENT ON FUNCTION journey._fresh_removed(journey._run, integer, integer) IS
    'internal: events that go';

-- Merges what _batch holds, slice by slice. How many events were new.
CREATE FUNCTION journey._merge_slices(r journey._run, slices integer, removed boolean)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    n bigint := 0;
BEGIN
    PERFORM journey._phase('merge'::text);
    IF r.bulk THEN
        RETURN journey._merge_all(r, journey._batch_events(r));
    END IF;
    FOR k IN 0 .. slices - 1 LOOP
        IF slices > 1 THEN
            PERFORM journey._phase(format('merge, slice %s of %s', k + 1, slices));
            PERFORM journey._clear_scratch(r, ARRAY['_fresh', '_work']);
        END IF;
        EXECUTE journey._bind(r, $sql$
            INSERT INTO {._fresh} (visitor_id, body)
            SELECT visitor_id, body FROM journey._gather($1)$sql$)
        USING journey._batch_events(r, k, slices);
        IF removed THEN
            PERFORM journey._fresh_removed(r, k, slices);
        END IF;
        n := n + journey._merge_fresh(r);
    END LOOP;
    RETURN n;
END
$$;

CREATE FUNCTION journey._slice(visitor_id text, slices integer)
RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN slices OPERATOR(pg_catalog.=) 1 THEN 0
            ELSE (pg_catalog.hashtextextended(visitor_id, 0) OPERATOR(pg_catalog.&) 1048575)
                 OPERATOR(pg_catalog.%) slices END;

-- The events of a slice of _batch, as a query for _gather().
CREATE FUNCTION journey._batch_events(r journey._run, slice integer DEFAULT 0, slices integer DEFAULT 1)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT journey._bind(r, format($sql$
        SELECT event_id, visitor_id, user_id, event_time, received_at, kind, name, url, referrer, revenue,
               currency, order_id, source, medium, campaign, term, content, session_key, previous_id,
               platform, properties, traits
        FROM {._batch}
        WHERE status IS NULL AND NOT is_traits AND journey._slice(visitor_id, %s) = %s$sql$,
        slices, slice))
$$;

-- Slices keep the scratch small, and show how far a long run has come: 4 million events with
-- maintenance_work_mem at 64 MB.
CREATE FUNCTION journey._slices(events bigint)
RETURNS integer
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT (1 + events * 16 / pg_size_bytes(current_setting('maintenance_work_mem')))::integer
$$;

-- The rounds after the reading: merges what it gave, unless that was done with it, and derives what follows.
CREATE FUNCTION journey._follow_reading(r journey._run, accepted bigint, removed bigint, records boolean,
    INOUT new bigint, INOUT phases jsonb, OUT profiles_changed bigint, OUT sessions_changed bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    begun timestamptz := clock_timestamp();
    d record;
BEGIN
    new := coalesce(new, CASE WHEN accepted + removed > 0
                              THEN journey._merge_slices(r, journey._slices(accepted + removed), removed > 0)
                              ELSE 0 END);
    IF records THEN
        new := new + journey._note_user_rows(r) + journey._note_conversion_rows(r);
    END IF;
    phases := journey._note_phase(phases, 'merge'::text, begun);
    SELECT * INTO d FROM journey._derive(r, phases);
    phases := d.phases;
    profiles_changed := d.profiles_changed;
    sessions_changed := d.sessions_changed;
END
$$;
COMMENT ON FUNCTION journey._follow_reading(journey._run, bigint, bigint, boolean, bigint, jsonb) IS
    'internal: the rounds after the reading';

CREATE FUNCTION journey._refresh(model name, nowait boolean, since timestamptz,
    OUT rows_read bigint, OUT new bigint, OUT duplicate bigint, OUT excluded bigint, OUT rejected bigint,
    OUT sessions_changed bigint, OUT profiles_changed bigint,
    OUT read_ms numeric, OUT merge_ms numeric, OUT identity_ms numeric, OUT sessions_ms numeric,
    OUT touches_ms numeric, OUT indexes_ms numeric, OUT profiles_ms numeric, OUT total_ms numeric)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    m journey._model := journey._lock_model(model, nowait);
    s journey._settings;
    started timestamptz := journey._phase('read'::text);
    r journey._run;
    anew boolean := journey._apply_refresh_options(m);
    due text := journey._rebuild_due(m.rebuild_due, m.rules_version);
    reading journey._started_reading;
    tallies journey._tally[] := '{}';
    counts jsonb;
    phases jsonb := '{}';
    accepted bigint;
    removed bigint;
    records boolean;
    d record;
    done jsonb;
BEGIN
    IF anew THEN
        m := journey._get_model(model);
    END IF;
    s := journey._settings(m.options);
    IF due IS NOT NULL THEN
        RAISE NOTICE 'a rebuild of model "%" is due: %', model, due
            USING HINT = format('SELECT journey.rebuild(%L);', model);
    END IF;
    reading := journey._begin_reading(m, s, since, false);
    -- no run without news
    IF reading.rows IS NOT NULL OR anew THEN
        r := journey._new_run(m, false);
        r.anew := anew AND NOT r.bulk;
        PERFORM journey._begin_run(r);
        IF r.bulk AND journey._may_stream(m, reading) THEN
            -- reading and merging are one
            PERFORM journey._empty_batch(m);
            tallies := journey._merge_rows(r, reading);
            new := (SELECT t.new FROM unnest(tallies) AS t WHERE t.table_id IS NULL);
        ELSE
            tallies := journey._fill_batch(m, reading);
        END IF;
    END IF;
    IF reading.forgotten THEN
        PERFORM journey._purge_exports(journey._export_run(m));
    END IF;
    counts := journey._end_reading(m, reading, tallies, false);
    phases := journey._note_phase(phases, 'read'::text, started);
    rows_read := (counts ->> 'rows_read')::bigint;
    excluded := (counts ->> 'excluded')::bigint;
    rejected := (counts ->> 'rejected')::bigint;
    accepted := rows_read - excluded - rejected;
    removed := (counts ->> 'removed')::bigint;
    sessions_changed := 0;
    profiles_changed := 0;

    IF accepted > 0 OR removed > 0 OR r.anew OR reading.rows IS NOT NULL AND journey._conversions_vanished(r) THEN
        records := removed > 0 OR (counts ->> 'traits')::bigint > 0
                   OR journey._scratch_size(r, '_whole_tables'::text) > 0;
        d := journey._follow_reading(r, accepted, removed, records, new, phases);
        new := d.new;
        phases := d.phases;
        sessions_changed := d.sessions_changed;
        profiles_changed := d.profiles_changed;
    END IF;
    new := coalesce(new, 0);
    duplicate := accepted - new;

    IF reading.rows IS NOT NULL THEN
        PERFORM journey._empty_batch(m);
    END IF;
    phases := journey._note_phase(phases, 'total'::text, started);
    read_ms := phases ->> 'read';
    merge_ms := phases ->> 'merge';
    identity_ms := phases ->> 'identity';
    sessions_ms := phases ->> 'sessions';
    touches_ms := phases ->> 'touches';
    indexes_ms := phases ->> 'indexes';
    profiles_ms := phases ->> 'profiles';
    total_ms := phases ->> 'total';
    done := journey._catalog('refreshed'::text, model, jsonb_build_object(
        'started_at', started, 'phases', phases,
        'watermarks', counts -> 'watermarks', 'writers', counts -> 'writers',
        'counts', jsonb_build_object('rows_read', rows_read, 'new', new, 'duplicate', duplicate,
            'excluded', excluded, 'rejected', rejected, 'sessions_changed', sessions_changed,
            'profiles_changed', profiles_changed)));
END
$$;

CREATE FUNCTION journey.refresh(model name, nowait boolean DEFAULT false,
    since timestamptz DEFAULT NULL,
    OUT rows_read bigint, OUT new bigint, OUT duplicate bigint, OUT excluded bigint, OUT rejected bigint,
    OUT sessions_changed bigint, OUT profiles_changed bigint,
    OUT read_ms numeric, OUT merge_ms numeric, OUT identity_ms numeric, OUT sessions_ms numeric,
    OUT touches_ms numeric, OUT indexes_ms numeric, OUT profiles_ms numeric, OUT total_ms numeric)
AS 'MODULE_PATHNAME', 'journey_as_owner'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION journey.refresh(name, boolean, timestamptz) IS
    'reads what is new in the sources of a model and brings its relations up to date';
