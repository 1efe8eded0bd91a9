-- ---------------------------------------------------------------------------------------------
-- model: touches, facts and profiles
--
-- What a profile is of what a person has says profile_core.c; here is which rows of it a later run reads.
-- ---------------------------------------------------------------------------------------------

-- `moved`: a unit went to another person; `older`: one was there before that has other touches now, or none.
CREATE FUNCTION journey._store_touches(r journey._run, moved boolean, older boolean)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF older THEN
        EXECUTE journey._bind(r, journey._listed(r, 'touches'::text, 't.touch_id'::text, $sql$
            DELETE FROM {touches} AS t
            USING {._changed_units} AS o
            WHERE o.from0 IS NOT NULL AND (o.from1 IS NULL OR o.touches IS NOT NULL)
              AND t.session_id = o.session_id AND NOT EXISTS (
                SELECT FROM {._changed_units} AS n CROSS JOIN LATERAL unnest(n.touches) AS x
                WHERE n.visitor_id = t.visitor_id AND x.touch_id = t.touch_id)$sql$));
    END IF;
    EXECUTE journey._bind(r, journey._listed(r, 'touches'::text, 't.touch_id'::text, format($sql$
        INSERT INTO {touches} AS t (touch_id, person_id, visitor_id, session_id, touched_at, touch_type,
            source, medium, campaign, term, content, campaign_id, channel, click_id, click_id_type,
            click_ids, landing_page, referrer, referrer_host, version, updated_at)
        SELECT n.*, $1, $2
        FROM (
            SELECT x.touch_id, n.p1, x.visitor_id, x.session_id, x.touched_at, x.touch_type, x.source,
                   x.medium, x.campaign, x.term, x.content, x.campaign_id, x.channel, x.click_id,
                   x.click_id_type, x.click_ids, x.landing_page, x.referrer, x.referrer_host
            FROM {._changed_units} AS n CROSS JOIN LATERAL unnest(n.touches) AS x) AS n
        -- looked up, however many touches of a unit the planner expects
        LEFT JOIN LATERAL (
            SELECT * FROM {touches} AS t
            WHERE t.touch_id = n.touch_id AND t.visitor_id = n.visitor_id LIMIT 1) AS t ON true
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

-- Facts that came, went or moved: whose they were and are is told in _noted, which has them as _changed_facts from then
-- on. Facts that lie in a session or run are in the reach of its change; rows of a users table are told apart. `noted`:
-- the kinds of _noted; `moved`: a unit went to another person.
CREATE FUNCTION journey._store_facts(r journey._run, noted text[], moved boolean)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    told text := $sql$
            INSERT INTO {._noted} (visitor_id, event_id, event_time, name, order_id, revenue, session_id, person_id, sign)
            SELECT f.visitor_id, f.event_id, f.event_time, f.name, f.order_id, f.revenue, f.session_id, c.person_id, c.sign
            FROM moved AS f CROSS JOIN LATERAL (VALUES (f.p0, -1), (f.p1, 1)) AS c (person_id, sign)$sql$;
BEGIN
    -- rows of _noted by their place: after a join of three columns the planner expects one, and would look for each of
    -- many through all
    IF '{gone,facts}' <@ noted THEN
        EXECUTE journey._bind(r, $sql$
            WITH gone AS (
                DELETE FROM {_facts} AS f
                USING {._noted} AS n
                WHERE n.sign < 0 AND f.visitor_id = n.visitor_id AND f.event_time = n.event_time
                  AND f.event_id = n.event_id
                RETURNING f.person_id, n.ctid AS place)
            UPDATE {._noted} AS n SET person_id = g.person_id FROM gone AS g WHERE n.ctid = g.place$sql$);
    END IF;
    IF 'facts' = ANY (noted) THEN
        EXECUTE journey._bind(r, $sql$
            WITH come AS (
                UPDATE {._noted} AS n SET person_id = x.person_id
                FROM (
                    SELECT n.ctid AS place, coalesce(u.p1, i.person_id, n.visitor_id) AS person_id
                    FROM {._noted} AS n
                    LEFT JOIN {._changed_units} AS u USING (session_id)
                    LEFT JOIN {identities} AS i ON n.session_id IS NULL AND i.id = n.user_id
                                               AND i.id_type = 'user'
                    WHERE n.sign > 0
                      AND (n.revenue IS NOT NULL OR n.traits IS NOT NULL OR n.conversions IS NOT NULL)) AS x
                WHERE n.ctid = x.place
                RETURNING n.*)
            INSERT INTO {_facts} (visitor_id, event_time, event_id, session_id, person_id, user_id, name,
                                  order_id, revenue, currency, traits, conversions)
            SELECT visitor_id, event_time, event_id, session_id, person_id, user_id, name,
                   order_id, revenue, currency, traits, conversions
            FROM come$sql$);
    END IF;
    IF moved THEN
        EXECUTE journey._bind(r, $sql$
            WITH moved AS (
                UPDATE {_facts} AS f SET person_id = u.p1
                FROM {._changed_units} AS u
                WHERE u.p0 <> u.p1 AND f.session_id = u.session_id AND f.person_id <> u.p1
                RETURNING f.*, u.p0, u.p1)$sql$ || told);
    END IF;
    -- rows of a users table follow the user
    IF 'persons' = ANY (noted) THEN
        EXECUTE journey._bind(r, $sql$
            WITH moved AS (
                UPDATE {_facts} AS f SET person_id = m.p1
                FROM (
                    SELECT f.visitor_id, f.event_time, f.event_id, f.person_id AS p0, c.person_id AS p1
                    FROM {._ids} AS c
                    JOIN {_facts} AS f ON f.session_id IS NULL AND f.user_id = substr(c.ref, 6)
                    WHERE c.ref LIKE 'user:%' AND c.person0 IS DISTINCT FROM c.person_id
                      AND f.person_id <> c.person_id) AS m
                WHERE f.visitor_id = m.visitor_id AND f.event_time = m.event_time AND f.event_id = m.event_id
                RETURNING f.*, m.p0, m.p1)$sql$ || told);
    END IF;
    IF moved OR noted && '{facts,persons}' THEN
        PERFORM journey._tell_facts(r);
    END IF;
END
$$;

-- What follows from _changed_facts at once: which others count now or no more, and sums.
CREATE FUNCTION journey._tell_facts(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    orders boolean;
    facts boolean;
BEGIN
    IF journey._is_large(r, '_noted'::text) THEN
        EXECUTE journey._bind(r, 'ANALYZE {._noted} (person_id, event_time, event_id, visitor_id, session_id, sign, '
                                 'name, order_id)'::text);
    END IF;
    EXECUTE journey._bind(r, 'SELECT count(order_id) > 0, count(*) > 0 FROM {._changed_facts}'::text) INTO orders, facts;
    IF orders THEN
        PERFORM journey._recount_orders(r);
    END IF;
    IF facts THEN
        PERFORM journey._keep_sums(r);
    END IF;
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
            SELECT coalesce(p.p1, 'visitor:' || u.visitor_id), u.session_number, u.part
            FROM {._work} AS u LEFT JOIN {._changed_units} AS p USING (session_id)
            ORDER BY CASE WHEN p.p1 IS NULL THEN 'v' || u.visitor_id
                          ELSE left(p.p1, 1) || substr(p.p1, strpos(p.p1, ':') + 1)
                     END COLLATE "C", u.visitor_id, u.started_at, u.first_event_id$sql$),
        journey._bind(r, $sql$
            SELECT f.person_id, f.visitor_id, f.event_time, f.event_id, f.name, f.order_id, f.revenue,
                   f.currency, f.traits, f.session_id, f.user_id, f.conversions
            FROM (
                SELECT coalesce(p.p1, CASE WHEN n.session_id IS NULL THEN coalesce(i.person_id, n.visitor_id)
                                                  ELSE 'visitor:' || n.visitor_id END) AS person_id,
                       n.visitor_id, n.event_time, n.event_id, n.name, n.order_id, n.revenue, n.currency, n.traits,
                       n.session_id, n.user_id, n.conversions
                FROM {._noted} AS n
                LEFT JOIN {._changed_units} AS p USING (session_id)
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

-- What a later run looks up of b.person_id, for _profile(). What follows from facts alone stays as it is where none of them
-- changed (b.facts), and devices where none is told (b.moved).
CREATE FUNCTION journey._profile_pieces()
RETURNS TABLE (piece text, query text)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    -- all facts, or their sums
    SELECT 'sums', $sql$
        SELECT CASE WHEN NOT b.facts THEN NULL
                    WHEN b.kept THEN (
                        SELECT ROW(x.facts, x.money, x.said)::journey._sum FROM {._sums} AS x
                        WHERE x.person_id = b.person_id ORDER BY x.level DESC LIMIT 1)
                    ELSE (
                        SELECT journey._sum_facts(x.event_time, x.event_id, x.visitor_id, x.name, x.order_id, x.revenue,
                                                  x.currency, x.traits)
                        FROM (
                            SELECT t.* FROM {_facts} AS t
                            WHERE t.person_id = b.person_id AND (t.revenue IS NOT NULL OR t.traits IS NOT NULL)
                            ORDER BY t.event_time, t.event_id, t.visitor_id) AS x) END AS facts$sql$
    UNION ALL SELECT 'devices', $sql$
        SELECT CASE WHEN b.is_new THEN (
                   SELECT array_agg(DISTINCT t.id::text ORDER BY t.id::text)
                   FROM {identities} AS t
                   WHERE t.id_type = 'visitor' AND t.person_id = b.person_id)
               WHEN b.moved THEN (
                   SELECT array_agg(v.id ORDER BY v.id)
                   FROM (
                       (SELECT v COLLATE "C" FROM unnest((b.old).visitor_ids) AS v
                        EXCEPT
                        SELECT v COLLATE "C" FROM unnest(b.visitors) AS v)
                       UNION ALL
                       SELECT v COLLATE "C"
                       FROM unnest(b.visitors) AS v
                       WHERE EXISTS (
                           SELECT FROM {identities} AS t
                           WHERE t.id = v AND t.id_type = 'visitor' AND t.person_id = b.person_id)) AS v (id))
               ELSE (b.old).visitor_ids END AS visitor_ids$sql$
    -- The first and last, and the first and last with a click id of each name. Those before and behind all that changed
    -- are in the old row. Beyond the old ones there are none but those that came, and one that went is replaced by the
    -- next. Each in the order of an index, which ends with the time; a sort would read all of a person.
    UNION ALL SELECT 'ends', format($sql$
        SELECT b.came || ARRAY(
            SELECT %1$s
            FROM (%2$s
                UNION ALL
                SELECT t.* FROM {touches} AS t
                WHERE b.is_new AND t.person_id = b.person_id AND t.touch_type <> 'direct' AND t.click_ids IS NOT NULL
                UNION ALL
                SELECT t.*
                FROM jsonb_each((b.old).click_ids) AS x (name, old) CROSS JOIN LATERAL (%3$s) AS t) AS t) AS touches$sql$,
        journey._end_touch('t'::text), (
        SELECT string_agg(journey._end_of_touches(e LIKE '%non_direct%', e LIKE 'last%', format('(b.old).%s_at', e),
                                                  'true'::text), $sql$
                UNION ALL
                $sql$)
        FROM unnest(journey._profile_touches()) AS e), (
        SELECT string_agg(journey._end_of_touches(true, e = 'last', format($sql$(x.old ->> '%s_at')::timestamptz$sql$, e),
                              format($sql$t.click_ids ? x.name AND t.touched_at %s (x.old ->> '%s_at')::timestamptz$sql$,
                                     CASE e WHEN 'last' THEN '<=' ELSE '>=' END, e)), $sql$
                    UNION ALL
                    $sql$)
        FROM (VALUES ('first'), ('last')) AS e (e)))
$$;

-- The row of a touch, for _profile().
CREATE FUNCTION journey._end_touch(touch text)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format($sql$ROW(%1$s.touch_id, %1$s.touched_at, %1$s.touch_type = 'direct', %1$s.click_ids, %2$s)::journey._end_touch$sql$,
                  touch, journey._touch_columns(touch || '.'))
$$;

-- The first or last touches of b.person_id that fulfil a condition, where that of the old time may have changed: those of
-- one time, of which _profile() finds the one.
CREATE FUNCTION journey._end_of_touches(non_direct boolean, last boolean, old text, condition text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format($sql$(
                    SELECT t.* FROM {touches} AS t
                    WHERE (%s) IS NOT TRUE AND %s t.person_id = b.person_id AND %s
                    ORDER BY t.touched_at %s FETCH FIRST 1 ROW WITH TIES)$sql$,
        CASE WHEN last THEN 'b.changed_to < ' ELSE 'b.changed_from > ' END || old,
        CASE WHEN non_direct THEN $sql$t.touch_type <> 'direct' AND$sql$ END, condition, CASE WHEN last THEN 'DESC' END)
$$;

-- The rows of profiles of a later run: of the persons in `scope`, of what is stored of them, what changed in their
-- units, and what is looked up, person by person. $1 is the run.
CREATE FUNCTION journey._profile_rows(r journey._run)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format($sql$
        SELECT %3$s
        FROM (
            SELECT p.person_id, o AS old, m.sessions, m.events, m.page_views, m.gone, m.came AS names, m.visitors, k.came,
                   o.person_id IS NULL AS is_new, p.moved, p.facts OR o.person_id IS NULL AS facts,
                   (p.facts OR o.person_id IS NULL)
                   AND EXISTS (SELECT FROM {._sums} AS x WHERE x.person_id = p.person_id) AS kept,
                   c.changed_from, c.changed_to,
                   CASE WHEN c.changed_from > o.first_seen_at THEN o.first_seen_at
                        ELSE (SELECT min(s.started_at) FROM {_sessions} AS s
                              WHERE s.person_id = p.person_id) END AS first_seen_at,
                   -- looked for anew only where the session that ended last is no more what it was
                   CASE WHEN m.ended0 = o.last_seen_at AND (m.ended1 >= o.last_seen_at) IS NOT TRUE
                        THEN (SELECT max(s.ended_at) FROM {_sessions} AS s
                              WHERE s.person_id = p.person_id AND NOT s.loose)
                        ELSE greatest(o.last_seen_at, m.ended1) END AS last_seen_at,
                   CASE WHEN c.changed_from > o.identified_at THEN o.identified_at
                        ELSE (SELECT min(s.identified_at) FROM {_sessions} AS s
                              WHERE s.person_id = p.person_id AND s.refs IS NOT NULL) END AS identified_at,
                   -- _count_conversions() brings them up to date, and counts all where they are NULL
                   CASE WHEN o.person_id IS NOT NULL THEN o.conversions
                        WHEN p.person_id NOT IN (SELECT c.person_id FROM {._converted} AS c WHERE c.person_id IS NOT NULL)
                             AND NOT EXISTS (SELECT FROM {_conversions} AS c WHERE c.person_id = p.person_id) THEN 0
                        END AS conversions
            FROM scope AS p
            LEFT JOIN {profiles} AS o USING (person_id)
            LEFT JOIN (
                SELECT person_id, sum(s)::bigint AS sessions, sum(e)::bigint AS events,
                       sum(v)::bigint AS page_views, array_agg(gone) AS gone, array_agg(came) AS came,
                       max(ended0) AS ended0, max(ended1) AS ended1, min(from_at) AS changed_from,
                       max(to_at) AS changed_to, array_agg(DISTINCT visitor_id::text) AS visitors
                FROM (
                    SELECT p0 AS person_id, -s0 AS s, -e0 AS e, -v0 AS v, counts0 AS gone, NULL::bytea AS came,
                           CASE WHEN s0 > 0 THEN to0 END AS ended0, NULL::timestamptz AS ended1, from0 AS from_at,
                           to0 AS to_at, visitor_id
                    FROM {._changed_units}
                    UNION ALL
                    SELECT p1, s1, e1, v1, NULL, counts1, NULL, CASE WHEN s1 > 0 THEN to1 END, from1, to1, visitor_id
                    FROM {._changed_units}) AS d
                WHERE person_id IS NOT NULL
                GROUP BY person_id) AS m USING (person_id)
            LEFT JOIN (
                SELECT t.person_id, array_agg(%1$s) AS came
                FROM {._changed_units} AS u JOIN {touches} AS t USING (session_id)
                WHERE u.p1 IS NOT NULL AND t.click_ids IS NOT NULL AND t.touch_type <> 'direct'
                GROUP BY t.person_id) AS k USING (person_id)
            -- in which time units changed; NULL where nothing is stored
            CROSS JOIN LATERAL (
                SELECT CASE WHEN o.person_id IS NOT NULL THEN coalesce(m.changed_from, 'infinity') END AS changed_from,
                       CASE WHEN o.person_id IS NOT NULL THEN coalesce(m.changed_to, '-infinity') END AS changed_to) AS c
            WHERE coalesce(o.events, 0) + coalesce(m.events, 0) > 0
              AND ((($1).settings).profiles = 'all' OR p.person_id NOT LIKE 'visitor:%%')) AS b
        CROSS JOIN (SELECT journey._internal_patterns(($1).store, ($1).settings) AS patterns OFFSET 0) AS ours
        %2$s
        CROSS JOIN LATERAL journey._profile(
            b.old, b.person_id, b.sessions, b.events, b.page_views, b.gone, b.names, b.first_seen_at, b.last_seen_at,
            b.identified_at, devices.visitor_ids, sums.facts, ends.touches, b.changed_from,
            b.changed_to, b.conversions,
            (($1).settings).email_trait, ours.patterns, ($1).version, ($1).at) AS n$sql$,
        journey._end_touch('t'::text),
        (SELECT string_agg(format('CROSS JOIN LATERAL (%s) AS %s', query, piece), E'\n')
         FROM journey._profile_pieces()),
        (SELECT string_agg('n.' || quote_ident(m.name), ', ' ORDER BY m.place)
         FROM journey._made_columns(journey._bind(r, '{profiles}'::text)::regclass) AS m))
$$;
COMMENT ON FUNCTION journey._end_touch(text) IS 'internal: the row of a touch';
COMMENT ON FUNCTION journey._end_of_touches(boolean, boolean, text, text) IS
    'internal: the query for the first or last touches of a person';

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
        CASE WHEN NOT (r).bulk THEN journey._profile_rows(r) END,
        ARRAY['user_id', 'email', 'traits', 'click_ids'] || ARRAY(
            SELECT t || '_' || a.attname
            FROM unnest(journey._profile_touches()) AS t
            CROSS JOIN pg_attribute AS a
            WHERE t LIKE '%non_direct%'
              AND a.attrelid = (SELECT typrelid FROM pg_type
                                WHERE oid = 'journey._profile_touch'::regtype)))::journey._follower
$$;
