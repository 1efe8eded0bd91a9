-- the same with the few columns that the other engines make
CREATE UNLOGGED TABLE bench.a_ours_few AS
SELECT visitor_id AS anonymous_id, session_number, started_at, ended_at, events, page_views, landing_page, referrer
FROM journey.sessionize('SELECT id AS event_id, anonymous_id AS visitor_id, event_time, kind, name, url, referrer
                         FROM bench.events', '30 minutes', '{"user_change": false}');
