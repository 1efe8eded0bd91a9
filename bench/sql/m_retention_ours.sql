SELECT r.first, k.n - 1 AS later, count(*)
FROM (SELECT date_trunc('week', journey.first_at(timeline, 'kind:page') AT TIME ZONE 'UTC')::date AS first,
             journey.retention(timeline, 'kind:page', 'kind:page', 8) AS back
      FROM bench.timelines OFFSET 0) AS r
CROSS JOIN LATERAL unnest(r.back) WITH ORDINALITY AS k (back, n)
WHERE k.back AND k.n > 1
GROUP BY 1, 2
ORDER BY 1, 2
