{% macro drop_dependents(name, relation=none) -%}
    {{ return(adapter.dispatch('drop_dependents', 'pg_journey')(name, relation)) }}
{%- endmacro %}

{# Drops the views outside of a model's schema that show its relations, or one of them, as dbt does when it replaces
   a relation; the models behind them are made anew by their own run. #}
{% macro default__drop_dependents(name, relation) -%}
    {%- call statement('pg_journey_dependents', fetch_result=true) -%}
        select distinct vn.nspname, v.relname, case v.relkind when 'm' then 'materialized_view' else 'view' end
        from pg_catalog.pg_namespace as n
        join pg_catalog.pg_class as c on c.relnamespace = n.oid
        join pg_catalog.pg_depend as d on d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = c.oid
        join pg_catalog.pg_rewrite as r on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = r.oid
        join pg_catalog.pg_class as v on v.oid = r.ev_class
        join pg_catalog.pg_namespace as vn on vn.oid = v.relnamespace
        where n.nspname = {{ pg_journey.text_literal(name) }} and vn.oid <> n.oid
          {%- if relation is not none %} and c.relname = {{ pg_journey.text_literal(relation) }}{% endif %}
    {%- endcall -%}
    {%- for row in load_result('pg_journey_dependents')['data'] -%}
        {%- do log('pg_journey: drops ' ~ row[0] ~ '.' ~ row[1] ~ ', which shows model "' ~ name ~ '"', info=true) -%}
        {%- do adapter.drop_relation(api.Relation.create(
            database=target.dbname, schema=row[0], identifier=row[1], type=row[2])) -%}
    {%- endfor -%}
{%- endmacro %}
