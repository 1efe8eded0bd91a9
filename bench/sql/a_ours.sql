-- raw rows to a table of sessions with the columns of journey.session
CREATE UNLOGGED TABLE bench.a_ours AS
SELECT s.visitor_id AS anonymous_id, s.*
FROM journey.sessionize('SELECT id AS event_id, anonymous_id AS visitor_id, event_time, kind, name, url, referrer, user_id, revenue
                         FROM bench.events', '30 minutes', '{"user_change": false}') AS s;
