{{ config(materialized='view', enabled=var('rudderstack_schema') != '') }}

{{ pg_journey.loader_events(source('rudderstack', 'screens'), 'screen') }}
