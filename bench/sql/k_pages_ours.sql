SELECT page_path, count(*), count(DISTINCT visitor_id)
FROM web.page_views
GROUP BY 1
ORDER BY 2 DESC, 1 LIMIT 20
