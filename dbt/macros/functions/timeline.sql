{% macro timeline(relation, columns={}) -%}
    {{ return(adapter.dispatch('timeline', 'pg_journey')(relation, columns)) }}
{%- endmacro %}

{# Rows without a time that can stand in an order are left out, as sessionize() does. #}
{% macro default__timeline(relation, columns) -%}
{%- set fields = pg_journey.event_columns(relation, columns) -%}
{%- set given = fields or columns -%}
{%- set visitor_id = given.get('visitor_id', 'visitor_id') -%}
select
    r.{{ visitor_id }}{{ ' as visitor_id' if visitor_id != 'visitor_id' }},
    journey.timeline_agg({{ pg_journey.event_row(fields, columns, 'r') | indent(4) }}) as timeline
from (select * from {{ relation }}) as r
where isfinite(r.{{ given.get('event_time', 'event_time') }}::timestamptz)
group by r.{{ visitor_id }}
{%- endmacro %}
