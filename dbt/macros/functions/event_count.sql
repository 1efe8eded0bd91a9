{% macro event_count(timeline) -%}
    {{ return(adapter.dispatch('event_count', 'pg_journey')(timeline)) }}
{%- endmacro %}

{% macro default__event_count(timeline) -%}
    journey.event_count({{ timeline }})
{%- endmacro %}
