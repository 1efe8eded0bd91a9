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
{%- endmacro %}
