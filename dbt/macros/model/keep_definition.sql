{% macro keep_definition(name, definition) -%}
    {{ return(adapter.dispatch('keep_definition', 'pg_journey')(name, definition)) }}
{%- endmacro %}

{# Notes the hash of the SELECT that a model has read beside what came of it: the view itself is dropped
   along with a view below it that another run replaces. model_state() gives it. #}
{% macro default__keep_definition(name, definition) -%}
    {%- call statement('pg_journey_definition', fetch_result=true) -%}
        select format('%I._segments', store_schema) from journey.models where model = {{ pg_journey.text_literal(name) }}
    {%- endcall -%}
    {%- set segments = load_result('pg_journey_definition')['data'][0][0] -%}
    {%- call statement('pg_journey_definition') -%}
        comment on table {{ segments }} is {{ pg_journey.text_literal(
            'the events of a journey_model (definition ' ~ definition ~ ')') }}
    {%- endcall -%}
{%- endmacro %}
