{% macro event_names(tables) -%}
    {{ return(adapter.dispatch('event_names', 'pg_journey')(tables)) }}
{%- endmacro %}

{# The names that a list of event tables gives their events: it may map tables to names, or list tables alone. #}
{% macro default__event_names(tables) -%}
    {%- set names = {} -%}
    {%- for table, name in (tables.items() if tables is mapping else []) if name -%}
        {%- do names.update({table: name}) -%}
    {%- endfor -%}
    {{ return(names) }}
{%- endmacro %}
