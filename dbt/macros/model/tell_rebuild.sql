{% macro tell_rebuild(name) -%}
    {{ return(adapter.dispatch('tell_rebuild', 'pg_journey')(name)) }}
{%- endmacro %}

{# What a model holds after a rebuild; journey.rebuild() itself gives nothing. #}
{% macro default__tell_rebuild(name) -%}
    {%- set schema = adapter.quote(name) -%}
    {%- call statement('pg_journey_rebuilt', fetch_result=true) -%}
        select (select coalesce(sum(events), 0) from {{ schema }}.profiles),
               (select count(*) from {{ schema }}.sessions),
               (select count(*) from {{ schema }}.profiles),
               (select count(*) from {{ schema }}.rejected_events),
               (select milliseconds from journey.refresh_log
                where model = {{ pg_journey.text_literal(name) }} order by version desc limit 1)
    {%- endcall -%}
    {%- set counts = load_result('pg_journey_rebuilt')['data'][0] -%}
    {%- do log('pg_journey: model "' ~ name ~ '" rebuilt: ' ~ counts[0] ~ ' events, ' ~ counts[1] ~ ' sessions and '
        ~ counts[2] ~ ' profiles; ' ~ counts[3] ~ ' rejected rows; ' ~ (counts[4] or 0) | round | int ~ ' ms', info=true) -%}
{%- endmacro %}
