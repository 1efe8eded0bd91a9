{% macro timeline(relation, columns={}) -%}
    {{ return(adapter.dispatch('timeline', 'pg_journey')(relation, columns)) }}
{%- endmacro %}

{% macro default__timeline(relation, columns) -%}
{%- set fields = pg_journey.event_columns(relation, columns) -%}
select
    r.{{ fields['visitor_id'] }}{{ ' as visitor_id' if fields['visitor_id'] != 'visitor_id' }},
    journey.timeline_agg(row(
        {%- for line in pg_journey.event_fields(fields, 'r') | batch(6) %}
        {{ line | join(', ') }}{{ ',' if not loop.last }}
        {%- endfor %}
    )::journey.event) as timeline
from {{ relation }} as r
group by r.{{ fields['visitor_id'] }}
{%- endmacro %}
