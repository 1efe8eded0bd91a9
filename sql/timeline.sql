SET search_path = journey, public;
SET timezone = 'America/New_York';
SET datestyle = 'German';
\set VERBOSITY default

-- ---------------------------------------------------------------------------------------------
-- text
-- ---------------------------------------------------------------------------------------------

SELECT '[]'::timeline;
SELECT '[{"event_time": "2026-03-01T10:00:00Z", "event_id": "b", "revenue": 1.50},
         {"event_id": "a", "event_time": "2026-03-01T10:00:00.000000Z", "name": "x"}]'::timeline;

-- every field; numbers keep their digits; an unknown revenue is quoted
SELECT t, t::text::timeline::text = t::text AS same
FROM (SELECT '[{"event_id": "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "visitor_id": "v",
    "user_id": "u",
    "event_time": "2026-03-01T10:00:00.1Z", "received_at": "2026-03-01T10:00:02Z", "kind": "track",
    "name": "a \"b\"\n\\", "url": "https://example.com/?q=\u00e9", "referrer": "",
    "revenue": 12345678901234567890.12340, "currency": "EUR", "order_id": "o", "source": "s",
    "medium": "m", "campaign": "c", "term": "t", "content": "ct", "session_key": "k",
    "previous_id": "p", "platform": "web", "properties": {"b": [1.10, null, {"x": "]"}], "a": 1e2},
    "traits": {}, "copies": ["2026-02-28T10:00:00.1Z", "2026-03-02T10:00:00.1Z"]},
    {"event_id": "n", "event_time": "2026-03-05T00:00:00Z", "revenue": "NaN", "name": null}]'
    ::timeline) AS x(t);

-- the ends of time, leap days
SELECT '[{"event_id": "z", "event_time": "4714-11-24T00:00:00Z BC"},
         {"event_id": "y", "event_time": "294276-12-31T23:59:59.999999Z"},
         {"event_id": "x", "event_time": "0001-02-29T00:00:00Z BC"},
         {"event_id": "w", "event_time": "2024-02-29T00:00:00Z"}]'::timeline;

-- bad input
SELECT ''::timeline;
SELECT 'x'::timeline;
SELECT '{}'::timeline;
SELECT '[1]'::timeline;
SELECT '[{}]'::timeline;
SELECT '[{"event_id": "a"}]'::timeline;
SELECT '[{"event_time": "2026-03-01T10:00:00Z"}'::timeline;
SELECT '[{"event_time": "2026-03-01T10:00:00Z"},]'::timeline;
SELECT '[{"event_time": "2026-03-01T10:00:00Z",}]'::timeline;
SELECT '[{"event_time": "2026-03-01T10:00:00Z"}] x'::timeline;
SELECT '[{"event_time": "2026-03-01T10:00:00Z"}] []'::timeline;
SELECT '[{"event_time": "2026-03-01T10:00:00Z" "name": "a"}]'::timeline;
SELECT '[{"event_time"; "2026-03-01T10:00:00Z"}]'::timeline;
SELECT '[{"event_time": "2026-03-01T10:00:00Z", "event_time": "2026-03-01T10:00:00Z"}]'::timeline;
SELECT '[{"event_time": "2026-03-01T10:00:00Z", "nam": "a"}]'::timeline;
SELECT '[{"event_time": "2026-03-01T10:00:00Z", "name": 1}]'::timeline;
SELECT '[{"event_time": "2026-03-01T10:00:00Z", "name": {"a": 1}}]'::timeline;
SELECT '[{"event_time": "2026-03-01T10:00:00Z", "name": "\u0000"}]'::timeline;
SELECT '[{"event_time": "2026-03-01T10:00:00Z", "name": "\ud800"}]'::timeline;
SELECT '[{"event_time": "2026-03-01T10:00:00Z", "revenue": "many"}]'::timeline;
SELECT '[{"event_time": "2026-03-01T10:00:00Z", "revenue": true}]'::timeline;
SELECT '[{"event_time": "2026-03-01T10:00:00Z", "properties": {"a": }}]'::timeline;
SELECT '[{"event_time": "2026-03-01T10:00:00Z", "properties": {"a": 1]}]'::timeline;
SELECT '[{"event_time": "2026-03-01T10:00:00Z", "properties": {"a": 1'::timeline;
SELECT '[{"event_time": "2026-03-01T10:00:00Z", "properties":'::timeline;
SELECT '[{"event_time": "2026-03-01T10:00:00Z", "copies": "2026-03-01T10:00:00Z"}]'::timeline;
SELECT '[{"event_time": "2026-03-01T10:00:00Z", "copies": ["2026-03-01T10:00:00Z"]}]'::timeline;
SELECT '[{"event_time": "2026-03-01T10:00:00Z",
          "copies": ["2026-03-02T10:00:00Z", "2026-03-02T10:00:00Z"]}]'::timeline;
\set VERBOSITY terse
SELECT ('[{"event_time": "2026-03-01T10:00:00Z", "properties": ' || repeat('[', 100000))::timeline;
\set VERBOSITY default

CREATE FUNCTION bad_time(s text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM format('[{"event_time": "%s"}]', s)::timeline;
    RETURN 'accepted';
EXCEPTION WHEN invalid_text_representation THEN
    RETURN 'refused';
END $$;
SELECT s, bad_time(s) FROM unnest(ARRAY[
    '2026-03-01T10:00:00Z', '2026-03-01 10:00:00Z', '2026-03-01T10:00:00', '2026-03-01T10:00:00+00',
    '2026-03-01', 'infinity', '-infinity', 'now', '', '2026-02-29T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-00-01T00:00:00Z', '2026-01-00T00:00:00Z', '2026-01-01T24:00:00Z', '2026-01-01T00:60:00Z',
    '2026-01-01T00:00:60Z', '2026-01-01T00:00:00.Z', '2026-01-01T00:00:00.1234567Z',
    '0000-01-01T00:00:00Z', '294277-01-01T00:00:00Z', '4714-11-23T00:00:00Z BC',
    '1234567-01-01T00:00:00Z', '2026-01-01T00:00:00Z AD', '2026-1-01T00:00:00Z']) AS s;

-- ---------------------------------------------------------------------------------------------
-- timelines from rows
-- ---------------------------------------------------------------------------------------------

SELECT timeline_agg(id, at::timestamptz, name, url, referrer, user_id, revenue)
FROM (VALUES ('b', '2026-03-01 10:05+00', 'Order Completed', NULL, NULL, 'u', 49.90),
             ('a', '2026-03-01 10:00+00', 'page', 'https://example.com/', 'https://google.com/',
              NULL, NULL),
             ('c', NULL, 'no time', NULL, NULL, NULL, NULL),
             ('a', '2026-03-01 10:00:01+00', 'page', 'https://example.com/', NULL, NULL, NULL))
     AS r(id, at, name, url, referrer, user_id, revenue);
SELECT timeline_agg('2026-03-01 10:00+00'::timestamptz + i * interval '1 minute', 'step ' || i)
FROM generate_series(1, 2) i;

-- nothing to make a timeline of
SELECT timeline_agg(NULL::timestamptz, 'a') FROM generate_series(1, 3);
SELECT timeline_agg(now(), 'a') WHERE false;
SELECT timeline_agg(NULL::event), timeline_agg(row_e) FROM (SELECT NULL::event) x(row_e);
SELECT rollup(NULL::timeline), rollup(t) FROM (SELECT '[]'::timeline) x(t);

-- infinite times cannot be put in order with others
SELECT timeline_agg('infinity'::timestamptz, 'a');
-- a time without its zone is refused, with rows and without; what has no type is no such time
SELECT timeline_agg(timestamp '2026-03-01 10:00', 'a');
SELECT timeline_agg('a', timestamp '2026-03-01 10:00', NULL, NULL, NULL, NULL, NULL);
SELECT timeline_agg(NULL::timestamp, 'a') WHERE false;
SELECT event_count(timeline_agg(timestamp '2026-03-01 10:00' AT TIME ZONE 'UTC', 'a')) AS utc,
       event_count(timeline_agg('2026-03-01 10:00+00', 'a')) AS literal,
       event_count(timeline_agg('e', '2026-03-01 10:00+00', 'a', NULL, NULL, NULL, NULL)) AS seven,
       event_count(timeline_agg(date '2026-03-01', 'a')) AS day;
SELECT timeline_agg('a', '-infinity'::timestamptz, NULL, NULL, NULL, NULL, NULL);
SELECT timeline_agg(jsonb_populate_record(NULL::event,
    '{"event_time": "2026-03-01 10:00+00", "received_at": "infinity"}'));

-- a row without an id is the same event if it comes again, and another if anything differs
SELECT event_count(timeline_agg(timestamptz '2026-03-01 10:00+00', n))
FROM unnest(ARRAY['a', 'a', 'b', '', NULL, NULL]) n;

-- the functions behind the aggregate are for it alone
SELECT timeline_agg_final('[]'::timeline);

-- ---------------------------------------------------------------------------------------------
-- the rule for copies, on random rows, against plain SQL
-- ---------------------------------------------------------------------------------------------

-- a number below n that depends on the row and the column
CREATE FUNCTION pick(row_number bigint, col text, n bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS
$$ SELECT ('x' || left(md5(row_number || col), 12))::bit(48)::bigint % n $$;
CREATE FUNCTION pick(row_number bigint, col text, VARIADIC choices text[]) RETURNS text
    LANGUAGE sql IMMUTABLE AS
$$ SELECT choices[1 + pick(row_number, col, cardinality(choices)::bigint)] $$;

CREATE TABLE oracle_rows AS
SELECT e.* FROM generate_series(1, 6000) i, LATERAL (
    SELECT CASE WHEN pick(i, 'no id', 10) > 0 THEN 'e' || pick(i, 'id', 60) END AS event_id,
           pick(i, 'visitor', 'v1', 'v2', '', NULL) AS visitor_id,
           pick(i, 'user', 'u1', 'u2', NULL, NULL) AS user_id,
           timestamptz '2026-03-01 10:00+00' + pick(i, 'day', 40) * interval '1 day'
           + pick(i, 'odd', '0', '0', '1 us', '-1 us', '1 s', '12 hours')::interval AS event_time,
           CASE WHEN pick(i, 'got', 3) > 0
                THEN timestamptz '2026-05-01 10:00+00' + pick(i, 'at', 4) * interval '1 s' END
               AS received_at,
           pick(i, 'kind', 'page', 'track') AS kind,
           pick(i, 'name', 'a', 'b', NULL) AS name,
           pick(i, 'url', 'https://example.com/', NULL) AS url,
           pick(i, 'ref', '', NULL) AS referrer,
           pick(i, 'rev', '1.0', '1.00', NULL, NULL)::numeric AS revenue,
           pick(i, 'cur', 'EUR', NULL) AS currency, NULL::text AS order_id, NULL::text AS source,
           NULL::text AS medium, NULL::text AS campaign, NULL::text AS term, NULL::text AS content,
           pick(i, 'key', 's', NULL) AS session_key, NULL::text AS previous_id,
           pick(i, 'plat', 'web', NULL) AS platform,
           pick(i, 'prop', '{}', '{"a": 1}', '{"a": null, "b": {"c": 2}}', '{"a": 1, "b": ":"}',
                NULL)::jsonb AS properties,
           NULL::jsonb AS traits) e;
\set ECHO none
\i test/oracle/copies.sql
\set ECHO all

CREATE TABLE made AS
SELECT timeline_agg(row(r.*)::event) AS t FROM oracle_rows r;

SELECT event_count(t) = (SELECT count(*) FROM oracle_events) AS as_many,
       event_count(t) BETWEEN 1000 AND 5000 AS interesting
FROM made;

-- the same events, ids of our making aside
CREATE VIEW from_timeline AS
SELECT CASE WHEN e.event_id !~ '^[0-9a-f]{32}$' THEN e.event_id END AS event_id,
       e.visitor_id, e.user_id, e.event_time, e.received_at, e.kind, e.name, e.url, e.referrer,
       e.revenue::text, e.currency, e.session_key, e.platform, e.properties
FROM made, events(t) e;
CREATE VIEW from_oracle AS
SELECT event_id, visitor_id, user_id, event_time, received_at, kind, name, url, referrer,
       revenue::text, currency, session_key, platform, properties
FROM oracle_events;
SELECT count(*) FROM (TABLE from_timeline EXCEPT ALL TABLE from_oracle) d;
SELECT count(*) FROM (TABLE from_oracle EXCEPT ALL TABLE from_timeline) d;

-- and the same first and last copies
SELECT count(*) > 1000 AS many, count(copies) > 100 AS interesting,
       count(*) FILTER (WHERE copies IS DISTINCT FROM expected) AS wrong
FROM made, jsonb_array_elements(t::text::jsonb) j,
     LATERAL (SELECT j->'copies' AS copies) c,
     oracle_events o,
     LATERAL (SELECT CASE WHEN first_copy <> last_copy THEN jsonb_build_array(
         to_char(first_copy AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
         to_char(last_copy AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')) END AS expected) x
WHERE o.event_id = j->>'event_id' AND o.visitor_id IS NOT DISTINCT FROM j->>'visitor_id'
  AND o.event_time = (j->>'event_time')::timestamptz;

-- the standard order
SELECT bool_and(ok) FROM (
    SELECT (lag(e.event_time) OVER w, lag(e.event_id) OVER w) <= (e.event_time, e.event_id)
           OR lag(e.event_time) OVER w IS NULL AS ok
    FROM made, events(t) WITH ORDINALITY e WINDOW w AS (ORDER BY e.ordinality)) o;

-- exactly 24 hours join, a microsecond more does not; chains reach further
CREATE FUNCTION copies(VARIADIC steps interval[]) RETURNS bigint LANGUAGE sql AS $$
    SELECT event_count(timeline_agg('same', timestamptz '2026-03-01 10:00+00' + s, NULL, NULL,
                                    NULL, NULL, NULL)) FROM unnest(steps) s $$;
SELECT copies('0', '24 hours'), copies('0', '24 hours 1 us'),
       copies('48 hours', '0', '24 hours'), copies('48 hours 1 us', '0', '24 hours'),
       copies('0', '48 hours');

-- an event remembers its copies: here the next one is found only by that
WITH one AS (
    SELECT day, format('[{"event_id": "a", "event_time": "2026-03-0%sT00:00:00Z"%s}]', day,
                       CASE WHEN day = 1 THEN ', "user_id": "u"' ELSE '' END)::timeline AS t
    FROM generate_series(1, 3) day)
SELECT timeline_union(timeline_union(x.t, y.t), z.t)
       = timeline_union(x.t, timeline_union(y.t, z.t)) AS same,
       event_count(timeline_union(timeline_union(x.t, y.t), z.t))
FROM one x, one y, one z
WHERE x.day = 1 AND y.day = 2 AND z.day = 3;

-- ---------------------------------------------------------------------------------------------
-- the union: any order, grouping and repetition of the same rows
-- ---------------------------------------------------------------------------------------------

CREATE TABLE parts AS
SELECT size, part, timeline_agg(row(r.*)::event ORDER BY pick(n, size::text, 1000)) AS t
FROM (SELECT row_number() OVER () AS n, * FROM oracle_rows) x(n, event_id, visitor_id, user_id,
         event_time, received_at, kind, name, url, referrer, revenue, currency, order_id, source,
         medium, campaign, term, content, session_key, previous_id, platform, properties, traits),
     unnest(ARRAY[1, 2, 7, 100, 3000]) size,
     LATERAL (SELECT pick(n, 'part' || size, size) AS part) p,
     LATERAL (SELECT event_id, visitor_id, user_id, event_time, received_at, kind, name, url,
         referrer, revenue, currency, order_id, source, medium, campaign, term, content,
         session_key, previous_id, platform, properties, traits) r
GROUP BY size, part;
SELECT size, rollup(p.t) = (SELECT t FROM made) AS same FROM parts p GROUP BY size ORDER BY size;
SELECT rollup(p.t) = (SELECT t FROM made) AS same FROM parts p;
SELECT rollup(t) = (SELECT t FROM made) AS same
FROM (SELECT rollup(t) FROM parts WHERE size = 100 GROUP BY part % 7) x(t);
SELECT bool_and(timeline_union(a.t, b.t) = timeline_union(b.t, a.t)) AS commutative,
       bool_and(timeline_union(timeline_union(a.t, b.t), c.t)
                = timeline_union(a.t, timeline_union(b.t, c.t))) AS associative,
       bool_and(timeline_union(a.t, a.t) = a.t) AS idempotent
FROM parts a, parts b, parts c
WHERE a.size = 100 AND b.size = 100 AND c.size = 100
  AND a.part < 20 AND b.part = a.part + 20 AND c.part = a.part + 40;

-- out and in again
SELECT t::text::timeline = t AS text FROM made;
SELECT (SELECT event_count(timeline_agg(e)) FROM events(t) e) = event_count(t) AS events FROM made;

-- what the plans are
CREATE FUNCTION plan_has(query text, pattern text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || query LOOP
        IF line ~ pattern THEN RETURN true; END IF;
    END LOOP;
    RETURN false;
END $$;
ALTER TABLE oracle_rows SET (parallel_workers = 2);
ALTER TABLE parts SET (parallel_workers = 2);
ANALYZE oracle_rows, parts;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SELECT plan_has('SELECT timeline_agg(row(r.*)::event) FROM oracle_rows r', 'Partial Aggregate'),
       plan_has('SELECT timeline_agg(event_time, name) FROM oracle_rows r', 'Partial Aggregate'),
       plan_has('SELECT timeline_agg(event_id, event_time, name, url, referrer, user_id, revenue)
                 FROM oracle_rows r', 'Partial Aggregate'),
       plan_has('SELECT rollup(t) FROM parts', 'Partial Aggregate');
SELECT timeline_agg(row(r.*)::event) = (SELECT t FROM made) AS same FROM oracle_rows r;
SELECT rollup(p.t) = (SELECT t FROM made) AS same FROM parts p WHERE size = 3000;
CREATE TABLE parallel_columns AS
SELECT visitor_id,
       timeline_agg(event_id, event_time, name, url, referrer, user_id, revenue) AS t,
       timeline_agg(event_time, name) AS short
FROM oracle_rows GROUP BY visitor_id;
SET max_parallel_workers_per_gather = 0;
SELECT count(*) FROM (
    SELECT visitor_id,
           timeline_agg(event_id, event_time, name, url, referrer, user_id, revenue) AS t,
           timeline_agg(event_time, name) AS short
    FROM oracle_rows GROUP BY visitor_id
    EXCEPT TABLE parallel_columns) d;
SET enable_hashagg = off;
SELECT count(*) FROM (
    SELECT visitor_id, rollup(t) FROM (
        SELECT visitor_id,
               timeline_agg(event_id, event_time, name, url, referrer, user_id, revenue) AS t
        FROM oracle_rows GROUP BY visitor_id, pick(extract(epoch FROM event_time)::bigint, '', 5)) x
    GROUP BY visitor_id
    EXCEPT SELECT visitor_id, t FROM parallel_columns) d;
RESET enable_hashagg;

-- as window functions, where the state is used on after a result was taken
SELECT array_agg(event_count(t) ORDER BY i), array_agg(event_count(u) ORDER BY i) FROM (
    SELECT i,
           timeline_agg(timestamptz '2026-03-01 10:00+00' + i * interval '1 hour', 'a')
               OVER w AS t,
           rollup(format('[{"event_id": "a", "event_time": "2026-03-0%sT00:00:00Z"}]', 2 * i)
                  ::timeline) OVER w AS u
    FROM generate_series(1, 4) i WINDOW w AS (ORDER BY i)) x;

-- a large group
CREATE TABLE large AS
SELECT timeline_agg('e' || i % 199999, timestamptz '2026-03-01 10:00+00' + i * interval '1 ms',
                    'page', 'https://example.com/' || i % 1000, NULL, NULL, i / 100.0) AS t
FROM generate_series(0, 199999) i;
SELECT event_count(t), timeline_union(t, t) = t AS same, (SELECT count(*) FROM events(t)),
       t::text::timeline = t AS text, pg_column_size(t) < 6000000 AS compact
FROM large;

-- ---------------------------------------------------------------------------------------------
-- comparison, storage, binary form
-- ---------------------------------------------------------------------------------------------

CREATE TABLE stored AS
SELECT t FROM parts WHERE size = 100 UNION ALL SELECT NULL UNION ALL SELECT '[]';
INSERT INTO stored SELECT t FROM parts WHERE size = 100 AND part < 50;
CREATE INDEX stored_hash ON stored USING hash (t);
SELECT count(*), count(DISTINCT t),
       (SELECT count(*) FROM (SELECT t FROM stored GROUP BY t) g)
FROM stored;
SELECT bool_and(a.t < b.t OR a.t > b.t OR a.t = b.t),
       bool_and((a.t <= b.t) = NOT (a.t > b.t)), bool_and((a.t >= b.t) = NOT (a.t < b.t)),
       bool_and((a.t <> b.t) = NOT (a.t = b.t)),
       bool_and((a.t = b.t) = (timeline_send(a.t) = timeline_send(b.t)))
FROM stored a, stored b;
SET enable_seqscan = off;
SELECT plan_has('SELECT 1 FROM stored WHERE t = ''[]''', 'stored_hash'),
       (SELECT count(*) FROM stored WHERE t = '[]');
RESET enable_seqscan;

-- binary, through a file of the server
SELECT current_setting('data_directory') || '/timeline.bin' AS file \gset
CREATE TABLE copied (LIKE stored);
COPY stored TO :'file' (FORMAT binary);
COPY copied FROM :'file' (FORMAT binary);
SELECT count(*) FROM (TABLE stored EXCEPT ALL TABLE copied) d;
TRUNCATE copied;
COPY stored TO :'file';
COPY copied FROM :'file';
SELECT count(*) FROM (TABLE stored EXCEPT ALL TABLE copied) d;

-- in another encoding the strings are others, and may stand in another order
CREATE TABLE accents AS
SELECT timeline_agg(id, '2026-03-01 10:00+00'::timestamptz, U&'caf\00e9 ' || id, NULL, NULL, NULL,
                    NULL) AS t
FROM unnest(ARRAY[U&'\00e9', 'a', U&'\00c3\00a9']) id;
-- the keys of an object too: jsonb has the shorter first
INSERT INTO accents
SELECT timeline_agg(jsonb_populate_record(NULL::event, jsonb_build_object(
    'event_id', 'e', 'event_time', '2026-03-01 10:00+00',
    'properties', jsonb_build_object(U&'\00e9', 1, 'aa', 2))));
TRUNCATE copied;
SET client_encoding = 'LATIN1';
COPY accents TO :'file' (FORMAT binary);
SELECT length(pg_read_binary_file(:'file')) AS size_latin1 \gset
COPY copied FROM :'file' (FORMAT binary);
SET client_encoding = 'UTF8';
COPY accents TO :'file' (FORMAT binary);
SELECT length(pg_read_binary_file(:'file')) - :size_latin1 AS longer;
TABLE accents EXCEPT TABLE copied;

-- damaged binary input is refused, or is another good timeline; never anything worse
CREATE FUNCTION damage(original bytea, n bigint) RETURNS bytea LANGUAGE sql AS $$
    SELECT CASE pick(n, 'how', 4)
        WHEN 0 THEN substr(original, 1, pick(n, 'cut', length(original))::int)
        WHEN 1 THEN set_byte(original, pick(n, 'at', length(original))::int,
                             pick(n, 'to', 256)::int)
        WHEN 2 THEN set_bit(original, pick(n, 'at', 8 * length(original)),
                            1 - get_bit(original, pick(n, 'at', 8 * length(original))))
        ELSE overlay(original PLACING '\xffffffffffffffff'::bytea
                     FROM 1 + pick(n, 'at', length(original))::int) END $$;
CREATE FUNCTION receive_damaged(original bytea, n bigint, file text) RETURNS text
    LANGUAGE plpgsql AS $$
DECLARE bad bytea := damage(original, n); code text; back bytea;
BEGIN
    EXECUTE format('COPY (SELECT %L::bytea) TO %L (FORMAT binary)', bad, file);
    DELETE FROM copied;
    EXECUTE format('COPY copied FROM %L (FORMAT binary)', file);
    SELECT timeline_send(t) INTO back FROM copied;
    RETURN CASE WHEN back = bad THEN 'accepted' ELSE 'changed' END;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE;
    RETURN CASE WHEN code ~ '^22' THEN 'refused' ELSE code || ' ' || SQLERRM END;
END $$;
SELECT outcome, count(*) > 20 AS often
FROM (SELECT timeline_send(timeline_agg(row(r.*)::event)) AS b
      FROM (SELECT * FROM oracle_rows LIMIT 8) r) good,
     generate_series(1, 300) n, receive_damaged(b, n, :'file') AS outcome
GROUP BY outcome ORDER BY outcome;

CREATE FUNCTION receive(b bytea, file text) RETURNS timeline LANGUAGE plpgsql AS $$
DECLARE result timeline;
BEGIN
    EXECUTE format('COPY (SELECT %L::bytea) TO %L (FORMAT binary)', b, file);
    DELETE FROM copied;
    EXECUTE format('COPY copied FROM %L (FORMAT binary)', file);
    SELECT t INTO result FROM copied;
    RETURN result;
END $$;
\set VERBOSITY terse
SELECT timeline_send('[]'),
       timeline_send('[{"event_id": "a", "event_time": "2000-01-01T00:00:01Z"}]');
SELECT receive('\x010200', :'file');
SELECT receive('\x01020102000361', :'file');
\set VERBOSITY default
\set SHOW_CONTEXT never
SELECT receive('\x', :'file');
SELECT receive('\x020200', :'file');                    -- version
SELECT receive('\x010300', :'file');                    -- unit
SELECT receive('\x01020000', :'file');                  -- more than nothing
SELECT receive('\x0102ffffffffffffffffff01', :'file');  -- a lying count
SELECT receive('\x0102ffffffffffffffffffff01', :'file'); -- too long a number
SELECT receive('\x01000100000361', :'file');            -- not the coarsest unit
SELECT receive('\x0102010200ff61', :'file');            -- a string cut off
SELECT receive('\x0102010202036108', :'file');          -- a string that is not there
SELECT receive('\x0102010202036107ff', :'file');        -- not UTF-8
SELECT receive('\x0102010202036106', :'file');          -- an odd number that ends
SELECT receive('\x0102020200036100000361', :'file');    -- two copies
SELECT receive('\x01020102800403610778', :'file');      -- revenue
SELECT receive('\x010201028004036109302e', :'file');
SELECT receive('\x0102010210036109207b', :'file');      -- properties
SELECT receive('\x010201ffffffffffffffffff01000361', :'file');  -- beyond all times
\set VERBOSITY terse

-- NULL
SELECT events(NULL), event_count(NULL), timeline_union(NULL, '[]');
SELECT count(*) FROM events('[]');
SELECT event_id, name FROM events('[{"event_id": "a", "event_time": "2026-03-01T00:00:00Z"},
    {"event_id": "b", "event_time": "2026-03-02T00:00:00Z"}]') LIMIT 1;
