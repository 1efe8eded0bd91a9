{% macro loader_event_tables(schema, exclude_tables=[], event_names={}) -%}
    {{ return(adapter.dispatch('loader_event_tables', 'pg_journey')(schema, exclude_tables, event_names)) }}
{%- endmacro %}

{# The events that have tables of their own, with their properties, as the extension finds and names them. #}
{% macro default__loader_event_tables(schema, exclude_tables, event_names) -%}
{%- set tables = [] -%}
{%- if execute -%}
    {%- for name, one_event, _ in pg_journey.loader_tables(schema, exclude_tables) if one_event -%}
        {%- do tables.append(name) -%}
    {%- endfor -%}
{%- endif -%}
{%- for table in tables -%}
{{ pg_journey.loader_events(
    api.Relation.create(database=target.database, schema=schema, identifier=table), 'track',
    pg_journey.revenue_columns([table, event_names.get(table)]), event_names.get(table)) }}
{%- if not loop.last %}

union all

{% endif -%}
{%- else -%}
{{ pg_journey.loader_events(api.Relation.create(database=target.database, schema=schema, identifier=''), 'track') }}
{%- endfor -%}
{%- endmacro %}
