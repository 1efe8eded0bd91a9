-- The five models of dbt-labs/segment 0.7.0 (Apache-2.0, archived) as its first run makes them on PostgreSQL, written
-- down by hand from what they do: segment_web_page_views__sessionized, segment_web_sessions__initial,
-- segment_web_user_stitching, segment_web_sessions__stitched, segment_web_sessions. Page views alone.
DROP SCHEMA IF EXISTS segment CASCADE;
CREATE SCHEMA segment;

CREATE VIEW segment.page_views AS
WITH deduplicated AS (
    SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY id ORDER BY received_at) AS row_num FROM rudder.pages) AS p
    WHERE row_num = 1
), renamed AS (
    SELECT id AS page_view_id, anonymous_id, user_id, received_at AS received_at_tstamp, sent_at AS sent_at_tstamp,
           "timestamp" AS tstamp, url AS page_url,
           split_part(split_part(replace(replace(replace(url, 'android-app://', ''), 'http://', ''), 'https://', ''),
           '/', 1), '?', 1) AS page_url_host,
           path AS page_url_path, title AS page_title, search AS page_url_query, referrer,
           replace(split_part(split_part(replace(replace(replace(referrer, 'android-app://', ''), 'http://', ''),
           'https://', ''), '/', 1), '?', 1), 'www.', '') AS referrer_host,
           context_campaign_source AS utm_source, context_campaign_medium AS utm_medium,
           context_campaign_name AS utm_campaign,
           context_campaign_term AS utm_term, context_campaign_content AS utm_content,
           nullif(split_part(split_part(url, 'gclid=', 2), '&', 1), '') AS gclid, context_ip AS ip,
           context_user_agent AS user_agent,
           CASE WHEN lower(context_user_agent) LIKE '%android%' THEN 'Android'
                ELSE replace(split_part(split_part(context_user_agent, '(', 2), ' ', 1), ';', '') END AS device
    FROM deduplicated
)
SELECT *, CASE WHEN device = 'iPhone' THEN 'iPhone' WHEN device = 'Android' THEN 'Android'
               WHEN device IN ('iPad', 'iPod') THEN 'Tablet'
               WHEN device IN ('Windows', 'Macintosh', 'X11') THEN 'Desktop' ELSE 'Uncategorized' END AS device_category
FROM renamed;

CREATE TABLE segment.page_views_sessionized AS
WITH numbered AS (
    SELECT *, row_number() OVER (PARTITION BY anonymous_id ORDER BY tstamp) AS page_view_number FROM segment.page_views
), lagged AS (
    SELECT *, lag(tstamp) OVER (PARTITION BY anonymous_id ORDER BY page_view_number) AS previous_tstamp FROM numbered
), started AS (
    SELECT *, CASE WHEN floor(extract(epoch FROM tstamp)) - floor(extract(epoch FROM previous_tstamp)) <= 30 * 60 THEN 0
                   ELSE 1 END AS new_session
    FROM lagged
), session_numbers AS (
    SELECT *, sum(new_session) OVER (PARTITION BY anonymous_id ORDER BY page_view_number
                                     ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS session_number
    FROM started
)
SELECT page_view_id, anonymous_id, user_id, received_at_tstamp, sent_at_tstamp, tstamp, page_url, page_url_host,
       page_url_path,
       page_title, page_url_query, referrer, referrer_host, utm_source, utm_medium, utm_campaign, utm_term, utm_content,
       gclid, ip,
       user_agent, device, device_category, page_view_number,
       md5(coalesce(anonymous_id::text, '_dbt_utils_surrogate_key_null_') || '-' ||
           coalesce(session_number::text, '_dbt_utils_surrogate_key_null_')) AS session_id
FROM session_numbers;

CREATE TABLE segment.user_stitching AS
SELECT DISTINCT anonymous_id,
       last_value(user_id) OVER (PARTITION BY anonymous_id
                                 ORDER BY CASE WHEN user_id IS NOT NULL THEN 1 ELSE 0 END, tstamp
                                 ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS user_id,
       min(tstamp) OVER (PARTITION BY anonymous_id) AS first_seen_at,
       max(tstamp) OVER (PARTITION BY anonymous_id) AS last_seen_at
FROM segment.page_views;

CREATE TABLE segment.sessions_initial AS
WITH agg AS (
    SELECT DISTINCT session_id, anonymous_id,
           min(tstamp) OVER s AS session_start_tstamp, max(tstamp) OVER s AS session_end_tstamp,
           count(*) OVER s AS page_views,
           first_value(utm_source) OVER w AS utm_source, first_value(utm_content) OVER w AS utm_content,
           first_value(utm_medium) OVER w AS utm_medium, first_value(utm_campaign) OVER w AS utm_campaign,
           first_value(utm_term) OVER w AS utm_term, first_value(gclid) OVER w AS gclid,
           first_value(page_url) OVER w AS first_page_url, first_value(page_url_host) OVER w AS first_page_url_host,
           first_value(page_url_path) OVER w AS first_page_url_path,
           first_value(page_url_query) OVER w AS first_page_url_query,
           first_value(referrer) OVER w AS referrer, first_value(referrer_host) OVER w AS referrer_host,
           first_value(device) OVER w AS device, first_value(device_category) OVER w AS device_category,
           last_value(page_url) OVER w AS last_page_url, last_value(page_url_host) OVER w AS last_page_url_host,
           last_value(page_url_path) OVER w AS last_page_url_path,
           last_value(page_url_query) OVER w AS last_page_url_query
    FROM segment.page_views_sessionized
    WINDOW s AS (PARTITION BY session_id),
           w AS (PARTITION BY session_id ORDER BY page_view_number ROWS
                 BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
), diffs AS (
    SELECT *, floor(extract(epoch FROM session_end_tstamp))
              - floor(extract(epoch FROM session_start_tstamp)) AS duration_in_s
    FROM agg
)
SELECT d.*, CASE WHEN duration_in_s BETWEEN 0 AND 9 THEN '0s to 9s'
                 WHEN duration_in_s BETWEEN 10 AND 29 THEN '10s to 29s'
                 WHEN duration_in_s BETWEEN 30 AND 59 THEN '30s to 59s'
                 WHEN duration_in_s > 59 THEN '60s or more' END AS duration_in_s_tier,
       m.medium AS referrer_medium, m.source AS referrer_source
FROM diffs AS d LEFT JOIN bench.referrer_mapping AS m ON m.host = d.referrer_host;

CREATE TABLE segment.sessions_stitched AS
SELECT s.*, coalesce(u.user_id, s.anonymous_id) AS blended_user_id
FROM segment.sessions_initial AS s LEFT JOIN segment.user_stitching AS u USING (anonymous_id);

CREATE TABLE segment.sessions AS
SELECT *, row_number() OVER (PARTITION BY blended_user_id ORDER BY session_start_tstamp) AS session_number
FROM segment.sessions_stitched;
