-- Whose visits are in a model: what others say on a device lies beside them, takes none and keeps its person; late
-- rows change whose a visit is; a visit goes on behind what lies outside it, wherever a refresh begins to read.
SET client_min_messages = warning;
SET timezone = 'UTC';
SELECT plan(22);

CREATE TABLE ev (event_id text, visitor_id text, user_id text, event_time timestamptz, kind text, platform text,
                 url text, session_key text, loaded_at timestamptz DEFAULT clock_timestamp(), traits jsonb);
CREATE FUNCTION say(id text, visitor text, person text, at timestamptz, kind text DEFAULT 'page', key text DEFAULT NULL)
RETURNS void LANGUAGE sql AS $$
    INSERT INTO ev VALUES (id, visitor, person, at, CASE kind WHEN 'server' THEN 'track' ELSE kind END,
                           CASE kind WHEN 'server' THEN 'server' END,
                           CASE WHEN kind = 'page' THEN 'https://shop.test/?gclid=' || id END, key, clock_timestamp())
$$;
SELECT journey.create_model('m', NULL, '{"session_key": true, "max_users_per_visitor": 1}');
SELECT journey.add_source('m', 'ev');
CREATE FUNCTION visits(visitor text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', split_part(person_id, ':', 2), events), ', ' ORDER BY session_number)
    FROM m.sessions WHERE visitor_id = visitor
$$;

-- a server's word about bob: beside ann's visit, and behind it
SELECT say('1', 'v', NULL, '2026-01-01 10:00'), say('2', 'v', 'ann', '2026-01-02 10:00'),
       say('3', 'v', 'bob', '2026-01-02 10:05', 'server'), say('4', 'v', NULL, '2026-01-02 10:10'),
       say('5', 'v', 'bob', '2026-01-02 12:00', 'server'), say('6', 'v', NULL, '2026-01-03 10:00');
SELECT journey.refresh('m');
SELECT is(visits('v'), 'ann 1, ann 2, ann 1', 'takes no visit, and the device is not shared for it');
SELECT is((SELECT string_agg(person_id, ' ') FROM m.identities WHERE id = 'v'), 'user:ann', 'makes no stretch');
SELECT is((SELECT concat_ws(' ', events, sessions, visitor_ids::text, gclid) FROM m.profiles WHERE user_id = 'bob'),
          '2 0 {}', 'and is bob''s, who has no device');
SELECT is((SELECT gclid FROM m.profiles WHERE user_id = 'ann'), '6', 'the clicks are ann''s');
-- that there was no session before makes it a tie
SELECT say('11', 'w', NULL, '2026-01-01 10:00'), say('12', 'w', 'bob', '2026-01-01 12:00', 'server');
SELECT journey.refresh('m');
SELECT is(visits('w'), 'bob 1', 'of a device that nobody has named it tells whose it is');
-- and a late page of ann's there takes it back
SELECT say('13', 'w', 'ann', '2026-01-01 11:00');
SELECT journey.refresh('m');
SELECT is(visits('w'), 'ann 1, ann 1', 'until somebody is found to have had it before');
SELECT is((SELECT visitor_ids::text FROM m.profiles WHERE user_id = 'bob'), '{}', 'then it is none of his devices');
SELECT is((SELECT count(*) FROM journey.verify('m')), 0::bigint, 'nothing differs');

-- a login that comes late owns what follows; one that is later still does not
SELECT say('21', 'x', 'ann', '2026-01-01 10:00'), say('22', 'x', NULL, '2026-01-01 10:10');
SELECT journey.refresh('m');
SELECT is(visits('x'), 'ann 2', 'a visit');
SELECT say('23', 'x', 'bob', '2026-01-01 10:05', 'identify');
SELECT journey.refresh('m');
SELECT is(visits('x') || (SELECT gclid FROM m.profiles WHERE user_id = 'bob'), 'ann 1, bob 122', 'ends where another logs in');
SELECT say('24', 'x', NULL, '2026-01-01 10:04');
SELECT say('25', 'x', NULL, '2026-01-01 10:07');
SELECT journey.refresh('m');
SELECT is(visits('x'), 'ann 2, bob 2', 'pages before and behind the login');
SELECT say('26', 'x', 'cid', '2026-01-01 10:06', 'identify');
SELECT journey.refresh('m');
SELECT is(visits('x'), 'ann 2, cid 2', 'the last login counts');

-- a late page far before what lies outside: the visit goes on behind it
SELECT say('31', 'y', 'ann', '2026-01-01 00:00', 'page', 'k'), say('32', 'y', 'ann', '2026-01-02 06:00', 'page', 'k'),
       say('33', 'y', 'bob', '2026-01-02 06:01', 'server'), say('34', 'y', 'ann', '2026-01-02 06:02', 'page', 'k');
SELECT journey.refresh('m');
SELECT say('35', 'y', NULL, '2026-01-01 00:01', 'page', 'k');
SELECT journey.refresh('m');
SELECT is(visits('y'), 'ann 4', 'a visit that others interrupt');
SELECT is((SELECT count(*) FROM journey.verify('m')), 0::bigint, 'nothing differs');

-- what waited for the key to go on lies inside and outside by turns; a late page of another key, a day behind it,
-- ends the visit before all of it
SELECT say('41', 'z', 'ann', '2026-01-01 00:00', 'page', 'k'), say('42', 'z', NULL, '2026-01-01 01:00', 'group'),
       say('43', 'z', 'bob', '2026-01-01 02:00', 'server'), say('44', 'z', NULL, '2026-01-01 03:00', 'group'),
       say('45', 'z', NULL, '2026-01-02 16:00', 'page', 'k');
SELECT journey.refresh('m');
SELECT is(visits('z'), 'ann 4', 'what waited is inside but for what names another');
SELECT say('46', 'z', NULL, '2026-01-02 06:00', 'page', 'l');
SELECT journey.refresh('m');
SELECT is(visits('z'), 'ann 1, ann 1, ann 1', 'until another key comes before');
SELECT is((SELECT count(*) FROM journey.verify('m')), 0::bigint, 'nothing differs');

-- a device of two persons, where a visit that names one of them gets one more page
SELECT say('51', 's', 'ann', '2026-01-01 10:00'), say('52', 's', NULL, '2026-01-02 10:00'),
       say('53', 's', 'bob', '2026-01-03 10:00');
SELECT journey.refresh('m');
SELECT say('54', 's', NULL, '2026-01-03 10:05');
SELECT journey.refresh('m');
SELECT is((SELECT string_agg(concat_ws(' ', split_part(person_id, ':', 2), reason), ', ' ORDER BY valid_from)
           FROM m.identities WHERE id = 's'),
          'ann identified, s shared, bob identified', 'a shared device stays shared');
SELECT is((SELECT count(*) FROM journey.verify('m')), 0::bigint, 'nothing differs');

-- an address that waits for the key to go on, between two words of ann's outside of the visit
SELECT say('61', 't', 'bob', '2026-01-01 10:00', 'page', 'k'), say('62', 't', 'ann', '2026-01-01 10:20', 'alias'),
       say('63', 't', NULL, '2026-01-01 10:40', 'identify'), say('64', 't', 'ann', '2026-01-01 10:50', 'identify');
UPDATE ev SET traits = '{"email": "cid@mail.test"}' WHERE event_id = '63';
SELECT journey.refresh('m');
SELECT is((SELECT string_agg(person_id, ', ' ORDER BY event_id) FROM m.events WHERE visitor_id = 't'),
          'user:bob, user:ann, email:cid@mail.test, user:ann', 'belongs to its address, when an identify ends the visit');
SELECT is((SELECT count(*) FROM journey.verify('m')), 0::bigint, 'nothing differs');
SELECT journey.rebuild('m');
SELECT is(concat_ws('; ', visits('v'), visits('w'), visits('x'), visits('y')),
          'ann 1, ann 2, ann 1; ann 1, ann 1; ann 2, cid 2; ann 4', 'and so a rebuild has it');
SELECT * FROM finish();
