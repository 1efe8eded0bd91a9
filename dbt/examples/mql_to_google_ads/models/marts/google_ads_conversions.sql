{{ config(materialized='table') }}

-- what Google is to be told now, what is held back until when, and what never goes, each with the reason
{{ pg_journey.ads_conversions(ref('pg_journey', 'journey__model'), 'google_ads', 'MQL', as_of=var('as_of'),
    options={'actions': {'MQL': var('conversion_name')}}) }}
