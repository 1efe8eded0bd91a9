{% macro create_events_view(relation, sql) -%}
    {{ return(adapter.dispatch('create_events_view', 'pg_journey')(relation, sql)) }}
{%- endmacro %}

{# Makes the view that a model reads, anew, and gives the hash of what it selects. #}
{% macro default__create_events_view(relation, sql) -%}
    {%- do adapter.drop_relation(relation) -%}
    {%- call statement('pg_journey_events') -%}
        create view {{ relation }} as (
        {{ sql }}
        )
    {%- endcall -%}
    {%- do pg_journey.check_events(relation) -%}
    {%- call statement('pg_journey_events') -%}
        comment on view {{ relation }} is 'the events that a journey_model reads'
    {%- endcall -%}
    {{ return(pg_journey.events_definition(relation)) }}
{%- endmacro %}
