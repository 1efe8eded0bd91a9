{{ config(materialized='table') }}

-- The columns are those of Google Ads' file of offline conversions. A click counts once per
-- conversion action and time.
select distinct
    gclid as "Google Click ID",
    '{{ var("conversion_name") }}' as "Conversion Name",
    to_char(mql_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS"+00:00"') as "Conversion Time",
    {{ var("conversion_value") }}::numeric as "Conversion Value",
    '{{ var("conversion_currency") }}' as "Conversion Currency"
from {{ ref('qualified_leads') }}
where gclid is not null
