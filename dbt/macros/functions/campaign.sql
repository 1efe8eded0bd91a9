{% macro campaign(relation, url='url', prefix='utm_') -%}
    {{ return(adapter.dispatch('campaign', 'pg_journey')(relation, url, prefix)) }}
{%- endmacro %}

{% macro default__campaign(relation, url, prefix) -%}
select
    r.*,
    c.source as {{ prefix }}source,
    c.medium as {{ prefix }}medium,
    c.campaign as {{ prefix }}campaign,
    c.term as {{ prefix }}term,
    c.content as {{ prefix }}content,
    c.id as {{ prefix }}id,
    c.source_platform as {{ prefix }}source_platform,
    c.creative_format as {{ prefix }}creative_format,
    c.marketing_tactic as {{ prefix }}marketing_tactic,
    c.click_id_type,
    c.click_id
from (select * from {{ relation }}) as r
left join lateral journey.campaign(r.{{ url }}) as c on true
{%- endmacro %}
