{% macro check_platform(platform) -%}
    {{ return(adapter.dispatch('check_platform', 'pg_journey')(platform)) }}
{%- endmacro %}

{% macro default__check_platform(platform) -%}
    {%- set known = ['google_ads', 'microsoft_ads', 'meta', 'linkedin', 'tiktok'] -%}
    {%- if platform not in known -%}
        {%- do exceptions.raise_compiler_error(
            'pg_journey: there is no feed for "' ~ platform ~ '"; platforms are ' ~ known | join(', ')) -%}
    {%- endif -%}
{%- endmacro %}
