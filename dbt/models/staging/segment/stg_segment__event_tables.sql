{{ config(materialized='view', enabled=var('segment_schema') != '') }}

{{ pg_journey.loader_event_tables(var('segment_schema'), var('segment_exclude_tables')) }}
