{% macro funnel_report(relation, steps, within='7 days', since=none, until=none, by=none, options={}) -%}
    {{ return(adapter.dispatch('funnel_report', 'pg_journey')(relation, steps, within, since, until, by, options)) }}
{%- endmacro %}

{% macro default__funnel_report(relation, steps, within, since, until, by, options) -%}
{{ pg_journey.model_report('funnel_report', relation, {
    'steps': pg_journey.texts_literal(steps),
    'within': pg_journey.interval_literal(within),
    'since': (pg_journey.time_literal(since) if since is not none else none),
    'until': (pg_journey.time_literal(until) if until is not none else none),
    'by': (pg_journey.text_literal(by) if by is not none else none),
    'options': (pg_journey.jsonb_literal(options) if options else none)
}) }}
{%- endmacro %}
