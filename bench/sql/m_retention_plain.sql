WITH weeks AS (
    SELECT DISTINCT anonymous_id, date_trunc('week', event_time AT TIME ZONE 'UTC')::date AS week
    FROM bench.events WHERE kind = 'page'),
since AS (
    SELECT week, min(week) OVER (PARTITION BY anonymous_id) AS first FROM weeks)
SELECT first, (week - first) / 7 AS later, count(*)
FROM since
WHERE week > first AND week <= first + 56
GROUP BY 1, 2
ORDER BY 1, 2
