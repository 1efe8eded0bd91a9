{% macro ready_schemas() -%}
    {{ return(adapter.dispatch('ready_schemas', 'pg_journey')()) }}
{%- endmacro %}

{# The loader's schemas that the ready model reads, each with the tables that are left out and those
   that must be there. #}
{% macro default__ready_schemas() -%}
    {%- set schemas = {} -%}
    {%- for loader in ['rudderstack', 'segment'] if var(loader ~ '_schema') != '' -%}
        {%- do schemas.update({var(loader ~ '_schema'): {
            'exclude_tables': var(loader ~ '_exclude_tables', []), 'event_tables': var(loader ~ '_event_tables', [])}}) -%}
    {%- endfor -%}
    {{ return(schemas) }}
{%- endmacro %}
