-- the same with the few columns that the other engines make
CREATE UNLOGGED TABLE bench.a_ours_few AS
SELECT v.anonymous_id, s.session_number, s.started_at, s.ended_at, s.events, s.page_views, s.landing_page,
       s.referrer
FROM (SELECT anonymous_id,
             journey.timeline_agg(id, event_time, name, url, referrer, user_id, revenue) AS timeline
      FROM bench.events GROUP BY anonymous_id) AS v
CROSS JOIN LATERAL journey.sessions(v.timeline, '30 minutes', '{"user_change": false}') AS s;
