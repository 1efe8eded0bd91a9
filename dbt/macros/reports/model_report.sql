{% macro model_report(name, relation, arguments) -%}
    {{ return(adapter.dispatch('model_report', 'pg_journey')(name, relation, arguments)) }}
{%- endmacro %}

{# A report of the extension on the model behind ref(), with the arguments that are given, which are expressions. #}
{% macro default__model_report(name, relation, arguments) -%}
{%- if relation is string or relation.is_cte -%}
    {%- do exceptions.raise_compiler_error(
        'pg_journey: ' ~ name ~ '() reads a model as it is stored: give it the ref() of a journey_model, not ' ~ relation
        ~ '. In a unit test, test the model that selects from this one') -%}
{%- endif -%}
{%- set given = [pg_journey.text_literal(pg_journey.model_name(relation))] -%}
{%- for argument, value in arguments.items() if value is not none -%}
    {%- do given.append(argument ~ ' => ' ~ value) -%}
{%- endfor -%}
select r.*
from journey.{{ name }}(
    {{ given | join(',\n    ') }}) as r
{%- endmacro %}
