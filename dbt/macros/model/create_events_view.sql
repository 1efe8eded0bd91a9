{% macro create_events_view(relation, sql) -%}
    {{ return(adapter.dispatch('create_events_view', 'pg_journey')(relation, sql)) }}
{%- endmacro %}

{# Makes the view that a model reads, anew, and gives the hash of what it selects, which its comment
   keeps for the next run; that of a run with --empty or --sample is none of a whole SELECT. #}
{% macro default__create_events_view(relation, sql) -%}
    {%- do adapter.drop_relation(relation) -%}
    {%- call statement('pg_journey_events') -%}
        create view {{ relation }} as (
        {{ sql }}
        )
    {%- endcall -%}
    {%- do pg_journey.check_events(relation) -%}
    {%- set definition = pg_journey.events_definition(relation) -%}
    {%- call statement('pg_journey_events') -%}
        comment on view {{ relation }} is {{ pg_journey.text_literal(
            'the events that a journey_model reads'
            ~ ('' if pg_journey.partial_run() else ' (definition ' ~ definition ~ ')')) }}
    {%- endcall -%}
    {{ return(definition) }}
{%- endmacro %}
