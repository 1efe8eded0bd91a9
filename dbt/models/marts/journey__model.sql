{{ config(
    materialized='journey_model',
    enabled=pg_journey.ready(),
    alias=pg_journey.ready_alias('model', 'journeys'),
    meta={'pg_journey': pg_journey.ready_options(), 'pg_journey_schemas': pg_journey.ready_schemas(),
          'pg_journey_conversion_tables': var('conversion_tables', none) or []}
) }}

-- The extension reads the loader's schemas itself, each table by a watermark of its own: the staging
-- models are views for people and tests.
{%- for loader in ['rudderstack', 'segment'] if var(loader ~ '_schema') != '' %}
{%- for table in ['tracks', 'pages', 'screens', 'identifies', 'groups', 'aliases', 'users'] %}
-- {{ source(loader, table) }}
{%- endfor %}
{%- endfor %}
select 1
