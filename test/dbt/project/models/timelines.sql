{{ config(materialized='table') }}

{{ pg_journey.timeline(ref('events')) }}
