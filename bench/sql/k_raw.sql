-- Case k, for the questions in plain SQL: the raw rows without copies, and what they say of sessions and people
-- by the usual short rules. A part that a question does not use is not run.
WITH copies AS (
    SELECT id, anonymous_id, user_id, "timestamp" AS at, received_at, 'page' AS name, url, referrer,
           NULL::numeric AS revenue, NULL AS order_id
    FROM rudder.pages
    UNION ALL
    SELECT id, anonymous_id, user_id, "timestamp", received_at, event_text, context_page_url, context_page_referrer,
           NULL, NULL
    FROM rudder.tracks WHERE event <> 'order_completed'
    UNION ALL
    SELECT id, anonymous_id, user_id, "timestamp", received_at, event_text, context_page_url, context_page_referrer,
           revenue, order_id
    FROM rudder.order_completed),
events AS (
    SELECT DISTINCT ON (visitor_id, id) *
    FROM copies CROSS JOIN LATERAL (
        SELECT coalesce(nullif(nullif(anonymous_id, ''), 'null'), 'user:' || user_id) AS visitor_id) AS v
    WHERE visitor_id IS NOT NULL AND at >= '2000-01-01' AND at <= received_at + interval '1 day'
    ORDER BY visitor_id, id, received_at DESC),
people AS (
    SELECT DISTINCT ON (anonymous_id) anonymous_id AS visitor_id, 'user:' || user_id AS person_id
    FROM rudder.identifies WHERE user_id IS NOT NULL
    ORDER BY anonymous_id, "timestamp" DESC),
numbered AS (
    SELECT *, count(*) FILTER (WHERE starts) OVER (PARTITION BY visitor_id ORDER BY at, id) AS session
    FROM (SELECT *, coalesce(at - lag(at) OVER (PARTITION BY visitor_id ORDER BY at, id) > interval '30 minutes',
                             true) AS starts
          FROM events WHERE visitor_id NOT LIKE 'user:%') AS e),
visits AS (
    SELECT visitor_id, session, min(at) AS started_at, sum(revenue) AS revenue,
           (array_agg(url ORDER BY at, id) FILTER (WHERE name = 'page'))[1] AS landing_page,
           (array_agg(referrer ORDER BY at, id) FILTER (WHERE name = 'page'))[1] AS referrer
    FROM numbered
    GROUP BY visitor_id, session),
sessions AS (
    SELECT v.*, coalesce(p.person_id, 'visitor:' || v.visitor_id) AS person_id, campaign,
           CASE WHEN click OR medium ~ '^(cpc|ppc|paid)' THEN 'Paid Search'
                WHEN medium LIKE '%social%' OR host ~ '(facebook|linkedin|tiktok|reddit)[.]' THEN 'Organic Social'
                WHEN medium LIKE '%mail%' THEN 'Email'
                WHEN medium LIKE '%affiliate%' THEN 'Affiliates'
                WHEN host ~ '(google|bing|duckduckgo)[.]' THEN 'Organic Search'
                WHEN medium IS NOT NULL THEN 'Unassigned'
                WHEN host IS NOT NULL AND host <> own THEN 'Referral'
                ELSE 'Direct' END AS channel,
           substring(landing_page FROM '://[^/?#]+([^?#]*)') AS landing_page_path
    FROM visits AS v LEFT JOIN people AS p USING (visitor_id)
    CROSS JOIN LATERAL (
        SELECT lower(substring(landing_page FROM '[?&]utm_medium=([^&#]*)')) AS medium,
               substring(landing_page FROM '[?&]utm_campaign=([^&#]*)') AS campaign,
               landing_page ~ '[?&](gclid|msclkid)=' AS click,
               substring(landing_page FROM '://([^/:?#]+)') AS own,
               substring(referrer FROM '://([^/:?#]+)') AS host) AS t)
