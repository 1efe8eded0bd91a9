{{ config(materialized='view', enabled=pg_journey.ready(), alias=pg_journey.ready_alias('profiles')) }}

select * from {{ ref('pg_journey', 'journey__model') }}
