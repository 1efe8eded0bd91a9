-- feeds: what ad platforms are told of conversions, and what they were told
\set SHOW_CONTEXT never
\pset null '(null)'
SET timezone = 'America/New_York';
SET client_min_messages = warning;
SELECT journey.create_model('web');
RESET client_min_messages;
-- the relations of a model with conversions, by hand in place of the model's
DROP VIEW web.conversions;
DO $$ BEGIN
    EXECUTE (SELECT string_agg(format('ALTER TABLE web.attributed_touches ALTER %I DROP NOT NULL', attname), ';')
             FROM pg_attribute WHERE attrelid = 'web.attributed_touches'::regclass AND attnum > 0
              AND attname <> ALL ('{conversion_id,touch_id}'));
END $$;
CREATE TABLE web.conversions (
    conversion_id text COLLATE "C" PRIMARY KEY, name text, person_id text, user_id text, email text, phone text,
    session_id uuid, converted_at timestamptz, value numeric, currency text, order_id text, gclid text,
    gclid_at timestamptz, gbraid text, wbraid text, click_id text, click_id_type text, click_at timestamptz,
    consent jsonb);
CREATE FUNCTION pg_temp.lead(id text, at timestamptz, value numeric DEFAULT 100, currency text DEFAULT 'EUR',
    gclid text DEFAULT NULL, click interval DEFAULT '2 days', consent jsonb DEFAULT NULL, order_id text DEFAULT NULL,
    gbraid text DEFAULT NULL, wbraid text DEFAULT NULL, name text DEFAULT 'MQL', email text DEFAULT NULL)
RETURNS void LANGUAGE sql AS $$
INSERT INTO web.conversions (conversion_id, name, person_id, user_id, email, converted_at, value, currency, order_id,
    gclid, gclid_at, gbraid, wbraid, consent)
SELECT id, name, 'user:' || id, id, email, at, value, currency, order_id, gclid,
       CASE WHEN gclid <> '' THEN at - (extract(epoch FROM click) * interval '1 second') END, gbraid, wbraid, consent
$$;

-- what goes, what waits, what never goes
SELECT pg_temp.lead('young', '2026-05-10 12:00Z', gclid => 'Cj-young', click => '5 hours'),
       pg_temp.lead('at edge', '2026-05-10 12:00Z', gclid => 'Cj-edge', click => '6 hours'),
       pg_temp.lead('old', '2026-05-10 12:00Z', gclid => 'Cj-old', click => '90 days 1 second'),
       pg_temp.lead('not too old', '2026-05-10 12:00Z', gclid => 'Cj-old2', click => '90 days'),
       pg_temp.lead('before', '2026-05-09 12:00Z', gclid => 'Cj-before', click => '-1 second'),
       pg_temp.lead('at click', '2026-05-09 12:00Z', gclid => 'Cj-at', click => '0'),
       pg_temp.lead('same second', '2026-05-09 12:00:00.9Z', gclid => 'Cj-sec', click => '0.3 seconds'),
       pg_temp.lead('no id', '2026-05-09 12:00Z'),
       pg_temp.lead('empty id', '2026-05-09 12:00Z', gclid => ''),
       pg_temp.lead('denied', '2026-05-09 12:00Z', gclid => 'Cj-d', consent => '{"ad_user_data": "denied"}'),
       pg_temp.lead('granted', '2026-05-09 12:00Z', gclid => 'Cj-g', consent => '{"ad_user_data": "granted", "ad_personalization": false}'),
       pg_temp.lead('future', '2026-05-10 12:00:01Z', gclid => 'Cj-f'),
       pg_temp.lead('negative', '2026-05-09 12:00Z', -1, gclid => 'Cj-n'),
       pg_temp.lead('nan', '2026-05-09 12:00Z', 'NaN', gclid => 'Cj-nan'),
       pg_temp.lead('no currency', '2026-05-09 12:00Z', 1, 'euro', gclid => 'Cj-c'),
       pg_temp.lead('two ids', '2026-05-09 12:00Z', gclid => 'Cj-two', wbraid => 'W', gbraid => 'G'),
       pg_temp.lead('braids', '2026-05-09 12:00Z', gbraid => 'G', wbraid => 'W'),
       pg_temp.lead('wbraid', '2026-05-09 12:00Z', wbraid => 'W'),
       pg_temp.lead('twice a', '2026-05-09 10:00:00.1Z', gclid => 'Cj-twice'),
       pg_temp.lead('twice b', '2026-05-09 10:00:00.7Z', gclid => 'Cj-twice'),
       pg_temp.lead('twice c', '2026-05-09 10:00:01Z', gclid => 'Cj-twice'),
       pg_temp.lead('other name', '2026-05-09 10:00:00Z', gclid => 'Cj-twice', name => 'SQL') \g /dev/null
SELECT conversion_id, status, reason, due_at AT TIME ZONE 'UTC' AS due, click_id
FROM journey.google_ads_conversions('web', 'MQL', '2026-05-10 12:00Z') ORDER BY conversion_id;
SELECT conversion_id, status, reason, click_id_type, click_id, event -> 'adIdentifiers' AS ids
FROM journey.google_ads_conversions('web', 'MQL', '2026-05-10 12:00Z', '{"format": "data_manager"}') WHERE conversion_id ~ 'braid|two';
SELECT conversion_id, status, reason FROM journey.google_ads_conversions('web', NULL, '2026-05-10 12:00Z', '{"format": "data_manager", "one_per_click": true}')
WHERE conversion_id ~ 'braid';
SELECT conversion_id, status, reason FROM journey.google_ads_conversions('web', 'MQL', '2026-05-10 12:00Z', '{"consent": "granted", "window": "1 day"}')
WHERE conversion_id IN ('granted', 'denied', 'at edge');
-- the time decides: what was held is given, what was given too late is not
SELECT as_of, string_agg(conversion_id || ' ' || status, ', ' ORDER BY conversion_id) FROM unnest(ARRAY['2026-05-10 13:00Z', '2026-05-12 12:00Z', '2026-08-06 12:00Z']::timestamptz[]) AS as_of
CROSS JOIN LATERAL journey.google_ads_conversions('web', 'MQL', as_of) WHERE conversion_id IN ('young', 'at edge', 'future', 'not too old') GROUP BY as_of ORDER BY as_of;
TRUNCATE web.conversions;

-- values by the currency's minor unit; names with a comma; ids as they are; consent; a zone's own offset per row
SELECT pg_temp.lead('a', '2024-10-27 00:30Z', 1000, 'JPY', '-Ab_c"', consent => '{"adUserData": "CONSENT_GRANTED"}'),
       pg_temp.lead('b', '2024-10-27 01:30Z', NULL, 'EUR', 'Cj1', order_id => '=o-1'),
       pg_temp.lead('c', '2024-10-27 01:31Z', 0, 'EUR', 'Cj2'), pg_temp.lead('d', '2024-10-27 01:32Z', 12.345, 'eur', 'Cj3'),
       pg_temp.lead('e', '2024-10-27 01:33Z', 1.23456, 'KWD', 'Cj4'), pg_temp.lead('f', '2024-10-27 01:34Z', 1999.5, NULL, 'Cj5') \g /dev/null
\t on
\a
SELECT line FROM journey.google_ads_conversions('web', NULL, '2024-10-28', '{"actions": {"MQL": "Purchase, web"}, "time_zone": "Europe/Berlin"}');
SELECT journey.export_batch('web', 'google_ads', 'MQL', '2024-10-28', '{"actions": {"MQL": "Purchase, web"}}');
SELECT line FROM journey.export_lines('web', 'google_ads', 1);
-- the same again, whatever has changed since
UPDATE web.conversions SET value = 7 WHERE conversion_id = 'c';
SELECT journey.export_batch('web', 'google_ads', 'MQL', '2024-11-28');
SELECT line FROM journey.google_ads_conversions('web') WHERE conversion_id = 'c';
SELECT md5(string_agg(line, E'\n')) = (SELECT md5(string_agg(line, E'\n' ORDER BY batch, line COLLATE "C")) FROM journey.google_ads_conversions('web')) FROM (
    SELECT line FROM journey.export_lines('web', 'google_ads', 1) WHERE n > 0 ORDER BY line COLLATE "C") AS x;
SELECT journey.mark_exported('web', 'google_ads', 1, '{6}'), journey.mark_exported('web', 'google_ads', 1);
-- what was refused is given again; what has changed is adjusted, from a day to 54 days
\a
\t off
SELECT as_of AT TIME ZONE 'UTC' AS as_of, action, status, reason, conversion_id, due_at AT TIME ZONE 'UTC' AS due, line FROM unnest(ARRAY['2024-10-28 01:30:59Z', '2024-10-28 01:31Z', '2024-12-20 01:31Z', '2024-12-20 01:31:01Z']::timestamptz[]) AS as_of
CROSS JOIN LATERAL journey.google_ads_conversions('web', NULL, as_of);
SELECT journey.export_batch('web', 'google_ads', NULL, '2024-10-29');
SELECT file, action, n, line FROM web.exports WHERE batch = 2;
SELECT journey.drop_export('web', 'google_ads', 2);
SELECT journey.export_batch('web', 'google_ads', NULL, '2024-10-29') AS again, journey.mark_exported('web', 'google_ads', 2);
SELECT line FROM journey.export_lines('web', 'google_ads', 2, 'adjustments');
-- one that went is taken back, one that is 0 stays so; what comes back is another conversion
DELETE FROM web.conversions WHERE conversion_id = 'a';
UPDATE web.conversions SET value = 0 WHERE conversion_id = 'd';
SELECT conversion_id, action, status, reason, line FROM journey.google_ads_conversions('web', NULL, '2024-10-29');
SELECT journey.export_batch('web', 'google_ads', NULL, '2024-10-30'), journey.mark_exported('web', 'google_ads', 3);
SELECT conversion_id, action FROM journey.google_ads_conversions('web', NULL, '2024-11-10');
SELECT pg_temp.lead('a', '2024-10-27 00:30Z', 1000, 'JPY', '-Ab_c"') \g /dev/null
UPDATE web.conversions SET value = 50 WHERE conversion_id = 'd';
SELECT conversion_id, action, status, line FROM journey.google_ads_conversions('web', NULL, '2024-11-10');
SELECT journey.export_batch('web', 'google_ads', NULL, '2024-11-10'), journey.mark_exported('web', 'google_ads', 4);
-- a change in the second of the last one waits
UPDATE web.conversions SET value = 51 WHERE conversion_id = 'c';
SELECT journey.export_batch('web', 'google_ads', NULL, '2024-11-11'), journey.mark_exported('web', 'google_ads', 5);
UPDATE web.conversions SET value = 52 WHERE conversion_id = 'c';
SELECT as_of AT TIME ZONE 'UTC' AS as_of, conversion_id, action, status, reason, line FROM unnest(ARRAY['2024-11-11', '2024-11-11 00:00:01']::timestamptz[]) AS as_of CROSS JOIN LATERAL journey.google_ads_conversions('web', NULL, as_of);
-- the Data Manager: the same id again, with another value
SELECT event FROM journey.google_ads_conversions('web', NULL, '2024-11-12', '{"format": "data_manager"}');
-- rebuild keeps it
SELECT journey.rebuild('web');
SELECT batch, platform, count(*), count(exported_at) FROM journey.export_log('web') GROUP BY batch, platform ORDER BY batch;
TRUNCATE web.conversions;
SELECT count(*) AS retractions FROM journey.google_ads_conversions('web', NULL, '2024-11-12') WHERE action = 'retract' AND status = 'now';

-- leads, with hashes: a click that would be refused is left out
SELECT pg_temp.lead('l1', '2026-05-09 12:00Z', 10, 'EUR', 'Cj1', email => 'Cloudy.SanFrancisco+Shopping@gmail.com '),
       pg_temp.lead('l2', '2026-05-09 12:00Z', 10, 'EUR', 'Cj2', '-1 hour', email => 'x@example.com'),
       pg_temp.lead('l3', '2026-05-09 12:00Z', 10, 'EUR', 'Cj3') \g /dev/null
UPDATE web.conversions SET phone = '(800) 555-0100' WHERE conversion_id = 'l1';
SELECT conversion_id, status, reason, line FROM journey.google_ads_conversions('web', 'MQL', '2026-05-10', '{"format": "leads", "feed": "leads", "country": "US"}');
SELECT conversion_id, jsonb_pretty(event) FROM journey.google_ads_conversions('web', 'MQL', '2026-05-10', '{"format": "data_manager", "feed": "dm", "country": "US"}') WHERE conversion_id = 'l1';

-- credit by clicks
INSERT INTO web.touches
SELECT (jsonb_populate_record(NULL::web.touches, jsonb_build_object('touch_id', '00000000-0000-0000-0000-00000000000' || n, 'person_id', 'user:l1', 'visitor_id', 'v',
    'session_id', '00000000-0000-0000-0000-000000000000', 'touched_at', '2026-05-01'::timestamptz + n * interval '1 day', 'touch_type', 'click_id', 'click_ids', ids::jsonb,
    'version', 1, 'updated_at', now()))).*
FROM (VALUES (1, '{"gclid": "Cj-a"}'), (2, '{"fbclid": "Fb.1"}'), (3, '{"gclid": "Cj-b", "msclkid": "ms1"}'), (4, '{"gclid": "Cj-a"}'), (5, '{"li_fat_id": "li-1", "ttclid": "E.C.P.x"}')) AS t (n, ids);
INSERT INTO web.attributed_touches (conversion_id, touch_id, position, path_length, linear_credit, linear_value, first_credit, first_value)
SELECT 'l1', touch_id, row_number() OVER w, 5, 0.2, 2, CASE row_number() OVER w WHEN 1 THEN 1 ELSE 0 END, CASE row_number() OVER w WHEN 1 THEN 10 ELSE 0 END FROM web.touches WINDOW w AS (ORDER BY touched_at);
SELECT conversion_id, status, credit, value, line FROM journey.google_ads_conversions('web', 'MQL', '2026-05-10', '{"format": "attributed"}');
SELECT conversion_id, credit, value FROM journey.google_ads_conversions('web', 'MQL', '2026-05-10', '{"format": "attributed", "rule": "first"}');
SELECT journey.export_batch('web', 'google_ads', 'MQL', '2026-05-10', '{"format": "attributed"}'), journey.mark_exported('web', 'google_ads_attributed', 6);
UPDATE web.attributed_touches SET linear_value = 3 WHERE position = 3;
DELETE FROM web.attributed_touches WHERE position IN (1, 4);
\t on
\a
SELECT journey.export_batch('web', 'google_ads', 'MQL', '2026-05-11', '{"format": "attributed"}');
SELECT line FROM journey.export_lines('web', 'google_ads_attributed', 6);
SELECT line FROM journey.export_lines('web', 'google_ads_attributed', 7, 'adjustments');
\a
\t off
SELECT journey.export_batch('web', 'google_ads', 'MQL', '2026-05-11', '{"format": "attributed", "feed": "google_ads"}');

-- the other platforms
SELECT conversion_id, status, reason, line FROM journey.microsoft_ads_conversions('web', NULL, '2026-05-10');
SELECT journey.export_batch('web', 'microsoft_ads', NULL, '2026-05-10'), journey.mark_exported('web', 'microsoft_ads', 8);
UPDATE web.conversions SET value = 11 WHERE conversion_id = 'l1';
\t on
\a
SELECT journey.export_batch('web', 'microsoft_ads', NULL, '2026-05-10 18:50:54Z');
SELECT line FROM journey.export_lines('web', 'microsoft_ads', 8);
SELECT line FROM journey.export_lines('web', 'microsoft_ads', 9, 'adjustments');
SELECT journey.mark_exported('web', 'microsoft_ads', 9);
\a
\t off
INSERT INTO web.attributed_touches (conversion_id, touch_id, position) SELECT 'l1', touch_id, 1 FROM web.touches WHERE touched_at = '2026-05-02';
SELECT conversion_id, status, reason, jsonb_pretty(event) FROM journey.meta_conversions('web', 'MQL', '2026-05-10', '{"country": "US"}') WHERE conversion_id <> 'l2';
SELECT conversion_id, status, reason, jsonb_pretty(event) FROM journey.linkedin_conversions('web', 'MQL', '2026-05-10', '{"actions": {"MQL": "1234"}}') WHERE conversion_id <> 'l2';
SELECT conversion_id, status, reason FROM journey.linkedin_conversions('web', 'MQL', '2026-05-10');
SELECT conversion_id, status, reason, jsonb_pretty(event) FROM journey.tiktok_conversions('web', 'MQL', '2026-05-10', '{"external_id": true}') WHERE conversion_id <> 'l2';
SELECT as_of AT TIME ZONE 'UTC' AS as_of, string_agg(m.status, ' ') AS meta, string_agg(s.status, ' ') AS store FROM unnest(ARRAY['2026-05-16 12:00Z', '2026-05-16 12:00:01Z', '2026-07-10 12:00:01Z']::timestamptz[]) AS as_of
CROSS JOIN LATERAL journey.meta_conversions('web', 'MQL', as_of) AS m JOIN LATERAL journey.meta_conversions('web', 'MQL', as_of, '{"action_source": "physical_store"}') AS s USING (conversion_id) WHERE conversion_id = 'l1' GROUP BY 1 ORDER BY 1;
-- each is given once, and no change of it
SELECT journey.export_batch('web', 'meta', NULL, '2026-05-10'), journey.mark_exported('web', 'meta', 10), journey.export_batch('web', 'meta', NULL, '2026-05-11');
UPDATE web.conversions SET value = 12 WHERE conversion_id = 'l1';
SELECT conversion_id, action, status, reason FROM journey.meta_conversions('web', NULL, '2026-05-11') ORDER BY conversion_id;

-- Microsoft's own: the window's end is out, ages count at the upload, hashes where asked
CREATE TEMP TABLE kept AS TABLE web.conversions;
TRUNCATE web.conversions;
INSERT INTO web.conversions (conversion_id, name, email, phone, converted_at, value, currency, click_id, click_id_type, click_at)
SELECT id, 'Sale', email, '0151 12345678', at, value, 'EUR', click, 'msclkid', clicked
FROM (VALUES ('last', timestamptz '2026-05-29 23:59:59Z', timestamptz '2026-04-30 00:00Z', 1, 'm1', NULL), ('end', '2026-05-30 00:00Z', '2026-04-30 00:00Z', 1, 'm2', NULL),
    ('negative', '2026-05-29 12:00Z', '2026-05-29 11:00Z', -1, 'm3', NULL), ('future', '2026-05-30 00:00:01Z', '2026-05-29 11:00Z', 1, 'm4', NULL),
    ('young', '2026-05-30 00:00Z', '2026-05-29 23:00:01Z', 1, 'm5', NULL), ('at click', '2026-05-29 12:00Z', '2026-05-29 12:00Z', 1, 'm6', NULL),
    ('no click', '2026-05-29 12:00Z', NULL, 1, NULL, 'A.b+c@Contoso.com')) AS t (id, at, clicked, value, click, email);
SELECT conversion_id, status, reason, due_at AT TIME ZONE 'UTC' AS due FROM journey.microsoft_ads_conversions('web', 'Sale', '2026-05-30 00:00Z', '{"window": "30 days"}') ORDER BY conversion_id;
SELECT conversion_id, status FROM journey.microsoft_ads_conversions('web', 'Sale', '2026-08-27 12:00Z') WHERE status = 'now' ORDER BY conversion_id;
SELECT line = ',Sale,2026-05-29 12:00:00,1,EUR,' || journey.hash_email('ab@contoso.com', 'microsoft') || ',' || journey.hash_phone('+4915112345678', 'microsoft') AS hashed
FROM journey.microsoft_ads_conversions('web', 'Sale', '2026-05-30 00:00Z', '{"user_data": true, "country": "DE", "feed": "hashed"}') WHERE conversion_id = 'no click';
SELECT event #>> '{user,userIds,0,idValue}' = encode(sha256('a.b+c@contoso.com'), 'hex') AS hashed, event -> 'conversion' AS rule, event #> '{user,userIds}' ->> 1 AS second
FROM journey.linkedin_conversions('web', 'Sale', '2026-05-30 00:00Z', '{"actions": {"Sale": "urn:lla:llaPartnerConversion:7"}}') WHERE conversion_id = 'no click';
-- consent as it comes
UPDATE web.conversions SET consent = c FROM (VALUES ('last', '"denied"'::jsonb), ('end', 'true'), ('young', '{"ad_user_data": true}'), ('no click', '{"adUserData": "Denied"}'), ('future', '[]')) AS t (id, c) WHERE id = conversion_id;
SELECT conversion_id, status, reason FROM journey.microsoft_ads_conversions('web', 'Sale', '2026-05-31', '{"consent": "granted"}') ORDER BY conversion_id;
TRUNCATE web.conversions;
INSERT INTO web.conversions TABLE kept;

-- a forgotten person: an id stays until the window ends; nothing is taken back unless asked
UPDATE web.conversions SET converted_at = now() - interval '3 days', gclid_at = now() - interval '5 days', order_id = 'o-' || conversion_id;
SELECT journey.export_batch('web', 'google_ads', 'MQL', options => '{"feed": "eu"}'), journey.mark_exported('web', 'eu', 11);
UPDATE web.conversions SET converted_at = now() - interval '55 days', gclid_at = now() - interval '56 days' WHERE conversion_id = 'l2';
SELECT sent_id, person_id IS NULL AND line IS NULL AND event IS NULL AND conversion_id IS NULL AS stripped FROM web.exports WHERE feed = 'eu';
SELECT visitors, feeds FROM journey.forget('web', 'l1');
SELECT feeds FROM journey.forget('web', 'l3', true);
SELECT feeds FROM journey.forget('web', 'nobody');
DELETE FROM web.conversions WHERE conversion_id <> 'l2';
SELECT action, to_jsonb(e) - 'batch' - 'n' - 'made_at' - 'exported_at' - 'header' - 'converted_at' AS kept FROM web.exports AS e WHERE feed = 'eu' AND forgotten ORDER BY sent_id;
SELECT count(*) AS others FROM web.exports WHERE NOT forgotten AND feed <> 'google_ads' AND person_id IN ('user:l1', 'user:l3');
SELECT action, status, conversion_id, sent_id, regexp_replace(line, '\d{4}-.*\+0000', '(time)') AS line FROM journey.google_ads_conversions('web', options => '{"feed": "eu"}') ORDER BY sent_id;
SELECT pg_temp.lead('l1', now() - interval '3 days', gclid => 'Cj1', order_id => 'o-l1') \g /dev/null
SELECT action, status, reason FROM journey.google_ads_conversions('web', options => '{"feed": "eu"}') WHERE conversion_id = 'l1';
SELECT journey.export_batch('web', 'google_ads', options => '{"feed": "eu"}') AS batch, journey.mark_exported('web', 'eu', 12) AS marked;
SELECT action, to_jsonb(e) - 'batch' - 'n' - 'made_at' - 'exported_at' - 'header' AS kept FROM web.exports AS e WHERE feed = 'eu' AND forgotten ORDER BY sent_id, action;
SELECT journey.export_batch('web', 'google_ads', options => '{"feed": "eu"}');
UPDATE web_store._exports SET keep_until = now() - interval '1 second' WHERE forgotten;
SELECT rows_read FROM journey.refresh('web');
SELECT count(*) FROM web.exports WHERE forgotten;

-- readers need no more than the relations; the door is the owner's
CREATE ROLE regress_feeds_reader;
GRANT USAGE ON SCHEMA journey, web TO regress_feeds_reader;
SET ROLE regress_feeds_reader;
SELECT count(*) FROM journey.google_ads_conversions('web');
SELECT count(*) FROM journey.export_log('web');
SELECT journey.export_batch('web', 'google_ads');
SELECT journey.mark_exported('web', 'eu', 12);
RESET ROLE;
GRANT SELECT ON web.conversions, web.attributed_touches, web.touches, web.exports TO regress_feeds_reader;
SET ROLE regress_feeds_reader;
SELECT count(*) > 0 AS seen FROM journey.google_ads_conversions('web');
SELECT count(*) > 0 AS seen FROM journey.export_log('web');
RESET ROLE;
DROP OWNED BY regress_feeds_reader;
DROP ROLE regress_feeds_reader;

-- errors
SELECT * FROM journey.google_ads_conversions('nothing');
SELECT * FROM journey.google_ads_conversions(NULL);
SELECT * FROM journey.google_ads_conversions('web', NULL, NULL);
SELECT * FROM journey.google_ads_conversions('web', NULL, 'infinity');
SELECT * FROM journey.google_ads_conversions('web', options => '{"formt": "click"}');
SELECT * FROM journey.google_ads_conversions('web', options => '{"format": "xml"}');
SELECT * FROM journey.google_ads_conversions('web', options => '{"window": "1 month"}');
SELECT * FROM journey.google_ads_conversions('web', options => '{"time_zone": "Mars"}');
SELECT * FROM journey.google_ads_conversions('web', options => '{"actions": {"MQL": 5}}');
SELECT * FROM journey.google_ads_conversions('web', options => '{"one_per_click": "yes"}');
SELECT * FROM journey.meta_conversions('web', options => '{"action_source": "website"}');
SELECT * FROM journey.google_ads_conversions('web', options => NULL);
SELECT journey.export_batch('web', 'bing');
SELECT journey.mark_exported('web', 'eu', 99);
SELECT journey.mark_exported('web', NULL, NULL);
SELECT journey.drop_export('web', 'eu', 12);
DROP TABLE web.conversions;
SELECT * FROM journey.google_ads_conversions('web');
SET client_min_messages = warning;
DROP TABLE web.attributed_touches;
SELECT journey.drop_model('web');
SELECT to_regnamespace('web');
