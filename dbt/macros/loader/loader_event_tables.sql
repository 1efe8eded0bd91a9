{% macro loader_event_tables(schema, exclude_tables=[]) -%}
    {{ return(adapter.dispatch('loader_event_tables', 'pg_journey')(schema, exclude_tables)) }}
{%- endmacro %}

{# The events that have tables of their own, with their properties: of every table of the loader's schema
   that has a column `event`, as the extension finds them. #}
{% macro default__loader_event_tables(schema, exclude_tables) -%}
{%- set tables = [] -%}
{%- if execute -%}
    {%- set found = run_query(
        'select c.relname from pg_catalog.pg_class as c'
        ~ ' join pg_catalog.pg_namespace as n on n.oid = c.relnamespace'
        ~ ' where n.nspname = ' ~ pg_journey.text_literal(schema) ~ " and c.relkind in ('r', 'p', 'f')"
        ~ " and c.relname not in ('tracks', 'pages', 'screens', 'identifies', 'groups', 'aliases', 'users')"
        ~ ' and not exists (select from pg_catalog.pg_inherits as i where i.inhrelid = c.oid)'
        ~ ' and 2 = (select count(*) from pg_catalog.pg_attribute as a where a.attrelid = c.oid'
        ~ " and a.attname in ('id', 'event') and not a.attisdropped)"
        ~ ' order by c.relname collate "C"') -%}
    {%- for row in found.rows if row[0] not in exclude_tables -%}{%- do tables.append(row[0]) -%}{%- endfor -%}
{%- endif -%}
{%- for table in tables -%}
{{ pg_journey.loader_events(
    api.Relation.create(database=target.database, schema=schema, identifier=table), 'track',
    var('revenue', {}).get(table, [])) }}
{%- if not loop.last %}

union all

{% endif -%}
{%- else -%}
{{ pg_journey.loader_events(api.Relation.create(database=target.database, schema=schema, identifier=''), 'track') }}
{%- endfor -%}
{%- endmacro %}
