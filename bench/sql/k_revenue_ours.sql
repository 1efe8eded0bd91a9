SELECT t.channel, sum(e.revenue)
FROM web.events AS e
LEFT JOIN LATERAL (
    SELECT t.channel FROM web.touches AS t
    WHERE t.person_id = e.person_id AND t.touched_at BETWEEN e.event_time - interval '90 days' AND e.event_time
    ORDER BY t.touched_at DESC, t.touch_id DESC LIMIT 1) AS t ON true
WHERE e.counts_as_revenue
GROUP BY 1
ORDER BY 1
