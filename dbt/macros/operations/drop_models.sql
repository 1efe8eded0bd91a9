{% macro drop_models(schema=target.schema, dry_run=true) -%}
    {{ return(adapter.dispatch('drop_models', 'pg_journey')(schema, dry_run)) }}
{%- endmacro %}

{# For dbt run-operation: drops the models of the extension that were made for a target schema and
   that this project has no more; all of them if the schema is not this target's. #}
{% macro default__drop_models(schema, dry_run) -%}
    {%- set kept = [] -%}
    {%- for node in graph.nodes.values()
            if node.config.materialized == 'journey_model' and node.schema == schema -%}
        {%- do kept.append(schema ~ '_' ~ node.alias) -%}
    {%- endfor -%}
    {%- call statement('pg_journey_models', fetch_result=true) -%}
        select m.model, s.relation, left(s.relation, -8)
        from journey.models as m
        cross join lateral jsonb_to_recordset(m.sources) as s(schema text, relation text)
        where s.schema = {{ pg_journey.text_literal(schema) }}
          and right(s.relation, 8) = '__events'
          and m.model = s.schema || '_' || left(s.relation, -8)
        order by m.model
    {%- endcall -%}
    {%- for row in load_result('pg_journey_models')['data'] if row[0] not in kept -%}
        {%- if dry_run -%}
            {%- do log('pg_journey: would drop model "' ~ row[0] ~ '"', info=true) -%}
        {%- else -%}
            {%- do pg_journey.drop_dependents(row[0]) -%}
            {%- call statement('pg_journey_drop_model') -%}
                select journey.drop_model({{ pg_journey.text_literal(row[0]) }});
                drop view if exists {{ api.Relation.create(schema=schema, identifier=row[1]) }} cascade
            {%- endcall -%}
            {%- do log('pg_journey: dropped model "' ~ row[0] ~ '"', info=true) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if not dry_run -%}{%- do adapter.commit() -%}{%- endif -%}
{%- endmacro %}
