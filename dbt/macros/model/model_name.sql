{% macro model_name(relation) -%}
    {{ return(adapter.dispatch('model_name', 'pg_journey')(relation)) }}
{%- endmacro %}

{# Where a project is parsed, a relation has not its name yet. Of a test with a "where" it is a query. #}
{% macro default__model_name(relation) -%}
    {%- if relation is string -%}
        {%- do exceptions.raise_compiler_error('pg_journey: this is asked of a whole model, not of ' ~ relation
            ~ '; of a test, set where: null in its config') -%}
    {%- endif -%}
    {%- set name = relation.schema ~ '_' ~ relation.identifier -%}
    {%- if execute and name.encode('utf-8') | length > 63 -%}
        {%- do exceptions.raise_compiler_error(
            'pg_journey: "' ~ name ~ '" is longer than the 63 bytes of a schema name; give '
            ~ relation.identifier ~ ' a shorter alias') -%}
    {%- endif -%}
    {{ return(name) }}
{%- endmacro %}
