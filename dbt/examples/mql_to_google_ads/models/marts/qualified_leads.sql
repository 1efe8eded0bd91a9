-- A lead is the person who has its user id, else its e-mail. The click is the last one with a gclid
-- at or before the moment of qualification: clicks after it had no part in it.
with leads as (
    select * from {{ ref('stg_salesforce__leads') }} where is_mql and mql_at is not null
),

profiles as (
    select * from {{ ref('journey__profiles') }}
),

people as (
    select distinct on (leads.lead_id) leads.*, profiles.person_id
    from leads
    left join profiles
        on profiles.user_id = leads.user_id or profiles.email = leads.email
    order by leads.lead_id, (profiles.user_id = leads.user_id) desc nulls last, profiles.person_id
)

select
    people.lead_id,
    people.person_id,
    people.email,
    people.mql_at,
    click.gclid,
    click.gclid_at,
    click.campaign,
    click.landing_page
from people
left join lateral (
    select
        touches.click_ids ->> 'gclid' as gclid,
        touches.touched_at as gclid_at,
        touches.campaign,
        touches.landing_page
    from {{ ref('journey__touches') }} as touches
    where touches.person_id = people.person_id
        and touches.click_ids ->> 'gclid' is not null
        and touches.touched_at <= people.mql_at
        and touches.touched_at >= people.mql_at - interval '90 days'
    order by touches.touched_at desc, touches.touch_id desc
    limit 1
) as click on true
