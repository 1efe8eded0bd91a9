-- attribution: credit for the touches before a conversion, on rows
SET timezone = 'UTC';
\set SHOW_CONTEXT never
\pset null '(null)'

-- credits of every rule; they have 12 digits and sum to exactly 1
SELECT n, rule, journey.credits(n, rule, CASE WHEN n = 3 THEN '{14 days, 7 days, 0}'::interval[]
    ELSE array_fill('1 day'::interval, ARRAY[n]) END, CASE WHEN n > 1 THEN '{"lead": 2}'::jsonb ELSE '{}' END)
FROM generate_series(1, 5) AS n,
    unnest(ARRAY['first', 'last', 'last_non_direct', 'linear', 'position', 'w_shaped', 'time_decay']) AS rule
WHERE n IN (1, 2, 3, 5);
-- direct touches count as last only where nothing else is
SELECT journey.credits(4, 'last_non_direct', NULL, '{"direct": [1, 3, 4]}'),
    journey.credits(2, 'last_non_direct', NULL, '{"direct": [1, 2]}');
-- the lead's touch is also the first, or the last; where nobody knows it, position
SELECT journey.credits(4, 'w_shaped', NULL, '{"lead": 1}') AS first, journey.credits(4, 'w_shaped', NULL, '{"lead": 4}') AS last,
    journey.credits(4, 'w_shaped') AS none, journey.credits(2, 'w_shaped', NULL, '{"lead": 1}') AS of_two;
-- weights in proportion, however they are written
SELECT journey.credits(3, 'position', NULL, '{"position": [0.2, 0.2, 0.6]}') = journey.credits(3, 'position', NULL, '{"position": [20, 20, 60]}') AS same,
    journey.credits(2, 'position', NULL, '{"position": [0, 1, 0]}') AS all_between,
    journey.credits(5, 'w_shaped', NULL, '{"lead": 3, "w_shaped": [22.5, 22.5, 45, 10]}') AS w;
-- half-lives; ages count from the youngest on
SELECT journey.credits(2, 'time_decay', '{7 days, 0}'), journey.credits(2, 'time_decay', '{1 day, 0}', '{"half_life": "1 day"}'),
    journey.credits(2, 'time_decay', '{1007 days, 1000 days}'), journey.credits(2, 'time_decay', '{100000 days, 0}');
SELECT journey.credits(0, 'linear'), journey.credits(NULL, 'linear'), journey.credits(2, 'linear', NULL, NULL);
-- any path sums to 1
SELECT rule, bool_and((SELECT sum(c) FROM unnest(journey.credits(n, rule,
    ARRAY(SELECT (i * i * 7919 % 100003) * interval '1 minute' FROM generate_series(1, n) AS i), '{"lead": 1}')) AS c) = 1)
FROM generate_series(1, 300, 7) AS n, unnest(ARRAY['linear', 'position', 'w_shaped', 'time_decay']) AS rule
GROUP BY rule ORDER BY rule COLLATE "C";
SELECT array_length(journey.credits(1000000, 'linear'), 1);

-- amounts: cents by largest remainder, ties by order of touch, the sign apart
SELECT amount, scale, journey.split_amount(amount, credits, scale)
FROM (VALUES (100.00, 2, journey.credits(3, 'linear')), (0.01, 2, journey.credits(3, 'linear')),
    (-100.00, 2, journey.credits(3, 'linear')), (100, 0, journey.credits(3, 'linear')),
    (1.00, 2, journey.credits(5, 'position')), (7.00, 2, journey.credits(3, 'time_decay', '{14 days, 7 days, 0}')),
    (10.00, 2, journey.credits(3, 'time_decay', '{14 days, 7 days, 0}')), (0, 2, '{0.5,0.5}'), (5, 2, '{}'),
    (1.2345, 2, '{1,1}'), (1, 3, '{0,1,1,1}')) AS t (amount, scale, credits);
SELECT journey.split_amount(1e30, '{1,1,1}', 0), journey.split_amount(NULL, '{1}');
SELECT bool_and((SELECT sum(p) FROM unnest(journey.split_amount(a, journey.credits(n, 'linear'), 2)) AS p) = a)
FROM generate_series(1, 40) AS n, unnest(ARRAY[0.01, 19.99, -123456789.01, 1e15, 0.001]) AS a;

-- amounts and credits of any size and fineness are split alike
SELECT amount, credits, bool_and(journey.split_amount(amount, credits, scale) = journey.split_amount(amount, ARRAY(SELECT c * 1e-20 FROM unnest(credits) AS c), scale))
FROM unnest(ARRAY[0.05, -17.77, 12345678901.23, 0.000000000000007, 9223372036854775.807, 92233720368547758.07, -1e40]) AS amount,
    (VALUES ('{0.333333333334,0.333333333333,0.333333333333}'::numeric[]), ('{3,1,2}'), ('{1e20,1,0}'), ('{0.1234567890123,7}')) AS t (credits),
    generate_series(0, 4) AS scale GROUP BY 1, 2 ORDER BY 1, 2;

-- attribution: both ends of the window are in, by the touch's own time
CREATE VIEW edges AS
SELECT journey.timeline_agg(name, event_time, 'page', 'https://shop.example/?utm_source=' || name || '&utm_medium=cpc', NULL, NULL, NULL) AS t
FROM (VALUES ('too_old', '2026-01-01 00:00:00'::timestamptz - interval '1 microsecond'), ('oldest', '2026-01-01 00:00:00'),
    ('middle', '2026-01-05'), ('at', '2026-01-11'), ('late', '2026-01-11 00:00:00.000001')) AS e (name, event_time);
SELECT a.position, a.path_length, a.credit, a.touched_at, a.source, a.channel
FROM edges, journey.attribution(t, '2026-01-11', 'linear', '10 days') AS a;
-- a conversion before all touches has none; NULLs
SELECT count(*) FROM edges, journey.attribution(t, '2022-05-01', 'first') AS a;
SELECT count(*) FROM journey.attribution(NULL, '2026-01-11', 'first');
SELECT count(*) FROM edges, journey.attribution(t, NULL, 'first');
SELECT count(*) FROM edges, journey.attribution(t, 'infinity', 'time_decay', NULL);
-- several conversions of one person: the same touch earns each
SELECT c.at, a.credit FROM edges, (VALUES ('2026-01-06'::timestamptz), ('2026-01-07')) AS c (at),
    journey.attribution(t, c.at, 'last') AS a WHERE a.credit > 0;

-- last non-direct is by time: a search beats an older campaign, and what comes back from a payment provider is no touch
CREATE VIEW visits AS
SELECT journey.timeline_agg(n::text, event_time, name, url, referrer, NULL, NULL) AS t
FROM (VALUES (1, '2026-02-01'::timestamptz, 'page', 'https://shop.example/?gclid=G1&utm_campaign=x', NULL),
    (2, '2026-02-02', 'page', 'https://shop.example/', 'https://www.google.com/'),
    (3, '2026-02-03', 'Lead', NULL, NULL),
    (4, '2026-02-04', 'page', 'https://shop.example/thanks', 'https://www.paypal.com/'),
    (5, '2026-02-05', 'page', 'https://shop.example/?utm_source=news&utm_medium=email', NULL)) AS e (n, event_time, name, url, referrer);
SELECT a.position, a.touch_type, a.channel, a.campaign, a.credit FROM visits, journey.attribution(t, '2026-02-04 12:00', 'last_non_direct') AS a;
-- the lead's touch is the last at or before the first lead event
SELECT a.position, a.channel, a.credit FROM visits, journey.attribution(t, '2026-02-06', 'w_shaped', options => '{"lead_event": "Lead"}') AS a;
SELECT a.position, a.credit FROM visits, journey.attribution(t, '2026-02-06', 'w_shaped', options => '{"lead_event": "no such"}') AS a;
-- which touches count
SELECT a.position, a.channel, a.credit FROM visits, journey.attribution(t, '2026-02-06', 'linear', options => '{"paid_only": true}') AS a;
SELECT a.position, a.channel, a.credit FROM visits, journey.attribution(t, '2026-02-06', 'linear', options => '{"exclude_channels": ["Direct"]}') AS a;
SELECT a.position, a.channel, a.credit FROM visits, journey.attribution(t, '2026-02-06', 'linear', options => '{"channels": ["Email", "Direct"]}') AS a;
SELECT count(*) FROM visits, journey.attribution(t, '2026-02-06', 'linear', options => '{"channels": []}') AS a;
-- options of sessions: with a timeout of days there is one session, and no direct one
SELECT a.touched_at, a.channel FROM visits, journey.attribution(t, '2026-02-06', 'first', options => '{"timeout": "3 days", "internal_hosts": ["google.com"]}') AS a;

-- what attribution gives is what touches and credits give
SELECT bool_and(a = b) FROM (
    SELECT (SELECT array_agg(credit ORDER BY position) FROM journey.attribution(t, '2026-02-06', rule)) AS a,
        journey.credits(n::int, rule, ages, jsonb_build_object('direct', direct)) AS b
    FROM visits, unnest(ARRAY['first', 'last', 'last_non_direct', 'linear', 'position', 'time_decay']) AS rule,
        LATERAL (SELECT count(*) AS n, array_agg('2026-02-06' - touched_at ORDER BY touched_at) AS ages,
            coalesce(jsonb_agg(number) FILTER (WHERE touch_type = 'direct'), '[]') AS direct
        FROM (SELECT *, row_number() OVER (ORDER BY touched_at) AS number FROM journey.touches(t)) AS x) AS y) AS z;

-- transforms of paths
SELECT transform, args, journey.transform_path(path, transform, args)
FROM unnest(ARRAY['exposure_path', 'first_path', 'unique_path', 'frequency_path']) AS transform, (VALUES (NULL::text[])) AS a (args),
    (VALUES ('{a,a,a,D,a,D,D}'::text[]), ('{D,D}'), ('{}'), (NULL), ('{a,NULL,NULL,a}')) AS p (path);
SELECT transform, args, journey.transform_path(path, transform, args)
FROM (VALUES ('remove_if_not_all', '{D}'::text[]), ('remove_if_last_and_not_all', '{D}'), ('remove_if_not_all', '{D,a}'),
    ('last_n_steps', '{2}'), ('trim_long_path', '{0}'), ('remove_if_not_all', '{NULL}')) AS t (transform, args),
    (VALUES ('{a,a,a,D,a,D,D}'::text[]), ('{D,D}'), ('{NULL,D}')) AS p (path);

-- errors say what to do
SELECT journey.credits(3, 'u_shaped');
SELECT journey.credits(3, NULL);
SELECT journey.credits(-1, 'linear');
SELECT journey.credits(1000001, 'linear');
SELECT journey.credits(2, 'time_decay');
SELECT journey.credits(2, 'time_decay', '{1 day}');
SELECT journey.credits(2, 'time_decay', '{1 day,NULL}');
SELECT journey.credits(2, 'time_decay', '{1 day,-1 day}');
SELECT journey.credits(2, 'time_decay', '{1 month,1 day}');
SELECT journey.credits(2, 'linear', NULL, '{"lead": 3}');
SELECT journey.credits(2, 'linear', NULL, '{"lead": 0}');
SELECT journey.credits(2, 'linear', NULL, '{"direct": [3]}');
SELECT journey.credits(2, 'linear', NULL, '{"halflife": "1 day"}');
SELECT journey.credits(2, 'linear', NULL, '[]');
SELECT journey.credits(2, 'linear', NULL, '{"half_life": 7}');
SELECT journey.credits(2, 'linear', NULL, '{"half_life": "0 days"}');
SELECT journey.credits(2, 'linear', NULL, '{"position": [1, 2]}');
SELECT journey.credits(2, 'linear', NULL, '{"position": [1, -2, 1]}');
SELECT journey.credits(2, 'linear', NULL, '{"position": [1, "x", 1]}');
SELECT journey.credits(2, 'linear', NULL, '{"w_shaped": [0, 0, 0, 0]}');
SELECT journey.split_amount('NaN', '{1}');
SELECT journey.split_amount('Infinity', '{1}');
SELECT journey.split_amount(1, '{0,0}');
SELECT journey.split_amount(1, '{1,-1}');
SELECT journey.split_amount(1, '{1,NULL}');
SELECT journey.split_amount(1, '{1,NaN}');
SELECT journey.split_amount(1, '{1}', -1);
SELECT * FROM journey.attribution('[]'::journey.timeline, now(), 'best');
SELECT * FROM journey.attribution('[]'::journey.timeline, now(), 'first', '1 month');
SELECT * FROM journey.attribution('[]'::journey.timeline, now(), 'first', options => '{"foo": 1}');
SELECT * FROM journey.attribution('[]'::journey.timeline, now(), 'first', options => '{"paid_only": "yes"}');
SELECT * FROM journey.attribution('[]'::journey.timeline, now(), 'first', options => '{"channels": "Email"}');
SELECT journey.transform_path('{a}', 'shuffle');
SELECT journey.transform_path('{a}', NULL);
SELECT journey.transform_path('{a}', 'remove_if_not_all');
SELECT journey.transform_path('{a}', 'exposure_path', '{a}');
SELECT journey.transform_path('{a}', 'last_n_steps', '{x}');
SELECT journey.transform_path('{a}', 'last_n_steps', '{99999999999999999999}');
SELECT journey.transform_path('{{a},{b}}', 'first_path');
DROP VIEW edges, visits;
