{{ config(materialized='view', enabled=var('segment_schema') != '') }}

{{ pg_journey.loader_event_tables(var('segment_schema'), var('segment_exclude_tables'),
    pg_journey.event_names(var('segment_event_tables'))) }}
