{{ config(materialized='view', enabled=var('segment_schema') != '') }}

{{ pg_journey.loader_events(source('segment', 'identifies'), 'identify') }}
