WITH weeks AS (
    SELECT DISTINCT person_id, date_trunc('week', session_date)::date AS week FROM web.sessions),
since AS (
    SELECT week, min(week) OVER (PARTITION BY person_id) AS first FROM weeks)
SELECT first, (week - first) / 7 AS later, count(*)
FROM since
GROUP BY 1, 2
ORDER BY 1, 2
