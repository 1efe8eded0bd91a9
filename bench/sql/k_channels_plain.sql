{raw}
SELECT date_trunc('week', started_at)::date AS week, channel, count(*)
FROM sessions
GROUP BY 1, 2
ORDER BY 1, 2
