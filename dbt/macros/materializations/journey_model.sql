{# The SELECT becomes the view <identifier>__events, which a model of the extension reads; the
   relation itself is a view that shows the model's profiles. All is one transaction. #}
{% materialization journey_model, adapter='postgres' %}
    {%- set target_relation = this.incorporate(type='view') -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set events = api.Relation.create(
        database=this.database, schema=this.schema, identifier=this.identifier ~ '__events',
        type='view') -%}
    {%- set name = pg_journey.model_name(this) -%}
    {%- set model_literal = pg_journey.text_literal(name) -%}
    {%- set options = pg_journey.model_options() -%}

    {%- do pg_journey.require_extension() -%}
    {%- do pg_journey.check_config(model) -%}
    {{ run_hooks(pre_hooks, inside_transaction=false) }}
    {{ run_hooks(pre_hooks, inside_transaction=true) }}

    {# runs of one model go one after the other, also where it is yet to be made #}
    {%- call statement('pg_journey_lock') -%}
        select pg_advisory_xact_lock(hashtextextended({{ pg_journey.text_literal('pg_journey ' ~ name) }}, 0))
    {%- endcall -%}
    {%- set state = pg_journey.model_state(name) -%}
    {%- if state is not none and state['lost'] -%}
        {%- call statement('pg_journey_drop_lost') -%}
            select journey.drop_model({{ model_literal }})
        {%- endcall -%}
        {%- set state = none -%}
    {%- endif -%}

    {%- do pg_journey.create_events_view(events, sql) -%}
    {%- if state is none -%}
        {%- do pg_journey.create_model(name, events, options) -%}
    {%- else -%}
        {%- do pg_journey.change_model(name, events, options, state) -%}
    {%- endif -%}

    {%- set full_refresh = state is not none and should_full_refresh() -%}
    {%- if full_refresh -%}
        {%- if state['options'].get('keep_properties') != options.get('keep_properties') -%}
            {%- do pg_journey.drop_dependents(name) -%}
        {%- endif -%}
        {%- call statement('pg_journey_rebuild') -%}
            select journey.rebuild({{ model_literal }}, from_sources => true,
                                   force => {{ 'true' if var('pg_journey_force', false) else 'false' }})
        {%- endcall -%}
    {%- endif -%}
    {%- call statement('main', fetch_result=true) -%}
        select rows_read, new, duplicate, excluded, rejected, sessions_changed, profiles_changed, total_ms
        from journey.refresh({{ model_literal }}
        {%- if var('pg_journey_since', '') %}, since => {{ pg_journey.text_literal(var('pg_journey_since')) }}{% endif %})
    {%- endcall -%}
    {%- do pg_journey.tell_refresh(name, load_result('main')['data'][0], full_refresh) -%}

    {%- if existing is not none and not existing.is_view -%}
        {%- do adapter.drop_relation(existing) -%}
    {%- endif -%}
    {%- do pg_journey.create_profiles_view(
        target_relation, existing is not none and existing.is_view) -%}

    {%- do apply_grants(target_relation, config.get('grants'), should_revoke=true) -%}
    {%- do persist_docs(target_relation, model) -%}
    {{ run_hooks(post_hooks, inside_transaction=true) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=false) }}

    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
