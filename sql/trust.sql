-- Who owns a source must not have code of his run as the owner of the model that reads it.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
DO $$
BEGIN
    EXECUTE format('CREATE ROLE regress_trust_loader; CREATE ROLE regress_trust_analyst;'
                   'GRANT CREATE ON DATABASE %I TO regress_trust_loader, regress_trust_analyst',
                   current_database());
END $$;
GRANT USAGE ON SCHEMA journey TO regress_trust_loader, regress_trust_analyst;
CREATE TABLE public.regress_trust_ran (who text);
GRANT ALL ON public.regress_trust_ran TO PUBLIC;

-- types with casts that tell who calls them
SET ROLE regress_trust_loader;
CREATE SCHEMA regress_trust;
CREATE TYPE regress_trust.pair AS (x int, y text);
CREATE TYPE regress_trust.word AS ENUM ('e1', 'page', '2024-01-01 00:00:00', '7', 'e2');
CREATE DOMAIN regress_trust.inner_word AS regress_trust.word;
CREATE DOMAIN regress_trust.outer_word AS regress_trust.inner_word;
CREATE TYPE regress_trust.plain AS ENUM ('a');
CREATE TYPE regress_trust.outside AS (a regress_trust.pair[], b regress_trust.plain);
CREATE FUNCTION regress_trust.ran(regress_trust.pair) RETURNS text LANGUAGE plpgsql AS $$
BEGIN INSERT INTO public.regress_trust_ran VALUES (current_user); RETURN 'cast'; END $$;
CREATE FUNCTION regress_trust.ran(regress_trust.word) RETURNS text LANGUAGE plpgsql AS $$
BEGIN INSERT INTO public.regress_trust_ran VALUES (current_user); RETURN 'cast'; END $$;
CREATE FUNCTION regress_trust.ran_json(regress_trust.pair) RETURNS json LANGUAGE plpgsql AS $$
BEGIN INSERT INTO public.regress_trust_ran VALUES (current_user); RETURN '"cast"'; END $$;
CREATE FUNCTION regress_trust.ran_json(regress_trust.word) RETURNS json LANGUAGE plpgsql AS $$
BEGIN INSERT INTO public.regress_trust_ran VALUES (current_user); RETURN '"cast"'; END $$;
CREATE CAST (regress_trust.pair AS text) WITH FUNCTION regress_trust.ran(regress_trust.pair) AS IMPLICIT;
CREATE CAST (regress_trust.word AS text) WITH FUNCTION regress_trust.ran(regress_trust.word) AS IMPLICIT;
CREATE CAST (regress_trust.pair AS json) WITH FUNCTION regress_trust.ran_json(regress_trust.pair) AS IMPLICIT;
CREATE CAST (regress_trust.word AS json) WITH FUNCTION regress_trust.ran_json(regress_trust.word) AS IMPLICIT;
CREATE TABLE regress_trust.own (
    id regress_trust.word, visitor_id regress_trust.outer_word, kind regress_trust.word, event_time regress_trust.word,
    revenue regress_trust.inner_word, name regress_trust.pair, one regress_trust.pair, many regress_trust.pair[],
    plain regress_trust.plain, within regress_trust.outside, "row" text);
CREATE TABLE regress_trust.tracks (
    id regress_trust.word, anonymous_id regress_trust.word, event regress_trust.word, "timestamp" regress_trust.word,
    received_at regress_trust.word, total regress_trust.word, data json, one regress_trust.pair, within regress_trust.outside);
INSERT INTO regress_trust.own VALUES
    ('e1', 'e1', 'page', '2024-01-01 00:00:00', '7', (1, 'n'), (1, 'a'), '{"(1,a)"}', 'a', ('{"(1,b)"}', 'a'), 'r'),
    ('e2', 'e1', 'e2', 'e2', 'e2', (1, 'n'), (1, 'a'), '{"(1,a)"}', 'a', ('{"(1,b)"}', 'a'), 'rejected');
INSERT INTO regress_trust.tracks VALUES
    ('e2', 'e1', 'e1', '2024-01-01 00:00:00', '2024-01-01 00:00:00', '7', '{"a": 1}', (1, 'a'), ('{"(1,b)"}', 'a')),
    (NULL, 'e1', 'e1', 'e1', '2024-01-01 00:00:00', '7', '{"a": "\u0000"}', (1, 'a'), ('{"(1,b)"}', 'a')),
    (NULL, 'e1', 'e1', '2024-01-01 00:00:00', '2024-01-01 00:00:00', '7', '{"a": 1}', (1, 'a'), ('{"(1,b)"}', 'a'));
GRANT USAGE ON SCHEMA regress_trust TO regress_trust_analyst;
GRANT SELECT, TRIGGER ON ALL TABLES IN SCHEMA regress_trust TO regress_trust_analyst;

-- they are read as they are written, and no cast is called
SET ROLE regress_trust_analyst;
SELECT journey.create_model('regress_trust_m', 'regress_trust', '{"exclude": {"user_agent": ["x"]}}');
SELECT journey.add_source('regress_trust_m', 'regress_trust.own');
SELECT rows_read, new, rejected FROM journey.refresh('regress_trust_m');
SELECT visitor_id, event_id COLLATE "C" AS event_id, kind, name, event_time, revenue, properties FROM regress_trust_m.events ORDER BY 1, 2, 3;
SELECT reason, "row" FROM regress_trust_m.rejected_events ORDER BY 1;
SELECT * FROM journey.verify('regress_trust_m', true);
SELECT * FROM public.regress_trust_ran;

-- nor when a row changes, or goes, of which nothing tells but all of it
SELECT journey.set_options('regress_trust_m', '{"capture": "trigger"}');
SELECT rows_read, new, rejected FROM journey.refresh('regress_trust_m');
SET ROLE regress_trust_loader;
UPDATE regress_trust.tracks SET event = 'page';
DELETE FROM regress_trust.own;
-- a column of such a type that comes later
CREATE TABLE regress_trust.later (id text, anonymous_id text, event text, received_at timestamptz);
GRANT SELECT, TRIGGER ON regress_trust.later TO regress_trust_analyst;
SET ROLE regress_trust_analyst;
SELECT rows_read FROM journey.refresh('regress_trust_m');
SET ROLE regress_trust_loader;
INSERT INTO regress_trust.later VALUES (NULL, 'a', 'later', '2024-01-01');
ALTER TABLE regress_trust.later ADD one regress_trust.pair DEFAULT (1, 'a')::regress_trust.pair;
UPDATE regress_trust.later SET event = 'much later';
TRUNCATE regress_trust.later;
SET ROLE regress_trust_analyst;
SELECT rows_read FROM journey.refresh('regress_trust_m');
SELECT * FROM public.regress_trust_ran;

-- a trigger with the model's function can be made by its owner alone
SET ROLE regress_trust_loader;
CREATE TABLE regress_trust.mine (id text, anonymous_id text, event text);
SET ROLE regress_trust_analyst;
GRANT USAGE ON SCHEMA regress_trust_m_store TO regress_trust_loader;
SET ROLE regress_trust_loader;
CREATE TRIGGER mine AFTER INSERT ON regress_trust.mine REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT
    EXECUTE FUNCTION regress_trust_m_store._note_changes('{"table_id": 1, "columns": {}}', 'id 25', '{id}', 'SELECT 1', 'SELECT 1');
-- and if it were not so, as after a restore without privileges: it executes no statement that he wrote
SET ROLE regress_trust_analyst;
GRANT EXECUTE ON FUNCTION regress_trust_m_store._note_changes() TO PUBLIC;
SET ROLE regress_trust_loader;
CREATE TRIGGER mine AFTER INSERT ON regress_trust.mine REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT
    EXECUTE FUNCTION regress_trust_m_store._note_changes('{"table_id": 1, "columns": {}}', 'id 25', '{id}',
        'INSERT INTO public.regress_trust_ran VALUES (current_user)', 'INSERT INTO public.regress_trust_ran VALUES (current_user)');
INSERT INTO regress_trust.mine VALUES ('1');
DROP TRIGGER mine ON regress_trust.mine;
CREATE TRIGGER mine AFTER INSERT ON regress_trust.mine REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT
    EXECUTE FUNCTION regress_trust_m_store._note_changes('{"table_id": "1, false, NULL; DROP TABLE x; --", "columns": {}}', '', '{}', '', '');
INSERT INTO regress_trust.mine VALUES ('1');
DROP TRIGGER mine ON regress_trust.mine;
CREATE TRIGGER mine AFTER INSERT ON regress_trust.mine REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT
    EXECUTE FUNCTION regress_trust_m_store._note_changes('{"table_id": 1, "columns": {"key": ["x) FROM new_rows; --", "id"]}}', '', '{}', '', '');
INSERT INTO regress_trust.mine VALUES ('1');
DROP TRIGGER mine ON regress_trust.mine;
CREATE FUNCTION regress_trust.unit() RETURNS numeric LANGUAGE plpgsql AS $$
BEGIN INSERT INTO public.regress_trust_ran VALUES (current_user); RETURN 1; END $$;
CREATE TRIGGER mine AFTER UPDATE ON regress_trust.mine REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT
    EXECUTE FUNCTION regress_trust_m_store._note_changes('{"table_id": 1, "columns": {"key": ["id"], "event_time": ["event"]},
        "units": {"event": "epoch regress_trust.unit()"}}', '', '{}', '', '');
UPDATE regress_trust.mine SET event = '1';
SELECT * FROM public.regress_trust_ran;
DROP TRIGGER mine ON regress_trust.mine;
-- nor one of the model's own, which means the columns that it was written for
DO $$
DECLARE
    a text[];
BEGIN
    SELECT string_to_array(encode(tgargs, 'escape'), '\000') INTO a
      FROM pg_trigger WHERE tgrelid = 'regress_trust.later'::regclass AND tgtype = 4;
    CREATE TABLE regress_trust.alike (id regress_trust.pair);
    EXECUTE format('CREATE TRIGGER mine AFTER INSERT ON regress_trust.alike REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT'
                   ' EXECUTE FUNCTION regress_trust_m_store._note_changes(%L, %L, %L, %L, %L)',
                   a[1], 'id ' || 'regress_trust.pair'::regtype::oid, a[3], a[4], a[5]);
END $$;
INSERT INTO regress_trust.alike VALUES ((1, 'a'));
SELECT * FROM public.regress_trust_ran;
DROP TABLE regress_trust.alike;
-- nor does it read his table for a TRUNCATE, whose policy would run as the model's owner
CREATE FUNCTION regress_trust.ran() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN INSERT INTO public.regress_trust_ran VALUES (current_user); RETURN true; END $$;
ALTER TABLE regress_trust.mine ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON regress_trust.mine USING (regress_trust.ran());
GRANT SELECT ON regress_trust.mine TO PUBLIC;
CREATE TRIGGER mine BEFORE TRUNCATE ON regress_trust.mine FOR EACH STATEMENT
    EXECUTE FUNCTION regress_trust_m_store._note_changes('{"table_id": 1, "users": false, "columns": {"key": ["id"]}}', '', '{}', '', '');
TRUNCATE regress_trust.mine;
SELECT * FROM public.regress_trust_ran;
-- what the owner's own triggers execute is listed
RESET ROLE;
SELECT count(*) AS triggers, count(*) FILTER (WHERE EXISTS (
           SELECT FROM regress_trust_m_store._notes AS n WHERE n.statement = journey._note_hash(a.list[2], a.list[3], a.list[4]))) AS listed
  FROM pg_trigger AS g CROSS JOIN LATERAL (SELECT string_to_array(encode(g.tgargs, 'escape'), '\000') AS list) AS a
 WHERE g.tgname LIKE 'pg_journey_regress_trust_m%';

SELECT journey.drop_model('regress_trust_m');

-- a schema in which others may create is not taken: they could put something in place of what the model makes
CREATE SCHEMA regress_trust_shared;
GRANT USAGE, CREATE ON SCHEMA regress_trust_shared TO regress_trust_loader, regress_trust_analyst;
CREATE ROLE regress_trust_group;
GRANT regress_trust_group TO regress_trust_loader, regress_trust_analyst;
SET ROLE regress_trust_loader;
CREATE FUNCTION regress_trust_shared._note_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO public.regress_trust_ran VALUES ('trigger ' || current_user); RETURN NULL; END $$;
SET ROLE regress_trust_analyst;
SELECT journey.create_model('regress_trust_s', 'regress_trust', '{"schema": "regress_trust_p", "store_schema": "regress_trust_shared", "capture": "trigger"}');
RESET ROLE;
REVOKE CREATE ON SCHEMA regress_trust_shared FROM regress_trust_loader;
GRANT CREATE ON SCHEMA regress_trust_shared TO PUBLIC, regress_trust_group;
SET ROLE regress_trust_analyst;
SELECT journey.create_model('regress_trust_s', 'regress_trust', '{"schema": "regress_trust_p", "store_schema": "regress_trust_shared", "capture": "trigger"}');
RESET ROLE;
REVOKE CREATE ON SCHEMA regress_trust_shared FROM PUBLIC, regress_trust_group;
-- nor with a function that somebody has left there
SET ROLE regress_trust_analyst;
SELECT journey.create_model('regress_trust_s', 'regress_trust', '{"schema": "regress_trust_p", "store_schema": "regress_trust_shared", "capture": "trigger"}');
RESET ROLE;
ALTER FUNCTION regress_trust_shared._note_changes() RENAME TO waiting;
SET ROLE regress_trust_loader;
GRANT ALL ON ALL TABLES IN SCHEMA regress_trust TO regress_trust_analyst;
SET ROLE regress_trust_analyst;
SELECT journey.create_model('regress_trust_s', 'regress_trust', '{"schema": "regress_trust_p", "store_schema": "regress_trust_shared"}');
SELECT rows_read > 0 AS read FROM journey.refresh('regress_trust_s');
-- one that comes later is not taken for the model's
RESET ROLE;
GRANT CREATE ON SCHEMA regress_trust_shared TO regress_trust_loader;
SET ROLE regress_trust_loader;
ALTER FUNCTION regress_trust_shared.waiting() RENAME TO _note_changes;
SET ROLE regress_trust_analyst;
SELECT journey.set_options('regress_trust_s', '{"capture": "trigger"}');
SELECT journey.create_model('regress_trust_c', 'regress_trust', '{"capture": "trigger"}');
SELECT rows_read > 0 AS read FROM journey.refresh('regress_trust_c');
-- a trigger of a source is the model's by its function, not by its name: one that was put in its place, or
-- switched off, is made anew, one that was renamed stays
CREATE VIEW regress_trust_shared.ours AS
SELECT count(*) AS triggers, count(DISTINCT (tgrelid, tgtype)) AS events FROM pg_catalog.pg_trigger
 WHERE tgfoid = 'regress_trust_c_store._note_changes'::pg_catalog.regproc AND tgenabled = 'O';
SELECT * FROM regress_trust_shared.ours;
SET ROLE regress_trust_loader;
ALTER FUNCTION regress_trust_shared._note_changes() RENAME TO theirs;
DO $$
DECLARE
    name name;
BEGIN
    SELECT tgname INTO name FROM pg_trigger WHERE tgrelid = 'regress_trust.tracks'::regclass AND tgtype = 4;
    EXECUTE format('DROP TRIGGER %I ON regress_trust.tracks', name);
    EXECUTE format('CREATE TRIGGER %I AFTER INSERT ON regress_trust.tracks EXECUTE FUNCTION regress_trust_shared.theirs()', name);
    SELECT tgname INTO name FROM pg_trigger WHERE tgrelid = 'regress_trust.tracks'::regclass AND tgtype = 16;
    EXECUTE format('ALTER TRIGGER %I ON regress_trust.tracks RENAME TO renamed', name);
    SELECT tgname INTO name FROM pg_trigger WHERE tgrelid = 'regress_trust.tracks'::regclass AND tgtype = 8;
    EXECUTE format('ALTER TABLE regress_trust.tracks DISABLE TRIGGER %I', name);
END $$;
SET ROLE regress_trust_analyst;
SELECT * FROM regress_trust_shared.ours;
SELECT rows_read FROM journey.refresh('regress_trust_c');
SELECT * FROM regress_trust_shared.ours;
INSERT INTO regress_trust.tracks (id, anonymous_id, received_at) VALUES ('e1', 'e1', '2024-01-01 00:00:00');
SELECT rows_read FROM journey.refresh('regress_trust_c');
SELECT * FROM public.regress_trust_ran;
RESET ROLE;
SELECT journey.drop_model(model) FROM journey.models WHERE model IN ('regress_trust_s', 'regress_trust_c');

-- the catalog takes as a model's only what belongs to who says so
SET ROLE regress_trust_analyst;
CREATE SCHEMA regress_trust_forged;
CREATE SCHEMA regress_trust_forged_store;
CREATE TABLE regress_trust_forged_store._segments ();
SELECT journey._catalog('create', 'regress_trust_f', '{"schema": "regress_trust_forged", "store_schema": "regress_trust_forged_store",
    "options": {}, "rules_version": 1, "made_store": true,
    "relations": ["_segments", "secret"], "made_schema": true, "created_by": "regress_trust_analyst"}');
SELECT journey._catalog('create', 'regress_trust_f', '{"schema": "regress_trust_forged", "store_schema": "regress_trust_forged_store",
    "options": {}, "rules_version": 1, "made_store": true,
    "relations": ["_segments"], "made_schema": true, "created_by": "regress_trust_loader"}');
RESET ROLE;
ALTER SCHEMA regress_trust_forged OWNER TO regress_trust_loader;
GRANT USAGE ON SCHEMA regress_trust_forged TO regress_trust_analyst;
SET ROLE regress_trust_analyst;
SELECT journey._catalog('create', 'regress_trust_f', '{"schema": "regress_trust_forged", "store_schema": "regress_trust_forged_store",
    "options": {}, "rules_version": 1, "made_store": true,
    "relations": ["_segments"], "made_schema": true, "created_by": "regress_trust_analyst"}');
-- what is adopted is read as its owner, not as the superuser who calls
RESET ROLE;
ALTER SCHEMA regress_trust_forged OWNER TO regress_trust_analyst;
SET ROLE regress_trust_analyst;
CREATE FUNCTION regress_trust_forged_store.ran() RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN RAISE WARNING 'run as %', current_user; RETURN '{}'; END $$;
CREATE VIEW regress_trust_forged_store._catalog_copy AS SELECT regress_trust_forged_store.ran() AS catalog;
RESET ROLE;
SELECT journey.adopt_model('regress_trust_f', 'regress_trust_forged');

SET client_min_messages = error;
DROP SCHEMA regress_trust_shared CASCADE;
DROP ROLE regress_trust_group;
DROP OWNED BY regress_trust_loader, regress_trust_analyst CASCADE;
DROP TABLE public.regress_trust_ran;
DROP ROLE regress_trust_loader;
DROP ROLE regress_trust_analyst;
