-- what grouping alone takes
CREATE UNLOGGED TABLE bench.a_floor AS
SELECT anonymous_id, min(event_time), max(event_time), count(*) FROM bench.events GROUP BY anonymous_id;
