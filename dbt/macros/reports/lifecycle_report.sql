{% macro lifecycle_report(relation, step=none, unit='week', since=none, until=none, options={}) -%}
    {{ return(adapter.dispatch('lifecycle_report', 'pg_journey')(relation, step, unit, since, until, options)) }}
{%- endmacro %}

{% macro default__lifecycle_report(relation, step, unit, since, until, options) -%}
{{ pg_journey.model_report('lifecycle_report', relation, {
    'step': (pg_journey.text_literal(step) if step is not none else none),
    'unit': pg_journey.text_literal(unit),
    'since': (pg_journey.time_literal(since) if since is not none else none),
    'until': (pg_journey.time_literal(until) if until is not none else none),
    'options': (pg_journey.jsonb_literal(options) if options else none)
}) }}
{%- endmacro %}
