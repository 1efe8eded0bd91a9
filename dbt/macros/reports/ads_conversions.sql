{% macro ads_conversions(relation, platform, name=none, as_of=none, options={}) -%}
    {{ return(adapter.dispatch('ads_conversions', 'pg_journey')(relation, platform, name, as_of, options)) }}
{%- endmacro %}

{% macro default__ads_conversions(relation, platform, name, as_of, options) -%}
{%- do pg_journey.check_platform(platform) -%}
{{ pg_journey.model_report(platform ~ '_conversions', relation, {
    'name': (pg_journey.text_literal(name) if name is not none else none),
    'as_of': (pg_journey.time_literal(as_of) if as_of is not none else none),
    'options': (pg_journey.jsonb_literal(options) if options else none)
}) }}
{%- endmacro %}
