-- Documents that users write, by the conditions of a definition: what holds, and what is refused.
\set SHOW_CONTEXT never
\set VERBOSITY default
CREATE FUNCTION pg_temp.holds(conditions text, properties jsonb) RETURNS boolean
    LANGUAGE sql AS 'SELECT journey._where_holds(conditions, properties)';

-- what holds: one table of conditions, one of properties, and for each pair whether it does
CREATE TEMP TABLE c (n int, conditions text);
INSERT INTO c VALUES
    (1, '{}'),
    (2, '{"plan": "pro"}'),
    (3, '{"total": 19.99}'),
    (4, '{"total": {">": 19.989999999999999999999999, "<=": 19.99}}'),
    (5, '{"total": {">=": 1e1, "<": 2E+1}}'),
    (6, '{"plan": ["free", "pro"]}'),
    (7, '{"plan": {"!=": "pro"}}'),
    (8, '{"plan": {"not in": ["pro", "free"]}}'),
    (9, '{"plan": {"exists": true}}'),
    (10, '{"plan": {"exists": false}}'),
    (11, '{"plan": null}'),
    (12, '{"vip": true}'),
    (13, '{"id": 12345678901234567890}'),
    (14, '{"id": "12345678901234567890"}'),
    (15, '{"a.b": "x"}'),
    (16, '{"a.b.c": 1}'),
    (17, '{"day": {">=": "2026-01-01", "<": "2026-02-01"}}'),
    (18, '{"total": {"in": []}}'),
    (19, '{"n": -0.0}'),
    (20, '{"q\"\\\u00e9\n": "\u0009\ud83d\ude00"}'),
    (21, '{"tags": {"exists": true, "!=": "x"}}'),
    (22, '{"total": {">": 100, "<": 1e400}}');
CREATE TEMP TABLE p (n int, properties jsonb);
INSERT INTO p VALUES
    (1, '{"plan": "pro", "total": 19.99}'), (2, '{"plan": "free", "total": "19.990"}'),
    (3, '{"plan": null, "vip": true, "total": 2e1}'), (4, '{"vip": "true", "n": 0}'),
    (5, '{"id": 12345678901234567890, "n": "0e5"}'), (6, '{"id": 12345678901234567891, "n": "-0"}'),
    (7, '{"id": "12345678901234567890"}'), (8, '{"a.b": "x", "a": {"b": "y"}}'),
    (9, '{"a": {"b": {"c": 1.0}}}'), (10, '{"a": {"b.c": 1}}'), (11, '{"a": {"b": "x"}}'),
    (12, '{"day": "2026-01-31", "tags": ["x"]}'), (13, '{"day": "2026-02-01", "tags": {}}'),
    (14, '[]'), (15, NULL), (16, '{"q\"\\é\n": "\t😀"}'),
    (17, '{"total": 1e131071}'), (18, '{"total": 100.00000000000000000000000000000000001}'),
    (19, '{"total": "abc", "plan": 5}'), (20, '{"total": -1e5, "plan": ["pro"]}');
SELECT c.conditions, array_agg(p.n ORDER BY p.n) FILTER (WHERE pg_temp.holds(c.conditions, p.properties)) AS holds
  FROM c, p GROUP BY c.n, c.conditions ORDER BY c.n;

-- comparing numbers, against numeric
SELECT setseed(0.5);
CREATE TEMP TABLE num AS
SELECT CASE WHEN random() < 0.3 THEN '-' ELSE '' END ||
       CASE WHEN random() < 0.4 THEN '0' ELSE (1 + floor(random() * 30))::int::text END ||
       CASE WHEN random() < 0.5 THEN '' ELSE '.' || lpad(floor(random() * 100)::int::text, 1 + floor(random() * 3)::int, '0') END ||
       CASE WHEN random() < 0.5 THEN '' ELSE (ARRAY['e', 'E', 'e+', 'E-', 'e-'])[1 + floor(random() * 5)::int] || floor(random() * 4)::int END AS x
  FROM generate_series(1, 400);
SELECT count(*) > 100000 AS compared,
       count(*) FILTER (WHERE pg_temp.holds('{"n": {">": ' || a.x || '}}', jsonb_build_object('n', b.x::numeric))
           <> (b.x::numeric > a.x::numeric)) AS wrong_greater,
       count(*) FILTER (WHERE pg_temp.holds('{"n": ' || a.x || '}', jsonb_build_object('n', b.x))
           <> (b.x::numeric = a.x::numeric)) AS wrong_equal
  FROM num AS a, num AS b;

-- what is refused: each names where it stands, and nothing of the values
CREATE PROCEDURE pg_temp.refuse(conditions text) LANGUAGE plpgsql AS $$
DECLARE d text; h text;
BEGIN
    PERFORM journey._where_holds(conditions, '{}');
    RAISE NOTICE 'accepted: %', left(conditions, 60);
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT;
    RAISE NOTICE '% % | % | %', SQLSTATE, SQLERRM, d, h;
END $$;
CALL pg_temp.refuse('');
CALL pg_temp.refuse('[]');
CALL pg_temp.refuse('{"a": {"~": 1}}');
CALL pg_temp.refuse('{"a": {}}');
CALL pg_temp.refuse('{"a": [1, [2]]}');
CALL pg_temp.refuse('{"a": {">": true}}');
CALL pg_temp.refuse('{"a": {"exists": "yes"}}');
CALL pg_temp.refuse('{"a": {"in": 5}}');
CALL pg_temp.refuse('{"a": {"<": [1]}}');
CALL pg_temp.refuse('{"a": 1, "b": {"in": [1, "x" "secret"]}}');
CALL pg_temp.refuse('{"a": 01}');
CALL pg_temp.refuse('{"a": +1}');
CALL pg_temp.refuse('{"a": 1.}');
CALL pg_temp.refuse('{"a": NaN}');
CALL pg_temp.refuse('{"a": nul}');
CALL pg_temp.refuse('{1: 2}');
CALL pg_temp.refuse('{"a": 1, "b": {"x": 1, "x": 2}}');
CALL pg_temp.refuse('{"a": "\u0000"}');
CALL pg_temp.refuse('{"\u0000": 1}');
CALL pg_temp.refuse('{"a": "\ud800"}');
CALL pg_temp.refuse('{"a": "unterminated');
CALL pg_temp.refuse('{"a": "\');
CALL pg_temp.refuse('{"a": 1} {"b": 2}');
CALL pg_temp.refuse('{"a": 1,}');
CALL pg_temp.refuse('{"a": 1}]');
CALL pg_temp.refuse(E'{"a": "tab\there"}');
CALL pg_temp.refuse('{"with space": {"in": [1, {"deep": 1}]}}');
CALL pg_temp.refuse(repeat('[', 100000));
CALL pg_temp.refuse(repeat('{"a":', 33) || '1' || repeat('}', 33));
CALL pg_temp.refuse('{"a": 1' || repeat('0', 1000) || '}');
CALL pg_temp.refuse('{"a": "' || repeat('x', 1024 * 1024) || '"}');
CALL pg_temp.refuse('{"' || repeat('k', 70) || '": {"' || repeat('o', 70) || '": 1}}');
-- what is at the limits is read
SELECT pg_temp.holds('{"a": ' || repeat('9', 1000) || '}', ('{"a": ' || repeat('9', 1000) || '}')::jsonb);
SELECT pg_temp.holds('{"a": [' || string_agg(n::text, ',') || ']}', '{"a": 49990}') FROM generate_series(1, 49990) AS n;
CALL pg_temp.refuse('{"a": [' || repeat('1,', 50000) || '1]}');
-- jansson has what it takes for the documents that need the most
CALL pg_temp.refuse('{"a": [' || repeat('{},', 49900) || '1]}');
CALL pg_temp.refuse('{"a": [' || repeat('[],', 49900) || '1]}');
CALL pg_temp.refuse('{"a": [' || repeat('{"":{}},', 16000) || '1]}');
SELECT string_agg('"k' || n || '":{}', ',') AS members FROM generate_series(1, 24000) AS n \gset
CALL pg_temp.refuse('{' || :'members' || '}');
SELECT pg_temp.holds('{"a": ["' || repeat('x', 1048000) || '"]}', '{"a": "x"}'), pg_temp.holds('{"' || repeat('x', 1048000) || '": 1}', '{"a": "x"}'),
       pg_temp.holds('{' || (SELECT string_agg('"' || repeat('k', 30) || n || '":1', ',') FROM generate_series(1, 24000) AS n) || '}', '{}');
