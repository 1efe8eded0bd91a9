{% macro ready_schemas() -%}
    {{ return(adapter.dispatch('ready_schemas', 'pg_journey')()) }}
{%- endmacro %}

{# The loader's schemas that the ready model reads, each with the tables that are left out, those that
   should be there, and names of events. #}
{% macro default__ready_schemas() -%}
    {%- set schemas = {} -%}
    {%- for loader in ['rudderstack', 'segment'] if var(loader ~ '_schema') != '' -%}
        {%- set tables = var(loader ~ '_event_tables', none) or [] -%}
        {%- do schemas.update({var(loader ~ '_schema'): {
            'exclude_tables': var(loader ~ '_exclude_tables', none) or [], 'event_tables': tables | list,
            'event_names': pg_journey.event_names(tables)}}) -%}
    {%- endfor -%}
    {{ return(schemas) }}
{%- endmacro %}
