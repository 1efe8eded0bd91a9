-- The model's tables in plain SQL, by the same rules: sets, windows, regular expressions. Temporary results are
-- unlogged, and analyzed. Left out, in its favour: the store of events with their properties, rejected rows,
-- and all that would make a second run cheaper than the first.
DROP SCHEMA IF EXISTS plain CASCADE;
CREATE SCHEMA plain;

-- rows of all tables, their ids cleaned, copies thrown away
CREATE UNLOGGED TABLE plain.event AS
WITH landed AS (
    SELECT 'page' AS kind, 0 AS rank, id, anonymous_id, user_id, "timestamp", original_timestamp, received_at, channel,
           name, coalesce(url, context_page_url) AS url, coalesce(referrer, context_page_referrer) AS referrer,
           context_campaign_source AS source, context_campaign_medium AS medium, context_campaign_name AS campaign,
           context_campaign_term AS term, context_campaign_content AS content,
           NULL::numeric AS revenue, NULL AS currency, NULL AS order_id, NULL AS previous_id, NULL AS email,
           NULL::jsonb AS traits
    FROM rudder.pages
    UNION ALL
    SELECT 'track', 0, id, anonymous_id, user_id, "timestamp", original_timestamp, received_at, channel, event_text,
           context_page_url, context_page_referrer, context_campaign_source, context_campaign_medium,
           context_campaign_name, context_campaign_term, context_campaign_content, NULL, NULL, NULL, NULL, NULL, NULL
    FROM rudder.tracks
    UNION ALL
    SELECT 'track', 1, id, anonymous_id, user_id, "timestamp", original_timestamp, received_at, channel, event_text,
           context_page_url, context_page_referrer, context_campaign_source, context_campaign_medium,
           context_campaign_name, context_campaign_term, context_campaign_content, coalesce(revenue, total), currency,
           order_id, NULL, NULL, NULL
    FROM rudder.order_completed
    UNION ALL
    SELECT 'track', 1, id, anonymous_id, user_id, "timestamp", original_timestamp, received_at, channel, event_text,
           context_page_url, context_page_referrer, context_campaign_source, context_campaign_medium,
           context_campaign_name, context_campaign_term, context_campaign_content, NULL, NULL, NULL, NULL, NULL, NULL
    FROM rudder.workspace_created
    UNION ALL
    SELECT 'track', 1, id, anonymous_id, user_id, "timestamp", original_timestamp, received_at, channel, event_text,
           context_page_url, context_page_referrer, context_campaign_source, context_campaign_medium,
           context_campaign_name, context_campaign_term, context_campaign_content, NULL, NULL, NULL, NULL, NULL, NULL
    FROM rudder.email_delivered
    UNION ALL
    SELECT 'identify', 0, id, anonymous_id, user_id, "timestamp", original_timestamp, received_at, channel, NULL,
           context_page_url, context_page_referrer, context_campaign_source, context_campaign_medium,
           context_campaign_name, context_campaign_term, context_campaign_content, NULL, NULL, NULL, NULL, email,
           jsonb_strip_nulls(jsonb_build_object('email', email, 'first_name', first_name, 'last_name', last_name,
                                                'company', company, 'plan', plan))
    FROM rudder.identifies
    UNION ALL
    SELECT 'alias', 0, id, anonymous_id, user_id, "timestamp", original_timestamp, received_at, channel, NULL,
           context_page_url, context_page_referrer, context_campaign_source, context_campaign_medium,
           context_campaign_name, context_campaign_term, context_campaign_content, NULL, NULL, NULL,
           previous_id, NULL, NULL
    FROM rudder.aliases
), cleaned AS (
    SELECT *, CASE WHEN user_id ~ '^[0-]*$' OR lower(user_id) IN ('null', 'undefined', 'none', 'anonymous', 'unknown')
                   THEN NULL ELSE user_id END AS clean_user,
           CASE WHEN anonymous_id ~ '^[0-]*$' OR lower(anonymous_id)
                     IN ('null', 'undefined', 'none', 'anonymous', 'unknown')
                THEN NULL ELSE anonymous_id END AS clean_visitor,
           CASE WHEN lower(email) IN ('null', 'undefined') OR lower(email) LIKE '%@example.com' THEN NULL
                ELSE lower(regexp_replace(email, '\s', '', 'g')) END AS clean_email,
           coalesce("timestamp", original_timestamp, received_at) AS event_time
    FROM landed
), taken AS (
    SELECT kind, rank, coalesce(nullif(id, ''),
           md5(concat_ws('|', clean_visitor, clean_user, event_time, kind, name, url))) AS event_id,
           coalesce(clean_visitor, 'user:' || clean_user) AS visitor_id, clean_user AS user_id, event_time, received_at,
           name,
           url, referrer, source, medium, campaign, term, content, revenue, currency, order_id, previous_id,
           clean_email AS email, traits,
           NOT (clean_visitor IS NULL OR channel IN ('server', 'sources') OR kind IN ('identify', 'alias')) AS active
    FROM cleaned
    WHERE coalesce(clean_visitor, clean_user) IS NOT NULL
      AND event_time BETWEEN '2000-01-01 00:00+00' AND received_at + interval '1 day'
), chained AS (
    SELECT *, event_time - lag(event_time) OVER (PARTITION BY visitor_id, event_id ORDER BY event_time)
              > interval '24 hours' AS another
    FROM taken
), occasions AS (
    SELECT *, count(*) FILTER (WHERE another) OVER (PARTITION BY visitor_id, event_id ORDER BY event_time) AS occasion
    FROM chained
), copies AS (
    SELECT *, row_number() OVER (PARTITION BY visitor_id, event_id, occasion
                                 ORDER BY received_at DESC, rank DESC, event_time DESC) AS copy
    FROM occasions
)
SELECT event_id, visitor_id, user_id, event_time, kind, name, url, referrer, source, medium, campaign, term, content,
       revenue, currency, order_id, previous_id, email, traits, active,
       coalesce('user:' || user_id, CASE WHEN kind = 'identify' THEN 'email:' || email END) AS ref
FROM copies WHERE copy = 1;
ANALYZE plain.event;

-- sessions by pause, before a change of user is looked at; what is passive belongs to a session it falls into
CREATE UNLOGGED TABLE plain.stretched AS
WITH looked_back AS (
    SELECT *, max(event_time) FILTER (WHERE active) OVER (PARTITION BY visitor_id ORDER BY event_time, event_id
                                      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS active_before
    FROM plain.event
), started AS (
    SELECT *, active AND (active_before IS NULL OR event_time - active_before > interval '30 minutes') AS starts,
           active OR event_time - active_before <= interval '30 minutes' AS inside
    FROM looked_back
)
SELECT *, count(*) FILTER (WHERE starts) OVER (PARTITION BY visitor_id ORDER BY event_time, event_id
                                               ROWS UNBOUNDED PRECEDING) AS stretch
FROM started;
ANALYZE plain.stretched;

CREATE UNLOGGED TABLE plain.alias AS
SELECT visitor_id, event_time, event_id, previous_id, user_id
FROM plain.event WHERE kind = 'alias' AND previous_id IS NOT NULL AND user_id IS NOT NULL;

-- active events of another user than the one before, unless an alias of this visitor joins the two
CREATE UNLOGGED TABLE plain.user_change AS
SELECT visitor_id, event_time, event_id
FROM (SELECT *, lag(user_id) OVER (PARTITION BY visitor_id, stretch ORDER BY event_time, event_id) AS user_before
      FROM plain.stretched WHERE inside AND user_id IS NOT NULL) AS s
WHERE active AND user_id <> user_before AND NOT EXISTS (
    SELECT FROM plain.alias AS a WHERE a.visitor_id = s.visitor_id
       AND (a.previous_id, a.user_id) IN ((s.user_id, s.user_before), (s.user_before, s.user_id)));
ANALYZE plain.user_change;

CREATE UNLOGGED TABLE plain.placed AS
SELECT s.*, CASE WHEN inside THEN count(*) FILTER (WHERE starts OR c.visitor_id IS NOT NULL) OVER w END AS session
FROM plain.stretched AS s LEFT JOIN plain.user_change AS c USING (visitor_id, event_time, event_id)
WINDOW w AS (PARTITION BY visitor_id ORDER BY event_time, event_id ROWS UNBOUNDED PRECEDING);
ANALYZE plain.placed;

-- what URLs and campaign columns say
CREATE UNLOGGED TABLE plain.said AS
WITH read AS (
    SELECT visitor_id, session, event_time, event_id, url, referrer,
           bench.decode(bench.param(url, 'utm_source')) AS utm_source,
           bench.decode(bench.param(url, 'utm_medium')) AS utm_medium,
           bench.decode(bench.param(url, 'utm_campaign')) AS utm_campaign,
           bench.decode(bench.param(url, 'utm_term')) AS utm_term,
           bench.decode(bench.param(url, 'utm_content')) AS utm_content,
           bench.param(url, 'gclid') AS gclid, bench.param(url, 'msclkid') AS msclkid,
           bench.param(url, 'ttclid') AS ttclid,
           bench.param(url, 'li_fat_id') AS li_fat_id, bench.param(url, 'gbraid') AS gbraid,
           bench.param(url, 'wbraid') AS wbraid, bench.param(url, 'fbclid') AS fbclid,
           source, medium, campaign, term, content
    FROM plain.placed
    WHERE active AND (url ~ '[?#]' OR coalesce(source, medium, campaign) IS NOT NULL)
), clicked AS (
    SELECT *, CASE WHEN gclid IS NOT NULL THEN 'gclid' WHEN msclkid IS NOT NULL THEN 'msclkid'
                   WHEN ttclid IS NOT NULL THEN 'ttclid' WHEN li_fat_id IS NOT NULL THEN 'li_fat_id'
                   WHEN gbraid IS NOT NULL THEN 'gbraid' WHEN wbraid IS NOT NULL THEN 'wbraid'
                   WHEN fbclid IS NOT NULL THEN 'fbclid' END AS click_id_type,
           coalesce(gclid, msclkid, ttclid, li_fat_id, gbraid, wbraid, fbclid) AS click_id,
           nullif(jsonb_strip_nulls(jsonb_build_object('gclid', gclid, 'msclkid', msclkid, 'ttclid', ttclid,
                      'li_fat_id', li_fat_id, 'gbraid', gbraid, 'wbraid', wbraid, 'fbclid', fbclid)), '{}') AS click_ids,
           coalesce(utm_source, utm_medium, utm_campaign) IS NOT NULL AS has_utm
    FROM read
), told AS (
    SELECT *, CASE WHEN has_utm THEN 'utm' WHEN click_id IS NOT NULL THEN 'click_id'
                   WHEN coalesce(source, medium, campaign) IS NOT NULL THEN 'campaign_columns' END AS touch_type,
           CASE WHEN click_id_type IN ('gclid', 'gbraid', 'wbraid') THEN 'google'
                WHEN click_id_type = 'msclkid' THEN 'bing'
                WHEN click_id_type = 'ttclid' THEN 'tiktok' WHEN click_id_type = 'li_fat_id' THEN 'linkedin'
                WHEN click_id_type = 'fbclid' THEN 'facebook' END AS click_source,
           CASE WHEN click_id_type = 'fbclid' THEN 'referral' WHEN click_id IS NOT NULL THEN 'cpc' END AS click_medium
    FROM clicked
), named AS (
    SELECT visitor_id, session, event_time, event_id, url, referrer, touch_type, gclid, click_id, click_id_type,
           click_ids,
           coalesce(utm_source, click_source, source, '(not set)') AS source,
           coalesce(utm_medium,
                    CASE WHEN coalesce(lower(utm_source), click_source) = click_source THEN click_medium END,
                    medium, CASE WHEN coalesce(utm_source, source) = 'chatgpt.com' THEN 'ai-assistant' END,
                    '(not set)') AS medium,
           CASE touch_type WHEN 'utm' THEN utm_campaign WHEN 'campaign_columns' THEN campaign END AS campaign,
           CASE touch_type WHEN 'utm' THEN utm_term WHEN 'campaign_columns' THEN term END AS term,
           CASE touch_type WHEN 'utm' THEN utm_content WHEN 'campaign_columns' THEN content END AS content
    FROM told WHERE touch_type IS NOT NULL
)
SELECT *, bench.host(referrer) AS referrer_host FROM named;
ANALYZE plain.said;

-- referrers of the first event of a session that has a page, if they are external
CREATE UNLOGGED TABLE plain.came_from AS
SELECT p.*, coalesce(m.source, regexp_replace(p.host, '^www\.', '')) AS source, coalesce(m.medium, 'referral') AS medium
FROM (SELECT DISTINCT ON (visitor_id, session) visitor_id, session, event_time, event_id, url, referrer,
    bench.host(referrer) AS host
      FROM plain.placed WHERE active AND (kind = 'page' OR url <> '')
      ORDER BY visitor_id, session, event_time, event_id) AS p
LEFT JOIN bench.referrer_mapping AS m ON m.host = regexp_replace(p.host, '^www\.', '')
WHERE p.host IS NOT NULL AND m.medium IS DISTINCT FROM 'ignored'
  AND substring(p.host FROM '[^.]+\.[^.]+$') IS DISTINCT FROM substring(bench.host(url) FROM '[^.]+\.[^.]+$')
  AND NOT EXISTS (SELECT FROM plain.said AS s
                  WHERE (s.visitor_id, s.event_time, s.event_id) = (p.visitor_id, p.event_time, p.event_id));

-- the first of equal ones in a session, and its channel, asked once per origin
CREATE UNLOGGED TABLE plain.distinct_touch AS
SELECT DISTINCT ON (visitor_id, session, source, medium, campaign, term, content, click_ids) *
FROM (SELECT visitor_id, session, event_time, event_id, touch_type, source, medium, campaign, term, content, click_id,
             click_id_type, click_ids, url, referrer, referrer_host
      FROM plain.said
      UNION ALL
      SELECT visitor_id, session, event_time, event_id, 'referrer', source, medium, NULL, NULL, NULL, NULL, NULL, NULL,
             url,
             referrer, host
      FROM plain.came_from) AS t
ORDER BY visitor_id, session, source, medium, campaign, term, content, click_ids, event_time, event_id;
CREATE UNLOGGED TABLE plain.found_touch AS
SELECT t.*, o.channel
FROM plain.distinct_touch AS t
JOIN (SELECT *, bench.channel(source, medium, campaign) AS channel
      FROM (SELECT source, medium, campaign FROM plain.distinct_touch GROUP BY source, medium, campaign) AS o) AS o
  ON (o.source, o.medium, coalesce(o.campaign, '')) = (t.source, t.medium, coalesce(t.campaign, ''));
ANALYZE plain.found_touch;

-- what goes to one person: a session, or a passive event outside; arrays are in the order of the sort below
CREATE UNLOGGED TABLE plain.unit AS
SELECT visitor_id, session, min(event_time) AS started_at, (array_agg(event_id))[1] AS first_event_id,
       max(event_time) FILTER (WHERE active) AS ended_at, count(*) AS events,
       count(*) FILTER (WHERE kind = 'page') AS page_views,
       array_agg(coalesce(url, name)) FILTER (WHERE kind = 'page') AS pages,
       array_agg(user_id) FILTER (WHERE user_id IS NOT NULL) AS users,
       array_agg(ref) FILTER (WHERE ref IS NOT NULL) AS refs,
       min(event_time) FILTER (WHERE ref IS NOT NULL) AS named_at,
       coalesce(bool_or(active AND kind = 'track'), false) AS active_track, min(kind) AS kind
FROM (SELECT *, CASE WHEN session IS NULL THEN event_time END AS loose_at,
    CASE WHEN session IS NULL THEN event_id END AS loose_id
      FROM plain.placed ORDER BY visitor_id, session, loose_at, loose_id, event_time, event_id) AS p
GROUP BY visitor_id, session, loose_at, loose_id;
ANALYZE plain.unit;

-- users and e-mails: whose they are
CREATE UNLOGGED TABLE plain.ref_person AS
WITH RECURSIVE latest AS (
    SELECT DISTINCT ON (previous_id) previous_id, user_id FROM plain.alias
    ORDER BY previous_id, event_time DESC, event_id DESC, visitor_id DESC
), chain AS (
    SELECT previous_id AS id, user_id AS next, 1 AS depth FROM latest
    UNION ALL
    SELECT c.id, l.user_id, depth + 1 FROM chain AS c JOIN latest AS l ON l.previous_id = c.next WHERE depth < 100
), carrier AS (
    SELECT DISTINCT email, user_id
    FROM (SELECT email, user_id FROM plain.event WHERE kind = 'identify'
          UNION ALL SELECT lower(regexp_replace(email, '\s', '', 'g')), id FROM rudder.users) AS e
    WHERE email IS NOT NULL AND user_id IS NOT NULL
), users AS (
    SELECT id AS user_id, 'user:' || coalesce(c.next, id) AS person_id, c.id IS NOT NULL AS is_alias
    FROM (SELECT user_id FROM plain.event WHERE user_id IS NOT NULL
          UNION SELECT user_id FROM carrier UNION SELECT previous_id FROM latest) AS u (id)
    LEFT JOIN (SELECT DISTINCT ON (id) id, next FROM chain ORDER BY id, depth DESC) AS c USING (id)
)
SELECT 'user:' || user_id AS ref, person_id, CASE WHEN is_alias THEN 'alias' ELSE 'user_id' END AS reason FROM users
UNION ALL
SELECT 'email:' || email, CASE WHEN count(DISTINCT person_id) = 1 THEN min(person_id) ELSE 'email:' || email END,
       CASE WHEN count(DISTINCT person_id) = 1 THEN 'email of user' ELSE 'email' END
FROM (SELECT email FROM plain.event WHERE kind = 'identify' AND user_id IS NULL AND email IS NOT NULL
      UNION SELECT email FROM carrier) AS e
LEFT JOIN carrier USING (email) LEFT JOIN users USING (user_id)
GROUP BY email;
ANALYZE plain.ref_person;

-- a unit that names nobody goes to whom its visitor names next, else to whom it named before; what names another than
-- the user of the session before, and is no identify or alias, does not say whose the visitor is
CREATE UNLOGGED TABLE plain.person_unit AS
WITH after AS (
    SELECT *, count(session) OVER (PARTITION BY visitor_id ORDER BY started_at, first_event_id) AS last_session
    FROM plain.unit
), asides AS (
    SELECT *, coalesce(session IS NULL AND kind NOT IN ('identify', 'alias') AND users[1] <> owner
                       AND NOT EXISTS (SELECT FROM plain.alias AS a WHERE a.visitor_id = o.visitor_id
                          AND (a.previous_id, a.user_id) IN ((users[1], owner), (owner, users[1]))), false) AS aside
    FROM (SELECT *, max(users[array_upper(users, 1)]) FILTER (WHERE session IS NOT NULL)
                    OVER (PARTITION BY visitor_id, last_session) AS owner FROM after) AS o
), marked AS (
    SELECT *, refs[1] AS first_ref,
           coalesce((SELECT 'user:' || users[array_upper(users, 1)]), refs[array_upper(refs, 1)]) AS last_ref,
           count(refs) FILTER (WHERE NOT aside) OVER (PARTITION BY visitor_id ORDER BY started_at, first_event_id) AS mark
    FROM asides
), marks AS (
    SELECT visitor_id, mark, f.person_id AS first_person, l.person_id AS last_person
    FROM marked JOIN plain.ref_person AS f ON f.ref = first_ref JOIN plain.ref_person AS l ON l.ref = last_ref
    WHERE NOT aside
), shared AS (
    SELECT visitor_id
    FROM (SELECT DISTINCT visitor_id, unnest(refs) AS ref FROM marked WHERE NOT aside) AS n
    JOIN plain.ref_person USING (ref)
    GROUP BY visitor_id HAVING count(DISTINCT person_id) > 5
)
SELECT u.*, s.visitor_id IS NOT NULL AS shared,
       coalesce(CASE WHEN aside THEN (SELECT p.person_id FROM plain.ref_person AS p WHERE p.ref = last_ref)
                     WHEN last_ref IS NOT NULL THEN own.last_person
                     WHEN s.visitor_id IS NULL THEN coalesce(next.first_person, own.last_person) END,
                'visitor:' || u.visitor_id) AS person_id
FROM marked AS u
LEFT JOIN marks AS own ON (own.visitor_id, own.mark) = (u.visitor_id, u.mark)
LEFT JOIN marks AS next ON (next.visitor_id, next.mark) = (u.visitor_id, u.mark + 1)
LEFT JOIN shared AS s ON s.visitor_id = u.visitor_id;
ANALYZE plain.person_unit;

CREATE TABLE plain.sessions AS
WITH origin AS (
    SELECT DISTINCT ON (visitor_id, session) * FROM plain.found_touch ORDER BY visitor_id, session, event_time, event_id
), last_gclid AS (
    SELECT DISTINCT ON (visitor_id, session) visitor_id, session, gclid FROM plain.said WHERE gclid IS NOT NULL
    ORDER BY visitor_id, session, event_time DESC, event_id DESC
), amounts AS (
    SELECT visitor_id, session, CASE WHEN count(DISTINCT coalesce(currency, '')) = 1 THEN sum(revenue) END AS revenue
    FROM (SELECT *, row_number() OVER (PARTITION BY visitor_id, session, name, order_id
                                        ORDER BY event_time, event_id) AS place
          FROM plain.placed WHERE session IS NOT NULL AND revenue IS NOT NULL) AS e
    WHERE order_id IS NULL OR place = 1
    GROUP BY visitor_id, session
)
SELECT md5(u.visitor_id || '|' || u.session)::uuid AS session_id, u.visitor_id,
       u.users[array_upper(u.users, 1)] AS user_id,
       u.person_id, u.session AS session_number, u.started_at, u.ended_at,
       (u.started_at AT TIME ZONE 'UTC')::date AS session_date,
       extract(epoch FROM u.ended_at - u.started_at) AS duration_seconds, u.events, u.page_views,
       u.pages[1] AS landing_page,
       nullif(substring(u.pages[1] FROM '^[a-z]+://[^/?#]+([^?#]*)'), '') AS landing_page_path,
       u.pages[array_upper(u.pages, 1)] AS exit_page, t.referrer, t.referrer_host,
       coalesce(t.source, '(direct)') AS source,
       coalesce(t.medium, '(none)') AS medium, t.campaign, t.term, t.content, coalesce(t.channel, 'Direct') AS channel,
       g.gclid, t.click_id, t.click_id_type, r.revenue, u.page_views <= 1 AND NOT u.active_track AS is_bounce
FROM plain.person_unit AS u
LEFT JOIN origin AS t ON (t.visitor_id, t.session) = (u.visitor_id, u.session)
LEFT JOIN last_gclid AS g ON (g.visitor_id, g.session) = (u.visitor_id, u.session)
LEFT JOIN amounts AS r ON (r.visitor_id, r.session) = (u.visitor_id, u.session)
WHERE u.session IS NOT NULL;
ANALYZE plain.sessions;

CREATE TABLE plain.touches AS
SELECT md5(concat_ws('|', t.visitor_id, t.session, t.event_time, t.event_id))::uuid AS touch_id, s.person_id,
       t.visitor_id,
       s.session_id, t.event_time AS touched_at, t.touch_type, t.source, t.medium, t.campaign, t.term, t.content,
       NULL::text AS campaign_id, t.channel, t.click_id, t.click_id_type, t.click_ids, t.url AS landing_page,
       t.referrer,
       t.referrer_host
FROM plain.found_touch AS t JOIN plain.sessions AS s ON (s.visitor_id, s.session_number) = (t.visitor_id, t.session)
UNION ALL
SELECT md5(concat_ws('|', visitor_id, session_number))::uuid, person_id, visitor_id, session_id, started_at, 'direct',
       '(direct)',
       '(none)', NULL, NULL, NULL, NULL, 'Direct', NULL, NULL, NULL, landing_page, NULL, NULL
FROM plain.sessions AS s
WHERE NOT EXISTS (SELECT FROM plain.found_touch AS t
                  WHERE (t.visitor_id, t.session) = (s.visitor_id, s.session_number));
ANALYZE plain.touches;

CREATE TABLE plain.identities AS
SELECT substr(ref, strpos(ref, ':') + 1) AS id, split_part(ref, ':', 1) AS id_type, person_id,
       timestamptz '-infinity' AS valid_from,
       timestamptz 'infinity' AS valid_to, reason
FROM plain.ref_person
UNION ALL (
WITH numbered AS (
    SELECT *, person_id IS DISTINCT FROM lag(person_id)
              OVER (PARTITION BY visitor_id ORDER BY started_at, first_event_id) AS begins
    FROM plain.person_unit WHERE NOT aside
), runs AS (
    SELECT *, count(*) FILTER (WHERE begins) OVER (PARTITION BY visitor_id ORDER BY started_at, first_event_id) AS run
    FROM numbered
), stretches AS (
    SELECT visitor_id, run, person_id, bool_or(last_ref IS NOT NULL) AS named, bool_or(shared) AS shared,
           CASE WHEN run = 1 THEN '-infinity' ELSE min(started_at) END AS valid_from,
           lead(min(started_at), 1, 'infinity') OVER (PARTITION BY visitor_id ORDER BY run) AS valid_to
    FROM runs GROUP BY visitor_id, run, person_id
)
SELECT DISTINCT ON (visitor_id, valid_from, person_id) visitor_id, 'visitor', person_id, valid_from, valid_to,
       CASE WHEN named THEN 'identified' WHEN person_id NOT LIKE 'visitor:%' THEN 'alias' WHEN shared THEN 'shared'
            ELSE 'anonymous' END
FROM stretches
ORDER BY visitor_id, valid_from, person_id, valid_to DESC, run DESC);

CREATE UNLOGGED TABLE plain.person_event AS
SELECT u.person_id, e.visitor_id, e.event_time, e.event_id, e.kind, e.name, e.revenue, e.currency, e.order_id, e.traits
FROM plain.placed AS e JOIN plain.person_unit AS u ON (u.visitor_id, u.session) = (e.visitor_id, e.session)
UNION ALL
SELECT u.person_id, e.visitor_id, e.event_time, e.event_id, e.kind, e.name, e.revenue, e.currency, e.order_id, e.traits
FROM plain.placed AS e
JOIN plain.person_unit AS u ON (u.visitor_id, u.started_at, u.first_event_id) = (e.visitor_id, e.event_time, e.event_id)
WHERE e.session IS NULL AND u.session IS NULL
UNION ALL
SELECT coalesce(p.person_id, 'user:' || u.id), 'user:' || u.id, u.received_at, 'users:', 'users', NULL, NULL, NULL,
       NULL,
       to_jsonb(u) - '{id,received_at,uuid_ts}'::text[]
FROM rudder.users AS u LEFT JOIN plain.ref_person AS p ON p.ref = 'user:' || u.id;
ANALYZE plain.person_event;

CREATE TABLE plain.profiles AS
WITH person AS (
    SELECT person_id,
           coalesce(array_agg(DISTINCT visitor_id ORDER BY visitor_id) FILTER (WHERE NOT aside), '{}') AS visitor_ids,
           min(started_at) AS first_seen_at,
           max(ended_at) FILTER (WHERE session IS NOT NULL) AS last_seen_at, min(named_at) AS identified_at,
           count(session) AS sessions, sum(events)::bigint AS events, sum(page_views)::bigint AS page_views
    FROM plain.person_unit GROUP BY person_id
), counts AS (
    SELECT person_id, jsonb_object_agg(name, n) AS event_counts
    FROM (SELECT person_id, CASE WHEN kind = 'track' THEN coalesce(name, kind) ELSE kind END AS name, count(*) AS n
          FROM plain.person_event WHERE kind <> 'users' GROUP BY 1, 2) AS c
    GROUP BY person_id
), traits AS (
    SELECT person_id, jsonb_object_agg(key, value) AS traits
    FROM (SELECT DISTINCT ON (e.person_id, t.key) e.person_id, t.key, t.value
          FROM plain.person_event AS e CROSS JOIN LATERAL jsonb_each(e.traits) AS t
          WHERE e.traits IS NOT NULL AND t.value <> 'null'
          ORDER BY e.person_id, t.key, e.event_time DESC, e.event_id DESC, e.visitor_id DESC) AS t
    GROUP BY person_id
), amounts AS (
    SELECT person_id, CASE WHEN count(*) = 1 THEN min(amount) END AS revenue,
           jsonb_object_agg(currency, amount) AS revenue_by_currency
    FROM (SELECT person_id, coalesce(currency, '') AS currency, sum(revenue) AS amount
          FROM (SELECT *, row_number() OVER (PARTITION BY person_id, name, order_id
                                              ORDER BY event_time, event_id, visitor_id) AS place
                FROM plain.person_event WHERE revenue IS NOT NULL) AS e
          WHERE order_id IS NULL OR place = 1
          GROUP BY 1, 2) AS c
    GROUP BY person_id
), clicks AS (
    SELECT person_id, jsonb_object_agg(key, jsonb_build_object(
               'first', first, 'first_at', first_at, 'last', last, 'last_at', last_at)) AS click_ids
    FROM (SELECT person_id, key, (array_agg(value ORDER BY touched_at))[1] AS first, min(touched_at) AS first_at,
                 (array_agg(value ORDER BY touched_at DESC))[1] AS last, max(touched_at) AS last_at
          FROM plain.touches CROSS JOIN LATERAL jsonb_each_text(click_ids) WHERE click_ids IS NOT NULL
          GROUP BY person_id, key) AS c
    GROUP BY person_id
), ft AS (SELECT DISTINCT ON (person_id) * FROM plain.touches ORDER BY person_id, touched_at),
fn AS (SELECT DISTINCT ON (person_id) * FROM plain.touches WHERE touch_type <> 'direct' ORDER BY person_id, touched_at),
lt AS (SELECT DISTINCT ON (person_id) * FROM plain.touches ORDER BY person_id, touched_at DESC),
ln AS (SELECT DISTINCT ON (person_id) * FROM plain.touches WHERE touch_type <> 'direct'
       ORDER BY person_id, touched_at DESC)
SELECT person_id, CASE WHEN person_id LIKE 'user:%' THEN substr(person_id, 6) END AS user_id,
       CASE WHEN person_id LIKE 'email:%' THEN substr(person_id, 7)
            WHEN traits ->> 'email' ILIKE '%@example.com' THEN NULL
            ELSE lower(regexp_replace(traits ->> 'email', '\s', '', 'g')) END AS email,
       person_id NOT LIKE 'visitor:%' AS is_identified, visitor_ids, first_seen_at, last_seen_at, identified_at,
       sessions,
       person.events, page_views, revenue, revenue_by_currency, event_counts, coalesce(traits, '{}') AS traits,
       {touch_columns},
       clicks.click_ids #>> '{gclid,last}' AS gclid, (clicks.click_ids #>> '{gclid,last_at}')::timestamptz AS gclid_at,
       clicks.click_ids, false AS is_internal, 1::bigint AS version, 1::bigint AS attributes_version,
       now() AS updated_at
FROM person LEFT JOIN counts USING (person_id) LEFT JOIN traits USING (person_id) LEFT JOIN amounts USING (person_id)
LEFT JOIN clicks USING (person_id) LEFT JOIN ft USING (person_id) LEFT JOIN fn USING (person_id)
LEFT JOIN lt USING (person_id) LEFT JOIN ln USING (person_id);

-- the public tables' indexes
ALTER TABLE plain.sessions ADD PRIMARY KEY (visitor_id, session_number);
CREATE INDEX ON plain.sessions (session_id);
CREATE INDEX ON plain.sessions (person_id, started_at);
ALTER TABLE plain.touches ADD PRIMARY KEY (visitor_id, touch_id);
CREATE INDEX ON plain.touches (person_id, touched_at, touch_id);
CREATE INDEX ON plain.touches (session_id);
ALTER TABLE plain.identities ADD PRIMARY KEY (id, id_type, valid_from, person_id);
CREATE INDEX ON plain.identities (person_id);
ALTER TABLE plain.profiles ADD PRIMARY KEY (person_id);
CREATE INDEX ON plain.profiles (email);
CREATE INDEX ON plain.profiles (user_id);
CREATE INDEX ON plain.profiles (version);
ANALYZE plain.identities, plain.profiles;
