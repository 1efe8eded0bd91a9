{% macro check_config(node) -%}
    {{ return(adapter.dispatch('check_config', 'pg_journey')(node)) }}
{%- endmacro %}

{# dbt takes any word in config(): a misspelled option would go unnoticed. #}
{% macro default__check_config(node) -%}
    {%- set of_dbt = [
        'access', 'alias', 'contract', 'database', 'description', 'docs', 'enabled', 'event_time', 'freshness',
        'full_refresh', 'grants', 'group', 'materialized', 'meta', 'on_configuration_change', 'packages',
        'persist_docs', 'post_hook', 'post-hook', 'pre_hook', 'pre-hook', 'quoting', 'schema', 'sql_header',
        'static_analysis', 'tags'] -%}
    {%- for key in node.get('unrendered_config', {})
            if key not in of_dbt and key not in pg_journey.known_options() -%}
        {%- do exceptions.warn('pg_journey: config "' ~ key ~ '" of ' ~ node.name
            ~ ' is no option of a model; options are ' ~ pg_journey.known_options() | join(', ')) -%}
    {%- endfor -%}
    {%- if (config.get('contract') or {}).enforced -%}
        {%- do exceptions.raise_compiler_error(
            'pg_journey: a journey_model takes no contract: its columns are those of the extension. '
            ~ 'Put the contract on a model that selects from ref(\'' ~ node.name ~ '\')') -%}
    {%- endif -%}
    {%- set own = (config.get('meta') or {}).get('pg_journey', {}) -%}
    {%- if own is not mapping -%}
        {%- do exceptions.raise_compiler_error(
            'pg_journey: meta.pg_journey of ' ~ node.name ~ ' must be a mapping of options, not ' ~ own) -%}
    {%- endif -%}
    {%- set options = pg_journey.model_options() -%}
    {%- do pg_journey.check_options(options, 'the options of ' ~ node.name) -%}
    {%- if not (config.get('meta') or {}).get('pg_journey_schemas') -%}
        {%- for option, why in {
                'capture': 'on which there are no triggers', 'ignore_deletes': 'of which no deletes are seen',
                'index_sources': 'on which there are no indexes',
                'revenue': 'whose column "revenue" has the amounts'}.items()
                if options.get(option) and options[option] != 'none' -%}
            {%- do exceptions.warn('pg_journey: option "' ~ option ~ '" of ' ~ node.name
                ~ ' has no effect: a journey_model reads a view, ' ~ why) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
