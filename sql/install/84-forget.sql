-- ---------------------------------------------------------------------------------------------
-- model: forget
--
-- A person is taken out of the store, and tombstones keep what the sources may deliver again from
-- coming back. A tombstone is a hash under a key of the model, of a user id, an e-mail, an event or a
-- device; of a device it has the stretch of time that was removed. Rows that meet one are rejected before
-- they become events, and stitching does not reach across a removed stretch.
-- ---------------------------------------------------------------------------------------------

-- Puts into _fresh what goes: all events of the person's units, and of others' units those that themselves name
-- one of the person's ids. What others mention in their properties and traits is theirs.
CREATE FUNCTION journey._find_forgotten(r journey._run, person text, user_id text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE journey._bind(r, $sql$
        INSERT INTO {._fresh} (visitor_id, removed, removed_at, reach)
        WITH ids AS MATERIALIZED (
            SELECT id_type || ':' || id AS ref, CASE id_type WHEN 'user' THEN id END AS user_id
            FROM journey._ids_of($2, $1, $3)),
        others AS (
            SELECT s.visitor_id, s.session_id
            FROM {_sessions} AS s
            WHERE s.visitor_id IN (SELECT v.visitor_id FROM {_visitor_refs} AS v JOIN ids USING (ref))
              AND s.person_id <> $1 AND s.refs && (SELECT array_agg(ref) FROM ids)),
        gone AS (
            SELECT s.visitor_id, e.event_id, e.event_time
            FROM {_sessions} AS s
            JOIN {_segments} AS g USING (visitor_id, session_id)
            CROSS JOIN LATERAL journey.events(g.body) AS e
            WHERE s.person_id = $1
            UNION
            SELECT o.visitor_id, e.event_id, e.event_time
            FROM others AS o
            JOIN {_segments} AS g USING (visitor_id, session_id)
            CROSS JOIN LATERAL journey.events(g.body) AS e
            WHERE coalesce('user:' || CASE WHEN e.user_id = ANY ($5) THEN e.user_id
                                           ELSE journey._clean_id(e.user_id) END,
                           CASE e.kind WHEN 'identify'
                                       THEN 'email:' || journey._clean_email(e.traits ->> $4) END)
                  IN (SELECT ref FROM ids)
            UNION
            SELECT a.visitor_id, a.event_id, a.event_time
            FROM {_aliases} AS a JOIN ids ON a.previous_id = ids.user_id)
        SELECT visitor_id, array_agg(event_id), array_agg(event_time), array_agg(event_time)
        FROM gone
        GROUP BY visitor_id$sql$) USING person, r, user_id, (r.settings).email_trait, (r.settings).allow_ids;
END
$$;

CREATE FUNCTION journey._forget_one(model name, user_id text, retract boolean,
    OUT visitors bigint, OUT sessions bigint, OUT events bigint, OUT touches bigint,
    OUT identities bigint, OUT profiles bigint, OUT feeds text[])
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    m journey._model := journey._lock_model(model);
    r journey._run := journey._new_run(m, false);
    started timestamptz := clock_timestamp();
    person text;
    devices text[];
BEGIN
    PERFORM journey._begin_run(r);
    EXECUTE journey._bind(r, $sql$
        SELECT coalesce((SELECT i.person_id FROM {identities} AS i
                         WHERE i.id = $1 AND i.id_type = 'user'),
                        -- who left but an address is known by it
                        (SELECT i.person_id FROM {identities} AS i
                         WHERE i.id = journey._clean_email($1) AND i.id_type = 'email'),
                        -- or by a row of a CRM alone
                        (SELECT 'email:' || e FROM journey._clean_email($1) AS e
                         WHERE EXISTS (SELECT FROM {_conversion_records} AS c WHERE c.user_id IS NULL AND c.email = e)
                           AND NOT EXISTS (SELECT FROM {_conversion_records} AS c WHERE c.user_id = $1)),
                        'user:' || $1)$sql$)
        INTO person USING user_id;

    PERFORM journey._find_forgotten(r, person, user_id);
    EXECUTE journey._bind(r, $sql$
        SELECT count(*), coalesce(sum(cardinality(removed)), 0) FROM {._fresh}$sql$)
        INTO visitors, events;
    EXECUTE journey._bind(r, $sql$
        SELECT (SELECT count(*) FROM {_sessions} WHERE person_id = $1 AND NOT loose),
               (SELECT count(*) FROM {touches} WHERE person_id = $1),
               (SELECT count(*) FROM {identities} WHERE person_id = $1),
               (SELECT count(*) FROM {profiles} WHERE person_id = $1)$sql$)
        INTO sessions, touches, identities, profiles USING person;
    feeds := journey._strip_exports(r, person, user_id, coalesce(retract, false));
    PERFORM journey._bury(r, person, user_id);
    PERFORM journey._unlist_rejected(r, person, user_id);
    PERFORM journey._unnote_changes(r, person, user_id);
    PERFORM journey._unlist_person(r, person, user_id);
    EXECUTE journey._bind(r, $sql$SELECT array_agg('visitor:' || visitor_id) FROM {._fresh}$sql$) INTO devices;

    -- rows of a users table
    EXECUTE journey._bind(r, $sql$
        INSERT INTO {._noted} (visitor_id, event_id, event_time, user_id, kind, traits, sign)
        SELECT f.visitor_id, f.event_id, f.event_time, f.user_id, 'users', f.traits, -1
        FROM {_facts} AS f
        WHERE f.session_id IS NULL AND f.person_id = $1$sql$) USING person;
    PERFORM journey._forget_conversion_records(r, person, user_id);
    PERFORM journey._merge_fresh(r);
    PERFORM journey._derive(r, '{}'::jsonb);
    PERFORM journey._unlist_gone(r, devices);
    PERFORM journey._clear_scratch(r);
    PERFORM journey._catalog('refreshed'::text, model, jsonb_build_object('started_at', started,
        'counts', '{"forgotten": 1}'::jsonb, 'phases', journey._note_phase('{}'::jsonb, 'total'::text, started)));
END
$$;

-- Whether an id is an address of which a person is left: of events, or rows of a CRM, that name no user.
CREATE FUNCTION journey._is_address_left(r journey._run, id text)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    result boolean;
BEGIN
    EXECUTE journey._bind(r, $sql$
        SELECT CASE WHEN i.person_id IS NOT NULL THEN i.person_id = 'email:' || e
                    ELSE EXISTS (SELECT FROM {_conversion_records} AS c WHERE c.user_id IS NULL AND c.email = e) END
        FROM journey._clean_email($1) AS e
        LEFT JOIN {identities} AS i ON i.id = e AND i.id_type = 'email'$sql$) INTO result USING id;
    RETURN result;
END
$$;
COMMENT ON FUNCTION journey._is_address_left(journey._run, text) IS 'internal: whether an address is left';

-- With "redact" the user stands in the store under a pseudonym, of each key that there was. An address may be a user's
-- id and a person beside: then both are forgotten.
CREATE FUNCTION journey._forget(model name, user_id text, retract boolean,
    OUT visitors bigint, OUT sessions bigint, OUT events bigint, OUT touches bigint,
    OUT identities bigint, OUT profiles bigint, OUT feeds text[])
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    m journey._model := journey._lock_model(model);
    s journey._settings := journey._settings(m.options);
    r journey._run := journey._new_run(m, false);
    id text;
    one record;
BEGIN
    IF user_id IS NULL OR journey._clean_id(user_id) IS NULL AND user_id <> ALL (s.allow_ids) THEN
        RAISE EXCEPTION 'user_id must be a user''s id, not %', coalesce(quote_literal(user_id), 'null')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOREACH id IN ARRAY journey._stored_ids(m, s, user_id) LOOP
        FOR n IN 1 .. 2 LOOP
            SELECT * INTO one FROM journey._forget_one(model, id, retract);
            visitors := coalesce(visitors, 0) + one.visitors;
            sessions := coalesce(sessions, 0) + one.sessions;
            events := coalesce(events, 0) + one.events;
            touches := coalesce(touches, 0) + one.touches;
            identities := coalesce(identities, 0) + one.identities;
            profiles := coalesce(profiles, 0) + one.profiles;
            feeds := CASE WHEN feeds IS NULL THEN one.feeds
                          ELSE feeds || ARRAY(SELECT x FROM unnest(one.feeds) AS x WHERE x <> ALL (feeds)) END;
            EXIT WHEN NOT journey._is_address_left(r, id);
        END LOOP;
    END LOOP;
END
$$;

-- Writes the tombstones of a person. Clocks are wrong: what was removed may be dated after now. Up to
-- max_future that counts as before the forgetting; of what is dated later each time has a tombstone of its
-- own, so that neither the user nor the device is kept out until then. Copies of an event are dated up to
-- a day after the one that won.
CREATE FUNCTION journey._bury(r journey._run, person text, user_id text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE journey._bind(r, $sql$
        INSERT INTO {_tombstones} AS o (kind, hash, valid_from, valid_to, forgotten_at)
        WITH removed AS (
            SELECT f.visitor_id, e.event_id, e.at, e.at > $4 AS far
            FROM {._fresh} AS f CROSS JOIN LATERAL unnest(f.removed, f.removed_at) AS e (event_id, at)
            UNION ALL
            SELECT NULL, NULL, f.event_time, f.event_time > $4
            FROM {_facts} AS f
            WHERE f.session_id IS NULL AND f.person_id = $1),
        past AS (
            SELECT greatest($2, max(at) FILTER (WHERE NOT far) + interval '1 microsecond') AS forgotten_at
            FROM removed),
        ids AS (SELECT * FROM journey._ids_of($5, $1, $3)),
        units AS (
            SELECT s.visitor_id, s.session_id, s.person_id = $1 AS is_hers,
                   count(*) FILTER (WHERE s.person_id <> $1) OVER (
                       PARTITION BY s.visitor_id ORDER BY s.started_at, s.first_event_id) AS stretch
            FROM {_sessions} AS s
            WHERE s.visitor_id IN (SELECT visitor_id FROM {._fresh}) AND s.visitor_id NOT LIKE 'user:%'),
        -- when something of the person was on a device, or something of others that names nobody and stays
        times AS (
            SELECT u.visitor_id, e.event_time AS at, bool_or(NOT u.is_hers) AS is_others,
                   min(u.stretch) FILTER (WHERE u.is_hers) AS stretch
            FROM units AS u
            JOIN {_segments} AS g USING (visitor_id, session_id)
            CROSS JOIN LATERAL journey.events(g.body) AS e
            WHERE u.is_hers OR e.user_id IS NULL AND (u.visitor_id, e.event_id, e.event_time) NOT IN (
                SELECT visitor_id, event_id, at FROM removed WHERE event_id IS NOT NULL)
            GROUP BY u.visitor_id, e.event_time),
        stretches AS (
            SELECT id_type AS kind, id, timestamptz '-infinity' AS valid_from,
                   timestamptz 'infinity' AS valid_to
            FROM ids
            UNION ALL
            -- neighbouring units of the person on a device are one stretch, but for what others have between
            SELECT 'device', p.visitor_id, min(p.at), least(max(p.at), $4)
            FROM (
                SELECT t.*, count(*) FILTER (WHERE t.is_others) OVER (
                           PARTITION BY t.visitor_id ORDER BY t.at) AS piece
                FROM times AS t) AS p
            WHERE NOT p.is_others AND p.at <= $4
            GROUP BY p.visitor_id, p.stretch, p.piece),
        buried AS (
            SELECT s.*, p.forgotten_at FROM stretches AS s CROSS JOIN past AS p
            UNION ALL
            SELECT 'event', e.visitor_id || ' ' || e.event_id, '-infinity', 'infinity',
                   greatest(p.forgotten_at, e.at + interval '24 hours 1 microsecond')
            FROM removed AS e CROSS JOIN past AS p
            WHERE e.event_id IS NOT NULL
            UNION ALL
            SELECT i.id_type, i.id, e.at, e.at, e.at + interval '1 microsecond'
            FROM removed AS e CROSS JOIN ids AS i
            WHERE e.far
            UNION ALL
            SELECT 'device at', e.visitor_id, e.at, e.at, e.at + interval '1 microsecond'
            FROM removed AS e
            WHERE e.far AND e.visitor_id NOT LIKE 'user:%')
        SELECT b.kind, journey._tombstone(k.key, b.kind, b.id), b.valid_from, max(b.valid_to),
               max(b.forgotten_at)
        FROM buried AS b CROSS JOIN {_tombstone_key} AS k
        GROUP BY b.kind, k.key, b.id, b.valid_from
        ON CONFLICT (kind, hash, valid_from) DO UPDATE
        SET valid_to = greatest(o.valid_to, excluded.valid_to),
            forgotten_at = greatest(o.forgotten_at, excluded.forgotten_at)$sql$)
    USING person, r.at, user_id, r.at + (r.settings).max_future, r;
END
$$;

-- Whether a row of a source names one of some ids: in a column, or in what lies deeper in it. But properties
-- mention others.
CREATE FUNCTION journey._names_one_of("row" jsonb, ids text[]) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT EXISTS (
    SELECT FROM jsonb_each("row" - 'properties') AS c
    CROSS JOIN LATERAL jsonb_path_query(c.value, '$.**') AS x (value)
    WHERE x.value #>> '{}' = ANY (ids) OR lower(btrim(x.value #>> '{}', E' \t\n\r\v\f')) = ANY (ids))
$$;
COMMENT ON FUNCTION journey._names_one_of(jsonb, text[]) IS 'internal: whether a row names one of some ids';

-- The same of a row as JSON that jsonb could not hold: by a string in it, or a number.
CREATE FUNCTION journey._raw_names_one_of(raw text, ids text[]) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT EXISTS (
    SELECT FROM journey._tight_json(raw) AS tight CROSS JOIN unnest(ids) AS id
    WHERE strpos(tight, ':' || journey._tight_json(to_json(id)::text)) > 0
       OR id ~ '^-?[0-9]+$' AND tight ~ (':' || id || '[,}]'))
$$;
COMMENT ON FUNCTION journey._raw_names_one_of(text, text[]) IS 'internal: whether JSON names one of some ids';

-- JSON as text in lower case without white space around what it is made of.
CREATE FUNCTION journey._tight_json(value text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN pg_catalog.regexp_replace(pg_catalog.lower(value), '\s*([]["{}:,])\s*'::text, '\1'::text, 'g'::text);
COMMENT ON FUNCTION journey._tight_json(text) IS 'internal: JSON as text, for a search in it';

-- Takes rows that name the person out of rejected_events.
CREATE FUNCTION journey._unlist_rejected(r journey._run, person text, user_id text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE journey._bind(r, $sql$
        WITH ids AS MATERIALIZED (SELECT id FROM journey._ids_of($3, $1, $2, true))
        DELETE FROM {rejected_events} AS e
        WHERE journey._names_one_of(e."row", ARRAY(SELECT id FROM ids))
           OR e.row_key IN (SELECT id FROM ids)
           OR journey._raw_names_one_of(e."row" ->> 'payload', ARRAY(SELECT id FROM ids))
           -- what cannot be read is no safe guide to what is whose
           OR EXISTS (SELECT FROM ids WHERE strpos(lower(e."row" ->> 'payload'), lower(to_json(id)::text)) > 0)
           OR journey._raw_names_one_of(e."row" ->> 'raw', ARRAY(SELECT id FROM ids))$sql$) USING person, user_id, r;
END
$$;

-- Off the list of changes, before a person goes: its ids, and that by which it is called.
CREATE FUNCTION journey._unlist_person(r journey._run, person text, user_id text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE journey._bind(r, $sql$
        DELETE FROM {_change_list} AS l
        WHERE l.relation = 'profiles' AND l.key IN (
            SELECT $1
            UNION SELECT i.id_type || ':' || i.id FROM journey._ids_of($2, $1, $3, true) AS i
            UNION SELECT 'visitor:' || $3
            UNION SELECT 'email:' || journey._clean_email($3))$sql$)
    USING person, r, user_id;
END
$$;

-- After it: what this run took away, and its devices (as keys of profiles) where they are nobody's any more.
CREATE FUNCTION journey._unlist_gone(r journey._run, devices text[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF journey._scratch_size(r, '_change_list'::text) = 0 THEN
        RETURN;
    END IF;
    EXECUTE journey._bind(r, $sql$
        WITH written AS MATERIALIZED (
            SELECT relation, key FROM {_change_list} WHERE version = $1
            UNION
            SELECT 'profiles', key FROM unnest($2) AS d (key)),
        here AS MATERIALIZED (
            SELECT 'sessions' AS relation, s.session_id::text AS key
            FROM {_sessions} AS s
            WHERE s.session_id IN (SELECT key::uuid FROM written WHERE relation = 'sessions')
            UNION ALL
            SELECT 'touches', t.touch_id::text
            FROM {touches} AS t
            WHERE t.touch_id IN (SELECT key::uuid FROM written WHERE relation = 'touches')
            UNION ALL
            SELECT 'profiles', p.person_id
            FROM {profiles} AS p
            WHERE p.person_id IN (SELECT key FROM written WHERE relation = 'profiles'))
        DELETE FROM {_change_list} AS l
        USING written AS w
        WHERE (l.relation, l.key) = (w.relation, w.key)
          AND NOT EXISTS (SELECT FROM here AS h WHERE (h.relation, h.key) = (l.relation, l.key))$sql$)
    USING r.version, devices;
END
$$;

-- Takes what triggers noted of the person's rows out of the notes: their events are gone from the store, and
-- their rows would be rejected. The key of a users table is the user.
CREATE FUNCTION journey._unnote_changes(r journey._run, person text, user_id text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE journey._bind(r, $sql$
        WITH ids AS MATERIALIZED (SELECT id_type, id FROM journey._ids_of($2, $1, $3, true))
        DELETE FROM {._changes} AS c
        WHERE c.is_old AND (
            c.user_id IN (SELECT id FROM ids WHERE id_type = 'user')
            OR c.visitor_id IN (SELECT id FROM ids WHERE id_type = 'visitor')
            OR (c.visitor_id, c.event_time) IN (
                SELECT f.visitor_id, t.at FROM {._fresh} AS f CROSS JOIN LATERAL unnest(f.removed_at) AS t (at))
            OR c.user_id IS NULL AND CASE WHEN journey._try_jsonb(c."row"::text) IS NULL
                    THEN journey._raw_names_one_of(c."row"::text, ARRAY(SELECT id FROM ids))
                    ELSE journey._names_one_of(c."row"::jsonb, ARRAY(SELECT id FROM ids)) END)
        OR c.key IN (SELECT id FROM ids WHERE id_type = 'user') AND c.table_id IN (
            SELECT t.table_id
            FROM jsonb_populate_recordset(NULL::journey._source_table, $4) AS t
            JOIN jsonb_populate_recordset(NULL::journey._source, $5) AS s USING (source)
            WHERE t.relation = 'users' AND s.kind = 'schema')$sql$)
    USING person, r, user_id, journey._catalog('tables'::text, r.model, '{}'::jsonb),
          journey._catalog('sources'::text, r.model, '{}'::jsonb);
END
$$;

CREATE FUNCTION journey.forget(model name, user_id text, retract boolean DEFAULT false,
    OUT visitors bigint, OUT sessions bigint, OUT events bigint, OUT touches bigint,
    OUT identities bigint, OUT profiles bigint, OUT feeds text[])
AS 'MODULE_PATHNAME', 'journey_as_owner'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION journey.forget(name, text, boolean) IS
    'removes a person from a model, so that no row delivered again brings them back; tells what went, and which '
    'ad platforms were given something of it, to take it back from them where asked';

COMMENT ON FUNCTION journey._find_forgotten IS 'internal: puts the events that go into _fresh';
COMMENT ON FUNCTION journey._forget_one IS 'internal: forgets one id';
COMMENT ON FUNCTION journey._unnote_changes IS 'internal: takes noted changes of the forgotten away';
