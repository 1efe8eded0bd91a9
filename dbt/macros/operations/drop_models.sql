{% macro drop_models(schema=target.schema, dry_run=true) -%}
    {{ return(adapter.dispatch('drop_models', 'pg_journey')(schema, dry_run)) }}
{%- endmacro %}

{# For dbt run-operation: drops the models of the extension that were made for target schemas of this name, in which %
   stands for any characters, and that this project has no more; those of another target all. #}
{% macro default__drop_models(schema, dry_run) -%}
    {%- set kept = [] -%}
    {%- for node in graph.nodes.values() if node.config.materialized == 'journey_model' -%}
        {%- do kept.append(node.schema ~ '_' ~ node.alias) -%}
    {%- endfor -%}
    {%- call statement('pg_journey_models', fetch_result=true) -%}
        select m.model, coalesce(d.of ->> 0, s.of ->> 0), coalesce(d.of ->> 1, s.of ->> 1)
        from journey.models as m
        cross join lateral (
            select substring(obj_description(to_regclass(format('%I._segments', m.store_schema)), 'pg_class')
                             from 'journey_model (\[".*"\])')::jsonb) as d (of)
        left join lateral (
            select jsonb_build_array(s.schema, left(s.relation, -8))
            from jsonb_to_recordset(m.sources) as s (schema text, relation text)
            where right(s.relation, 8) = '__events' and m.model = s.schema || '_' || left(s.relation, -8)
            limit 1) as s (of) on true
        where coalesce(d.of ->> 0, s.of ->> 0) like {{ pg_journey.text_literal(schema | replace('\\', '\\\\') | replace('_', '\\_')) }}
        order by m.model
    {%- endcall -%}
    {%- for row in load_result('pg_journey_models')['data'] if row[0] not in kept -%}
        {%- if dry_run -%}
            {%- do log('pg_journey: would drop model "' ~ row[0] ~ '"', info=true) -%}
        {%- else -%}
            {%- do pg_journey.drop_dependents(row[0]) -%}
            {%- call statement('pg_journey_drop_model') -%}
                select journey.drop_model({{ pg_journey.text_literal(row[0]) }});
                drop view if exists {{ api.Relation.create(schema=row[1], identifier=row[2] ~ '__events') }} cascade
            {%- endcall -%}
            {%- do log('pg_journey: dropped model "' ~ row[0] ~ '"', info=true) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if not dry_run -%}{%- do adapter.commit() -%}{%- endif -%}
{%- endmacro %}
