{{ config(materialized='view', enabled=pg_journey.ready(), alias=pg_journey.ready_alias('devices')) }}

-- one row per person and device
select p.person_id, d.visitor_id
from {{ pg_journey.model_relation(ref('pg_journey', 'journey__model'), 'profiles') }} as p
cross join lateral unnest(p.visitor_ids) as d(visitor_id)
