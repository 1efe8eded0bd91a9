{% macro strip_tracking(url) -%}
    {{ return(adapter.dispatch('strip_tracking', 'pg_journey')(url)) }}
{%- endmacro %}

{% macro default__strip_tracking(url) -%}
    journey.strip_tracking({{ url }})
{%- endmacro %}
