with days as (
    select 'all' as day, * from {{ ref('timelines') }}
),

everyone as (
    {{ pg_journey.rollup('days', 'day') | indent(4) }}
),

events as (
    {{ pg_journey.events('everyone') | indent(4) }}
),

firsts as (
    {{ pg_journey.first_touch(ref('timelines'), non_direct=true, timeline='timeline') | indent(4) }}
),

lasts as (
    {{ pg_journey.last_touch(ref('events'), before="timestamptz '2026-03-03 00:00+00'", lookback='10 days') | indent(4) }}
),

touches as (
    {{ pg_journey.touches(ref('timelines'), timeline='timeline') | indent(4) }}
)

select
    (select {{ pg_journey.event_count('timeline') }} from everyone) as event_count,
    (select count(*) from events) as events,
    (select count(source) from firsts) as first_touches,
    (select count(source) from lasts) as last_touches,
    (select count(*) from touches) as touches
