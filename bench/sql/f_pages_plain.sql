WITH started AS (
    SELECT anonymous_id, id, event_time, kind,
           CASE WHEN event_time - lag(event_time) OVER w <= interval '30 minutes' THEN 0 ELSE 1 END AS starts
    FROM bench.events WINDOW w AS (PARTITION BY anonymous_id ORDER BY event_time, id)
), numbered AS (
    SELECT anonymous_id, kind, sum(starts)
           OVER (PARTITION BY anonymous_id ORDER BY event_time, id ROWS UNBOUNDED PRECEDING) AS n
    FROM started
), sessions AS (
    SELECT count(*) FILTER (WHERE kind = 'page') AS page_views FROM numbered GROUP BY anonymous_id, n
)
SELECT page_views, count(*) FROM sessions GROUP BY page_views ORDER BY page_views;
