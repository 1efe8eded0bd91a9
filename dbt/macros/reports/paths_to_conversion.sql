{% macro paths_to_conversion(relation, name=none, since=none, until=none, by='channel', transform='exposure_path', args=none,
                             options={}) -%}
    {{ return(adapter.dispatch('paths_to_conversion', 'pg_journey')(relation, name, since, until, by, transform, args, options)) }}
{%- endmacro %}

{% macro default__paths_to_conversion(relation, name, since, until, by, transform, args, options) -%}
{{ pg_journey.model_report('paths_to_conversion', relation, {
    'name': (pg_journey.text_literal(name) if name is not none else none),
    'since': (pg_journey.time_literal(since) if since is not none else none),
    'until': (pg_journey.time_literal(until) if until is not none else none),
    'by': pg_journey.text_literal(by),
    'transform': pg_journey.text_literal(transform),
    'args': (pg_journey.texts_literal(args) if args is not none else none),
    'options': (pg_journey.jsonb_literal(options) if options else none)
}) }}
{%- endmacro %}
