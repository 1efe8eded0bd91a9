SELECT landing_page_path, count(*), count(*) FILTER (WHERE revenue > 0) AS with_order
FROM web.sessions
GROUP BY 1
ORDER BY 2 DESC, 1
