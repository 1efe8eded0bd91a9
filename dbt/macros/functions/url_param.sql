{% macro url_param(url, name) -%}
    {{ return(adapter.dispatch('url_param', 'pg_journey')(url, name)) }}
{%- endmacro %}

{% macro default__url_param(url, name) -%}
    journey.url_param({{ url }}, {{ pg_journey.text_literal(name) }})
{%- endmacro %}
