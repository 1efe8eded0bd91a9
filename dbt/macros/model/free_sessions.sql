{% macro free_sessions(name, options, state) -%}
    {{ return(adapter.dispatch('free_sessions', 'pg_journey')(name, options, state)) }}
{%- endmacro %}

{# Before options are put in force: where they give sessions other columns, the views on them go. They were due since an
   earlier run, or come with this one. #}
{% macro default__free_sessions(name, options, state) -%}
    {%- if state['in_force'].get('keep_properties') != options.get('keep_properties') -%}
        {%- do pg_journey.drop_dependents(name, 'sessions') -%}
    {%- endif -%}
{%- endmacro %}
