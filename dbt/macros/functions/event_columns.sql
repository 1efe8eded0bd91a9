{% macro event_columns(relation, columns={}) -%}
    {{ return(adapter.dispatch('event_columns', 'pg_journey')(relation, columns)) }}
{%- endmacro %}

{# A relation of the database is asked for its columns; of a name, such as that of a CTE, those of
   the short form of timeline_agg are taken to be there. #}
{% macro default__event_columns(relation, columns) -%}
    {%- set found = [] -%}
    {%- if execute and relation is not string -%}
        {%- set found = adapter.get_columns_in_relation(relation) | map(attribute='name') | list -%}
    {%- endif -%}
    {%- if not found -%}
        {%- set found = ['event_id', 'visitor_id', 'user_id', 'event_time', 'name', 'url',
                         'referrer', 'revenue'] -%}
    {%- endif -%}
    {%- set fields = {} -%}
    {%- for field in pg_journey.event_field_types() -%}
        {%- if field in columns -%}
            {%- if columns[field] is not none -%}{%- do fields.update({field: columns[field]}) -%}{%- endif -%}
        {%- elif field in found -%}
            {%- do fields.update({field: field}) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for field in columns if field not in pg_journey.event_field_types() -%}
        {%- do exceptions.raise_compiler_error(
            'pg_journey: an event has no field "' ~ field ~ '"; its fields are '
            ~ pg_journey.event_field_types().keys() | join(', ')) -%}
    {%- endfor -%}
    {%- for field in ['visitor_id', 'event_time'] if field not in fields -%}
        {%- do exceptions.raise_compiler_error(
            'pg_journey: ' ~ relation ~ ' has no column "' ~ field ~ '"; name the one that it is, as in '
            ~ 'columns={"' ~ field ~ '": "..."}') -%}
    {%- endfor -%}
    {{ return(fields) }}
{%- endmacro %}
