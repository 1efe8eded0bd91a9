{% macro loader_columns(relation) -%}
    {{ return(adapter.dispatch('loader_columns', 'pg_journey')(relation)) }}
{%- endmacro %}

{# The columns of a table with their types; empty where there is no such table. #}
{% macro default__loader_columns(relation) -%}
    {%- set columns = {} -%}
    {%- if execute -%}
        {%- for column in adapter.get_columns_in_relation(relation) -%}
            {%- do columns.update({column.name: column.data_type}) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(columns) }}
{%- endmacro %}
