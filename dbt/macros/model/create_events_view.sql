{% macro create_events_view(relation, sql) -%}
    {{ return(adapter.dispatch('create_events_view', 'pg_journey')(relation, sql)) }}
{%- endmacro %}

{% macro default__create_events_view(relation, sql) -%}
    {%- do adapter.drop_relation(relation) -%}
    {%- call statement('pg_journey_events') -%}
        create view {{ relation }} as (
        {{ sql }}
        );
        comment on view {{ relation }} is 'the events that a journey_model reads';
    {%- endcall -%}
    {%- set times = [] -%}
    {%- for column in adapter.get_columns_in_relation(relation)
            if column.name in ['loaded_at', 'uuid_ts', 'received_at']
            and column.data_type.startswith('timestamp') -%}
        {%- do times.append(column.name) -%}
    {%- endfor -%}
    {%- if not times -%}
        {%- do log('pg_journey: ' ~ relation.render() ~ ' has no time of loading (loaded_at, uuid_ts or '
            ~ 'received_at): every run reads it whole', info=true) -%}
    {%- endif -%}
{%- endmacro %}
