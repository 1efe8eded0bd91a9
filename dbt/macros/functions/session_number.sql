{% macro session_number(relation, visitor_id='visitor_id', event_time='event_time',
                        event_id='event_id', timeout='30 minutes') -%}
    {{ return(adapter.dispatch('session_number', 'pg_journey')(
        relation, visitor_id, event_time, event_id, timeout)) }}
{%- endmacro %}

{% macro default__session_number(relation, visitor_id, event_time, event_id, timeout) -%}
select
    r.*,
    journey.session_number(r.{{ event_time }}, {{ pg_journey.interval_literal(timeout) }}) over (
        partition by r.{{ visitor_id }}
        order by r.{{ event_time }}{{ ', r.' ~ event_id if event_id is not none }}
    ) as session_number
from (select * from {{ relation }}) as r
{%- endmacro %}
