-- The floor of a first refresh: the rows of the model's relations written once, with the keys and the indexes
-- that users need, and the sources read once and split. {store} is the schema of the store. Frozen.
CREATE SCHEMA floor;
CREATE TABLE floor.segments AS TABLE {store}._segments WITH NO DATA;
CREATE TABLE floor.sessions AS TABLE {store}._sessions WITH NO DATA;
CREATE TABLE floor.touches AS TABLE web.touches WITH NO DATA;
CREATE TABLE floor.facts AS TABLE {store}._facts WITH NO DATA;
CREATE TABLE floor.identities AS TABLE web.identities WITH NO DATA;
CREATE TABLE floor.profiles AS TABLE web.profiles WITH NO DATA;
INSERT INTO floor.segments TABLE {store}._segments;
INSERT INTO floor.sessions TABLE {store}._sessions;
INSERT INTO floor.touches TABLE web.touches;
INSERT INTO floor.facts TABLE {store}._facts;
INSERT INTO floor.identities TABLE web.identities;
INSERT INTO floor.profiles TABLE web.profiles;
ALTER TABLE floor.segments ADD PRIMARY KEY (visitor_id, started_at, first_event_id);
ALTER TABLE floor.sessions ADD PRIMARY KEY (visitor_id, started_at, first_event_id);
ALTER TABLE floor.touches ADD PRIMARY KEY (visitor_id, touch_id);
ALTER TABLE floor.facts ADD PRIMARY KEY (visitor_id, event_time, event_id);
ALTER TABLE floor.identities ADD PRIMARY KEY (id, id_type, valid_from, person_id);
ALTER TABLE floor.profiles ADD PRIMARY KEY (person_id);
CREATE INDEX ON floor.sessions (session_id);
CREATE INDEX ON floor.sessions (person_id, started_at);
CREATE INDEX ON floor.touches (person_id, touched_at);
CREATE INDEX ON floor.touches (session_id);
CREATE INDEX ON floor.facts (person_id);
CREATE INDEX ON floor.identities (person_id);
CREATE INDEX ON floor.profiles (email);
CREATE INDEX ON floor.profiles (user_id);
SELECT count(*) FROM journey.sessionize($$
    SELECT id AS event_id, anonymous_id AS visitor_id, user_id, "timestamp" AS event_time, received_at,
           'page' AS kind, name, url, referrer
    FROM rudder.pages WHERE isfinite("timestamp")
    UNION ALL
    SELECT id, anonymous_id, user_id, "timestamp", received_at, 'track', event_text, context_page_url,
           context_page_referrer
    FROM rudder.tracks WHERE isfinite("timestamp")
    UNION ALL
    SELECT id, anonymous_id, user_id, "timestamp", received_at, 'identify', NULL, NULL, NULL
    FROM rudder.identifies WHERE isfinite("timestamp")$$);
