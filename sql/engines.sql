-- Cases that other engines publish for functions of these names, in our words: what they answer beside what we do,
-- shown where the two differ, and why they do.
CREATE SCHEMA regress_engines;
SET search_path = regress_engines, journey, public;
SET timezone = 'UTC';

-- 'A0 B5': event A at second 0, B at 5
CREATE FUNCTION ev(story text) RETURNS TABLE (n bigint, name text, at timestamptz)
LANGUAGE sql IMMUTABLE AS $$
    SELECT n, regexp_replace(e, '[0-9]+', ''), timestamptz '2026-01-01 00:00:00+00' +
           regexp_replace(e, '[A-Z]+', '')::int * interval '1 second'
    FROM regexp_split_to_table(story, ' +') WITH ORDINALITY AS x(e, n)
$$;
CREATE FUNCTION tl(story text) RETURNS journey.timeline LANGUAGE sql IMMUTABLE AS $$
    SELECT journey.timeline_agg(n::text, at, name, NULL, NULL, NULL, NULL) FROM ev(story)
$$;

-- ---------------------------------------------------------------------------------------------
-- ClickHouse's windowFunnel (its test 00632): a step of several letters is any of them. Where a published answer is of
-- an older form of strict_order and allow_reentry, it is that of version 26.9, asked.
-- ---------------------------------------------------------------------------------------------

CREATE TABLE funnels (story text, steps text, within int, mode text, theirs int);
INSERT INTO funnels VALUES
    ('A0 B1 C2 D3 E4 F5 G6 H7 I8', 'A', 10000, '', 1),
    ('A0 B1 C2 D3 E4 F5 G6 H7 I8', 'A,B', 10000, '', 2),
    ('A0 B1 C2 D3 E4 F5 G6 H7 I8', 'A,B,C', 10000, '', 3),
    ('A0 B1 C2 D3 E4 F5 G6 H7 I8', 'A,B,C,I', 10000, '', 4),
    ('A0 B1 C2 D3 E4 F5 G6 H7 I8', 'A', 1, '', 1),
    ('A0 B1 C2 D3 E4 F5 G6 H7 I8', 'D,E,F,G,H', 2, '', 3),
    ('A0 B1 C2 D3 E4 F5 G6 H7 I8', 'D,E,F,G,H', 3, '', 4),
    ('A0 B1 C2 D3 E4 F5 G6 H7 I8', 'D,E,F,G,H', 4, '', 5),
    ('B1 C2 D3 E4 F5 G6 H7 I8', 'B,I', 10000, '', 2),
    ('B1 C2 D3 E4 F5 G6 H7 I8', 'I,B', 10000, '', 1),
    ('B1 C2 D3 E4 F5 G6 H7 I8', 'BCDEFGH,CDEFGHI,BCDEFG,EFGHI', 4, '', 4),
    ('A0 B10 C20 D30 E40 F50 F51 G60 H70 I80', 'A,B,C,D,E,F,G', 10000, 'strict_deduplication', 6),
    ('A0 B10 C20 D30 E40 F50 F51 G60 H70 I80', 'A,B,C,D,E,F,G', 10000, '', 7),
    ('A1 B2 C3 B4 D5', 'A,B,C,D', 86400, 'strict_deduplication', 3),
    ('A0 B1 C1 D1 E2', 'A,B,C,D,E', 10000, '', 5),
    ('A0 B1 C1 D1 E2', 'A,B,C,D,E', 10000, 'strict_increase', 2),
    ('A0 B1 C1 D1 E2', 'E,E,E', 10000, '', 3),
    ('A0 B1 C1 D1 E2', 'E,E,E', 10000, 'strict_once', 1),
    ('A0 B1 C1 D1 E2', 'E,E,E', 10000, 'strict_increase', 1);
-- a story for each of their users, and the answers by mode
INSERT INTO funnels
SELECT s.story, 'A,B,C', 86400, m.mode, m.theirs[s.n]
FROM unnest('{A1 B2 C3,A1 D2 B3 C4,A1 A2 B3 B4 C5 C6,A1 A2 A3 A4 B5 B6 C7 C8,A1 A2 B3 B4 D5 C6 C7,C1 C2 B3 B4 A5 A6,A1 C2 B3}'::text[])
         WITH ORDINALITY AS s (story, n),
     (VALUES ('', '{3,3,3,3,3,1,NULL}'::int[]), ('strict_order', '{3,1,3,3,2,1,1}'),
             ('strict_deduplication,strict_order', '{3,1,2,2,2,1,NULL}')) AS m (mode, theirs)
WHERE m.theirs[s.n] IS NOT NULL;
INSERT INTO funnels
SELECT s.story, m.steps, 86400, m.mode, m.theirs[s.n]
FROM unnest('{A1 B2 A3 C4,A1 B2 A3 B4 C5,A1 B2 C3 B4 D5,A1 C2 B3,A1 B2 C3 A4 B5 C6 D7}'::text[]) WITH ORDINALITY AS s (story, n),
     (VALUES ('A,B,C', 'strict_order', '{3,3,3,1,3}'::int[]), ('A,B,C', 'strict_order,allow_reentry', '{3,3,3,2,3}'),
             ('A,B,C,D', 'strict_order', '{3,3,4,1,4}'), ('A,B,C,D', 'strict_order,allow_reentry', '{3,3,4,2,4}'),
             ('A,B,C', 'strict_order,allow_reentry,strict_deduplication', '{3,2,3,2,3}')) AS m (steps, mode, theirs);
INSERT INTO funnels
SELECT s.story, m.steps, 600, m.mode, m.theirs[s.n]
FROM unnest('{A100 B200 A300 C400,A100 B200 B250 A300 C400,A100 B200 C300}'::text[]) WITH ORDINALITY AS s (story, n),
     (VALUES ('A,B,C', 'strict_order', '{3,3,3}'::int[]), ('A,B,C', 'strict_order,allow_reentry', '{3,3,3}'),
             ('A,B,A,C', 'strict_order', '{1,1,1}'), ('A,B,A,C', 'strict_order,allow_reentry', '{4,4,2}')) AS m (steps, mode, theirs);
-- failures and successes (F, S)
INSERT INTO funnels
SELECT s.story, 'F,F,S', 200, m, s.theirs
FROM (VALUES ('F180 F220 S250', 3), ('F100 F250', 2), ('S200 F210 S230', 1)) AS s (story, theirs),
     unnest('{"strict_once,strict_increase",strict_once,"strict_once,strict_deduplication"}'::text[]) AS m;
-- of equal times, in whatever order they came (its test 01646)
INSERT INTO funnels VALUES ('C0 A86400 B86400', 'A,B,C', 1000000000, '', 2), ('C0 B86400 A86400', 'A,B,C', 1000000000, '', 2);

CREATE VIEW funnel_answers AS
SELECT f.*, (SELECT window_funnel(f.within * interval '1 second', f.mode, e.at, VARIADIC
                 (SELECT array_agg(s LIKE '%' || e.name || '%' ORDER BY i) FROM string_to_table(f.steps, ',') WITH ORDINALITY AS x (s, i)))
             FROM ev(f.story) AS e) AS ours
FROM funnels AS f;
SELECT count(*) AS cases, count(*) FILTER (WHERE ours = theirs) AS equal FROM funnel_answers;
SELECT * FROM funnel_answers WHERE ours <> theirs ORDER BY mode, steps, story;

-- NULL is false; a step of what is not there
SELECT u, window_funnel('1 day', '', at, a = 'a1', a = 'a2') AS "2 2 0 0", window_funnel('1 day', '', at, a = 'a1', b = 'b2') AS "2 1 0 0",
       window_funnel('1 day', '', at, a IS NULL AND b IS NULL) AS "0 0 1 0", window_funnel('1 day', '', at, a IS NULL, b = 'b3') AS "0 0 1 2",
       window_funnel('1 day', 'strict_order', at, a IS NULL, b = 'b3') AS "0 0 1 1"
FROM (VALUES (1, 1, 'a1', 'b1'), (1, 2, 'a2', 'b2'), (2, 1, 'a1', NULL), (2, 2, 'a2', NULL), (3, 1, NULL, NULL),
             (4, 1, NULL, 'b1'), (4, 2, 'a2', NULL), (4, 3, NULL, 'b3')) AS v (u, t, a, b),
     LATERAL (SELECT timestamptz '2026-01-01' + t * interval '1 second' AS at) AS x
GROUP BY u ORDER BY u;

-- ---------------------------------------------------------------------------------------------
-- its sequenceMatch, sequenceCount and sequenceMatchEvents (00222)
-- ---------------------------------------------------------------------------------------------

CREATE TABLE patterns (pattern text, steps text, theirs_match boolean, theirs_count bigint, theirs_events text);
INSERT INTO patterns VALUES
    ('', 'A,B,C,D', true, 12, ''), ('.', 'A,B,C,D', true, 12, ''), ('.*', 'A,B,C,D', true, 12, ''),
    ('(?1)', 'A,B,C,D', true, 8, '0'), ('(?2)', 'A,B,C,D', true, 3, '4'), ('(?3)', 'A,B,C,D', true, 1, '5'),
    ('(?4)', 'A,B,C,D', false, 0, ''), ('(?1)(?1)', 'A,B,C,D', true, 4, '0,1'), ('(?1)(?1)(?1)', 'A,B,C,D', true, 2, '0,1,2'),
    ('(?1)(?1)(?1)(?1)', 'A,B,C,D', true, 2, '0,1,2,3'), ('(?1)(?1)(?1)(?1)(?1)', 'A,B,C,D', false, 0, '0,1,2,3'),
    ('(?1)(?1)(?1)(?1)(?2)', 'A,B,C,D', true, 2, '0,1,2,3,4'), ('(?1)(?t>10)(?2)', 'A,B,C,D', true, 1, '0,11'),
    ('(?1)(?t>11)(?2)', 'A,B,C,D', false, 0, '0'), ('(?1)(?t<11)(?2)', 'A,B,C,D', true, 2, '0,4'),
    ('(?1)(?t<3)(?3)', 'A,B,C,D', true, 1, '3,5'), ('(?1)(?t<=2)(?3)', 'A,B,C,D', true, 1, '3,5'),
    ('(?1)(?t<2)(?3)', 'A,B,C,D', false, 0, '0'), ('(?2)(?t>=7)(?2)', 'A,B,C,D', true, 1, '4,11'),
    ('(?2)(?t>7)(?2)', 'A,B,C,D', false, 0, '4'), ('(?2)(?3)(?1)', 'A,B,C,D', true, 1, '4,5,6'),
    ('(?1)(?t==2)(?2)', 'B,C', false, 0, '4'), ('(?1)(?t==1)(?2)', 'B,C', true, 1, '4,5');
CREATE VIEW pattern_answers AS
SELECT p.*, a.kind, a.m, a.n, array_to_string(array(SELECT extract(epoch FROM t - timestamptz '2026-01-01+00')::int FROM unnest(a.e) AS t), ',') AS events
FROM patterns AS p CROSS JOIN LATERAL (
    SELECT 'rows' AS kind, sequence_match(p.pattern, at, VARIADIC c) AS m, sequence_count(p.pattern, at, VARIADIC c) AS n,
           sequence_events(p.pattern, at, VARIADIC c) AS e
    FROM ev('A0 A1 A2 A3 B4 C5 A6 A7 A8 A9 B10 B11') AS e,
         LATERAL (SELECT array_agg(e.name = s ORDER BY i) FROM string_to_table(p.steps, ',') WITH ORDINALITY AS x (s, i)) AS c (c)
    UNION ALL
    SELECT 'timeline', sequence_match(t, p.pattern, s), sequence_count(t, p.pattern, s), sequence_events(t, p.pattern, s)
    FROM tl('A0 A1 A2 A3 B4 C5 A6 A7 A8 A9 B10 B11') AS t, string_to_array(p.steps, ',') AS s) AS a;
SELECT count(*) AS cases, count(*) FILTER (WHERE m = theirs_match AND n = theirs_count) AS equal,
       count(*) FILTER (WHERE m AND events = theirs_events) AS events_equal, count(*) FILTER (WHERE m) AS of
FROM pattern_answers;
-- where nothing matches there are no events (S4 of the reference); theirs are those of the longest try
SELECT pattern, kind, events, theirs_events FROM pattern_answers
WHERE events <> theirs_events OR m IS DISTINCT FROM theirs_match OR n IS DISTINCT FROM theirs_count ORDER BY 1, 2;
-- a million events between (00823, as ten thousand)
SELECT sequence_match(p, at, VARIADIC c) AS match, sequence_count(p, at, VARIADIC c)
FROM unnest('{(?1).*(?2).*(?3),(?3).*(?2).*(?1),(?1).*(?2).*(?2).*(?3)}'::text[]) WITH ORDINALITY AS x (p, i), generate_series(0, 10000) AS n,
     LATERAL (SELECT timestamptz '2026-01-01' + n * interval '1 second', ARRAY[n = 0, n BETWEEN 1 AND 9999, n = 10000]) AS y (at, c)
GROUP BY i ORDER BY i;

-- ---------------------------------------------------------------------------------------------
-- its sequenceNextNode (01656)
-- ---------------------------------------------------------------------------------------------

CREATE TABLE nodes (direction text, base text, steps text, theirs text[]);  -- of each story, in order
INSERT INTO nodes VALUES
    ('forward', 'head', 'A', '{B,NULL,B,A,B,B}'), ('forward', 'head', 'B', '{NULL,B,NULL,NULL,NULL,NULL}'),
    ('forward', 'head', 'C', '{NULL,NULL,NULL,NULL,NULL,NULL}'), ('forward', 'head', 'E', '{NULL,NULL,NULL,NULL,NULL,NULL}'),
    ('backward', 'tail', 'A', '{NULL,NULL,NULL,NULL,NULL,NULL}'), ('backward', 'tail', 'B', '{NULL,NULL,A,NULL,NULL,NULL}'),
    ('backward', 'tail', 'C', '{NULL,D,NULL,B,A,B}'), ('backward', 'tail', 'D', '{C,NULL,NULL,NULL,NULL,NULL}'),
    ('forward', 'head', 'A,B', '{C,NULL,NULL,NULL,A,A}'), ('forward', 'head', 'A,C', '{NULL,NULL,NULL,NULL,NULL,NULL}'),
    ('backward', 'tail', 'B,A', '{NULL,NULL,NULL,NULL,NULL,NULL}'), ('forward', 'head', 'A,A,B', '{NULL,NULL,NULL,NULL,NULL,NULL}'),
    ('forward', 'first_match', 'A', '{B,NULL,B,A,B,B}'), ('forward', 'first_match', 'A,B', '{C,NULL,NULL,NULL,A,A}'),
    ('forward', 'first_match', 'A,B,C', '{D,NULL,NULL,NULL,NULL,NULL}'), ('forward', 'first_match', 'B', '{C,B,NULL,C,A,A}'),
    ('forward', 'first_match', 'B,B', '{NULL,D,NULL,NULL,NULL,NULL}'), ('forward', 'first_match', 'B,A', '{NULL,NULL,NULL,NULL,C,B}'),
    ('backward', 'first_match', 'A', '{NULL,NULL,NULL,NULL,NULL,NULL}'), ('backward', 'first_match', 'B', '{A,NULL,A,A,A,A}'),
    ('backward', 'first_match', 'B,A', '{NULL,NULL,NULL,A,NULL,NULL}'), ('backward', 'first_match', 'B,B', '{NULL,NULL,NULL,NULL,NULL,NULL}');
CREATE VIEW node_answers AS
SELECT n.*, array_agg(CASE n.direction WHEN 'forward' THEN next_event(tl(s.story), string_to_array(n.steps, ','), n.base)
                                       ELSE previous_event(tl(s.story), string_to_array(n.steps, ','), n.base) END ORDER BY s.i) AS ours
FROM nodes AS n,
     unnest('{A1 B2 C3 D4,B1 B2 D3 C4,A1 B2,A1 A2 A3 B4 C5,A1 B2 A3 C4,A1 B2 A3 B4 C5}'::text[]) WITH ORDINALITY AS s (story, i)
GROUP BY n.direction, n.base, n.steps, n.theirs;
SELECT count(*) AS cases, count(*) FILTER (WHERE ours = theirs) AS equal FROM node_answers;
SELECT * FROM node_answers WHERE ours <> theirs;

-- ---------------------------------------------------------------------------------------------
-- its retention (00688, and the example of its documentation)
-- ---------------------------------------------------------------------------------------------

SELECT u, retention(d = 1, d = 2, d = 3) AS ours, theirs
FROM (VALUES (1, 1, '{t,t,t}'::boolean[]), (1, 2, '{t,t,t}'), (1, 3, '{t,t,t}'), (2, 2, '{f,f,f}'), (2, 3, '{f,f,f}'), (3, 1, '{t,f,t}'), (3, 3, '{t,f,t}'))
     AS v (u, d, theirs) GROUP BY u, theirs ORDER BY u;
-- fifteen users: 0-4 came on the first day, 0-9 on the second, 0-14 on the third
SELECT sum(r[1]::int), sum(r[2]::int), sum(r[3]::int), retention_counts(r)
FROM (SELECT uid, retention(day = 1, day = 2, day = 3) AS r
      FROM generate_series(1, 3) AS day, generate_series(0, day * 5 - 1) AS uid GROUP BY uid) AS x;

SET client_min_messages = warning;
DROP SCHEMA regress_engines CASCADE;
