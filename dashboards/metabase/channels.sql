-- Row chart: channel by sessions.
SELECT channel, count(*) AS sessions, count(DISTINCT person_id) AS people,
       avg(CASE WHEN is_bounce THEN 1 ELSE 0 END) AS bounce_rate
FROM web.sessions
WHERE true [[AND started_at >= {{since}}]] [[AND started_at < {{until}}]]
GROUP BY 1
ORDER BY 2 DESC;
