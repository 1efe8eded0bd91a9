-- What a person wants of a model, told as stories: the ad click of an anonymous visit is found at the
-- person who signs up later, and at nobody else; and nothing that loaders do in between harms it.
SET client_min_messages = warning;
SET timezone = 'UTC';
SELECT plan(86);

CREATE SCHEMA shop;
CREATE TABLE shop.tracks (
    id text, anonymous_id text, user_id text, received_at timestamptz, "timestamp" timestamptz,
    uuid_ts timestamptz, channel text, context_page_url text, context_page_referrer text,
    event text,
    event_text text);
CREATE TABLE shop.pages (
    id text, anonymous_id text, user_id text, received_at timestamptz, "timestamp" timestamptz,
    uuid_ts timestamptz, channel text, name text, url text, referrer text);
CREATE TABLE shop.identifies (
    id text, anonymous_id text, user_id text, received_at timestamptz, "timestamp" timestamptz,
    uuid_ts timestamptz, email text, first_name text);

SELECT lives_ok($$SELECT journey.create_model('story', 'shop')$$, 'a model is made');

-- The rows as a loader lands them: received when they happened, loaded now.
CREATE SEQUENCE ids;
CREATE FUNCTION page(device text, at timestamptz, url text, ref text DEFAULT NULL,
    person text DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
    INSERT INTO shop.pages (id, anonymous_id, user_id, received_at, "timestamp", uuid_ts, channel,
    url, referrer)
    VALUES ('p' || nextval('ids'), device, person, at, at, clock_timestamp(), 'web',
            'https://shop.test' || url, ref)
$$;
CREATE FUNCTION track(device text, at timestamptz, name text, url text DEFAULT NULL,
    ref text DEFAULT NULL, person text DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
    INSERT INTO shop.tracks (id, anonymous_id, user_id, received_at, "timestamp", uuid_ts, channel,
                             context_page_url, context_page_referrer, event, event_text)
    VALUES ('t' || nextval('ids'), device, person, at, at, clock_timestamp(), 'web',
            'https://shop.test' || url, ref, lower(replace(name, ' ', '_')), name)
$$;
CREATE FUNCTION identify(device text, at timestamptz, person text, email text DEFAULT NULL)
RETURNS void LANGUAGE sql AS $$
    INSERT INTO shop.identifies (id, anonymous_id, user_id, received_at, "timestamp", uuid_ts,
    email)
    VALUES ('i' || nextval('ids'), device, person, at, at, clock_timestamp(), email)
$$;

-- Which rows of the model were written since they were last noted.
CREATE TABLE noted (relation text, key text, writer text);
CREATE FUNCTION rows_now() RETURNS SETOF noted LANGUAGE sql AS $$
    SELECT 'sessions', session_id::text, xmin::text FROM story_store._sessions
    UNION ALL SELECT 'segments', visitor_id || started_at || first_event_id,
    xmin::text FROM story_store._segments
    UNION ALL SELECT 'touches', touch_id::text, xmin::text FROM story.touches
    UNION ALL SELECT 'identities', id_type || id || valid_from, xmin::text FROM story.identities
    UNION ALL SELECT 'profiles', person_id, xmin::text FROM story.profiles
$$;
CREATE FUNCTION note() RETURNS void LANGUAGE sql AS $$
    TRUNCATE noted; INSERT INTO noted SELECT * FROM rows_now()
$$;
CREATE FUNCTION written() RETURNS TABLE (relation text, key text) LANGUAGE sql AS $$
    SELECT relation, key FROM (SELECT * FROM rows_now() EXCEPT SELECT * FROM noted) AS x
$$;
-- The rows of a query as text: the ids of a model are in the order of bytes, a test's are not.
CREATE FUNCTION rows(query text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    result text[];
BEGIN
    EXECUTE format('SELECT array_agg(x::text) FROM (%s) AS x', query) INTO result;
    RETURN result;
END
$$;
CREATE FUNCTION refresh() RETURNS bigint LANGUAGE sql
AS $$ SELECT new FROM journey.refresh('story') $$;
CREATE FUNCTION sound(told text) RETURNS text LANGUAGE sql AS $$
    SELECT is_empty($q$SELECT * FROM journey.verify('story', true)$q$, told)
$$;

-- ---------------------------------------------------------------------------------------------
-- Ann: an ad on the first day, three anonymous visits, the sign-up on the fourth day
-- ---------------------------------------------------------------------------------------------

SELECT page('laptop', '2026-03-02 09:00',
            '/?gclid=Cj0-Ann&utm_source=google&utm_medium=cpc&utm_campaign=Brand+Spring',
            'https://www.google.com/');
SELECT page('laptop', '2026-03-02 09:01', '/pricing', 'https://shop.test/');
SELECT is(refresh(), 2::bigint, 'day 1: two events');
SELECT is(rows($$SELECT person_id, is_identified, gclid,
    first_touch_campaign FROM story.profiles$$),
    ARRAY['(visitor:laptop,f,Cj0-Ann,"Brand Spring")'], 'an anonymous visitor has the click');
SELECT page('laptop', '2026-03-03 10:00', '/');
SELECT page('laptop', '2026-03-04 11:00',
    '/blog?utm_source=digest&utm_medium=email&utm_campaign=march');
SELECT is(refresh(), 2::bigint, 'days 2 and 3');
SELECT page('laptop', '2026-03-05 08:00', '/');
SELECT page('laptop', '2026-03-05 12:00', '/signup');
SELECT track('laptop', '2026-03-05 12:01', 'Signed Up', '/signup', NULL, 'ann');
SELECT identify('laptop', '2026-03-05 12:01', 'ann', 'ann@shop.test');
SELECT is(refresh(), 4::bigint, 'day 4: a visit, and the sign-up');
SELECT is(rows($$SELECT person_id FROM story.profiles$$),
    ARRAY['(user:ann)'], 'the visitor is Ann');
SELECT is(rows($$
    SELECT user_id, email, is_identified, visitor_ids, sessions, page_views, gclid, gclid_at,
    identified_at
    FROM story.profiles$$),
    ARRAY['(ann,ann@shop.test,t,{laptop},5,6,Cj0-Ann,"2026-03-02 09:00:00+00","2026-03-05 12:01:00+00")'],
    'who has the click, and when it was');
SELECT is(rows($$
    SELECT first_touch_at, first_touch_source, first_touch_medium, first_touch_campaign,
    first_touch_channel,
           journey.url_path(first_touch_landing_page), first_touch_click_id,
           first_touch_click_id_type
    FROM story.profiles$$),
    ARRAY['("2026-03-02 09:00:00+00",google,cpc,"Brand Spring","Paid Search",/,Cj0-Ann,gclid)'],
    'the first touch');
SELECT is(rows($$
    SELECT last_touch_at, last_touch_channel, last_non_direct_touch_at,
    last_non_direct_touch_source,
           last_non_direct_touch_campaign, last_non_direct_touch_channel
    FROM story.profiles$$),
    ARRAY['("2026-03-05 12:00:00+00",Direct,"2026-03-04 11:00:00+00",digest,march,Email)'],
    'and the last, direct and not');
SELECT is(rows($$SELECT person_id, count(*) FROM story.sessions GROUP BY 1$$),
    ARRAY['(user:ann,5)'], 'all five sessions are hers');
SELECT sound('nothing differs');

-- ---------------------------------------------------------------------------------------------
-- Bob uses the same laptop later
-- ---------------------------------------------------------------------------------------------

SELECT note();
SELECT page('laptop', '2026-03-07 20:00', '/');
SELECT identify('laptop', '2026-03-07 20:05', 'bob', 'bob@shop.test');
SELECT page('laptop', '2026-03-07 20:06', '/account', NULL, 'bob');
SELECT is(refresh(), 3::bigint, 'Bob comes');
SELECT is(rows($$
    SELECT gclid, gclid_at, click_ids, sessions, first_touch_at, first_touch_channel,
    first_non_direct_touch_at,
           last_touch_channel, visitor_ids
    FROM story.profiles WHERE user_id = 'bob'$$),
    ARRAY['(,,,1,"2026-03-07 20:00:00+00",Direct,,Direct,{laptop})'], 'he has nothing of hers');
SELECT is(rows($$SELECT gclid, sessions, last_touch_at FROM story.profiles WHERE user_id = 'ann'$$),
    ARRAY['(Cj0-Ann,5,"2026-03-05 12:00:00+00")'], 'she has nothing of his');
SELECT is(rows($$
    SELECT person_id, valid_from,
    valid_to FROM story.identities WHERE id_type = 'visitor' ORDER BY valid_from$$),
    ARRAY['(user:ann,-infinity,"2026-03-07 20:00:00+00")',
        '(user:bob,"2026-03-07 20:00:00+00",infinity)'],
    'the laptop stands for one, then for the other');
SELECT is(rows($$SELECT key FROM written() WHERE relation = 'profiles'$$),
    ARRAY['(user:bob)'], 'her profile is not written');
SELECT page('laptop', '2026-03-09 20:00', '/?gclid=Cj0-Bob');
SELECT is(refresh(), 1::bigint, 'an anonymous visit after both');
SELECT is(rows($$SELECT user_id, gclid FROM story.profiles ORDER BY 1$$),
    ARRAY['(ann,Cj0-Ann)',
        '(bob,Cj0-Bob)'], 'goes to the one before');
SELECT page('laptop', '2026-03-10 20:00', '/', NULL, 'ann');
SELECT is(refresh(), 1::bigint, 'until Ann comes next');
SELECT is(rows($$SELECT user_id, gclid, click_ids #>> '{gclid,first}', click_ids #>> '{gclid,last}'
                    FROM story.profiles ORDER BY 1$$),
    ARRAY['(ann,Cj0-Bob,Cj0-Ann,Cj0-Bob)',
        '(bob,,,)'], 'then it is hers, and the click with it');
SELECT sound('nothing differs');

-- ---------------------------------------------------------------------------------------------
-- Carla only fills a form; the CRM knows her by her e-mail in other letters
-- ---------------------------------------------------------------------------------------------

CREATE SCHEMA crm;
CREATE TABLE crm.leads (id int, email text);
INSERT INTO crm.leads VALUES (1, 'CARLA.Doe@Shop.TEST');
SELECT page('phone', '2026-03-02 09:00', '/?gclid=Cj0-Carla&utm_campaign=generic');
SELECT page('phone', '2026-03-03 09:00', '/');
SELECT page('phone', '2026-03-04 09:00', '/');
SELECT page('phone', '2026-03-05 09:00', '/contact');
SELECT identify('phone', '2026-03-05 09:02', NULL, ' Carla.Doe@shop.test ');
SELECT is(refresh(), 5::bigint, 'Carla leaves her e-mail');
SELECT is(rows($$
    SELECT l.id, p.person_id, p.user_id, p.is_identified, p.sessions, p.gclid, p.gclid_at,
           p.first_touch_campaign, p.last_touch_at::date
    FROM crm.leads AS l JOIN story.profiles AS p ON p.email = lower(l.email)$$),
    ARRAY['(1,email:carla.doe@shop.test,,t,4,Cj0-Carla,"2026-03-02 09:00:00+00",generic,2026-03-05)'],
    'the lead finds her click');
SELECT identify('tablet', '2026-03-08 09:00', 'carla', 'CARLA.doe@shop.test');
SELECT page('tablet', '2026-03-08 09:01', '/', NULL, 'carla');
SELECT is(refresh(), 2::bigint, 'later she signs up on a tablet');
SELECT is(rows($$
    SELECT person_id, email, visitor_ids, sessions, gclid FROM story.profiles
    WHERE visitor_ids && '{phone,tablet}'$$),
    ARRAY['(user:carla,carla.doe@shop.test,"{phone,tablet}",5,Cj0-Carla)'],
    'both devices are one person');
SELECT identify('kiosk', '2026-03-08 10:00', 'carl', 'carla.doe@shop.test');
SELECT is(refresh(), 1::bigint, 'another user with her e-mail');
SELECT is(rows($$
    SELECT person_id, sessions, gclid FROM story.profiles
    WHERE email = 'carla.doe@shop.test' AND sessions > 0 ORDER BY 1$$),
    ARRAY['(email:carla.doe@shop.test,4,Cj0-Carla)',
        '(user:carla,1,)'], 'parts them: the e-mail is nobody''s alone');
SELECT sound('nothing differs');

-- ---------------------------------------------------------------------------------------------
-- a single-page visit; campaigns that are in columns alone; tables without those columns
-- ---------------------------------------------------------------------------------------------

SELECT page('spa', '2026-03-11 09:00', '/app?gclid=Cj0-Spa', 'https://www.google.com/');
SELECT track('spa', '2026-03-11 09:00:05', 'Opened', '/app?gclid=Cj0-Spa',
    'https://www.google.com/');
SELECT page('spa', '2026-03-11 09:01', '/app?gclid=Cj0-Spa', 'https://www.google.com/');
SELECT track('spa', '2026-03-11 09:02', 'Clicked', '/app?gclid=Cj0-Spa', 'https://www.google.com/');
SELECT page('seo', '2026-03-11 09:00', '/app', 'https://www.bing.com/');
SELECT track('seo', '2026-03-11 09:01', 'Opened', '/app', 'https://www.bing.com/');
SELECT page('seo', '2026-03-11 09:02', '/app', 'https://www.bing.com/');
SELECT is(refresh(), 7::bigint, 'a visit whose URL and referrer stay the same');
SELECT is(rows($$SELECT visitor_id, touch_type,
    touched_at FROM story.touches WHERE visitor_id IN ('spa', 'seo') ORDER BY 1$$),
    ARRAY['(seo,referrer,"2026-03-11 09:00:00+00")',
        '(spa,click_id,"2026-03-11 09:00:00+00")'], 'gives one touch, not one per event');

CREATE TABLE shop.screens (
    id text, anonymous_id text, received_at timestamptz, "timestamp" timestamptz,
    uuid_ts timestamptz,
    name text, context_campaign_source text, context_campaign_medium text,
    context_campaign_name text,
    context_campaign_term text, context_campaign_content text);
INSERT INTO shop.screens VALUES
    ('s1', 'app', '2026-03-11 10:00', '2026-03-11 10:00', clock_timestamp(), 'Home', 'Partner',
    'Affiliate', 'Summer',
     'shoes', 'banner'),
    ('s2', 'app', '2026-03-11 10:01', '2026-03-11 10:01', clock_timestamp(), 'Cart', 'Partner',
    'Affiliate', 'Summer',
     'shoes', 'banner');
SELECT is(refresh(), 2::bigint,
    'an app''s screens, in a table that is new, with the campaign in columns alone');
SELECT is(rows($$
    SELECT touch_type, source, medium, campaign, term, content,
    channel FROM story.touches WHERE visitor_id = 'app'$$),
    ARRAY['(campaign_columns,Partner,Affiliate,Summer,shoes,banner,Affiliates)'],
    'have it as their touch');

CREATE SCHEMA legacy;
CREATE TABLE legacy.pages (id text, anonymous_id text, received_at timestamptz, url text);
INSERT INTO legacy.pages VALUES ('l1', 'old', '2026-03-11 11:00',
    'https://shop.test/?utm_source=a&utm_medium=b'),
                                ('l2', 'old', '2026-03-12 11:00', 'https://shop.test/');
SELECT lives_ok($$SELECT journey.add_schema('story', 'legacy')$$,
    'a schema whose tables have few columns');
SELECT is(refresh(), 2::bigint, 'is read');
SELECT is(rows($$SELECT touch_type,
    source FROM story.touches WHERE visitor_id = 'old' ORDER BY touched_at$$),
    ARRAY['(utm,a)',
        '(direct,"(direct)")'], 'its touches come of what there is');
ALTER TABLE legacy.pages ADD COLUMN context_campaign_source text,
    ADD COLUMN context_campaign_medium text;
INSERT INTO legacy.pages VALUES ('l3', 'old', clock_timestamp(), 'https://shop.test/', 'c', 'd');
SELECT is(refresh(), 1::bigint, 'a loader adds the columns');
SELECT is((SELECT source FROM story.touches WHERE visitor_id = 'old' ORDER BY touched_at DESC LIMIT 1),
    'c',
    'from then on they count');

-- ---------------------------------------------------------------------------------------------
-- what loaders do
-- ---------------------------------------------------------------------------------------------

CREATE TABLE shop.order_completed AS SELECT *, NULL::text AS order_id, NULL::numeric AS revenue,
    NULL::text AS currency
    FROM shop.tracks WHERE false;
SELECT track('laptop', '2026-03-12 09:00', 'Order Completed', '/thanks', NULL, 'ann');
INSERT INTO shop.order_completed
    SELECT *, 'o-1', 42.50, 'EUR' FROM shop.tracks WHERE event = 'order_completed';
SELECT is(rows($$SELECT rows_read - duplicate, new FROM journey.refresh('story')$$),
    ARRAY['(1,1)'], 'an event in "tracks" and in its own table');
SELECT is(rows($$SELECT name, revenue,
    properties ->> 'order_id' FROM story.events WHERE name = 'Order Completed'$$),
    ARRAY['("Order Completed",42.50,)'], 'is one event, with the revenue');
SELECT is(rows($$
    SELECT revenue, revenue_by_currency,
    event_counts -> 'Order Completed' FROM story.profiles WHERE user_id = 'ann'$$),
    ARRAY['(42.50,"{""EUR"": 42.50}",1)'], 'that counts once');

INSERT INTO shop.pages (id, anonymous_id, received_at, "timestamp", uuid_ts, url) VALUES
    ('future', 'clock', '2026-03-12 10:00', '2031-01-01', clock_timestamp(), 'https://shop.test/'),
    ('past', 'clock', '2026-03-12 10:00', '1970-01-01', clock_timestamp(), 'https://shop.test/'),
    ('far', 'clock', '2031-01-01', '2031-01-01', '2031-01-01', 'https://shop.test/');
SELECT is(rows($$SELECT new, rejected FROM journey.refresh('story')$$),
    ARRAY['(1,2)'], 'rows from 2031 and 1970 beside their receipt are no events');
SELECT is(rows($$SELECT source, "row" ->> 'id', reason FROM story.rejected_events ORDER BY 2$$),
    ARRAY['(shop.pages,future,"in the future")',
        '(shop.pages,past,"before earliest")'], 'they are listed with the reason');
SELECT page('laptop', '2026-03-12 11:00', '/');
SELECT is(refresh(), 1::bigint,
    'what is loaded afterwards is read, whatever load time a row claims');
SELECT is((SELECT count(*) FROM story.rejected_events), 2::bigint, 'rejected rows are listed once');

SELECT note();
CREATE TABLE again AS SELECT * FROM shop.pages WHERE anonymous_id = 'laptop';
DELETE FROM shop.pages WHERE id IN (SELECT id FROM again);
UPDATE again SET uuid_ts = clock_timestamp();
INSERT INTO shop.pages SELECT * FROM again;
SELECT ok(rows_read >= (SELECT count(*) FROM again) AND new = 0,
    'rows deleted and inserted again are duplicates')
FROM journey.refresh('story');
SELECT is_empty($$SELECT * FROM written()$$, 'and write nothing');
UPDATE shop.pages SET url = url || '?changed', received_at = received_at + interval '1 minute',
    uuid_ts = clock_timestamp()
WHERE anonymous_id = 'laptop' AND "timestamp" = '2026-03-12 11:00';
SELECT is(refresh(), 0::bigint, 'a copy received later is no new event');
SELECT is((SELECT exit_page FROM story.sessions WHERE visitor_id = 'laptop'
           ORDER BY started_at DESC LIMIT 1),
    'https://shop.test/?changed', 'but it wins');
SELECT sound('nothing differs');

-- Two people at one moment on one device: two sessions that begin at the same time.
INSERT INTO shop.pages (id, anonymous_id, user_id, received_at, "timestamp", uuid_ts)
SELECT id, 'kiosk', person, at, at, clock_timestamp()
FROM (VALUES ('kiosk 1', 'one'), ('kiosk 2', 'two')) AS p (id, person),
     (SELECT timestamptz '2026-03-12 09:00' AS at) AS t;
SELECT is(refresh(), 2::bigint, 'two events of one time');
INSERT INTO shop.pages (id, anonymous_id, user_id, received_at, "timestamp", uuid_ts)
VALUES ('kiosk 1', 'kiosk', 'one', '2026-03-13 09:00', '2026-03-13 09:00', clock_timestamp());
SELECT is(refresh(), 0::bigint, 'a copy dated a day later to the microsecond is no new event');
SELECT sound('nothing differs');

-- ---------------------------------------------------------------------------------------------
-- late events
-- ---------------------------------------------------------------------------------------------

SELECT page('late', '2026-03-13 10:00', '/a'), page('late', '2026-03-13 10:50',
    '/b?utm_source=x&utm_medium=y'),
       page('late', '2026-03-13 12:00', '/c'), page('late', '2026-03-14 12:00', '/d');
SELECT is(refresh(), 4::bigint, 'four visits');
SELECT note();
SELECT page('late', '2026-03-13 10:25', '/between');
SELECT is(refresh(), 1::bigint, 'a late event');
SELECT is(rows($$
    SELECT session_number, started_at, ended_at, page_views,
    source FROM story.sessions WHERE visitor_id = 'late' ORDER BY 1$$),
    ARRAY['(1,"2026-03-13 10:00:00+00","2026-03-13 10:50:00+00",3,x)',
        '(2,"2026-03-13 12:00:00+00","2026-03-13 12:00:00+00",1,"(direct)")',
        '(3,"2026-03-14 12:00:00+00","2026-03-14 12:00:00+00",1,"(direct)")'],
    'merges two sessions, and shifts the numbers');
SELECT is(rows($$SELECT touched_at,
    source FROM story.touches WHERE visitor_id = 'late' ORDER BY 1$$),
    ARRAY['("2026-03-13 10:50:00+00",x)',
        '("2026-03-13 12:00:00+00","(direct)")',
        '("2026-03-14 12:00:00+00","(direct)")'], 'the direct touch of the first is gone');
SELECT is(rows($$SELECT relation, count(*) FROM written() GROUP BY 1 ORDER BY 1$$),
    ARRAY['(profiles,1)',
        '(segments,1)',
        '(sessions,3)',
        '(touches,1)'], 'written is what changed');
SELECT note();
SELECT page('late', '2026-03-13 12:05', '/c2');
SELECT is(refresh(), 1::bigint, 'another, within a session');
SELECT is(rows($$SELECT relation, count(*) FROM written() GROUP BY 1 ORDER BY 1$$),
    ARRAY['(profiles,1)',
        '(segments,1)',
        '(sessions,1)'], 'changes that session alone');

SELECT note();
SELECT identify('late', '2026-03-13 12:10', 'dora', 'dora@shop.test');
SELECT is(refresh(), 1::bigint, 'a late identify');
SELECT is(rows($$SELECT session_number,
    person_id FROM story.sessions WHERE visitor_id = 'late' ORDER BY 1$$),
    ARRAY['(1,user:dora)',
        '(2,user:dora)',
        '(3,user:dora)'], 'moves earlier and later anonymous sessions');
SELECT is(rows($$SELECT person_id FROM story.profiles WHERE 'late' = ANY (visitor_ids)$$),
    ARRAY['(user:dora)'], 'the anonymous profile is gone');
SELECT is(rows($$SELECT relation, count(*) FROM written() GROUP BY 1 ORDER BY 1$$),
    ARRAY['(identities,3)',
        '(profiles,1)',
        '(segments,1)',
        '(sessions,3)',
        '(touches,3)'], 'written are her rows alone');
SELECT identify('late', '2026-03-14 12:10', 'emil');
SELECT is(refresh(), 1::bigint, 'an identify of somebody else after it');
SELECT is(rows($$SELECT session_number,
    person_id FROM story.sessions WHERE visitor_id = 'late' ORDER BY 1$$),
    ARRAY['(1,user:dora)',
        '(2,user:dora)',
        '(3,user:emil)'], 'takes what comes after the first');
SELECT page('late', '2026-03-13 20:00', '/e');
SELECT is(refresh(), 1::bigint, 'a late anonymous visit between the two');
SELECT is((SELECT person_id FROM story.sessions
           WHERE visitor_id = 'late' AND started_at = '2026-03-13 20:00'), 'user:emil',
    'goes to the one identified next');

-- ---------------------------------------------------------------------------------------------
-- aliases, and a device of many
-- ---------------------------------------------------------------------------------------------

CREATE TABLE shop.aliases (
    id text, anonymous_id text, user_id text, previous_id text, received_at timestamptz,
    "timestamp" timestamptz, uuid_ts timestamptz);
CREATE FUNCTION alias(device text, at timestamptz, previous text, person text) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO shop.aliases (id, anonymous_id, user_id, previous_id, received_at, "timestamp", uuid_ts)
    VALUES ('a' || nextval('ids'), device, person, previous, at, at, clock_timestamp())
$$;
SELECT page('mac', '2026-03-15 09:00', '/?gclid=Cj0-Finn', NULL, 'finn@1');
SELECT page('mac', '2026-03-15 09:05', '/', NULL, 'finn@2');
SELECT page('shop pc', '2026-03-16 09:00', '/');
SELECT is(refresh(), 3::bigint, 'a user with an old id, one with a new one, and a device');
SELECT is(rows($$SELECT session_number, person_id FROM story.sessions WHERE visitor_id = 'mac' ORDER BY 1$$),
    ARRAY['(1,user:finn@1)', '(2,user:finn@2)'], 'are two users in two sessions');
SELECT alias('mac', '2026-03-17 09:00', 'finn@1', 'finn@2');
SELECT alias('mac', '2026-03-17 09:01', 'shop pc', 'finn@2');
SELECT is(refresh(), 2::bigint, 'aliases, later');
SELECT is(rows($$SELECT person_id, visitor_ids, sessions, gclid FROM story.profiles WHERE gclid = 'Cj0-Finn'$$),
    ARRAY['(user:finn@2,"{mac,""shop pc""}",2,Cj0-Finn)'],
    'make one user of them, whose two sessions on the first device are one');
SELECT is(rows($$SELECT id, id_type, person_id, reason FROM story.identities
                 WHERE id = 'finn@1' OR (id = 'shop pc' AND id_type = 'visitor')
                 ORDER BY 1$$),
    ARRAY['(finn@1,user,user:finn@2,alias)', '("shop pc",visitor,user:finn@2,alias)'],
    'and the old id and the device stand for him');
SELECT sound('nothing differs');
SELECT page('mac 2', '2026-03-18 09:00', '/', NULL, 'gus');
SELECT page('mac 2', '2026-03-18 09:05', '/', NULL, 'hal');
SELECT alias('mac 2', '2026-03-18 09:10', 'null', 'gus');
SELECT is(refresh(), 3::bigint, 'an alias of a value that is no id');
SELECT alias('mac 2', '2026-03-18 09:11', 'null', 'hal');
SELECT is(refresh(), 1::bigint, 'and another');
SELECT is(rows($$SELECT session_number, person_id FROM story.sessions WHERE visitor_id = 'mac 2' ORDER BY 1$$),
    ARRAY['(1,user:gus)', '(2,user:hal)'], 'join nobody');
SELECT sound('nothing differs');

SELECT page('library', '2026-03-19 09:00', '/?gclid=Cj0-Library');
SELECT identify('library', timestamptz '2026-03-19 09:00' + n * interval '1 hour', 'reader ' || n)
FROM generate_series(1, 5) AS n;
SELECT is(refresh(), 6::bigint, 'a device of five');
SELECT is(rows($$SELECT person_id FROM story.profiles WHERE gclid = 'Cj0-Library'$$), ARRAY['("user:reader 1")'],
    'its anonymous visit goes to the next');
SELECT identify('library', '2026-03-20 09:00', 'reader 6');
SELECT is(refresh(), 1::bigint, 'with the sixth it is shared');
SELECT is(rows($$SELECT person_id, is_identified FROM story.profiles WHERE gclid = 'Cj0-Library'$$),
    ARRAY['(visitor:library,f)'], 'and its anonymous visit nobody''s');
SELECT sound('nothing differs');

SELECT note();
SELECT lives_ok($$SELECT journey.rebuild('story')$$, 'a rebuild');
SELECT is_empty($$SELECT * FROM written()$$, 'has nothing to write');
SELECT lives_ok($$SELECT journey.rebuild('story', true)$$, 'nor one from the sources');
SELECT is_empty($$SELECT * FROM written()$$, 'which hold all events');

SELECT * FROM finish();
