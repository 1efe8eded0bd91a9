-- Anybody may call the model's own functions with any bytes: an error at worst, never a crash.
\set SHOW_CONTEXT never

-- missing parts
SELECT * FROM journey._split('v', NULL, ARRAY[NULL]::journey._segment[], NULL, NULL, false, '30 min', '{}', NULL, NULL);
SELECT * FROM journey._split('v', NULL, ARRAY[ROW(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)]::journey._segment[],
    NULL, NULL, false, '30 min', '{}', NULL, NULL);
SELECT * FROM journey._split('v', NULL, NULL, NULL, NULL, false, NULL, '{}', NULL, NULL);
SELECT * FROM journey._split('v', NULL, NULL, NULL, NULL, false, '30 min', NULL, NULL, NULL);
SELECT op, new_events FROM journey._split(NULL, NULL, NULL, NULL, NULL, NULL, '30 min', '{}', NULL, NULL);
SELECT journey._segment_part(NULL, NULL, NULL, '30 min', '{}');
SELECT journey._segment_part(false, NULL, '[]', '30 min', '{}');
SELECT journey._segment_part(false, NULL, '[]', NULL, NULL);
SELECT journey._unit('{}', 'UTC');
SELECT journey._unit(ARRAY[NULL]::bytea[], 'UTC');
SELECT journey._unit(ARRAY[''::bytea], 'UTC');
SELECT journey._unit(ARRAY[''::bytea], 'Mars/Olympus');
SELECT * FROM journey._alias_ends('{a,b}', '{b}');
SELECT * FROM journey._alias_ends('{a,NULL}', '{b,c}');
-- two aliases of one id would be a loop without an end
SELECT * FROM journey._alias_ends('{a,a}', '{a,b}');
-- the longest time between two fits no number of microseconds
SELECT * FROM journey._reach('{infinity, NULL, 2024-01-01 00:00Z, -infinity, 2024-01-03 00:00Z}', false);
SELECT * FROM journey._reach('{2024-01-01}', true);
SELECT count(*) FROM journey._reach('{}', false);
SELECT count(*) AS differ
FROM generate_series(1, 200) AS k
CROSS JOIN LATERAL (
    SELECT array_agg(timestamptz '2024-01-01' + abs(hashtext(k || ' ' || i)) % 700 * interval '1 hour') AS times
    FROM generate_series(1, k % 20) AS i) AS t
WHERE (SELECT array_agg(r ORDER BY r) FROM journey._reach(t.times, false) AS r) IS DISTINCT FROM (
    SELECT array_agg(ROW(lo, hi) ORDER BY lo)
    FROM (SELECT min(at) AS lo, max(at) AS hi
          FROM (SELECT at, count(*) FILTER (WHERE apart) OVER (ORDER BY at) AS run
                FROM (SELECT at, at - lag(at) OVER (ORDER BY at) > interval '48 hours' AS apart
                      FROM unnest(t.times) AS at) AS a) AS b
          GROUP BY run) AS c);

-- a segment's state that is none
CREATE TEMP TABLE body AS
SELECT journey.timeline_agg(ROW('e' || i, 'v', CASE i WHEN 3 THEN 'u' END, timestamptz '2024-01-01 00:00Z' + i * interval '1 min',
    NULL, CASE i WHEN 2 THEN 'identify' ELSE 'page' END, 'p', 'https://a.com/?utm_source=s' || i || '&gclid=g' || i, 'https://b.com/',
    i, 'EUR', 'o' || i, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{"k": "é"}', '{"email": "a@b.co"}')::journey.event) AS body
FROM generate_series(1, 4) AS i;
SELECT * FROM body, journey._split('v', NULL, ARRAY[ROW('2024-01-01 00:01Z', 'e1', '00000000-0000-0000-0000-000000000000',
    false, true, '\x01ff', body, false)]::journey._segment[], NULL, NULL, false, '30 min', '{}', NULL, NULL);
SELECT journey._segment_part(false, '\x01ff', body, '30 min', '{}') FROM body;

-- segments out of order, twice, of other visitors
SELECT op, new_events FROM body, journey._split('v', body, ARRAY[
    ROW('2024-01-01 00:04Z', 'e4', '00000000-0000-0000-0000-000000000000', true, false, NULL, body, false),
    ROW('2024-01-01 00:01Z', 'e1', '00000000-0000-0000-0000-000000000000', false, true, NULL, body, true),
    ROW('2024-01-01 00:01Z', 'e1', '00000000-0000-0000-0000-000000000000', false, true, NULL, body, false)]::journey._segment[],
    '{a}', '{b}', false, '30 min', '{}', '{e1,e1}', '{2024-01-01,NULL}')
ORDER BY op;

-- a summary cut short, or with another byte anywhere
CREATE FUNCTION pg_temp.try(part bytea) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM (journey._unit(ARRAY[part, part], 'Asia/Tokyo'))::text;
    RETURN 'row';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END $$;
CREATE TEMP TABLE part AS
SELECT journey._segment_part(false, NULL, body, '30 min', '{"keep_properties": ["k"]}') AS part FROM body;
SELECT pg_temp.try(part) FROM part;
SELECT pg_temp.try(substr(part, 1, n)) AS outcome, count(*) > 0 AS seen
  FROM part, generate_series(0, length(part) - 1) AS n GROUP BY 1;
SELECT bool_and(outcome = 'row' OR outcome ~ '^[0-9A-Z]{5}$') AS ok
  FROM part, generate_series(0, length(part) - 1) AS n, unnest('{0,1,127,128,255}'::int[]) AS b,
       pg_temp.try(set_byte(part, n, b)) AS outcome;
-- what is no text here does not become one
SELECT pg_temp.try(overlay(part PLACING '\xff'::bytea FROM position('\xc3a9'::bytea IN part))),
       pg_temp.try(overlay(part PLACING '\x00'::bytea FROM position('u'::bytea IN part)))
  FROM part;
-- nor are summaries with other properties put together
SELECT journey._unit(ARRAY[p.part, journey._segment_part(false, NULL, body, '30 min', '{"keep_properties": ["k", "l"]}')], 'UTC')
  FROM part AS p, body;

-- many different things in one session, each twice
CREATE TEMP TABLE many AS
SELECT journey.timeline_agg(ROW(i || ' ' || k, 'v', NULL, timestamptz '2024-01-01 00:00Z' + (i + 100 * k) * interval '1 s',
    NULL, 'page', NULL, 'https://a.com/?utm_source=s&gclid=' || i, NULL, 1, 'EUR', 'o' || i, NULL, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL)::journey.event) AS timeline
FROM generate_series(1, 100) AS i, generate_series(0, 1) AS k;
SELECT count(*), count(DISTINCT click_id), max(touched_at) FROM many, journey.touches(timeline);
SELECT events, revenue FROM many, journey.sessions(timeline);
SELECT cardinality(u.touches), u.revenue, u.events
  FROM many, journey._unit(ARRAY[journey._segment_part(false, NULL, timeline, '30 min', '{}'),
                                 journey._segment_part(false, NULL, timeline, '30 min', '{}')], 'UTC') AS u;

-- names that look like places in the statements of a refresh
SET client_min_messages = warning;
CREATE TABLE regress_braces (event_id text, visitor_id text, event_time timestamptz, name text, properties jsonb);
INSERT INTO regress_braces VALUES ('e1', 'v1', '2024-01-01', 'x', '{"pl{an}": "p"}');
SELECT journey.create_model('regress_braces', options =>
    '{"schema": "a\"{touches} {.sessions} \\1 %s $f$", "keep_properties": ["pl{an}", "{_segments}"],
     "capture": "trigger"}');
SELECT journey.add_source('regress_braces', 'regress_braces');
SELECT rows_read, new FROM journey.refresh('regress_braces');
SELECT journey.rebuild('regress_braces', from_sources => true);
SELECT * FROM journey.verify('regress_braces', strict => true);
SELECT visitor_id, "first_pl{an}", "last_{_segments}" FROM "a""{touches} {.sessions} \1 %s $f$".sessions;
SELECT journey.drop_model('regress_braces');
DROP TABLE regress_braces;
