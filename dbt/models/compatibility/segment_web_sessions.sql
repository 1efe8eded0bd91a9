{{ config(
    materialized='view',
    enabled=(var('rudderstack_schema') != '' or var('segment_schema') != '')
        and var('segment_compatibility')
) }}

with sessions as (
    select * from {{ ref('pg_journey', 'journey__sessions') }} where page_views > 0
),

-- the campaign that the session's URLs or the loader named; a referrer or a click id alone is none
campaigns as (
    select distinct on (session_id) session_id, source, medium, campaign, term, content
    from {{ ref('pg_journey', 'journey__touches') }}
    where touch_type in ('utm', 'campaign_columns')
    order by session_id, touched_at, touch_id
),

people as (
    select person_id, user_id from {{ ref('pg_journey', 'journey__profiles') }}
),

devices as (
    select
        sessions.session_id,
        case
            when sessions.first_context_user_agent ilike '%android%' then 'Android'
            else nullif(rtrim(split_part(split_part(sessions.first_context_user_agent, '(', 2), ' ', 1), ';)'), '')
        end as device
    from sessions
)

select
    sessions.session_id,
    sessions.visitor_id as anonymous_id,
    people.user_id,
    coalesce(people.user_id, sessions.visitor_id) as blended_user_id,
    sessions.session_number,
    sessions.started_at as session_start_tstamp,
    sessions.ended_at as session_end_tstamp,
    sessions.page_views,
    campaigns.source as utm_source,
    campaigns.medium as utm_medium,
    campaigns.campaign as utm_campaign,
    campaigns.term as utm_term,
    campaigns.content as utm_content,
    sessions.gclid,
    sessions.landing_page as first_page_url,
    {{ pg_journey.url_host('sessions.landing_page') }} as first_page_url_host,
    {{ pg_journey.url_path('sessions.landing_page') }} as first_page_url_path,
    nullif(split_part(sessions.landing_page, '?', 2), '') as first_page_url_query,
    sessions.exit_page as last_page_url,
    {{ pg_journey.url_host('sessions.exit_page') }} as last_page_url_host,
    {{ pg_journey.url_path('sessions.exit_page') }} as last_page_url_path,
    nullif(split_part(sessions.exit_page, '?', 2), '') as last_page_url_query,
    sessions.referrer,
    sessions.referrer_host,
    case referral.medium when 'organic' then 'search' when 'referral' then null else referral.medium end as referrer_medium,
    case when referral.medium <> 'referral' then referral.source end as referrer_source,
    devices.device,
    case
        when devices.device in ('iPhone', 'Android') then 'Mobile'
        when devices.device in ('iPad', 'iPod') then 'Tablet'
        when devices.device in ('Windows', 'Macintosh', 'X11') then 'Desktop'
        when devices.device is not null then 'Uncategorized'
    end as device_category,
    floor(sessions.duration_seconds)::bigint as duration_in_s,
    case
        when sessions.duration_seconds < 10 then '0s to 9s'
        when sessions.duration_seconds < 30 then '10s to 29s'
        when sessions.duration_seconds < 60 then '30s to 59s'
        else '60s or more'
    end as duration_in_s_tier
from sessions
left join campaigns on campaigns.session_id = sessions.session_id
left join people on people.person_id = sessions.person_id
left join devices on devices.session_id = sessions.session_id
left join lateral journey.touch(null, sessions.referrer) as referral on true
