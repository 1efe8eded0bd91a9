{% macro model_relation(relation, name) -%}
    {{ return(adapter.dispatch('model_relation', 'pg_journey')(relation, name)) }}
{%- endmacro %}

{# A relation in the schema of a model that ref() gives. In a unit test ref() gives a CTE with the rows of
   the test, which stand for any relation of the model. #}
{% macro default__model_relation(relation, name) -%}
    {%- set known = pg_journey.model_relations() -%}
    {%- if name not in known -%}
        {%- do exceptions.raise_compiler_error(
            'pg_journey: a model has no relation "' ~ name ~ '"; it has ' ~ known | join(', ')) -%}
    {%- endif -%}
    {%- if relation.is_cte -%}{{ return(relation) }}{%- endif -%}
    {{ return(api.Relation.create(
        database=relation.database, schema=pg_journey.model_name(relation), identifier=name)) }}
{%- endmacro %}
