{% macro events_definition(relation) -%}
    {{ return(adapter.dispatch('events_definition', 'pg_journey')(relation)) }}
{%- endmacro %}

{# A hash of what a view and the views below it select, as the server understands it: comments, blanks
   and the way a name is written do not count; and of the code of tables that dbt makes below them. #}
{% macro default__events_definition(relation) -%}
    {%- set here = pg_journey.text_literal(relation.include(database=false).render()) -%}
    {%- call statement('pg_journey_definition', fetch_result=true) -%}
        select current_setting('search_path'), set_config('search_path', '', true), {{ here }}::regclass::oid::text
    {%- endcall -%}
    {%- set path, _, oid = load_result('pg_journey_definition')['data'][0] -%}
    {%- call statement('pg_journey_definition', fetch_result=true) -%}
        with recursive views as (
            select {{ oid }}::oid as view
            union
            select d.refobjid
            from views as v
            join pg_catalog.pg_rewrite as r on r.ev_class = v.view
            join pg_catalog.pg_depend as d
                on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = r.oid
                and d.refclassid = 'pg_catalog.pg_class'::regclass
            join pg_catalog.pg_class as c on c.oid = d.refobjid
            where c.relkind in ('v', 'm'))
        select md5(string_agg(v.view::regclass::text || pg_catalog.pg_get_viewdef(v.view), e'\n'
                              order by v.view::regclass::text collate "C"))
        from views as v
    {%- endcall -%}
    {%- set hash = load_result('pg_journey_definition')['data'][0][0] -%}
    {%- call statement('pg_journey_definition') -%}
        select set_config('search_path', {{ pg_journey.text_literal(path) }}, true)
    {%- endcall -%}
    {%- set code = pg_journey.stored_code(model) -%}
    {{ return(local_md5(hash ~ code) if code else hash) }}
{%- endmacro %}
