{% macro plain_columns(relation) -%}
    {{ return(adapter.dispatch('plain_columns', 'pg_journey')(relation)) }}
{%- endmacro %}

{# The columns of a relation that are no arrays, as a list for a SELECT: unit tests, snapshots and most
   tools of BI cannot hold arrays. #}
{% macro default__plain_columns(relation) -%}
    {%- set names = [] -%}
    {%- if execute -%}
        {%- for column in adapter.get_columns_in_relation(relation)
                if not column.data_type.endswith('[]') and column.data_type != 'ARRAY' -%}
            {%- do names.append(adapter.quote(column.name)) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(names | join(', ') or '*') }}
{%- endmacro %}
