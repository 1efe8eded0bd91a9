-- The catalog of models: creation, options, sources, rights.
SET client_min_messages = warning;
-- where the store is not part of this build, its one table that the catalog looks at
DO $$
BEGIN
    IF to_regprocedure('journey._create_store(name)') IS NULL THEN
        CREATE FUNCTION journey._create_store(schema name) RETURNS void LANGUAGE plpgsql AS $f$
        BEGIN
            EXECUTE format('CREATE TABLE %I._segments (visitor_id text)', schema);
        END $f$;
    END IF;
END $$;
SELECT journey.create_model('regress_a', 'regress_absent');
CREATE ROLE regress_journey_owner;
CREATE ROLE regress_journey_member IN ROLE regress_journey_owner;
CREATE ROLE regress_journey_other;
DO $$
BEGIN
    EXECUTE format('GRANT CREATE ON DATABASE %I TO regress_journey_owner, regress_journey_other',
                   current_database());
END $$;
GRANT USAGE ON SCHEMA journey TO regress_journey_owner, regress_journey_other;
CREATE SCHEMA regress_loader;
CREATE TABLE regress_loader.tracks (
    id text, anonymous_id text, user_id text, event text, event_text text,
    "timestamp" timestamptz, received_at timestamptz, uuid_ts timestamptz);
CREATE TABLE regress_loader.leads (
    id int, customer text, created timestamptz, amount text, day int, extra jsonb);
GRANT USAGE ON SCHEMA regress_loader TO regress_journey_owner;
GRANT SELECT ON ALL TABLES IN SCHEMA regress_loader TO regress_journey_owner;
RESET client_min_messages;
\set SHOW_CONTEXT never

-- a model is its creator's
SET ROLE regress_journey_owner;
SELECT journey.create_model('regress_web', 'regress_loader');
SELECT model, schema, owner, version, rebuild_due, options, sources FROM journey.models;
SELECT journey.create_model('regress_web');
SELECT journey.create_model(NULL);
SELECT journey.create_model('');
SELECT journey.create_model('regress_b', 'regress_absent');
\set VERBOSITY terse
SELECT journey.create_model('regress_b', NULL, '{"schema": "regress_web"}');
\set VERBOSITY default
SELECT journey.create_model('regress_b', NULL, '{"schema": "regress_loader"}');

SELECT journey.create_model('journey');

-- options
SELECT journey.create_model('regress_b', NULL, '{"time_out": "1 hour"}');
SELECT journey.create_model('regress_b', NULL, '[]');
SELECT journey.create_model('regress_b', NULL, NULL);
CREATE TEMP TABLE wrong (options jsonb);
INSERT INTO wrong VALUES
    ('{"timeout": 30}'), ('{"timeout": "half an hour"}'), ('{"timeout": "0"}'),
    ('{"timeout": "-1 hour"}'), ('{"timeout": "1 month"}'), ('{"timeout": "1 year -12 months"}'),
    ('{"max_duration": "1 year"}'), ('{"max_future": "-1 s"}'), ('{"overlap": true}'),
    ('{"new_campaign": "yes"}'), ('{"midnight": true}'), ('{"midnight": "Mars/Base"}'),
    ('{"time_zone": "UTC+3:00"}'), ('{"time_zone": ""}'), ('{"passive_events": "Ping"}'),
    ('{"passive_events": ["Ping", 1]}'), ('{"passive_events": [""]}'), ('{"max_users_per_visitor": 0}'),
    ('{"max_users_per_visitor": 1.5}'), ('{"max_users_per_visitor": "5"}'), ('{"email_trait": ""}'),
    ('{"stitch": "graph"}'), ('{"stitch": "last"}'), ('{"stitch": "first"}'), ('{"stitch": "magic"}'),
    ('{"stitch": 1}'), ('{"profiles": "some"}'), ('{"profiles": ["all"]}'), ('{"earliest": "soon"}'),
    ('{"earliest": "-infinity"}'), ('{"earliest": 2000}'), ('{"capture": "trigger"}'),
    ('{"capture": "magic"}'), ('{"conversions": {}}'), ('{"currency": "EUR"}'), ('{"rates": "x"}'),
    ('{"redact": ["email"]}'), ('{"schema": 1}'), ('{"exclude": ["x"]}'), ('{"exclude": {"path": ["x"]}}'),
    ('{"exclude": {"host": "x"}}'), ('{"exclude": {"ip": ["10.0.0.0/8", "here"]}}'), ('{"revenue": "total"}'),
    ('{"revenue": {"Order": []}}'), ('{"revenue": {"Order": 1}}'), ('{"index_sources": 1}');
DO $$
DECLARE
    given jsonb;
    detail text;
    hint text;
BEGIN
    FOR given IN SELECT options FROM wrong LOOP
        BEGIN
            PERFORM journey._check_options(given);
            RAISE INFO 'accepted: %', given;
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
            RAISE INFO '% % %', SQLSTATE, SQLERRM, concat_ws(' ', nullif(detail, ''), nullif(hint, ''));
        END;
    END LOOP;
END $$;
SELECT journey._check_options('{
    "timeout": "1 day", "new_campaign": true, "midnight": "europe/berlin", "max_duration": "12 hours",
    "session_key": true, "user_change": false, "passive_events": ["Ping"], "stitch": "interval",
    "max_users_per_visitor": 3, "email_trait": "mail", "internal_hosts": ["a.example"],
    "ignored_referrers": [], "internal_users": ["*@a.example"], "lookback": "30 days",
    "time_zone": "Asia/Tokyo", "profiles": "identified", "keep_properties": ["plan"],
    "exclude": {"host": ["staging.*"], "ip": ["10.0.0.0/8", "::1"], "user_agent": ["*bot*"], "user_id": ["qa-*"]},
    "revenue": {"Paid": ["amount", "-fee"]}, "earliest": "2015-01-01", "max_future": "0", "overlap": "5 min",
    "index_sources": true, "capture": "refresh", "schema": null}') - 'exclude' - 'revenue';
\x on
SELECT * FROM journey._settings('{"timeout": "1 day 6 hours", "lookback": "90 days", "overlap": null}');
\x off

-- before the first refresh options are in force at once, afterwards some wait for a rebuild
SELECT journey.set_options('regress_web', '{"timeout": "1 hour", "exclude": {"ip": ["10.0.0.0/8"]}}');
SELECT options, options_due, rebuild_due FROM journey.models;
SELECT journey._catalog('refreshed', 'regress_web',
    '{"started_at": "2026-01-01 00:00:00+00", "counts": {"rows_read": 7, "new": 5}, "phases": {"read": 1.5}}');
SELECT journey.set_options('regress_web', '{"index_sources": true, "timeout": "1 hour"}');
SELECT journey.set_options('regress_web', '{"timeout": "2 hours", "time_zone": "Asia/Tokyo"}');
SELECT options, options_due, rebuild_due FROM journey.models;
SELECT journey.set_options('regress_web', '{"timeout": null, "exclude": null}');
SELECT options, options_due, rebuild_due FROM journey.models;
SELECT (journey._apply_options(journey._lock_model('regress_web'))).options;
SELECT options, options_due, rebuild_due FROM journey.models;
SELECT journey.set_options('regress_web', '{"time_zone": "Europe/Paris"}');
SELECT journey.set_options('regress_web', '{"time_zone": "Asia/Tokyo"}');
SELECT journey.set_options('regress_web', '{"schema": "other"}');
SELECT journey.set_options('regress_web', '{"schema": "regress_web"}');
SELECT journey.set_options('regress_web', '{"timeout": "x"}');
SELECT journey.set_options('regress_nope', '{}');
SELECT model, version, rows_read, new, duplicate, phases FROM journey.refresh_log;

-- sources
SELECT journey.add_schema('regress_web', 'regress_loader');
SELECT journey.add_schema('regress_web', 'regress_web');
SELECT journey.add_schema('regress_web', 'regress_absent');
SELECT journey.add_schema('regress_web', NULL);
SELECT journey.add_schema('regress_web', 'public', '{"tables": []}');
SELECT journey.add_schema('regress_web', 'public', '{"exclude_tables": "x"}');
SELECT journey.add_schema('regress_web', 'public', '{"event_names": ["x"]}');
SELECT journey.add_schema('regress_web', 'public', '{"event_names": {"x": 1}}');
SELECT journey.add_schema('regress_web', 'public', '{"event_names": {"tracks": "x"}}');
SELECT journey.add_schema('regress_web', 'public', '{"exclude_tables": ["tmp_*"]}');
SELECT journey.add_source('regress_web', 'regress_loader.nothing');
SELECT journey.add_source('regress_web', NULL);
SELECT journey.add_source('regress_web', 'regress_web_store._batch');
SELECT journey.add_source('regress_web', 'regress_loader.leads');
SELECT journey.add_source('regress_web', 'regress_loader.leads', NULL, '{"user_id": "customer"}');
SELECT journey.add_source('regress_web', 'regress_loader.leads', NULL, '{"user_id": "client"}');
SELECT journey.add_source('regress_web', 'regress_loader.leads', NULL, '{"client": "customer"}');
SELECT journey.add_source('regress_web', 'regress_loader.leads', NULL, '{"user_id": 1}');
SELECT journey.add_source('regress_web', 'regress_loader.leads', NULL, '"customer"');
SELECT journey.add_source('regress_web', 'regress_loader.leads', NULL,
                          '{"user_id": "customer", "event_time": "day"}');
SELECT journey.add_source('regress_web', 'regress_loader.leads', NULL,
                          '{"user_id": "customer", "event_time": "created", "loaded_at": "extra"}');
SELECT journey.add_source('regress_web', 'regress_loader.leads', NULL,
                          '{"user_id": "customer", "event_time": "created", "properties": "day"}');
SELECT journey.add_source('regress_web', 'regress_loader.leads', 'lead',
                          '{"user_id": "customer", "event_time": "created"}');
SELECT journey.add_source('regress_web', 'regress_loader.leads', 'conversion',
                          '{"user_id": "customer", "event_time": "created"}');
SELECT journey.add_source('regress_web', 'regress_loader.leads', 'track',
                          '{"user_id": "customer", "event_time": "created"}', '{"space": "x"}');
SELECT journey.add_source('regress_web', 'regress_loader.leads', 'track',
                          '{"user_id": "customer", "event_time": "created", "name": null}', '{"id_space": ""}');
SELECT journey.add_source('regress_web', 'regress_loader.leads', 'track',
                          '{"user_id": "customer", "event_time": "created", "name": null}', '{"id_space": "crm"}');
SELECT journey.add_source('regress_web', 'regress_loader.leads', 'track');
SELECT jsonb_pretty(sources) FROM journey.models;

-- others see and do nothing
SET ROLE regress_journey_other;
SELECT model FROM journey.models;
SELECT * FROM journey.refresh_log;
SELECT * FROM journey._model;
SELECT * FROM journey._source;
UPDATE journey._model SET options = '{}';
SELECT journey.set_options('regress_web', '{}');
SELECT journey.add_schema('regress_web', 'public');
SELECT journey.drop_model('regress_web');
SELECT journey._get_model('regress_web');
SELECT journey._lock_model('regress_web');
SELECT journey._catalog('drop', 'regress_web', '{}');
SELECT journey._catalog('set', 'regress_web', '{"options": {}}');
SELECT journey._catalog('create', 'regress_mine', '{"schema": "regress_web", "store_schema": "regress_web_store", "options": {}}');
SELECT journey._catalog('create', 'regress_mine', '{"schema": "regress_nope", "store_schema": "regress_nope_store", "options": {}}');
SELECT journey._catalog('create', 'regress_mine', '{}');
SELECT journey._catalog('create', 'regress_mine', NULL);
SELECT journey._catalog('nothing', 'regress_web', '{}');
SELECT journey._catalog(NULL, 'regress_web', '{}');
SELECT journey._catalog('drop', NULL, '{}');
SELECT journey.set_options(NULL, '{}');
SELECT journey.set_options('regress_nope', '{}');
SELECT journey._lock_model(NULL);

-- members do what the owner does, and as the owner
SET ROLE regress_journey_member;
SELECT model, owner FROM journey.models;
SELECT journey.set_options('regress_web', '{"index_sources": false}');
RESET ROLE;
SELECT model FROM journey.models;

-- the owner of the relations is the owner of the model
ALTER TABLE regress_web_store._segments OWNER TO regress_journey_other;
SELECT model, owner FROM journey.models;
ALTER TABLE regress_web_store._segments OWNER TO regress_journey_owner;
SET ROLE regress_journey_owner;

-- views of others stop a drop; other objects keep the schema
CREATE SCHEMA regress_views;
CREATE VIEW regress_views.rejects AS SELECT * FROM regress_web.rejected_events;
\set VERBOSITY terse
SELECT journey.drop_model('regress_web');
DROP SCHEMA regress_views CASCADE;
CREATE TABLE regress_web.mine (i int);
SELECT journey.drop_model('regress_web');
SELECT relname FROM pg_class WHERE relnamespace = 'regress_web'::regnamespace;
SELECT count(*) FROM journey.models;
-- a schema that was there is used, and kept
SELECT journey.create_model('regress_web');
SELECT journey.drop_model('regress_web');
SELECT relname FROM pg_class WHERE relnamespace = 'regress_web'::regnamespace;
DROP SCHEMA regress_web CASCADE;
-- one that create_model made is dropped
SELECT journey.create_model('regress_web', NULL, '{"schema": "regress_Odd \"name\""}');
SELECT schema FROM journey.models;
SELECT journey.drop_model('regress_web');
SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'regress_Odd%';
-- the schema may be gone already
SET client_min_messages = warning;
SELECT journey.create_model('regress_web');
DROP SCHEMA regress_web, regress_web_store CASCADE;
RESET client_min_messages;
SELECT model, owner FROM journey.models;
SELECT journey.set_options('regress_web', '{}');
SET ROLE regress_journey_other;
SELECT journey.drop_model('regress_web');
SELECT journey._catalog('drop', 'regress_web', '{}');
SET ROLE regress_journey_owner;
SELECT journey.drop_model('regress_web');
SELECT count(*) FROM journey.models;

RESET ROLE;
SET client_min_messages = warning;
DROP SCHEMA regress_loader CASCADE;
DO $$
BEGIN
    EXECUTE format('REVOKE CREATE ON DATABASE %I FROM regress_journey_owner, regress_journey_other',
                   current_database());
END $$;
REVOKE USAGE ON SCHEMA journey FROM regress_journey_owner, regress_journey_other;
DROP OWNED BY regress_journey_owner;
DROP ROLE regress_journey_member, regress_journey_owner, regress_journey_other;
