-- What no loader should deliver and nobody should ask for, and some do: one bad row must not stop a
-- refresh, and no setting of the caller may change what it does.
SET client_min_messages = warning;
SET timezone = 'UTC';
\set SHOW_CONTEXT never
CREATE SCHEMA regress_bad;
CREATE TABLE regress_bad.pages (id text, anonymous_id text, user_id text, path text, url text,
    "timestamp" timestamptz, received_at timestamptz, uuid_ts timestamptz);
CREATE TABLE regress_bad.aliases (id text, user_id text, previous_id text, "timestamp" timestamptz,
    received_at timestamptz, uuid_ts timestamptz);
CREATE TABLE regress_bad.order_completed (id text, anonymous_id text, event text, revenue numeric,
    total float8, "timestamp" timestamptz, received_at timestamptz, uuid_ts timestamptz);
SELECT journey.create_model('regress_bad_m', 'regress_bad', '{"earliest": "0001-01-01"}');
SELECT rows_read FROM journey.refresh('regress_bad_m');

-- ids longer than an index takes, amounts whose sum numeric cannot hold, times to which nothing can be added
INSERT INTO regress_bad.aliases
SELECT 'a', 'u', string_agg(md5(i::text), ''), '2026-01-01', '2026-01-01', '2026-01-01'
  FROM generate_series(1, 400) AS i;
INSERT INTO regress_bad.order_completed
SELECT 'o' || n, 'v', 'order_completed', r, t, '2026-01-01', '2026-01-01', '2026-01-01'
  FROM (VALUES (1, ('9' || repeat('0', 131071))::numeric, NULL::float8),
               (2, ('9' || repeat('0', 131071))::numeric, NULL), (3, 'NaN', NULL), (4, '-Infinity', NULL),
               (5, NULL, '1e308'), (6, 1e299, NULL), (7, 1e299, NULL)) AS x (n, r, t);
INSERT INTO regress_bad.pages (id, anonymous_id, "timestamp", uuid_ts) VALUES
    ('p1', 'v', '294276-12-31 23:59:59+00', '2026-01-01'), ('p2', 'v', '294275-12-01', 'infinity'),
    ('p3', 'v', '4714-11-24 00:00:00+00 BC', '2026-01-01'), ('p4', 'v', '2026-01-02', '-infinity');
SELECT rows_read, new, rejected FROM journey.refresh('regress_bad_m');
SELECT source, reason, count(*) FROM regress_bad_m.rejected_events GROUP BY 1, 2 ORDER BY 1, 2;
SELECT revenue = 2e299 AS summed FROM regress_bad_m.profiles WHERE person_id = 'visitor:v';
-- they are read and merged again
INSERT INTO regress_bad.pages (id, anonymous_id, "timestamp", uuid_ts) VALUES
    ('p2', 'v', '294275-12-01 00:00:01', NULL), ('p5', 'v', '294275-12-01 00:10', NULL);
SELECT rows_read, new, rejected FROM journey.refresh('regress_bad_m');
SELECT * FROM journey.verify('regress_bad_m');

-- a load time at the beginning of time, from which no overlap can be taken
CREATE TABLE regress_bad.screens (id text, anonymous_id text, received_at timestamptz, uuid_ts timestamptz);
INSERT INTO regress_bad.screens VALUES ('s1', 'w', '2026-01-01', '4714-11-24 00:00:00+00 BC');
SELECT new FROM journey.refresh('regress_bad_m');
SELECT new FROM journey.refresh('regress_bad_m');

-- traits that are no object; a table whose columns have the names of our aliases
CREATE TABLE regress_bad.leads (t timestamptz, c text, s text, visitor_id text, kind text, traits jsonb);
INSERT INTO regress_bad.leads VALUES
    ('2026-01-01 00:00', 'c', 's', 'x', 'identify', '["a"]'), ('2026-01-01 00:01', 'c', 's', 'x', 'identify', '"b"'),
    ('2026-01-01 00:02', 'c', 's', 'x', 'identify', '{"plan": "gold"}'), ('2026-01-01 00:03', 'c', 's', NULL, 'track', NULL),
    ('2026-01-01 00:03', 'd', 's', NULL, 'track', NULL);
SELECT journey.create_model('regress_bad_own');
SELECT journey.add_source('regress_bad_own', 'regress_bad.leads', NULL, '{"event_time": "t"}');
SELECT rows_read, new, rejected FROM journey.refresh('regress_bad_own');
SELECT person_id, traits, events FROM regress_bad_own.profiles;
SELECT "row" FROM regress_bad_own.rejected_events ORDER BY 1;
SELECT * FROM journey.verify('regress_bad_own');
-- columns with collations that do not go together
CREATE SCHEMA regress_bad_collated;
CREATE TABLE regress_bad_collated.tracks (id text COLLATE "C", anonymous_id text, event text COLLATE "POSIX",
    event_text text COLLATE "C", revenue text COLLATE "POSIX", received_at timestamptz);
CREATE TABLE regress_bad_collated.pages (id text COLLATE "POSIX", anonymous_id varchar(10) COLLATE "C",
    url text COLLATE "POSIX", context_page_url text COLLATE "C", received_at timestamptz);
INSERT INTO regress_bad_collated.tracks VALUES ('1', 'v', 'order_completed', 'Order Completed', '5', '2026-01-01');
INSERT INTO regress_bad_collated.pages VALUES ('2', 'v', NULL, 'https://a.test/', '2026-01-01');
SELECT journey.create_model('regress_bad_collations', 'regress_bad_collated', '{"exclude": {"host": ["b.test"]}}');
SELECT rows_read, new FROM journey.refresh('regress_bad_collations');
SELECT name, url, revenue FROM regress_bad_collations.events;
CREATE TEMP TABLE regress_temp (visitor_id text, event_time timestamptz);
SELECT journey.add_source('regress_bad_own', 'regress_temp');

-- names that look like our own notation
DO $$
DECLARE
    model name;
    differences bigint;
BEGIN
    FOREACH model IN ARRAY ARRAY['a{events}b', '{._batch}', '"%s''%I $1 \1'] LOOP
        PERFORM journey.create_model(model, 'regress_bad', '{"keep_properties": ["{.events} %", "path"]}');
        PERFORM journey.refresh(model);
        PERFORM journey.rebuild(model, from_sources => true);
        SELECT count(*) INTO differences FROM journey.verify(model);
        RAISE WARNING '%: % differences', model, differences;
        PERFORM journey.forget(model, 'nobody');
        PERFORM journey.drop_model(model);
    END LOOP;
END $$;

-- the caller's settings change neither what is stored nor what an option means
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SET backslash_quote = off;
SET quote_all_identifiers = on;
SET DateStyle = 'SQL, DMY';
SELECT journey.create_model('regress_bad_set', 'regress_bad', '{"earliest": "25/12/2003"}');
SELECT journey.create_model('regress_bad_set', 'regress_bad', '{"earliest": "2003-12-25"}');
SELECT new FROM journey.refresh('regress_bad_set');
SELECT * FROM journey.verify('regress_bad_set');
SELECT journey.rebuild('regress_bad_set', true);
SELECT DISTINCT source FROM regress_bad_set.rejected_events ORDER BY 1;
RESET standard_conforming_strings;
RESET backslash_quote;
RESET quote_all_identifiers;
RESET DateStyle;
-- options that no refresh could use
SELECT journey.set_options('regress_bad_set', '{"earliest": "yesterday"}');
SELECT journey.set_options('regress_bad_set', '{"timeout": "178000000 days"}');
SELECT journey.set_options('regress_bad_set', '{"overlap": "2400000 days"}');
SELECT journey.set_options('regress_bad_set', '{"keep_properties": ["path", "path"]}');

-- columns of sessions come before the first refresh too, and with a rebuild; grants and views of others stay
SELECT journey.create_model('regress_bad_kept', 'regress_bad');
SELECT journey.set_options('regress_bad_kept', '{"keep_properties": ["path"]}');
UPDATE regress_bad.pages SET path = '/' || id WHERE id IN ('p4', 'p5');
SELECT new FROM journey.refresh('regress_bad_kept');
SELECT first_path FROM regress_bad_kept.sessions WHERE first_path IS NOT NULL ORDER BY started_at;
CREATE ROLE regress_journey_analyst;
GRANT SELECT ON regress_bad_kept.sessions TO regress_journey_analyst WITH GRANT OPTION;
CREATE VIEW regress_bad.report AS SELECT session_id, first_path FROM regress_bad_kept.sessions;
SELECT journey.set_options('regress_bad_kept', '{"keep_properties": ["path", "url"]}');
SELECT journey.rebuild('regress_bad_kept', from_sources => true);
DROP VIEW regress_bad.report;
SELECT journey.set_options('regress_bad_kept', '{"keep_properties": null}');
SELECT journey.rebuild('regress_bad_kept', from_sources => true);
SELECT has_table_privilege('regress_journey_analyst', 'regress_bad_kept.sessions', 'SELECT WITH GRANT OPTION');
SELECT * FROM journey.verify('regress_bad_kept');
DROP OWNED BY regress_journey_analyst;
DROP ROLE regress_journey_analyst;

-- the triggers of a capture go with the extension: a loader can write on
SELECT journey.create_model('regress_bad_capture', 'regress_bad', '{"capture": "trigger"}');
SELECT rows_read > 0 AS read FROM journey.refresh('regress_bad_capture');
BEGIN;
DROP EXTENSION pg_journey CASCADE;
INSERT INTO regress_bad.pages (id) VALUES ('p9');
DELETE FROM regress_bad.pages WHERE id = 'p9';
ROLLBACK;

SELECT journey.drop_model(model) FROM journey.models WHERE model::text LIKE 'regress\_bad%';
DROP SCHEMA regress_bad, regress_bad_collated CASCADE;
