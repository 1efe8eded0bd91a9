{% macro jsonb_literal(value) -%}
    {{ return(adapter.dispatch('jsonb_literal', 'pg_journey')(value)) }}
{%- endmacro %}

{% macro default__jsonb_literal(value) -%}
    {{ return(pg_journey.text_literal(tojson(value)) ~ '::jsonb') }}
{%- endmacro %}
