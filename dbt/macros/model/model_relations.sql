{% macro model_relations() -%}
    {{ return(adapter.dispatch('model_relations', 'pg_journey')()) }}
{%- endmacro %}

{% macro default__model_relations() -%}
    {{ return([
        'sessions', 'touches', 'identities', 'profiles', 'profiles_masked', 'changes', 'conversions', 'attributed_touches', 'events',
        'page_views', 'timelines', 'exports', 'segment_members', 'profile_changes', 'rejected_events'
    ]) }}
{%- endmacro %}
