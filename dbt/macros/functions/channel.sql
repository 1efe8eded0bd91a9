{% macro channel(source, medium, campaign=none, rules=[], host=none, click_id_type=none) -%}
    {{ return(adapter.dispatch('channel', 'pg_journey')(source, medium, campaign, rules, host, click_id_type)) }}
{%- endmacro %}

{# Without rules it is GA4's channel, which asks neither for a host nor for a click id. #}
{% macro default__channel(source, medium, campaign, rules, host, click_id_type) -%}
    {%- if rules -%}
    journey.channel({{ source }}, {{ medium }}, {{ campaign or 'null' }}, {{ pg_journey.jsonb_literal(rules) }}
        {{- ', ' ~ (host or 'null') ~ ', ' ~ (click_id_type or 'null') if host or click_id_type }})
    {%- else -%}
    journey.channel({{ source }}, {{ medium }}{{ ", " ~ campaign if campaign is not none }})
    {%- endif -%}
{%- endmacro %}
