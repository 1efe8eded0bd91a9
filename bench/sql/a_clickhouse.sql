CREATE TABLE sessions ENGINE = MergeTree ORDER BY tuple() AS
WITH started AS (
    SELECT *, if(row_number() OVER w > 1
                 AND dateDiff('microsecond', lagInFrame(event_time) OVER w, event_time) <= 1800000000, 0, 1) AS starts
    FROM events
    WINDOW w AS (PARTITION BY anonymous_id ORDER BY event_time, id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
), numbered AS (
    SELECT *, sum(starts) OVER w AS session_number
    FROM started
    WINDOW w AS (PARTITION BY anonymous_id ORDER BY event_time, id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
)
SELECT anonymous_id, session_number, min(event_time) AS started_at, max(event_time) AS ended_at,
       count() AS events, countIf(kind = 'page') AS page_views,
       argMinIf(if(url = '', name, url), (event_time, id), kind = 'page') AS landing_page,
       argMinIf(referrer, (event_time, id), kind = 'page') AS referrer
FROM numbered
GROUP BY anonymous_id, session_number;
