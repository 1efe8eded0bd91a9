{% macro rejected_rows(relation, columns={}) -%}
    {{ return(adapter.dispatch('rejected_rows', 'pg_journey')(relation, columns)) }}
{%- endmacro %}

{# The rows of a relation of events with the reason for which a model would reject them, null for events, and the
   time of their loading. #}
{% macro default__rejected_rows(relation, columns) -%}
{%- set options = var('options', none) or {} -%}
{%- set names = adapter.get_columns_in_relation(relation) | map(attribute='name') | list if execute else [] -%}
{%- set loaded = ['loaded_at', 'uuid_ts', 'received_at'] | select('in', names) | list -%}
{%- set given = {'visitor_id': none} if 'user_id' in names and 'visitor_id' not in names else {} -%}
{%- do given.update(columns) -%}
{%- set fields = {} -%}
{%- for field, column in pg_journey.event_columns(relation, given).items()
        if field in ['event_id', 'visitor_id', 'user_id', 'event_time', 'received_at', 'kind', 'previous_id'] -%}
    {%- do fields.update({field: column}) -%}
{%- endfor -%}
select
    r.*,
    {%- if 'loaded_at' not in names %}
    {{ 'r.' ~ loaded[0] if loaded else 'null' }}::timestamptz as loaded_at,
    {%- endif %}
    journey.reject_reason(
        {{ pg_journey.event_row(fields, {}, 'r') | indent(8) }},
        {{ 'r.' ~ loaded[0] if loaded else 'null' }}::timestamptz
        {%- if options.get('allow_ids') %}, allow_ids => {{ pg_journey.texts_literal(options['allow_ids']) }}{% endif %}
        {%- if options.get('earliest') %}, earliest => timestamptz {{ pg_journey.text_literal(options['earliest']) }}{% endif %}
        {%- if options.get('max_future') %}, max_future => {{ pg_journey.interval_literal(options['max_future']) }}{% endif %}) as reason
from (select * from {{ relation }}) as r
{%- endmacro %}
