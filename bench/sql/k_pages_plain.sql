{raw}
SELECT substring(url FROM '://[^/?#]+([^?#]*)') AS page_path, count(*), count(DISTINCT visitor_id)
FROM events
WHERE name = 'page'
GROUP BY 1
ORDER BY 2 DESC, 1 LIMIT 20
