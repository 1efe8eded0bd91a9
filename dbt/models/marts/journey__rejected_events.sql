{{ config(materialized='view', enabled=pg_journey.ready(), alias=pg_journey.ready_alias('rejected_events')) }}

select * from {{ pg_journey.model_relation(ref('pg_journey', 'journey__model'), 'rejected_events') }}
