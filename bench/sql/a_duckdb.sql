CREATE TABLE sessions AS
WITH started AS (
    SELECT *, CASE WHEN event_time - lag(event_time) OVER w <= INTERVAL 30 MINUTE THEN 0 ELSE 1 END AS starts
    FROM events
    WINDOW w AS (PARTITION BY anonymous_id ORDER BY event_time, id)
), numbered AS (
    SELECT *, sum(starts) OVER w AS session_number
    FROM started
    WINDOW w AS (PARTITION BY anonymous_id ORDER BY event_time, id ROWS UNBOUNDED PRECEDING)
)
SELECT anonymous_id, session_number, min(event_time) AS started_at, max(event_time) AS ended_at,
       count(*) AS events, count(*) FILTER (kind = 'page') AS page_views,
       arg_min(coalesce(url, name), (event_time, id)) FILTER (kind = 'page') AS landing_page,
       arg_min_null(referrer, (event_time, id)) FILTER (kind = 'page') AS referrer
FROM numbered
GROUP BY anonymous_id, session_number;
