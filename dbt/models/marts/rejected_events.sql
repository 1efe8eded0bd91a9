{{ config(
    materialized='view',
    enabled=var('rudderstack_schema') != '' or var('segment_schema') != ''
) }}

select * from {{ pg_journey.model_relation(ref('journeys'), 'rejected_events') }}
