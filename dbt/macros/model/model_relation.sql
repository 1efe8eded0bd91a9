{% macro model_relation(relation, name) -%}
    {{ return(adapter.dispatch('model_relation', 'pg_journey')(relation, name)) }}
{%- endmacro %}

{% macro default__model_relation(relation, name) -%}
    {%- set known = ['sessions', 'touches', 'identities', 'profiles', 'conversions', 'events',
                     'page_views', 'rejected_events', 'profile_changes'] -%}
    {%- if name not in known -%}
        {%- do exceptions.raise_compiler_error(
            'pg_journey: a model has no relation "' ~ name ~ '"; it has ' ~ known | join(', ')) -%}
    {%- endif -%}
    {{ return(api.Relation.create(
        database=relation.database, schema=pg_journey.model_name(relation), identifier=name)) }}
{%- endmacro %}
