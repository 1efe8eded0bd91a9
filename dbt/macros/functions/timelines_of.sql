{% macro timelines_of(relation, columns, timeline) -%}
    {{ return(adapter.dispatch('timelines_of', 'pg_journey')(relation, columns, timeline)) }}
{%- endmacro %}

{% macro default__timelines_of(relation, columns, timeline) -%}
{%- if timeline is none -%}
{{ pg_journey.timeline(relation, columns) }}
{%- elif timeline == 'timeline' -%}
select r.* from (select * from {{ relation }}) as r
{%- else -%}
select r.*, r.{{ timeline }} as timeline from (select * from {{ relation }}) as r
{%- endif -%}
{%- endmacro %}
