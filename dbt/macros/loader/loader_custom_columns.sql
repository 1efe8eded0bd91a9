{% macro loader_custom_columns(columns, kind) -%}
    {{ return(adapter.dispatch('loader_custom_columns', 'pg_journey')(columns, kind)) }}
{%- endmacro %}

{# What is neither standard nor context: the properties of an event, the traits of an identify. #}
{% macro default__loader_custom_columns(columns, kind) -%}
    {%- set standard = [
        'id', 'anonymous_id', 'user_id', 'sent_at', 'timestamp', 'original_timestamp', 'received_at',
        'channel', 'uuid', 'uuid_ts', 'event', 'event_text', 'record_id', 'rudder_event'] -%}
    {%- if kind in ['page', 'screen'] -%}
        {%- set standard = standard + [
            'name', 'category', 'path', 'title', 'search', 'url', 'referrer', 'referring_domain',
            'tab_url', 'initial_referrer', 'initial_referring_domain'] -%}
    {%- elif kind == 'track' -%}
        {%- set standard = standard + ['currency', 'order_id'] -%}
    {%- elif kind == 'alias' -%}
        {%- set standard = standard + ['previous_id'] -%}
    {%- endif -%}
    {%- set custom = [] -%}
    {%- for name in columns
            if name not in standard and not name.startswith('context_') -%}
        {%- do custom.append(name) -%}
    {%- endfor -%}
    {{ return(custom) }}
{%- endmacro %}
