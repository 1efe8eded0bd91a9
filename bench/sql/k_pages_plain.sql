SELECT substring(url FROM '://[^/?#]+([^?#]*)') AS page_path, count(*), count(DISTINCT visitor_id)
FROM (SELECT DISTINCT ON (visitor_id, id) visitor_id, url
      FROM rudder.pages CROSS JOIN LATERAL (
          SELECT coalesce(nullif(nullif(anonymous_id, ''), 'null'), 'user:' || user_id) AS visitor_id) AS v
      WHERE visitor_id IS NOT NULL
      ORDER BY visitor_id, id, received_at DESC) AS e
GROUP BY 1
ORDER BY 2 DESC, 1 LIMIT 20
