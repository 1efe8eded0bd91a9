SELECT date_trunc('week', session_date)::date AS week, channel, count(*)
FROM web.sessions
GROUP BY 1, 2
ORDER BY 1, 2
