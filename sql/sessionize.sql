-- Sessions straight from a query: the same as of timelines, for any query.
SET timezone = 'UTC';

CREATE TABLE clicks (
    visitor_id text, event_id text, event_time timestamptz, url text, referrer text, user_id text,
    kind text
);
INSERT INTO clicks VALUES
    ('v1', 'a', '2026-03-01 10:00+00', 'https://shop.example/?gclid=Cj0K-1', 'https://www.google.com/', NULL, 'page'),
    ('v1', 'b', '2026-03-01 10:30+00', 'https://shop.example/pricing', NULL, NULL, 'page'),
    ('v1', 'b', '2026-03-01 10:30:02+00', 'https://shop.example/pricing', NULL, NULL, 'page'),
    ('v1', 'c', '2026-03-01 11:00:03+00', 'https://shop.example/signup', NULL, 'ann', 'page'),
    ('v1', 'd', '2026-03-04 09:00+00', 'https://shop.example/', 'https://www.bing.com/', 'ann', 'page'),
    ('v2', 'e', '2026-03-02 08:00+00', 'https://shop.example/', NULL, NULL, NULL),
    ('v2', 'f', NULL, 'https://shop.example/', NULL, NULL, NULL),
    ('v3', 'g', NULL, 'https://shop.example/', NULL, NULL, NULL),
    (NULL, 'h', '2026-03-02 08:00+00', 'https://shop.example/', NULL, NULL, NULL);

SELECT visitor_id, user_id, session_number, started_at, events, page_views, landing_page_path, channel,
       gclid, is_bounce
  FROM journey.sessionize('SELECT * FROM clicks') ORDER BY visitor_id, session_number;
SELECT visitor_id, session_number, events
  FROM journey.sessionize('TABLE clicks', '3 days', '{"user_change": false}') ORDER BY 1, 2;
SELECT count(*) FROM journey.sessionize('SELECT * FROM clicks WHERE false');

-- Other names and types of columns, and columns that are no fields.
SELECT visitor_id, user_id, events, revenue FROM journey.sessionize($$
    SELECT 'e1'::varchar AS id, '5a2c6a1e-8d43-4b1c-9f4e-2f8e8f4f0a11'::uuid AS anonymous_id, 7::bigint AS user_id,
           '2026-03-01'::timestamptz AS "timestamp", 'track  '::char(9) AS kind, 5 AS revenue, 1.5 AS mood,
           'Order Completed'::name AS event$$);
SELECT visitor_id, page_views FROM journey.sessionize($$
    SELECT * FROM (VALUES ('v', now(), 'u')) AS v (visitor_id, event_time, url)$$);

-- The id of a campaign, in a column as loaders have it, is the property of that name.
CREATE TABLE ids (visitor_id text, event_id text, event_time timestamptz, kind text, properties jsonb, context_campaign_id integer);
INSERT INTO ids VALUES
    ('v1', 'a', '2026-03-01 10:00+00', 'page', NULL, 7),
    ('v2', 'b', '2026-03-01 10:00+00', 'page', '{"a": 1, "context_campaign_id": "5"}', 7),
    ('v3', 'c', '2026-03-01 10:00+00', 'page', '{"context_campaign_id": "5"}', NULL),
    ('v4', 'd', '2026-03-01 10:00+00', 'page', '[1]', 7),
    ('v5', 'e', '2026-03-01 10:00+00', 'page', '{"a": 1}', NULL),
    ('v6', 'f', '2026-03-01 10:00+00', 'identify', '{"a": 1}', 7);
SELECT visitor_id, source, medium, channel FROM journey.sessionize('TABLE ids') ORDER BY 1;
SELECT visitor_id, properties
  FROM journey._gather('TABLE ids') AS g, journey.events(g.body) AS e (event_id, visitor) ORDER BY 1;
SELECT visitor_id, source FROM journey.sessionize($$
    SELECT 'v' AS visitor_id, now() AS event_time, 'page' AS kind, i AS context_campaign_id FROM (VALUES (''), (NULL)) AS v (i)$$);

-- A view, a partitioned table, row security: it is a query.
CREATE VIEW pages AS SELECT * FROM clicks WHERE kind = 'page';
SELECT count(*), sum(events) FROM journey.sessionize('TABLE pages');
CREATE TABLE parted (LIKE clicks) PARTITION BY HASH (visitor_id);
CREATE TABLE parted_0 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parted TABLE clicks;
SELECT count(*), sum(events) FROM journey.sessionize('TABLE parted');
CREATE ROLE regress_sessionize;
GRANT USAGE ON SCHEMA journey TO regress_sessionize;
ALTER TABLE clicks ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON clicks USING (visitor_id = 'v2');
SET ROLE regress_sessionize;
SELECT * FROM journey.sessionize('TABLE clicks');
RESET ROLE;
GRANT SELECT ON clicks TO regress_sessionize;
SET ROLE regress_sessionize;
SELECT visitor_id, events FROM journey.sessionize('TABLE clicks');
RESET ROLE;
ALTER TABLE clicks DISABLE ROW LEVEL SECURITY;

-- The same as sessions(timeline_agg()), and _gather() the same as timeline_agg(), on rows in any order
-- with copies, missing ids, aliases, passive events; in memory, and in files over several levels.
CREATE TABLE many AS
SELECT CASE WHEN h % 20 > 0 THEN 'e' || h % 2500 END AS event_id,
       CASE WHEN h % 31 > 0 THEN CASE WHEN h % 4 = 0 THEN 'heavy' ELSE 'v' || h % 300 END END AS visitor_id,
       CASE WHEN h % 3 = 0 THEN 'u' || h / 7 % 3 END AS user_id,
       timestamptz '2026-01-01+00' + h / 11 % 4000 * interval '3 minutes' AS event_time,
       CASE WHEN h % 5 > 0 THEN timestamptz '2026-01-01+00' + h / 13 % 60 * interval '1 hour' END AS received_at,
       ('{page,screen,track,identify,group,alias,NULL,page,track,page}'::text[])[1 + h / 17 % 10] AS kind,
       ('{Home,beat,Order Completed,NULL,page_view}'::text[])[1 + h / 19 % 5] AS name,
       ('{https://a.example/,https://a.example/?utm_source=g&utm_medium=cpc,https://a.example/#gclid=x,'
        'NULL,"",?}'::text[])[1 + h / 23 % 6] AS url,
       ('{https://www.google.com/,https://a.example/,https://t.co/1,NULL,NULL}'::text[])[1 + h / 29 % 5]
           AS referrer,
       CASE WHEN h % 7 = 0 THEN (h % 9999 - 2000) / 100.0 END AS revenue,
       ('{EUR,USD,NULL}'::text[])[1 + h / 31 % 3] AS currency,
       CASE WHEN h % 9 = 0 THEN 'o' || h % 4 END AS order_id,
       ('{news,NULL,NULL}'::text[])[1 + h / 37 % 3] AS source,
       ('{email,NULL,NULL}'::text[])[1 + h / 41 % 3] AS medium,
       NULL::text AS campaign, NULL::text AS term, NULL::text AS content,
       ('{s1,s2,NULL,NULL}'::text[])[1 + h / 43 % 4] AS session_key,
       CASE WHEN h % 6 = 0 THEN 'u' || h / 47 % 3 END AS previous_id,
       ('{web,server,ios,NULL}'::text[])[1 + h / 53 % 4] AS platform,
       CASE WHEN h % 8 = 0 THEN jsonb_build_object('plan', h % 3, 'note', repeat('n', (h % 400)::integer)) END AS properties,
       CASE WHEN h % 5 = 0 THEN jsonb_build_object('email', h % 3 || '@a.example') END AS traits
  FROM (SELECT hashint4(i)::bigint + 2147483648 AS h FROM generate_series(1, 6000) AS i) AS x;
CREATE TABLE timelines AS
SELECT visitor_id, journey.timeline_agg(ROW(m.*)::journey.event) AS body FROM many AS m GROUP BY visitor_id;
CREATE FUNCTION differences(timeout interval, options jsonb) RETURNS bigint LANGUAGE sql AS $$
    WITH a AS (SELECT s.* FROM timelines, journey.sessions(body, timeout, options) AS s),
         b AS (SELECT * FROM journey.sessionize('TABLE many', timeout, options))
    SELECT (SELECT count(*) FROM (TABLE a EXCEPT ALL TABLE b) AS x)
         + (SELECT count(*) FROM (TABLE b EXCEPT ALL TABLE a) AS x)
$$;
CREATE FUNCTION gather_differences() RETURNS bigint LANGUAGE sql AS $$
    WITH b AS (SELECT * FROM journey._gather('TABLE many'))
    SELECT (SELECT count(*) FROM (TABLE timelines EXCEPT ALL TABLE b) AS x)
         + (SELECT count(*) FROM (TABLE b EXCEPT ALL TABLE timelines) AS x)
$$;
CREATE TABLE rules (timeout interval, options jsonb);
INSERT INTO rules VALUES
    ('30 minutes', '{}'),
    ('1 hour', '{"session_key": true}'),
    ('30 minutes', '{"new_campaign": true, "midnight": "Europe/Berlin", "time_zone": "Asia/Tokyo"}'),
    ('2 hours', '{"user_change": false, "max_duration": "4 hours", "passive_events": ["beat"],
                  "keep_properties": ["plan"], "internal_hosts": ["google.com"]}'),
    ('10 minutes', '{"new_campaign": true, "session_key": true, "ignored_referrers": ["t.co"]}');
SELECT count(*), count(DISTINCT visitor_id), sum(events) FROM journey.sessionize('TABLE many');
SELECT options, differences(timeout, options) FROM rules;
SELECT gather_differences();
SET work_mem = '64kB';
SELECT options, differences(timeout, options) FROM rules;
SELECT gather_differences();
SELECT visitor_id, count(*), sum(events) FROM journey.sessionize($$
    SELECT 'heavy' AS visitor_id, timestamptz '2026-01-01+00' + i * interval '10 minutes' AS event_time,
           i AS event_id, 'https://a.example/' || i AS url FROM generate_series(1, 20000) AS i$$)
 GROUP BY visitor_id;
RESET work_mem;

-- What is no such query, and what goes wrong within one.
SELECT * FROM journey.sessionize(NULL);
SELECT * FROM journey.sessionize('TABLE clicks', NULL);
SELECT * FROM journey.sessionize('TABLE clicks', '1 month');
SELECT * FROM journey.sessionize('TABLE clicks', '1 hour', '{"midnigth": "UTC"}');
SELECT * FROM journey.sessionize('');
SELECT * FROM journey.sessionize('SELECT 1; SELECT 2');
SELECT * FROM journey.sessionize('SELEKT');
SELECT * FROM journey.sessionize('VALUES (1)');
SELECT * FROM journey.sessionize('SELECT * FROM no_such_table');
SELECT * FROM journey.sessionize('SELECT visitor_id FROM clicks');
SELECT * FROM journey.sessionize('SELECT event_time FROM clicks');
SELECT * FROM journey.sessionize('SELECT *, event_time FROM clicks');
SELECT * FROM journey.sessionize('SELECT visitor_id, event_time::timestamp FROM clicks');
SELECT * FROM journey.sessionize('SELECT visitor_id, event_time::date FROM clicks');
SELECT * FROM journey.sessionize('SELECT visitor_id, event_time, 1 AS url FROM clicks');
SELECT * FROM journey.sessionize('SELECT event_time, ARRAY[visitor_id] AS visitor_id FROM clicks');
SELECT * FROM journey.sessionize($$SELECT *, '{}'::json AS properties FROM clicks$$);
SELECT * FROM journey.sessionize('SELECT *, 1.0::float8 AS revenue FROM clicks');
SELECT * FROM journey.sessionize($$SELECT 'v' AS visitor_id, 'infinity'::timestamptz AS event_time$$);
SELECT * FROM journey.sessionize('DELETE FROM clicks RETURNING *');
SELECT * FROM journey.sessionize('WITH d AS (DELETE FROM clicks RETURNING *) TABLE d');
SELECT * FROM journey.sessionize('SELECT * FROM clicks FOR UPDATE');
SELECT * FROM journey.sessionize('SELECT * FROM (SELECT * FROM clicks FOR SHARE) AS c');
SELECT * FROM journey.sessionize('SELECT * INTO new_table FROM clicks');
SELECT * FROM journey.sessionize('COMMIT');
SELECT * FROM journey.sessionize($$SELECT *, 1 / (length(event_id) - 1) AS revenue FROM clicks$$);
SELECT * FROM journey.sessionize('SELECT * FROM clicks WHERE visitor_id = $1');
SET statement_timeout = '100ms';
SELECT * FROM journey.sessionize($$
    SELECT generate_series(1, 1000000000) AS visitor_id, timestamptz '2026-01-01+00' AS event_time$$);
RESET statement_timeout;
SELECT count(*) FROM clicks;

DROP VIEW pages;
DROP FUNCTION differences(interval, jsonb), gather_differences();
DROP TABLE clicks, parted, many, timelines, rules;
REVOKE USAGE ON SCHEMA journey FROM regress_sessionize;
DROP ROLE regress_sessionize;
