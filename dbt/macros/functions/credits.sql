{% macro credits(n, rule, ages=none, options={}) -%}
    {{ return(adapter.dispatch('credits', 'pg_journey')(n, rule, ages, options)) }}
{%- endmacro %}

{% macro default__credits(n, rule, ages, options) -%}
{%- set arguments = [n, pg_journey.text_literal(rule), ages or 'null'] -%}
{%- if options -%}{%- do arguments.append(pg_journey.jsonb_literal(options)) -%}{%- endif -%}
    journey.credits({{ (arguments if ages or options else arguments[:2]) | join(', ') }})
{%- endmacro %}
