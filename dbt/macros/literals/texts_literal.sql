{% macro texts_literal(values) -%}
    {{ return(adapter.dispatch('texts_literal', 'pg_journey')(values)) }}
{%- endmacro %}

{% macro default__texts_literal(values) -%}
    {%- set literals = [] -%}
    {%- for value in ([values] if values is string else values) -%}
        {%- do literals.append(pg_journey.text_literal(value)) -%}
    {%- endfor -%}
    {{ return('array[' ~ literals | join(', ') ~ ']::text[]') }}
{%- endmacro %}
