{% macro sessions(relation, timeout='30 minutes', options={}, columns={}, timeline=none) -%}
    {{ return(adapter.dispatch('sessions', 'pg_journey')(relation, timeout, options, columns, timeline)) }}
{%- endmacro %}

{% macro default__sessions(relation, timeout, options, columns, timeline) -%}
with timelines as (
    {{ pg_journey.timelines_of(relation, columns, timeline) | indent(4) }}
)

select x.*
from timelines
cross join lateral journey.sessions(
    timelines.timeline, {{ pg_journey.interval_literal(timeout) }}
    {%- if options %}, {{ pg_journey.jsonb_literal(options) }}{% endif %}) as x
{%- endmacro %}
