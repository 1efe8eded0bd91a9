-- The functions on a model run as its owner, in a security-restricted operation, with pinned settings.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
DO $$
BEGIN
    IF to_regprocedure('journey._create_store(name)') IS NULL THEN
        CREATE FUNCTION journey._create_store(schema name) RETURNS void LANGUAGE plpgsql AS $f$
        BEGIN
            EXECUTE format('CREATE TABLE %I._segments (visitor_id text)', schema);
        END $f$;
    END IF;
    EXECUTE format('CREATE ROLE regress_journey_plain; GRANT CREATE ON DATABASE %I TO regress_journey_plain',
                   current_database());
END $$;
GRANT USAGE ON SCHEMA journey TO regress_journey_plain;

-- what a namesake may take and give
CREATE FUNCTION journey.regress_who(model name) RETURNS text
    LANGUAGE C AS '$libdir/pg_journey', 'journey_as_owner';
CREATE FUNCTION journey._regress_who(model name) RETURNS text LANGUAGE sql AS $$
SELECT pg_catalog.concat_ws(' ', model, current_user, current_setting('search_path'),
                            current_setting('TimeZone'), current_setting('DateStyle')) $$;
CREATE FUNCTION journey.regress_row(model name, a int DEFAULT 7, OUT x int, OUT y text)
    LANGUAGE C AS '$libdir/pg_journey', 'journey_as_owner';
CREATE FUNCTION journey._regress_row(model name, a int, OUT x int, OUT y text) LANGUAGE sql AS $$
SELECT a, CASE WHEN a IS NULL THEN 'null' ELSE 'given' END $$;
CREATE FUNCTION journey.regress_set(model name, n int) RETURNS TABLE (i int, t text)
    LANGUAGE C AS '$libdir/pg_journey', 'journey_as_owner';
CREATE FUNCTION journey._regress_set(model name, n int) RETURNS TABLE (i int, t text) LANGUAGE sql AS $$
SELECT g, pg_catalog.repeat('x', g) FROM pg_catalog.generate_series(1, n) g $$;
CREATE FUNCTION journey.regress_texts(model name) RETURNS SETOF text
    LANGUAGE C AS '$libdir/pg_journey', 'journey_as_owner';
CREATE FUNCTION journey._regress_texts(model name) RETURNS SETOF text LANGUAGE sql AS $$
VALUES ('a'), (NULL), ('b') $$;
CREATE FUNCTION journey.regress_wrong(model name) RETURNS TABLE (i int, t text)
    LANGUAGE C AS '$libdir/pg_journey', 'journey_as_owner';
CREATE FUNCTION journey._regress_wrong(model name) RETURNS TABLE (i int, t int) LANGUAGE sql AS $$
SELECT 1, 2 $$;
CREATE FUNCTION journey.regress_lost(model name) RETURNS text
    LANGUAGE C AS '$libdir/pg_journey', 'journey_as_owner';
CREATE FUNCTION journey.regress_read(model name) RETURNS jsonb
    LANGUAGE C AS '$libdir/pg_journey', 'journey_as_owner';
CREATE FUNCTION journey._regress_read(model name) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    m journey._model := journey._lock_model(model);
    counts jsonb := journey._read(m);
BEGIN
    PERFORM journey._read_done(m, counts);
    RETURN counts OPERATOR(pg_catalog.-) '{watermarks,writers}'::text[];
END $$;

SET ROLE regress_journey_plain;
SELECT journey.create_model('regress_plain');
RESET ROLE;
SET search_path = journey, public;
SET DateStyle = 'German';
SELECT regress_who('regress_plain');
SELECT current_user::text, current_setting('search_path'), current_setting('TimeZone'), current_setting('DateStyle');
RESET search_path;
RESET DateStyle;
SELECT * FROM journey.regress_row('regress_plain');
SELECT journey.regress_row('regress_plain', NULL);
SELECT * FROM journey.regress_set('regress_plain', 3);
SELECT journey.regress_set('regress_plain', 2);
SELECT * FROM journey.regress_set('regress_plain', 0);
SELECT * FROM journey.regress_texts('regress_plain');
SELECT * FROM journey.regress_wrong('regress_plain');
SELECT journey.regress_lost('regress_plain');

-- an owner's view that would like to be run by a superuser
SET ROLE regress_journey_plain;
CREATE SCHEMA regress_trap;
CREATE TABLE regress_trap.seen (who text);
CREATE FUNCTION regress_trap.spring() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    attempt text;
    outcome text := current_user;
BEGIN
    FOREACH attempt IN ARRAY ARRAY[
        'ALTER ROLE regress_journey_plain SUPERUSER', 'RESET ROLE', 'SET ROLE NONE',
        'SET SESSION AUTHORIZATION DEFAULT', 'RESET SESSION AUTHORIZATION',
        'CREATE TEMP TABLE trap ()', 'DECLARE trap CURSOR WITH HOLD FOR SELECT 1',
        'SET search_path = regress_trap', 'SET TimeZone = ''Asia/Tokyo''']
    LOOP
        BEGIN
            EXECUTE attempt;
            outcome := concat_ws(', ', outcome, 'done: ' || attempt);
        EXCEPTION WHEN OTHERS THEN
            outcome := concat_ws(', ', outcome, SQLSTATE);
        END;
    END LOOP;
    RETURN outcome;
END $$;
CREATE VIEW regress_trap.events AS
    SELECT 'v1' AS visitor_id, timestamptz '2024-01-01' AS event_time, regress_trap.spring() AS name;
SELECT journey.add_source('regress_plain', 'regress_trap.events');
SET client_min_messages = error;
CREATE FUNCTION regress_trap.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO regress_trap.seen VALUES (concat_ws(' ', TG_OP, NEW.name));
    RETURN NEW;
END $$;
CREATE TRIGGER note BEFORE INSERT ON regress_plain_store._batch FOR EACH ROW EXECUTE FUNCTION regress_trap.note();
RESET ROLE;
SELECT journey.regress_read('regress_plain');
SELECT * FROM regress_trap.seen;
SELECT current_user::text = session_user::text AS same, current_setting('search_path'), current_setting('TimeZone');
SELECT rolsuper FROM pg_roles WHERE rolname = 'regress_journey_plain';

-- a deferred trigger would fire at commit, as the caller
SET ROLE regress_journey_plain;
CREATE CONSTRAINT TRIGGER later AFTER INSERT ON regress_plain_store._batch DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION regress_trap.note();
RESET ROLE;
SELECT journey.regress_read('regress_plain');
DROP TRIGGER later ON regress_plain_store._batch;

-- a model in another role's schema that has lost its store is nobody's: nothing runs as that role
CREATE SCHEMA regress_shared;
GRANT USAGE, CREATE ON SCHEMA regress_shared TO regress_journey_plain;
SET ROLE regress_journey_plain;
SELECT journey.create_model('regress_lost_store', options => '{"schema": "regress_shared"}');
SELECT journey.add_source('regress_lost_store', 'regress_trap.events');
DROP TABLE regress_shared_store._segments CASCADE;
RESET ROLE;
SELECT model, owner FROM journey.models WHERE model = 'regress_lost_store';
SELECT journey.rebuild('regress_lost_store', from_sources => true, force => true);
SELECT journey.drop_model('regress_lost_store');
SELECT count(*) > 0 AS kept FROM pg_class WHERE relnamespace = 'regress_shared'::regnamespace;

-- the owner of a schema could put other relations in the place of a model's
CREATE SCHEMA regress_theirs AUTHORIZATION regress_journey_plain;
SELECT journey.create_model('regress_not_theirs', options => '{"schema": "regress_theirs"}');
ALTER SCHEMA regress_theirs OWNER TO CURRENT_USER;
SELECT journey.create_model('regress_not_theirs', options => '{"schema": "regress_theirs"}');
ALTER SCHEMA regress_theirs OWNER TO regress_journey_plain;
\set VERBOSITY terse
SELECT journey.refresh('regress_not_theirs');
\set VERBOSITY default
ALTER SCHEMA regress_theirs OWNER TO CURRENT_USER;
SELECT rows_read FROM journey.refresh('regress_not_theirs');
ALTER SCHEMA regress_theirs OWNER TO regress_journey_plain;
SELECT journey.drop_model('regress_not_theirs');

-- after an error all is as before, in a subtransaction too
ALTER VIEW regress_trap.events RENAME TO absent;
BEGIN;
SAVEPOINT s;
SELECT journey.regress_lost('regress_plain');
ROLLBACK TO s;
SELECT current_user::text = session_user::text AS same, current_setting('search_path'), current_setting('TimeZone');
COMMIT;
SET client_min_messages = warning;
SELECT journey.regress_read('regress_plain');

-- a relation in the caller's way is not found
CREATE TEMP TABLE _model (model name);
CREATE FUNCTION pg_temp.now() RETURNS timestamptz LANGUAGE sql AS $$SELECT 'infinity'::timestamptz$$;
SELECT journey.set_options('regress_plain', '{"index_sources": false}');
DROP TABLE _model;

-- the model that the lock is on
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT (journey._lock_model('regress_plain', true)).model;
ROLLBACK;

SELECT journey.drop_model('regress_plain');
DROP FUNCTION journey.regress_who, journey._regress_who, journey.regress_row, journey._regress_row,
    journey.regress_set, journey._regress_set, journey.regress_texts, journey._regress_texts,
    journey.regress_wrong, journey._regress_wrong, journey.regress_lost, journey.regress_read,
    journey._regress_read;
DROP OWNED BY regress_journey_plain CASCADE;
DROP SCHEMA regress_shared;
DROP ROLE regress_journey_plain;
