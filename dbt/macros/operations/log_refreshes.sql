{% macro log_refreshes(results) -%}
    {{ return(adapter.dispatch('log_refreshes', 'pg_journey')(results)) }}
{%- endmacro %}

{# For on-run-end. Of the journey_models of this run, what their last refresh did. #}
{% macro default__log_refreshes(results) -%}
    {%- set names = [] -%}
    {%- for result in results
            if execute and result.node.config.materialized == 'journey_model'
            and result.node.resource_type == 'model' and result.status == 'success' -%}
        {%- do names.append(pg_journey.text_literal(pg_journey.model_name(
            api.Relation.create(schema=result.node.schema, identifier=result.node.alias)))) -%}
    {%- endfor -%}
    {%- if names -%}
        {%- set refreshes = run_query(
            'select l.model, l.version, l.rows_read, l.new, l.duplicate, l.excluded, l.rejected,'
            ~ ' l.sessions_changed, l.profiles_changed, l.milliseconds, m.loaded_until, m.rebuild_due'
            ~ ' from journey.models as m'
            ~ ' join journey.refresh_log as l on l.model = m.model and l.version = m.version'
            ~ ' where m.model in (' ~ names | join(', ') ~ ') order by l.model') -%}
        {%- for r in refreshes.rows -%}
            {%- do log('pg_journey: ' ~ r[0] ~ ' refresh ' ~ r[1] ~ ': rows_read=' ~ r[2] ~ ' new=' ~ r[3]
                ~ ' duplicate=' ~ r[4] ~ ' excluded=' ~ r[5] ~ ' rejected=' ~ r[6]
                ~ ' sessions_changed=' ~ r[7] ~ ' profiles_changed=' ~ r[8]
                ~ ' ms=' ~ r[9] | round | int ~ ' loaded_until=' ~ r[10]
                ~ (' rebuild_due="' ~ r[11] ~ '"' if r[11] is not none else ''), info=true) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
