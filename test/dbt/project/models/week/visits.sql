with recent as (
    select * from {{ ref('events') }} where kind is distinct from 'identify'
),

visits as (
    {{ pg_journey.sessions('recent', timeout=var('timeout')) | indent(4) }}
)

select visitor_id, session_number, page_views, user_id from visits
