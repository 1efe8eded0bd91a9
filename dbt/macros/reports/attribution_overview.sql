{% macro attribution_overview(relation, rules=['last_non_direct'], since=none, until=none, by='channel', spend=none,
                              spend_columns={}, name=none, options={}) -%}
    {{ return(adapter.dispatch('attribution_overview', 'pg_journey')(
        relation, rules, since, until, by, spend, spend_columns, name, options)) }}
{%- endmacro %}

{# spend is a relation, such as a ref(). #}
{% macro default__attribution_overview(relation, rules, since, until, by, spend, spend_columns, name, options) -%}
{{ pg_journey.model_report('attribution_overview', relation, {
    'rules': pg_journey.texts_literal(rules),
    'since': (pg_journey.time_literal(since) if since is not none else none),
    'until': (pg_journey.time_literal(until) if until is not none else none),
    'by': pg_journey.text_literal(by),
    'spend': (pg_journey.text_literal(spend.include(database=false)) ~ '::regclass' if spend is not none else none),
    'spend_columns': (pg_journey.jsonb_literal(spend_columns) if spend_columns else none),
    'name': (pg_journey.text_literal(name) if name is not none else none),
    'options': (pg_journey.jsonb_literal(options) if options else none)
}) }}
{%- endmacro %}
