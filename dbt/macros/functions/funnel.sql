{% macro funnel(relation, steps, within='7 days', options={}, columns={}, timeline=none) -%}
    {{ return(adapter.dispatch('funnel', 'pg_journey')(relation, steps, within, options, columns, timeline)) }}
{%- endmacro %}

{% macro default__funnel(relation, steps, within, options, columns, timeline) -%}
with timelines as (
    {{ pg_journey.timelines_of(relation, columns, timeline) | indent(4) }}
)

select
    {{ 'timelines.visitor_id' if timeline is none else 'timelines.*' }},
    f.*
from timelines
cross join lateral journey.funnel(
    timelines.timeline, {{ pg_journey.texts_literal(steps) }}, {{ pg_journey.interval_literal(within) }}
    {%- if options %}, {{ pg_journey.jsonb_literal(options) }}{% endif %}) as f
{%- endmacro %}
