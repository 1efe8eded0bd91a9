-- The extension finds the person of a lead, by user id, else e-mail, and keeps the click as it stood at the moment of
-- qualification: clicks after it had no part in it.
select
    split_part(conversion_id, ':', 2) as lead_id,
    person_id,
    email,
    converted_at as mql_at,
    gclid,
    gclid_at,
    last_non_direct_touch_campaign as campaign,
    last_non_direct_touch_landing_page as landing_page
from {{ ref('pg_journey', 'journey__conversions') }}
where name = 'MQL'
