{% macro touch(relation, url='url', referrer='referrer', options={}, prefix='touch_') -%}
    {{ return(adapter.dispatch('touch', 'pg_journey')(relation, url, referrer, options, prefix)) }}
{%- endmacro %}

{% macro default__touch(relation, url, referrer, options, prefix) -%}
select
    r.*,
    t.touch_type as {{ prefix }}type,
    t.source as {{ prefix }}source,
    t.medium as {{ prefix }}medium,
    t.campaign as {{ prefix }}campaign,
    t.term as {{ prefix }}term,
    t.content as {{ prefix }}content,
    t.campaign_id as {{ prefix }}campaign_id,
    t.channel as {{ prefix }}channel,
    t.click_id_type as {{ prefix }}click_id_type,
    t.click_id as {{ prefix }}click_id,
    t.click_ids as {{ prefix }}click_ids,
    t.referrer_host as {{ prefix }}referrer_host,
    t.landing_page as {{ prefix }}landing_page
from (select * from {{ relation }}) as r
left join lateral journey.touch(
    r.{{ url }}, {{ 'r.' ~ referrer if referrer is not none else 'null' }}
    {%- if options %}, {{ pg_journey.jsonb_literal(options) }}{% endif %}) as t on true
{%- endmacro %}
