-- Sequences: the cases of ../shared/reference/conversions-and-journeys.md 1.2 and of their kind.
CREATE SCHEMA regress_sequence;
SET search_path = regress_sequence, journey, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
\set VERBOSITY default
\set SHOW_CONTEXT never

-- 'A0 B5': event A at second 0, B at 5; letters together are one event with several conditions
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
CREATE FUNCTION seconds(timestamptz[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT array(SELECT extract(epoch FROM t - timestamptz '2026-01-01+00')::float8 FROM unnest($1) AS t)::text
$$;
-- matches, number, seconds of the first; on rows and on a timeline they must be the same
CREATE FUNCTION s(pattern text, story text, steps text DEFAULT 'A,B') RETURNS text LANGUAGE sql IMMUTABLE AS $$
    WITH rows AS (
        SELECT sequence_match(pattern, at, VARIADIC c) AS m, sequence_count(pattern, at, VARIADIC c) AS n,
               sequence_events(pattern, at, VARIADIC c) AS e
        FROM ev(story), LATERAL (SELECT array_agg(names LIKE '%' || x || '%' ORDER BY i)
                                 FROM string_to_table(steps, ',') WITH ORDINALITY AS y(x, i)) AS z(c)),
    timelines AS (
        SELECT sequence_match(t, pattern, st) AS m, sequence_count(t, pattern, st) AS n,
               sequence_events(t, pattern, st) AS e
        FROM tl(story) AS t, LATERAL (SELECT array_agg('*' || x || '*' ORDER BY i)
                                      FROM string_to_table(steps, ',') WITH ORDINALITY AS y(x, i)) AS z(st))
    SELECT string_agg(DISTINCT m || ' ' || n || ' ' || seconds(e), ' but on timelines ')
    FROM (SELECT * FROM rows UNION ALL SELECT * FROM timelines) AS x
$$;

-- S1: rows of no condition are left out, others part
SELECT s('(?1)(?2)', 'A1 C2 B3'), s('(?1)(?2)', 'A1 C2 B3', 'A,B,C'), s('(?1).*(?2)', 'A1 C2 B3', 'A,B,C');
-- S2: both ends of (?t)
SELECT op, s('(?1)(?t' || op || '10)(?2)', 'A0 B9.999999'), s('(?1)(?t' || op || '10)(?2)', 'A0 B10'),
       s('(?1)(?t' || op || '10)(?2)', 'A0 B10.000001')
FROM unnest(ARRAY['<=', '<', '>=', '>', '==']) AS op;
SELECT s('(?1)(?t<0)(?2)', 'A0 B0'), s('(?1)(?t>=0)(?2)', 'A0 B0'), s('(?1)(?t>0)(?2)', 'A0 B0'),
       s('(?1)(?t<=0.5)(?2)', 'A0 B0.5'), s('(?1)(?t<=0.499999)(?2)', 'A0 B0.5'),
       s('(?1)(?t>=2)(?t<5)(?2)', 'A0 B4'), s('(?1)(?t>=5)(?t<5)(?2)', 'A0 B5');
-- .. and any events may lie between the two
SELECT s('(?1)(?t<=10)(?2)', 'A0 C2 C3 B5', 'A,B,C'), s('(?1)(?t<=4)(?2)', 'A0 C2 B5', 'A,B,C'), s('(?1)(?t>=3)(?2)', 'A0 B2 B5'),
       s('(?1)(?t<=3)(?2)(?1)', 'A0 B2 C3 A5', 'A,B,C');
-- S3: after .* time counts from the last matched event, on whichever side of it the condition stands
SELECT s('(?1).*(?t<=10)(?2)', 'A0 B100'), s('(?1).*(?t>0)(?2)', 'A0 B100'), s('(?1)(?t<=10).*(?2)', 'A0 B100'),
       s('(?1)(?t<=3600)(?2).*(?3)', 'A0 B3600 A4000 C9000', 'A,B,C'), s('(?1).(?t<=1)(?2)', 'A1 B3 B4');
-- S4: what does not match has no events
SELECT s('(?1)(?t<=10)(?2)(?3)', 'A0 B5 B100 C101', 'A,B,C');
-- S5: no row counts twice
SELECT s('(?1).*(?2)', 'A1 B2 A3 B4 A5'), s('(?1)(?2)(?1)', 'A1 B2 A3 B4 A5'), s('(?1)', 'A1 B2 A3'),
       s('..', 'A1 B2 A3 B4 A5'), s('.', 'A1 B2'), s('.*', 'A1 B2'), s('(?1).*', 'A1 B2 A3'), s('.*(?1)', 'B1 A2 A3');
-- S6: a NULL condition is false, a row without a time is none
SELECT sequence_match('(?1)(?2)', at, a, b), sequence_count('(?2)', at, a, b)
FROM (VALUES (timestamptz '2026-01-01', true, NULL), ('2026-01-02', NULL, true), (NULL, true, true)) AS x(at, a, b);
-- S7: one time is in the order of the conditions, whatever came first
SELECT s('(?1)(?2)', 'A1 B1'), s('(?1)(?2)', 'B1 A1'), s('(?2)(?1)', 'A1 B1'), s('(?2)(?1)', 'B1 A1'),
       s('(?1)(?2)', 'AB1 B1'), s('(?1)(?2)', 'A1 AB1'), s('(?1)(?2)', 'AB1');
-- leftmost, then each .* as short as it can be
SELECT s('(?1).*(?2).*(?3)', 'A0 A1 B2 B3 C4 C5', 'A,B,C'), s('(?1).*(?2)(?3)', 'A0 B1 A2 B3 C4', 'A,B,C'),
       s('(?1)(?t>=5).*(?2)', 'A0 B1 B4 B5 B6'), s('(?1).*(?t<=2)(?2)', 'A0 A9 B11'), s('(?1).(?2)', 'A1 A2 B3');
-- blanks do not count; no rows
SELECT s(E' (?1) .* \n(?2)', 'A1 B2'), s(E' (? 1 ) .* \n(?t <= 5 )(?2)', 'A1 B2');
SELECT sequence_match('(?1)', now(), true), sequence_count('(?1)', now(), true), sequence_events('(?1)', now(), true)
FROM generate_series(1, 0);
SELECT sequence_match('[]', '(?1)', '{A}'::text[]), sequence_count(NULL::timeline, '(?1)', '{A}') IS NULL AS is_null,
       sequence_events('[]', '(?1)', '{A}'::text[]);

-- an empty pattern is any event
SELECT s('', 'A1 B2'), s(' ', 'A1'), s('', 'C1'), s('.*', 'C1');

-- what is broken
SELECT s('(?3)', 'A1');
SELECT s('(?0)', 'A1');
SELECT s('(?33)', 'A1');
SELECT s('(?99999999999999999999)', 'A1');
SELECT s('(?1', 'A1');
SELECT s('(1)', 'A1');
SELECT s('(?1)(?2)?', 'A1');
SELECT s('(?x)', 'A1');
SELECT s('(?t<=10)(?1)', 'A1');
SELECT s('(?1)(?t<=10)', 'A1');
SELECT s('(?1)(?t=10)(?2)', 'A1');
SELECT s('(?1)(?t<=)(?2)', 'A1');
SELECT s('(?1)(?t<=-1)(?2)', 'A1');
SELECT s('(?1)(?t<=1.1234567)(?2)', 'A1');
SELECT s('(?1)(?t<=99999999999999)(?2)', 'A1');
SELECT s(repeat('(?1)', 257), 'A1');
SELECT sequence_match(NULL, now(), true);
SELECT sequence_match(tl('A1'), NULL, '{A}');
SELECT sequence_match(tl('A1'), '(?2)', '{A}');
SELECT sequence_match('(?1)' || repeat('.', x), now(), true) FROM generate_series(0, 1) AS x;

-- any text is a pattern, or is refused with 22023
CREATE FUNCTION is_pattern(text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM s($1, 'A1 B2 A3');
    RETURN true;
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN false;
END $$;
SELECT setseed(0.7);
SELECT count(*) AS texts, count(*) FILTER (WHERE is_pattern(p)) BETWEEN 50 AND 1000 AS some_are_patterns
FROM generate_series(1, 2000) AS i, array_to_string(ARRAY(
    SELECT (ARRAY['(?1)', '(?2)', '.', '.*', '(?t<=1)', '(', '?', 't', '>', '1', ')', ' '])[1 + floor(random() * 12)::int]
    FROM generate_series(1, 1 + i % 6)), '') AS p;

-- what came next, and before
CREATE TABLE shop AS SELECT timeline_agg(n::text, at, names, NULL, NULL, NULL, NULL) AS t
FROM ev('Home0 Gift1 Basket2 Home3 Gift4 Basket5 Paid6');
SELECT base, next_event(t, '{Home,Gift}', base), next_event(t, '{Gift}', base), next_event(t, '{Home,Basket}', base),
       previous_event(t, '{Basket,Gift}', base), previous_event(t, '{Paid}', base)
FROM shop, unnest(ARRAY['head', 'tail', 'first_match', 'last_match']) AS base;
SELECT next_event(t, '{Paid}'), previous_event(t, '{Home}'), next_event(t, '{Nothing}'), next_event('[]', '{Home}'),
       next_event(NULL, '{Home}'), next_event(t, '{Home}') FROM shop;
SELECT next_event('[]', '{Home}', 'middle');
SELECT next_event('[]', '{Home}', NULL);

-- over the words of a bitmap, and over chunks of the state; partial states
CREATE TABLE steps AS SELECT i % 3 AS person, timestamptz '2026-01-01' + (i * 7919 % 10007) * interval '1 second' AS at, i * 7919 % 10007 % 5 AS c
FROM generate_series(1, 10006) AS i;
ANALYZE steps;
CREATE TABLE serial AS SELECT person, sequence_count('(?1)(?2).*(?3)(?t<=2)(?2)', at, c = 0, c < 3, c = 4) AS n, sequence_match('(?1)(?2)', at, c = 0, c = 1),
    sequence_events('(?1).*(?2)', at, c = 0, c = 1) FROM steps GROUP BY person;
SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
CREATE TABLE parallel AS SELECT person, sequence_count('(?1)(?2).*(?3)(?t<=2)(?2)', at, c = 0, c < 3, c = 4) AS n, sequence_match('(?1)(?2)', at, c = 0, c = 1),
    sequence_events('(?1).*(?2)', at, c = 0, c = 1) FROM steps GROUP BY person;
SELECT count(*) AS differences FROM (SELECT * FROM parallel EXCEPT SELECT * FROM serial) AS x;
SELECT bool_and(n > 10) AS many, count(*) FROM serial;
