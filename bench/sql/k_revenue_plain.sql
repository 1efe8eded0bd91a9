{raw},
orders AS (
    SELECT DISTINCT ON (order_id) e.*, coalesce(p.person_id, 'visitor:' || e.visitor_id, 'user:' || e.user_id) AS person_id
    FROM events AS e LEFT JOIN people AS p USING (visitor_id)
    WHERE revenue IS NOT NULL
    ORDER BY order_id, at)
SELECT channel, sum(revenue)
FROM (SELECT DISTINCT ON (o.order_id) o.revenue, s.channel
      FROM orders AS o
      LEFT JOIN sessions AS s ON s.person_id = o.person_id AND s.started_at BETWEEN o.at - interval '90 days' AND o.at
      ORDER BY o.order_id, s.started_at DESC) AS o
GROUP BY 1
ORDER BY 1
