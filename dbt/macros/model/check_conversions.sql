{% macro check_conversions(table) -%}
    {{ return(adapter.dispatch('check_conversions', 'pg_journey')(table)) }}
{%- endmacro %}

{# Does an entry of conversion_tables say which table, and only what it may? #}
{% macro default__check_conversions(table) -%}
    {%- set known = ['table', 'name', 'columns'] -%}
    {%- if table is not mapping or table.get('table') is not string or '.' not in table['table']
            or table.get('columns') is not none and table['columns'] is not mapping
            or table.keys() | reject('in', known) | list -%}
        {%- do exceptions.raise_compiler_error(
            'pg_journey: an entry of conversion_tables is {table: schema.table, name: name of the conversion, '
            ~ 'columns: {converted_at: column, ..}}, not ' ~ table) -%}
    {%- endif -%}
{%- endmacro %}
