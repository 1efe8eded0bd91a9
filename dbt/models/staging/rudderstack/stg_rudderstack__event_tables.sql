{{ config(materialized='view', enabled=var('rudderstack_schema') != '') }}

{{ pg_journey.loader_event_tables(var('rudderstack_schema'), var('rudderstack_exclude_tables'),
    pg_journey.event_names(var('rudderstack_event_tables'))) }}
