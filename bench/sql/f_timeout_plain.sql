WITH started AS (
    SELECT anonymous_id, id, event_time,
           CASE WHEN event_time - lag(event_time) OVER w <= interval '1 hour' THEN 0 ELSE 1 END AS starts
    FROM bench.events WINDOW w AS (PARTITION BY anonymous_id ORDER BY event_time, id)
), numbered AS (
    SELECT anonymous_id, event_time, sum(starts)
           OVER (PARTITION BY anonymous_id ORDER BY event_time, id ROWS UNBOUNDED PRECEDING) AS n
    FROM started
), sessions AS (
    SELECT anonymous_id, n, count(*) AS events,
           extract(epoch FROM max(event_time) - min(event_time)) AS duration_seconds
    FROM numbered GROUP BY anonymous_id, n
)
SELECT count(*), sum(events * events), sum(duration_seconds), max(n) FROM sessions;
