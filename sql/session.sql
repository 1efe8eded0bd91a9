-- Sessions and touches of timelines, by every rule and option; session_number.
SET search_path = journey, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
\set VERBOSITY default
\set SHOW_CONTEXT never

-- An event of 2026-03-01 where only a time of day is given; its id is its time where none is given.
CREATE FUNCTION e(at text, kind text DEFAULT 'page', id text DEFAULT NULL, visitor text DEFAULT 'v',
    person text DEFAULT NULL, name text DEFAULT NULL, url text DEFAULT NULL, ref text DEFAULT NULL,
    key text DEFAULT NULL, previous text DEFAULT NULL, platform text DEFAULT NULL,
    revenue numeric DEFAULT NULL, currency text DEFAULT NULL, order_id text DEFAULT NULL,
    source text DEFAULT NULL, medium text DEFAULT NULL, campaign text DEFAULT NULL)
RETURNS journey.event LANGUAGE sql IMMUTABLE AS $$
    SELECT ROW(coalesce(id, at), visitor, person,
               CASE WHEN at LIKE '____-%' THEN at::timestamp ELSE '2026-03-01'::date + at::time END,
               NULL, kind, name, url, ref, revenue, currency, order_id, source, medium, campaign,
               NULL, NULL, key, previous, platform, NULL, NULL)::journey.event
$$;
CREATE FUNCTION tl(VARIADIC events journey.event[]) RETURNS journey.timeline LANGUAGE sql IMMUTABLE
AS $$ SELECT journey.timeline_agg(x) FROM unnest(events) AS x $$;

-- what a split is, in short
CREATE FUNCTION split(t journey.timeline, options jsonb DEFAULT '{}',
    timeout interval DEFAULT '30 min')
RETURNS TABLE (v text, n bigint, started time, ended time, events bigint, user_id text)
LANGUAGE sql IMMUTABLE AS $$
    SELECT visitor_id, session_number, started_at::time, ended_at::time, events, user_id
    FROM journey.sessions(t, timeout, options)
$$;
CREATE FUNCTION come(t journey.timeline, options jsonb DEFAULT '{}')
RETURNS TABLE (at time, type text, source text, medium text, campaign text, click text, ref text)
LANGUAGE sql IMMUTABLE AS $$
    SELECT touched_at::time, touch_type, source, medium, campaign, click_id_type || '=' || click_id,
           referrer_host
    FROM journey.touches(t, '30 min', options)
$$;

-- ---------------------------------------------------------------------------------------------
-- the timeout
-- ---------------------------------------------------------------------------------------------

-- a gap of exactly the timeout stays, a microsecond more starts a session
SELECT * FROM split(tl(e('10:00'), e('10:30'), e('11:00:00.000001'), e('11:30:00.000001')));
SELECT * FROM split(tl(e('10:00'), e('10:00:01'), e('10:00:02.000001')), '{}', '1 second');
SELECT * FROM split(tl(e('10:00'), e('2026-03-02 10:00')), '{}', '1 day');
SELECT * FROM split(tl(e('10:00'), e('2026-03-02 10:00')), '{}', '23:59:59.999999');
SELECT * FROM split(tl(e('10:00'), e('10:00', id => 'b'), e('10:00:00.000001')), '{}',
    '00:00:00.000001');

-- in whatever order the rows come, and however they are put together
CREATE TABLE boundary AS
SELECT e((time '0:00' + i * interval '1 min')::text, id => chr(97 + i % 7) || i,
         visitor => 'v' || i % 2, person => CASE WHEN i % 30 = 7 THEN 'u' || i % 4 END,
         url => 'https://a.example/' || i) AS ev
FROM unnest(ARRAY[0, 30, 60, 67, 90, 120, 1, 31, 61, 97, 127, 127]) AS i
UNION ALL
SELECT e((time '0:00:00.000001' + m * interval '1 min')::text, id => id, visitor => v,
         ref => 'https://b.example/')
FROM (VALUES (150, 'z', 'v0'), (157, 'Z', 'v1'), (150, 'y', 'v0'), (180, 'a', 'v0'),
             (210, 'A', 'v0'), (240, 'q', 'v0'), (187, 'r', 'v1')) AS x (m, id, v);
SELECT visitor_id, session_number, started_at::time, ended_at::time, events, user_id, landing_page,
    exit_page
FROM sessions((SELECT timeline_agg(ev) FROM boundary));
SELECT setseed(0.5);
SELECT count(DISTINCT s) AS results
FROM (SELECT (SELECT string_agg(x::text, '|' ORDER BY visitor_id, session_number)
              FROM sessions(t) AS x) || (SELECT string_agg(x::text, '|') FROM touches(t) AS x) AS s
      FROM (SELECT rollup(t) AS t
            FROM (SELECT i, timeline_agg(ev ORDER BY r) AS t
                  FROM (SELECT i, ev, random() AS r, floor(random() * 3) AS part
                        FROM generate_series(1, 200) AS i, boundary) AS x
                  GROUP BY i, part) AS x
            GROUP BY i) AS x) AS x;
SELECT count(DISTINCT s) AS results, count(*)
FROM (SELECT i, string_agg(s, ',' ORDER BY id COLLATE "C") AS s
      FROM (SELECT i, (ev).visitor_id || (ev).event_id AS id, session_number((ev).event_time) OVER (
                PARTITION BY i, (ev).visitor_id ORDER BY (ev).event_time, (ev).event_id)::text AS s
            FROM (SELECT i, ev FROM generate_series(1, 50) AS i,
            boundary ORDER BY random()) AS x) AS x
      GROUP BY i) AS x;

-- events of one time are in order of their ids, as bytes
SELECT landing_page, exit_page, session_id FROM sessions(
    tl(e('10:00', id => 'b', url => '/b'), e('10:00', id => 'B', url => '/B'),
    e('10:00', id => 'é', url => '/é')));
SELECT landing_page, exit_page, session_id FROM sessions(
    tl(e('10:00', id => 'é', url => '/é'), e('10:00', id => 'B', url => '/B'),
    e('10:00', id => 'b', url => '/b')));
SELECT * FROM split(tl(e('10:00', id => '2', person => 'ann'),
    e('10:00', id => '1', person => 'bob')));

-- a session's id tells visitor, id and time of its first event, and nothing else
SELECT count(DISTINCT session_id) AS one FROM unnest(ARRAY[
    tl(e('10:00', url => '/a')), tl(e('10:00', person => 'u', kind => 'track'), e('10:20')),
    tl(e('09:00'), e('10:00')), tl(e('10:00'), e('10:00', id => '11:00', visitor => 'w'))]) AS t,
    sessions(t) AS s WHERE s.visitor_id = 'v' AND s.started_at::time = '10:00';
SELECT count(DISTINCT session_id) AS three FROM unnest(ARRAY[
    tl(e('10:00')), tl(e('10:00', id => 'x')), tl(e('10:00', visitor => 'w'))]) AS t, sessions(t);

-- several visitors are split each by itself
SELECT * FROM split(tl(e('10:00', visitor => 'b'), e('10:20', visitor => 'a'),
    e('10:40', visitor => 'b'),
    e('10:50', visitor => 'a'), e('11:00', visitor => NULL, id => 'x'),
    e('10:55', visitor => NULL, id => 'y')));

-- ---------------------------------------------------------------------------------------------
-- what starts a session besides
-- ---------------------------------------------------------------------------------------------

-- another user; none, the same and no real one do not
SELECT * FROM split(tl(e('10:00'), e('10:01', person => 'ann'), e('10:02'),
    e('10:03', person => 'ann'),
    e('10:04', person => 'null'), e('10:05', person => 'bob'), e('10:06', person => 'Bob')));
SELECT * FROM split(tl(e('10:00', person => 'ann'), e('10:05', person => 'bob')),
    '{"user_change": false}');
SELECT * FROM split(tl(e('10:00', person => 'ann'), e('10:05', person => 'bob')),
    '{"user_change": null}');
-- unless an alias joins the two, wherever it stands, and by any chain
SELECT * FROM split(tl(e('10:00', person => 'ann'), e('10:05', person => 'bob'),
    e('12:00', 'alias', previous => 'ann', person => 'bob')));
SELECT * FROM split(tl(e('10:00', person => 'ann'), e('10:05', person => 'cid'),
    e('10:06', person => 'dan'),
    e('09:00', 'alias', previous => 'bob', person => 'cid'),
    e('09:30', 'alias', previous => 'ann', person => 'bob')));
SELECT * FROM split(tl(e('10:00', person => 'ann'), e('10:05', person => 'bob'),
    e('12:00', 'alias', previous => 'ann', person => 'null'),
    e('12:01', 'track', previous => 'ann', person => 'bob')));

-- a value that is no id joins nobody
SELECT * FROM split(tl(e('10:00', person => 'ann'), e('10:05', person => 'bob'),
    e('12:00', 'alias', previous => 'null', person => 'ann'),
    e('12:01', 'alias', previous => 'null', person => 'bob')));

-- another campaign, if asked for: by source, medium, campaign and click id; a referrer is none
SELECT * FROM split(tl(e('10:00'),
    e('10:01', url => 'https://a.example/?utm_source=x&utm_medium=y'),
    e('10:02'), e('10:03', url => 'https://a.example/?utm_source=x&utm_medium=y&utm_content=z'),
    e('10:04', url => 'https://a.example/?utm_source=x&utm_medium=y&utm_campaign=c'),
    e('10:05', ref => 'https://b.example/'), e('10:06', url => 'https://a.example/?gclid=1'),
    e('10:07', url => 'https://a.example/?gclid=1'),
    e('10:08', url => 'https://a.example/?gclid=2'),
    e('10:09', source => 'x', medium => 'y')), '{"new_campaign": true}');
SELECT count(*) FROM split(tl(e('10:00', url => 'https://a.example/?gclid=1'),
    e('10:08', url => 'https://a.example/?gclid=2')), '{"new_campaign": false}');
-- a passive event's campaign does not count
SELECT * FROM split(tl(e('10:00'), e('10:01', platform => 'server', source => 'x', medium => 'y'),
    e('10:02')),
    '{"new_campaign": true}');

-- midnight, in a zone: winter, the night when summer time begins, summer, the night when it ends
SELECT started_at, ended_at, session_date, events
FROM unnest(ARRAY['2026-01-15 23:00', '2026-03-28 23:00', '2026-03-29 22:00', '2026-07-01 22:00',
    '2026-10-24 22:00',
                  '2026-10-25 23:00']::timestamptz[]) AS midnight,
     sessions(tl(e((midnight - interval '20 min')::timestamp::text),
     e((midnight - interval '1 us')::timestamp::text),
                   e(midnight::timestamp::text),
                   e((midnight + interval '10 min')::timestamp::text)),
              '30 min', '{"midnight": "Europe/Berlin", "time_zone": "Europe/Berlin"}');
-- where the clock goes from 23:59 to 01:00 the day begins at one
SELECT started_at, ended_at, session_date FROM sessions(tl(e('2026-03-28 21:59:59'),
    e('2026-03-28 22:00'),
    e('2026-03-28 22:10')), '30 min', '{"midnight": "Asia/Beirut", "time_zone": "Asia/Beirut"}');
SELECT count(*) FROM sessions(tl(e('23:50'), e('2026-03-02 00:10')), '30 min',
    '{"midnight": "Asia/Kolkata"}');

-- the greatest duration: further than that from the start
SELECT * FROM split(tl(e('10:00'), e('10:20'), e('10:40'), e('11:00'), e('11:00:00.000001'),
    e('11:20')),
    '{"max_duration": "1 hour"}');
SELECT count(*) FROM split(tl(e('10:00'), e('10:20'), e('10:40'), e('11:00')),
    '{"max_duration": null}');

-- the sender's session key holds a session together over any gap, and parts where it changes
SELECT * FROM split(tl(e('10:00', key => 'k'), e('12:00', key => 'k'), e('12:10'),
    e('12:20', key => 'k'),
    e('12:30', key => 'l'), e('13:10'), e('13:20', key => 'm'), e('14:00', key => 'm')),
    '{"session_key": true}');
SELECT * FROM split(tl(e('10:00', key => 'k'), e('12:00', key => 'k'), e('12:10', key => 'l')),
    '{"session_key": false}');
-- a passive event in such a gap is inside if the session goes on behind it, and names nobody or its user
SELECT * FROM split(tl(e('10:00', key => 'k'), e('11:00', 'identify', person => 'ann'),
    e('12:00', key => 'k')),
    '{"session_key": true}');
SELECT * FROM split(tl(e('10:00', key => 'k'), e('11:00', 'identify', person => 'ann'),
    e('12:00', key => 'l')),
    '{"session_key": true}');
SELECT * FROM split(tl(e('10:00', key => 'k'), e('11:00', 'identify', person => 'ann')),
    '{"session_key": true}');
SELECT * FROM split(tl(e('10:00'), e('11:00', 'identify', person => 'ann'), e('12:00', key => 'k')),
    '{"session_key": true}');

-- ---------------------------------------------------------------------------------------------
-- passive events
-- ---------------------------------------------------------------------------------------------

-- they open, extend and bridge nothing; within the timeout behind an active event they are inside
SELECT * FROM split(tl(e('09:50', 'identify', person => 'bob'), e('10:00'),
    e('10:30', 'identify', person => 'ann'),
    e('10:30:00.000001', 'group', person => 'eve'), e('10:40'),
    e('11:20', 'alias', previous => 'x', person => 'y')));
SELECT * FROM split(tl(e('10:00'), e('10:20', 'identify'), e('10:40')));
SELECT count(*) FROM split(tl(e('10:00', 'identify'), e('10:01', 'group'), e('10:02', 'alias')));
SELECT count(*) FROM split(tl(e('10:00', visitor => 'user:ann', person => 'ann')));
SELECT count(*) FROM split(tl(e('10:00', platform => 'server'), e('10:01', platform => 'sources')));
SELECT * FROM split(tl(e('10:00', platform => 'web'), e('10:20', 'track', platform => 'server'),
    e('10:40', platform => 'mobile')));
SELECT * FROM split(tl(e('10:00', 'track', name => 'Ping'), e('10:20'),
    e('10:40', 'track', name => 'Ping'),
    e('10:50', 'track', name => 'ping')), '{"passive_events": ["Ping", "Email Delivered"]}');
-- an identify of another ends the session; more of that in session_user.sql
SELECT * FROM split(tl(e('10:00', person => 'ann'), e('10:10', 'identify', person => 'bob'),
    e('10:20', person => 'bob'),
    e('10:30', person => 'ann')));
-- they make no touch, and their tracks no visit of a bounce; pages of theirs count as pages
SELECT events, page_views, is_bounce, source, ended_at::time FROM sessions(tl(e('10:00'),
    e('10:10', 'track', platform => 'server', url => 'https://a.example/?gclid=1'),
    e('10:20', platform => 'server', url => 'https://a.example/late')));

-- ---------------------------------------------------------------------------------------------
-- columns of a session
-- ---------------------------------------------------------------------------------------------

SELECT session_number, duration_seconds, events, page_views, landing_page, landing_page_path,
    exit_page, is_bounce
FROM sessions(tl(
    e('10:00', 'track', name => 'App Opened'), e('10:00:01', 'screen', name => 'Home'),
    e('10:00:02.5', 'screen', name => 'Cart'), e('10:01', 'track', name => 'Click'),
    e('12:00', url => 'https://shop.example/one?a=1#b'), e('13:00', url => 'https://shop.example'),
    e('13:05', url => 'https://shop.example/two'), e('14:00', url => 'https://shop.example/x'),
    e('14:01', 'track', url => 'https://shop.example/y'),
    e('15:00', 'track', url => 'https://shop.example/z'),
    e('16:00'), e('17:00', url => 'not a url')));
-- the day of a session, before 2000 too
SELECT zone, started_at, session_date
FROM unnest(ARRAY['UTC', 'America/New_York', 'Asia/Kolkata', 'Pacific/Kiritimati']) AS zone,
     sessions(tl(e('1999-12-31 23:59:59.999999'), e('2000-01-01 13:00')), '30 min',
              jsonb_build_object('time_zone', zone))
ORDER BY started_at, zone;
SELECT session_date FROM sessions(tl(e('23:59')), '30 min', '{"time_zone": null}');

-- an order told twice counts once, refunds count each; currencies are not added
SELECT started_at::time, revenue FROM sessions(tl(
    e('10:00', 'track', name => 'Order Completed', revenue => 10.10, order_id => 'o1'),
    e('10:01', 'track', name => 'Order Completed', revenue => 10.10, order_id => 'o1',
    platform => 'server'),
    e('10:02', 'track', name => 'Order Completed', revenue => 5, order_id => 'o2'),
    e('10:03', 'track', name => 'Order Completed', revenue => 1),
    e('10:04', 'track', name => 'Order Completed', revenue => 1),
    e('11:00', 'track', name => 'Order Refunded', revenue => -3, order_id => 'o1'),
    e('11:01', 'track', name => 'Order Refunded', revenue => -3, order_id => 'o1'),
    e('12:00', 'track', name => 'Order Completed', revenue => 1, currency => 'EUR'),
    e('12:01', 'track', name => 'Order Completed', revenue => 1, currency => 'USD'),
    e('13:00', 'track', name => 'Order Completed', revenue => 1.50, currency => 'EUR'),
    e('13:01', 'track', name => 'Tip', revenue => 0.5, currency => 'EUR'),
    e('14:00', 'track', name => 'Order Completed'), e('15:00', 'track', revenue => 0)));

-- the origin comes whole from the first touch that is not direct; gclid is the last in the session
SELECT session_number AS n, source, medium, campaign, term, content, channel, referrer,
    referrer_host, gclid, click_id,
       click_id_type
FROM sessions(tl(
    e('10:00', url => 'https://a.example/'),
    e('10:01', url => 'https://a.example/?utm_source=n&utm_medium=email&utm_campaign=A+B&utm_term=t'),
    e('10:02', url => 'https://a.example/?gclid=G1', ref => 'https://www.google.com/'),
    e('10:03', url => 'https://a.example/?gclid=G2'),
    e('10:04', url => 'https://a.example/?msclkid=M'),
    e('12:00', url => 'https://a.example/', ref => 'https://www.bing.com/search?q=x'),
    e('13:00', url => 'https://a.example/?gclid=G3&utm_campaign=c',
    ref => 'https://www.google.com/'),
    e('14:00')));

-- ---------------------------------------------------------------------------------------------
-- touches
-- ---------------------------------------------------------------------------------------------

-- one per visit and origin: a single-page app repeats URL, referrer and campaign on every event
SELECT * FROM come(tl(
    e('10:00', url => 'https://a.example/?gclid=1', ref => 'https://www.google.com/'),
    e('10:01', 'track', url => 'https://a.example/?gclid=1', ref => 'https://www.google.com/'),
    e('10:02', url => 'https://a.example/?gclid=1', ref => 'https://www.google.com/'),
    e('10:03', url => 'https://a.example/two?gclid=1', ref => 'https://www.google.com/')));
SELECT * FROM come(tl(
    e('10:00', url => 'https://a.example/', ref => 'https://www.google.com/'),
    e('10:01', 'track', url => 'https://a.example/', ref => 'https://www.google.com/'),
    e('10:02', url => 'https://a.example/b', ref => 'https://www.bing.com/')));
-- of two visits each has its own
SELECT * FROM come(tl(e('10:00', url => 'https://a.example/?gclid=1'),
    e('11:00', url => 'https://a.example/?gclid=1')));
-- several origins within a visit, and one that comes back
SELECT * FROM come(tl(
    e('10:00', url => 'https://a.example/?utm_source=n&utm_medium=email'),
    e('10:01', url => 'https://a.example/?gclid=1'),
    e('10:02', url => 'https://a.example/?utm_source=n&utm_medium=email'),
    e('10:03', url => 'https://a.example/?utm_source=n&utm_medium=email&utm_content=x'),
    e('10:04', url => 'https://a.example/?gclid=1&fbclid=2')));
-- a referrer counts on the first event that has a page, and only if it is external
SELECT * FROM come(tl(e('10:00', 'track'), e('10:01', ref => 'https://www.google.com/')));
SELECT * FROM come(tl(e('10:00', 'track', ref => 'https://www.google.com/'),
    e('10:01', ref => 'https://www.bing.com/')));
SELECT * FROM come(tl(e('10:00', url => 'https://a.example/'),
    e('10:01', ref => 'https://www.google.com/')));
SELECT r, t.* FROM unnest(ARRAY['$direct', '', 'android-app://com.x/', 'https://www.a.example/x',
    'https://pay.b.example/',
    'https://x.c.example/', 'https://checkout.stripe.com/', 'https://d.example/']) AS r,
    come(tl(e('10:00', url => 'https://shop.a.example/', ref => r)),
         '{"internal_hosts": ["b.example"], "ignored_referrers": ["c.example"]}') AS t;
-- parameters come before the columns, and those before the referrer
SELECT * FROM come(tl(e('10:00', url => 'https://a.example/?utm_source=p&utm_medium=q',
    source => 'c', medium => 'd',
    ref => 'https://www.google.com/')));
SELECT * FROM come(tl(e('10:00', url => 'https://a.example/', source => 'c', medium => 'd',
    campaign => 'e',
    ref => 'https://www.google.com/')));
SELECT * FROM come(tl(e('10:00', 'screen', name => 'Home', source => 'c'),
    e('10:05', 'track', source => 'c')));
-- no touch at all: one that is direct, at the start, where the visit landed
SELECT touched_at::time, touch_type, source, medium, channel, landing_page,
    click_ids FROM touches(tl(
    e('10:00', 'track'), e('10:01', url => 'https://a.example/x'), e('12:00')));
-- ids, and where it landed
SELECT t.touch_id = first_value(t.touch_id) OVER () AS same,
    t.session_id = s.session_id AS in_session, t.landing_page,
       t.click_ids, t.channel, t.campaign_id, t.term, t.content, t.referrer
FROM (VALUES (tl(e('10:00', url => 'https://a.example/p?gclid=1&gbraid=2&utm_id=9&utm_term=t',
                     ref => 'https://www.google.com/'))),
             (tl(e('10:00', url => 'https://a.example/p?x=1&dclid=3'), e('10:01')))) AS x (t),
     touches(x.t) AS t, sessions(x.t) AS s;

-- many in one session: each origin and each order once, at its first; refunds each
SELECT count(*) AS touches, min(touched_at)::time AS first, max(touched_at)::time AS last,
       (SELECT ROW(revenue, events) FROM sessions(t)) AS session
FROM (SELECT timeline_agg(e((time '10:00' + i * interval '1 s')::text,
    name => CASE WHEN i % 3 = 0 THEN 'a' END,
                            url => 'https://a.example/?gclid=' || i % 100,
                            revenue => CASE i % 7 WHEN 0 THEN -1 ELSE 2 END,
                            order_id => (i % 50)::text)) AS t
      FROM generate_series(0, 999) AS i) AS x, touches(t)
GROUP BY t;

-- first and last
CREATE TABLE visits AS SELECT tl(
    e('2026-01-01 10:00', url => 'https://a.example/'),
    e('2026-01-02 10:00', url => 'https://a.example/?gclid=1'),
    e('2026-01-03 10:00', url => 'https://a.example/?utm_source=n&utm_medium=email'),
    e('2026-04-03 10:00'),
    e('2026-04-04 10:00', 'identify', person => 'u')) AS t;
SELECT (first_touch(t)).source, (first_touch(t, true)).source AS non_direct,
    (last_touch(t)).source AS last,
       (last_touch(t, non_direct => true)).source AS last_non_direct FROM visits;
-- both ends of the window are in; without before it ends with the last event
SELECT n, (last_touch(t, before::timestamptz, lookback, true)).source FROM visits, (VALUES
    (1, '2026-01-03 10:00', interval '90 days'), (2, '2026-01-03 09:59:59.999999', '90 days'),
    (3, '2026-04-03 10:00', '90 days'), (4, '2026-04-03 10:00:00.000001', '90 days'), (5, NULL,
    '91 days'),
    (6, NULL, '90 days'), (7, NULL, NULL), (8, '2026-01-02 09:00', NULL), (9, 'infinity', NULL),
    (10, '-infinity', '90 days')) AS x (n, before, lookback) ORDER BY n;
SELECT first_touch(tl(e('10:00', 'identify'))) IS NULL AS none, last_touch(tl(e('10:00',
    'identify'))) IS NULL AS none;
SELECT last_touch(t, NULL, '1 month') FROM visits;
SELECT last_touch(t, NULL, '-1 day') FROM visits;
-- of several visitors by time, then by event id
SELECT (first_touch(t)).source, (last_touch(t)).source AS last FROM (SELECT tl(
    e('10:00', id => 'b', visitor => 'a', source => 'one', medium => 'x'),
    e('10:00', id => 'a', visitor => 'b', source => 'two', medium => 'x')) AS t) AS x;

-- ---------------------------------------------------------------------------------------------
-- rows without a kind
-- ---------------------------------------------------------------------------------------------

CREATE TABLE hits (id text, at timestamptz, name text, url text, referrer text, user_id text,
    revenue numeric);
INSERT INTO hits VALUES
    ('1', '2026-03-01 10:00', NULL, 'https://a.example/?gclid=1', 'https://www.google.com/', NULL,
    NULL),
    ('2', '2026-03-01 10:01', 'Page Viewed', 'https://a.example/two', NULL, NULL, NULL),
    ('3', '2026-03-01 10:02', 'Order Completed', 'https://a.example/two', NULL, 'u', 9.90),
    ('4', '2026-03-01 11:00', 'screen_view', NULL, NULL, NULL, NULL), ('5', NULL, 'x', 'y', 'z',
    'u', 1),
    ('6', '2026-03-01 12:00', NULL, NULL, NULL, NULL, NULL);
SELECT s.started_at, s.events, s.page_views, s.user_id, s.landing_page, s.exit_page, s.gclid,
    s.revenue, s.is_bounce
FROM (SELECT timeline_agg(id, at, name, url, referrer, user_id, revenue) AS t FROM hits) AS x,
    sessions(t) AS s;
SELECT s.started_at, s.events, s.page_views, s.is_bounce
FROM (SELECT timeline_agg(at, name) AS t FROM hits) AS x, sessions(t) AS s;

-- ---------------------------------------------------------------------------------------------
-- nothing, and what is wrong
-- ---------------------------------------------------------------------------------------------

SELECT count(*) FROM sessions('[]');
SELECT count(*) FROM touches('[]');
SELECT count(*) FROM sessions(NULL);
SELECT count(*) FROM touches(NULL);
SELECT count(*) FROM sessions((SELECT timeline_agg(at, name) FROM hits WHERE false));
SELECT first_touch('[]') IS NULL, last_touch('[]') IS NULL, first_touch(NULL) IS NULL,
    last_touch(NULL) IS NULL;
-- values that a timeline packs: hex digits and uuids
SELECT (first_touch(t)).*, last_touch(t) = first_touch(t) AS same FROM (VALUES (timeline '[{
    "event_id": "e1", "event_time": "2026-01-01T00:00:00Z", "kind": "page",
    "source": "0a1b2c3d-0000-4000-8000-00000000000a", "medium": "00112233445566778899aabbccddeeff",
    "campaign": "0a1b2c3d-0000-4000-8000-00000000000b", "term": "0a1b2c3d-0000-4000-8000-00000000000c",
    "content": "ffeeddccbbaa99887766554433221100"}]')) AS v (t) \gx
-- a campaign that has but an id
SELECT (first_touch(t)).campaign_id, (last_touch(t)).touch_type FROM (VALUES (timeline '[{
    "event_id": "e1", "event_time": "2026-01-01T00:00:00Z", "kind": "page", "properties": {"context_campaign_id": "c1"}}]')) AS v (t);
SELECT sessions('[]', NULL);
SELECT sessions('[]', '30 min', NULL);
SELECT touches('[]', NULL);
SELECT sessions(NULL, NULL, NULL);
SELECT sessions('[]', '1 month');
SELECT sessions('[]', '1 year 30 minutes');
SELECT sessions('[]', '0');
SELECT touches('[]', '-30 minutes');
SELECT sessions('[]', '2147483647 days');
SELECT sessions('[]', '30 min', '[]');
SELECT sessions('[]', '30 min', '"midnight"');
CREATE TABLE wrong (n serial, options jsonb);
INSERT INTO wrong (options) VALUES ('{"time_out": "1 hour"}'), ('{"timeout": "1 hour"}'),
    ('{"user_change": "yes"}'),
    ('{"new_campaign": 1}'), ('{"session_key": {}}'), ('{"midnight": true}'),
    ('{"midnight": "Mars/Base"}'),
    ('{"time_zone": "nowhere"}'), ('{"max_duration": 60}'), ('{"max_duration": "soon"}'),
    ('{"max_duration": "1 month"}'),
    ('{"max_duration": "0"}'), ('{"passive_events": "Ping"}'), ('{"passive_events": ["Ping", 1]}'),
    ('{"internal_hosts": {"a": 1}}'), ('{"ignored_referrers": [null]}'), ('{"email_trait": ["a"]}');
DO $$
DECLARE
    w record;
    detail text;
    hint text;
BEGIN
    FOR w IN SELECT * FROM wrong ORDER BY n LOOP
        BEGIN
            PERFORM journey.sessions('[]', '30 min', w.options);
            RAISE INFO 'accepted: %', w.options;
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
            RAISE INFO '% % %', SQLSTATE, SQLERRM, concat_ws(' ', nullif(detail, ''), nullif(hint,
            ''));
        END;
    END LOOP;
END $$;
-- null is the default of each; options that change from row to row count for their row
SELECT count(*) FROM sessions(tl(e('10:00')), '30 min',
    '{"user_change": null, "new_campaign": null, "midnight": null,
    "session_key": null, "max_duration": null, "passive_events": null, "internal_hosts": null,
    "ignored_referrers": null,
    "time_zone": null, "email_trait": null}');
SELECT i, options, (SELECT count(*) FROM sessions(t, (i || ' min')::interval, options))
FROM (SELECT tl(e('10:00', person => 'a'), e('10:20', person => 'b'), e('10:50')) AS t) AS x,
     generate_series(10, 30, 10) AS i, unnest(ARRAY['{}',
     '{"user_change": false}']::jsonb[]) AS options;

-- ---------------------------------------------------------------------------------------------
-- session_number
-- ---------------------------------------------------------------------------------------------

-- a row without a time has no number, and parts nothing
CREATE TABLE times (visitor text, at timestamptz);
INSERT INTO times VALUES ('a', '2026-03-01 10:00'), ('a', '2026-03-01 10:30'), ('a',
    '2026-03-01 11:00:00.000001'),
    ('a', '2026-03-01 11:00:00.000001'), ('b', '2026-03-01 10:00'), ('b', NULL), ('b',
    '2026-03-01 10:40'), ('b', NULL),
    ('c', NULL), ('c', 'infinity'), ('c', '-infinity'), ('c', '-infinity'), ('c',
    '2026-03-01 10:00'), ('c', 'infinity');
SELECT visitor, at, session_number(at) OVER (PARTITION BY visitor ORDER BY at),
       session_number(at, '1 hour') OVER (PARTITION BY visitor ORDER BY at NULLS FIRST) AS hour
FROM times ORDER BY visitor, at;
-- latest first: sessions are counted from the end, and are the same
SELECT at, session_number(at) OVER (ORDER BY at) AS up,
    session_number(at) OVER (ORDER BY at DESC) AS down
FROM times WHERE visitor = 'a' ORDER BY at;
SELECT session_number(at) OVER (PARTITION BY visitor) IS NOT NULL AS some FROM times WHERE false;
-- each partition has its timeout: that of its first row
SELECT visitor, count(DISTINCT n) FROM (
    SELECT visitor, session_number(at,
    CASE visitor WHEN 'a' THEN interval '1 min' ELSE '1 hour' END) OVER (
        PARTITION BY visitor ORDER BY at) AS n
    FROM times WHERE visitor < 'c') AS x
GROUP BY visitor ORDER BY visitor;
SELECT session_number(at, NULL) OVER (ORDER BY at) FROM times;
SELECT session_number(at, '1 month') OVER (ORDER BY at) FROM times;
SELECT session_number(at, '0') OVER (ORDER BY at) FROM times;
SELECT session_number(at, '-1 s') OVER (ORDER BY at) FROM times;
SELECT session_number(at) FROM times;

-- times without time zone are clock times: the hour that TimeZone leaves out or has twice is none
SET TimeZone = 'America/New_York';
SELECT at, session_number(at, '1 hour') OVER (ORDER BY at) AS n,
       session_number(at AT TIME ZONE 'UTC', '1 hour') OVER (ORDER BY at) AS utc
FROM unnest('{2026-03-08 01:30, 2026-03-08 03:00, 2026-03-08 03:40, 2026-11-01 00:50, 2026-11-01 01:50}'::timestamp[]) AS at;
SET TimeZone = 'UTC';
SELECT at, session_number(at, '1 hour') OVER (ORDER BY at) AS n
FROM unnest('{2026-03-08 01:30, 2026-03-08 03:00, 2026-03-08 03:40, 2026-11-01 00:50, 2026-11-01 01:50}'::timestamp[]) AS at;
RESET TimeZone;
SELECT session_number('2026-01-01', '1 hour') OVER (), session_number(NULL) OVER (), session_number(date '2026-01-01') OVER ();

-- both ways give the same sessions
WITH v0 AS (SELECT ev FROM boundary WHERE (ev).visitor_id = 'v0'),
numbers AS (SELECT session_number((ev).event_time) OVER (ORDER BY (ev).event_time) AS n FROM v0)
SELECT (SELECT max(n) FROM numbers) AS by_number,
       (SELECT count(*) FROM sessions((SELECT timeline_agg(ev) FROM v0))) AS by_timeline;

DROP TABLE boundary, visits, hits, wrong, times;
DROP FUNCTION split, come, tl, e;
