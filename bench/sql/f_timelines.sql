-- without user ids: the questions are about devices
DROP TABLE IF EXISTS bench.timelines;
CREATE TABLE bench.timelines AS
SELECT anonymous_id, journey.timeline_agg(id, event_time, name, url, referrer, NULL, revenue) AS timeline
FROM bench.events GROUP BY anonymous_id;
