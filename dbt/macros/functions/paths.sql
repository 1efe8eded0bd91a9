{% macro paths(relation, start_at=none, end_at=none, depth=10, options={}, columns={}, timeline=none) -%}
    {{ return(adapter.dispatch('paths', 'pg_journey')(
        relation, start_at, end_at, depth, options, columns, timeline)) }}
{%- endmacro %}

{% macro default__paths(relation, start_at, end_at, depth, options, columns, timeline) -%}
with timelines as (
    {{ pg_journey.timelines_of(relation, columns, timeline) | indent(4) }}
)

select
    {{ 'timelines.visitor_id' if timeline is none else 'timelines.*' }},
    p.path
from timelines
cross join lateral journey.paths(
    timelines.timeline,
    {{ pg_journey.text_literal(start_at) if start_at is not none else 'null' }},
    {{ pg_journey.text_literal(end_at) if end_at is not none else 'null' }},
    {{ depth }}
    {%- if options %}, {{ pg_journey.jsonb_literal(options) }}{% endif %}) as p (path)
where p.path is not null
{%- endmacro %}
