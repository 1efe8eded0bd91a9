{% macro last_touch(relation, before=none, lookback='90 days', non_direct=false, columns={},
                    timeline=none) -%}
    {{ return(adapter.dispatch('last_touch', 'pg_journey')(
        relation, before, lookback, non_direct, columns, timeline)) }}
{%- endmacro %}

{% macro default__last_touch(relation, before, lookback, non_direct, columns, timeline) -%}
with timelines as (
    {{ pg_journey.timelines_of(relation, columns, timeline) | indent(4) }}
)

select
    {{ 'timelines.visitor_id' if timeline is none else 'timelines.*' }},
    t.*
from timelines
cross join lateral journey.last_touch(
    timelines.timeline, {{ pg_journey.time_literal(before) if before is not none else 'null' }}, {{ pg_journey.interval_literal(lookback) }}
    {{- ', true' if non_direct }}) as t
{%- endmacro %}
