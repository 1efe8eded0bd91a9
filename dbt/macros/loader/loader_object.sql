{% macro loader_object(columns, names, prefix='', named={}) -%}
    {{ return(adapter.dispatch('loader_object', 'pg_journey')(columns, names, prefix, named)) }}
{%- endmacro %}

{# The columns that are not null as an object, with their names without the prefix, and for each key of named the
   first that exists of its columns; null where the table has none of them. #}
{% macro default__loader_object(columns, names, prefix='', named={}) -%}
    {%- set found = [] -%}
    {%- for name in names if name in columns -%}
        {%- do found.append('t.' ~ adapter.quote(name)
            ~ (' as ' ~ adapter.quote(name[prefix | length:]) if prefix else '')) -%}
    {%- endfor -%}
    {%- for key, places in named.items() if key not in columns -%}
        {%- set there = places | select('in', columns) | list -%}
        {%- if there -%}
            {%- do found.append('t.' ~ adapter.quote(there[0]) ~ ' as ' ~ adapter.quote(key)) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return('(select jsonb_strip_nulls(to_jsonb(custom)) from (select ' ~ found | join(', ') ~ ') as custom)'
              if found else 'null::jsonb') }}
{%- endmacro %}
