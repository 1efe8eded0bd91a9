{% macro model_state(name) -%}
    {{ return(adapter.dispatch('model_state', 'pg_journey')(name)) }}
{%- endmacro %}

{# none where the model does not exist; "lost" where only the catalog's row is left of it, "bare" where its
   store is left, but nothing that shows it. "definition" and "of", the dbt model it belongs to, are what keep_definition() noted. #}
{% macro default__model_state(name) -%}
    {%- call statement('pg_journey_state', fetch_result=true) -%}
        select m.version,
               coalesce(m.options_due, m.options)::text as options,
               m.options::text as in_force,
               m.sources::text as sources,
               m.rebuild_due,
               s.segments is null as lost,
               to_regclass(format('%I.sessions', m.schema)) is null as bare,
               substring(obj_description(s.segments, 'pg_class') from 'definition ([0-9a-f]{32})') as definition,
               substring(obj_description(s.segments, 'pg_class') from 'journey_model (\[".*"\])') as of
        from journey.models as m
        cross join lateral (select to_regclass(format('%I._segments', m.store_schema))) as s (segments)
        where m.model = {{ pg_journey.text_literal(name) }}
    {%- endcall -%}
    {%- set rows = load_result('pg_journey_state')['data'] -%}
    {%- if not rows -%}{{ return(none) }}{%- endif -%}
    {{ return({
        'version': rows[0][0], 'options': fromjson(rows[0][1]), 'in_force': fromjson(rows[0][2]),
        'sources': fromjson(rows[0][3]), 'rebuild_due': rows[0][4], 'lost': rows[0][5], 'bare': rows[0][6],
        'definition': rows[0][7], 'of': rows[0][8]
    }) }}
{%- endmacro %}
