WITH people AS (
    SELECT DISTINCT ON (anonymous_id) anonymous_id AS visitor_id, 'user:' || user_id AS person_id
    FROM rudder.identifies WHERE user_id IS NOT NULL
    ORDER BY anonymous_id, "timestamp" DESC)
SELECT substring(url FROM '://[^/?#]+([^?#]*)') AS page_path, min(title), count(*),
       count(DISTINCT coalesce(person_id, 'visitor:' || visitor_id))
FROM (SELECT DISTINCT ON (visitor_id, id) visitor_id, url, title
      FROM rudder.pages CROSS JOIN LATERAL (
          SELECT coalesce(nullif(nullif(anonymous_id, ''), 'null'), 'user:' || user_id) AS visitor_id) AS v
      WHERE visitor_id IS NOT NULL
      ORDER BY visitor_id, id, received_at DESC) AS e
LEFT JOIN people USING (visitor_id)
GROUP BY 1
ORDER BY 3 DESC, 1 LIMIT 20
