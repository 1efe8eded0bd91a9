{% macro rejected_rows(relation, columns={}) -%}
    {{ return(adapter.dispatch('rejected_rows', 'pg_journey')(relation, columns)) }}
{%- endmacro %}

{# The rows of a relation of events with the reason for which a model would reject them, null for events, and the
   time of their loading. #}
{% macro default__rejected_rows(relation, columns) -%}
{%- set options = var('options', none) or {} -%}
{%- set fields = pg_journey.event_columns(relation, columns) -%}
{%- set of = {} -%}
{%- for field in ['visitor_id', 'user_id', 'event_id', 'event_time', 'received_at'] -%}
    {%- do of.update({field: 'r.' ~ fields[field] if field in fields else 'null'}) -%}
{%- endfor -%}
{%- set names = adapter.get_columns_in_relation(relation) | map(attribute='name') | list if execute else [] -%}
{%- set loaded = ['loaded_at', 'uuid_ts', 'received_at'] | select('in', names) | list -%}
select
    r.*,
    {%- if 'loaded_at' not in names %}
    {{ 'r.' ~ loaded[0] if loaded else 'null' }}::timestamptz as loaded_at,
    {%- endif %}
    journey._reject_reason(
        journey._visitor_id({{ of.visitor_id }}, {{ of.user_id }}), journey._clean_id({{ of.user_id }}), {{ of.event_id }},
        {{ of.event_time }}::timestamptz, {{ of.received_at }}::timestamptz,
        timestamptz {{ pg_journey.text_literal(options.get('earliest', '2000-01-01 00:00+00')) }},
        {{ pg_journey.interval_literal(options.get('max_future', '1 day')) }}) as reason
from (select * from {{ relation }}) as r
{%- endmacro %}
