{% macro model_name(relation) -%}
    {{ return(adapter.dispatch('model_name', 'pg_journey')(relation)) }}
{%- endmacro %}

{% macro default__model_name(relation) -%}
    {%- set name = relation.schema ~ '_' ~ relation.identifier -%}
    {%- if name | length > 63 -%}
        {%- do exceptions.raise_compiler_error(
            'pg_journey: "' ~ name ~ '" is longer than the 63 characters of a schema name; give '
            ~ relation.identifier ~ ' a shorter alias') -%}
    {%- endif -%}
    {{ return(name) }}
{%- endmacro %}
