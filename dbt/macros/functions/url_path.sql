{% macro url_path(url) -%}
    {{ return(adapter.dispatch('url_path', 'pg_journey')(url)) }}
{%- endmacro %}

{% macro default__url_path(url) -%}
    journey.url_path({{ url }})
{%- endmacro %}
