SELECT before, after, count(*)
FROM (SELECT path[i - 1] AS before, CASE WHEN i <= cardinality(path) THEN path[i] WHEN conversions > 0 THEN '(conversion)'
        ELSE '(null)' END AS after
    FROM bench.paths, generate_series(1, cardinality(path) + 1) AS i) AS steps
GROUP BY before, after
