{% macro shapley(relation, path='path', conversions='conversions', value='value') -%}
    {{ return(adapter.dispatch('shapley', 'pg_journey')(relation, path, conversions, value)) }}
{%- endmacro %}

{% macro default__shapley(relation, path, conversions, value) -%}
{{ pg_journey.path_sums(relation, 'shapley', path, [(conversions, 'bigint'), (value, 'numeric')]) }}
{%- endmacro %}
