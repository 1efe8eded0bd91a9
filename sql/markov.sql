-- models of all paths: markov, markov_matrix, shapley
\set SHOW_CONTEXT never
\pset null '(null)'
SET search_path = public, journey;
CREATE TABLE paths (name text, path text, conversions bigint, value numeric, nulls bigint);
INSERT INTO paths VALUES
    ('one in two', 'A>B', 1, 10, 0), ('one in two', 'B', 1, 10, 0),
    ('a single channel', 'A', 3, NULL, 1),
    ('repeats', 'A>A>B', 1, 10, 1), ('repeats', 'A>B>A', 1, 10, 0),
    ('one never converts', 'A', 2, 5.00, 0), ('one never converts', 'A>X', 0, NULL, 3),
    ('no conversions', 'A', 0, NULL, 2),
    ('a path that nobody took', 'B', 3, 3, 2), ('a path that nobody took', 'A>C', 0, NULL, 0),
    ('value where it is', 'a>b', 3, 10, 1), ('value where it is', 'a>c', 1, 30, 1),
    ('refunds', 'a>b', 3, -10, 1), ('refunds', 'a>c', 1, 30, 1),
    ('named as states', '(start)>(conversion)', 1, 2, 3), ('named as states', '(null)>(start)', 3, 1, 2);

-- exact results; channels are listed in order, also those that earn nothing
SELECT p.name, c.* FROM (SELECT name, markov(string_to_array(path, '>'), conversions, value, nulls) AS credits FROM paths GROUP BY name) AS p,
    unnest(credits) AS c ORDER BY 1, 2;
-- depth 2 tells apart what depth 1 does not; both sum to the whole
SELECT depth, c.* FROM (SELECT depth, markov(string_to_array(path, '>'), conversions, value, nulls, depth) AS credits
    FROM (VALUES ('a>b>c', 3, 30, 0), ('d>b>c', 0, 0, 3), ('a>b>e', 0, 0, 2), ('e', 1, 10, 4)) AS p (path, conversions, value, nulls),
        generate_series(1, 2) AS depth GROUP BY depth) AS m, unnest(credits) AS c;
-- the rows of the matrix sum to 1
SELECT m.* FROM (SELECT markov_matrix(string_to_array(path, '>'), conversions, value, nulls) AS m FROM paths WHERE name = 'named as states') AS x,
    unnest(m) AS m;
SELECT m.* FROM (SELECT markov_matrix(string_to_array(path, '>'), conversions, value, nulls, 2) AS m FROM paths WHERE name = 'repeats') AS x,
    unnest(m) AS m;
-- credits and matrix of one pass
SELECT name, cardinality(markov(string_to_array(path, '>'), conversions, value, nulls)),
    cardinality(markov_matrix(string_to_array(path, '>'), conversions, value, nulls)) FROM paths GROUP BY name ORDER BY name;

-- shapley: what a path brings is shared by its channels
SELECT c.* FROM (SELECT shapley(string_to_array(path, '>'), conversions, value) AS credits
    FROM (VALUES ('A>A>B', 6, 60), ('A', 4, 40), ('B>C>A', 3, -30)) AS p (path, conversions, value)) AS s, unnest(credits) AS c;
SELECT count(*), min(c.conversions), max(c.conversions), sum(c.value)
FROM (SELECT shapley((SELECT array_agg('c' || i) FROM generate_series(1, 40) AS i), 1, 99.99) AS credits) AS s, unnest(credits) AS c;

-- NULLs: a path without touches is nobody's, a channel that is NULL is not set, counts that are NULL are none
SELECT markov(path, 1, 1, 1), shapley(path, 1, 1) FROM (VALUES (NULL::text[]), ('{}')) AS p (path);
SELECT markov(path, NULL, NULL, NULL), markov(path, 2, NULL, NULL), shapley(path, 2, NULL) FROM (VALUES ('{a,NULL}'::text[])) AS p (path);
SELECT markov('{a}', 1, 1, 1), markov_matrix('{a}', 1, 1, 1), shapley('{a}', 1, 1) WHERE false;
-- values have 12 digits
SELECT (markov('{a}', 1, v, 0))[1].value FROM (VALUES (0.0000000000004), (0.0000000000005), (-0.0000000000005), (99999999999999999999.99)) AS t (v) GROUP BY v ORDER BY v;

-- any order of rows, and any parallel plan, gives the same bits
CREATE TABLE many AS SELECT i, ARRAY(SELECT 'c' || (i * k * 7919 + k * k * 104729) % 23 FROM generate_series(1, 1 + i % 6) AS k) AS path,
    (i % 4)::bigint AS conversions, (i % 13) * 0.37 AS value, (i % 3)::bigint AS nulls FROM generate_series(1, 20000) AS i;
ALTER TABLE many SET (parallel_workers = 2);
ANALYZE many;
CREATE TABLE result AS SELECT 'serial' AS plan, markov(path, conversions, value, nulls) AS one, markov(path, conversions, value, nulls, 2) AS two,
    shapley(path, conversions, value) AS shapley FROM (SELECT * FROM many ORDER BY i) AS x;
INSERT INTO result SELECT 'backwards', markov(path, conversions, value, nulls), markov(path, conversions, value, nulls, 2),
    shapley(path, conversions, value) FROM (SELECT * FROM many ORDER BY i DESC) AS x;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT markov(path, conversions, value, nulls) FROM many;
INSERT INTO result SELECT 'parallel', markov(path, conversions, value, nulls), markov(path, conversions, value, nulls, 2),
    shapley(path, conversions, value) FROM many;
SELECT count(*), count(DISTINCT one::text), count(DISTINCT two::text), count(DISTINCT shapley::text) FROM result;
SELECT sum(conversions), sum(value) FROM many;
SELECT (SELECT sum(conversions) FROM unnest(one)) AS one, (SELECT sum(value) FROM unnest(one)) AS value, (SELECT sum(conversions) FROM unnest(two)) AS two,
    (SELECT sum(value) FROM unnest(shapley)) AS shapley FROM result WHERE plan = 'serial';
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size;
-- as window functions; the final function leaves the state as it is
SELECT count(DISTINCT m) FROM (SELECT markov(path, conversions, value, nulls) OVER (ORDER BY i)::text AS m FROM many WHERE i <= 50) AS x;

-- ten thousand channels
SELECT count(*), sum(c.conversions), max(c.removal_effect) FROM (SELECT markov(ARRAY['c' || i, 'c' || i + 1], 1, 1, 1) AS credits
    FROM generate_series(1, 9999) AS i) AS m, unnest(credits) AS c;
SELECT count(*), sum(c.conversions), max(c.removal_effect) FROM (SELECT markov(ARRAY['hub', 'c' || i, 'hub'], 1, 1, 1) AS credits
    FROM generate_series(1, 9999) AS i) AS m, unnest(credits) AS c;
SELECT count(*), sum(c.conversions) FROM (SELECT shapley(ARRAY['hub', 'c' || i], 1, 1) AS credits FROM generate_series(1, 9999) AS i) AS m, unnest(credits) AS c;

-- states are bytes, that may come from anywhere
SELECT _path_sums_combine('\x00', '\x00');
SELECT _markov_add(NULL, '{a}', 1, 1, 1);
SELECT _markov_final('\x');
SELECT _markov_final('\x0101000000000001');
SELECT _shapley_final('\x01010000000000000000000000');
SELECT _markov_final('\x010000000000000000000000');
SELECT _markov_final('\x010100000000000000000000');
-- a chain that no paths make: from a only to a
SELECT _markov_final('\x0101000000000002000000016100000001620000000200000001000000010000000000000000000000010000000000000000000000000000000000000002ffffffff00000000000000000000000100000000000000000000000000000000');
-- errors
SELECT markov('{a}', -1, 1, 1);
SELECT markov('{a}', 1, 1, -1);
SELECT shapley('{a}', 1, 'NaN');
SELECT markov('{a}', 1, 'Infinity', 1);
SELECT markov('{a}', 1, 1e20, 1);
SELECT markov('{a}', c, 1, 1) FROM (VALUES (9223372036854775807), (1)) AS t (c);
SELECT markov('{a}', 1, 1, 1, 3);
SELECT markov('{a}', 1, 1, 1, NULL);
SELECT markov('{a}', 1, 1, 1, depth) FROM generate_series(1, 2) AS depth;
SELECT markov('{{a,b}}', 1, 1, 1);
DROP TABLE paths, many, result;
