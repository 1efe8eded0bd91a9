with people as (
    select * from {{ ref('web') }}
),

visits as (
    select * from {{ ref('web_sessions') }}
)

select people.person_id, people.email, count(visits.session_id) as visits
from people
left join visits using (person_id)
group by people.person_id, people.email
