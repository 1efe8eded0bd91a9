{% macro sessionize(relation, timeout='30 minutes', options={}, columns={}) -%}
    {{ return(adapter.dispatch('sessionize', 'pg_journey')(relation, timeout, options, columns)) }}
{%- endmacro %}

{# The sessions of the rows of a relation, without timelines; a query in a string sees no CTE. #}
{% macro default__sessionize(relation, timeout, options, columns) -%}
{%- if relation is string or relation.is_cte -%}
    {%- do exceptions.raise_compiler_error(
        'pg_journey: sessionize() reads a relation of the database, not the CTE ' ~ relation
        ~ '; sessions() reads both') -%}
{%- endif -%}
{%- set fields = pg_journey.event_columns(relation, columns) -%}
{%- set selected = [] -%}
{%- for field, column in fields.items() -%}
    {%- do selected.append('r.' ~ column ~ (' as ' ~ field if column != field)) -%}
{%- endfor -%}
select x.*
from journey.sessionize(
    {{ pg_journey.text_literal('select ' ~ (selected | join(', ') or '*') ~ ' from (select * from ' ~ relation ~ ') as r') }},
    {{ pg_journey.interval_literal(timeout) }}
    {%- if options %}, {{ pg_journey.jsonb_literal(options) }}{% endif %}) as x
{%- endmacro %}
