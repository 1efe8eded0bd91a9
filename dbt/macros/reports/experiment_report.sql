{% macro experiment_report(relation, exposure, variant, goals, weights=none, since=none, until=none, options={}) -%}
    {{ return(adapter.dispatch('experiment_report', 'pg_journey')(relation, exposure, variant, goals, weights, since, until, options)) }}
{%- endmacro %}

{% macro default__experiment_report(relation, exposure, variant, goals, weights, since, until, options) -%}
{{ pg_journey.model_report('experiment_report', relation, {
    'exposure': pg_journey.text_literal(exposure),
    'variant': pg_journey.text_literal(variant),
    'goals': pg_journey.texts_literal(goals),
    'weights': (pg_journey.jsonb_literal(weights) if weights is not none else none),
    'since': (pg_journey.time_literal(since) if since is not none else none),
    'until': (pg_journey.time_literal(until) if until is not none else none),
    'options': (pg_journey.jsonb_literal(options) if options else none)
}) }}
{%- endmacro %}
