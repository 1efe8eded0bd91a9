-- What `make demo` shows, in order. Each statement can be tried by hand: make demo-shell.
\set ON_ERROR_STOP on
\set QUIET on
\pset footer off
\pset null ''
\pset linestyle ascii
SET client_min_messages = warning;

\qecho
\qecho == A model is made of a warehouse schema; the first refresh reads all of it
CREATE EXTENSION pg_journey;
SELECT journey.create_model('web', 'rudder') \g /dev/null
SELECT * FROM journey.refresh('web') \gx

\qecho == Vera, by ad and by form: an event of 08:45 has not arrived yet, so her morning is two sessions
SELECT started_at, ended_at, events, channel, gclid, person_id
FROM web.sessions WHERE visitor_id = 'vera-laptop' ORDER BY started_at;

\qecho == The warehouse gets its next load: new, late and repeated rows. Only these are read and worked on
\ir sample/load-later.sql
SELECT * FROM journey.refresh('web') \gx

\qecho == The late event has joined the morning; the sign-up has made all of it the sessions of one user
SELECT started_at, ended_at, events, channel, gclid, person_id
FROM web.sessions WHERE visitor_id = 'vera-laptop' ORDER BY started_at;

\qecho == Profiles: the ad click of the anonymous visit stands with the user
SELECT user_id, gclid, first_touch_channel, first_touch_campaign, last_touch_channel, sessions, revenue
FROM web.profiles WHERE is_identified AND gclid IS NOT NULL AND revenue > 0
ORDER BY revenue DESC, person_id LIMIT 5;

\qecho == Visits by channel
SELECT channel, count(*) AS visits, count(DISTINCT visitor_id) AS visitors, round(avg(page_views), 1) AS pages_per_visit,
       round(100.0 * count(*) FILTER (WHERE is_bounce) / count(*)) AS bounce_percent
FROM web.sessions GROUP BY channel ORDER BY visits DESC, channel;

\qecho == No row vanishes: what was not taken says why
SELECT reason, count(*) FROM web.rejected_events GROUP BY reason ORDER BY reason;

\qecho == Qualified leads of the CRM are conversions: found by e-mail in any case, with the click that stood at the qualification
SELECT journey.add_source('web', 'salesforce.leads', 'conversion', '{"converted_at": "mql_at", "loaded_at": "systemmodstamp"}',
                          '{"name": "MQL"}') \g /dev/null
SELECT FROM journey.refresh('web') \g /dev/null
SELECT c.email, c.user_id, c.converted_at AS mql_at, c.gclid AS gclid_at_mql, nullif(p.gclid, c.gclid) AS later_gclid
FROM web.conversions AS c JOIN web.profiles AS p USING (person_id)
WHERE c.gclid IS NOT NULL ORDER BY c.conversion_id DESC LIMIT 5;

\qecho == Which channel earned them, by three rules
SELECT touch AS channel, round(max(conversions) FILTER (WHERE rule = 'first'), 2) AS first,
       round(max(conversions) FILTER (WHERE rule = 'last_non_direct'), 2) AS last_non_direct,
       round(max(conversions) FILTER (WHERE rule = 'linear'), 2) AS linear
FROM journey.attribution_overview('web', '{first,last_non_direct,linear}') GROUP BY touch ORDER BY linear DESC, channel LIMIT 5;

\qecho == What Google Ads is told of them today, and what not
SELECT max(converted_at) + interval '1 day' AS today FROM web.conversions \gset
SELECT status, reason, count(*) FROM journey.google_ads_conversions('web', 'MQL', :'today', '{"actions": {"MQL": "Qualified lead"}}')
GROUP BY 1, 2 ORDER BY 3 DESC;
SELECT journey.export_batch('web', 'google_ads', 'MQL', :'today', '{"actions": {"MQL": "Qualified lead"}}') AS batch \gset
\pset format unaligned
\pset tuples_only on
\if :{?clicks}
SELECT line FROM journey.export_lines('web', 'google_ads', :batch) \g :clicks
\endif
\qecho
\qecho == The first lines of the file
SELECT line FROM journey.export_lines('web', 'google_ads', :batch) LIMIT 5;
\pset format aligned
\pset tuples_only off

\qecho
\qecho == When Google has taken it
SELECT journey.mark_exported('web', 'google_ads', :batch) AS lines_given;

\qecho == A segment: who reads the documentation, since when and until when; a late event moves these alone
SELECT journey.create_segment('web', 'readers', '{"page": "/docs/*", "at_least": 3, "last": "30 days"}') \g /dev/null
SELECT person_id, valid_from, valid_to FROM web.segment_members WHERE segment = 'readers'
ORDER BY valid_from DESC, person_id LIMIT 5;

\qecho == Differences between the tables and a model built anew from all events
SELECT count(*) AS differences FROM journey.verify('web');
