{% macro known_options() -%}
    {{ return(adapter.dispatch('known_options', 'pg_journey')()) }}
{%- endmacro %}

{% macro default__known_options() -%}
    {{ return([
        'timeout', 'new_campaign', 'midnight', 'max_duration', 'session_key', 'user_change',
        'passive_events', 'stitch', 'max_users_per_visitor', 'email_trait', 'allow_ids', 'internal_hosts',
        'ignored_referrers', 'channel_rules', 'referrers', 'click_ids', 'internal_users', 'lookback', 'time_zone', 'profiles',
        'keep_properties', 'exclude', 'revenue', 'earliest', 'max_future', 'overlap',
        'index_sources', 'capture', 'ignore_deletes', 'keep_changes', 'conversions', 'segments', 'attribution', 'currency', 'rates', 'redact'
    ]) }}
{%- endmacro %}
