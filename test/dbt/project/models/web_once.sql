{{ config(materialized='journey_model', meta={'pg_journey': {
    'timeout': var('timeout'), 'internal_hosts': ['docs.acme.test'], 'lookback': '30 days'}}) }}

select * from {{ ref('events') }}
