-- The floor of a later refresh, after floor.sql and floor_changes.sql: the rows that changed, deleted and inserted
-- by their keys. Frozen.
DELETE FROM floor.segments AS o USING changes.segments_gone AS g
WHERE (o.visitor_id, o.started_at, o.first_event_id) = (g.visitor_id, g.started_at, g.first_event_id);
DELETE FROM floor.sessions AS o USING changes.sessions_gone AS g
WHERE (o.visitor_id, o.started_at, o.first_event_id) = (g.visitor_id, g.started_at, g.first_event_id);
DELETE FROM floor.touches AS o USING changes.touches_gone AS g
WHERE (o.visitor_id, o.touch_id) = (g.visitor_id, g.touch_id);
DELETE FROM floor.facts AS o USING changes.facts_gone AS g
WHERE (o.visitor_id, o.event_time, o.event_id) = (g.visitor_id, g.event_time, g.event_id);
DELETE FROM floor.identities AS o USING changes.identities_gone AS g
WHERE (o.id, o.id_type, o.valid_from, o.person_id) = (g.id, g.id_type, g.valid_from, g.person_id);
DELETE FROM floor.profiles AS o USING changes.profiles_gone AS g
WHERE o.person_id = g.person_id;
INSERT INTO floor.segments TABLE changes.segments_came;
INSERT INTO floor.sessions TABLE changes.sessions_came;
INSERT INTO floor.touches TABLE changes.touches_came;
INSERT INTO floor.facts TABLE changes.facts_came;
INSERT INTO floor.identities TABLE changes.identities_came;
INSERT INTO floor.profiles TABLE changes.profiles_came;
