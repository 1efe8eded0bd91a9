-- raw rows to a table of sessions with the columns of journey.session
CREATE UNLOGGED TABLE bench.a_ours AS
SELECT v.anonymous_id, s.*
FROM (SELECT anonymous_id,
             journey.timeline_agg(id, event_time, name, url, referrer, user_id, revenue) AS timeline
      FROM bench.events GROUP BY anonymous_id) AS v
CROSS JOIN LATERAL journey.sessions(v.timeline, '30 minutes', '{"user_change": false}') AS s;
