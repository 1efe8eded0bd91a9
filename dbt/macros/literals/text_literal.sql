{% macro text_literal(value) -%}
    {{ return(adapter.dispatch('text_literal', 'pg_journey')(value)) }}
{%- endmacro %}

{% macro default__text_literal(value) -%}
    {{ return("'" ~ (value | string | replace("'", "''")) ~ "'") }}
{%- endmacro %}
