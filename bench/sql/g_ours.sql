SELECT count(*), sum(n), max(n)
FROM (SELECT journey.session_number(event_time) OVER (PARTITION BY anonymous_id ORDER BY event_time, id) AS n
    FROM bench.events) AS e;
