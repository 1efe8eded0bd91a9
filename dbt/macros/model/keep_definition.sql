{% macro keep_definition(name, relation, definition) -%}
    {{ return(adapter.dispatch('keep_definition', 'pg_journey')(name, relation, definition)) }}
{%- endmacro %}

{# Notes beside what came of it which dbt model a model of the extension belongs to, and the hash of the SELECT that it
   has read, none where it reads a loader's schemas: the view itself is dropped along with a view below it that
   another run replaces. model_state() and drop_models() read it. #}
{% macro default__keep_definition(name, relation, definition) -%}
    {%- call statement('pg_journey_definition', fetch_result=true) -%}
        select format('%I._segments', store_schema) from journey.models where model = {{ pg_journey.text_literal(name) }}
    {%- endcall -%}
    {%- set segments = load_result('pg_journey_definition')['data'][0][0] -%}
    {%- call statement('pg_journey_definition') -%}
        comment on table {{ segments }} is {{ pg_journey.text_literal(
            'the events of a journey_model ' ~ tojson([relation.schema, relation.identifier])
            ~ (' (definition ' ~ definition ~ ')' if definition is not none else '')) }}
    {%- endcall -%}
{%- endmacro %}
