-- lag, running sum, group by; arrays are in the order of the window below, which spares a sort per session
CREATE UNLOGGED TABLE bench.a_plain AS
WITH started AS (
    SELECT *, CASE WHEN event_time - lag(event_time) OVER w <= interval '30 minutes' THEN 0 ELSE 1 END AS starts
    FROM bench.events
    WINDOW w AS (PARTITION BY anonymous_id ORDER BY event_time, id)
), numbered AS (
    SELECT *, sum(starts) OVER w AS session_number
    FROM started
    WINDOW w AS (PARTITION BY anonymous_id ORDER BY event_time, id ROWS UNBOUNDED PRECEDING)
)
SELECT anonymous_id, session_number, min(event_time) AS started_at, max(event_time) AS ended_at,
       count(*) AS events, count(*) FILTER (WHERE kind = 'page') AS page_views,
       (array_agg(coalesce(url, name)) FILTER (WHERE kind = 'page'))[1] AS landing_page,
       (array_agg(referrer) FILTER (WHERE kind = 'page'))[1] AS referrer
FROM numbered
GROUP BY anonymous_id, session_number;
