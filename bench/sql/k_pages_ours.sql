SELECT page_path, min(title), count(*), count(DISTINCT person_id)
FROM web.page_views
GROUP BY 1
ORDER BY 3 DESC, 1 LIMIT 20
