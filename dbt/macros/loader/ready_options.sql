{% macro ready_options() -%}
    {{ return(adapter.dispatch('ready_options', 'pg_journey')()) }}
{%- endmacro %}

{# The options of the ready model, from this package's variables. #}
{% macro default__ready_options() -%}
    {%- set options = {
        'timeout': var('timeout'), 'stitch': var('stitch'), 'lookback': var('lookback'),
        'overlap': var('overlap')} -%}
    {%- do options.update(var('options', {})) -%}
    {%- if pg_journey.kept_columns() -%}
        {%- do options.update({'keep_properties': pg_journey.kept_columns()}) -%}
    {%- endif -%}
    {{ return(options) }}
{%- endmacro %}
