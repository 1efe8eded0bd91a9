{% macro loader_events(relation, kind, revenue=[]) -%}
    {{ return(adapter.dispatch('loader_events', 'pg_journey')(relation, kind, revenue)) }}
{%- endmacro %}

{# The rows of a table of RudderStack or Segment as standard events; none where there is no such
   table. #}
{% macro default__loader_events(relation, kind, revenue) -%}
{%- set columns = pg_journey.loader_columns(relation) -%}
{%- set custom = pg_journey.loader_custom_columns(columns, kind) -%}
{%- set fields = {
    'event_id': ['id'], 'visitor_id': ['anonymous_id'], 'user_id': ['user_id'],
    'event_time': ['timestamp', 'original_timestamp', 'received_at'],
    'received_at': ['received_at'],
    'name': ['event_text', 'event'] if kind == 'track' else ['name'] if kind in ['page', 'screen'] else [],
    'url': ['url', 'context_page_url'] if kind == 'page' else ['context_page_url'],
    'referrer': ['referrer', 'context_page_referrer'] if kind == 'page' else ['context_page_referrer'],
    'revenue': revenue,
    'currency': ['currency'] if kind == 'track' else [],
    'order_id': ['order_id'] if kind == 'track' else [],
    'source': ['context_campaign_source'], 'medium': ['context_campaign_medium'],
    'campaign': ['context_campaign_name'], 'term': ['context_campaign_term'],
    'content': ['context_campaign_content'], 'session_key': ['context_session_id'],
    'previous_id': ['previous_id'] if kind == 'alias' else [], 'platform': ['channel']
} -%}
select
{%- for field, type in pg_journey.event_field_types().items() %}
    {% if field == 'kind' -%}
        '{{ kind }}'
    {%- elif field == ('traits' if kind == 'identify' else 'properties') and custom -%}
        (select jsonb_strip_nulls(to_jsonb(custom)) from (select
        {%- for name in custom %} t.{{ adapter.quote(name) }}{{ ',' if not loop.last }}{% endfor -%}
        ) as custom)
    {%- else -%}
        {{ pg_journey.loader_value(columns, fields.get(field, []), type) }}
    {%- endif %} as {{ field }},
{%- endfor %}
    {{ pg_journey.loader_value(columns, ['context_ip', 'context_request_ip']) }} as ip,
    {{ pg_journey.loader_value(columns, ['context_user_agent']) }} as user_agent,
    {{ pg_journey.loader_value(columns, ['uuid_ts'] if 'uuid_ts' in columns else ['received_at'], 'timestamptz') }} as loaded_at
{% if columns -%}
from {{ relation }} as t
{%- else -%}
where false
{%- endif %}
{%- endmacro %}
