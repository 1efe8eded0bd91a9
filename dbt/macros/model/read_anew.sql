{% macro read_anew(name) -%}
    {{ return(adapter.dispatch('read_anew', 'pg_journey')(name)) }}
{%- endmacro %}

{# What a model reads has changed: all is read again and derived anew, since a stored event in its old form
   could win over the new one. Stored events that are given no more, such as those under the old names of
   visitors, would double what is given in their place: they fail the run. #}
{% macro default__read_anew(name) -%}
    {%- set run = 'dbt run --select ' ~ model.name -%}
    {%- set hint = 'To derive all from what it gives now: ' ~ run ~ " --full-refresh --vars 'pg_journey_force: true'."
        ~ ' To keep them beside what it gives: ' ~ run ~ " --vars 'pg_journey_keep: true'." -%}
    {%- call statement('pg_journey_rebuild') -%}
        do $pg_journey$
        begin
            perform journey.rebuild({{ pg_journey.text_literal(name) }}, from_sources => true);
        exception when object_not_in_prerequisite_state then
            raise exception 'what % reads has changed: %', {{ pg_journey.text_literal(model.name) }}, sqlerrm
                using errcode = sqlstate, hint = {{ pg_journey.text_literal(hint) }};
        end
        $pg_journey$
    {%- endcall -%}
{%- endmacro %}
