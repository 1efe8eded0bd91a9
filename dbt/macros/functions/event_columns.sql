{% macro event_columns(relation, columns={}) -%}
    {{ return(adapter.dispatch('event_columns', 'pg_journey')(relation, columns)) }}
{%- endmacro %}

{# The column of each field. A relation of the database is asked for its columns; of a CTE, such as
   a unit test makes of each input, they are not known here: it gives those named in `columns`, or none. #}
{% macro default__event_columns(relation, columns) -%}
    {%- for field in columns if field not in pg_journey.event_field_types() -%}
        {%- do exceptions.raise_compiler_error(
            'pg_journey: an event has no field "' ~ field ~ '"; its fields are '
            ~ pg_journey.event_field_types().keys() | join(', ')) -%}
    {%- endfor -%}
    {%- set found = [] -%}
    {%- if execute and relation is not string and not relation.is_cte -%}
        {%- set found = adapter.get_columns_in_relation(relation) | map(attribute='name') | list -%}
    {%- endif -%}
    {%- set fields = {} -%}
    {%- if found -%}
        {%- for field in pg_journey.event_field_types() -%}
            {%- if field in columns -%}
                {%- if columns[field] is not none -%}{%- do fields.update({field: columns[field]}) -%}{%- endif -%}
            {%- elif field in found -%}
                {%- do fields.update({field: field}) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- for field in ['visitor_id', 'event_time'] if field not in fields and field not in columns -%}
            {%- do exceptions.raise_compiler_error(
                'pg_journey: ' ~ relation ~ ' has no column "' ~ field ~ '"; name the one that it is, as in '
                ~ 'columns={"' ~ field ~ '": "..."}') -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(fields) }}
{%- endmacro %}
