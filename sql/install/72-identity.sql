-- ---------------------------------------------------------------------------------------------
-- model: identity
--
-- A ref is an id by which events name a person: 'user:<user id>' or 'email:<address>'. Its person
-- stands in `identities`. A unit (a session, or a run outside sessions) that names somebody goes to that
-- person; one that names nobody goes by `stitch`: to the one named next on its visitor, else to the one
-- named before, unless the visitor is shared by too many.
-- ---------------------------------------------------------------------------------------------

-- Rows of a loader's users table are no events, but what they say of a user counts. How many are new.
CREATE FUNCTION journey._note_user_rows(r journey._run)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    n bigint;
BEGIN
    EXECUTE journey._bind(r, $sql$
        INSERT INTO {._noted} (visitor_id, event_id, event_time, user_id, kind, traits, sign)
        SELECT DISTINCT ON (b.visitor_id, b.event_time, id.event_id)
               b.visitor_id, id.event_id, b.event_time, b.user_id, 'users', b.traits, 1
        FROM {._batch} AS b
        CROSS JOIN LATERAL (SELECT 'users:' || md5(b.traits::text) AS event_id) AS id
        WHERE b.is_traits AND b.kind = 'identify' AND b.status IS NULL AND b.traits IS NOT NULL
          AND NOT EXISTS (
            SELECT FROM {_facts} AS f
            WHERE f.visitor_id = b.visitor_id AND f.event_time = b.event_time
              AND f.event_id = id.event_id)$sql$);
    GET DIAGNOSTICS n = ROW_COUNT;
    IF NOT r.bulk THEN
        -- rows that changed or went, unless the sources hold the like
        EXECUTE journey._bind(r, $sql$
            INSERT INTO {._noted} (visitor_id, event_id, event_time, user_id, kind, traits, sign)
            SELECT f.visitor_id, f.event_id, f.event_time, f.user_id, 'users', f.traits, -1
            FROM {_facts} AS f
            WHERE f.session_id IS NULL
              AND (f.visitor_id, f.event_time, f.event_id) IN (
                SELECT b.visitor_id, b.event_time, 'users:' || md5(b.traits::text)
                FROM {._batch} AS b
                WHERE b.is_traits AND b.kind = 'identify' AND b.status = 'removed')
              AND (f.visitor_id, f.event_time, f.event_id) NOT IN (
                SELECT b.visitor_id, b.event_time, 'users:' || md5(b.traits::text)
                FROM {._batch} AS b
                WHERE b.is_traits AND b.kind = 'identify' AND b.status IS NULL AND b.traits IS NOT NULL)$sql$);
    END IF;
    RETURN n;
END
$$;

-- A first load has written whom the units of visitors name, and that those that name nobody stand for themselves. An
-- alias of a visitor names it too, wherever it was sent from.
CREATE FUNCTION journey._add_aliased(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE journey._bind(r, $sql$
        WITH aliased AS MATERIALIZED (
            SELECT previous_id AS visitor_id, 'user:' || user_id AS ref, count(*) AS n
            FROM {._noted}
            WHERE kind = 'alias' AND user_id IS NOT NULL AND previous_id <> visitor_id
            GROUP BY previous_id, user_id),
        known AS (
            UPDATE {_visitor_refs} AS v SET n = v.n + a.n, device = v.device + a.n
            FROM aliased AS a
            WHERE v.visitor_id = a.visitor_id AND v.ref = a.ref
            RETURNING v.visitor_id, v.ref)
        INSERT INTO {_visitor_refs} (visitor_id, ref, n, device)
        SELECT a.visitor_id, a.ref, a.n, a.n
        FROM aliased AS a
        WHERE NOT EXISTS (
            SELECT FROM known AS k WHERE k.visitor_id = a.visitor_id AND k.ref = a.ref)$sql$);
    EXECUTE journey._bind(r, $sql$
        DELETE FROM {identities} AS i
        USING (SELECT DISTINCT previous_id FROM {._noted}
               WHERE kind = 'alias' AND user_id IS NOT NULL AND previous_id <> visitor_id) AS a
        WHERE i.id = a.previous_id AND i.id_type = 'visitor'$sql$);
END
$$;

-- What changed in whom visitors name, and in which user carries which e-mail. An id that a visitor names for the first
-- time or no more is left in _ids; where its person may be another with that, `noted` gets "user ids" or "email ids".
CREATE FUNCTION journey._apply_refs(r journey._run, INOUT noted text[])
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    types text[];
BEGIN
    IF r.bulk THEN
        IF 'alias' = ANY (noted) THEN
            PERFORM journey._add_aliased(r);
        END IF;
    ELSE
        EXECUTE journey._bind(r, $sql$
            WITH changes AS (
                SELECT visitor_id, ref, sum(n) AS n, coalesce(sum(n) FILTER (WHERE NOT aside), 0) AS device
                FROM (
                    SELECT u.visitor_id, x.ref, 1 AS n, u.aside
                    FROM {._changed_units} AS u CROSS JOIN LATERAL unnest(u.refs) AS x (ref)
                    UNION ALL
                    SELECT u.visitor_id, x.ref, -1, u.aside0
                    FROM {._changed_units} AS u CROSS JOIN LATERAL unnest(u.refs0) AS x (ref)
                    UNION ALL
                    -- an alias of a visitor names it, wherever it was sent from
                    SELECT previous_id, 'user:' || user_id, sign, false
                    FROM {._noted}
                    WHERE kind = 'alias' AND user_id IS NOT NULL AND previous_id <> visitor_id) AS c
                GROUP BY visitor_id, ref
                HAVING sum(n) <> 0 OR sum(n) FILTER (WHERE NOT aside) <> 0),
            counts AS MATERIALIZED (
                SELECT c.visitor_id, c.ref, coalesce(v.n, 0) AS n0, coalesce(v.n, 0) + c.n AS n,
                       coalesce(v.device, 0) AS device0, coalesce(v.device, 0) + c.device AS device
                FROM changes AS c
                LEFT JOIN LATERAL (
                    SELECT v.n, v.device FROM {_visitor_refs} AS v
                    WHERE v.visitor_id = c.visitor_id AND v.ref = c.ref LIMIT 1) AS v ON true),
            gone AS (
                DELETE FROM {_visitor_refs} AS v USING counts AS c
                WHERE c.n = 0 AND v.visitor_id = c.visitor_id AND v.ref = c.ref),
            put AS (
                INSERT INTO {_visitor_refs} (visitor_id, ref, n, device)
                SELECT visitor_id, ref, n, device FROM counts WHERE n <> 0
                ON CONFLICT (visitor_id, ref) DO UPDATE SET n = excluded.n, device = excluded.device),
            named AS (
                SELECT c.*, strpos(ref, ':') AS colon FROM counts AS c
                WHERE (n0 > 0) <> (n > 0) OR (device0 > 0) <> (device > 0)),
            told AS (
                INSERT INTO {._ids} (ref, visitors)
                SELECT ref, array_agg(visitor_id::text) FILTER (WHERE (device0 > 0) <> (device > 0))
                FROM named GROUP BY ref)
            SELECT array_agg(DISTINCT left(c.ref, c.colon - 1) || ' ids')
            FROM named AS c
            WHERE c.n = 0 OR coalesce((
                SELECT false FROM {identities} AS i
                WHERE i.id = substr(c.ref, c.colon + 1) AND i.id_type = left(c.ref, c.colon - 1) LIMIT 1), true)$sql$)
        INTO types;
    END IF;
    IF 'traits' = ANY (noted) THEN
        EXECUTE journey._bind(r, format($sql$
            INSERT INTO {_user_emails} AS e (email, user_id, n)
            SELECT email, user_id, sum(sign)
            FROM {._noted} AS n
            CROSS JOIN LATERAL journey._clean_email(n.traits ->> $1) AS email
            WHERE n.user_id IS NOT NULL AND email IS NOT NULL
            GROUP BY email, user_id
            HAVING sum(sign) <> 0 %s$sql$, CASE WHEN NOT r.bulk THEN
            'ON CONFLICT (email, user_id) DO UPDATE SET n = e.n + excluded.n' END))
        USING (r.settings).email_trait;
    END IF;
    IF '{gone,traits}' <@ noted AND NOT r.bulk THEN
        EXECUTE journey._bind(r, $sql$
            DELETE FROM {_user_emails} AS e
            WHERE e.n = 0 AND e.user_id IN (SELECT user_id FROM {._noted})$sql$);
    END IF;
    noted := noted || types;
END
$$;

-- A first load: the persons of all refs.
CREATE FUNCTION journey._identify_all(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE journey._bind(r, $sql$
        INSERT INTO {identities} (id, id_type, person_id, valid_from, valid_to, reason)
        SELECT i.id, 'user', 'user:' || coalesce(e.canonical, i.id), '-infinity', 'infinity',
               CASE WHEN e.id IS NULL THEN 'user_id' ELSE 'alias' END
        FROM (
            SELECT substr(ref, 6) AS id FROM {_visitor_refs} WHERE ref LIKE 'user:%'
            UNION
            SELECT user_id FROM {_user_emails}
            UNION
            SELECT user_id FROM {_aliases}
            UNION
            SELECT previous_id FROM {_aliases}) AS i
        LEFT JOIN (
            SELECT x.id COLLATE "C" AS id, x.canonical
            FROM (
                SELECT array_agg(previous_id::text) AS previous, array_agg(user_id::text) AS users
                FROM (
                    SELECT DISTINCT ON (a.previous_id) a.previous_id, a.user_id
                    FROM {_aliases} AS a
                    ORDER BY a.previous_id, a.event_time DESC, a.event_id DESC, a.visitor_id DESC) AS a) AS l
            CROSS JOIN LATERAL journey._alias_ends(l.previous, l.users) AS x) AS e ON e.id = i.id$sql$);
    EXECUTE journey._bind(r, 'ANALYZE {identities} (id, id_type, person_id)'::text);
    EXECUTE journey._bind(r, $sql$
        INSERT INTO {identities} (id, id_type, person_id, valid_from, valid_to, reason)
        SELECT f.id, 'email', CASE WHEN count(DISTINCT f.person_id) = 1 THEN min(f.person_id)
                                   ELSE 'email:' || f.id END,
               '-infinity', 'infinity',
               CASE WHEN count(DISTINCT f.person_id) = 1 THEN 'email of user' ELSE 'email' END
        FROM (
            SELECT e.email AS id, u.person_id
            FROM {_user_emails} AS e JOIN {identities} AS u ON u.id = e.user_id AND u.id_type = 'user'
            UNION ALL
            -- a user whose id is the address carries it, unless another does by trait
            SELECT a.email, a.person_id
            FROM (
                SELECT journey._clean_email(u.id) COLLATE "C" AS email, u.id, u.person_id
                FROM {identities} AS u
                WHERE u.id_type = 'user') AS a
            WHERE a.email IS NOT NULL AND NOT EXISTS (
                SELECT FROM {_user_emails} AS e WHERE e.email = a.email AND e.user_id <> a.id)
              -- a pseudonym is that of an address only if another field has it for one
              AND (strpos(a.id, '@') > 0
                   OR EXISTS (SELECT FROM {_user_emails} AS e WHERE e.email = a.email AND e.n > 0)
                   OR EXISTS (SELECT FROM {_visitor_refs} AS v WHERE v.ref = 'email:' || a.email))
            UNION ALL
            SELECT substr(ref, 7), NULL FROM {_visitor_refs} WHERE ref LIKE 'email:%') AS f
        GROUP BY f.id$sql$);
END
$$;

-- Later: brings the persons of users and e-mails up to date, and tells in _ids whose they were and are. `noted` gets
-- "persons" where a user has another one.
CREATE FUNCTION journey._identify(r journey._run, INOUT noted text[])
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- users to look at: named for the first time or no more, carrying an e-mail, or before a changed alias
    IF noted && '{alias,users}' THEN
        EXECUTE journey._bind(r, $sql$
            INSERT INTO {._ids} (ref)
            WITH RECURSIVE changed AS (
                SELECT previous_id AS id FROM {._noted}
                WHERE kind = 'alias' AND previous_id IS NOT NULL AND user_id IS NOT NULL),
            upstream AS (
                SELECT id FROM changed
                UNION
                SELECT a.previous_id FROM {_aliases} AS a JOIN upstream AS u ON a.user_id = u.id)
            SELECT 'user:' || id FROM upstream
            UNION
            SELECT 'user:' || user_id FROM {._noted} WHERE kind IN ('alias', 'users') AND user_id IS NOT NULL
            EXCEPT
            SELECT ref FROM {._ids}$sql$);
    END IF;
    IF noted && '{alias,users,user ids}' AND journey._store_ids(r, 'user'::text, journey._persons_of_users()) THEN
        noted := noted || 'persons'::text;
    END IF;
    -- e-mails to look at: named for the first time or no more, or carried by a user who changed
    IF noted && '{traits,persons}' THEN
        EXECUTE journey._bind(r, $sql$
            INSERT INTO {._ids} (ref)
            SELECT 'email:' || email
            FROM {._noted} AS n CROSS JOIN LATERAL journey._clean_email(n.traits ->> $1) AS email
            WHERE n.user_id IS NOT NULL AND email IS NOT NULL
            UNION
            SELECT 'email:' || email
            FROM {._ids} AS c
            CROSS JOIN LATERAL (
                SELECT e.email FROM {_user_emails} AS e WHERE e.user_id = substr(c.ref, 6)
                UNION ALL
                SELECT journey._clean_email(substr(c.ref, 6))) AS e
            WHERE c.ref LIKE 'user:%' AND c.person0 IS DISTINCT FROM c.person_id AND email IS NOT NULL
            EXCEPT
            SELECT ref FROM {._ids}$sql$)
        USING (r.settings).email_trait;
    END IF;
    IF noted && '{traits,persons,email ids}' THEN
        PERFORM journey._store_ids(r, 'email'::text, journey._persons_of_emails());
    END IF;
END
$$;

-- Whose the users of `ids` are: of the last in the chain of aliases, or their own.
CREATE FUNCTION journey._persons_of_users()
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT $sql$
        WITH RECURSIVE nodes AS (
            SELECT id FROM ids
            UNION
            SELECT a.user_id FROM {_aliases} AS a JOIN nodes AS n ON a.previous_id = n.id),
        latest AS (
            SELECT DISTINCT ON (a.previous_id) a.previous_id, a.user_id
            FROM {_aliases} AS a JOIN nodes AS n ON a.previous_id = n.id
            ORDER BY a.previous_id, a.event_time DESC, a.event_id DESC, a.visitor_id DESC),
        ends AS (
            SELECT x.id COLLATE "C" AS id, x.canonical
            FROM (SELECT array_agg(previous_id::text) AS p, array_agg(user_id::text) AS u FROM latest) AS l
            CROSS JOIN LATERAL journey._alias_ends(l.p, l.u) AS x)
        SELECT i.id, coalesce('user:' || e.canonical, CASE WHEN coalesce(
                   -- each by its index: of EXISTS .. OR EXISTS all rows are searched for each id once they exceed work_mem
                   (SELECT true FROM {_visitor_refs} AS v WHERE v.ref = i.ref LIMIT 1),
                   (SELECT true FROM {_user_emails} AS e WHERE e.user_id = i.id AND e.n > 0 LIMIT 1),
                   (SELECT true FROM {_aliases} AS a WHERE a.user_id = i.id LIMIT 1)) THEN i.ref END) AS person_id,
               CASE WHEN e.id IS NULL THEN 'user_id' ELSE 'alias' END AS reason
        FROM ids AS i LEFT JOIN ends AS e ON e.id = i.id$sql$
$$;

-- Whose the e-mails of `ids` are: of the one person whose users carry it, else of nobody else.
CREATE FUNCTION journey._persons_of_emails()
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT $sql$
        SELECT f.id, CASE WHEN count(DISTINCT f.person_id) = 1 THEN min(f.person_id) ELSE 'email:' || f.id END AS person_id,
               CASE WHEN count(DISTINCT f.person_id) = 1 THEN 'email of user' ELSE 'email' END AS reason
        FROM (
            SELECT i.id, u.person_id
            FROM ids AS i
            JOIN {_user_emails} AS e ON e.email = i.id AND e.n > 0
            JOIN {identities} AS u ON u.id = e.user_id AND u.id_type = 'user'
            UNION ALL
            -- a user whose id is the address carries it, unless another does by trait
            SELECT i.id, u.person_id
            FROM ids AS i
            JOIN {identities} AS u ON u.id_type = 'user' AND journey._clean_email(u.id) = i.id
            WHERE NOT EXISTS (
                SELECT FROM {_user_emails} AS e
                WHERE e.email = i.id AND e.n > 0 AND e.user_id <> u.id)
              AND (strpos(u.id, '@') > 0
                   OR EXISTS (SELECT FROM {_user_emails} AS e WHERE e.email = i.id AND e.n > 0)
                   OR EXISTS (SELECT FROM {_visitor_refs} AS v WHERE v.ref = i.ref))
            UNION ALL
            SELECT i.id, NULL
            FROM ids AS i
            JOIN {_visitor_refs} AS v ON v.ref = i.ref) AS f
        GROUP BY f.id$sql$
$$;

-- Writes whose the ids of a type are that stand in _ids: a query gives person and reason of those that are known, from
-- `ids` (ref, id). Whether any is of another person than before.
CREATE FUNCTION journey._store_ids(r journey._run, id_type text, persons text)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    changed boolean;
BEGIN
    IF journey._is_large(r, '_ids'::text) THEN
        EXECUTE journey._bind(r, 'ANALYZE {._ids}'::text);
    END IF;
    EXECUTE journey._bind(r, format($sql$
        WITH ids AS MATERIALIZED (
            SELECT ref, substr(ref, strpos(ref, ':') + 1) AS id FROM {._ids} WHERE ref LIKE $1 || ':%%'),
        persons AS MATERIALIZED (%s),
        known AS (
            UPDATE {._ids} AS c SET person0 = x.person0, person_id = x.person_id
            FROM (
                SELECT i.*, o.person_id AS person0, p.person_id, p.reason
                FROM ids AS i
                LEFT JOIN persons AS p USING (id)
                LEFT JOIN LATERAL (
                    SELECT o.person_id FROM {identities} AS o WHERE o.id = i.id AND o.id_type = $1 LIMIT 1) AS o ON true) AS x
            WHERE c.ref = x.ref
            RETURNING x.*),
        gone AS (
            DELETE FROM {identities} AS o USING known AS k
            WHERE k.person0 IS DISTINCT FROM k.person_id AND o.id = k.id AND o.id_type = $1),
        put AS (
            INSERT INTO {identities} AS o (id, id_type, person_id, valid_from, valid_to, reason)
            SELECT id, $1, person_id, '-infinity', 'infinity', reason FROM known WHERE person_id IS NOT NULL
            ON CONFLICT (id, id_type, valid_from, person_id) DO UPDATE SET reason = excluded.reason
            WHERE o.reason IS DISTINCT FROM excluded.reason)
        SELECT coalesce(bool_or(person0 IS DISTINCT FROM person_id), false) FROM known$sql$, persons))
    INTO changed USING id_type;
    RETURN changed;
END
$$;

COMMENT ON FUNCTION journey._persons_of_users() IS 'internal: the query for whose users are';
COMMENT ON FUNCTION journey._persons_of_emails() IS 'internal: the query for whose e-mails are';
COMMENT ON FUNCTION journey._store_ids(journey._run, text, text) IS 'internal: writes whose ids are';

-- Where stitching stops on the visitors of a query (visitor_id, base, shared): the beginnings of removed stretches.
CREATE FUNCTION journey._barriers(visitors text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.format($sql$
        SELECT v.visitor_id, t.valid_from AS at, v.base, v.shared
        FROM (%s) AS v
        CROSS JOIN {._tombstone_key} AS k
        JOIN {._tombstones} AS t
            ON t.kind = 'device' AND t.hash = journey._tombstone(k.key, 'device'::text, v.visitor_id)
        WHERE EXISTS (SELECT FROM {._tombstones} AS t WHERE t.kind = 'device')$sql$, visitors);

-- Does a visitor, x.visitor_id, name more persons than one device should? It is nobody's while it names nobody. Of
-- many ids the first ones tell.
CREATE FUNCTION journey._is_shared(r journey._run)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format($sql$(
            (SELECT count(*) > %1$s
             FROM (SELECT FROM {_visitor_refs} AS v WHERE v.visitor_id = x.visitor_id LIMIT %1$s + 1) AS v)
            AND (%2$s OR %3$s))$sql$,
        (r.settings).max_users_per_visitor, many.first, many.of_all)
    FROM (
        SELECT format(q.shared, (r.settings).max_users_per_visitor,
                      format('LIMIT %s', 20 * (1 + (r.settings).max_users_per_visitor::bigint))) AS first,
               format(q.shared, (r.settings).max_users_per_visitor, '') AS of_all
        FROM (VALUES ($sql$(
            SELECT count(DISTINCT i.person_id) > %s
            FROM (SELECT v.ref FROM {_visitor_refs} AS v WHERE v.visitor_id = x.visitor_id AND v.device > 0 %s) AS v
            JOIN {identities} AS i ON i.id = substr(v.ref, strpos(v.ref, ':') + 1)
                                  AND i.id_type = split_part(v.ref, ':', 1))$sql$)) AS q (shared)) AS many
$$;

-- The marks of a query, (visitor_id, time, event_id, sent_from, base, shared, session_id, loose, aside, person_id,
-- session_number, first_ref, identity), as _stitch() takes them; the barriers of the visitors of `visitors` are
-- added. In a bulk run `shared` is a query for the visitors that are. In a later one persons are looked up, however
-- many units the planner expects.
CREATE FUNCTION journey._marks(units text, visitors text, shared text DEFAULT NULL)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.format($sql$
        SELECT m.visitor_id, m.at, m.event_id, %3$s, m.base, m.first_ref = 'forgotten:'
               IS TRUE, m.session_id, m.loose, m.aside, m.person_id, m.session_number, f.person_id,
               CASE WHEN m.identity = m.first_ref THEN f.person_id ELSE i.person_id END
        FROM (
            %1$s
            UNION ALL
            SELECT b.visitor_id, b.at, '', '', b.base, b.shared, NULL, NULL, NULL, NULL, NULL, 'forgotten:', NULL
            FROM (%2$s) AS b) AS m
        %4$s
        LEFT JOIN LATERAL (
            SELECT f.person_id
            FROM {identities} AS f
            WHERE f.id = substr(m.first_ref, strpos(m.first_ref, ':') + 1)
              AND f.id_type = split_part(m.first_ref, ':', 1) AND f.id_type <> 'visitor' %5$s) AS f ON true
        LEFT JOIN LATERAL (
            SELECT i.person_id
            FROM {identities} AS i
            -- NULL is not looked for; most units name one alone
            WHERE i.id = substr(nullif(m.identity, m.first_ref), strpos(m.identity, ':') + 1)
              AND i.id_type = split_part(m.identity, ':', 1) AND i.id_type <> 'visitor' %5$s) AS i ON true
        ORDER BY m.visitor_id, m.at, m.event_id, m.sent_from$sql$, units, journey._barriers(visitors),
        CASE WHEN shared IS NULL THEN 'm.shared' ELSE 's.visitor_id IS NOT NULL' END,
        CASE WHEN shared IS NOT NULL
             THEN pg_catalog.format('LEFT JOIN (%s) AS s ON s.visitor_id = m.visitor_id', shared) END,
        CASE WHEN shared IS NULL THEN 'LIMIT 1' END);

-- A first load: all units are in _work. Those that go to another person than their visitor's own are left in
-- _changed_units; and the stretches of visitors that name somebody are written.
CREATE FUNCTION journey._stitch_all(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE journey._bind(r, $sql$
        ANALYZE {._work} (visitor_id, session_id), {_visitor_refs},
                {identities} (id, id_type, person_id)$sql$);
    PERFORM journey._stitch_whole(journey._bind(r, journey._marks($sql$
            SELECT u.visitor_id, u.started_at AS at, u.first_event_id AS event_id, u.visitor_id AS sent_from,
                   0::bigint AS base, NULL::boolean AS shared, u.session_id, u.loose, u.aside, NULL::text AS person_id,
                   NULL::bigint AS session_number, u.first_ref, u.identity
            FROM {._work} AS u
            WHERE u.visitor_id IN (SELECT visitor_id FROM {_visitor_refs})
            UNION ALL
            SELECT a.previous_id, a.event_time, a.event_id, a.visitor_id, 0, NULL, NULL, NULL, NULL, NULL, NULL,
                   'user:' || a.user_id, 'user:' || a.user_id
            FROM {_aliases} AS a
            WHERE a.previous_id <> a.visitor_id$sql$,
            'SELECT DISTINCT visitor_id, 0::bigint AS base, NULL::boolean AS shared FROM {_visitor_refs}'::text,
            format($sql$
            SELECT x.visitor_id
            FROM (SELECT visitor_id FROM {_visitor_refs} GROUP BY visitor_id HAVING count(*) > %s) AS x
            WHERE %s$sql$, (r.settings).max_users_per_visitor, journey._is_shared(r)))),
        journey._bind(r, '{._changed_units}'::text)::regclass, journey._bind(r, '{identities}'::text)::regclass);
    EXECUTE journey._bind(r, 'ANALYZE {._changed_units} (session_id, p1)'::text);
END
$$;

-- The columns of a unit that stand in _sessions, as a list with %1$s before each name.
CREATE FUNCTION journey._unit_columns()
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT string_agg('%1$s' || quote_ident(a.attname), ', ' ORDER BY a.attnum)
    FROM pg_attribute AS a
    WHERE a.attrelid = (SELECT typrelid FROM pg_type WHERE oid = 'journey._unit'::regtype)
      AND a.attname <> 'touches'
$$;

-- Later: writes the changed units. One that is new gets the person and the number that it most likely has, so that few
-- rows are written again by _stitch_changed().
CREATE FUNCTION journey._store_units(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    columns text := journey._unit_columns();
BEGIN
    EXECUTE journey._bind(r, journey._listed(r, 'sessions'::text, 's.session_id'::text, $sql$
        DELETE FROM {_sessions} AS s
        USING {._changed_units} AS u
        WHERE u.from1 IS NULL AND s.session_id = u.session_id$sql$));
    EXECUTE journey._bind(r, journey._listed(r, 'sessions'::text, 's.session_id'::text, format($sql$
        INSERT INTO {_sessions} AS s (%1$s, version, updated_at, person_id, session_number)
        SELECT %2$s, $1, $2,
               CASE WHEN u.from0 IS NULL THEN coalesce(i.person_id, b.person_id, 'visitor:' || u.visitor_id) END,
               CASE WHEN u.from0 IS NULL AND NOT u.loose THEN coalesce(b.session_number, 0) + row_number() OVER (
                   PARTITION BY u.visitor_id, u.from0 IS NULL, u.loose
                   ORDER BY u.started_at, u.first_event_id) END
        FROM {._changed_units} AS u
        LEFT JOIN {identities} AS i ON u.from0 IS NULL AND i.id = substr(u.identity, strpos(u.identity, ':') + 1)
                                   AND i.id_type = split_part(u.identity, ':', 1)
        LEFT JOIN LATERAL (
            -- in the order of the index, which ends with the time; a sort would read all of a visitor
            SELECT p.session_number, p.person_id
            FROM (
                SELECT p.*
                FROM {_sessions} AS p
                WHERE u.from0 IS NULL AND p.visitor_id = u.visitor_id AND NOT p.loose
                  AND (p.started_at, p.first_event_id) < (u.started_at, u.first_event_id)
                ORDER BY p.started_at DESC FETCH FIRST 1 ROW WITH TIES) AS p
            ORDER BY p.first_event_id DESC LIMIT 1) AS b ON true
        WHERE u.from1 IS NOT NULL
        ON CONFLICT (session_id) DO UPDATE
        SET (%1$s, version, updated_at) = ROW(%3$s, excluded.version, excluded.updated_at)
        WHERE ROW(%4$s)::record *<> ROW(%3$s)::record$sql$,
        format(columns, ''), format(columns, 'u.'), format(columns, 'excluded.'), format(columns, 's.'))))
    USING r.version, r.at;
END
$$;

-- The visitors of which all units may go to another person: who names a person that changed, or was aliased, or may
-- be shared now and was not, or was.
CREATE FUNCTION journey._whole_visitors(r journey._run)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.format($sql$
        SELECT v.visitor_id
        FROM {._ids} AS c
        CROSS JOIN LATERAL (SELECT v.visitor_id FROM {_visitor_refs} AS v WHERE v.ref = c.ref OFFSET 0) AS v
        -- those that name a new one changed
        WHERE c.person0 IS NOT NULL AND c.person0 IS DISTINCT FROM c.person_id
        UNION
        SELECT previous_id FROM {._noted} WHERE kind = 'alias' AND previous_id IS NOT NULL
        UNION
        SELECT c.visitor_id
        FROM (
            SELECT v COLLATE "C" AS visitor_id, count(*) AS n, array_agg(c.ref) AS refs
            FROM {._ids} AS c CROSS JOIN LATERAL unnest(c.visitors) AS v
            GROUP BY v COLLATE "C") AS c
        WHERE c.n + (SELECT count(*) FROM (
                        SELECT FROM {_visitor_refs} AS v WHERE v.visitor_id = c.visitor_id LIMIT %1$s + 1) AS v) > %1$s
          -- shared before as after
          AND (SELECT count(DISTINCT i.person_id)
               FROM (SELECT v.ref FROM {_visitor_refs} AS v
                     WHERE v.visitor_id = c.visitor_id AND v.device > 0 AND v.ref <> ALL (c.refs)
                     LIMIT 20 * (%1$s::bigint + 1)) AS v
               JOIN {identities} AS i ON i.id = substr(v.ref, strpos(v.ref, ':') + 1)
                                     AND i.id_type = split_part(v.ref, ':', 1)) <= %1$s$sql$,
    ((r).settings).max_users_per_visitor);

-- Which units may go to another person, or have another number: a window of time for each visitor, and how
-- many sessions lie before it. A unit that is new is looked at; one that names another than before, or is no
-- more, with those between it and its neighbours that name somebody; where a session came or went, all that
-- follow; all of _whole_visitors().
CREATE FUNCTION journey._windows(r journey._run)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.format($sql$
        WITH whole AS MATERIALIZED (%s),
        changed AS (
            SELECT u.visitor_id, u.started_at, u.first_event_id,
                   CASE WHEN u.from1 IS NULL THEN u.refs0 IS NOT NULL
                        ELSE (u.refs[1], u.identity, u.aside)
                             IS DISTINCT FROM (u.refs0[1], u.identity0, coalesce(u.aside0, false)) END AS names,
                   x.is_new, x.is_new AND NOT u.loose AS shifts
            FROM {._changed_units} AS u
            CROSS JOIN LATERAL (SELECT u.from0 IS NULL OR u.from1 IS NULL AS is_new) AS x),
        spans AS (
            SELECT visitor_id, min(started_at) AS lo,
                   CASE WHEN bool_or(shifts) THEN 'infinity' ELSE max(started_at) END AS hi,
                   min(started_at) FILTER (WHERE names) AS names_from,
                   max(started_at) FILTER (WHERE names) AS names_to
            FROM changed
            WHERE names OR is_new
            GROUP BY visitor_id),
        windows AS (
            SELECT w.visitor_id,
                   least(w.lo, CASE WHEN w.names_from IS NOT NULL THEN coalesce((
                       SELECT s.started_at FROM {_sessions} AS s
                       WHERE s.visitor_id = w.visitor_id AND s.refs IS NOT NULL AND NOT s.aside
                         AND s.started_at < w.names_from
                       ORDER BY s.started_at DESC LIMIT 1), '-infinity') END) AS lo,
                   greatest(w.hi, CASE WHEN w.names_to IS NOT NULL AND isfinite(w.hi) THEN coalesce((
                       SELECT s.started_at FROM {_sessions} AS s
                       WHERE s.visitor_id = w.visitor_id AND s.refs IS NOT NULL AND NOT s.aside
                         AND s.started_at > w.names_to
                       ORDER BY s.started_at LIMIT 1), 'infinity') END) AS hi
            FROM spans AS w
            WHERE w.visitor_id NOT IN (SELECT visitor_id FROM whole)
            UNION ALL
            SELECT visitor_id, '-infinity', 'infinity' FROM whole)
        SELECT x.visitor_id, x.lo, x.hi, coalesce((
                   SELECT max(s.session_number)
                   FROM (
                       SELECT s.session_number FROM {_sessions} AS s
                       WHERE s.visitor_id = x.visitor_id AND NOT s.loose AND s.started_at < x.lo
                       ORDER BY s.started_at DESC FETCH FIRST 1 ROW WITH TIES) AS s), 0) AS base, %s AS shared
        FROM windows AS x$sql$, journey._whole_visitors(r), journey._is_shared(r));

-- The marks of a later run: the units in the windows of visitors, the nearest ones beside them that name somebody, and
-- aliases of the visitors.
CREATE FUNCTION journey._changed_marks(r journey._run)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.format('WITH windows AS MATERIALIZED (%s) %s', journey._windows(r), journey._marks($sql$
            SELECT s.visitor_id, s.started_at AS at, s.first_event_id AS event_id, s.visitor_id AS sent_from,
                   w.base, w.shared, s.session_id, s.loose, s.aside, s.person_id, s.session_number,
                   s.refs[1] AS first_ref, s.identity
            FROM windows AS w CROSS JOIN LATERAL (
                SELECT * FROM {_sessions} AS s
                WHERE s.visitor_id = w.visitor_id AND s.started_at BETWEEN w.lo AND w.hi
                OFFSET 0) AS s
            UNION ALL
            SELECT w.visitor_id, s.started_at, s.first_event_id, w.visitor_id, w.base, w.shared, NULL, NULL, NULL, NULL,
                   NULL, s.refs[1], s.identity
            FROM windows AS w CROSS JOIN LATERAL (
                (SELECT s.* FROM {_sessions} AS s
                 WHERE s.visitor_id = w.visitor_id AND s.refs IS NOT NULL AND NOT s.aside
                   AND s.started_at < w.lo
                 ORDER BY s.started_at DESC FETCH FIRST 1 ROW WITH TIES)
                UNION ALL
                (SELECT s.* FROM {_sessions} AS s
                 WHERE s.visitor_id = w.visitor_id AND s.refs IS NOT NULL AND NOT s.aside
                   AND s.started_at > w.hi
                 ORDER BY s.started_at FETCH FIRST 1 ROW WITH TIES)) AS s
            UNION ALL
            SELECT a.previous_id, a.event_time, a.event_id, a.visitor_id, w.base, w.shared, NULL, NULL, NULL, NULL, NULL,
                   'user:' || a.user_id, 'user:' || a.user_id
            FROM windows AS w
            JOIN {_aliases} AS a ON a.previous_id = w.visitor_id AND a.visitor_id <> w.visitor_id$sql$,
            'SELECT visitor_id, base, shared FROM windows'::text));

-- Who the changed units are of, and those that go to another person with them; numbers what comes after them. All
-- in one statement; number and person in one write, since it moves all index entries of the row.
CREATE FUNCTION journey._stitch_changed(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE journey._bind(r, format($sql$
        WITH stitched AS MATERIALIZED (SELECT * FROM journey._stitch($3)),
        written AS (
            UPDATE {_sessions} AS s
            SET session_number = x.n1, person_id = x.p1, version = $1, updated_at = $2
            FROM stitched AS x
            WHERE s.session_id = x.session_id AND (x.p0, x.n0) IS DISTINCT FROM (x.p1, x.n1)
            RETURNING s.*, x.p0),
        known AS (
            UPDATE {._changed_units} AS u SET p1 = x.p1
            FROM stitched AS x
            WHERE u.session_id = x.session_id AND u.p1 IS DISTINCT FROM x.p1)
        %s
        INSERT INTO {._changed_units} (visitor_id, started_at, first_event_id, loose, session_id, refs, identity, aside,
                                       p0, p1, from0, from1, to0, to1, s0, s1, e0, e1, v0, v1, counts0, counts1,
                                       refs0, identity0, aside0)
        SELECT s.visitor_id, s.started_at, s.first_event_id, s.loose, s.session_id, s.refs, s.identity, s.aside,
               s.p0, s.person_id, s.started_at, s.started_at, x.ended_at, x.ended_at, x.sessions, x.sessions,
               coalesce(s.events, 0), coalesce(s.events, 0), coalesce(s.page_views, 0), coalesce(s.page_views, 0),
               s.counts, s.counts, s.refs, s.identity, s.aside
        FROM written AS s
        CROSS JOIN LATERAL (SELECT coalesce(s.ended_at, s.started_at) AS ended_at, (NOT s.loose)::int AS sessions) AS x
        WHERE s.p0 IS DISTINCT FROM s.person_id
          AND NOT EXISTS (SELECT FROM {._changed_units} AS u WHERE u.session_id = s.session_id)$sql$,
        CASE WHEN (r.settings).keep_changes IS NOT NULL THEN $sql$, listed AS (
            INSERT INTO {._change_list} (version, changed_at, relation, key)
            SELECT $1, $2, 'sessions', session_id::text FROM written WHERE NOT loose)$sql$ END))
    USING r.version, r.at, journey._bind(r, journey._changed_marks(r));
    IF journey._is_large(r, '_changed_units'::text) THEN
        EXECUTE journey._bind(r,
            'ANALYZE {._changed_units} (visitor_id, session_id, loose, from0, from1, p0, p1)'::text);
    END IF;
END
$$;

-- The stretches of time in which visitors stand for persons, as rows of identities: those that have to do with units
-- that changed. One that the next unit ends at the very instant at which it began is empty, but stays: its person has
-- that visitor. `frames` has for each visitor the last unit before those that changed (before_at, ..; NULL: none), whose
-- stretch began where it did, and the instant of the next unit behind them (behind_at; NULL: none): what stretch lasts
-- on from there ends where it did.
CREATE FUNCTION journey._stretches()
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT $sql$
        WITH units AS (
            SELECT s.visitor_id, s.started_at, s.first_event_id, s.person_id, s.identity,
                   s.person_id IS DISTINCT FROM lag(s.person_id) OVER w AS begins
            FROM frames AS f
            JOIN {_sessions} AS s ON s.visitor_id = f.visitor_id AND NOT s.aside
                AND s.started_at BETWEEN coalesce(f.before_at, '-infinity') AND coalesce(f.behind_at, 'infinity')
                AND (f.before_at IS NULL OR (s.started_at, s.first_event_id) >= (f.before_at, f.before_id))
            WINDOW w AS (PARTITION BY s.visitor_id ORDER BY s.started_at, s.first_event_id)),
        runs AS (
            SELECT u.*, count(*) FILTER (WHERE begins) OVER (
                PARTITION BY u.visitor_id ORDER BY u.started_at, u.first_event_id) AS run
            FROM units AS u),
        stretches AS (
            SELECT visitor_id, run, person_id, bool_or(identity IS NOT NULL) AS named, min(started_at) AS began_at,
                   run = 1 AS first, run = max(run) OVER (PARTITION BY visitor_id) AS last
            FROM runs
            GROUP BY visitor_id, run, person_id),
        bounded AS (
            SELECT s.*, f.shared, CASE WHEN NOT s.first THEN s.began_at
                                       WHEN f.before_at IS NULL THEN '-infinity'
                                       ELSE coalesce(o.valid_from, s.began_at) END AS valid_from,
                   coalesce(CASE WHEN NOT s.last THEN lead(s.began_at) OVER (PARTITION BY s.visitor_id ORDER BY s.run)
                                 WHEN f.behind_at IS NOT NULL THEN n.valid_to END, 'infinity') AS valid_to
            FROM stretches AS s
            JOIN frames AS f USING (visitor_id)
            -- it was a stretch of this person that the unit before lay in, and that lasts on
            LEFT JOIN LATERAL (
                SELECT i.valid_from
                FROM {identities} AS i
                WHERE s.first AND i.id = f.visitor_id AND i.id_type = 'visitor' AND i.person_id = s.person_id
                  AND i.valid_from <= f.before_at
                ORDER BY i.valid_from DESC LIMIT 1) AS o ON true
            LEFT JOIN LATERAL (
                SELECT i.valid_to
                FROM {identities} AS i
                WHERE s.last AND i.id = f.visitor_id AND i.id_type = 'visitor' AND i.person_id = s.person_id
                  AND i.valid_from <= f.behind_at
                ORDER BY i.valid_from DESC LIMIT 1) AS n ON true)
        SELECT DISTINCT ON (b.visitor_id, b.valid_from, b.person_id)
               b.visitor_id AS id, 'visitor' AS id_type, b.person_id, b.valid_from, b.valid_to,
               CASE WHEN b.named OR (b.first OR b.last) AND EXISTS (
                        -- units of it beyond the frame; at the instant of an end there may be those of others
                        SELECT FROM {_sessions} AS s
                        WHERE s.visitor_id = b.visitor_id AND s.refs IS NOT NULL AND NOT s.aside
                          AND s.identity IS NOT NULL AND s.person_id = b.person_id
                          AND s.started_at BETWEEN b.valid_from AND b.valid_to
                          AND NOT EXISTS (
                              SELECT FROM {_sessions} AS x
                              WHERE x.visitor_id = s.visitor_id AND NOT x.aside AND x.person_id <> s.person_id
                                AND x.started_at = s.started_at
                                AND (x.started_at = b.valid_from AND x.first_event_id > s.first_event_id
                                     OR x.started_at = b.valid_to AND x.first_event_id < s.first_event_id)))
                    THEN 'identified'
                    WHEN b.person_id NOT LIKE 'visitor:%' THEN 'alias'
                    WHEN b.shared THEN 'shared'
                    ELSE 'anonymous' END AS reason
        FROM bounded AS b
        ORDER BY b.visitor_id, b.valid_from, b.person_id, b.valid_to DESC, b.run DESC$sql$
$$;

-- Writes the stretches of visitors that differ, and whose they were and are into _ids.
CREATE FUNCTION journey._store_stretches(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- one person before and after: nothing moves
    EXECUTE journey._bind(r, format($sql$
        WITH changed AS MATERIALIZED (
            SELECT u.visitor_id, min(u.started_at) AS lo, max(u.started_at) AS hi
            FROM {._changed_units} AS u
            -- more than one stretch are two
            LEFT JOIN LATERAL (
                SELECT i.valid_from, i.person_id, i.reason
                FROM {identities} AS i
                WHERE i.id = u.visitor_id AND i.id_type = 'visitor'
                ORDER BY i.valid_from, i.person_id LIMIT 2) AS i ON true
            GROUP BY u.visitor_id
            HAVING min(i.person_id) IS NULL OR count(DISTINCT (i.valid_from, i.person_id)) > 1
                OR bool_or(u.p1 IS DISTINCT FROM i.person_id)
                OR bool_or(i.reason IN ('alias', 'shared'))
                OR bool_or(u.refs IS NOT NULL AND i.reason <> 'identified')
                OR bool_or(u.refs IS NULL AND u.refs0 IS NOT NULL)),
        whole AS MATERIALIZED (%2$s),
        frames AS MATERIALIZED (
            SELECT x.visitor_id, %3$s AS shared, before.started_at AS before_at, before.first_event_id AS before_id,
                   behind.started_at AS behind_at
            FROM (SELECT c.*, c.visitor_id IN (SELECT visitor_id FROM whole) AS whole FROM changed AS c) AS x
            LEFT JOIN LATERAL (
                SELECT s.started_at, s.first_event_id
                FROM (
                    SELECT s.*
                    FROM {_sessions} AS s
                    WHERE NOT x.whole AND s.visitor_id = x.visitor_id AND NOT s.aside AND s.started_at < x.lo
                    ORDER BY s.started_at DESC FETCH FIRST 1 ROW WITH TIES) AS s
                ORDER BY s.first_event_id DESC LIMIT 1) AS before ON true
            LEFT JOIN LATERAL (
                SELECT s.started_at
                FROM {_sessions} AS s
                WHERE NOT x.whole AND s.visitor_id = x.visitor_id AND NOT s.aside AND s.started_at > x.hi
                ORDER BY s.started_at LIMIT 1) AS behind ON true),
        stretches AS MATERIALIZED (%1$s),
        gone AS (
            DELETE FROM {identities} AS i
            USING frames AS f
            WHERE i.id = f.visitor_id AND i.id_type = 'visitor'
              -- that of the unit before begins at it or earlier, and stays
              AND i.valid_from >= coalesce(f.before_at, '-infinity') AND (f.before_at IS NULL OR i.valid_from > f.before_at)
              AND i.valid_from <= coalesce(f.behind_at, 'infinity')
              AND NOT EXISTS (
                SELECT FROM stretches AS s
                WHERE s.id = i.id AND s.valid_from = i.valid_from AND s.person_id = i.person_id)
            RETURNING i.*),
        put AS (
            INSERT INTO {identities} AS i (id, id_type, person_id, valid_from, valid_to, reason)
            SELECT * FROM stretches
            ON CONFLICT (id, id_type, valid_from, person_id) DO UPDATE
            SET valid_to = excluded.valid_to, reason = excluded.reason
            WHERE (i.valid_to, i.reason) IS DISTINCT FROM (excluded.valid_to, excluded.reason)
            RETURNING i.*)
        INSERT INTO {._ids} (ref, person0, person_id, from_at, to_at)
        SELECT 'visitor:' || id, person_id, NULL, valid_from, valid_to FROM gone
        UNION ALL
        SELECT 'visitor:' || id, NULL, person_id, valid_from, valid_to FROM put$sql$,
        journey._stretches(), journey._whole_visitors(r), journey._is_shared(r)));
END
$$;

-- The ids that stand for a person: its users and e-mails; with `devices` also the visitors that are only it.
CREATE FUNCTION journey._ids_of(r journey._run, person text, user_id text, devices boolean DEFAULT false)
RETURNS TABLE (id_type text, id text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY EXECUTE journey._bind(r, $sql$
        SELECT i.id_type, i.id::text FROM {identities} AS i
        WHERE i.person_id = $1 AND (i.id_type <> 'visitor'
              OR $3 AND i.valid_from = '-infinity' AND i.valid_to = 'infinity')
        UNION
        SELECT 'user', $2
        UNION
        -- of whom rows of a CRM alone tell
        SELECT 'email', substr($1, 7) WHERE $1 LIKE 'email:%'$sql$) USING person, user_id, devices;
END
$$;

COMMENT ON FUNCTION journey._ids_of IS 'internal: the ids that stand for a person';
