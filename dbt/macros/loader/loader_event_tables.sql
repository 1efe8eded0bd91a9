{% macro loader_event_tables(schema, tables) -%}
    {{ return(adapter.dispatch('loader_event_tables', 'pg_journey')(schema, tables)) }}
{%- endmacro %}

{# The events that have tables of their own, with their properties; those without a table yet are
   left out. #}
{% macro default__loader_event_tables(schema, tables) -%}
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
