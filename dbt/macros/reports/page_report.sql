{% macro page_report(relation, since=none, until=none, by=none, options={}) -%}
    {{ return(adapter.dispatch('page_report', 'pg_journey')(relation, since, until, by, options)) }}
{%- endmacro %}

{% macro default__page_report(relation, since, until, by, options) -%}
{{ pg_journey.model_report('page_report', relation, {
    'since': (pg_journey.time_literal(since) if since is not none else none),
    'until': (pg_journey.time_literal(until) if until is not none else none),
    'by': (pg_journey.text_literal(by) if by is not none else none),
    'options': (pg_journey.jsonb_literal(options) if options else none)
}) }}
{%- endmacro %}
