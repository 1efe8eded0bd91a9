{% macro create_model(name, events, options) -%}
    {{ return(adapter.dispatch('create_model', 'pg_journey')(name, events, options)) }}
{%- endmacro %}

{% macro default__create_model(name, events, options) -%}
    {%- call statement('pg_journey_create') -%}
        select journey.create_model({{ pg_journey.text_literal(name) }}, null, {{ pg_journey.jsonb_literal(options) }});
        select journey.add_source({{ pg_journey.text_literal(name) }}, {{ pg_journey.text_literal(events.include(database=false)) }}::regclass)
    {%- endcall -%}
    {%- do log('pg_journey: model "' ~ name ~ '" is made', info=true) -%}
{%- endmacro %}
