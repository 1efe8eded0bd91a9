{{ config(
    materialized='journey_model',
    timeout=var('timeout'),
    internal_hosts=['docs.acme.test'],
    lookback='30 days',
    keep_properties=var('keep'),
    persist_docs={'relation': true, 'columns': true}
) }}

select * from {{ ref('events') }}
