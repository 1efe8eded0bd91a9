{% macro top_paths_report(relation, start_at=none, end_at=none, depth=5, since=none, until=none, options={}) -%}
    {{ return(adapter.dispatch('top_paths_report', 'pg_journey')(relation, start_at, end_at, depth, since, until, options)) }}
{%- endmacro %}

{% macro default__top_paths_report(relation, start_at, end_at, depth, since, until, options) -%}
{{ pg_journey.model_report('top_paths_report', relation, {
    'start_at': (pg_journey.text_literal(start_at) if start_at is not none else none),
    'end_at': (pg_journey.text_literal(end_at) if end_at is not none else none),
    'depth': depth,
    'since': (pg_journey.time_literal(since) if since is not none else none),
    'until': (pg_journey.time_literal(until) if until is not none else none),
    'options': (pg_journey.jsonb_literal(options) if options else none)
}) }}
{%- endmacro %}
