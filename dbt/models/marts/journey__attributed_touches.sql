{{ config(materialized='view', enabled=pg_journey.ready(), alias=pg_journey.ready_alias('attributed_touches')) }}

select * from {{ pg_journey.model_relation(ref('pg_journey', 'journey__model'), 'attributed_touches') }}
