{raw}
SELECT name, count(*), count(DISTINCT visitor_id)
FROM events
WHERE at >= '2026-10-10 00:00+00' AND at < '2026-10-11 00:00+00'
GROUP BY 1
ORDER BY 2 DESC, 1
