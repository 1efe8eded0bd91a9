{% macro ready() -%}
    {{ return(adapter.dispatch('ready', 'pg_journey')()) }}
{%- endmacro %}

{# Are the ready models on? #}
{% macro default__ready() -%}
    {{ return(var('rudderstack_schema') != '' or var('segment_schema') != '') }}
{%- endmacro %}
