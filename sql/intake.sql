-- The reading of sources: what RudderStack, Segment and own loaders leave in tables, as events.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
DO $$
BEGIN
    IF to_regprocedure('journey._create_store(name)') IS NULL THEN
        CREATE FUNCTION journey._create_store(schema name) RETURNS void LANGUAGE plpgsql AS $f$
        BEGIN
            EXECUTE format('CREATE TABLE %I._segments (visitor_id text)', schema);
        END $f$;
    END IF;
    IF to_regprocedure('journey.url_host(text)') IS NULL THEN
        CREATE FUNCTION journey.url_host(url text) RETURNS text LANGUAGE sql AS $f$
        SELECT substring(url FROM '://([^/?#]*)') $f$;
    END IF;
END $$;
-- what one refresh reads, and no more of the refresh
CREATE FUNCTION public.regress_read(model name, since timestamptz DEFAULT NULL) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    m journey._model := journey._lock_model(model);
    counts jsonb := journey._read(m, since);
BEGIN
    EXECUTE 'DROP TABLE IF EXISTS batch';
    EXECUTE format('CREATE TEMP TABLE batch AS SELECT * FROM %I._batch', m.store_schema);
    PERFORM journey._read_done(m, counts);
    RETURN format('%s read, %s excluded, %s rejected, %s of traits', counts ->> 'rows_read',
                  counts ->> 'excluded', counts ->> 'rejected', counts ->> 'traits');
END $$;

-- ids
SELECT id, journey._clean_id(id) FROM unnest(ARRAY[
    'abc', ' abc ', '', '  ', E'\t\n', '0', '00000000-0000-0000-0000-000000000000', '---', '-1', '01', 'null', 'NULL',
    '"null"', ' ''anonymous'' ', 'ANONYMOUS', 'None', 'none', 'NONE', 'NaN', 'nan', '[object Object]', 'Undefined',
    'N/A', 'not_authenticated', 'not_authenticated2', 'Test@Test.com', 'nullify', '"', '""', '''"null"''']) AS id;
SELECT count(*) FROM unnest(ARRAY['anonymous', 'guest', 'distinctid', 'distinct_id', 'id', 'not_authenticated', 'email',
    'undefined', 'true', 'false', '[object Object]', 'NaN', 'None', 'none', 'null', '0', '-1', 'invalid', 'unknown',
    'n/a', 'nil', 'test@test.com']) AS id WHERE NOT journey._blocked_id(id);
SELECT a, u, journey._visitor_id(a, u) FROM (VALUES
    ('a', 'u'), ('null', 'u'), (NULL, 'u'), ('', '0'), (NULL, NULL), ('a', NULL), (NULL, 'null')) AS v(a, u);
SELECT left(email, 25) AS email, journey._clean_email(email) FROM unnest(ARRAY[
    'Ann@Shop.Test', ' ann@shop.test ', 'ann', '@shop.test', 'ann@', 'ann@shop', 'ann@shop.', 'ann@.test',
    'a..n@shop.test', '.a@shop.test', 'a.@shop.test', 'a b@shop.test', 'a@b@shop.test', 'ann@example.com',
    'ann@EXAMPLE.com', 'ann@sub.example.com', 'ann@notexample.com', 'test@test.com', 'ünï@shöp.test', 'a+b@shop.test',
    '', 'null', repeat('a', 2000) || '@shop.test']) AS email;
-- values that came as text
SELECT left(value, 40) AS value, journey._try_timestamptz(value) FROM unnest(ARRAY[
    '2024-02-29', '2024-02-30', '2024-02-01T10:00:00Z', '2024-02-01 10:00:00.123456+02', '2024-02-01 10:00:00 UTC',
    '2024-02-01T10:00:00.5-0330', '20240201T100000Z', 'now', 'today', 'infinity', 'epoch', '10:00', '1706781600', '',
    '2024', 'Feb 1 2024', '2024-02-01 25:00', '99999999-01-01', repeat('1', 500)]) AS value;
SELECT left(value, 20) AS value, round(journey._try_numeric(value), 3) AS number FROM unnest(ARRAY[
    '1', ' -1.50 ', '+.5', '5.', '.', '', '-', '1e3', '1e-3', '1e', '1e999', 'NaN', 'Infinity', '0x1F', '1_000', '1,5',
    '$1', '1 2', repeat('9', 500)]) AS value;
SELECT value, journey._try_inet(value) FROM unnest(ARRAY[
    '10.0.0.1', '10.0.0.0/8', '::1', '2001:db8::/32', '10.0.0', '10.0.0.1:80', '10.0.0.1, 10.0.0.2', 'x', '']) AS value;
SELECT value, journey._try_jsonb(value) FROM unnest(ARRAY[
    '{"a": 1}', '{', '"\u0000"', '"\ud800"', 'null', '']) AS value;
SELECT n, journey._try_jsonb(repeat('[', n) || repeat(']', n)) IS NULL AS too_deep FROM unnest('{1000,1001,100000}'::int[]) AS n;
-- a row as an object: as to_jsonb() has it, without the nulls
CREATE TABLE public.regress_types (a text, b varchar(5), c char(5), d int2, e int4, f int8, g numeric(10,2), h float4,
    i float8, j bool, k date, l timestamp, m timestamptz, n jsonb, o uuid, p inet, q interval, r name);
INSERT INTO regress_types VALUES
    (E'x"\\u', 'y', 'z', 1, 2, 3, 4.50, 1.5, 1e20, true, '2024-01-01', '2024-01-01 10:00:00.5', '2024-01-01 10:00',
     '{"a": [1, null]}', '7c9e6679-7425-40de-944b-e07fc1f90ae7', '10.0.0.1', '1 day 2:00', 'nm'),
    ('', '', '', -1, -2, -3, 'NaN', 'NaN', '-Infinity', false, 'infinity', '-infinity', 'infinity', 'null',
     NULL, NULL, NULL, NULL);
INSERT INTO regress_types (n) VALUES ('"s"'), ('[]'), ('{}'), (NULL);
SELECT object, object = (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(t))
                          WHERE value <> 'null' OR key = 'n' AND t.n IS NOT NULL) AS same
  FROM regress_types AS t,
       journey._row_object('{a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r}', a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r) AS object;
SELECT journey._row_object('{a,b}', 'unknown', NULL), journey._row_object('{a}', NULL);
SELECT journey._row_object('{a,b}', 1);
SELECT journey._row_object(NULL, 1);
SELECT journey._row_object('{a,NULL}', 1, 2);
SELECT journey._row_object('{a,b}', VARIADIC ARRAY[1, 2]);
DROP TABLE regress_types;
SELECT name, journey._event_slug(name) FROM unnest(ARRAY[
    'Order Completed', 'order_completed', ' Order  --  Completed! ', '_order', 'Größe Gewählt', '', '!!']) AS name;
SELECT journey._reject_reason('v', NULL, NULL, t, r, '2000-01-01', '24:00') AS reason, t, r FROM (VALUES
    (timestamptz '2024-01-01', timestamptz '2024-01-01'), ('2024-01-01', NULL), (NULL, '2024-01-01'),
    ('infinity', NULL), ('2024-01-01', '-infinity'), ('1999-12-31 23:59:59', NULL), ('2000-01-01', NULL),
    ('2024-01-03', '2024-01-02'), ('2024-01-03 00:00:00.000001', '2024-01-02'), ('294276-12-31', NULL),
    ('2024-01-01', '294276-12-31')) AS v(t, r);
SELECT journey._reject_reason(NULL, 'u', 'e', '2024-01-01', NULL, '2000-01-01', '24:00'),
       journey._reject_reason(repeat('v', 1025), 'u', 'e', '2024-01-01', NULL, '2000-01-01', '24:00'),
       journey._reject_reason('v', 'u', repeat('e', 1025), '2024-01-01', NULL, '2000-01-01', '24:00'),
       journey._reject_reason(repeat('v', 1024), 'u', 'e', '2024-01-01', NULL, '2000-01-01', '24:00');

-- a schema of RudderStack, with columns that one table has and another has not
CREATE SCHEMA regress_rudder;
SET search_path = regress_rudder, public;
CREATE TABLE tracks (id text, anonymous_id text, user_id text, event text, event_text text, "timestamp" timestamptz,
    original_timestamp timestamptz, sent_at timestamptz, received_at timestamptz, uuid_ts timestamptz, channel text,
    context_ip text, context_user_agent text, context_page_url text, context_page_referrer text,
    context_campaign_source text, context_campaign_name text, context_session_id bigint, context_library_name text);
CREATE TABLE order_completed (LIKE tracks);
ALTER TABLE order_completed ADD revenue text, ADD total numeric, ADD currency text, ADD order_id bigint,
    ADD source text, ADD name text, ADD products jsonb;
CREATE TABLE order_refunded (LIKE tracks);
ALTER TABLE order_refunded ADD total bigint, ADD order_id bigint;
CREATE TABLE product_viewed (LIKE tracks);
ALTER TABLE product_viewed ADD revenue text;
CREATE TABLE pages (id text, anonymous_id text, user_id text, "timestamp" timestamptz, received_at timestamptz,
    uuid_ts timestamptz, name text, category text, path text, title text, url text, referrer text, search text,
    context_page_url text, context_page_referrer text, context_campaign_source text, context_campaign_medium text,
    context_campaign_name text, context_campaign_term text, context_campaign_content text, context_ip text,
    context_theme text, variant text);
CREATE TABLE screens (id text, anonymous_id text, name text, url text, received_at timestamptz);
CREATE TABLE identifies (id text, anonymous_id text, user_id text, "timestamp" timestamptz, received_at timestamptz,
    uuid_ts timestamptz, email text, plan text, address jsonb, context_ip text, context_traits_email text,
    context_theme text);
CREATE TABLE aliases (id text, previous_id text, user_id text, "timestamp" timestamptz, received_at timestamptz);
CREATE TABLE groups (id text, anonymous_id text, user_id text, group_id text, received_at timestamptz);
CREATE TABLE users (id text, email text, plan text, received_at timestamptz, uuid_ts timestamptz, context_ip text);
-- none of these holds events
CREATE TABLE accounts (LIKE groups);
CREATE TABLE rudder_discards (id text, event text, received_at timestamptz);
CREATE TABLE snapshot_orders (LIKE tracks);
CREATE TABLE rudder_staging_tracks_1 (LIKE tracks);
CREATE TABLE no_id (anonymous_id text, event text, received_at timestamptz);
CREATE TABLE dim_product (id int, received_at timestamptz);
CREATE TABLE left_out_of_it (LIKE tracks);
CREATE VIEW all_tracks AS SELECT * FROM tracks;
CREATE TABLE parted (LIKE tracks) PARTITION BY RANGE (received_at);
CREATE TABLE parted_2024 PARTITION OF parted FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
RESET search_path;
SELECT journey.create_model('regress_in', NULL, '{"keep_properties": ["context_theme", "title"],
    "exclude": {"host": ["staging.*"], "ip": ["10.0.0.0/8"], "user_agent": ["*Bot*"], "user_id": ["QA_*"]}}');
SELECT journey.add_schema('regress_in', 'regress_rudder', '{"exclude_tables": ["left_*"]}');
SELECT name, role, watermark_column, overlap FROM journey._inputs(journey._get_model('regress_in'));

INSERT INTO regress_rudder.tracks (id, anonymous_id, user_id, event, event_text, "timestamp", received_at, uuid_ts, channel, context_ip, context_user_agent, context_page_url, context_campaign_name, context_session_id) VALUES
    ('t1', 'a1', NULL, 'order_completed', 'Order Completed', '2024-01-01 10:00', '2024-01-01 10:01', '2024-01-01 11:00', 'web', '192.0.2.1', 'Mozilla', 'https://shop.test/buy', 'jan', 1704103200000),
    ('t2', 'null', 'u1', 'login', NULL, NULL, '2024-01-01 10:01', '2024-01-01 11:00', 'server', NULL, NULL, NULL, NULL, NULL),
    ('t3', '0', 'undefined', 'login', 'Login', '2024-01-01 10:00', '2024-01-01 10:01', '2024-01-01 11:00', NULL, NULL, NULL, NULL, NULL, NULL),
    ('t4', 'a1', NULL, 'login', 'Login', '2024-01-01 10:00', '2024-01-01 10:01', '2024-01-01 11:00', NULL, '10.1.2.3', NULL, NULL, NULL, NULL),
    ('t5', 'a1', NULL, 'login', 'Login', '2024-01-01 10:00', '2024-01-01 10:01', '2024-01-01 11:00', NULL, NULL, 'GoogleBOT/2.1', NULL, NULL, NULL),
    ('t6', 'a1', 'QA_7', 'login', 'Login', '2024-01-01 10:00', '2024-01-01 10:01', '2024-01-01 11:00', NULL, NULL, NULL, NULL, NULL, NULL),
    ('t7', 'a1', 'QAx7', 'login', 'Login', '2024-01-01 10:00', '2024-01-01 10:01', '2024-01-01 11:00', NULL, 'no address', NULL, 'https://staging.shop.test/', NULL, NULL),
    ('t8', 'a1', 'QAx7', 'login', 'Login', '2024-01-01 10:00', '2024-01-01 10:01', '2024-01-01 11:00', NULL, 'no address', NULL, 'not a url', NULL, NULL),
    ('t9', 'a1', NULL, 'login', 'Login', '2034-01-01', '2024-01-01', '2024-01-01 11:00', NULL, NULL, NULL, NULL, NULL, NULL),
    ('t10', 'a1', NULL, 'login', 'Login', 'infinity', '2024-01-01', '2024-01-01 11:00', NULL, NULL, NULL, NULL, NULL, NULL),
    ('t11', 'a1', NULL, 'login', 'Login', '1970-01-01', '2024-01-01', '2024-01-01 11:00', NULL, NULL, NULL, NULL, NULL, NULL),
    ('t12', 'a1', NULL, 'login', 'Login', NULL, NULL, '2024-01-01 11:00', NULL, NULL, NULL, NULL, NULL, NULL),
    ('', 'a1', NULL, 'login', 'Login', '2024-01-01 10:00', NULL, '2024-01-01 11:00', NULL, NULL, NULL, NULL, NULL, NULL);
UPDATE regress_rudder.tracks SET original_timestamp = '2024-01-01 09:59' WHERE id = 't2';
INSERT INTO regress_rudder.order_completed (id, anonymous_id, event, event_text, "timestamp", received_at, uuid_ts, revenue, total, currency, order_id, source, name, products) VALUES
    ('t1', 'a1', 'order_completed', 'Order Completed', '2024-01-01 10:00', '2024-01-01 10:01', '2024-01-01 11:00', '99.50', 120, 'EUR', 7, 'shop', 'gift', '[{"sku": null}]'),
    ('o2', 'a1', 'order_completed', 'ORDER COMPLETED', '2024-01-01 10:00', '2024-01-01 10:01', '2024-01-01 11:00', NULL, 120, NULL, NULL, NULL, NULL, NULL),
    ('o3', 'a1', 'order_completed', 'Order Completed', '2024-01-01 10:00', '2024-01-01 10:01', '2024-01-01 11:00', '12 EUR', 120, 'EUR', 7, NULL, NULL, NULL),
    ('o4', 'a1', 'order_completed', 'Order Completed', '2024-01-01 10:00', '2024-01-01 10:01', '2024-01-01 11:00', '', 'NaN', NULL, NULL, NULL, NULL, NULL);
INSERT INTO regress_rudder.order_refunded (id, anonymous_id, event, "timestamp", received_at, uuid_ts, total, order_id) VALUES
    ('r1', 'a1', 'order_refunded', '2024-01-01 10:00', '2024-01-01 10:01', '2024-01-01 11:00', 20, 7);
INSERT INTO regress_rudder.product_viewed (id, anonymous_id, event, event_text, "timestamp", received_at, uuid_ts, revenue) VALUES
    ('p1', 'a1', 'product_viewed', 'Product Viewed', '2024-01-01 10:00', '2024-01-01 10:01', '2024-01-01 11:00', 'a lot');
INSERT INTO regress_rudder.pages (id, anonymous_id, "timestamp", received_at, uuid_ts, name, category, title, url, referrer, context_page_url, context_page_referrer, context_campaign_source, context_campaign_medium, context_campaign_name, context_campaign_term, context_campaign_content, context_theme, variant) VALUES
    ('g1', 'a1', '2024-01-01 10:00', '2024-01-01 10:01', '2024-01-01 11:00', 'Home', 'x', 'Shop', 'https://shop.test/?q=1', 'https://g.test/', 'https://shop.test/', 'https://h.test/', 's', 'm', 'n', 't', 'c', 'dark', 'B'),
    ('g2', 'a1', '2024-01-01 10:00', '2024-01-01 10:01', '2024-01-01 11:00', NULL, NULL, NULL, NULL, NULL, 'https://shop.test/2', 'https://h.test/', NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO regress_rudder.screens VALUES ('s1', 'a2', 'Main', 'app://x', '2024-01-01 10:01');
INSERT INTO regress_rudder.identifies VALUES
    ('i1', 'a1', 'u1', '2024-01-01 10:00', '2024-01-01 10:01', '2024-01-01 11:00', 'a@b.test', NULL, '{"city": null}', '192.0.2.1', 'c@d.test', 'dark'),
    ('i2', 'a1', 'u1', '2024-01-01 10:00', '2024-01-01 10:01', '2024-01-01 11:00', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO regress_rudder.aliases VALUES ('l1', 'a1', 'u1', '2024-01-01 10:00', '2024-01-01 10:01');
INSERT INTO regress_rudder.groups VALUES ('k1', 'a1', 'u1', 'acme', '2024-01-01 10:01');
INSERT INTO regress_rudder.users VALUES ('u1', 'a@b.test', NULL, '2024-01-01 10:01', '2024-01-01 11:00', 'x'), ('null', 'x', NULL, '2024-01-01', NULL, NULL);
INSERT INTO regress_rudder.left_out_of_it (id, anonymous_id, received_at) VALUES ('no', 'a1', '2024-01-01');
INSERT INTO regress_rudder.parted (id, anonymous_id, event, received_at) VALUES ('d1', 'a1', 'parted', '2024-01-01 10:01');

SELECT regress_read('regress_in');
SELECT event_id, visitor_id, user_id, event_time, received_at, kind, name, platform, session_key, status, is_traits
  FROM batch ORDER BY table_id, event_id COLLATE "C";
SELECT event_id, kind, url, referrer, source, medium, campaign, term, content, previous_id
  FROM batch WHERE status IS NULL AND concat(url, referrer, campaign, previous_id) <> ''
 ORDER BY table_id, event_id COLLATE "C";
SELECT event_id, name, revenue, currency, order_id, properties, traits
  FROM batch WHERE status IS NULL AND concat(revenue, currency, order_id, properties, traits) <> ''
 ORDER BY table_id, event_id COLLATE "C";
SELECT source, reason, "row" ->> 'id' AS id FROM regress_in.rejected_events ORDER BY 1, 2, "row" ->> 'id' COLLATE "C";
SELECT schema, relation, watermark_column, watermark FROM journey._source_table ORDER BY table_id;
SELECT count(*) FROM regress_in_store._batch;

-- what is new is read, by load time; a row of 2031 hides none; what is rejected is listed once
SELECT regress_read('regress_in');
SELECT count(*) FROM regress_in.rejected_events;
INSERT INTO regress_rudder.pages (id, anonymous_id, received_at, uuid_ts) VALUES ('g2031', 'a1', '2024-01-02', '2031-01-01');
SELECT regress_read('regress_in');
SELECT watermark <= now() AND watermark > now() - interval '1 hour' AS clamped
  FROM journey._source_table WHERE relation = 'pages';
INSERT INTO regress_rudder.pages (id, anonymous_id, received_at, uuid_ts) VALUES
    ('now', 'a1', now(), now()), ('overlap', 'a1', now(), now() - interval '14 min'), ('late', 'a1', now(), now() - interval '20 min'),
    ('unloaded', 'a1', now(), NULL);
SELECT regress_read('regress_in');
SELECT event_id FROM batch WHERE kind = 'page' ORDER BY event_id COLLATE "C";
-- since: loaded or dated since then
SELECT regress_read('regress_in', now() - interval '1 hour');
SELECT event_id FROM batch WHERE kind = 'page' ORDER BY event_id COLLATE "C";
INSERT INTO regress_rudder.pages (id, anonymous_id, "timestamp", received_at, uuid_ts) VALUES
    ('dated', 'a1', '2024-06-01', '2024-06-01', '2023-01-01'), ('older', 'a1', '2023-06-01', '2023-06-01', '2023-01-01');
SELECT regress_read('regress_in', '2024-02-01');
SELECT event_id FROM batch WHERE kind = 'page' ORDER BY event_id COLLATE "C";
SELECT regress_read('regress_in', '-infinity');
SELECT count(*) FROM regress_in.rejected_events;
-- a loader deletes and inserts again; adds columns and tables
UPDATE regress_rudder.order_refunded SET uuid_ts = '2024-01-02', total = 25;
ALTER TABLE regress_rudder.order_refunded ADD context_campaign_term text, ADD coupon text;
INSERT INTO regress_rudder.order_refunded (id, anonymous_id, event, received_at, uuid_ts, context_campaign_term, coupon) VALUES
    ('r2', 'a1', 'order_refunded', '2024-01-02', '2024-01-02', 'shoes', 'X');
CREATE TABLE regress_rudder.new_event (id text, user_id text, event text, received_at timestamptz, colour text);
INSERT INTO regress_rudder.new_event VALUES ('n1', 'u9', 'new_event', '2020-01-01', 'red');
SELECT regress_read('regress_in');
SELECT event_id, visitor_id, revenue, term, properties FROM batch WHERE event_id = ANY ('{r1,r2,n1}') ORDER BY event_id;
-- a column of load time that appears later is read from its beginning, as is a table made anew
ALTER TABLE regress_rudder.new_event ADD uuid_ts timestamptz;
UPDATE regress_rudder.new_event SET uuid_ts = '2019-01-01';
SELECT regress_read('regress_in');
SELECT event_id FROM batch WHERE name = 'new_event';
SELECT watermark_column, watermark FROM journey._source_table WHERE relation = 'new_event';
DROP TABLE regress_rudder.new_event;
SELECT regress_read('regress_in');
SELECT watermark_column, watermark FROM journey._source_table WHERE relation = 'new_event';
CREATE TABLE regress_rudder.new_event (id text, user_id text, event text, uuid_ts timestamptz);
INSERT INTO regress_rudder.new_event VALUES ('n0', 'u9', 'new_event', '2010-01-01');
SELECT regress_read('regress_in');
SELECT event_id, status FROM batch WHERE name = 'new_event';
SELECT journey.drop_model('regress_in');

-- own tables: any names and types, a mapping
CREATE SCHEMA regress_own;
CREATE TABLE regress_own.hits (
    hit bigint, device text, customer int, happened text, arrived timestamp, kind text, page text, amount text,
    extra json, note text, source text);
INSERT INTO regress_own.hits VALUES
    (1, 'd1', 42, '2024-01-01T10:00:00+01:00', '2024-01-01 10:00', 'page', 'https://a.test/', NULL, '{"a": {"b": null}}', 'n', 's'),
    (2, 'd1', NULL, 'yesterday', '2024-01-01 10:00', 'track', NULL, NULL, NULL, NULL, NULL),
    (3, 'd1', NULL, '', '2024-01-01 10:00', NULL, NULL, '7.50', NULL, NULL, NULL),
    (4, 'd1', NULL, NULL, '2024-01-01 10:00', 'click', NULL, NULL, NULL, NULL, NULL),
    (5, 'd1', NULL, NULL, '2024-01-01 10:00', 'track', NULL, 'much', NULL, NULL, NULL),
    (6, 'd1', NULL, NULL, '2024-01-01 10:00', 'track', NULL, NULL, '{"a": "\u0000"}', NULL, NULL),
    (7, NULL, NULL, NULL, '2024-01-01 10:00', 'track', NULL, NULL, '{"a": "\u0000"}', NULL, NULL);
SELECT journey.create_model('regress_own_m');
SELECT journey.add_source('regress_own_m', 'regress_own.hits', NULL, '{"event_id": "hit", "visitor_id": "device",
    "user_id": "customer", "event_time": "happened", "received_at": "arrived", "url": "page", "revenue": "amount",
    "source": null}');
-- ids of another space do not meet those of the first; a view, a constant kind, no load time
CREATE VIEW regress_own.signups AS
    SELECT 1 AS id, 'u1' AS user_id, date '2024-01-05' AS day, 'pro' AS plan, '{"x": 1}'::jsonb AS about;
SELECT journey.add_source('regress_own_m', 'regress_own.signups', 'identify', '{"event_time": "day"}');
CREATE VIEW regress_own.signups2 AS SELECT * FROM regress_own.signups;
SELECT journey.add_source('regress_own_m', 'regress_own.signups2', 'track', '{"event_time": "day", "properties": "about"}',
                          '{"id_space": "regress_own.signups"}');
CREATE VIEW regress_own.signups3 AS SELECT * FROM regress_own.signups;
SELECT journey.add_source('regress_own_m', 'regress_own.signups3', 'track', '{"event_time": "day", "properties": null, "event_id": null}');
SELECT name, role, id_prefix, watermark_column, overlap FROM journey._inputs(journey._get_model('regress_own_m'));
SELECT regress_read('regress_own_m');
SELECT event_id, visitor_id, user_id, event_time, received_at, kind, url, revenue, source, properties, traits, status
  FROM batch ORDER BY table_id, event_id;
SELECT reason, "row" FROM regress_own_m.rejected_events ORDER BY ("row" ->> 'hit') COLLATE "C", "row"::text COLLATE "C";
-- again: what was seen is not read, but for that of a view, which tells no more than a load time
SELECT regress_read('regress_own_m');
UPDATE regress_own.hits SET arrived = '2024-01-03' WHERE hit = 1;
SELECT regress_read('regress_own_m');
SELECT regress_read('regress_own_m');
SELECT event_id, received_at FROM batch ORDER BY 1;
-- a received_at that is the time of the event is no load time
CREATE TABLE regress_own.flat (user_id text, at timestamptz);
SELECT journey.add_source('regress_own_m', 'regress_own.flat', NULL, '{"event_time": "at", "received_at": "at"}');
SELECT name, watermark_column FROM journey._inputs(journey._get_model('regress_own_m')) WHERE name = 'flat';
-- more columns than a function takes arguments, and more than a row of text has
SELECT format('CREATE TABLE regress_own.wide (user_id text, event_time timestamptz, %s)',
              string_agg(format('c%s int', i), ', ')) FROM generate_series(1, 250) AS i
\set ECHO none
\gexec
\set ECHO all
INSERT INTO regress_own.wide VALUES ('u1', '2024-01-01', 1), ('u2', '2024-01-01', NULL);
UPDATE regress_own.wide SET c100 = 100, c250 = 250 WHERE user_id = 'u1';
SELECT journey.add_source('regress_own_m', 'regress_own.wide');
SELECT regress_read('regress_own_m');
SELECT user_id, properties FROM batch WHERE name IS NULL AND user_id = ANY ('{u1,u2}') AND event_time = '2024-01-01' ORDER BY 1;
DROP TABLE regress_own.wide;
-- what jsonb refuses, where no column is of type json
CREATE DOMAIN regress_own.document AS json;
CREATE DOMAIN regress_own.form AS regress_own.document;
CREATE TABLE regress_own.inside (user_id text, event_time timestamptz, docs json[], form regress_own.form);
INSERT INTO regress_own.inside VALUES ('u3', '2024-01-01', ARRAY['"\u0000"'::json], NULL),
    ('u3', '2024-01-02', ARRAY['{"b": 1}'::json], '[1]'), ('u3', '2024-01-03', NULL, '"\ud800"'), (NULL, NULL, NULL, '"\ud800"');
SELECT journey.add_source('regress_own_m', 'regress_own.inside');
SELECT regress_read('regress_own_m');
SELECT event_time, properties, status FROM batch WHERE user_id = 'u3' ORDER BY 1;
SELECT reason, "row" FROM regress_own_m.rejected_events WHERE source = 'regress_own.inside' ORDER BY reason, "row"::text COLLATE "C";
DROP TABLE regress_own.inside;
-- sources that cannot be read are skipped, and said
DROP VIEW regress_own.signups3;
CREATE ROLE regress_journey_reader;
GRANT USAGE ON SCHEMA regress_own, journey, regress_own_m, regress_own_m_store TO regress_journey_reader;
GRANT SELECT ON regress_own.hits TO regress_journey_reader;
ALTER TABLE regress_own_m_store._segments OWNER TO regress_journey_reader;
ALTER TABLE regress_own_m_store._batch OWNER TO regress_journey_reader;
ALTER TABLE regress_own_m_store._whole_tables OWNER TO regress_journey_reader;
ALTER TABLE regress_own_m.rejected_events OWNER TO regress_journey_reader;
ALTER TABLE regress_own_m_store._tombstones OWNER TO regress_journey_reader;
ALTER TABLE regress_own_m_store._whole_tables OWNER TO regress_journey_reader;
DROP TABLE batch;
SET ROLE regress_journey_reader;
SELECT regress_read('regress_own_m');
RESET ROLE;
REASSIGN OWNED BY regress_journey_reader TO CURRENT_USER;
DROP TABLE batch;

-- indexes on load time
CREATE TABLE regress_own.indexed (user_id text, "at" timestamptz, "Load" timestamptz);
CREATE INDEX ON regress_own.indexed ("Load");
CREATE TABLE regress_own.bare (user_id text, "at" timestamptz, "Load" timestamptz);
SELECT journey.create_model('regress_index');
SELECT journey.add_source('regress_index', 'regress_own.indexed', NULL, '{"event_time": "at", "loaded_at": "Load"}');
SELECT journey.add_source('regress_index', 'regress_own.bare', NULL, '{"event_time": "at", "loaded_at": "Load"}');
SET client_min_messages = notice;
SELECT journey._read(journey._lock_model('regress_index')) ->> 'rows_read' AS rows_read;
SELECT journey._read(journey._lock_model('regress_index')) ->> 'rows_read' AS rows_read;
SELECT journey.set_options('regress_index', '{"index_sources": true}');
SELECT journey._read(journey._lock_model('regress_index')) ->> 'rows_read' AS rows_read;
SET client_min_messages = warning;
SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'regress_own' ORDER BY 1, 2;

-- an index on the load time is used
INSERT INTO regress_own.bare SELECT 'u', timestamptz '2024-01-01' + i * interval '1 min', timestamptz '2024-01-01' + i * interval '1 min'
  FROM generate_series(1, 20000) i;
ANALYZE regress_own.bare;
SELECT regress_read('regress_index');
DO $$
DECLARE
    line text;
    uses boolean := false;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN ' || (SELECT journey._select(i, s, journey._new_rows(i, s, NULL))
                                         FROM journey._inputs(journey._get_model('regress_index')) AS i
                                        CROSS JOIN journey._settings('{}') AS s
                                        WHERE name = 'bare') LOOP
        uses := uses OR line LIKE '%Index Scan%';
    END LOOP;
    RAISE WARNING 'index used: %', uses;
END $$;

-- events of a table under a name of one's own, by which their revenue goes too
SELECT journey.create_model('regress_names', NULL, '{"revenue": {"money_back": "-total", "order_completed": "total"}}');
SELECT journey.add_schema('regress_names', 'regress_rudder',
    '{"event_names": {"order_refunded": "Money Back", "order_completed": "It''s sold", "no_such": "x"}}');
SELECT FROM journey.refresh('regress_names');
SELECT event_id, name, revenue FROM regress_names.events WHERE event_id IN ('r1', 'o2', 'p1') ORDER BY 1;
SELECT journey.set_schema('regress_names', 'regress_rudder', '{}');
SELECT FROM journey.rebuild('regress_names', from_sources => true);
SELECT event_id, name, revenue FROM regress_names.events WHERE event_id IN ('r1', 'o2', 'p1') ORDER BY 1;
SELECT journey.drop_model('regress_names');

SELECT journey.drop_model('regress_index');
SELECT journey.drop_model('regress_own_m');
DROP SCHEMA regress_own, regress_rudder CASCADE;
DROP FUNCTION public.regress_read;
DROP TABLE batch;
DROP OWNED BY regress_journey_reader;
DROP ROLE regress_journey_reader;
