{% macro journey_models() -%}
    {{ return(adapter.dispatch('journey_models', 'pg_journey')()) }}
{%- endmacro %}

{# The names of the relations of this project's journey_models. #}
{% macro default__journey_models() -%}
    {%- set names = [] -%}
    {%- for node in (graph.nodes.values() if execute else [])
            if node.resource_type == 'model' and node.config.materialized == 'journey_model' -%}
        {%- do names.append(node.alias) -%}
    {%- endfor -%}
    {{ return(names) }}
{%- endmacro %}
