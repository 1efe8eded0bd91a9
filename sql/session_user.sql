-- A session has one user: whose a visit is where several are named in it, and what lies outside.
SET search_path = journey, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';

-- An event of 2026-03-01 on the device v: 'page ann', 'identify bob', 'server bob' (a track), 'alias ann bob', ...
CREATE FUNCTION at(at text, what text, key text DEFAULT NULL, id text DEFAULT NULL) RETURNS journey.event
LANGUAGE sql IMMUTABLE AS $$
    SELECT ROW(coalesce(id, at || what), 'v', CASE kind WHEN 'alias' THEN second ELSE nullif(first, '') END,
               '2026-03-01'::date + at::time, NULL,
               CASE kind WHEN 'server' THEN 'track' WHEN 'e-mail' THEN 'identify' ELSE kind END,
               kind, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, key,
               CASE kind WHEN 'alias' THEN first END, CASE kind WHEN 'server' THEN 'server' END, NULL,
               CASE kind WHEN 'e-mail' THEN jsonb_build_object('email', second) END)::journey.event
    FROM (SELECT split_part(what, ' ', 1), CASE WHEN what LIKE 'e-mail%' THEN '' ELSE split_part(what, ' ', 2) END,
                 CASE WHEN what LIKE 'e-mail%' THEN split_part(what, ' ', 2) ELSE split_part(what, ' ', 3) END)
         AS x (kind, first, second)
$$;

-- The sessions of some events: when each began, its user, how many events it has.
CREATE FUNCTION visits(VARIADIC events journey.event[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT string_agg(concat_ws(' ', to_char(s.started_at, 'HH24:MI'), coalesce(s.user_id, '-'), s.events), ', '
                      ORDER BY s.session_number)
    FROM (SELECT journey.timeline_agg(x) AS t FROM unnest(events) AS x) AS t CROSS JOIN journey.sessions(t.t) AS s
$$;
CREATE FUNCTION keyed(VARIADIC events journey.event[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT string_agg(concat_ws(' ', to_char(s.started_at, 'HH24:MI'), coalesce(s.user_id, '-'), s.events), ', '
                      ORDER BY s.session_number)
    FROM (SELECT journey.timeline_agg(x) AS t FROM unnest(events) AS x) AS t
    CROSS JOIN journey.sessions(t.t, '30 min', '{"session_key": true}') AS s
$$;

-- the first id named names the session, whoever says it; another's page starts a session
SELECT visits(at('10:00', 'page'), at('10:01', 'page ann'), at('10:02', 'page'), at('10:03', 'page bob'));
SELECT visits(at('10:00', 'page'), at('10:01', 'server ann'), at('10:02', 'page'), at('10:03', 'page ann'));
SELECT visits(at('10:00', 'page'), at('10:01', 'server ann'), at('10:02', 'page bob'), at('10:03', 'page ann'));
-- what a server says of another lies outside, and parts nothing
SELECT visits(at('10:00', 'page ann'), at('10:01', 'server bob'), at('10:02', 'page'), at('10:03', 'server cid'),
              at('10:04', 'server ann'), at('10:05', 'page ann'));
SELECT visits(at('10:00', 'page'), at('10:01', 'group ann'), at('10:02', 'group bob'), at('10:03', 'page'));

-- an identify of another ends the session; all that is passive lies outside until the next page
SELECT visits(at('10:00', 'page ann'), at('10:01', 'identify bob'), at('10:02', 'server ann'), at('10:03', 'server'),
              at('10:04', 'page ann'), at('10:05', 'page'));
-- who logs in owns what follows: for as long as the timeout, by the last identify, if the page names nobody
SELECT visits(at('10:00', 'page ann'), at('10:01', 'identify bob'), at('10:02', 'page'), at('10:03', 'identify bob'));
SELECT visits(at('10:00', 'page ann'), at('10:01', 'identify bob'), at('10:02', 'identify cid'), at('10:03', 'page'));
SELECT visits(at('10:00', 'page ann'), at('10:01', 'identify bob'), at('10:02', 'identify ann'), at('10:03', 'page'));
SELECT visits(at('10:00', 'page ann'), at('10:01', 'identify bob'), at('10:02', 'page cid'));
SELECT visits(at('10:00', 'identify bob'), at('10:30', 'page'));
SELECT visits(at('10:00', 'identify bob'), at('10:31', 'page'));
SELECT visits(at('10:00', 'page'), at('10:20', 'identify ann'), at('10:40', 'page'), at('10:41', 'page ann'));
SELECT visits(at('10:00', 'page ann'), at('10:01', 'identify ann'), at('10:02', 'page'), at('11:00', 'page'));
-- a server or a group is no login
SELECT visits(at('10:00', 'server bob'), at('10:01', 'group bob'), at('10:02', 'page'));
-- a visit that somebody named already is not taken
SELECT visits(at('10:00', 'page'), at('10:01', 'server ann'), at('10:02', 'identify bob'), at('10:03', 'page'));
-- the limit: a server's word about another comes first
SELECT visits(at('10:00', 'page'), at('10:01', 'server bob'), at('10:02', 'identify ann'));

-- an e-mail alone names a session that has nobody, and no other; a user takes it
SELECT visits(at('10:00', 'page'), at('10:01', 'e-mail a@x.test'), at('10:02', 'e-mail b@x.test'), at('10:03', 'page'));
SELECT visits(at('10:00', 'page'), at('10:01', 'e-mail a@x.test'), at('10:02', 'identify ann'), at('10:03', 'page'));
SELECT visits(at('10:00', 'page ann'), at('10:01', 'e-mail a@x.test'), at('10:02', 'page'));
SELECT visits(at('10:00', 'identify ann'), at('10:01', 'e-mail a@x.test'), at('10:02', 'page'));

-- ids of one canonical id are one user, the last of them the session's; wherever the alias stands
SELECT visits(at('10:00', 'page ann'), at('10:01', 'alias ann bob'), at('10:02', 'page bob'), at('10:03', 'page'));
SELECT visits(at('10:00', 'page ann'), at('10:01', 'identify bob'), at('10:02', 'page bob'), at('12:00', 'alias ann bob'));
SELECT visits(at('10:00', 'page ann'), at('10:01', 'page bob'), at('12:00', 'alias ann x'), at('12:01', 'alias bob x'));
-- the last alias of an id counts
SELECT visits(at('10:00', 'page ann'), at('10:01', 'page bob'), at('12:00', 'alias ann bob'), at('12:01', 'alias ann cid'));
-- two that are aliased from one device are two
SELECT visits(at('10:00', 'page ann'), at('10:01', 'alias v ann'), at('10:02', 'alias v bob'), at('10:03', 'page bob'));

-- equal times are in the order of ids
SELECT visits(at('10:00', 'page', id => 'a'), at('10:00', 'server bob', id => 'b'), at('10:00', 'page ann', id => 'c'));
SELECT visits(at('10:00', 'page', id => 'a'), at('10:00', 'server bob', id => 'c'), at('10:00', 'page ann', id => 'b'));

-- with session_key, beyond the timeout: what waits is inside if the key goes on, and it names nobody or the user
SELECT keyed(at('10:00', 'page', 'k'), at('11:00', 'identify ann'), at('12:00', 'page', 'k'));
SELECT keyed(at('10:00', 'page', 'k'), at('11:00', 'identify ann'), at('11:01', 'server'), at('12:00', 'page ann', 'k'));
SELECT keyed(at('10:00', 'page', 'k'), at('11:00', 'identify bob'), at('11:01', 'server'), at('12:00', 'page ann', 'k'));
SELECT keyed(at('10:00', 'page', 'k'), at('11:00', 'server'), at('12:00', 'page', 'l'));
SELECT keyed(at('10:00', 'page ann', 'k'), at('11:00', 'server bob'), at('11:01', 'server'), at('12:00', 'page', 'k'));
-- an identify of another ends a session that has a user at once, and the next begins with its user if it is soon
SELECT keyed(at('10:00', 'page ann', 'k'), at('11:00', 'server'), at('11:30', 'identify bob'), at('11:31', 'server ann'),
             at('12:00', 'page', 'k'));
SELECT keyed(at('10:00', 'page ann', 'k'), at('11:00', 'identify bob'), at('12:00', 'page', 'k'));

-- without user_change all is one visit, and the last id counts
SELECT s.user_id, s.events FROM journey.sessions((SELECT journey.timeline_agg(x) FROM unnest(ARRAY[
    at('10:00', 'page ann'), at('10:01', 'identify bob'), at('10:02', 'server cid'), at('10:03', 'page')]) AS x), '30 min',
    '{"user_change": false}') AS s;
