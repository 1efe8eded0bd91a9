{% macro event_fields(fields, alias) -%}
    {{ return(adapter.dispatch('event_fields', 'pg_journey')(fields, alias)) }}
{%- endmacro %}

{% macro default__event_fields(fields, alias) -%}
    {%- set expressions = [] -%}
    {%- for field in pg_journey.event_field_types() -%}
        {%- do expressions.append(alias ~ '.' ~ fields[field] if field in fields else 'null') -%}
    {%- endfor -%}
    {{ return(expressions) }}
{%- endmacro %}
