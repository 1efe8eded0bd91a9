{% macro event_row(fields, columns, alias) -%}
    {{ return(adapter.dispatch('event_row', 'pg_journey')(fields, columns, alias)) }}
{%- endmacro %}

{# A row as journey.event: field by field where the columns are known, else (fields is empty) by their
   names, whatever they are. #}
{% macro default__event_row(fields, columns, alias) -%}
{%- if fields -%}
row(
    {%- for line in pg_journey.event_fields(fields, alias) | batch(6) %}
    {{ line | join(', ') }}{{ ',' if not loop.last }}
    {%- endfor %}
)::journey.event
{%- else -%}
{%- set given = [] -%}
{%- for field, column in columns.items() -%}
    {%- do given.append(pg_journey.text_literal(field) ~ ', ' ~ (alias ~ '.' ~ column if column is not none else 'null')) -%}
{%- endfor -%}
jsonb_populate_record(null::journey.event, to_jsonb({{ alias }}.*)
    {%- if given %} || jsonb_build_object({{ given | join(', ') }}){% endif %})
{%- endif -%}
{%- endmacro %}
