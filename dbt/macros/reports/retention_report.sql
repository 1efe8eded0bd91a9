{% macro retention_report(relation, first_step=none, return_step=none, unit='week', periods=8, by=none, since=none, until=none, options={}) -%}
    {{ return(adapter.dispatch('retention_report', 'pg_journey')(relation, first_step, return_step, unit, periods, by, since, until, options)) }}
{%- endmacro %}

{% macro default__retention_report(relation, first_step, return_step, unit, periods, by, since, until, options) -%}
{{ pg_journey.model_report('retention_report', relation, {
    'first_step': (pg_journey.text_literal(first_step) if first_step is not none else none),
    'return_step': (pg_journey.text_literal(return_step) if return_step is not none else none),
    'unit': pg_journey.text_literal(unit),
    'periods': periods,
    'by': (pg_journey.text_literal(by) if by is not none else none),
    'since': (pg_journey.time_literal(since) if since is not none else none),
    'until': (pg_journey.time_literal(until) if until is not none else none),
    'options': (pg_journey.jsonb_literal(options) if options else none)
}) }}
{%- endmacro %}
