{% macro touches(relation, timeout='30 minutes', options={}, columns={}, timeline=none) -%}
    {{ return(adapter.dispatch('touches', 'pg_journey')(relation, timeout, options, columns, timeline)) }}
{%- endmacro %}

{% macro default__touches(relation, timeout, options, columns, timeline) -%}
with timelines as (
    {{ pg_journey.timelines_of(relation, columns, timeline) | indent(4) }}
)

select x.*
from timelines
cross join lateral journey.touches(
    timelines.timeline, {{ pg_journey.interval_literal(timeout) }}
    {%- if options %}, {{ pg_journey.jsonb_literal(options) }}{% endif %}) as x
{%- endmacro %}
