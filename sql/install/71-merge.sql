-- ---------------------------------------------------------------------------------------------
-- model: merge
--
-- Puts fresh events into the store: reads the segments within their reach, splits anew, writes the
-- segments that changed, and leaves the changed units (sessions, and runs of events outside sessions)
-- in _units_old and _units_new for the rounds that follow.
-- ---------------------------------------------------------------------------------------------

-- The stretches of time within which the fresh events of a visitor can meet stored ones: their own
-- times with those of their copies, and those of stored events that have copies elsewhere, two days apart at
-- least.
CREATE FUNCTION journey._find_reach(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- An alias can join sessions that a change of user parted, so its visitor is split anew as a whole.
    EXECUTE journey._bind(r, $sql$
        UPDATE {._fresh} AS f SET force = true
        WHERE f.visitor_id NOT LIKE 'user:%' AND (
            EXISTS (SELECT FROM journey._event_keys(f.body) AS e WHERE e.is_alias)
            OR EXISTS (
                SELECT FROM {_aliases} AS a
                WHERE a.visitor_id = f.visitor_id AND (a.event_id = ANY (f.removed) OR EXISTS (
                    SELECT FROM journey._event_keys(f.body) AS e WHERE e.event_id = a.event_id))))$sql$);
    -- The first copy of an event may be dated a day before it to the microsecond, and segments of one
    -- time are told apart by id alone: so the segment to begin with is from before that day.
    EXECUTE journey._bind(r, $sql$
        INSERT INTO {._reach} (visitor_id, lo, hi, from_at, from_id)
        WITH fresh AS MATERIALIZED (
            SELECT f.visitor_id, e.event_id, e.event_time, e.first_copy, e.last_copy
            FROM {._fresh} AS f CROSS JOIN LATERAL journey._event_keys(f.body) AS e
            WHERE NOT f.force
            UNION ALL
            SELECT f.visitor_id, e.id, NULL, NULL, NULL
            FROM {._fresh} AS f CROSS JOIN LATERAL unnest(f.removed) AS e (id)
            WHERE NOT f.force),
        times AS (
            SELECT visitor_id, event_time FROM fresh WHERE event_time IS NOT NULL
            UNION ALL
            SELECT f.visitor_id, t.at
            FROM fresh AS f CROSS JOIN LATERAL unnest(ARRAY[f.first_copy, f.last_copy]) AS t (at)
            WHERE f.first_copy < f.last_copy
            UNION ALL
            SELECT f.visitor_id, t.at
            FROM {._fresh} AS f CROSS JOIN LATERAL unnest(f.reach) AS t (at)
            WHERE NOT f.force
            UNION ALL
            SELECT c.visitor_id, c.event_time
            FROM {_copies} AS c
            WHERE (c.visitor_id, c.event_id) IN (SELECT visitor_id, event_id FROM fresh)),
        spans AS (
            SELECT visitor_id, min(event_time) AS lo, max(event_time) AS hi
            FROM (
                SELECT visitor_id, event_time,
                       count(*) FILTER (WHERE apart) OVER (PARTITION BY visitor_id ORDER BY event_time) AS run
                FROM (
                    SELECT visitor_id, event_time,
                           event_time - lag(event_time) OVER (PARTITION BY visitor_id ORDER BY event_time)
                           > interval '48 hours' AS apart
                    FROM times) AS t) AS t
            GROUP BY visitor_id, run)
        SELECT s.visitor_id, s.lo, s.hi, coalesce(g.started_at, '-infinity'), coalesce(g.first_event_id, '')
        FROM spans AS s
        LEFT JOIN LATERAL (
            SELECT g.started_at, g.first_event_id
            FROM {_segments} AS g
            WHERE g.visitor_id = s.visitor_id AND g.started_at < s.lo - interval '24 hours' AND g.resumable
            ORDER BY g.started_at DESC, g.first_event_id DESC
            LIMIT 1) AS g ON true
        UNION ALL
        SELECT visitor_id, '-infinity', 'infinity', '-infinity', '' FROM {._fresh} WHERE force$sql$);
    IF journey._is_large(r, '_reach'::text) THEN
        EXECUTE journey._bind(r, 'ANALYZE {._reach}'::text);
    END IF;
END
$$;

-- The stored segments within a visitor's reach, as _split() takes them.
CREATE FUNCTION journey._reached_segments()
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT $sql$
        SELECT array_agg(ROW(g.started_at, g.first_event_id, g.session_id, g.loose, g.head, g.state,
                             g.body, g.sentinel)::journey._segment
                         ORDER BY g.started_at, g.first_event_id) AS segments
        FROM (
            SELECT DISTINCT ON (x.started_at, x.first_event_id) x.*
            FROM {._reach} AS r CROSS JOIN LATERAL (
                SELECT s.started_at, s.first_event_id, s.session_id, s.loose, s.head, s.state, s.body,
                       false AS sentinel
                FROM {_segments} AS s
                WHERE s.visitor_id = r.visitor_id
                  AND (s.started_at, s.first_event_id) >= (r.from_at, r.from_id)
                  AND s.started_at <= r.hi + interval '24 hours'
                UNION ALL
                SELECT s.started_at, s.first_event_id, s.session_id, s.loose, s.head, s.state, s.body,
                       row_number() OVER (ORDER BY s.started_at, s.first_event_id) > r.extend
                FROM (
                    SELECT *
                    FROM {_segments} AS s
                    WHERE s.visitor_id = r.visitor_id
                      AND s.started_at > r.hi + interval '24 hours'
                    ORDER BY s.started_at, s.first_event_id
                    LIMIT r.extend + 1) AS s) AS x
            WHERE r.visitor_id = f.visitor_id
            ORDER BY x.started_at, x.first_event_id, x.sentinel) AS g
    $sql$
$$;

-- Splits what _fresh holds. A walk that has not met the old split where its reach ends is repeated
-- with more of the visitor's segments.
CREATE FUNCTION journey._split_fresh(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    again boolean;
BEGIN
    LOOP
        EXECUTE journey._bind(r, format($sql$
            WITH work AS (
                INSERT INTO {._work}
                SELECT s.*
                FROM {._fresh} AS f
                CROSS JOIN LATERAL (%s) AS o
                LEFT JOIN LATERAL (
                    SELECT array_agg(a.previous_id ORDER BY a.event_time, a.event_id) AS previous,
                           array_agg(a.user_id ORDER BY a.event_time, a.event_id) AS users
                    FROM {_aliases} AS a
                    WHERE a.visitor_id = f.visitor_id) AS a ON true
                CROSS JOIN LATERAL journey._split(f.visitor_id, f.body, o.segments, a.previous, a.users,
                                                  f.force, $1, $2, f.removed, f.removed_at) AS s
                WHERE f.pending
                RETURNING op)
            SELECT EXISTS (SELECT FROM work WHERE op = 'incomplete')$sql$, journey._reached_segments()))
        INTO again USING r.timeout, r.rules;
        EXIT WHEN NOT again;
        EXECUTE journey._bind(r, $sql$
            UPDATE {._reach} SET extend = extend * 4 + 8
            WHERE visitor_id IN (SELECT visitor_id FROM {._work} WHERE op = 'incomplete')$sql$);
        EXECUTE journey._bind(r, $sql$
            UPDATE {._fresh} AS f SET pending = EXISTS (
                SELECT FROM {._work} AS w WHERE w.visitor_id = f.visitor_id AND w.op = 'incomplete')
            WHERE f.pending$sql$);
        EXECUTE journey._bind(r, $sql$DELETE FROM {._work} WHERE op = 'incomplete'$sql$);
    END LOOP;
END
$$;

-- Segments that go on a session or run that has another id now: from each `rename` of _work on, to the next of
-- the same unit, as far as its id reaches. Their events are as they were, but facts say whose they are. What
-- _apply_segments() deletes must be gone.
CREATE FUNCTION journey._rename_units(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    is_loose boolean;
BEGIN
    EXECUTE journey._bind(r, $sql$
        INSERT INTO {._noted} (visitor_id, event_id, event_time, user_id, name, order_id, revenue, currency,
                               traits, conversions, sign, session_id)
        SELECT f.visitor_id, f.event_id, f.event_time, f.user_id, f.name, f.order_id, f.revenue, f.currency,
               f.traits, f.conversions, x.sign, x.session_id
        FROM journey._renames($1) AS w
        JOIN {_facts} AS f ON f.session_id = w.from_id AND f.visitor_id = w.visitor_id
                          AND (f.event_time, f.event_id) >= (w.started_at, w.first_event_id)
                          AND (w.next_at IS NULL OR (f.event_time, f.event_id) < (w.next_at, w.next_id))
        CROSS JOIN LATERAL (VALUES (-1, w.from_id), (1, w.to_id)) AS x (sign, session_id)
        WHERE NOT EXISTS (
            SELECT FROM {._noted} AS n
            WHERE n.visitor_id = f.visitor_id AND n.event_id = f.event_id AND n.event_time = f.event_time
              AND n.session_id = f.session_id AND n.sign < 0)$sql$) USING r;
    -- one may go on a session and a run that were both renamed
    FOREACH is_loose IN ARRAY ARRAY[false, true] LOOP
        EXECUTE journey._bind(r, $sql$
            UPDATE {_segments} AS g
            SET session_id = CASE WHEN g.session_id = w.from_id THEN w.to_id ELSE g.session_id END,
                part = CASE WHEN g.session_id = w.from_id THEN journey._renamed_part(g.part, w.to_id)
                            ELSE g.part END,
                state = coalesce(journey._renamed_state(g.state, w.from_id, w.to_id, w.unit_started_at), g.state)
            FROM journey._renames($1) AS w
            LEFT JOIN LATERAL (
                SELECT x.started_at, x.first_event_id
                FROM {_segments} AS x
                WHERE x.visitor_id = w.visitor_id
                  AND (x.started_at, x.first_event_id) >= (w.started_at, w.first_event_id)
                  AND x.session_id <> w.from_id
                  AND journey._renamed_state(x.state, w.from_id, w.to_id, w.unit_started_at) IS NULL
                ORDER BY x.started_at, x.first_event_id
                LIMIT 1) AS e ON true
            WHERE w.loose = $2 AND g.visitor_id = w.visitor_id
              AND (g.started_at, g.first_event_id) >= (w.started_at, w.first_event_id)
              AND (w.next_at IS NULL OR (g.started_at, g.first_event_id) < (w.next_at, w.next_id))
              AND (e.started_at IS NULL OR (g.started_at, g.first_event_id) < (e.started_at, e.first_event_id))$sql$)
        USING r, is_loose;
    END LOOP;
END
$$;

-- The renames of _work, each with the place of the next that concerns the same unit.
CREATE FUNCTION journey._renames(r journey._run)
RETURNS TABLE (visitor_id text, loose boolean, from_id uuid, to_id uuid, unit_started_at timestamptz,
    started_at timestamptz, first_event_id text, next_at timestamptz, next_id text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY EXECUTE journey._bind(r, $sql$
        SELECT w.visitor_id, w.loose, w.session_id, w.new_id, w.unit_started_at, w.started_at, w.first_event_id,
               lead(w.started_at) OVER places, lead(w.first_event_id) OVER places
        FROM {._work} AS w
        WHERE w.op = 'rename'
        WINDOW places AS (PARTITION BY w.visitor_id, w.session_id ORDER BY w.started_at, w.first_event_id)$sql$);
END
$$;

-- Writes the segments of _work, and notes what goes and comes with them. `ops` are those of its rows.
CREATE FUNCTION journey._apply_segments(r journey._run, ops text[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE journey._bind(r, $sql$
        INSERT INTO {._noted}
        SELECT e.*, 1, w.session_id
        FROM {._work} AS w CROSS JOIN LATERAL journey._noted_events(w.body, $1) AS e
        WHERE w.op = 'put' AND (w.noted OR $1 IS NOT NULL)
        UNION ALL
        SELECT e.*, -1, g.session_id
        FROM {._work} AS w
        JOIN {_segments} AS g USING (visitor_id, started_at, first_event_id)
        CROSS JOIN LATERAL journey._noted_events(g.body, $1) AS e
        WHERE w.op = 'delete'$sql$) USING r.conversions;
    EXECUTE journey._bind(r, $sql$
        INSERT INTO {._units_old}
        SELECT s.visitor_id, s.started_at, s.first_event_id, s.loose, s.session_id, s.person_id, s.ended_at,
               s.events, s.page_views, s.refs, s.identity, s.counts, s.aside
        FROM (SELECT session_id FROM {._work}
              UNION
              SELECT new_id FROM {._work} WHERE op = 'rename') AS w
        JOIN {_sessions} AS s USING (session_id)$sql$);
    IF 'delete' = ANY (ops) THEN
        EXECUTE journey._bind(r, $sql$
            DELETE FROM {_segments} AS g
            USING {._work} AS w
            WHERE w.op = 'delete' AND g.visitor_id = w.visitor_id AND g.started_at = w.started_at
              AND g.first_event_id = w.first_event_id$sql$);
    END IF;
    IF 'rename' = ANY (ops) THEN
        PERFORM journey._rename_units(r);
    END IF;
    EXECUTE journey._bind(r, $sql$
        INSERT INTO {_segments} (visitor_id, started_at, first_event_id, session_id, loose, head,
            resumable, state, part, body)
        SELECT visitor_id, started_at, first_event_id, session_id, loose, head, resumable, state,
               CASE WHEN NOT head THEN part END, body
        FROM {._work}
        WHERE op = 'put'$sql$);
END
$$;

-- The rows of the units that _work touched. One that lies in one segment is summed up already; for
-- others the summaries of their segments are put together.
CREATE FUNCTION journey._build_units(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE journey._bind(r, $sql$
        INSERT INTO {._units_new}
        SELECT u.*
        FROM {._work} AS w
        CROSS JOIN LATERAL journey._unit(ARRAY[w.part], $1) AS u
        WHERE w.op = 'put' AND w.whole$sql$)
    USING (r.settings).time_zone;
    EXECUTE journey._bind(r, $sql$
        INSERT INTO {._units_new}
        SELECT u.*
        FROM (
            SELECT w.visitor_id, w.session_id,
                   coalesce(min(w.unit_started_at), min(o.started_at)) AS started_at
            FROM (
                SELECT visitor_id, session_id, CASE op WHEN 'put' THEN unit_started_at END AS unit_started_at, whole
                FROM {._work}
                UNION ALL
                SELECT visitor_id, new_id, unit_started_at, NULL FROM {._work} WHERE op = 'rename') AS w
            LEFT JOIN {._units_old} AS o USING (session_id)
            GROUP BY w.visitor_id, w.session_id
            HAVING bool_or(w.whole) IS NOT TRUE) AS c
        CROSS JOIN LATERAL (
            SELECT array_agg(coalesce(g.part, journey._segment_part(g.loose, g.state, g.body, $2, $3))
                             ORDER BY g.started_at, g.first_event_id) AS parts
            FROM (
                SELECT * FROM {_segments} AS h
                WHERE h.visitor_id = c.visitor_id AND h.started_at = c.started_at
                  AND h.session_id = c.session_id AND h.head
                UNION ALL
                SELECT * FROM {_segments} AS t
                WHERE t.visitor_id = c.visitor_id AND t.session_id = c.session_id
                  AND NOT t.head) AS g) AS p
        CROSS JOIN LATERAL journey._unit(p.parts, $1) AS u
        WHERE p.parts IS NOT NULL$sql$)
    USING (r.settings).time_zone, r.timeout, r.rules;
END
$$;

-- Merges what _fresh holds into the store; how many events are new.
CREATE FUNCTION journey._merge_fresh(r journey._run)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    n bigint;
    ops text[];
BEGIN
    IF journey._is_large(r, '_fresh'::text) THEN
        EXECUTE journey._bind(r, 'ANALYZE {._fresh} (visitor_id)'::text);
    END IF;
    PERFORM journey._find_reach(r);
    PERFORM journey._split_fresh(r);
    IF journey._is_large(r, '_work'::text) THEN
        EXECUTE journey._bind(r, 'ANALYZE {._work} (visitor_id, op, started_at, first_event_id, session_id)'::text);
    END IF;
    EXECUTE journey._bind(r, $sql$
        SELECT coalesce(sum(new_events), 0)::bigint, array_agg(DISTINCT op) FROM {._work}$sql$) INTO n, ops;
    PERFORM journey._apply_segments(r, ops);
    PERFORM journey._build_units(r);
    RETURN n;
END
$$;

-- A first load: all events that the query gives, with the columns of journey.event; or, NULL, all that are
-- stored, into shadow tables. How many events there are.
CREATE FUNCTION journey._merge_all(r journey._run, events text)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    segments regclass := journey._bind(r, '{_segments}'::text)::regclass;
    units regclass := journey._bind(r, '{._units_new}'::text)::regclass;
    noted regclass := journey._bind(r, '{._noted}'::text)::regclass;
    refs regclass := journey._bind(r, '{_visitor_refs}'::text)::regclass;
    identities regclass := journey._bind(r, '{identities}'::text)::regclass;
BEGIN
    IF events IS NOT NULL THEN
        RETURN journey._load_events(events, r.timeout, r.rules, segments, units, noted, refs, identities,
            r.conversions);
    END IF;
    RETURN journey._load_stored(journey._bind(r, $sql$
        SELECT visitor_id, body FROM {._segments} ORDER BY visitor_id, started_at, first_event_id$sql$),
        r.timeout, r.rules, segments, units, noted, refs, identities, r.conversions);
END
$$;

-- A first load from the rows of a reading, past the batch; what they are, and how many events there are.
CREATE FUNCTION journey._merge_rows(r journey._run, reading journey._started_reading)
RETURNS journey._tally[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET TimeZone = 'UTC'
SET DateStyle = 'ISO, YMD'
AS $$
BEGIN
    RETURN ARRAY(SELECT t FROM journey._load_rows(journey._reading_rows(reading), r.timeout, r.rules,
        journey._bind(r, '{_segments}'::text)::regclass, journey._bind(r, '{._units_new}'::text)::regclass,
        journey._bind(r, '{._noted}'::text)::regclass, journey._bind(r, '{_visitor_refs}'::text)::regclass,
        journey._bind(r, '{identities}'::text)::regclass, journey._bind(r, '{._batch}'::text)::regclass,
        r.conversions) AS t);
END
$$;

-- Of what kinds the rows of _noted are, so that a run passes by what has none: gone, alias, copies, users (rows of a
-- users table), traits (of an event or such a row), facts.
CREATE FUNCTION journey._noted_kinds(r journey._run)
RETURNS text[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    result text[];
BEGIN
    IF journey._scratch_size(r, '_noted'::text) = 0 THEN
        RETURN '{}';
    END IF;
    IF journey._is_large(r, '_noted'::text) THEN
        EXECUTE journey._bind(r,
            'ANALYZE {._noted} (visitor_id, event_id, event_time, kind, user_id, session_id, sign)'::text);
    END IF;
    EXECUTE journey._bind(r, $sql$
        SELECT array_remove(ARRAY[
                   CASE WHEN bool_or(sign < 0) THEN 'gone' END,
                   CASE WHEN bool_or(kind = 'alias') THEN 'alias' END,
                   CASE WHEN bool_or(first_copy < last_copy) THEN 'copies' END,
                   CASE WHEN bool_or(kind = 'users') THEN 'users' END,
                   CASE WHEN bool_or(traits IS NOT NULL) THEN 'traits' END,
                   CASE WHEN bool_or(revenue IS NOT NULL OR traits IS NOT NULL OR conversions IS NOT NULL)
                        THEN 'facts' END], NULL)
        FROM {._noted}$sql$) INTO result;
    RETURN result;
END
$$;

-- What comes and goes of facts that stand in tables of their own: aliases and times of copies. `noted`: the kinds.
CREATE FUNCTION journey._apply_noted(r journey._run, noted text[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF 'gone' = ANY (noted) THEN
        -- rows that go and come unchanged, to the scale of their numbers, do not count
        EXECUTE journey._bind(r, $sql$
            DELETE FROM {._noted} AS a
            USING {._noted} AS b
            WHERE a.visitor_id = b.visitor_id AND a.event_id = b.event_id
              AND a.event_time = b.event_time AND a.sign = -b.sign
              AND ROW(a.session_id, a.user_id, a.kind, a.name, a.order_id, a.revenue, a.currency,
                      a.previous_id, a.traits, a.first_copy, a.last_copy, a.conversions)::record
                  *=
                  ROW(b.session_id, b.user_id, b.kind, b.name, b.order_id, b.revenue, b.currency,
                      b.previous_id, b.traits, b.first_copy, b.last_copy, b.conversions)::record$sql$);
    END IF;
    IF '{gone,alias}' <@ noted THEN
        EXECUTE journey._bind(r, $sql$
            DELETE FROM {_aliases} AS a USING {._noted} AS d
            WHERE d.sign < 0 AND d.kind = 'alias' AND a.visitor_id = d.visitor_id
              AND a.event_time = d.event_time AND a.event_id = d.event_id$sql$);
    END IF;
    IF '{gone,copies}' <@ noted THEN
        EXECUTE journey._bind(r, $sql$
            DELETE FROM {_copies} AS c USING {._noted} AS d
            WHERE d.sign < 0 AND d.first_copy < d.last_copy AND c.visitor_id = d.visitor_id
              AND c.event_time = d.event_time AND c.event_id = d.event_id$sql$);
    END IF;
    IF 'alias' = ANY (noted) THEN
        EXECUTE journey._bind(r, $sql$
            INSERT INTO {_aliases} (visitor_id, event_time, event_id, previous_id, user_id)
            SELECT visitor_id, event_time, event_id, previous_id, user_id
            FROM {._noted}
            WHERE sign > 0 AND kind = 'alias' AND previous_id IS NOT NULL AND user_id IS NOT NULL$sql$);
    END IF;
    IF 'copies' = ANY (noted) THEN
        EXECUTE journey._bind(r, $sql$
            INSERT INTO {_copies} (visitor_id, event_id, event_time, first_copy, last_copy)
            SELECT visitor_id, event_id, event_time, first_copy, last_copy
            FROM {._noted}
            WHERE sign > 0 AND first_copy < last_copy$sql$);
    END IF;
END
$$;
