-- Paths, regular expressions over them, retention and days: by every option, and the cases of
-- ../shared/reference/conversions-and-journeys.md 1.3.
CREATE SCHEMA regress_paths;
SET search_path = regress_paths, journey, public;
SET timezone = 'America/New_York';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
\set VERBOSITY default
\set SHOW_CONTEXT never

CREATE FUNCTION e(at text, kind text, name text, url text DEFAULT NULL, visitor text DEFAULT 'v',
    platform text DEFAULT NULL)
RETURNS journey.event LANGUAGE sql IMMUTABLE AS $$
    SELECT ROW(at, visitor, NULL, '2026-03-01Z'::timestamptz + at::interval, NULL, kind, name, url, NULL, NULL, NULL, NULL,
               NULL, NULL, NULL, NULL, NULL, NULL, NULL, platform, NULL, NULL)::journey.event
$$;
CREATE TABLE visit AS SELECT timeline_agg(x) AS t FROM unnest(ARRAY[
    e('10:00', 'page', 'Home', 'https://shop.example/?utm_source=news&utm_medium=email'),
    e('10:01', 'page', NULL, 'https://shop.example/pricing?a=1'),
    e('10:02', 'page', NULL, 'https://shop.example/pricing?a=2'),
    e('10:03', 'track', 'Signed Up', 'https://shop.example/pricing'),
    e('10:04', 'identify', NULL),
    e('10:05', 'screen', 'Welcome'),
    e('10:06', 'track', 'Order Completed', NULL, 'v', 'server'),
    e('20:00', 'page', NULL, 'https://shop.example'),
    e('20:01', 'page', NULL, 'https://shop.example/account')]) AS x;

-- ---------------------------------------------------------------------------------------------
-- paths
-- ---------------------------------------------------------------------------------------------
SELECT paths(t) FROM visit;
SELECT o, paths(t, options => o::jsonb) FROM visit, unnest(ARRAY['{"of": "pages"}', '{"of": ["events"]}',
    '{"of": "channels"}', '{"of": ["pages", "events", "channels"]}', '{"of": "pages", "repeats": true}']) AS o;
SELECT paths(t, 'page:/pricing'), paths(t, 'Signed Up', depth => 2), paths(t, NULL, 'Signed Up'),
       paths(t, NULL, 'Order Completed', 2), paths(t, 'page:/pricing', 'Order Completed'),
       paths(t, 'page:/pricing', 'page:/pricing'), paths(t, 'page:/', 'page:/'), paths(t, 'Nothing'),
       paths(t, 'Signed Up', 'page:/pricing') FROM visit;
-- from an event that is no node on; from a channel on, and up to one
SELECT paths(t, 'kind:identify'), paths(t, 'channel:Email', options => '{"of": ["channels", "pages"]}'),
       paths(t, 'page:/', options => '{"of": ["channels", "pages"]}'),
       paths(t, NULL, 'channel:Direct', options => '{"of": ["channels", "pages"]}'),
       paths(t, 'channel:Direct') FROM visit;
SELECT paths('[]'), paths('[]', 'A'), paths(NULL);
SELECT * FROM session_path((SELECT t FROM visit));
SELECT visitor_id, session_number, started_at, channel, path
FROM session_path((SELECT rollup(t) FROM (SELECT t FROM visit UNION ALL SELECT timeline_agg(e(at, 'page', NULL, 'https://a.example/' || at, 'other'))
                   FROM unnest(ARRAY['10:02', '10:40', '10:41']) AS at) AS x), '10 minutes', '{"of": ["pages", "channels"]}');
-- a campaign that has but an id
SELECT channel, path FROM session_path('[{"event_id": "a", "event_time": "2026-01-01T10:00:00Z", "kind": "page",
    "url": "https://a.example/", "properties": {"context_campaign_id": "c1"}}]', '30 minutes', '{"of": ["pages", "channels"]}');
SELECT count(*) FROM session_path('[]');
SELECT count(*) FROM session_path(NULL);
SELECT paths('[]', depth => 0);
SELECT paths('[]', depth => NULL);
SELECT paths('[]', options => '{"of": "urls"}');
SELECT paths('[]', options => '{"of": []}');
SELECT paths('[]', options => '{"off": []}');
SELECT paths('[]', '');
SELECT session_path('[]', '0');
SELECT session_path('[]', NULL);

-- ---------------------------------------------------------------------------------------------
-- path_regex: the examples of MADlib's documentation of path(), with its data
-- ---------------------------------------------------------------------------------------------
CREATE TABLE eventlog (at timestamptz, user_id int, session_id int, page text, revenue numeric);
COPY eventlog FROM stdin DELIMITER ',';
2015-04-15 01:03:00,100821,100,LANDING,0
2015-04-15 01:04:00,100821,100,WINE,0
2015-04-15 01:05:00,100821,100,CHECKOUT,39
2015-04-15 02:06:00,100821,101,WINE,0
2015-04-15 02:09:00,100821,101,WINE,0
2015-04-15 01:15:00,101121,102,LANDING,0
2015-04-15 01:16:00,101121,102,WINE,0
2015-04-15 01:17:00,101121,102,CHECKOUT,15
2015-04-15 01:18:00,101121,102,LANDING,0
2015-04-15 01:19:00,101121,102,HELP,0
2015-04-15 01:21:00,101121,102,WINE,0
2015-04-15 01:22:00,101121,102,CHECKOUT,23
2015-04-15 02:15:00,101331,103,LANDING,0
2015-04-15 02:16:00,101331,103,WINE,0
2015-04-15 02:17:00,101331,103,HELP,0
2015-04-15 02:18:00,101331,103,WINE,0
2015-04-15 02:19:00,101331,103,CHECKOUT,16
2015-04-15 02:22:00,101443,104,BEER,0
2015-04-15 02:25:00,101443,104,CHECKOUT,12
2015-04-15 02:29:00,101881,105,LANDING,0
2015-04-15 02:30:00,101881,105,BEER,0
2015-04-15 01:05:00,102201,106,LANDING,0
2015-04-15 01:06:00,102201,106,HELP,0
2015-04-15 01:09:00,102201,106,LANDING,0
2015-04-15 02:15:00,102201,107,WINE,0
2015-04-15 02:16:00,102201,107,BEER,0
2015-04-15 02:17:00,102201,107,WINE,0
2015-04-15 02:18:00,102871,108,BEER,0
2015-04-15 02:19:00,102871,108,WINE,0
2015-04-15 02:22:00,102871,108,CHECKOUT,21
2015-04-15 02:25:00,102871,108,LANDING,0
2015-04-15 02:17:00,103711,109,BEER,0
2015-04-15 02:18:00,103711,109,LANDING,0
2015-04-15 02:19:00,103711,109,WINE,0
\.
CREATE TABLE shopper AS SELECT session_id, timeline_agg(at, page) AS t FROM eventlog GROUP BY session_id;
SELECT session_id, match_number, ended_at FROM shopper, path_regex(t, '(buy)', '{buy:=CHECKOUT}') ORDER BY 1, 2;
\set symbols '{land:=LANDING,wine:=WINE,beer:=BEER,buy:=CHECKOUT,other:=*}'
SELECT session_id, match_number, events, symbol_path, path
FROM shopper, path_regex(t, '(land)[^(land)(buy)]{0,2}(buy)', :'symbols') ORDER BY 1, 2;
SELECT count(*), path FROM shopper, path_regex(t, '[^(buy)](buy)', :'symbols') GROUP BY 2 ORDER BY 1 DESC;
-- nPath's way to write: a point is "then"
SELECT session_id, path FROM shopper, path_regex(t, 'LAND.WINE*.BUY', :'symbols', '{"syntax": "npath"}') ORDER BY 1;
-- what is no symbol is left out; overlapping; ends; letters side by side; alternatives; the longest
SELECT p, o, array_agg(events || ' ' || array_to_string(symbol_path, '') ORDER BY match_number)
FROM (SELECT timeline_agg(timestamptz '2026-01-01Z' + i * interval '1 s', substr('abxcab.ab', i, 1)) AS t FROM generate_series(1, 9) AS i) AS x,
     (VALUES ('ab', '{}'), ('bc', '{}'), ('^ab', '{}'), ('ab$', '{}'), ('^.*$', '{}'), ('a|ab|abc', '{}'), ('(ab)+', '{}'),
             ('a.', '{"overlapping": true}'), ('(a)(b)|c', '{}'), ('[ab]{2,}', '{}'), ('[^(a)]', '{}'), ('A B', '{}'), ('c(a(b)?)*', '{}'),
             ('.{2}', '{"overlapping": true}'), ('[]', '{}'), ('(b?c?)*', '{}')) AS q(p, o),
     path_regex(t, p, '{a:=a,b:=b,c:=c}', o::jsonb) GROUP BY 1, 2 ORDER BY 1, 2;
SELECT path_regex('[]', '(', '{a:=a}');
SELECT path_regex('[]', 'a)', '{a:=a}');
SELECT path_regex('[]', '', '{a:=a}');
SELECT path_regex('[]', 'd', '{a:=a}');
SELECT path_regex('[]', '(ad)', '{a:=a}');
SELECT path_regex('[]', 'a**', '{a:=a}');
SELECT path_regex('[]', '*a', '{a:=a}');
SELECT path_regex('[]', 'a{2,1}', '{a:=a}');
SELECT path_regex('[]', 'a{,1}', '{a:=a}');
SELECT path_regex('[]', 'a{1', '{a:=a}');
SELECT path_regex('[]', 'a{999999999999}', '{a:=a}');
SELECT path_regex('[]', 'a{257}', '{a:=a}');
SELECT path_regex('[]', '((a{16}){16}){16}', '{a:=a}');
SELECT path_regex('[]', repeat('(a{0}', 90) || repeat('){255}', 90), '{a:=a}');
SELECT path_regex('[]', repeat('(', 102) || 'a' || repeat(')', 102), '{a:=a}');
SELECT path_regex('[]', repeat('é', 5000), '{é:=a}');
SELECT path_regex('[]', '[a', '{a:=a}');
SELECT path_regex('[]', '(a|)', '{a:=a}');
SELECT path_regex('[]', 'a', '{}');
SELECT path_regex('[]', 'a', '{a=a}');
SELECT path_regex('[]', 'a', '{a:=}');
SELECT path_regex('[]', 'a', '{"a b:=x"}');
SELECT path_regex('[]', 'a', '{a:=a,A:=b}');
SELECT path_regex('[]', 'a', '{a:=a,NULL}');
SELECT path_regex('[]', NULL, '{a:=a}');
SELECT path_regex('[]', 'a', '{a:=a}', '{"syntax": "perl"}');

-- any text is a pattern, or is refused with 22023
CREATE FUNCTION is_pattern(text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM path_regex(t, $1, '{a:=LANDING,bc:=WINE}') FROM shopper;
    RETURN true;
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN false;
END $$;
SELECT setseed(0.7);
SELECT count(*) AS texts, count(*) FILTER (WHERE is_pattern(p)) BETWEEN 50 AND 1000 AS some_are_patterns
FROM generate_series(1, 2000) AS i, array_to_string(ARRAY(
    SELECT (ARRAY['a', '(bc)', 'b', 'bc', '.', '(', ')', '[', ']', '^', '$', '|', '*', '+', '?', '{2}', '{', ',', '9', ' '])[1 + floor(random() * 20)::int]
    FROM generate_series(1, 1 + i % 7)), '') AS p;

-- ---------------------------------------------------------------------------------------------
-- retention
-- ---------------------------------------------------------------------------------------------
CREATE FUNCTION tl(VARIADIC events text[]) RETURNS journey.timeline LANGUAGE sql IMMUTABLE AS $$
    SELECT timeline_agg(i::text, split_part(x, ' ', 2)::timestamp AT TIME ZONE split_part(x, ' ', 3), split_part(x, ' ', 1), NULL, NULL, NULL, NULL)
    FROM unnest(events) WITH ORDINALITY AS y(x, i)
$$;
-- R1: a calendar's day, or 24 hours
SELECT u, retention(tl('A 2026-03-01T23:45 UTC', 'B 2026-03-02T00:01 UTC'), 'A', 'B', 2, u) FROM unnest('{day,24 hours}'::text[]) AS u;
-- R2: days of 23 and 25 hours
SELECT u, retention(tl('A 2024-03-30T23:30 Europe/Berlin', 'B 2024-03-31T23:15 Europe/Berlin'), 'A', 'B', 2, u, 'Europe/Berlin') AS spring,
       retention(tl('A 2024-10-26T23:30 Europe/Berlin', 'B 2024-10-27T23:15 Europe/Berlin'), 'A', 'B', 2, u, 'Europe/Berlin') AS autumn
FROM unnest('{day,24 hours}'::text[]) AS u;
SELECT retention(tl('A 2024-10-27T02:30 Europe/Berlin', 'B 2024-10-27T03:30 Europe/Berlin'), 'A', 'B', 3, 'hour', 'Europe/Berlin');
-- R3: a zone east of UTC
SELECT z, retention(tl('A 2024-01-11T07:00 Asia/Shanghai', 'B 2024-01-11T09:00 Asia/Shanghai'), 'A', 'B', 2, 'day', z) FROM unnest('{UTC,Asia/Shanghai}'::text[]) AS z;
-- R4: weeks from Monday, or from Sunday
SELECT u, retention(tl('A 2024-01-06T12:00 UTC', 'B 2024-01-07T12:00 UTC'), 'A', 'B', 2, u) AS saturday,
       retention(tl('A 2024-01-07T12:00 UTC', 'B 2024-01-08T12:00 UTC'), 'A', 'B', 2, u) AS sunday FROM unnest('{week,sunday_week,7 days}'::text[]) AS u;
-- R7: a return in the start's own period comes after it; a start is not its own return
SELECT retention(tl('A 2026-03-01T10:00 UTC', 'B 2026-03-01T09:00 UTC'), 'A', 'B', 1, 'day') AS before,
       retention(tl('A 2026-03-01T10:00 UTC', 'B 2026-03-01T11:00 UTC'), 'A', 'B', 1, 'day') AS after,
       retention(tl('A 2026-03-01T10:00 UTC'), 'A', 'A', 1, 'day') AS itself,
       retention(tl('A 2026-03-01T10:00 UTC', 'A 2026-03-01T10:00 UTC'), 'A', 'A', 1, 'day') AS same_time,
       retention(tl('B 2026-03-01T10:00 UTC', 'A 2026-03-01T10:00 UTC'), 'A', 'B', 1, 'day') AS whatever_id;
-- R9, R10
SELECT retention(tl('A 2026-03-01T10:00 UTC', 'A 2026-03-08T10:00 UTC'), 'A', 'A', 7, 'day'),
       retention(tl('A 2026-03-01T17:59 UTC', 'B 2026-03-02T17:00 UTC'), 'A', 'B', 1, '24 hours');
SELECT u, retention(tl('A 2026-01-31T10:00 UTC', 'B 2026-02-01T10:00 UTC', 'B 2026-12-31T10:00 UTC', 'B 2027-01-01T00:00 UTC'), 'A', 'B', 12, u)
FROM unnest('{month,quarter,year,30 days}'::text[]) AS u;
SELECT retention(tl('B 2026-03-01T10:00 UTC'), 'A', 'B') AS never_started, retention(NULL::timeline, 'A', 'B') AS no_timeline,
       retention(tl('A 2026-03-01T10:00 UTC', 'B 2026-03-15T10:00 UTC'), 'A', 'B') AS by_default;
SELECT retention('[]'::timeline, 'A', NULL);
SELECT retention('[]', 'A', 'B', -1);
SELECT retention('[]', 'A', 'B', 10001);
SELECT retention('[]', 'A', 'B', 1, 'fortnight');
SELECT retention('[]', 'A', 'B', 1, '0 days');
SELECT retention('[]', 'A', 'B', 1, 'day', 'Mars/Base');
SELECT retention('[]', 'A', 'B', 1, 'day', NULL);
-- how many in each period, in parts too, against counting element by element
SELECT retention_counts(r) FROM (VALUES ('{t,f,t}'::boolean[]), ('{t,NULL}'), (NULL), ('{}'), ('{f,t,t,t}')) AS v (r);
SELECT retention_counts(r) FROM (SELECT '{t}'::boolean[] AS r WHERE false) AS v;
SELECT retention_counts('{{t},{f}}'::boolean[]);
SELECT retention_counts_combine('{1,2}', '{1,1,1}'), retention_counts_combine('{}', '{}'), retention_counts_add('{}', '{}');
SELECT retention_counts_add('{NULL}', '{t}');
SELECT retention_counts_combine('{1}', '{NULL}');
CREATE TABLE returned AS
SELECT n % 7 AS cohort, CASE WHEN n % 11 <> 0 THEN array(SELECT nullif((hashint4(n * 40 + i) & 7) < 3, n % 13 = i)
                                                         FROM generate_series(1, n % 17) AS i) END AS r
FROM generate_series(1, 5000) AS n;
ALTER TABLE returned SET (parallel_workers = 2);
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT retention_counts(r) FROM returned;
SELECT count(*), count(*) FILTER (WHERE c.counts = o.counts)
FROM (SELECT cohort, retention_counts(r) AS counts FROM returned GROUP BY 1) AS c
FULL JOIN (SELECT cohort, array_agg(returned ORDER BY i) AS counts
           FROM (SELECT cohort, i, count(*) FILTER (WHERE b) AS returned
                 FROM returned, unnest(r) WITH ORDINALITY AS u (b, i) GROUP BY 1, 2) AS e GROUP BY 1) AS o USING (cohort);
SELECT retention_counts(r) = (SELECT array_agg(c ORDER BY i) FROM (SELECT i, count(*) FILTER (WHERE b) AS c FROM returned,
       unnest(r) WITH ORDINALITY AS u (b, i) GROUP BY 1) AS e) FROM returned;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
-- R13: the aggregate does not look at order
SELECT retention(n = 'A', n = 'B', n = 'C') FROM unnest('{B,A}'::text[]) AS n;
SELECT retention(n = 'A', n = 'B', NULL) FROM unnest('{B,C}'::text[]) AS n;
SELECT retention(true, false) FROM generate_series(1, 0);
SELECT retention(VARIADIC '{}');
SELECT retention(VARIADIC NULL);
SELECT retention(VARIADIC array_fill(true, ARRAY[33]));
SELECT retention(VARIADIC array_fill(true, ARRAY[x])) FROM generate_series(1, 2) AS x;
SELECT retention_final(0);
SELECT retention_final(1::bigint << 32 | 2);
SELECT retention_combine(1::bigint << 32 | 1, 2::bigint << 32);

-- ---------------------------------------------------------------------------------------------
-- first_at, time_between, days_active, stickiness
-- ---------------------------------------------------------------------------------------------
SELECT first_at(t, 'Signed Up'), first_at(t, 'Nothing'), first_at('[]', '*'), time_between(t, 'page:/', 'Signed Up'),
       time_between(t, 'Signed Up', 'page:/'), time_between(t, 'Signed Up', 'Signed Up'), time_between(t, 'page:/pricing', 'page:/pricing'),
       time_between(t, 'Order Completed', 'page:/pricing') FROM visit;
SELECT time_between(tl('B 2026-03-01T10:00 UTC', 'A 2026-03-01T10:00 UTC'), 'A', 'B') AS one_time,
       time_between(tl('A 2026-03-01T10:00:00.25 UTC', 'B 2026-03-01T10:00:01 UTC'), 'A', 'B');
SELECT days_active(t), days_active(t, time_zone => 'Asia/Tokyo'), days_active(t, 'Order*'), days_active(t, until => '2026-03-01 10:00Z'),
       days_active(t, since => '2026-03-01 20:01Z'), stickiness(t), stickiness(t, 'hour'), stickiness(t, '15 minutes'),
       stickiness(t, 'month', 'kind:identify'), stickiness('[]'), stickiness(NULL), stickiness(t, 'day', 'channel:Email') FROM visit;
-- what is passive makes no day
SELECT days_active(timeline_agg(x)) FROM unnest(ARRAY[e('10:00', 'identify', NULL), e('34:00', 'track', 'x', NULL, 'v', 'server'), e('58:00', 'page', 'y')]) AS x;
SELECT stickiness('[]', 'days');
SELECT stickiness('[]', NULL);
SELECT first_at('[]', NULL);
