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
    {%- set partial = pg_journey.partial_run() -%}
    {%- set schemas = (config.get('meta') or {}).get('pg_journey_schemas') -%}

    {%- do pg_journey.require_extension() -%}
    {%- do pg_journey.check_config(model) -%}
    {%- set options = pg_journey.model_options() -%}
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
    {%- elif state is not none and state['bare'] -%}
        {%- do exceptions.raise_compiler_error(
            'pg_journey: the schema of model "' ~ name ~ '" was dropped, but its store holds events. To make it anew of what '
            ~ this.name ~ ' gives now: SELECT journey.drop_model(' ~ model_literal ~ ');') -%}
    {%- endif -%}

    {%- if partial and state is not none -%}
        {%- do log('pg_journey: model "' ~ name ~ '" is left as it is by ' ~ partial, info=true) -%}
        {%- call statement('main') -%}select 1{%- endcall -%}
    {%- else -%}
        {%- if schemas -%}
            {%- do pg_journey.check_schemas(schemas) -%}
            {%- set events = none -%}
            {%- set definition = none -%}
        {%- else -%}
            {%- set read_before = state['definition'] if state is not none -%}
            {%- set definition = pg_journey.create_events_view(events, sql) -%}
        {%- endif -%}
        {%- if state is none -%}
            {%- do pg_journey.create_model(name, events, options) -%}
        {%- else -%}
            {%- do pg_journey.change_model(name, events, options, state) -%}
        {%- endif -%}

        {%- set less = schemas and pg_journey.read_schemas(name, schemas, state) -%}
        {%- do pg_journey.read_conversions(
            name, (config.get('meta') or {}).get('pg_journey_conversion_tables') or [], state) -%}
        {%- set full_refresh = state is not none and should_full_refresh() -%}
        {%- if full_refresh or state is not none and var('pg_journey_rebuild', false) and not partial -%}
            {%- do pg_journey.free_sessions(name, options, state) -%}
            {%- call statement('pg_journey_rebuild') -%}
                select journey.rebuild({{ model_literal }}, from_sources => {{ 'true' if full_refresh else 'false' }},
                                       force => {{ 'true' if var('pg_journey_force', false) else 'false' }})
            {%- endcall -%}
            {%- do pg_journey.tell_rebuild(name) -%}
        {%- endif -%}
        {%- set read = state is not none and state['version'] > 0 and not full_refresh -%}
        {%- set changed = read and (less or not schemas and read_before != definition) -%}
        {%- if partial -%}
            {%- do log('pg_journey: nothing is read by ' ~ partial, info=true) -%}
            {%- call statement('main') -%}select 1{%- endcall -%}
        {%- else -%}
            {%- if changed -%}
                {%- do log('pg_journey: model "' ~ name ~ '" reads its events whole, since '
                    ~ ('its tables have changed' if schemas else 'the SELECT has changed' if read_before
                       else 'what it has read is not known'), info=true) -%}
                {%- if not var('pg_journey_keep', false) -%}
                    {%- do pg_journey.free_sessions(name, options, state) -%}
                    {%- do pg_journey.read_anew(name) -%}
                {%- endif -%}
            {%- endif -%}
            {%- call statement('main', fetch_result=true) -%}
                select rows_read, new, duplicate, excluded, rejected, sessions_changed, profiles_changed, total_ms
                from journey.refresh({{ model_literal }}
                {%- if changed and var('pg_journey_keep', false) %}, since => '-infinity'
                {%- elif var('pg_journey_since', '') %}, since => {{ pg_journey.text_literal(var('pg_journey_since')) }}
                {%- endif %})
            {%- endcall -%}
            {%- if not schemas and read_before != definition or not (state or {}).get('of') -%}
                {%- do pg_journey.keep_definition(name, this, definition) -%}
            {%- endif -%}
            {%- do pg_journey.tell_refresh(name, load_result('main')['data'][0]) -%}
        {%- endif -%}
    {%- endif -%}

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
