{raw},
steps AS MATERIALIZED (
    SELECT coalesce(p.person_id, e.visitor_id) AS person_id, at,
           CASE WHEN name = 'Order Completed' THEN 3
                WHEN substring(url FROM '://[^/?#]+([^?#]*)') = '/pricing' THEN 1
                WHEN substring(url FROM '://[^/?#]+([^?#]*)') = '/signup' THEN 2 END AS step
    FROM events AS e LEFT JOIN people AS p USING (visitor_id))
SELECT count(DISTINCT a.person_id), count(DISTINCT b.person_id), count(DISTINCT c.person_id)
FROM steps AS a
LEFT JOIN steps AS b ON b.step = 2 AND b.person_id = a.person_id
                    AND b.at > a.at AND b.at <= a.at + interval '7 days'
LEFT JOIN steps AS c ON c.step = 3 AND c.person_id = b.person_id
                    AND c.at > b.at AND c.at <= a.at + interval '7 days'
WHERE a.step = 1
