{% macro interval_literal(value) -%}
    {{ return(adapter.dispatch('interval_literal', 'pg_journey')(value)) }}
{%- endmacro %}

{% macro default__interval_literal(value) -%}
    {{ return('interval ' ~ pg_journey.text_literal(value)) }}
{%- endmacro %}
