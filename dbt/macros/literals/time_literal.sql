{% macro time_literal(value) -%}
    {{ return(adapter.dispatch('time_literal', 'pg_journey')(value)) }}
{%- endmacro %}

{# A time as it is written by hand, else an expression. #}
{% macro default__time_literal(value) -%}
    {%- if value is string and modules.re.match('[0-9]{4}-[0-9]{2}-[0-9]{2}', value) -%}
        {{ return('timestamptz ' ~ pg_journey.text_literal(value)) }}
    {%- endif -%}
    {{ return(value | string) }}
{%- endmacro %}
