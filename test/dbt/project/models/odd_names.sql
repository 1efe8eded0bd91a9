{{ config(materialized='journey_model', alias='Odd Web-1') }}

-- two columns are enough; the rest is null
select visitor_id as anonymous_id, event_time as "timestamp" from {{ ref('events') }}
