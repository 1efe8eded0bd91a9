{{ config(materialized='view', enabled=pg_journey.ready(), alias=pg_journey.ready_alias('user_stitching')) }}

-- for each device and stretch of time, the person its visits belong to
select
    i.id as anonymous_id,
    p.user_id,
    p.email,
    i.person_id,
    i.valid_from,
    i.valid_to,
    i.reason
from {{ pg_journey.model_relation(ref('pg_journey', 'journey__model'), 'identities') }} as i
inner join {{ pg_journey.model_relation(ref('pg_journey', 'journey__model'), 'profiles') }} as p
    on p.person_id = i.person_id
where i.id_type = 'visitor'
