{{ config(
    materialized='journey_model',
    meta={'pg_journey': {'conversions': [{'name': 'Order', 'event': 'Order Completed', 'value': 'revenue'}]}}
) }}

select * from {{ ref('events') }}
