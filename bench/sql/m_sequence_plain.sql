SELECT count(DISTINCT anonymous_id)
FROM (SELECT anonymous_id, step, at, lead(step) OVER w AS next, lead(at) OVER w AS next_at
      FROM (SELECT anonymous_id, event_time AS at, substring(url FROM '://[^/?#]+([^?#]*)') AS step
            FROM bench.events WHERE kind = 'page') AS e
      WHERE step IN ('/pricing', '/signup')
      WINDOW w AS (PARTITION BY anonymous_id ORDER BY at, step)) AS s
WHERE step = '/pricing' AND next = '/signup' AND next_at <= at + interval '1 hour'
