{{ config(
    materialized='journey_model',
    enabled=var('rudderstack_schema') != '' or var('segment_schema') != '',
    meta={'pg_journey': pg_journey.ready_options()}
) }}

{% set tables = ['pages', 'screens', 'tracks', 'event_tables', 'identifies', 'groups', 'aliases'] -%}
{%- set events = [] -%}
{%- for table in tables if var('rudderstack_schema') != '' -%}
    {%- do events.append(ref('stg_rudderstack__' ~ table)) -%}
{%- endfor -%}
{%- for table in tables if var('segment_schema') != '' -%}
    {%- do events.append(ref('stg_segment__' ~ table)) -%}
{%- endfor -%}
{%- for relation in events -%}
select * from {{ relation }}
{% if not loop.last -%}
union all
{% endif -%}
{%- endfor -%}
