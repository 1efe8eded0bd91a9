{% macro check_create(name) -%}
    {{ return(adapter.dispatch('check_create', 'pg_journey')(name)) }}
{%- endmacro %}

{# May this role make the schemas of a model, unless they are there? #}
{% macro default__check_create(name) -%}
    {%- call statement('pg_journey_create', fetch_result=true) -%}
        select n.name
        from (values ({{ pg_journey.text_literal(name) }}), ({{ pg_journey.text_literal(name ~ '_store') }})) as n (name)
        where to_regnamespace(quote_ident(n.name)) is null and not has_database_privilege(current_database(), 'create')
    {%- endcall -%}
    {%- set missing = load_result('pg_journey_create')['data'] -%}
    {%- if missing -%}
        {%- set role = adapter.quote(target.user) -%}
        {%- set made = [] -%}
        {%- for row in missing -%}
            {%- do made.append('CREATE SCHEMA ' ~ adapter.quote(row[0]) ~ ' AUTHORIZATION ' ~ role ~ ';') -%}
        {%- endfor -%}
        {%- do exceptions.raise_compiler_error(
            'pg_journey: role ' ~ role ~ ' may not make the schema of model "' ~ name ~ '". Let an administrator run: '
            ~ made | join(' ') ~ ' Or, for all models: GRANT CREATE ON DATABASE ' ~ adapter.quote(target.dbname) ~ ' TO '
            ~ role ~ ';') -%}
    {%- endif -%}
{%- endmacro %}
