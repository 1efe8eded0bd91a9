{% macro loader_object(columns, names) -%}
    {{ return(adapter.dispatch('loader_object', 'pg_journey')(columns, names)) }}
{%- endmacro %}

{# The columns that are not null as an object; null where the table has none of them. #}
{% macro default__loader_object(columns, names) -%}
    {%- set found = [] -%}
    {%- for name in names if name in columns -%}{%- do found.append('t.' ~ adapter.quote(name)) -%}{%- endfor -%}
    {{ return('(select jsonb_strip_nulls(to_jsonb(custom)) from (select ' ~ found | join(', ') ~ ') as custom)'
              if found else 'null::jsonb') }}
{%- endmacro %}
