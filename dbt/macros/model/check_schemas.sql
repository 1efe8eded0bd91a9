{% macro check_schemas(schemas) -%}
    {{ return(adapter.dispatch('check_schemas', 'pg_journey')(schemas)) }}
{%- endmacro %}

{# Unreadable is not absent: a loader's schema, or a table of it, that this role may not read would leave
   its events out of every number. A table that a variable names and that is not there may be yet to come. #}
{% macro default__check_schemas(schemas) -%}
    {%- for schema, given in schemas.items() -%}
        {%- set literal = pg_journey.text_literal(schema) -%}
        {%- set role = adapter.quote(target.user) -%}
        {%- set found = run_query(
            "select has_schema_privilege(oid, 'usage') from pg_catalog.pg_namespace where nspname = " ~ literal).rows -%}
        {%- if not found -%}
            {%- do exceptions.raise_compiler_error('pg_journey: schema "' ~ schema
                ~ '", which a variable of pg_journey names, does not exist in database "' ~ target.dbname ~ '"') -%}
        {%- elif not found[0][0] -%}
            {%- do exceptions.raise_compiler_error('pg_journey: role ' ~ role ~ ' may not use schema "' ~ schema
                ~ '". Let its owner run: GRANT USAGE ON SCHEMA ' ~ adapter.quote(schema) ~ ' TO ' ~ role ~ ';') -%}
        {%- endif -%}
        {%- set names = [] -%}
        {%- set denied = [] -%}
        {%- for name, _, readable in pg_journey.loader_tables(schema, given['exclude_tables']) -%}
            {%- do names.append(name) -%}
            {%- if not readable -%}{%- do denied.append(name) -%}{%- endif -%}
        {%- endfor -%}
        {%- if denied -%}
            {%- do exceptions.raise_compiler_error('pg_journey: role ' ~ role ~ ' may not read ' ~ denied | join(', ')
                ~ ' in schema "' ~ schema ~ '". Let their owner run: GRANT SELECT ON ALL TABLES IN SCHEMA '
                ~ adapter.quote(schema) ~ ' TO ' ~ role ~ '; ALTER DEFAULT PRIVILEGES IN SCHEMA ' ~ adapter.quote(schema)
                ~ ' GRANT SELECT ON TABLES TO ' ~ role ~ ';') -%}
        {%- endif -%}
        {%- for name in given['event_tables'] if name not in names -%}
            {%- do exceptions.warn('pg_journey: schema "' ~ schema ~ '" has no table "' ~ name
                ~ '", which the list of event tables names; it is read from its beginning once it is there') -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endmacro %}
