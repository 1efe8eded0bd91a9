{% macro ready_options() -%}
    {{ return(adapter.dispatch('ready_options', 'pg_journey')()) }}
{%- endmacro %}

{# The options of the ready model, from this package's variables. #}
{% macro default__ready_options() -%}
    {%- set given = var('options') or {} -%}
    {%- do pg_journey.check_options(given, 'the variable options of pg_journey') -%}
    {%- do pg_journey.check_revenue(var('revenue'), 'the variable revenue of pg_journey') -%}
    {%- set options = {
        'timeout': var('timeout'), 'stitch': var('stitch'), 'lookback': var('lookback'),
        'overlap': var('overlap'), 'revenue': var('revenue')} -%}
    {%- do options.update(given) -%}
    {%- if pg_journey.kept_columns() -%}
        {%- do options.update({'keep_properties': pg_journey.kept_columns()}) -%}
    {%- endif -%}
    {{ return(options) }}
{%- endmacro %}
