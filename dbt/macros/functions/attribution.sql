{% macro attribution(relation, converted_at, rule='last_non_direct', lookback='90 days', options={}, columns={},
                     timeline=none) -%}
    {{ return(adapter.dispatch('attribution', 'pg_journey')(
        relation, converted_at, rule, lookback, options, columns, timeline)) }}
{%- endmacro %}

{# converted_at is a time or an expression; of a relation of timelines it may be a column of it. #}
{% macro default__attribution(relation, converted_at, rule, lookback, options, columns, timeline) -%}
with timelines as (
    {{ pg_journey.timelines_of(relation, columns, timeline) | indent(4) }}
)

select
{%- if timeline is none %}
    a.*
{%- else %}
    timelines.*,
    a.position, a.path_length, a.credit, a.touch_id, a.session_id, a.touched_at, a.touch_type, a.source, a.medium,
    a.campaign, a.term, a.content, a.campaign_id, a.channel, a.click_id, a.click_id_type, a.click_ids, a.landing_page,
    a.referrer, a.referrer_host
{%- endif %}
from timelines
cross join lateral journey.attribution(
    timelines.timeline, {{ pg_journey.time_literal(converted_at) }}, {{ pg_journey.text_literal(rule) }},
    {{ pg_journey.interval_literal(lookback) }}
    {%- if options %}, {{ pg_journey.jsonb_literal(options) }}{% endif %}) as a
{%- endmacro %}
