-- Reports on a model: their columns, and cases small enough to be done by hand.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = ISO;
\set SHOW_CONTEXT never
\pset null '-'

-- the columns are a promise
SELECT p.proname, string_agg(a.name || ' ' || format_type(a.type, NULL), ', ' ORDER BY a.n) AS columns
FROM pg_proc AS p CROSS JOIN LATERAL unnest(p.proargnames, p.proallargtypes, p.proargmodes) WITH ORDINALITY AS a (name, type, mode, n)
WHERE p.pronamespace = 'journey'::regnamespace AND p.proname ~ '^[a-z].*_report$' AND a.mode = 't'
GROUP BY 1 ORDER BY 1;
SELECT p.oid::regprocedure AS can_be_called, p.pronargs - p.pronargdefaults AS arguments_at_least
FROM pg_proc AS p WHERE p.pronamespace = 'journey'::regnamespace AND p.proname ~ '^([a-z].*_)?report$' ORDER BY p.proname;

CREATE TABLE seen (id serial, visitor_id text, event_time timestamptz, name text, kind text DEFAULT 'track',
    url text, revenue numeric, currency text, order_id text, properties jsonb);
SELECT journey.create_model('small', NULL, '{"time_zone": "Europe/Berlin", "revenue": {"Paid": "revenue"}}');
SELECT journey.add_source('small', 'seen');

-- a start later than the first one may lead to the end; who has time left is still open; a value that changes
INSERT INTO seen (visitor_id, event_time, name, properties) VALUES
    ('re-enters', '2026-03-01 00:00+00', 'A', NULL), ('re-enters', '2026-03-01 00:30+00', 'A', NULL),
    ('re-enters', '2026-03-01 00:45+00', 'B', NULL), ('re-enters', '2026-03-01 01:15+00', 'C', NULL),
    ('late', '2026-03-01 00:00+00', 'A', NULL), ('late', '2026-03-01 02:00+00', 'B', NULL),
    ('tie', '2026-03-01 00:00+00', 'B', NULL), ('tie', '2026-03-01 00:00+00', 'A', NULL),
    ('open', '2026-03-05 11:30+00', 'A', NULL), ('open', '2026-03-05 12:00+00', 'Z', NULL);
SELECT new FROM journey.refresh('small');
SELECT * FROM journey.funnel_report('small', '{A,B,C}', '1 hour');
SELECT step, persons, still_open, dropped FROM journey.funnel_report('small', '{A,B}', '1 hour', options => '{"data_until": "2026-03-05 12:30+00"}');
SELECT step, persons FROM journey.funnel_report('small', '{A,B}', '1 hour', options => '{"strict_increase": true}');
-- since and until bound the start alone
SELECT step, persons FROM journey.funnel_report('small', '{A,B,C}', '1 hour', '2026-03-01 00:10+00', '2026-03-01 00:40+00');
SELECT step, persons FROM journey.funnel_report('small', '{A,B,C}', '1 hour', until => '2026-03-01 00:10+00');
SELECT step, persons FROM journey.funnel_report('small', '{C,B,A}', '1 hour', '2026-03-01 00:40+00', options => '{"any_order": true}');
SELECT value, step, persons FROM journey.funnel_report('small', '{A,B}', '1 hour', by => 'visitor_id') WHERE step = 2 ORDER BY 1;

-- days of the calendar of a zone, also where clocks change; 24 hours from the first event
TRUNCATE seen;
INSERT INTO seen (visitor_id, event_time, name) VALUES
    ('spring', '2024-03-30 23:30 Europe/Berlin', 'S'), ('spring', '2024-03-31 23:15 Europe/Berlin', 'R'),
    ('autumn', '2024-10-26 23:30 Europe/Berlin', 'S'), ('autumn', '2024-10-27 23:15 Europe/Berlin', 'R'),
    ('midnight', '2024-06-01 23:45 Europe/Berlin', 'S'), ('midnight', '2024-06-02 00:01 Europe/Berlin', 'R'),
    ('before', '2024-06-01 10:00 Europe/Berlin', 'S'), ('before', '2024-06-01 09:00 Europe/Berlin', 'R'),
    ('rolls', '2024-01-10 10:00 Europe/Berlin', 'Begin'), ('rolls', '2024-03-10 10:00 Europe/Berlin', 'Again'),
    ('zz', '2024-12-01 00:00 Europe/Berlin', 'Z');
SELECT new FROM journey.refresh('small');
SELECT cohort, persons, period, returned, share FROM journey.retention_report('small', 'S', 'R', 'day', 1, since => '2024-01-01', until => '2025-01-01');
SELECT cohort, persons, period, returned FROM journey.retention_report('small', 'S', 'R', '24 hours', 1, since => '2024-01-01', until => '2025-01-01');
-- a period that is not over has no share, one that has not begun nothing
SELECT period, returned, share, is_complete FROM journey.retention_report('small', 'S', 'R', 'week', 2, since => '2024-10-01', until => '2025-01-01',
    options => '{"data_until": "2024-10-29"}');
-- on a day, or on it and later
SELECT period, returned FROM journey.retention_report('small', 'Begin', 'Again', 'month', 3);
SELECT period, returned FROM journey.retention_report('small', 'Begin', 'Again', 'month', 3, options => '{"rolling": true}');
SELECT * FROM journey.lifecycle_report('small', 'S', 'quarter', '2024-01-01', '2025-01-01');

-- paths, drop-offs and the rest
TRUNCATE seen;
INSERT INTO seen (visitor_id, event_time, kind, url)
SELECT 'p' || p, timestamptz '2026-01-01' + n * interval '1 minute', 'page', 'https://x.test' || path
FROM (VALUES (1, '{/,/a,/b}'::text[]), (2, '{/,/a}'), (3, '{/,/,/c}'), (4, '{/d}')) AS v (p, paths),
     unnest(v.paths) WITH ORDINALITY AS u (path, n);
SELECT new FROM journey.refresh('small');
SELECT * FROM journey.paths_report('small', depth => 3, since => '2026-01-01', until => '2026-01-02');
SELECT step, source, target, persons FROM journey.paths_report('small', depth => 3, since => '2026-01-01', until => '2026-01-02', options => '{"nodes": 1}');
SELECT step, source, target, persons FROM journey.paths_report('small', end_at => 'page:/a', since => '2026-01-01', until => '2026-01-02');
SELECT * FROM journey.top_paths_report('small', 'page:/', depth => 2, since => '2026-01-01', until => '2026-01-02');
SELECT page, views, sessions, entries, exits, bounces, bounce_rate, exit_rate, mean_seconds
FROM journey.page_report('small', '2026-01-01', '2026-01-02');

-- the first exposure counts, what came before it does not; an order told twice counts once
TRUNCATE seen;
INSERT INTO seen (visitor_id, event_time, name, properties, revenue, currency, order_id) VALUES
    ('one', '2026-02-01 10:00+00', 'Exposed', '{"v": "control"}', NULL, NULL, NULL), ('one', '2026-02-01 11:00+00', 'Exposed', '{"v": "test"}', NULL, NULL, NULL),
    ('one', '2026-02-01 12:00+00', 'Paid', NULL, 10, 'EUR', 'o1'), ('one', '2026-02-01 12:01+00', 'Paid', NULL, 10, 'EUR', 'o1'),
    ('two', '2026-02-01 09:00+00', 'Paid', NULL, 99, 'EUR', 'o2'), ('two', '2026-02-01 10:00+00', 'Exposed', '{"v": "test"}', NULL, NULL, NULL),
    ('three', '2026-02-01 10:00+00', 'Exposed', '{"v": "test"}', NULL, NULL, NULL), ('three', '2026-02-03 10:00+00', 'Paid', NULL, 5, 'USD', NULL),
    ('four', '2026-02-01 10:00+00', 'Exposed', '{"v": "control"}', NULL, NULL, NULL), ('four', '2026-02-01 10:00+00', 'Exposed', '{}', NULL, NULL, NULL),
    ('five', '2026-02-01 10:00+00', 'Exposed', '{"v": "odd"}', NULL, NULL, NULL), ('zz', '2026-03-01 10:00+00', 'Z', NULL, NULL, NULL, NULL);
SELECT new FROM journey.refresh('small');
SELECT variant_name, is_control, persons, several_variants, rate, p_value, message
FROM journey.experiment_report('small', 'Exposed', 'v', '{Paid}', '{"control": 1, "test": 1}') WHERE metric = 'exposure';
SELECT metric, goal, variant_name, persons, converted, rate, mean, round(difference::numeric, 6) AS difference, comparisons
FROM journey.experiment_report('small', 'Exposed', 'v', '{Paid}', '{"control": 1, "test": 1}') WHERE metric <> 'exposure';
SELECT variant_name, converted, still_open FROM journey.experiment_report('small', 'Exposed', 'v', '{Paid}', options => '{"within": "1 day", "data_until": "2026-02-02"}')
WHERE metric = 'conversion';
SELECT count(*) FROM journey.experiment_report('small', 'Nothing', 'v', '{Paid}');

-- what is wrong is said
SELECT journey.funnel_report('small', '{}');
SELECT journey.funnel_report('small', NULL);
SELECT journey.funnel_report('small', '{A}', '1 month');
SELECT journey.funnel_report('small', '{A,B}', options => '{"at": "first"}');
SELECT journey.funnel_report('small', '{A,B}', options => '{"per": "visit"}');
SELECT journey.funnel_report('small', '{A,B}', options => '{"until": "2026-01-01"}');
SELECT journey.funnel_report('small', '{A,B}', options => '{"data_until": "soon"}');
SELECT journey.funnel_report('small', '{A,B}', options => '{"any_order": 1}');
SELECT journey.funnel_report('small', '{A,B}', options => NULL);
SELECT journey.funnel_report('small', '{A,B}', by => 'x"; DROP TABLE seen; --');
SELECT journey.funnel_report('small', '{A,B}', by => 'traits.x''; DROP TABLE seen; --') IS NULL AS is_null LIMIT 1;
SELECT journey.funnel_report(NULL, '{A,B}');
SELECT journey.retention_report('small', NULL, 'R');
SELECT journey.retention_report('small', 'S', 'R', periods => -1);
SELECT journey.retention_report('small', options => '{"rolling": "yes"}');
SELECT journey.paths_report('small', options => '{"nodes": 0}');
SELECT journey.paths_report('small', options => '{"of": "clicks"}');
SELECT journey.experiment_report('small', 'Exposed', NULL, '{Paid}');
SELECT journey.experiment_report('small', 'Exposed', 'v', '{Paid}', '{"control": "half"}');
SELECT journey.report('small', options => '{"funnel": "A"}');
SELECT journey.report('small', options => '{"experiments": {}}');
SELECT journey.report('small', options => '{"experiments": [{"what": 1}]}');
SELECT journey.drop_model('small');
