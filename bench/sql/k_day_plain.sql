SELECT name, count(*), count(DISTINCT visitor_id)
FROM (SELECT DISTINCT ON (visitor_id, id) *
      FROM (SELECT id, anonymous_id, user_id, received_at, 'page' AS name FROM rudder.pages
            WHERE "timestamp" >= '2026-10-10 00:00+00' AND "timestamp" < '2026-10-11 00:00+00'
            UNION ALL
            SELECT id, anonymous_id, user_id, received_at, event_text FROM rudder.tracks
            WHERE "timestamp" >= '2026-10-10 00:00+00' AND "timestamp" < '2026-10-11 00:00+00') AS e
      CROSS JOIN LATERAL (
          SELECT coalesce(nullif(nullif(anonymous_id, ''), 'null'), 'user:' || user_id) AS visitor_id) AS v
      WHERE visitor_id IS NOT NULL
      ORDER BY visitor_id, id, received_at DESC) AS e
GROUP BY 1
ORDER BY 2 DESC, 1
