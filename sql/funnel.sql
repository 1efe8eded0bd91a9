-- Funnels: the cases of ../shared/reference/conversions-and-journeys.md 1.1 and of their kind.
CREATE SCHEMA regress_funnel;
SET search_path = regress_funnel, journey, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
\set VERBOSITY default
\set SHOW_CONTEXT never

-- 'A0 B5': event A at second 0, B at 5; letters together are one event with several conditions.
-- Ids say in which order they came, which must not matter.
CREATE FUNCTION ev(story text) RETURNS TABLE (n bigint, names text, at timestamptz)
LANGUAGE sql IMMUTABLE AS $$
    SELECT n, regexp_replace(e, '[0-9.]+', ''),
           timestamptz '2026-01-01 00:00:00+00' +
           regexp_replace(e, '[A-Za-z]+', '')::float8 * interval '1 second'
    FROM regexp_split_to_table(story, ' +') WITH ORDINALITY AS x(e, n)
$$;
CREATE FUNCTION tl(story text) RETURNS journey.timeline LANGUAGE sql IMMUTABLE AS $$
    SELECT journey.timeline_agg(n::text, at, names, NULL, NULL, NULL, NULL) FROM ev(story)
$$;
-- steps, and the seconds of their times
CREATE FUNCTION f(story text, steps text, within float8, options jsonb DEFAULT '{}')
RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT r.steps || ': ' || array(SELECT extract(epoch FROM t - timestamptz '2026-01-01+00')::float8
                                    FROM unnest(r.times) AS t)::text || coalesce(' ' || r.is_open, '')
    FROM (SELECT (journey.funnel(tl(story), string_to_array(steps, ','),
                                 within * interval '1 second', options)).*) AS r
$$;
-- the aggregate, of one to five steps; a step of several letters is any of them
CREATE FUNCTION w(story text, steps text, within float8, mode text DEFAULT '') RETURNS integer
LANGUAGE sql IMMUTABLE AS $$
    SELECT journey.window_funnel(within * interval '1 second', mode, at, VARIADIC
        (SELECT array_agg(names ~ ('[' || s || ']') ORDER BY i)
         FROM string_to_table(steps, ',') WITH ORDINALITY AS x(s, i)))
    FROM ev(story)
$$;

-- a step is found however a body holds what it asks for: packed, once for many events, beside other bytes
CREATE TABLE written AS
SELECT v, is_url, journey.timeline_agg('e' || n, timestamptz '2026-01-01+00' + n * interval '1 s',
           CASE WHEN n % 3 = 2 THEN CASE WHEN is_url THEN 'page' ELSE v END ELSE 'other' END,
           CASE WHEN n % 3 = 2 AND is_url THEN v ELSE 'https://a.example/else?x=/pricing' END, NULL, NULL, NULL) AS t
FROM (VALUES ('0123456789abcdef0123456789abcdef', false), ('01234567-89ab-cdef-0123-456789abcdef', false),
             ('0123456789ABCDEF0123456789abcdef', false), ('a', false), ('ab', false), ('', false), ('é', false), ('a*b', false),
             ('Signed Up', false), ('https://b.example', true), ('https://b.example/', true), ('b.example', true),
             ('http://b.example?x=1', true), ('https://user:p@b.example:80/pricing/a#b', true), ('https:///b.example/p', true),
             ('HTTPS://b.example/p', true), (' https://b.example/p ', true), (E'https://b.exa\tmple/pri\ncing', true),
             (E'https:\\\\b.example\\p/q', true), ('/pricing', true), ('mailto:a@b.example', true), ('screen one', true),
             ('https://b.example:x/p', true), ('https://%/p', true), ('0123456789abcdef0123456789abcdef', true)) AS w (v, is_url),
     generate_series(1, 6) AS n
GROUP BY 1, 2;
-- the step as it is, with a * at either end, and in the middle; none where another character stands
SELECT v, is_url, url_path(v) AS path,
       (SELECT array_agg((journey.funnel(t, ARRAY[p])).steps || ' ' || journey.sequence_count(t, '(?1)', ARRAY[p]) ORDER BY i)
        FROM unnest(ARRAY[what, what || '*', '*' || what, left(what, 3) || '*' || substr(what, 4), 'Q' || what, what || 'Q']) WITH
             ORDINALITY AS x (y, i), LATERAL (SELECT CASE WHEN is_url THEN 'page:' ELSE '' END || y AS p) AS z WHERE p <> '') AS found
FROM written, LATERAL (SELECT CASE WHEN is_url THEN coalesce(url_path(v), '/') ELSE v END AS what) AS w
ORDER BY is_url, v COLLATE "C";
-- and the same against what plain SQL finds in the events
SELECT s, count(*) FILTER (WHERE (journey.funnel(t, ARRAY[s])).steps = 1 AND (journey.first_at(t, s)) IS NOT NULL) AS found,
       count(*) FILTER (WHERE EXISTS (SELECT FROM journey.events(t) AS e WHERE e.name LIKE replace(replace(s, '%', '\%'), '*', '%'))) AS there
FROM written, unnest('{0123456789abcdef0123456789abcdef,01234567-89ab-cdef-0123-456789abcdef,0123456789*,*cdef,a,a*,*b,*Up,S*d*U*,pa*ge,other,o*,*}'::text[]) AS s
GROUP BY s ORDER BY s COLLATE "C";

-- F1: the window counts from step 1, both ends in; 0 is the same instant
SELECT f('A0 B5 C10', 'A,B,C', 10), f('A0 B5 C11', 'A,B,C', 10), f('A5 B5', 'A,B', 0),
       f('A5 B6', 'A,B', 0);
SELECT w('A0 B5 C10', 'A,B,C', 10), w('A0 B5 C11', 'A,B,C', 10), w('A5 B5', 'A,B', 0);
-- F2: the clock starts at the latest A from which the end is in the window
SELECT f('A0 A30 B45 C75', 'A,B,C', 60), w('A0 A30 B45 C75', 'A,B,C', 60);
-- F3: one time has no order
SELECT f('B1 A1', 'A,B', 60), f('A1 B1', 'A,B', 60), f('B1 A1', 'A,B', 60, '{"strict_increase": true}');
SELECT w('B1 A1', 'A,B', 60), w('A1 B1', 'A,B', 60), w('B1 A1', 'A,B', 60, 'strict_increase');
-- F4: one event, many steps
SELECT f('A1', 'A,A,A', 60), f('A1 A2 A3', 'A,A,A', 60), f('A1', 'A,A,A', 60, '{"once": false}'),
       f('A1 A2 A3', 'A,A,A', 60, '{"once": false, "strict_increase": true}');
SELECT w('A1', 'A,A,A', 60), w('A1', 'A,A,A', 60, 'strict_once'), w('A1 A2 A3', 'A,A,A', 60),
       w('A1 A2 A3', 'A,A,A', 60, 'strict_once'), w('A1 A2 A3', 'A,A,A', 60, 'strict_increase'),
       w('A1 A1 A1', 'A,A,A', 60, 'strict_once');
-- F5: a repeated step, two of whose events have one time
SELECT f('O0 P540 P540 P600', 'O,P,P', 3600), f('O0 P540 P540', 'O,P,P', 3600),
       f('O0 P540', 'O,P,P', 3600);
-- F6: one chain per level is enough, if it is the right one
SELECT w('A0 A1 B1', 'A,B', 60, 'strict_increase'),
       w('A1 B2 C2 D2 B3 C3 D3 B4 C4 D4', 'A,B,C,D', 60, 'strict_increase'),
       w('A1 B2 C2 D2 B3 C3 D3 B4 C4 D4', 'A,B,C,D', 60, 'strict_increase,strict_once'),
       w('A0 B1 B2 C2', 'A,B,C', 60, 'strict_increase');
SELECT f('A1 B2 C2 D2 B3 C3 D3 B4 C4 D4', 'A,B,C,D', 60, '{"strict_increase": true}');
-- F7: strict_deduplication: a repeat of the first step never stops the walk, any other does
SELECT w('A0 B5 C10 A15 B20 A25 B30 C35 D40', 'A,B,C,D', 60, 'strict_deduplication'),
       w('A1 B2 C3 B4 D5', 'A,B,C,D', 60, 'strict_deduplication'),
       w('A1 A2 B3 C4', 'A,B,C,D', 60, 'strict_deduplication'),
       w('A0 B5 A100 B105 C106', 'A,B,C', 60, 'strict_deduplication');
-- F8: strict_order
SELECT w('A1 B2 D3 C4', 'A,B,C', 60, 'strict_order'), w('A1 A2 B3 B4 C5', 'A,B,C', 60, 'strict_order'),
       w('D1 A2 B3', 'A,B', 60, 'strict_order'), w('A1 C2 B3', 'A,B,C', 60, 'strict_order'),
       w('A1 C2 B3 C4', 'A,B,C', 60, 'strict_order,allow_reentry'),
       w('A1 D2 B3 C4', 'A,B,C', 60, 'strict_order, allow_reentry');
SELECT f('A1 B2 D3 C4', 'A,B,C', 60, '{"strict_order": true}'),
       f('A1 A2 B3 B4 C5', 'A,B,C', 60, '{"strict_order": true}'),
       f('D1 A2 B3', 'A,B', 60, '{"strict_order": true}'),
       f('A1 C2 B3', 'A,B,C', 60, '{"strict_order": true}');
-- .. of funnel() ends an attempt, of window_funnel() the walk
SELECT f('A1 D2 A3 B4 C5', 'A,B,C', 60, '{"strict_order": true}'),
       w('A1 D2 A3 B4 C5', 'A,B,C', 60, 'strict_order');
-- F9: what must not come between ends the attempt; a later one may do it
SELECT f('A0 X5 B10', 'A,B', 60, '{"exclude": ["X"]}'),
       f('A0 X5 A20 B30', 'A,B', 60, '{"exclude": "X"}'),
       f('A0 X0 B10 X10', 'A,B', 60, '{"exclude": "X"}'),
       f('A0 B1 X2 C3', 'A,B,C', 60, '{"exclude": {"step": "X", "from": 1, "to": 2}}'),
       f('A0 B1 X2 C3', 'A,B,C', 60, '{"exclude": [{"step": "X", "from": 2}]}'),
       f('A0 B1 X2 B3 C4', 'A,B,C', 60, '{"exclude": [{"step": "X", "from": 2, "to": 3}]}'),
       f('A0 B1 B2 X2 C3', 'A,B,C', 60, '{"exclude": [{"step": "X", "from": 2, "to": 3}]}'),
       f('A0 X5 B5 C10', 'A,B,C', 60, '{"exclude": "X"}'), f('A5 X5 B5 C10', 'A,B,C', 60, '{"exclude": "X"}'),
       f('A0 Y1 B2', 'A,B', 60, '{"exclude": [{"event": "X"}, {"step": {"event": "Y"}}]}');
-- F10: open as long as the window is not over at the time up to which there is data
SELECT s, funnel(timeline_agg(at, 'trial'), '{trial,purchase}', '31 days',
                 jsonb_build_object('until', s))
FROM (VALUES (timestamptz '2025-11-20 12:00+00')) AS e(at),
     unnest(ARRAY['2025-11-28', '2025-12-21T11:59:59Z', '2025-12-21 12:00', '2025-12-21T13:00+01:00',
                  '2025-11-19']) AS s GROUP BY s ORDER BY s;
SELECT f('A0', 'A,B', 60), f('A0 B1', 'A,B', 60), f('B1', 'A,B', 60), f('B1', 'A,B', 60, '{"until": "2026-01-01"}'),
       f('A0 B1 A50', 'A,B,C', 60, '{"until": "2026-01-01 00:01:40"}'),
       f('A0 X1', 'A,B', 60, '{"until": "2026-01-01 00:00:02", "exclude": "X"}');
-- F11: the attempt that counts is the one that gets there first
SELECT f('A3600 B7200 C10800 A14400 B18000 A25200 B36000', 'A,B,C', 86400),
       f('A3600 B7200 C10800 A14400 B18000 A25200 B36000', 'A,B,C', 60);
-- F14: a negative window, months, NULL
SELECT f('A0 B1', 'A,B', -1);
SELECT funnel(tl('A0'), '{A}', '1 month');
SELECT funnel(tl('A0'), '{A}', NULL);
SELECT funnel(NULL, '{A}') IS NULL AS is_null, funnel('[]', '{A}') AS nothing;

-- any order: as many different steps as a window has, in whatever order
SELECT f('C1 A2 B3', 'A,B,C', 60, '{"any_order": true}'), f('C1 A2 B70', 'A,B,C', 60, '{"any_order": true}'),
       f('A0 A1 A2', 'A,A,B', 60, '{"any_order": true}'),
       f('A0', 'A,A,B', 60, '{"any_order": true, "once": false}'),
       f('A0 C5 B8 C9 A10', 'A,B,C', 60, '{"any_order": true}'),
       f('B1', 'A,B', 60, '{"any_order": true, "until": "2026-01-01 00:00:30"}');
SELECT funnel(tl('A0'), '{A,B}', '1 min', '{"any_order": true, "exclude": "X"}');

-- steps: names with *, prefixes, definitions
CREATE TABLE visits AS
SELECT timeline_agg(e ORDER BY random()) AS t
FROM (VALUES
    (ROW('1', 'v', NULL, '2026-01-01 10:00Z', NULL, 'page', NULL, 'https://Shop.example/?utm_source=news&utm_medium=email',
         NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::event),
    (ROW('2', 'v', NULL, '2026-01-01 10:01Z', NULL, 'page', 'Pricing', 'https://shop.example/pricing/pro?x=1',
         NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::event),
    (ROW('3', 'v', NULL, '2026-01-01 10:02Z', NULL, 'track', 'Order Completed', 'https://shop.example/checkout',
         NULL, 120, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
         '{"plan": "pro", "total": 120.00, "items": {"n": 3}}', NULL)::event),
    (ROW('4', 'v', NULL, '2026-01-02 10:00Z', NULL, 'page', NULL, 'https://shop.example/account',
         NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::event),
    (ROW('5', 'v', 'u', '2026-01-02 10:05Z', NULL, 'identify', NULL, NULL,
         NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::event)) AS x(e);
SELECT s, (funnel(t, ARRAY[s])).times[1]
FROM visits, unnest(ARRAY['Order Completed', 'Order*', '*Completed', 'O*r*d', 'order completed', '*', 'kind:page',
    'kind:identify', 'kind:*', 'page:/', 'page:/pricing', 'page:/pricing/*', 'page:/checkout', 'page:*account', 'host:shop.example',
    'host:SHOP.*', 'host:other.example', 'channel:Email', 'channel:direct', 'channel:Organic*',
    '{"event": "Order Completed", "where": {"plan": "pro", "total": {">": 100}}}',
    '{"event": "Order Completed", "where": {"total": {">": 120}}}',
    '{"page": "/pricing/*", "host": "shop.example"}', '{"where": {"items.n": 3}}', '{"event": "*", "kind": "track"}',
    '{"channel": "Email", "page": "/"}']) AS s;
SELECT (funnel(t, '{channel:Email,page:/pricing/*,Order Completed}', '1 hour')).* FROM visits;
SELECT (funnel(t, '{channel:Email,kind:page,kind:page,kind:page}', '7 days', '{"exclude": "kind:identify"}')).* FROM visits;

-- a timeline of times and names: an event goes by its name
SELECT (funnel(timeline_agg(at, name), '{kind:page,kind:track,kind:identify}')).steps
FROM (VALUES (timestamptz '2026-01-01Z', 'page'), ('2026-01-02Z', 'bought'), ('2026-01-03Z', 'identify')) AS x(at, name);

-- what is refused
SELECT funnel('[]', '{}');
SELECT funnel('[]', NULL);
SELECT funnel('[]', '{A,NULL}');
SELECT funnel('[]', '{A,""}');
SELECT funnel('[]', '{{A},{B}}');
SELECT funnel('[]', array_fill('A'::text, ARRAY[33]));
SELECT funnel('[]', ARRAY['A', '{"event": "B", "were": {}}']);
SELECT funnel('[]', ARRAY['{"event": 1}']);
SELECT funnel('[]', ARRAY['{}']);
SELECT funnel('[]', ARRAY['{"event": "B"']);
SELECT funnel('[]', ARRAY['{"where": {"total": {"~": 1}}}']);
SELECT funnel('[]', '{A}', '1 day', NULL);
SELECT funnel('[]', '{A}', '1 day', '[]');
SELECT funnel('[]', '{A}', '1 day', '{"strict": true}');
SELECT funnel('[]', '{A}', '1 day', '{"once": "no"}');
SELECT funnel('[]', '{A}', '1 day', '{"until": "now"}');
SELECT funnel('[]', '{A}', '1 day', '{"until": "2026-02-30"}');
SELECT funnel('[]', '{A}', '1 day', '{"until": "01.02.2026"}');
SELECT funnel('[]', '{A,B}', '1 day', '{"exclude": [{"step": "X", "from": 2, "to": 2}]}');
SELECT funnel('[]', '{A,B}', '1 day', '{"exclude": [{"step": "X", "from": 0}]}');
SELECT funnel('[]', '{A,B}', '1 day', '{"exclude": [7]}');
SELECT funnel('[]', '{A}', '1 day', '{"exclude": "X"}');
SELECT w('A0', 'A', 1, 'strict');
SELECT w('A0', 'A', 1, 'strict_once,');
SELECT w('A0', 'A', 1, 'allow_reentry');
SELECT w('A0', 'A', -1);
SELECT window_funnel('1 day', '', 'infinity', true);
SELECT window_funnel('1 day', '', now(), VARIADIC '{}');
SELECT window_funnel('1 day', '', now(), VARIADIC NULL);
SELECT window_funnel('1 day', '', now(), VARIADIC array_fill(true, ARRAY[33]));
SELECT window_funnel('1 day', NULL, now(), true);
SELECT window_funnel(x * interval '1 day', '', now(), true) FROM generate_series(1, 2) AS x;
SELECT window_funnel('1 day', '', now(), VARIADIC array_fill(true, ARRAY[x])) FROM generate_series(1, 2) AS x;

-- no rows, no times, no conditions that hold
SELECT window_funnel('1 day', '', now(), true) FROM generate_series(1, 0);
SELECT window_funnel('1 day', '', NULL, true), window_funnel('1 day', '', now(), NULL, true);
-- rows beyond the first chunk, over groups, as a window
SELECT g, window_funnel('1 hour', '', timestamptz '2026-01-01' + i * interval '1 second', i % 7 = g, i % 7 = 0, i = 990 + g)
FROM generate_series(1, 1000) AS i, generate_series(0, 2) AS g GROUP BY g ORDER BY g;
SELECT i, window_funnel('1 hour', '', timestamptz '2026-01-01' + i * interval '1 second', i = 1, i = 3, i = 4) OVER (ORDER BY i)
FROM generate_series(1, 5) AS i;

-- workers' states give what one process gives
CREATE TABLE clicks AS
SELECT i % 50 AS person, timestamptz '2026-01-01' + (i * 7919 % 86400) * interval '1 second' AS at, (i * i / 50) % 5 AS step
FROM generate_series(1, 20000) AS i;
ANALYZE clicks;
SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
CREATE FUNCTION plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || query;
END $$;
SELECT count(*) AS partial FROM plan('SELECT person, window_funnel(''1 min'', '''', at, step = 0) FROM clicks GROUP BY person') AS line
WHERE line LIKE '%Partial%Aggregate%';
CREATE TABLE parallel AS
SELECT person, window_funnel('20 minutes', 'strict_order', at, step = 0, step = 1, step = 2, step = 3) FROM clicks GROUP BY person;
SET max_parallel_workers_per_gather = 0;
SELECT count(*) FROM (SELECT * FROM parallel EXCEPT
    SELECT person, window_funnel('20 minutes', 'strict_order', at, step = 0, step = 1, step = 2, step = 3) FROM clicks GROUP BY person) AS x;
SELECT window_funnel, count(*) FROM parallel GROUP BY 1 ORDER BY 1;
