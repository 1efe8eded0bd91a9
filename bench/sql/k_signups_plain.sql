{raw},
known AS (
    SELECT user_id, min("timestamp") AS at FROM rudder.identifies WHERE user_id IS NOT NULL GROUP BY 1)
SELECT date_trunc('week', at)::date AS week, campaign, count(*)
FROM (SELECT DISTINCT ON (k.user_id) k.at, s.campaign
      FROM known AS k LEFT JOIN sessions AS s ON s.person_id = 'user:' || k.user_id
      ORDER BY k.user_id, s.started_at) AS k
GROUP BY 1, 2
ORDER BY 1, 2
