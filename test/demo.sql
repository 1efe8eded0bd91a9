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

\qecho == Qualified leads, found by e-mail in any case: the click that stood at the qualification, and the latest
SELECT l.email, p.user_id, l.mql_at, c.click_id AS gclid_at_mql, nullif(p.gclid, c.click_id) AS later_gclid
FROM salesforce.leads AS l
JOIN web.profiles AS p ON p.email = lower(l.email)
CROSS JOIN LATERAL (SELECT t.click_id FROM web.touches AS t
                    WHERE t.person_id = p.person_id AND t.click_id_type = 'gclid' AND t.touched_at <= l.mql_at
                    ORDER BY t.touched_at DESC LIMIT 1) AS c
WHERE l.is_mql ORDER BY l.id DESC LIMIT 5;

\qecho == A segment: who reads the documentation, since when and until when; a late event moves these alone
SELECT journey.create_segment('web', 'readers', '{"page": "/docs/*", "at_least": 3, "last": "30 days"}') \g /dev/null
SELECT person_id, valid_from, valid_to FROM web.segment_members WHERE segment = 'readers'
ORDER BY valid_from DESC, person_id LIMIT 5;

\qecho == Differences between the tables and a model built anew from all events
SELECT count(*) AS differences FROM journey.verify('web');
