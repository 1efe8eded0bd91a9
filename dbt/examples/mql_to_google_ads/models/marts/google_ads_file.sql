{{ config(materialized='table', pre_hook="{{ pg_journey.export_batch(ref('pg_journey', 'journey__model'), 'google_ads', 'MQL',
    as_of=var('as_of'), options={'actions': {'MQL': var('conversion_name')}}) }}") }}

-- The file that Google Ads imports, line by line. It is the same until the batch is marked as exported:
-- SELECT journey.mark_exported(model, 'google_ads', batch), once Google has taken it.
-- depends_on: {{ ref('google_ads_conversions') }}
{{ pg_journey.export_lines(ref('pg_journey', 'journey__model'), 'google_ads') }}
