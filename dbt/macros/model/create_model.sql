{% macro create_model(name, events, options) -%}
    {{ return(adapter.dispatch('create_model', 'pg_journey')(name, events, options)) }}
{%- endmacro %}

{# `events` is the view that it reads, or none for a model that reads a loader's schemas. #}
{% macro default__create_model(name, events, options) -%}
    {%- do pg_journey.check_create(name) -%}
    {%- call statement('pg_journey_create') -%}
        select journey.create_model({{ pg_journey.text_literal(name) }}, null, {{ pg_journey.jsonb_literal(options) }})
        {%- if events is not none %};
        select journey.add_source({{ pg_journey.text_literal(name) }}, {{ pg_journey.text_literal(events.include(database=false)) }}::regclass)
        {%- endif -%}
    {%- endcall -%}
    {%- do log('pg_journey: model "' ~ name ~ '" is made', info=true) -%}
{%- endmacro %}
