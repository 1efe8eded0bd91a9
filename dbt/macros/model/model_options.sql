{% macro model_options() -%}
    {{ return(adapter.dispatch('model_options', 'pg_journey')()) }}
{%- endmacro %}

{# dbt has a config "lookback" of its own, whose default is a number of batches. #}
{% macro default__model_options() -%}
    {%- set options = {} -%}
    {%- for option in pg_journey.known_options() -%}
        {%- set value = config.get(option) -%}
        {%- if value is not none and not (option == 'lookback' and value is number) -%}
            {%- do options.update({option: value}) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do options.update((config.get('meta') or {}).get('pg_journey', {})) -%}
    {{ return(options) }}
{%- endmacro %}
