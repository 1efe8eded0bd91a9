{% macro events(relation, timeline='timeline') -%}
    {{ return(adapter.dispatch('events', 'pg_journey')(relation, timeline)) }}
{%- endmacro %}

{% macro default__events(relation, timeline) -%}
select e.*
from (select * from {{ relation }}) as r
cross join lateral journey.events(r.{{ timeline }}) as e
{%- endmacro %}
