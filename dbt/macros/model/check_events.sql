{% macro check_events(relation) -%}
    {{ return(adapter.dispatch('check_events', 'pg_journey')(relation)) }}
{%- endmacro %}

{# Does the SELECT of a journey_model give what an event needs? #}
{% macro default__check_events(relation) -%}
    {%- set types = {} -%}
    {%- for column in adapter.get_columns_in_relation(relation) -%}
        {%- do types.update({column.name: column.data_type}) -%}
    {%- endfor -%}
    {%- for needed, names in {
            'of a visitor or a user': ['visitor_id', 'anonymous_id', 'user_id'],
            'with the time of the event': ['event_time', 'timestamp', 'original_timestamp', 'received_at']}.items()
            if not names | select('in', types) | list -%}
        {%- do exceptions.raise_compiler_error(
            'pg_journey: the SELECT of ' ~ model.name ~ ' has no column ' ~ needed ~ '; that is one of '
            ~ names | join(', ') ~ '. Its columns are ' ~ types.keys() | join(', ')) -%}
    {%- endfor -%}
    {%- set loaded = [] -%}
    {%- for name in ['loaded_at', 'uuid_ts', 'received_at'] if types.get(name, '').startswith('timestamp') -%}
        {%- do loaded.append(name) -%}
    {%- endfor -%}
    {%- if not loaded -%}
        {%- do log('pg_journey: ' ~ relation.render() ~ ' has no time of loading (loaded_at, uuid_ts or '
            ~ 'received_at): every run reads it whole', info=true) -%}
    {%- endif -%}
{%- endmacro %}
