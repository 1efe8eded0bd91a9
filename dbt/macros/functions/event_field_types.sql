{% macro event_field_types() -%}
    {{ return(adapter.dispatch('event_field_types', 'pg_journey')()) }}
{%- endmacro %}

{% macro default__event_field_types() -%}
    {{ return({
        'event_id': 'text', 'visitor_id': 'text', 'user_id': 'text', 'event_time': 'timestamptz',
        'received_at': 'timestamptz', 'kind': 'text', 'name': 'text', 'url': 'text',
        'referrer': 'text', 'revenue': 'numeric', 'currency': 'text', 'order_id': 'text',
        'source': 'text', 'medium': 'text', 'campaign': 'text', 'term': 'text', 'content': 'text',
        'session_key': 'text', 'previous_id': 'text', 'platform': 'text', 'properties': 'jsonb',
        'traits': 'jsonb'
    }) }}
{%- endmacro %}
