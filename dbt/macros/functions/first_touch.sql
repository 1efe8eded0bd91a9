{% macro first_touch(relation, non_direct=false, columns={}, timeline=none) -%}
    {{ return(adapter.dispatch('first_touch', 'pg_journey')(
        relation, non_direct, columns, timeline)) }}
{%- endmacro %}

{% macro default__first_touch(relation, non_direct, columns, timeline) -%}
with timelines as (
    {{ pg_journey.timelines_of(relation, columns, timeline) | indent(4) }}
)

select
    {{ 'timelines.visitor_id' if timeline is none else 'timelines.*' }},
    t.*
from timelines
cross join lateral journey.first_touch(timelines.timeline{{ ', true' if non_direct }}) as t
{%- endmacro %}
