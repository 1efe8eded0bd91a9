{% macro changed_options(old, new) -%}
    {{ return(adapter.dispatch('changed_options', 'pg_journey')(old, new)) }}
{%- endmacro %}

{% macro default__changed_options(old, new) -%}
    {%- set changed = {} -%}
    {%- for option in new if new[option] != old.get(option) -%}
        {%- do changed.update({option: new[option]}) -%}
    {%- endfor -%}
    {%- for option in old if option not in new -%}
        {%- do changed.update({option: none}) -%}
    {%- endfor -%}
    {{ return(changed) }}
{%- endmacro %}
