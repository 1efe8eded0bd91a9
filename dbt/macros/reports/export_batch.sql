{% macro export_batch(relation, platform, name=none, as_of=none, options={}) -%}
    {{ return(adapter.dispatch('export_batch', 'pg_journey')(relation, platform, name, as_of, options)) }}
{%- endmacro %}

{# For a hook of the model that shows the file. Until the batch is marked as exported it is the same one. #}
{% macro default__export_batch(relation, platform, name, as_of, options) -%}
{%- do pg_journey.check_platform(platform) -%}
{%- if pg_journey.partial_run() -%}
select 1
{%- else -%}
{{ pg_journey.model_report('export_batch', relation, {
    'platform': pg_journey.text_literal(platform),
    'name': (pg_journey.text_literal(name) if name is not none else none),
    'as_of': (pg_journey.time_literal(as_of) if as_of is not none else none),
    'options': (pg_journey.jsonb_literal(options) if options else none)
}) }}
{%- endif -%}
{%- endmacro %}
