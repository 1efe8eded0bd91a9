{% macro create_profiles_view(relation, exists) -%}
    {{ return(adapter.dispatch('create_profiles_view', 'pg_journey')(relation, exists)) }}
{%- endmacro %}

{# Replaced in place, so that views on it live on; dropped only if its columns have changed. #}
{% macro default__create_profiles_view(relation, exists) -%}
    {%- set profiles = pg_journey.model_relation(relation, 'profiles') -%}
    {%- if exists -%}
        {%- set old = [] -%}
        {%- for column in adapter.get_columns_in_relation(relation) -%}
            {%- do old.append(adapter.quote(column.name) ~ ' ' ~ column.data_type) -%}
        {%- endfor -%}
        {%- set new = [] -%}
        {%- for column in adapter.get_columns_in_relation(profiles) if not column.data_type.endswith('[]') and column.data_type != 'ARRAY' -%}
            {%- do new.append(adapter.quote(column.name) ~ ' ' ~ column.data_type) -%}
        {%- endfor -%}
        {%- if old != new[:old | length] -%}
            {%- do adapter.drop_relation(relation) -%}
        {%- endif -%}
    {%- endif -%}
    {%- call statement('pg_journey_profiles') -%}
        create or replace view {{ relation }} as
        select {{ pg_journey.plain_columns(profiles) }} from {{ profiles }}
    {%- endcall -%}
{%- endmacro %}
