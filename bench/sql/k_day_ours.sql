SELECT name, count(*), count(DISTINCT visitor_id)
FROM web.events
WHERE session_date = date '2026-10-10'
GROUP BY 1
ORDER BY 2 DESC, 1
