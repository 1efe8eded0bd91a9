{% macro kept_columns() -%}
    {{ return(adapter.dispatch('kept_columns', 'pg_journey')()) }}
{%- endmacro %}

{# The columns whose first and last values the sessions have: those of the option keep_properties,
   and the user agent for the names of dbt-labs/segment. #}
{% macro default__kept_columns() -%}
    {%- set given = var('options', none) or {} -%}
    {%- do pg_journey.check_options(given, 'the variable options of pg_journey') -%}
    {%- set kept = given.get('keep_properties', pg_journey.named_properties() | list) -%}
    {%- if var('segment_compatibility', false) and 'context_user_agent' not in kept -%}
        {%- set kept = kept + ['context_user_agent'] -%}
    {%- endif -%}
    {{ return(kept) }}
{%- endmacro %}
