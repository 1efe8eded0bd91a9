{% macro loader_events(relation, kind, revenue=[], name=none) -%}
    {{ return(adapter.dispatch('loader_events', 'pg_journey')(relation, kind, revenue, name)) }}
{%- endmacro %}

{# The rows of a table of RudderStack or Segment as standard events, by a name of one's own if there is one; none where
   there is no such table. #}
{% macro default__loader_events(relation, kind, revenue, name) -%}
{%- set columns = pg_journey.loader_columns(relation) -%}
{%- if execute and not columns and not adapter.check_schema_exists(relation.database, relation.schema) -%}
    {%- do exceptions.raise_compiler_error('pg_journey: schema "' ~ relation.schema
        ~ '", which a variable of pg_journey names, does not exist in database "' ~ relation.database ~ '"') -%}
{%- endif -%}
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
{%- set named = {} -%}
{%- for key, places in pg_journey.named_properties().items() if key in pg_journey.kept_columns() -%}
    {%- do named.update({key: places}) -%}
{%- endfor -%}
select
{%- for field, type in pg_journey.event_field_types().items() -%}
    {%- if field == 'kind' or field == 'name' and name -%}
        {%- set value = pg_journey.text_literal(kind if field == 'kind' else name) -%}
    {%- elif field == 'traits' -%}
        {%- set value = pg_journey.loader_traits(columns, custom) if kind == 'identify' else 'null::jsonb' -%}
    {%- elif field == 'properties' -%}
        {%- set value = pg_journey.loader_object(
            columns, ([] if kind == 'identify' else custom) + pg_journey.kept_columns()
                + (['title'] if kind == 'page' and 'title' not in pg_journey.kept_columns() else [])
                + (['context_campaign_id'] if kind in ['page', 'screen', 'track']
                   and 'context_campaign_id' not in pg_journey.kept_columns() else []), '', named) -%}
    {%- else -%}
        {%- set value = pg_journey.loader_value(columns, fields.get(field, []), type) -%}
    {%- endif %}
    {{ value }}{{ ' as ' ~ field if value != field }},
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
