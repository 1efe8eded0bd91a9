{% macro drop_models(schema=target.schema, dry_run=true) -%}
    {{ return(adapter.dispatch('drop_models', 'pg_journey')(schema, dry_run)) }}
{%- endmacro %}

{# For dbt run-operation: the models of the extension that a target schema has, and that this
   project does not have any more, or all of them if the schema is gone. #}
{% macro default__drop_models(schema, dry_run) -%}
    {%- set kept = [] -%}
    {%- for node in graph.nodes.values()
            if node.config.materialized == 'journey_model' and node.schema == schema
            and schema == target.schema -%}
        {%- do kept.append(node.alias ~ '__events') -%}
    {%- endfor -%}
    {%- set found = run_query(
        "select m.model, s.value ->> 'relation' from journey.models as m,"
        ~ " jsonb_array_elements(m.sources) as s where s.value ->> 'schema' = "
        ~ pg_journey.text_literal(schema) ~ " and s.value ->> 'relation' like '%\_\_events'"
        ~ " and m.model = " ~ pg_journey.text_literal(schema ~ '_')
        ~ " || left(s.value ->> 'relation', -8)") -%}
    {%- for row in found.rows if row[1] not in kept -%}
        {%- if dry_run -%}
            {%- do log('pg_journey: would drop model "' ~ row[0] ~ '"', info=true) -%}
        {%- else -%}
            {%- do run_query('begin; select journey.drop_model(' ~ pg_journey.text_literal(row[0])
                ~ '); drop view if exists ' ~ adapter.quote(schema) ~ '.' ~ adapter.quote(row[1]) ~ ' cascade; drop view if exists '
                ~ adapter.quote(schema) ~ '.' ~ adapter.quote(row[1][:-8]) ~ ' cascade; commit;') -%}
            {%- do log('pg_journey: dropped model "' ~ row[0] ~ '"', info=true) -%}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}
