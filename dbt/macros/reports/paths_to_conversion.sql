{% macro paths_to_conversion(relation, name=none, since=none, until=none, by='channel', transform='exposure_path', args=none) -%}
    {{ return(adapter.dispatch('paths_to_conversion', 'pg_journey')(relation, name, since, until, by, transform, args)) }}
{%- endmacro %}

{% macro default__paths_to_conversion(relation, name, since, until, by, transform, args) -%}
{{ pg_journey.model_report('paths_to_conversion', relation, {
    'name': (pg_journey.text_literal(name) if name is not none else none),
    'since': (pg_journey.time_literal(since) if since is not none else none),
    'until': (pg_journey.time_literal(until) if until is not none else none),
    'by': pg_journey.text_literal(by),
    'transform': pg_journey.text_literal(transform),
    'args': (pg_journey.texts_literal(args) if args is not none else none)
}) }}
{%- endmacro %}
