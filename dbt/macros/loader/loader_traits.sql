{% macro loader_traits(columns, custom) -%}
    {{ return(adapter.dispatch('loader_traits', 'pg_journey')(columns, custom)) }}
{%- endmacro %}

{# The traits of an identify: its custom columns and, where one is null or does not exist, those of the event's
   context. #}
{% macro default__loader_traits(columns, custom) -%}
    {%- set context = [] -%}
    {%- for name in columns if name.startswith('context_traits_') and name != 'context_traits_' -%}
        {%- do context.append(name) -%}
    {%- endfor -%}
    {%- set plain = pg_journey.loader_object(columns, custom) -%}
    {%- if not context -%}{{ return(plain) }}{%- endif -%}
    {{ return('(' ~ pg_journey.loader_object(columns, context, 'context_traits_') ~ ' || coalesce(' ~ plain
              ~ ", '{}'))") }}
{%- endmacro %}
