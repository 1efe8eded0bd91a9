-- Every function of the extension that SQL can call, with arguments that nobody should give it, as a role that
-- has nothing to do with the models that they name: errors are the caller's (no XX...), and nothing is touched.
SET client_min_messages = error;
CREATE ROLE regress_arguments_host;
CREATE ROLE regress_arguments_guest;
DO $$ BEGIN
    EXECUTE format('GRANT CREATE ON DATABASE %I TO regress_arguments_host, regress_arguments_guest', current_database());
END $$;
GRANT USAGE ON SCHEMA journey TO regress_arguments_host, regress_arguments_guest;
SET ROLE regress_arguments_host;
CREATE SCHEMA regress_private;
CREATE TABLE regress_private.secret (id text, anonymous_id text, event text, received_at timestamptz);
INSERT INTO regress_private.secret VALUES ('1', 'v', 'login', '2026-01-01');
SELECT journey.create_model('regress_theirs', 'regress_private');
SELECT new FROM journey.refresh('regress_theirs');
CREATE TABLE regress_private.before AS
SELECT (SELECT jsonb_agg(to_jsonb(m) - 'lag') FROM journey.models m WHERE m.model = 'regress_theirs') AS models,
       (SELECT jsonb_agg(to_jsonb(s)) FROM regress_theirs_store._sessions s) AS sessions;

SET ROLE regress_arguments_guest;
SELECT journey.create_model('regress_mine');
CREATE TEMP TABLE given (type regtype, value text);
INSERT INTO given
SELECT 'text'::regtype, quote_literal(v) FROM unnest(ARRAY['', 'x', '%I $1 {._batch} \ ''', '{"a": 1', 'SELECT 1', 'a' || chr(1),
    '{"table_id": 1, "columns": {"key": ["id"]}}', '{"table_id": "1, false", "columns": {"key": 7}}', 'read', '-infinity',
    '"regress_private"."secret"', repeat('%ff&=', 9000)]) AS v
UNION ALL
SELECT 'name', quote_literal(v) FROM unnest(ARRAY['', 'regress_mine', 'regress_theirs', 'regress_private', 'pg_catalog', 'none']) AS v
UNION ALL
SELECT 'jsonb', quote_literal(v) FROM unnest(ARRAY['null', '[]', '{}', '7', '"x"', '[[1]]', '[null]', '{"text": {"a": []}}',
    '{"schema": "regress_private", "created_by": "regress_arguments_host", "event_id": 7, "relations": ["secret"]}',
    '{"schema": "regress_theirs", "options": [], "model": {"version": 1}, "sources": [7], "rules_version": "x", "counts": 5}',
    '{"timeout": {}, "stitch": 5, "midnight": [], "exclude": [7], "revenue": 3, "format": 1, "at": "x", "writers": {}}',
    '{"timeout": "1 hour", "key": null, "table_id": -1, "kind": "schema", "xmin": "a", "xmax": 99999999999999999999}']) AS v
UNION ALL
SELECT 'json', quote_literal(v) FROM unnest(ARRAY['null', '[]', '{"a": "\u0000"}', '7', '{"id": [1], "event": {}}']) AS v
UNION ALL
SELECT 'bytea', quote_literal(v) FROM unnest(ARRAY['', '\x00', '\x01ffffffffffffffffffffffffffff', '\xffffffff', '\x' || repeat('01', 999),
    '\x' || repeat('00', 200), '\x0100000001000000010000000100000001000000']) AS v
UNION ALL
SELECT 'integer', v FROM unnest(ARRAY['0', '-1', '1', '3', '2147483647', '(-2147483648)']) AS v
UNION ALL
SELECT 'smallint', v FROM unnest(ARRAY['0', '(-1)', '32767']) AS v
UNION ALL
SELECT 'bigint', v FROM unnest(ARRAY['0', '-1', '1', '9223372036854775807', '(-9223372036854775808)']) AS v
UNION ALL
SELECT 'boolean', v FROM unnest(ARRAY['true', 'false']) AS v
UNION ALL
SELECT t, v FROM unnest(ARRAY['regclass', 'oid']::regtype[]) AS t,
    unnest(ARRAY['''regress_private.secret''::regclass', '''regress_theirs_store._sessions''::regclass', '''pg_class''::regclass', '0', '4294967295']) AS v
UNION ALL
SELECT 'interval', quote_literal(v) FROM unnest(ARRAY['0', '-1 day', '170000000 years', '1 month', '30 minutes']) AS v
UNION ALL
SELECT 'timestamptz', quote_literal(v) FROM unnest(ARRAY['infinity', '-infinity', '2026-01-01', '294276-12-31', '4714-11-24 00:00:00+00 BC']) AS v
UNION ALL
SELECT 'timestamp', quote_literal(v) FROM unnest(ARRAY['infinity', '2026-01-01']) AS v
UNION ALL
SELECT 'numeric', quote_literal(v) FROM unnest(ARRAY['NaN', 'Infinity', '1e1000', '-1']) AS v
UNION ALL
SELECT 'uuid', quote_literal('00000000-0000-0000-0000-000000000000')
UNION ALL
SELECT 'xid', quote_literal(v) FROM unnest(ARRAY['0', '3', '4294967295']) AS v
UNION ALL
SELECT 'cstring', quote_literal(v) FROM unnest(ARRAY['', 'x', '[{}]']) AS v
UNION ALL
SELECT 'journey.timeline', quote_literal(v) FROM unnest(ARRAY['[]',
    '[{"event_id": "e", "visitor_id": "v", "event_time": "2026-01-01T00:00:00Z", "kind": "page", "revenue": 5}]']) AS v;
-- arrays of these, rows of nothing and of other people's names, and NULL of each type
INSERT INTO given
SELECT t.typarray, format(f.form, (SELECT string_agg(g.value || '::' || g.type, ', ') FROM given g WHERE g.type = t.oid), t.typarray::regtype)
  FROM pg_type t CROSS JOIN unnest(ARRAY['ARRAY[%s]', 'ARRAY[NULL]::%2$s', '''{}''::%2$s', 'ARRAY[[NULL, NULL], [NULL, NULL]]::%2$s']) AS f(form)
 WHERE t.oid IN (SELECT type FROM given) AND t.typarray <> 0;
INSERT INTO given
SELECT c.reltype, format('jsonb_populate_record(NULL::%s, %L)', c.oid::regclass, v)
  FROM pg_class c CROSS JOIN unnest(ARRAY['{}',
       '{"schema": "regress_theirs", "model": "regress_theirs", "name": "_sessions", "options": {}, "settings": {}, "rules": {}, "version": 1, "shadow": false, "bulk": false}',
       '{"schema": "regress_private", "model": "regress_mine", "name": "secret", "role": "own", "columns": {"event_id": ["id"]}, "kinds": {"id": "text"}, "table_id": 1}',
       '{"schema": "regress_mine", "model": "regress_mine", "columns": 7, "kinds": [], "options": [], "rules": 3, "writers": "x", "version": -5, "seen": [], "unread": []}']) AS v
 WHERE c.relnamespace = 'journey'::regnamespace AND c.relkind = ANY ('{c,r}');
INSERT INTO given SELECT DISTINCT type, 'NULL' FROM given;

-- NULL for all arguments, then some choice of the others
CREATE TEMP TABLE answers (function text, state text, message text, call text);
SELECT setseed(0.5);
DO $$
DECLARE
    f record;
    call text;
    state text;
    message text;
BEGIN
    FOR f IN SELECT p.oid::regprocedure::text AS function, p.proname, p.provariadic,
                    string_to_array(p.proargtypes::text, ' ')::oid[] AS types
               FROM pg_proc p
              WHERE p.pronamespace = 'journey'::regnamespace AND p.prokind = 'f' AND p.prorettype <> 'trigger'::regtype
                AND NOT 'internal'::regtype = ANY (string_to_array(p.proargtypes::text, ' ')::oid[])
              ORDER BY 1
    LOOP
        FOR i IN 0 .. 15 LOOP
            SELECT format('SELECT count(*) FROM journey.%I(%s)', f.proname, string_agg(
                       CASE WHEN t.type IN ('"any"'::regtype, 'anyelement'::regtype) THEN coalesce(g.value, 'NULL') || '::text'
                            ELSE coalesce(g.value, 'NULL') || '::' || t.type::regtype END, ', ' ORDER BY t.n))
              INTO call
              FROM unnest(f.types) WITH ORDINALITY AS t(type, n)
              LEFT JOIN LATERAL (
                   SELECT x.value FROM given x
                    WHERE x.type = CASE WHEN t.type IN ('"any"'::regtype, 'anyelement'::regtype) THEN 'text'::regtype ELSE t.type END AND i > 0
                    ORDER BY random() LIMIT 1) AS g ON true;
            -- it does as many rounds as it is told
            CONTINUE WHEN f.proname = '_merge_slices' AND call LIKE '%2147483647%';
            BEGIN
                EXECUTE call;
                RAISE EXCEPTION SQLSTATE 'YES00';
            EXCEPTION WHEN SQLSTATE 'YES00' THEN
                NULL;
            WHEN OTHERS THEN
                GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
                INSERT INTO answers VALUES (f.function, state, message, call);
            END;
        END LOOP;
    END LOOP;
END $$;
SELECT count(*) > 1000 AS many, count(DISTINCT function) > 100 AS functions FROM answers;
SELECT DISTINCT ON (function, message) state, function, message, left(call, 200) AS call
  FROM answers WHERE state LIKE 'XX%' OR state LIKE '58%' OR state LIKE 'P0%' ORDER BY function, message;

RESET ROLE;
SELECT (SELECT jsonb_agg(to_jsonb(m) - 'lag') FROM journey.models m WHERE m.model = 'regress_theirs') = b.models
       AND (SELECT jsonb_agg(to_jsonb(s)) FROM regress_theirs_store._sessions s) = b.sessions AS untouched
  FROM regress_private.before b;
SELECT journey.drop_model(model) FROM journey.models WHERE model IN ('regress_mine', 'regress_theirs');
DROP OWNED BY regress_arguments_host, regress_arguments_guest CASCADE;
DROP ROLE regress_arguments_host, regress_arguments_guest;
