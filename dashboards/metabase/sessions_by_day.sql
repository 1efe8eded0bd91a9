-- Line chart: session_date, then both series.
SELECT session_date, count(*) AS sessions, count(DISTINCT person_id) AS people
FROM web.sessions
WHERE true [[AND started_at >= {{since}}]] [[AND started_at < {{until}}]]
GROUP BY 1
ORDER BY 1;
