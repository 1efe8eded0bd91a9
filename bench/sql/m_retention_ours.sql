SELECT r.first, k.n - 1 AS later, k.returned
FROM (SELECT first, journey.retention_counts(back) AS counts
      FROM (SELECT date_trunc('week', journey.first_at(timeline, 'kind:page') AT TIME ZONE 'UTC')::date AS first,
                   journey.retention(timeline, 'kind:page', 'kind:page', 8) AS back
            FROM bench.timelines) AS t
      GROUP BY first) AS r
CROSS JOIN LATERAL unnest(r.counts) WITH ORDINALITY AS k (returned, n)
WHERE k.returned > 0 AND k.n > 1
ORDER BY 1, 2
