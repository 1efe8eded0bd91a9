{{ config(materialized='materialized_view') }}

with pages as (
    select event_id, visitor_id, event_time, url, referrer from {{ ref('events') }} where kind = 'page'
),

campaigns as (
    {{ pg_journey.campaign('pages') | indent(4) }}
),

touches as (
    {{ pg_journey.touch('campaigns', options={'internal_hosts': ['docs.acme.test'],
        'channel_rules': [{'source': "o'hara", 'channel': "O'Hara's"}]}) | indent(4) }}
),

numbered as (
    {{ pg_journey.session_number('touches', timeout='20 minutes') | indent(4) }}
)

select
    *,
    {{ pg_journey.url_host('url') }} as host,
    {{ pg_journey.url_path('url') }} as path,
    {{ pg_journey.url_param('url', 'q') }} as q,
    {{ pg_journey.strip_tracking('url') }} as clean_url,
    {{ pg_journey.channel('touch_source', 'touch_medium', 'touch_campaign') }} as channel,
    {{ pg_journey.channel('touch_source', 'touch_medium', 'touch_campaign', host='touch_referrer_host',
        rules=[{'source': 'goo*', 'channel': "Google's"}, {'host': 'bing.com', 'channel': 'Bing'}]) }} as own_channel,
    (select count(*) from {{ pg_journey.url_params('url') }}) as params
from numbered
