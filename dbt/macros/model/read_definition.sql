{% macro read_definition(relation) -%}
    {{ return(adapter.dispatch('read_definition', 'pg_journey')(relation)) }}
{%- endmacro %}

{# The hash of the SELECT that a model has read, as create_events_view left it; none where it is not known. #}
{% macro default__read_definition(relation) -%}
    {%- call statement('pg_journey_read_definition', fetch_result=true) -%}
        select substring(obj_description(to_regclass({{ pg_journey.text_literal(
            relation.include(database=false).render()) }}), 'pg_class') from 'definition ([0-9a-f]{32})')
    {%- endcall -%}
    {{ return(load_result('pg_journey_read_definition')['data'][0][0]) }}
{%- endmacro %}
