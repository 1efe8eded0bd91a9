{% macro revenue_columns(names) -%}
    {{ return(adapter.dispatch('revenue_columns', 'pg_journey')(names)) }}
{%- endmacro %}

{# The columns that the variable revenue names for an event of one of these names, written in any way. #}
{% macro default__revenue_columns(names) -%}
    {%- set wanted = [] -%}
    {%- for name in names if name -%}
        {%- do wanted.append(modules.re.sub('[^a-z0-9\x80-\U0010ffff]+', '_', name | lower).strip('_')) -%}
    {%- endfor -%}
    {%- for event, columns in (var('revenue', none) or {}).items()
            if modules.re.sub('[^a-z0-9\x80-\U0010ffff]+', '_', event | lower).strip('_') in wanted -%}
        {{ return([columns] if columns is string else columns) }}
    {%- endfor -%}
    {{ return([]) }}
{%- endmacro %}
