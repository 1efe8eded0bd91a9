{% macro retention(relation, first_step, return_step, periods=8, unit='week', time_zone='UTC', columns={},
                   timeline=none) -%}
    {{ return(adapter.dispatch('retention', 'pg_journey')(
        relation, first_step, return_step, periods, unit, time_zone, columns, timeline)) }}
{%- endmacro %}

{# A row per period, from 0 on, of those who did the first step. #}
{% macro default__retention(relation, first_step, return_step, periods, unit, time_zone, columns, timeline) -%}
with timelines as (
    {{ pg_journey.timelines_of(relation, columns, timeline) | indent(4) }}
)

select
    {{ 'timelines.visitor_id' if timeline is none else 'timelines.*' }},
    r.period - 1 as period,
    r.returned
from timelines
cross join lateral unnest(journey.retention(
    timelines.timeline, {{ pg_journey.text_literal(first_step) }}, {{ pg_journey.text_literal(return_step) }},
    {{ periods }}, {{ pg_journey.text_literal(unit) }}, {{ pg_journey.text_literal(time_zone) }}
)) with ordinality as r (returned, period)
{%- endmacro %}
