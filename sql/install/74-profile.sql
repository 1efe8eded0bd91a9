-- ---------------------------------------------------------------------------------------------
-- model: touches, facts and profiles
--
-- Counts of a profile move by the difference between old and new units; its first and last things come
-- by index.
-- ---------------------------------------------------------------------------------------------

-- Which units changed, and whose they were and are. OFFSET 0: after the join of three columns the planner
-- expects one row, and would look for each of many through all new units.
CREATE FUNCTION journey._find_changed_units(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE journey._bind(r, $sql$
        INSERT INTO {._changed_units} (visitor_id, session_id, loose, started_at, first_event_id, p0, p1,
                                       from0, from1, to0, to1, s0, s1, e0, e1, v0, v1,
                                       counts0, counts1, named, unnamed)
        SELECT coalesce(n.visitor_id, o.visitor_id), coalesce(n.session_id, o.session_id),
               coalesce(n.loose, o.loose), coalesce(n.started_at, o.started_at),
               coalesce(n.first_event_id, o.first_event_id), o.person_id,
               CASE WHEN n.session_id IS NOT NULL THEN coalesce(x.person_id, o.person_id) END,
               o.started_at, n.started_at,
               coalesce(o.ended_at, o.started_at), coalesce(n.ended_at, n.started_at),
               (o.session_id IS NOT NULL AND NOT o.loose)::int, (n.session_id IS NOT NULL AND NOT n.loose)::int,
               coalesce(o.events, 0), coalesce(n.events, 0),
               coalesce(o.page_views, 0), coalesce(n.page_views, 0), o.counts, n.counts,
               n.refs IS NOT NULL, o.refs IS NOT NULL AND n.refs IS NULL
        FROM {._units_old} AS o
        FULL JOIN {._units_new} AS n USING (session_id)
        LEFT JOIN {._resolved} AS x ON x.session_id = n.session_id
        UNION ALL
        SELECT s.visitor_id, s.session_id, s.loose, s.started_at, s.first_event_id, x.p0, x.person_id,
               s.started_at, s.started_at,
               coalesce(s.ended_at, s.started_at), coalesce(s.ended_at, s.started_at),
               (NOT s.loose)::int, (NOT s.loose)::int, s.events, s.events,
               s.page_views, s.page_views, s.counts, s.counts, s.refs IS NOT NULL, false
        FROM (SELECT * FROM {._resolved} AS x
              WHERE x.p0 IS DISTINCT FROM x.person_id
                AND NOT EXISTS (SELECT FROM {._units_new} AS n WHERE n.session_id = x.session_id)
              OFFSET 0) AS x
        JOIN {_sessions} AS s USING (visitor_id, started_at, first_event_id)$sql$);
    IF journey._is_large(r, '_changed_units'::text) THEN
        EXECUTE journey._bind(r, 'ANALYZE {._changed_units}'::text);
    END IF;
    EXECUTE journey._bind(r, $sql$
        INSERT INTO {._person_changes} (person_id, from_at, to_at, kind)
        SELECT p0, from0, to0, 'unit' FROM {._changed_units} WHERE p0 IS NOT NULL
        UNION ALL
        SELECT p1, from1, to1, 'unit' FROM {._changed_units}
        WHERE p1 IS NOT NULL AND (p0, from0, to0) IS DISTINCT FROM (p1, from1, to1)$sql$);
END
$$;

CREATE FUNCTION journey._store_touches(r journey._run, moved boolean)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF journey._scratch_size(r, '_units_old'::text) > 0 THEN
        EXECUTE journey._bind(r, journey._listed(r, 'touches'::text, 't.touch_id'::text, $sql$
            DELETE FROM {touches} AS t
            USING {._units_old} AS o
            WHERE t.session_id = o.session_id AND NOT EXISTS (
                SELECT FROM {._units_new} AS n CROSS JOIN LATERAL unnest(n.touches) AS x
                WHERE n.visitor_id = t.visitor_id AND x.touch_id = t.touch_id)$sql$));
    END IF;
    EXECUTE journey._bind(r, journey._listed(r, 'touches'::text, 't.touch_id'::text, format($sql$
        INSERT INTO {touches} AS t (touch_id, person_id, visitor_id, session_id, touched_at, touch_type,
            source, medium, campaign, term, content, campaign_id, channel, click_id, click_id_type,
            click_ids, landing_page, referrer, referrer_host, version, updated_at)
        SELECT n.*, $1, $2
        FROM (
            SELECT x.touch_id, p.p1, x.visitor_id, x.session_id, x.touched_at, x.touch_type, x.source,
                   x.medium, x.campaign, x.term, x.content, x.campaign_id, x.channel, x.click_id,
                   x.click_id_type, x.click_ids, x.landing_page, x.referrer, x.referrer_host
            FROM {._units_new} AS n
            JOIN {._changed_units} AS p USING (session_id)
            CROSS JOIN LATERAL unnest(n.touches) AS x) AS n
        LEFT JOIN {touches} AS t ON t.touch_id = n.touch_id AND t.visitor_id = n.visitor_id
        WHERE t.touch_id IS NULL OR ROW(%s)::record *<> n::record
        ON CONFLICT (touch_id, visitor_id) DO UPDATE SET
            person_id = excluded.person_id, session_id = excluded.session_id,
            touched_at = excluded.touched_at, touch_type = excluded.touch_type,
            source = excluded.source, medium = excluded.medium, campaign = excluded.campaign,
            term = excluded.term, content = excluded.content, campaign_id = excluded.campaign_id,
            channel = excluded.channel, click_id = excluded.click_id,
            click_id_type = excluded.click_id_type, click_ids = excluded.click_ids,
            landing_page = excluded.landing_page, referrer = excluded.referrer,
            referrer_host = excluded.referrer_host, version = excluded.version,
            updated_at = excluded.updated_at$sql$, journey._compared_columns(r, 'touches'::text, 't.'::text))))
    USING r.version, r.at;
    IF moved THEN
        EXECUTE journey._bind(r, journey._listed(r, 'touches'::text, 't.touch_id'::text, $sql$
            UPDATE {touches} AS t SET person_id = u.p1, version = $1, updated_at = $2
            FROM {._changed_units} AS u
            WHERE u.p0 <> u.p1 AND t.session_id = u.session_id AND t.person_id <> u.p1$sql$))
        USING r.version, r.at;
    END IF;
END
$$;

-- Facts that came, went or moved, and those that began or ceased to count with that, are left in _changed_facts. Facts
-- that lie in a session or run are in the reach of its change; rows of a users table are told apart. For whom any
-- changed is told once more, at one of their times. `noted`: the kinds of _noted; `moved`: a unit went to another
-- person.
CREATE FUNCTION journey._store_facts(r journey._run, noted text[], moved boolean)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    told text := $sql$
        INSERT INTO {._changed_facts} (person_id, event_time, event_id, visitor_id, session_id, came, name, order_id)
        SELECT c.person_id, f.event_time, f.event_id, f.visitor_id, f.session_id, c.came, f.name,
               CASE WHEN f.revenue >= 0 THEN f.order_id END $sql$;
BEGIN
    IF '{gone,facts}' <@ noted THEN
        EXECUTE journey._bind(r, $sql$
            WITH gone AS (
                DELETE FROM {_facts} AS f
                USING {._noted} AS n
                WHERE n.sign < 0 AND f.visitor_id = n.visitor_id AND f.event_time = n.event_time
                  AND f.event_id = n.event_id
                RETURNING f.*)$sql$ || told || $sql$
            FROM gone AS f CROSS JOIN LATERAL (VALUES (f.person_id, false)) AS c (person_id, came)$sql$);
    END IF;
    IF moved THEN
        EXECUTE journey._bind(r, $sql$
            WITH moved AS (
                UPDATE {_facts} AS f SET person_id = u.p1
                FROM {._changed_units} AS u
                WHERE u.p0 <> u.p1 AND f.session_id = u.session_id AND f.person_id <> u.p1
                RETURNING f.*, u.p0, u.p1)$sql$ || told || $sql$
            FROM moved AS f CROSS JOIN LATERAL (VALUES (f.p0, false), (f.p1, true)) AS c (person_id, came)$sql$);
    END IF;
    -- rows of a users table follow the user
    IF journey._scratch_size(r, '_changed_ids'::text) > 0 THEN
        EXECUTE journey._bind(r, $sql$
            WITH moved AS (
                UPDATE {_facts} AS f SET person_id = m.p1
                FROM (
                    SELECT f.visitor_id, f.event_time, f.event_id, f.person_id AS p0, i.person_id AS p1
                    FROM {._changed_ids} AS c
                    JOIN {_facts} AS f ON f.session_id IS NULL AND f.user_id = substr(c.ref, 6)
                    JOIN {identities} AS i ON i.id = f.user_id AND i.id_type = 'user'
                    WHERE c.ref LIKE 'user:%' AND f.person_id <> i.person_id) AS m
                WHERE f.visitor_id = m.visitor_id AND f.event_time = m.event_time AND f.event_id = m.event_id
                RETURNING f.*, m.p0, m.p1)$sql$ || told || $sql$
            FROM moved AS f CROSS JOIN LATERAL (VALUES (f.p0, false), (f.p1, true)) AS c (person_id, came)$sql$);
    END IF;
    IF 'facts' = ANY (noted) THEN
        EXECUTE journey._bind(r, $sql$
            WITH put AS (
                INSERT INTO {_facts} (visitor_id, event_time, event_id, session_id, person_id, user_id, name,
                                      order_id, revenue, currency, traits, conversions)
                SELECT n.visitor_id, n.event_time, n.event_id, n.session_id,
                       coalesce(u.p1, i.person_id, n.visitor_id), n.user_id, n.name, n.order_id, n.revenue,
                       n.currency, n.traits, n.conversions
                FROM {._noted} AS n
                LEFT JOIN {._changed_units} AS u USING (session_id)
                LEFT JOIN {identities} AS i ON n.session_id IS NULL AND i.id = n.user_id
                                           AND i.id_type = 'user'
                WHERE n.sign > 0 AND (n.revenue IS NOT NULL OR n.traits IS NOT NULL OR n.conversions IS NOT NULL)
                RETURNING *)$sql$ || told || $sql$
            FROM put AS f CROSS JOIN LATERAL (VALUES (f.person_id, true)) AS c (person_id, came)$sql$);
    END IF;
    IF journey._scratch_size(r, '_changed_facts'::text) > 0 THEN
        PERFORM journey._tell_facts(r);
    END IF;
END
$$;

-- What follows from _changed_facts at once: for whom they changed, which others count now or no more, and sums.
CREATE FUNCTION journey._tell_facts(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    orders boolean;
BEGIN
    IF journey._is_large(r, '_changed_facts'::text) THEN
        EXECUTE journey._bind(r, 'ANALYZE {._changed_facts}'::text);
    END IF;
    EXECUTE journey._bind(r, $sql$
        WITH told AS (
            INSERT INTO {._person_changes} (person_id, from_at, to_at, kind)
            SELECT person_id, event_time, event_time, 'record' FROM {._changed_facts} WHERE session_id IS NULL
            UNION ALL
            SELECT person_id, min(event_time), min(event_time), 'fact' FROM {._changed_facts} GROUP BY person_id)
        SELECT count(order_id) > 0 FROM {._changed_facts}$sql$) INTO orders;
    IF orders THEN
        PERFORM journey._recount_orders(r);
    END IF;
    PERFORM journey._keep_sums(r);
END
$$;

COMMENT ON FUNCTION journey._tell_facts(journey._run) IS 'internal: what follows from changed facts at once';

-- A first load: sessions, touches, facts and profiles, person by person; how many sessions and profiles.
CREATE FUNCTION journey._store_persons(r journey._run, OUT sessions bigint, OUT profiles bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    s journey._settings := r.settings;
BEGIN
    -- In the order of person_id, in which indexes are made fast. Sorted by what follows the prefix and one letter
    -- of that, since eight bytes that are the same make comparing slow.
    SELECT n_sessions, n_profiles INTO sessions, profiles
    FROM journey._load_persons(journey._bind(r, $sql$
            SELECT coalesce(p.person_id, 'visitor:' || u.visitor_id), u.session_number, u.part
            FROM {._units_new} AS u LEFT JOIN {._resolved} AS p USING (session_id)
            ORDER BY CASE WHEN p.person_id IS NULL THEN 'v' || u.visitor_id
                          ELSE left(p.person_id, 1) || substr(p.person_id, strpos(p.person_id, ':') + 1)
                     END COLLATE "C", u.visitor_id, u.started_at, u.first_event_id$sql$),
        journey._bind(r, $sql$
            SELECT f.person_id, f.visitor_id, f.event_time, f.event_id, f.name, f.order_id, f.revenue,
                   f.currency, f.traits, f.session_id, f.user_id, f.conversions
            FROM (
                SELECT coalesce(p.person_id, CASE WHEN n.session_id IS NULL THEN coalesce(i.person_id, n.visitor_id)
                                                  ELSE 'visitor:' || n.visitor_id END) AS person_id, n.*
                FROM {._noted} AS n
                LEFT JOIN {._resolved} AS p USING (session_id)
                LEFT JOIN {identities} AS i ON n.session_id IS NULL AND i.id = n.user_id AND i.id_type = 'user'
                WHERE n.sign > 0
                  AND (n.revenue IS NOT NULL OR n.traits IS NOT NULL OR n.conversions IS NOT NULL)) AS f
            ORDER BY left(f.person_id, 1) || substr(f.person_id, strpos(f.person_id, ':') + 1) COLLATE "C",
                     f.event_time, f.event_id, f.visitor_id$sql$),
        journey._bind(r, '{_sessions}'::text)::regclass, journey._bind(r, '{touches}'::text)::regclass,
        journey._bind(r, '{_facts}'::text)::regclass, journey._bind(r, '{profiles}'::text)::regclass, s.time_zone, s.email_trait,
        journey._internal_patterns(r.store, s), s.profiles = 'all',
        r.version, r.at);
END
$$;

CREATE FUNCTION journey._profile_touches()
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ARRAY['first_touch', 'first_non_direct_touch', 'last_touch', 'last_non_direct_touch']
$$;

-- The columns of a touch that stand in a profile, behind its time.
CREATE FUNCTION journey._touch_columns(prefix text)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT string_agg(prefix || quote_ident(a.attname), ', ' ORDER BY a.attnum)
    FROM pg_attribute AS a
    WHERE a.attrelid = (SELECT typrelid FROM pg_type WHERE oid = 'journey._profile_touch'::regtype)
      AND a.attname <> 'at'
$$;

-- Is a person one of ours, by patterns for LIKE on user id and e-mail?
CREATE FUNCTION journey._is_internal(user_id text, email text, patterns text[])
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN COALESCE(user_id OPERATOR(pg_catalog.~~) ANY (patterns), false)
    OR COALESCE(email OPERATOR(pg_catalog.~~) ANY (patterns), false);

-- The first or last touch of a person with a click id of x.name: among those of b that came, and from where it was.
CREATE FUNCTION journey._end_click(beyond text, field text, direction text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format($sql$
                       SELECT y.at, y.value
                       FROM (
                           SELECT k.at, k.id, k.ids ->> x.name AS value
                           FROM unnest(b.came_at, b.came_ids, b.came_clicks) AS k (at, id, ids)
                           WHERE k.ids ? x.name
                           UNION ALL
                           (SELECT t.touched_at, t.touch_id, t.click_ids ->> x.name
                            FROM {touches} AS t
                            WHERE t.person_id = b.person_id AND t.touch_type <> 'direct' AND t.click_ids ? x.name
                              AND t.touched_at %1$s (b.old_clicks #>> ARRAY[x.name, '%2$s'])::timestamptz
                            ORDER BY t.touched_at %3$s FETCH FIRST 1 ROW WITH TIES)) AS y
                       ORDER BY y.at %3$s, y.id %3$s LIMIT 1$sql$, beyond, field, direction)
$$;
COMMENT ON FUNCTION journey._end_click(text, text, text) IS 'internal: the query for the first or last click id of a name';

-- What a profile is put together from, besides its counts: each piece looks up those of b.person_id. What follows
-- from facts alone stays as it is where none of them changed (b.facts), and devices where none is told (b.moved).
-- A first load folds the same in profile.c: JPersonFoldFact, JFoldTouch and JFoldClick must give what these pieces give.
CREATE FUNCTION journey._profile_pieces()
RETURNS TABLE (piece text, query text)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'sums', $sql$
        SELECT money.amounts, said.traits
        FROM (
            SELECT jsonb_object_agg(currency, amount) AS amounts
            FROM (
                SELECT coalesce(t.currency, '') AS currency, sum(t.revenue) AS amount
                FROM {_facts} AS t
                WHERE t.revenue IS NOT NULL AND t.person_id = b.person_id AND $sql$
                    || journey._counts_once('t'::text) || $sql$
                GROUP BY 1) AS o) AS money
        CROSS JOIN (
            SELECT journey._last_traits(t.traits, t.event_time, t.event_id, t.visitor_id) AS traits
            FROM {_facts} AS t
            WHERE t.traits IS NOT NULL AND t.person_id = b.person_id) AS said
        WHERE b.facts AND NOT b.kept
        UNION ALL
        SELECT x.money, (
            SELECT journey._last_traits(t.traits, t.event_time, t.event_id, t.visitor_id) FROM unnest(x.said) AS t)
        FROM (
            SELECT t.money, t.said FROM {._sums} AS t
            WHERE t.person_id = b.person_id ORDER BY t.level DESC LIMIT 1) AS x
        WHERE b.kept
        UNION ALL
        SELECT b.revenue_by_currency, b.traits
        WHERE NOT b.facts$sql$
    UNION ALL SELECT 'devices', $sql$
        SELECT CASE WHEN b.is_new THEN (
                   SELECT array_agg(DISTINCT t.id::text ORDER BY t.id::text)
                   FROM {identities} AS t
                   WHERE t.id_type = 'visitor' AND t.person_id = b.person_id)
               WHEN b.moved THEN (
                   SELECT array_agg(v.id ORDER BY v.id)
                   FROM (
                       (SELECT v COLLATE "C" FROM unnest(b.old_visitors) AS v
                        EXCEPT
                        SELECT v COLLATE "C" FROM unnest(b.changed_visitors) AS v)
                       UNION ALL
                       SELECT v COLLATE "C"
                       FROM unnest(b.changed_visitors) AS v
                       WHERE EXISTS (
                           SELECT FROM {identities} AS t
                           WHERE t.id = v AND t.id_type = 'visitor' AND t.person_id = b.person_id)) AS v (id))
               ELSE b.old_visitors END AS visitor_ids$sql$
    -- The first and last of each name. Beyond the old ones there are none but those that came; one that went is
    -- replaced by the next.
    UNION ALL SELECT 'clicks', format($sql$
        SELECT CASE WHEN b.is_new THEN (
                   SELECT jsonb_object_agg(name, jsonb_build_object(
                              'first', first, 'first_at', first_at, 'last', last, 'last_at', last_at))
                   FROM (
                       SELECT x.key AS name,
                              (array_agg(x.value ORDER BY t.touched_at, t.touch_id))[1] AS first,
                              min(t.touched_at) AS first_at,
                              (array_agg(x.value ORDER BY t.touched_at DESC, t.touch_id DESC))[1] AS last,
                              max(t.touched_at) AS last_at
                       FROM {touches} AS t CROSS JOIN LATERAL jsonb_each_text(t.click_ids) AS x
                       WHERE t.click_ids IS NOT NULL AND t.touch_type <> 'direct' AND t.person_id = b.person_id
                       GROUP BY x.key) AS x)
               ELSE (
                   SELECT jsonb_object_agg(x.name, jsonb_build_object(
                              'first', f.value, 'first_at', f.at, 'last', l.value, 'last_at', l.at))
                   FROM (
                       SELECT jsonb_object_keys(b.old_clicks)
                       UNION
                       SELECT jsonb_object_keys(k) FROM unnest(b.came_clicks) AS k) AS x (name)
                   CROSS JOIN LATERAL (%s) AS f
                   CROSS JOIN LATERAL (%s) AS l) END AS click_ids$sql$,
        journey._end_click('>='::text, 'first_at'::text, ''::text), journey._end_click('<='::text, 'last_at'::text, 'DESC'::text))
    -- in the order of the index, which ends with the time; a sort would read all of a person
    UNION ALL SELECT p.piece, format($sql$
        SELECT t.touched_at AS at, %s
        FROM (
            SELECT t.*
            FROM {touches} AS t
            WHERE %s t.person_id = b.person_id
            ORDER BY t.touched_at %s FETCH FIRST 1 ROW WITH TIES) AS t
        ORDER BY t.touch_id %3$s LIMIT 1$sql$,
        journey._touch_columns('t.'::text),
        CASE WHEN p.piece LIKE '%non_direct%' THEN $sql$t.touch_type <> 'direct' AND$sql$ ELSE '' END,
        CASE WHEN p.piece LIKE 'last%' THEN 'DESC' ELSE '' END)
    FROM unnest(journey._profile_touches()) AS p (piece)
$$;

-- The rows of profiles of a later run: of the persons in `scope`, by what changed in their counts, and each
-- piece looked up, person by person. $1 is the run.
CREATE FUNCTION journey._profile_rows()
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format($sql$
        SELECT b.person_id, n.user_id, n.email, b.person_id NOT LIKE 'visitor:%%' AS is_identified,
               coalesce(devices.visitor_ids, '{}') AS visitor_ids,
               b.first_seen_at, b.last_seen_at, b.identified_at, b.sessions, b.events,
               b.page_views, (SELECT min(m.value::numeric) FROM jsonb_each_text(sums.amounts) AS m HAVING count(*) = 1) AS revenue,
               sums.amounts AS revenue_by_currency, b.event_counts,
               coalesce(sums.traits, '{}') AS traits, %1$s,
               clicks.click_ids #>> '{gclid,last}' AS gclid,
               (clicks.click_ids #>> '{gclid,last_at}')::timestamptz AS gclid_at, clicks.click_ids,
               b.conversions, b.first_converted_at, b.conversion_counts,
               journey._is_internal(n.user_id, n.email, ours.patterns) AS is_internal,
               ($1).version AS version, ($1).version AS attributes_version, ($1).at AS updated_at
        FROM (
            SELECT p.person_id, coalesce(o.sessions, 0) + coalesce(m.sessions, 0) AS sessions,
                   coalesce(o.events, 0) + coalesce(m.events, 0) AS events,
                   coalesce(o.page_views, 0) + coalesce(m.page_views, 0) AS page_views,
                   CASE WHEN m.person_id IS NULL THEN o.event_counts
                        ELSE journey._sum_counts(o.event_counts, m.gone, m.came) END AS event_counts,
                   p.facts OR o.person_id IS NULL AS facts, o.traits, o.revenue_by_currency,
                   (p.facts OR o.person_id IS NULL)
                   AND EXISTS (SELECT FROM {._sums} AS x WHERE x.person_id = p.person_id) AS kept,
                   o.person_id IS NULL AS is_new, p.moved, o.visitor_ids AS old_visitors, m.visitors AS changed_visitors,
                   o.click_ids AS old_clicks, k.came_at, k.came_ids, k.came_clicks,
                   (SELECT min(s.started_at) FROM {_sessions} AS s
                    WHERE s.person_id = p.person_id) AS first_seen_at,
                   -- _count_conversions() brings them up to date, and counts all where they are NULL
                   CASE WHEN o.person_id IS NOT NULL THEN o.conversions
                        WHEN p.person_id NOT IN (SELECT c.person_id FROM {._converted} AS c)
                             AND NOT EXISTS (SELECT FROM {_conversions} AS c WHERE c.person_id = p.person_id) THEN 0
                        END AS conversions,
                   o.first_converted_at, coalesce(o.conversion_counts, '{}') AS conversion_counts,
                   -- looked for anew only where the session that ended last is no more what it was
                   CASE WHEN m.ended0 = o.last_seen_at AND (m.ended1 >= o.last_seen_at) IS NOT TRUE
                        THEN (SELECT max(s.ended_at) FROM {_sessions} AS s
                              WHERE s.person_id = p.person_id AND NOT s.loose)
                        ELSE greatest(o.last_seen_at, m.ended1) END AS last_seen_at,
                   (SELECT min(s.identified_at) FROM {_sessions} AS s
                    WHERE s.person_id = p.person_id AND s.refs IS NOT NULL) AS identified_at
            FROM scope AS p
            LEFT JOIN {profiles} AS o USING (person_id)
            LEFT JOIN (
                SELECT person_id, sum(s)::bigint AS sessions, sum(e)::bigint AS events,
                       sum(v)::bigint AS page_views, array_agg(gone) AS gone, array_agg(came) AS came,
                       max(ended0) AS ended0, max(ended1) AS ended1, array_agg(DISTINCT visitor_id::text) AS visitors
                FROM (
                    SELECT p0 AS person_id, -s0 AS s, -e0 AS e, -v0 AS v, counts0 AS gone, NULL::bytea AS came,
                           CASE WHEN s0 > 0 THEN to0 END AS ended0, NULL::timestamptz AS ended1, visitor_id
                    FROM {._changed_units}
                    UNION ALL
                    SELECT p1, s1, e1, v1, NULL, counts1, NULL, CASE WHEN s1 > 0 THEN to1 END, visitor_id
                    FROM {._changed_units}) AS d
                WHERE person_id IS NOT NULL
                GROUP BY person_id) AS m USING (person_id)
            LEFT JOIN (
                SELECT t.person_id, array_agg(t.touched_at) AS came_at, array_agg(t.touch_id) AS came_ids,
                       array_agg(t.click_ids) AS came_clicks
                FROM {._changed_units} AS u JOIN {touches} AS t USING (session_id)
                WHERE u.p1 IS NOT NULL AND t.click_ids IS NOT NULL AND t.touch_type <> 'direct'
                GROUP BY t.person_id) AS k USING (person_id)) AS b
        %2$s
        CROSS JOIN (SELECT journey._internal_patterns(($1).store, ($1).settings) AS patterns OFFSET 0) AS ours
        CROSS JOIN LATERAL (
            SELECT CASE WHEN b.person_id LIKE 'user:%%' THEN substr(b.person_id, 6) END AS user_id,
                   CASE WHEN b.person_id LIKE 'email:%%' THEN substr(b.person_id, 7)
                        ELSE coalesce(journey._clean_email(sums.traits ->> (($1).settings).email_trait), CASE
                            WHEN b.person_id LIKE 'user:%%' AND strpos(b.person_id, '@') > 0
                            THEN journey._clean_email(substr(b.person_id, 6))
                            END) END AS email) AS n
        WHERE b.events > 0 AND ((($1).settings).profiles = 'all' OR b.person_id NOT LIKE 'visitor:%%')$sql$,
        (SELECT string_agg(format('%1$I.%2$I AS %1$s_%2$s', t.prefix, a.attname), ', '
                           ORDER BY t.n, a.attnum)
         FROM unnest(journey._profile_touches()) WITH ORDINALITY AS t (prefix, n)
         CROSS JOIN pg_attribute AS a
         WHERE a.attrelid = (SELECT typrelid FROM pg_type WHERE oid = 'journey._profile_touch'::regtype)),
        (SELECT string_agg(format('LEFT JOIN LATERAL (%s) AS %s ON true', query, piece), E'\n')
         FROM journey._profile_pieces()))
$$;

-- One row per person. In a first load _store_persons() writes them.
CREATE FUNCTION journey._profiles(r journey._run)
RETURNS journey._follower
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ROW('profiles', '{person_id}'::text[], true, format($sql$
            person_id         text COLLATE "C" NOT NULL,
            user_id           text COLLATE "C",
            email             text COLLATE "C",
            is_identified     boolean NOT NULL,
            visitor_ids       text[] NOT NULL,
            first_seen_at     timestamptz,
            last_seen_at      timestamptz,
            identified_at     timestamptz,
            sessions          bigint NOT NULL,
            events            bigint NOT NULL,
            page_views        bigint NOT NULL,
            revenue           numeric,
            revenue_by_currency jsonb,
            event_counts      jsonb NOT NULL,
            traits            jsonb NOT NULL,
            %s,
            gclid             text,
            gclid_at          timestamptz,
            click_ids         jsonb,
            conversions       bigint,
            first_converted_at timestamptz,
            conversion_counts jsonb NOT NULL,
            is_internal       boolean NOT NULL,
            version           bigint NOT NULL,
            attributes_version bigint NOT NULL,
            updated_at        timestamptz NOT NULL$sql$, (
            SELECT string_agg(format('%s_%s %s', t.prefix, a.attname,
                                     format_type(a.atttypid, a.atttypmod)),
                              E',\n' ORDER BY t.n, a.attnum)
            FROM unnest(journey._profile_touches()) WITH ORDINALITY AS t (prefix, n)
            CROSS JOIN pg_attribute AS a
            WHERE a.attrelid = (SELECT typrelid FROM pg_type
                                WHERE oid = 'journey._profile_touch'::regtype))),
        -- users, both; neither changes with most updates, which therefore touch no index
        'CREATE INDEX ON {profiles} (email) WHERE email IS NOT NULL;'
        ' CREATE INDEX ON {profiles} (user_id) WHERE user_id IS NOT NULL',
        $sql$
            SELECT person_id, bool_or(kind = 'fact') AS facts, bool_or(kind = 'identity') AS moved
            FROM {._person_changes} GROUP BY person_id$sql$,
        'o.person_id = s.person_id',
        CASE WHEN NOT (r).bulk THEN journey._profile_rows() END,
        ARRAY['user_id', 'email', 'traits', 'click_ids'] || ARRAY(
            SELECT t || '_' || a.attname
            FROM unnest(journey._profile_touches()) AS t
            CROSS JOIN pg_attribute AS a
            WHERE t LIKE '%non_direct%'
              AND a.attrelid = (SELECT typrelid FROM pg_type
                                WHERE oid = 'journey._profile_touch'::regtype)))::journey._follower
$$;
