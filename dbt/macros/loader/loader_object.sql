{% macro loader_object(columns, names, prefix='') -%}
    {{ return(adapter.dispatch('loader_object', 'pg_journey')(columns, names, prefix)) }}
{%- endmacro %}

{# The columns that are not null as an object, with their names without the prefix; null where the table has
   none of them. #}
{% macro default__loader_object(columns, names, prefix='') -%}
    {%- set found = [] -%}
    {%- for name in names if name in columns -%}
        {%- do found.append('t.' ~ adapter.quote(name)
            ~ (' as ' ~ adapter.quote(name[prefix | length:]) if prefix else '')) -%}
    {%- endfor -%}
    {{ return('(select jsonb_strip_nulls(to_jsonb(custom)) from (select ' ~ found | join(', ') ~ ') as custom)'
              if found else 'null::jsonb') }}
{%- endmacro %}
