-- Makes customer events in the form in which RudderStack's loader lands them in PostgreSQL.
--
--   psql -v events=100000 -v seed=1 -f test/sample/generate.sql
--
--   events   distinct events, 1,000 to 10,000,000; copies of events come on top        100000
--   seed     another seed is another world; the same seed and size give the same rows  1
--   schema   the warehouse's schema, made here                                         rudder
--   crm      the schema of the CRM's table of leads, made here                         salesforce
--   later    percent of the events that only a later load brings                       5
--   late     percent of that load which belongs to the time before it                  10
--
-- What is loaded first is in SCHEMA, the later load is in SCHEMA_later, in tables of the same form;
-- load-later.sql appends it. Slices of it by uuid_ts are loads, too. No table has a key or an index.
--
-- All is a function of the seed and a row's number, through PostgreSQL's own hash functions: no clock,
-- no random(). What it holds of real life:
--   - one to three devices per person, devices shared by two people, anonymous days before the sign-up
--   - people known by the e-mail of a form alone, in another letter case than the CRM has it
--   - click ids and campaign parameters on landing pages only, encoded and in mixed case; campaigns that
--     are in context_campaign_* alone (apps); search, social, AI, partner, internal and payment referrers
--   - single-page apps, which repeat URL, referrer and campaign on every event of a visit
--   - orders and e-mails told by a server, often with a user id only; the same order told twice
--   - an ad click after the qualification as a lead
--   - events that arrive days late and out of order, copies with the same id, some with another time;
--     an id used again a week later; gaps of exactly half an hour
--   - ids like 'null', rows without any id, dated 1970 or 2031; users who change their id (aliases)
--   - a few visitors with 1 % of all events, and a monitor that asks every five minutes
--   - a short story of one person, 'vera', who has no randomness in her: see the end of this file

\set ON_ERROR_STOP on
\set QUIET on
\if :{?events}
\else
\set events 100000
\endif
\if :{?seed}
\else
\set seed 1
\endif
\if :{?schema}
\else
\set schema rudder
\endif
\if :{?crm}
\else
\set crm salesforce
\endif
\if :{?later}
\else
\set later 5
\endif
\if :{?late}
\else
\set late 10
\endif
SELECT :'schema' || '_later' AS later_schema \gset

SET client_min_messages = warning;
SET timezone = 'UTC';
SET synchronous_commit = off;
SET work_mem = '64MB';
SET jit = off;

-- ---------------------------------------------------------------------------------------------
-- the tables
-- ---------------------------------------------------------------------------------------------

CREATE SCHEMA :"schema";
CREATE SCHEMA :"later_schema";
CREATE SCHEMA :"crm";
SET search_path = :"schema";

CREATE TABLE tracks (
    id text, anonymous_id text, user_id text, received_at timestamptz, sent_at timestamptz,
    original_timestamp timestamptz, "timestamp" timestamptz, uuid_ts timestamptz, channel text,
    context_ip text, context_user_agent text, context_library_name text, context_page_url text,
    context_page_path text, context_page_title text, context_page_referrer text,
    context_campaign_source text, context_campaign_medium text, context_campaign_name text,
    context_campaign_term text, context_campaign_content text, event text, event_text text);
CREATE TABLE order_completed (LIKE tracks, order_id text, revenue numeric, total numeric, currency text);
CREATE TABLE workspace_created (LIKE tracks, name text, source text, seats bigint);
CREATE TABLE email_delivered (LIKE tracks, template text);
CREATE TABLE pages (LIKE tracks, name text, url text, path text, title text, referrer text, search text);
ALTER TABLE pages DROP COLUMN event, DROP COLUMN event_text;
CREATE TABLE identifies (LIKE tracks, email text, first_name text, last_name text, company text, plan text);
ALTER TABLE identifies DROP COLUMN event, DROP COLUMN event_text;
CREATE TABLE aliases (LIKE tracks, previous_id text);
ALTER TABLE aliases DROP COLUMN event, DROP COLUMN event_text;
CREATE TABLE users (
    id text, received_at timestamptz, uuid_ts timestamptz, email text, first_name text, last_name text,
    company text, plan text);

-- rows as the loader would have made them: a table without dropped columns
SELECT format('CREATE TABLE %I.%I AS TABLE %I.%I', :'later_schema', t, :'schema', t)
FROM unnest(ARRAY['tracks', 'order_completed', 'workspace_created', 'email_delivered', 'pages',
                  'identifies', 'aliases', 'users']) AS t \gexec
DROP TABLE pages, identifies, aliases;
SELECT format('CREATE TABLE %I.%I AS TABLE %I.%I', :'schema', t, :'later_schema', t)
FROM unnest(ARRAY['pages', 'identifies', 'aliases']) AS t \gexec

CREATE TABLE :"crm".leads (
    id text, email text, user_id text, is_mql boolean, mql_at timestamptz, systemmodstamp timestamptz);

-- ---------------------------------------------------------------------------------------------
-- chance: 32 bits, a number in [0, 1), one of n, one of an array, always the same for a key and a use
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION pg_temp.bits(key bigint, use bigint) RETURNS bigint LANGUAGE sql IMMUTABLE
    RETURN hashint8extended(key, use + :seed * 1000000007::bigint) & 4294967295;
CREATE FUNCTION pg_temp.u(key bigint, use bigint) RETURNS float8 LANGUAGE sql IMMUTABLE
    RETURN pg_temp.bits(key, use)::float8 / 4294967296.0::float8;
CREATE FUNCTION pg_temp.one(key bigint, use bigint, choices integer) RETURNS integer LANGUAGE sql IMMUTABLE
    RETURN (pg_temp.bits(key, use) % choices)::integer;
CREATE FUNCTION pg_temp.pick(key bigint, use bigint, choices text[]) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN choices[1 + pg_temp.bits(key, use) % cardinality(choices)];
CREATE FUNCTION pg_temp.uuid(key bigint, use text) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN md5(use || ' ' || (:seed)::text || ' ' || key::text)::uuid::text;
CREATE FUNCTION pg_temp.seconds(n float8) RETURNS interval LANGUAGE sql IMMUTABLE
    RETURN floor(n * 1000) * interval '1 millisecond';

-- Who a person is, in the words of the events and in those of the CRM.
CREATE FUNCTION pg_temp.person(person bigint)
RETURNS TABLE (user_id text, first_name text, last_name text, company text, plan text, email text, crm_email text)
LANGUAGE sql IMMUTABLE AS $$
    SELECT 'usr_' || substr(pg_temp.uuid($1, 'user'), 25), n.first_name, n.last_name, n.company,
           pg_temp.pick($1, 45, ARRAY['free', 'team', 'business']),
           CASE pg_temp.one($1, 43, 4) WHEN 0 THEN a.address WHEN 1 THEN upper(a.address) ELSE lower(a.address) END,
           CASE pg_temp.one($1, 44, 3) WHEN 0 THEN a.address WHEN 1 THEN upper(a.address) ELSE lower(a.address) END
    FROM (SELECT pg_temp.pick($1, 40, ARRAY['Ada', 'Ben', 'Chloe', 'David', 'Elif', 'Finn', 'Grace', 'Hugo', 'Ines', 'Jonas',
                                            'Kim', 'Lea', 'Milan', 'Nora', 'Omar', 'Paula', 'Quentin', 'Rosa', 'Sven', 'Tara']),
                 pg_temp.pick($1, 41, ARRAY['Arnold', 'Berg', 'Costa', 'Dubois', 'Eriksen', 'Fischer', 'Garcia', 'Hansen',
                                            'Ivanov', 'Jansen', 'Keller', 'Lopez', 'Meyer', 'Novak', 'Okafor', 'Peters']),
                 pg_temp.pick($1, 42, ARRAY['Initech', 'Globex', 'Hooli', 'Umbrella', 'Stark', 'Wayne', 'Tyrell', 'Soylent'])
         ) AS n (first_name, last_name, company)
    CROSS JOIN LATERAL (SELECT n.first_name || '.' || n.last_name || abs($1) || '@' || n.company || '.test' AS address) AS a
$$;

-- Where a visit comes from: of a thousand first visits, and of a thousand returning ones, so many have
-- this query, referrer and campaign; all others say nothing. {click} is the place of a click id. Slots 0
-- to 999 are first visits, 1000 to 1999 returning ones.
CREATE TEMP TABLE slots AS
WITH origin AS (
SELECT 1000 * returning_visit AS base, o.*
FROM (VALUES
    (90, 25, '?utm_source=google&utm_medium=cpc&utm_campaign=Brand%20EU&utm_term=acme+login&gclid=Cj0KCQ{click}&gad_source=1',
             'https://www.google.com/', 'google', 'cpc', 'Brand EU', 'acme login', NULL),
    (60, 20, '?gclid=EAIaIQ{click}', 'https://www.google.com/', NULL, NULL, NULL, NULL, NULL),
    (35, 12, '?utm_source=Google&utm_medium=CPC&utm_campaign=M%C3%BCnchen+Sommer&utm_content=ad%2042&gclid=CjwKCA{click}',
             NULL, 'Google', 'CPC', 'München Sommer', NULL, 'ad 42'),
    (12,  4, '?gbraid=0AAAAA{click}&gad_source=1', 'https://www.google.com/', NULL, NULL, NULL, NULL, NULL),
    ( 8,  3, '?wbraid=Cl{click}', NULL, NULL, NULL, NULL, NULL, NULL),
    (25,  8, '?utm_source=bing&utm_medium=cpc&utm_campaign=brand-eu&msclkid=2d{click}',
             'https://www.bing.com/', 'bing', 'cpc', 'brand-eu', NULL, NULL),
    (45, 25, '?utm_source=facebook&utm_medium=paid_social&utm_campaign=Retargeting%20Q3&utm_content=video%2F1&fbclid=IwAR{click}',
             'https://l.facebook.com/', 'facebook', 'paid_social', 'Retargeting Q3', NULL, 'video/1'),
    (20,  8, '?fbclid=IwAR{click}', 'https://m.facebook.com/', NULL, NULL, NULL, NULL, NULL),
    (12,  4, '?utm_source=tiktok&utm_medium=paid_social&utm_campaign=Launch&ttclid=E.C.P.{click}',
             'https://www.tiktok.com/', 'tiktok', 'paid_social', 'Launch', NULL, NULL),
    (18,  6, '?li_fat_id={click}&utm_source=linkedin&utm_medium=cpc&utm_campaign=ABM+Tier%201',
             'https://www.linkedin.com/', 'linkedin', 'cpc', 'ABM Tier 1', NULL, NULL),
    (30, 70, '?utm_source=newsletter&utm_medium=email&utm_campaign=2026-07+Product+News&mc_eid={click}',
             NULL, 'newsletter', 'email', '2026-07 Product News', NULL, NULL),
    (10,  4, '?ref=42&utm_source=initech&utm_medium=affiliate&utm_campaign=partners',
             'https://www.initech.test/tools', 'initech', 'affiliate', 'partners', NULL, NULL),
    ( 5,  2, '?utm_campaign=only-a-name', NULL, NULL, NULL, 'only-a-name', NULL, NULL),
    ( 5,  2, '#utm_source=podcast&utm_medium=audio&utm_campaign=episode-12', NULL, NULL, NULL, NULL, NULL, NULL),
    (20, 12, '?utm_source=chatgpt.com', 'https://chatgpt.com/', 'chatgpt.com', NULL, NULL, NULL, NULL),
    (10,  5, '', 'https://www.perplexity.ai/', NULL, NULL, NULL, NULL, NULL),
    ( 8,  3, '', 'https://claude.ai/', NULL, NULL, NULL, NULL, NULL),
    (170, 80, '', 'https://www.google.com/', NULL, NULL, NULL, NULL, NULL),
    (25, 10, '', 'https://www.bing.com/search?q=event+warehouse', NULL, NULL, NULL, NULL, NULL),
    (20,  8, '', 'https://duckduckgo.com/', NULL, NULL, NULL, NULL, NULL),
    (35, 15, '', 'https://www.linkedin.com/feed/', NULL, NULL, NULL, NULL, NULL),
    (20,  8, '', 'https://t.co/Ab3dE', NULL, NULL, NULL, NULL, NULL),
    (20,  6, '', 'https://www.reddit.com/r/analytics/', NULL, NULL, NULL, NULL, NULL),
    (45, 18, '', 'https://blog.globex.test/tools-we-use', NULL, NULL, NULL, NULL, NULL),
    (30, 60, '', 'https://docs.acme.test/start', NULL, NULL, NULL, NULL, NULL),
    ( 2, 12, '', 'https://checkout.stripe.com/', NULL, NULL, NULL, NULL, NULL),
    (10, 20, '', 'https://accounts.google.com/', NULL, NULL, NULL, NULL, NULL),
    (25, 10, '', NULL, 'google', 'app-install', 'App Campaign DE', NULL, NULL)
) AS o (first_visits, later_visits, query, referrer, source, medium, campaign, term, content)
CROSS JOIN generate_series(0, 1) AS returning_visit
CROSS JOIN LATERAL generate_series(1, CASE returning_visit WHEN 0 THEN first_visits ELSE later_visits END)
)
SELECT base + row_number() OVER (PARTITION BY base ORDER BY query COLLATE "C", referrer COLLATE "C", source) - 1 AS slot,
       query, referrer, source, medium, campaign, term, content
FROM origin;

-- ---------------------------------------------------------------------------------------------
-- people, their devices and visits
-- ---------------------------------------------------------------------------------------------

-- Three people share a block of four devices: the first has two of them, in every tenth block three. In
-- one block of 25 the second and the third also share the last device.
CREATE TEMP TABLE visit AS
WITH device AS (
    SELECT d, block, block % 25 = 7 AND r = 3 AS shared,
           3 * block + CASE WHEN r < 2 OR r = 2 AND block % 10 = 0 THEN 1 ELSE r END AS person,
           CASE WHEN r = 1 THEN 2 WHEN r = 2 AND block % 10 = 0 THEN 3 ELSE 1 END AS device_no
    FROM generate_series(1, :events / 7 + 100) AS d
    CROSS JOIN LATERAL (SELECT (d - 1) / 4 AS block, (d - 1) % 4 AS r) AS b
), counted AS (
    SELECT *, CASE WHEN shared THEN 6
                   ELSE (ARRAY[1,1,1,1,1,1,1,1,1,1,2,2,2,2,3,3,4,4,5,6])[1 + pg_temp.one(d, 1, 20)] END AS visits,
           -- visits of one device are fifty minutes, a day, three or nine days apart
           (ARRAY[3000,3000,3000,86400,86400,86400,86400,86400,86400,86400,259200,259200,259200,259200,
                  259200,259200,777600,777600,777600,777600])[1 + pg_temp.one(d, 2, 20)] AS step
    FROM device
), visited AS (
    SELECT c.d, c.shared, c.visits, c.device_no, s, p.person, 64 * c.d + s AS v, c.step,
           -- from the first of May on, all visits before the end of October, rather by day than by night
           timestamptz '2026-05-01 00:00+00' + o.day * interval '1 day' + pg_temp.seconds(43200 * o.daytime) AS first_at
    FROM counted AS c
    CROSS JOIN generate_series(1, c.visits) AS s
    CROSS JOIN LATERAL (SELECT CASE WHEN c.shared AND s % 2 = 0 THEN c.person - 1 ELSE c.person END AS person) AS p
    CROSS JOIN LATERAL (
        SELECT floor(pg_temp.u(c.person, 3) * (176 - c.visits * c.step / 86400)) + 2 * (c.device_no - 1) AS day,
               pg_temp.u(c.person, 4) + pg_temp.u(c.person, 5) AS daytime) AS o
), kinds AS (
    SELECT *, CASE WHEN shared OR (person - 1) / 3 % 25 = 7 AND person % 3 <> 1 THEN 'user'
                   WHEN k < 0.52 THEN 'anonymous' WHEN k < 0.83 THEN 'user' WHEN k < 0.92 THEN 'form'
                   WHEN k < 0.97 THEN 'form, user' ELSE 'user without identify' END AS kind
    FROM visited CROSS JOIN LATERAL (SELECT pg_temp.u(person, 6) AS k) AS u
), known AS (
    -- the visit of this device in which its person says who he is
    SELECT *, CASE WHEN kind = 'anonymous' THEN NULL
                   WHEN shared THEN 2 - s % 2
                   WHEN kind = 'form, user' THEN 2
                   ELSE 1 + pg_temp.one(d, 7, least(visits, 3)) END AS known_s
    FROM kinds
), roles AS (
    SELECT *, CASE WHEN kind = 'form' AND s = known_s OR kind = 'form, user' AND s = 1 THEN 'form'
                   WHEN kind <> 'form' AND s = known_s THEN 'login'
                   WHEN kind = 'user' AND device_no = 1 AND NOT shared AND s = known_s + 1
                        AND pg_temp.u(person, 8) < 0.03 THEN 'alias' END AS role,
           kind <> 'form' AND s > known_s AS logged_in,
           kind = 'user' AND device_no = 1 AND NOT shared AND s > known_s + 1 AND pg_temp.u(person, 8) < 0.03 AS has_new_id,
           first_at + pg_temp.seconds(step * (s - 1 + 0.3 * pg_temp.u(v, 9))) AS started_at
    FROM known
), sized AS (
    SELECT *, greatest(1 + floor(15 * pg_temp.u(v, 10) * pg_temp.u(v, 10) * pg_temp.u(v, 19))::integer,
                       CASE WHEN role IS NULL THEN 1 ELSE 4 END) AS e
    FROM roles
)
SELECT *, CASE WHEN pg_temp.u(d, 11) < 0.08 THEN 'app' WHEN pg_temp.u(d, 11) < 0.20 THEN 'spa' ELSE 'web' END AS platform,
       CASE WHEN role IN ('form', 'login') THEN greatest(2, e * 2 / 3) WHEN role = 'alias' THEN 2 ELSE 0 END AS switch_k,
       kind IN ('form', 'user', 'form, user') AND pg_temp.u(person, 12) < 0.35 AS mql,
       -- an order ends the visit of a user
       logged_in AND e >= 3 AND pg_temp.u(v, 13) < 0.4 AS has_order,
       pg_temp.one(v, 14, 1000) + CASE WHEN s = 1 THEN 0 ELSE 1000 END AS slot,
       NULL::bigint AS order_of
FROM sized;

-- the ad clicked again by a lead who is already qualified
UPDATE visit SET slot = (SELECT min(slot) FROM slots WHERE slot >= 1000 AND query LIKE '?gclid=%')
WHERE logged_in AND mql AND platform = 'web' AND s = known_s + 1 AND step >= 86400 * 3 AND pg_temp.u(person, 15) < 0.5;

-- what servers tell: one order in four once more, and mails in the weeks after the sign-up
INSERT INTO visit (d, person, v, s, kind, known_s, logged_in, has_new_id, started_at, e, platform,
                   switch_k, mql, has_order, order_of)
SELECT d, person, v + 32, s, kind, known_s, true, has_new_id,
       started_at + interval '12 minutes', 1, 'server', 0, false, false, v
FROM visit WHERE has_order AND pg_temp.u(v, 16) < 0.25
UNION ALL
SELECT d, person, v + 48, s, kind, known_s, true, false,
       started_at + interval '1 day', 1 + pg_temp.one(v, 17, 3), 'mail', 0, false, false, NULL
FROM visit WHERE role = 'login' AND device_no = 1 AND pg_temp.u(v, 18) < 0.4;

-- Number the visits in a way that a smaller world is about a part of the bigger, and end with the number
-- of events asked for. Five heavy visitors have 1 % of them, the monitor at most as much; 22 are told by hand.
SELECT greatest(:events / 100 / 5, 2) AS heavy_events, least(greatest(:events / 100, 20), 50000) AS monitor_events \gset
SELECT :events - 22 - 5 * :heavy_events - :monitor_events AS usual_events \gset

CREATE TEMP TABLE visits AS
SELECT n, d, person, v, s, kind, role, logged_in, has_new_id, started_at, platform, switch_k, mql, slot,
       order_of, has_order AND upto <= :usual_events AS has_order,
       CASE WHEN upto > :usual_events THEN e - (upto - :usual_events) ELSE e END::integer AS e
FROM (SELECT *, row_number() OVER w AS n, sum(e) OVER w AS upto FROM visit
      WINDOW w AS (ORDER BY d, started_at, v)) AS numbered
WHERE upto - e < :usual_events;
DROP TABLE visit;

-- The heavy visitors sign in at their second visit, and come all summer.
INSERT INTO visits (n, d, person, v, s, kind, role, logged_in, has_new_id, started_at, platform,
                    switch_k, mql, slot, has_order, e)
SELECT last.n + row_number() OVER (ORDER BY h, s), -h, -h, -10000 * h - s, s,
       'user', CASE s WHEN 2 THEN 'login' END, s > 2, false,
       timestamptz '2026-05-03 06:00+00' + s * (170 * 86400 / c.visits) * interval '1 second', 'web',
       CASE s WHEN 2 THEN 2 ELSE 0 END, false, CASE s WHEN 1 THEN 999 END, false,
       CASE WHEN s = c.visits THEN :heavy_events - 15 * (c.visits - 1) ELSE 15 END
FROM (SELECT max(n) AS n FROM visits) AS last
CROSS JOIN generate_series(1, 5) AS h
CROSS JOIN LATERAL (SELECT (:heavy_events + 14) / 15 AS visits) AS c
CROSS JOIN LATERAL generate_series(1, c.visits) AS s;

INSERT INTO visits (n, d, person, v, s, kind, logged_in, has_new_id, started_at, platform, switch_k,
                    mql, has_order, e)
SELECT max(n) + 1, 0, 0, 0, 1, 'anonymous', false, false,
       timestamptz '2026-05-02 00:00:30+00', 'monitor', 0, false, false, :monitor_events
FROM visits;
CREATE UNIQUE INDEX ON visits (n);
ANALYZE visits;

-- The later load begins where it gets its share; of the two weeks before it holds late events, and half
-- as many copies.
SELECT coalesce((SELECT started_at
                 FROM (SELECT started_at, sum(e) OVER (ORDER BY started_at DESC, n) AS behind FROM visits WHERE platform <> 'monitor') AS v
                 WHERE behind >= :events * :later / 100.0 * (1 - :late / 100.0) AND :later > 0
                 ORDER BY behind LIMIT 1), 'infinity') AS cut \gset
SELECT least(0.5, :events * :later / 100.0 * :late / 100.0 / greatest(1, coalesce(sum(e), 1)))::float8 AS late_share
FROM visits WHERE started_at >= timestamptz :'cut' - interval '14 days' AND started_at < :'cut' AND platform <> 'monitor' \gset

-- ---------------------------------------------------------------------------------------------
-- events
-- ---------------------------------------------------------------------------------------------

-- The INSERTs of all tables, first load and later, that take the rows of r.
SELECT string_agg(format('%s AS (INSERT INTO %I.%I SELECT id, anonymous_id, user_id, received_at, sent_at, '
           'original_timestamp, "timestamp", uuid_ts, channel, ip, user_agent, library, url, path, title, referrer, '
           'source, medium, campaign, term, content, %s FROM r WHERE %s AND uuid_ts %s timestamptz %L)',
           load || '_' || t, CASE load WHEN 'first' THEN :'schema' ELSE :'later_schema' END, t, columns, condition,
           CASE load WHEN 'first' THEN '<=' ELSE '>' END, :'cut'), ', ') AS inserts
FROM (VALUES ('first'), ('later')) AS l (load)
CROSS JOIN (VALUES
    ('pages', 'title, url, path, title, referrer, search', $$what = 'page'$$),
    ('identifies', 'email, first_name, last_name, company, plan', $$what = 'identify'$$),
    ('aliases', 'user_before', $$what = 'alias'$$),
    ('tracks', $$lower(replace(what, ' ', '_')), what$$, $$what NOT IN ('page', 'identify', 'alias')$$),
    ('order_completed', $$lower(replace(what, ' ', '_')), what, order_id, revenue, round(revenue * 1.19, 2), currency$$,
     $$what = 'Order Completed'$$),
    ('workspace_created', $$lower(replace(what, ' ', '_')), what, company || ' workspace', 'onboarding', seats$$,
     $$what = 'Workspace Created'$$),
    ('email_delivered', $$lower(replace(what, ' ', '_')), what, 'weekly-report'$$, $$what = 'Email Delivered'$$)
) AS o (t, columns, condition) \gset

-- Writes the events of some visits: one pass makes the rows, one INSERT per table and load takes its own.
-- OFFSET 0 keeps each step a step, so that what it makes is made once.
PREPARE emit (bigint, bigint) AS
WITH v AS (
    SELECT v.n, v.d, v.v, v.person, v.e, v.kind, v.role, v.platform, v.switch_k, v.order_of, v.started_at,
           CASE WHEN v.platform IN ('server', 'mail') AND pg_temp.u(v.v, 20) < 0.7 THEN NULL
                WHEN pg_temp.u(v.v, 21) < 0.0005 THEN 'null'
                WHEN pg_temp.u(v.v, 21) < 0.0010 THEN 'undefined'
                WHEN v.d < 0 THEN 'heavy-' || -v.d
                WHEN v.d = 0 THEN 'monitor'
                ELSE pg_temp.uuid(v.d, 'device') END AS anonymous_id,
           CASE WHEN v.has_new_id THEN p.user_id || '_new'
                WHEN v.logged_in THEN p.user_id
                WHEN v.role IS NULL AND v.kind = 'anonymous' AND pg_temp.u(v.v, 22) < 0.001 THEN 'undefined' END AS user_before,
           CASE WHEN v.role = 'alias' OR v.has_new_id THEN p.user_id || '_new'
                WHEN v.logged_in OR v.role = 'login' THEN p.user_id END AS user_after,
           p.first_name, p.last_name, p.company, p.plan, p.email,
           CASE WHEN v.has_order THEN v.e ELSE 0 END AS order_k,
           CASE WHEN v.role = 'login' AND pg_temp.u(v.v, 23) < 0.6 THEN v.switch_k + 1 ELSE 0 END AS workspace_k,
           -- half an hour exactly is still one session, a millisecond more is not
           CASE WHEN x.edge < 0.003 THEN interval '30 minutes' - interval '40 seconds'
                WHEN x.edge < 0.006 THEN interval '30 minutes 0.001 seconds' - interval '40 seconds' END AS edge,
           replace(o.query, '{click}', c.click) AS query, o.referrer, o.source, o.medium, o.campaign, o.term, o.content,
           CASE v.platform WHEN 'monitor' THEN '192.0.2.10' WHEN 'server' THEN '192.0.2.20' WHEN 'mail' THEN '192.0.2.21'
                ELSE '198.51.100.' || pg_temp.one(v.d, 24, 254) + 1 END AS ip,
           CASE v.platform WHEN 'monitor' THEN 'UptimeMonitor/2.1' WHEN 'server' THEN NULL WHEN 'mail' THEN NULL
                WHEN 'app' THEN 'Acme/4.2 (iPhone; iOS 19.1)'
                ELSE pg_temp.pick(v.d, 25, ARRAY[
                    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
                    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/605.1.15',
                    'Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0',
                    'Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36']) END AS user_agent
    FROM visits AS v
    LEFT JOIN slots AS o USING (slot)
    CROSS JOIN LATERAL (SELECT pg_temp.u(v.v, 26) AS edge) AS x
    CROSS JOIN LATERAL (SELECT translate(rtrim(encode(decode(md5('click ' || (:seed)::text || ' ' || v.v::text), 'hex'), 'base64'), '='), '+/', '-_') AS click) AS c
    CROSS JOIN LATERAL pg_temp.person(v.person) AS p
    WHERE v.n BETWEEN $1 AND $2
    OFFSET 0
), e AS (
    SELECT v.*, k,
           CASE v.platform
                WHEN 'monitor' THEN v.started_at + (k - 1) * interval '5 minutes'
                WHEN 'mail' THEN v.started_at + (k - 1) * interval '7 days'
                ELSE v.started_at + (k - 1) * interval '40 seconds'
                     + CASE WHEN v.edge IS NULL THEN pg_temp.one(v.v, 3000 + k, 35000) * interval '1 millisecond'
                            WHEN k > 2 THEN v.edge ELSE interval '0' END END AS event_at,
           CASE WHEN v.platform = 'mail' THEN 'Email Delivered'
                WHEN v.platform = 'server' THEN 'Order Completed'
                WHEN v.platform = 'monitor' THEN 'page'
                WHEN k = v.switch_k AND v.kind = 'user without identify' THEN 'Signed In'
                WHEN k = v.switch_k AND v.role = 'alias' THEN 'alias'
                WHEN k = v.switch_k THEN 'identify'
                WHEN k = v.workspace_k THEN 'Workspace Created'
                WHEN k = v.order_k THEN 'Order Completed'
                WHEN v.platform = 'app' THEN CASE k WHEN 1 THEN 'Application Opened' ELSE
                     pg_temp.pick(v.v, 4000 + k, ARRAY['Screen Viewed', 'Button Clicked', 'Feature Used']) END
                WHEN k = 1 OR pg_temp.u(v.v, 4000 + k) < 0.6 THEN 'page'
                ELSE pg_temp.pick(v.v, 5000 + k, ARRAY['Button Clicked', 'Feature Used', 'Video Played', 'Search Performed']) END AS what
    FROM v CROSS JOIN LATERAL generate_series(1, v.e) AS k
    OFFSET 0
), timed AS (
    SELECT e.*, pg_temp.u(v, 30000000 + k) AS chance, pg_temp.u(v, 31000000 + k) AS share,
           event_at < timestamptz :'cut' AND event_at >= timestamptz :'cut' - interval '14 days'
               AND platform <> 'monitor' AS before_cut
    FROM e
    OFFSET 0
), told AS (
    -- one event in fifty waits on its device, up to three days, or until the later load
    SELECT t.*, before_cut AND pg_temp.u(v, 32000000 + k) < :late_share / 2 AS redelivered,
           CASE WHEN before_cut AND pg_temp.u(v, 33000000 + k) < :late_share
                     THEN timestamptz :'cut' + pg_temp.seconds(172800 * share)
                WHEN chance < 0.02 THEN event_at + pg_temp.seconds(0.2 + 259200 * share * share)
                ELSE event_at + pg_temp.seconds(0.2 + share) END AS received
    FROM timed AS t
    OFFSET 0
), copied AS (
    -- one in fifty comes twice: within a minute, within a day and a half, or, as another event with an
    -- old id, in the next week; of the copies some have another time, by seconds
    SELECT t.*, CASE WHEN copy = 0 THEN event_at
                     WHEN chance >= 0.9999 THEN event_at + interval '8 days'
                     WHEN share < 0.3 THEN event_at + interval '3 seconds'
                     ELSE event_at END AS at,
           CASE WHEN copy = 0 THEN received
                WHEN chance >= 0.9999 THEN received + interval '8 days'
                WHEN redelivered THEN timestamptz :'cut' + pg_temp.seconds(172800 * share)
                WHEN chance < 0.99 THEN received + pg_temp.seconds(1 + 60 * share)
                ELSE received + pg_temp.seconds(129600 * share) END AS received_at
    FROM told AS t
    CROSS JOIN LATERAL generate_series(0, CASE WHEN chance >= 0.98 OR redelivered THEN 1 ELSE 0 END) AS copy
    OFFSET 0
), placed AS (
    -- a single-page app stays where it landed
    SELECT c.*, platform IN ('web', 'spa', 'monitor') AS has_page, k = 1 OR platform = 'spa' AS landing,
           CASE platform WHEN 'monitor' THEN 11
                WHEN 'spa' THEN 1 + pg_temp.one(v, 6001, 10)
                ELSE 1 + pg_temp.one(v, 6000 + k, 10) END AS page_no,
           1 + pg_temp.one(v, 5999 + k, 10) AS previous_no,
           -- one device in forty has a wrong clock
           CASE WHEN pg_temp.u(d, 27) < 0.025 THEN interval '2 hours' ELSE interval '0' END AS wrong_by
    FROM copied AS c
    OFFSET 0
), r AS MATERIALIZED (
    SELECT pg_temp.uuid(v, 'event ' || k::text) AS id, anonymous_id,
           CASE WHEN k >= switch_k AND switch_k > 0 THEN user_after ELSE user_before END AS user_id,
           received_at, received_at - interval '120 milliseconds' - wrong_by AS sent_at,
           at - wrong_by AS original_timestamp, at AS "timestamp",
           date_bin('30 minutes', received_at, timestamptz '2026-01-01 00:00+00')
               + interval '41 minutes 7 seconds' AS uuid_ts,
           CASE WHEN has_page THEN 'web' WHEN platform = 'app' THEN 'mobile' ELSE 'server' END AS channel,
           ip, user_agent,
           CASE WHEN has_page THEN 'RudderLabs JavaScript SDK' WHEN platform = 'app' THEN 'rudder-ios-library'
                ELSE 'analytics-node' END AS library,
           CASE WHEN has_page THEN 'https://www.acme.test' || paths[page_no]
                                   || CASE WHEN landing THEN coalesce(query, '') ELSE '' END END AS url,
           CASE WHEN has_page THEN paths[page_no] END AS path,
           CASE WHEN has_page THEN titles[page_no] END AS title,
           CASE WHEN NOT has_page OR platform = 'monitor' THEN NULL
                WHEN landing THEN referrer
                ELSE 'https://www.acme.test' || paths[previous_no] END AS referrer,
           CASE WHEN has_page AND landing AND query LIKE '?%' THEN query END AS search,
           CASE WHEN landing THEN source END AS source, CASE WHEN landing THEN medium END AS medium,
           CASE WHEN landing THEN campaign END AS campaign, CASE WHEN landing THEN term END AS term,
           CASE WHEN landing THEN content END AS content,
           what, user_before, email, first_name, last_name, company, plan,
           'ord_' || substr(pg_temp.uuid(coalesce(order_of, v), 'order'), 25) AS order_id,
           (19 + 10 * pg_temp.one(coalesce(order_of, v), 28, 40))::numeric(10,2) AS revenue,
           CASE WHEN pg_temp.u(person, 29) < 0.8 THEN 'EUR' WHEN pg_temp.u(person, 29) < 0.98 THEN 'USD'
                ELSE pg_temp.pick(coalesce(order_of, v), 29, ARRAY['EUR', 'CHF']) END AS currency,
           1 + pg_temp.one(person, 30, 20) AS seats
    FROM placed
    CROSS JOIN (SELECT ARRAY['/', '/pricing', '/features', '/features/reports', '/docs/start', '/blog/attribution',
                             '/customers', '/signup', '/app/dashboard', '/app/settings', '/health'] AS paths,
                       ARRAY['Home', 'Pricing', 'Features', 'Reports', 'Getting started', 'Attribution explained',
                             'Customers', 'Sign up', 'Dashboard', 'Settings', 'Health'] AS titles) AS site
), :inserts
SELECT;

\o /dev/null
-- a bounded number of visits at a time, so that memory and scratch do not follow the size
SELECT format('EXECUTE emit(%s, %s)', n, n + 7999)
FROM generate_series(1, (SELECT max(n) FROM visits), 8000) AS n \gexec

-- ---------------------------------------------------------------------------------------------
-- told by hand: a story, and rows that no one would make up
-- ---------------------------------------------------------------------------------------------

-- Vera comes by an ad and reads for an hour; what her laptop could not send at 08:45 arrives with the
-- later load and joins two sessions into one. Two days on she fills in a form; that she signs up, in other
-- letters, and clicks on one more ad as a qualified lead, is in the later load too.
SELECT CASE WHEN isfinite(timestamptz :'cut') THEN date_trunc('day', timestamptz :'cut')
            ELSE timestamptz '2026-10-05 00:00+00' END AS day \gset
WITH told (id, anonymous_id, user_id, at, received_at, what, path, query, referrer, email) AS (
    SELECT v.id, 'vera-laptop', v.user_id, v.at,
           CASE WHEN arrives_late AND isfinite(timestamptz :'cut') THEN timestamptz :'cut' + interval '1 hour'
                WHEN arrives_late THEN v.at + interval '4 days'
                ELSE v.at + interval '1 second' END,
           v.what, v.path, v.query, v.referrer, v.email
    FROM (SELECT timestamptz :'day' AS day) AS d
    CROSS JOIN LATERAL (VALUES
        ('vera-1', NULL, day - interval '64 hours', false, 'page', '/pricing', '?gclid=Cj0KCQvera-first&gad_source=1', 'https://www.google.com/', NULL),
        ('vera-2', NULL, day - interval '63 hours 40 minutes', false, 'page', '/features', '', 'https://www.acme.test/pricing', NULL),
        ('vera-3', NULL, day - interval '63 hours 15 minutes', true, 'page', '/blog/attribution', '', 'https://www.acme.test/features', NULL),
        ('vera-4', NULL, day - interval '62 hours 50 minutes', false, 'page', '/docs/start', '', 'https://www.acme.test/blog/attribution', NULL),
        ('vera-5', NULL, day - interval '10 hours', false, 'page', '/signup', '', NULL, NULL),
        ('vera-6', NULL, day - interval '9 hours 58 minutes', false, 'identify', '/signup', '', NULL, 'vera.lind@initech.test'),
        ('vera-7', NULL, day + interval '34 hours', false, 'page', '/signup', '', NULL, NULL),
        ('vera-8', 'usr_vera', day + interval '34 hours 1 minute', false, 'identify', '/signup', '', NULL, 'Vera.Lind@Initech.test'),
        ('vera-9', 'usr_vera', day + interval '83 hours', false, 'page', '/features', '?gclid=EAIaIQvera-second', 'https://www.google.com/', NULL),
        ('vera-0', 'usr_vera', day + interval '83 hours 1 minute', false, 'page', '/pricing', '', 'https://www.acme.test/features', NULL)
    ) AS v (id, user_id, at, arrives_late, what, path, query, referrer, email)
    UNION ALL
    SELECT id, anonymous_id, user_id, at, timestamptz '2026-05-20 09:30+00', 'page', '/', '', NULL, NULL
    FROM (VALUES
        ('odd-1', 'odd', NULL, timestamptz '2031-01-01 00:00+00'),
        ('odd-2', 'odd', NULL, timestamptz '1970-01-01 00:00+00'),
        ('odd-3', 'odd', NULL, timestamptz 'infinity'),
        ('odd-4', NULL, NULL, timestamptz '2026-05-20 09:00+00'),
        ('odd-5', 'null', NULL, timestamptz '2026-05-20 09:00+00'),
        ('odd-6', 'undefined', 'null', timestamptz '2026-05-20 09:00+00'),
        ('odd-7', '00000000-0000-0000-0000-000000000000', NULL, timestamptz '2026-05-20 09:00+00'),
        (NULL, 'odd', NULL, timestamptz '2026-05-20 09:00+00'),
        ('odd-9', 'odd', 'undefined', timestamptz '2026-05-20 09:01+00'),
        ('odd-10', 'odd', NULL, NULL)
    ) AS v (id, anonymous_id, user_id, at)
    UNION ALL
    SELECT id, 'odd', NULL, timestamptz '2026-05-20 09:05+00', timestamptz '2026-05-20 09:30+00', 'identify', '/', '', NULL, email
    FROM (VALUES ('odd-11', 'null'), ('odd-12', 'someone@example.com')) AS v (id, email)
), r AS MATERIALIZED (
    SELECT id, anonymous_id, user_id, received_at, received_at - interval '120 milliseconds' AS sent_at,
           at AS original_timestamp, at AS "timestamp",
           date_bin('30 minutes', received_at, timestamptz '2026-01-01 00:00+00')
               + interval '41 minutes 7 seconds' AS uuid_ts,
           'web' AS channel, '198.51.100.77' AS ip,
           'Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0' AS user_agent,
           'RudderLabs JavaScript SDK' AS library, 'https://www.acme.test' || path || query AS url, path,
           initcap(substr(path, 2)) AS title, referrer, nullif(query, '') AS search, NULL AS source, NULL AS medium,
           NULL AS campaign, NULL AS term, NULL AS content, what, NULL AS user_before, email,
           CASE WHEN email ~~* 'vera%' THEN 'Vera' END AS first_name, CASE WHEN email ~~* 'vera%' THEN 'Lind' END AS last_name,
           CASE WHEN email ~~* 'vera%' THEN 'Initech' END AS company, NULL AS plan,
           NULL AS order_id, NULL::numeric AS revenue, NULL AS currency, NULL::bigint AS seats
    FROM told
), :inserts
SELECT;
\o

-- ---------------------------------------------------------------------------------------------
-- what follows from the events: the loader's users, the CRM's leads
-- ---------------------------------------------------------------------------------------------

SELECT format('INSERT INTO %1$I.users SELECT DISTINCT ON (user_id) user_id, received_at, uuid_ts, email, first_name, '
              'last_name, company, plan FROM %1$I.identifies WHERE user_id IS NOT NULL '
              'ORDER BY user_id, received_at DESC, id', s)
FROM unnest(ARRAY[:'schema', :'later_schema']) AS s \gexec

-- Sales knows most of those who left an e-mail, by it or by the user id too, and some people besides.
INSERT INTO :"crm".leads
SELECT '00Q' || lpad(v.person::text, 12, '0'), p.crm_email,
       CASE WHEN v.kind = 'user' AND pg_temp.u(v.person, 50) < 0.4 THEN p.user_id END, v.mql,
       CASE WHEN v.mql THEN date_trunc('minute', v.known_at) + interval '1 day' END,
       date_trunc('minute', v.known_at) + interval '26 hours'
FROM (SELECT DISTINCT ON (person) person, kind, mql, started_at AS known_at
      FROM visits
      WHERE role IN ('form', 'login') AND kind <> 'user without identify' AND platform <> 'mail' AND d > 0
        AND pg_temp.u(person, 51) < 0.7
      ORDER BY person, started_at, n) AS v
CROSS JOIN LATERAL pg_temp.person(v.person) AS p
UNION ALL
SELECT '00Q' || lpad((900000000000 + i)::text, 12, '0'), 'list' || i || '@fair.test', NULL, false, NULL, timestamptz '2026-06-01 08:00+00'
FROM generate_series(1, 1 + :events / 5000) AS i
UNION ALL
SELECT '00Qvera', 'VERA.LIND@initech.test', NULL, true, :'day'::timestamptz + interval '58 hours', :'day'::timestamptz + interval '60 hours'
ORDER BY 1;

DEALLOCATE emit;
RESET ALL;
ANALYZE;
