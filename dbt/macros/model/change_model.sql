{% macro change_model(name, events, options, state) -%}
    {{ return(adapter.dispatch('change_model', 'pg_journey')(name, events, options, state)) }}
{%- endmacro %}

{% macro default__change_model(name, events, options, state) -%}
    {%- set own = [] -%}
    {%- for source in state['sources'] -%}
        {%- if source.get('relation') is none and events is none
                or events is not none and source['schema'] == events.schema
                and source.get('relation') == events.identifier -%}
            {%- do own.append(source) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if not own -%}
        {%- do exceptions.raise_compiler_error(
            'pg_journey: model "' ~ name ~ '" exists and does not read '
            ~ ('the loader\'s schemas' if events is none else events.render())
            ~ ': it belongs to something else. Give this dbt model another alias, or drop the other: '
            ~ "SELECT journey.drop_model('" ~ name ~ "');") -%}
    {%- endif -%}
    {%- set rebuilt = should_full_refresh() or var('pg_journey_rebuild', false) -%}
    {%- set how = 'dbt run --full-refresh --select ' ~ model.name ~ ' does it; from the stored events, where raw rows are'
        ~ ' gone, dbt run --select ' ~ model.name ~ " --vars 'pg_journey_rebuild: true'." -%}
    {%- set changed = pg_journey.changed_options(state['options'], options) -%}
    {%- if changed -%}
        {%- if state['version'] == 0 -%}{%- do pg_journey.free_sessions(name, options, state) -%}{%- endif -%}
        {%- call statement('pg_journey_options', fetch_result=true) -%}
            select journey.set_options({{ pg_journey.text_literal(name) }}, {{ pg_journey.jsonb_literal(changed) }})
        {%- endcall -%}
        {%- for option in changed -%}
            {%- do log('pg_journey: option "' ~ option ~ '" of model "' ~ name ~ '" changes from '
                ~ tojson(state['options'].get(option, 'default')) ~ ' to '
                ~ tojson(options.get(option, 'default')), info=true) -%}
        {%- endfor -%}
        {%- set answer = load_result('pg_journey_options')['data'][0][0] -%}
        {%- if answer.startswith('rebuild is due') and not rebuilt -%}
            {%- do exceptions.warn('pg_journey: model "' ~ name ~ '": ' ~ answer
                ~ '. Until then it goes on by the old rules. ' ~ how) -%}
        {%- else -%}
            {%- do log('pg_journey: model "' ~ name ~ '": '
                ~ ('rebuilt by this run, so that they hold for all rows' if rebuilt
                   else answer ~ ', they hold from this run on'), info=true) -%}
        {%- endif -%}
    {%- elif state['rebuild_due'] is not none and not rebuilt -%}
        {%- do exceptions.warn('pg_journey: model "' ~ name ~ '": rebuild is due: ' ~ state['rebuild_due'] ~ '. ' ~ how) -%}
    {%- endif -%}
{%- endmacro %}
