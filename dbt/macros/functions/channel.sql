{% macro channel(source, medium, campaign=none) -%}
    {{ return(adapter.dispatch('channel', 'pg_journey')(source, medium, campaign)) }}
{%- endmacro %}

{% macro default__channel(source, medium, campaign) -%}
    journey.channel({{ source }}, {{ medium }}{{ ", " ~ campaign if campaign is not none }})
{%- endmacro %}
