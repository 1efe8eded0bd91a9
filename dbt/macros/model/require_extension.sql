{% macro require_extension() -%}
    {{ return(adapter.dispatch('require_extension', 'pg_journey')()) }}
{%- endmacro %}

{% macro default__require_extension() -%}
    {%- set needed = '0.2.0' -%}
    {%- set found = run_query(
        "select e.extversion, coalesce(has_schema_privilege(n.oid, 'usage'), false),"
        ~ " (select count(*) from pg_catalog.pg_available_extensions where name = 'pg_journey'),"
        ~ " string_to_array(substring(e.extversion from '^[0-9.]*[0-9]'), '.')::int[]"
        ~ " < string_to_array('" ~ needed ~ "', '.')::int[]"
        ~ " from (select 1) as one"
        ~ " left join pg_catalog.pg_extension as e on e.extname = 'pg_journey'"
        ~ " left join pg_catalog.pg_namespace as n on n.nspname = 'journey'").rows[0] -%}
    {%- if found[0] is none -%}
        {%- do exceptions.raise_compiler_error(
            'pg_journey: the extension is not installed in database "' ~ target.dbname ~ '". '
            ~ ('Let its owner or a superuser run there: CREATE EXTENSION pg_journey;' if found[2]
               else 'The server does not have it either: see "make install" in its README, then'
                    ~ ' CREATE EXTENSION pg_journey;')) -%}
    {%- elif found[3] -%}
        {%- do exceptions.raise_compiler_error(
            'pg_journey: the extension in database "' ~ target.dbname ~ '" is of version '
            ~ found[0] ~ ', and this dbt package needs ' ~ needed ~ ' or newer. '
            ~ 'Install it on the server, then let its owner run: ALTER EXTENSION pg_journey UPDATE;') -%}
    {%- elif not found[1] -%}
        {%- do exceptions.raise_compiler_error(
            'pg_journey: role "' ~ target.user ~ '" may not use the extension. Let its owner run: '
            ~ 'GRANT USAGE ON SCHEMA journey TO ' ~ adapter.quote(target.user) ~ ';') -%}
    {%- endif -%}
{%- endmacro %}
