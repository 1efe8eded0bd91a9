{% macro ready_alias(name, short=none) -%}
    {{ return(adapter.dispatch('ready_alias', 'pg_journey')(name, short)) }}
{%- endmacro %}

{# The name of a ready model's relation: with its prefix, or by the variable short_names without. #}
{% macro default__ready_alias(name, short) -%}
    {{ return((short or name) if var('short_names') else 'journey__' ~ name) }}
{%- endmacro %}
