{{ config(materialized='view', enabled=pg_journey.ready(), alias=pg_journey.ready_alias('segment_members')) }}

select * from {{ pg_journey.model_relation(ref('pg_journey', 'journey__model'), 'segment_members') }}
