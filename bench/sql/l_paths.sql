DROP TABLE IF EXISTS bench.paths;
SELECT setseed(0.5);
CREATE TABLE bench.paths AS
SELECT array_agg('Channel ' || (30 ^ random())::int) AS path, (n % 3 = 0)::int::bigint AS conversions,
    CASE WHEN n % 3 = 0 THEN (n % 10007) / 100.0 END AS value, (n % 3 > 0)::int::bigint AS nulls
FROM generate_series(1, 1000000) AS n, generate_series(1, 1 + n % 8) AS step
GROUP BY n;
ANALYZE bench.paths
