{% macro loader_tables(schema, exclude_tables=[]) -%}
    {{ return(adapter.dispatch('loader_tables', 'pg_journey')(schema, exclude_tables)) }}
{%- endmacro %}

{# The tables of a loader's schema that hold events, as the extension finds them: name, whether they hold one event
   each, and whether this role may read them. #}
{% macro default__loader_tables(schema, exclude_tables) -%}
    {%- set standard = "('tracks', 'pages', 'screens', 'identifies', 'groups', 'aliases', 'users')" -%}
    {%- call statement('pg_journey_tables', fetch_result=true) -%}
        select c.relname, c.relname not in {{ standard }}, has_table_privilege(c.oid, 'select')
        from pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        cross join lateral (
            select array_agg(a.attname::text) from pg_catalog.pg_attribute as a
            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as a (names)
        where n.nspname = {{ pg_journey.text_literal(schema) }} and c.relkind in ('r', 'p', 'f')
          and not exists (select from pg_catalog.pg_inherits as i where i.inhrelid = c.oid)
          and 'id' = any (a.names)
          and (c.relname in {{ standard }} or a.names && '{event,event_text}'
               and c.relname not in ('accounts', 'rudder_discards') and c.relname !~ '^rudder_staging_')
          {%- for name in exclude_tables %}
          and c.relname not like {{ pg_journey.text_literal(
              name | replace('\\', '\\\\') | replace('_', '\\_') | replace('%', '\\%') | replace('*', '%')) }}
          {%- endfor %}
        order by c.relname collate "C"
    {%- endcall -%}
    {{ return(load_result('pg_journey_tables')['data']) }}
{%- endmacro %}
