SELECT count(*), sum(n), max(n)
FROM (SELECT sum(starts) OVER (PARTITION BY anonymous_id ORDER BY event_time, id ROWS UNBOUNDED PRECEDING) AS n
      FROM (SELECT anonymous_id, event_time, id,
                   CASE WHEN event_time - lag(event_time) OVER (PARTITION BY anonymous_id ORDER BY event_time, id)
                             <= interval '30 minutes' THEN 0 ELSE 1 END AS starts
            FROM bench.events) AS l) AS e;
