{% macro rollup(relation, by, timeline='timeline') -%}
    {{ return(adapter.dispatch('rollup', 'pg_journey')(relation, by, timeline)) }}
{%- endmacro %}

{% macro default__rollup(relation, by, timeline) -%}
{%- set keys = [by] if by is string else by -%}
select
    {{ keys | join(', ') }},
    journey.rollup({{ timeline }}) as timeline
from (select * from {{ relation }}) as r
group by {{ keys | join(', ') }}
{%- endmacro %}
