{{ config(
    materialized='incremental', incremental_strategy='microbatch', unique_key='session_id',
    event_time='started_at', batch_size='month', begin='2026-03-01'
) }}

select session_id, started_at, channel from {{ ref('web_sessions') }}
