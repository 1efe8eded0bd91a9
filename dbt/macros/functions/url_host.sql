{% macro url_host(url) -%}
    {{ return(adapter.dispatch('url_host', 'pg_journey')(url)) }}
{%- endmacro %}

{% macro default__url_host(url) -%}
    journey.url_host({{ url }})
{%- endmacro %}
