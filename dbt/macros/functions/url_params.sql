{% macro url_params(url) -%}
    {{ return(adapter.dispatch('url_params', 'pg_journey')(url)) }}
{%- endmacro %}

{% macro default__url_params(url) -%}
    journey.url_params({{ url }})
{%- endmacro %}
