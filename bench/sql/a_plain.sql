-- lag, running sums, group by; the first page of a session is found in the same windows, which spares a sort
CREATE UNLOGGED TABLE bench.a_plain AS
WITH started AS (
    SELECT *, CASE WHEN event_time - lag(event_time) OVER w <= interval '30 minutes' THEN 0 ELSE 1 END AS starts,
           count(*) FILTER (WHERE kind = 'page') OVER (w ROWS UNBOUNDED PRECEDING) AS page
    FROM bench.events
    WINDOW w AS (PARTITION BY anonymous_id ORDER BY event_time, id)
), numbered AS (
    SELECT *, sum(starts) OVER w AS session_number,
           max(CASE WHEN kind = 'page' THEN page ELSE page + 1 END) FILTER (WHERE starts = 1) OVER w AS first_page
    FROM started
    WINDOW w AS (PARTITION BY anonymous_id ORDER BY event_time, id ROWS UNBOUNDED PRECEDING)
)
SELECT anonymous_id, session_number, min(event_time) AS started_at, max(event_time) AS ended_at,
       count(*) AS events, count(*) FILTER (WHERE kind = 'page') AS page_views,
       max(coalesce(url, name)) FILTER (WHERE kind = 'page' AND page = first_page) AS landing_page,
       max(referrer) FILTER (WHERE kind = 'page' AND page = first_page) AS referrer
FROM numbered
GROUP BY anonymous_id, session_number;
