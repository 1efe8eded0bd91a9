WITH steps AS MATERIALIZED (
    SELECT anonymous_id, event_time AS at,
           CASE WHEN name = 'Order Completed' THEN 3
                WHEN substring(url FROM '://[^/?#]+([^?#]*)') = '/pricing' THEN 1
                WHEN substring(url FROM '://[^/?#]+([^?#]*)') = '/signup' THEN 2 END AS step
    FROM bench.events WHERE kind = 'page' OR name = 'Order Completed')
SELECT count(DISTINCT a.anonymous_id), count(DISTINCT b.anonymous_id), count(DISTINCT c.anonymous_id)
FROM steps AS a
LEFT JOIN steps AS b ON b.step = 2 AND b.anonymous_id = a.anonymous_id
                    AND b.at >= a.at AND b.at <= a.at + interval '7 days'
LEFT JOIN steps AS c ON c.step = 3 AND c.anonymous_id = b.anonymous_id
                    AND c.at >= b.at AND c.at <= a.at + interval '7 days'
WHERE a.step = 1
