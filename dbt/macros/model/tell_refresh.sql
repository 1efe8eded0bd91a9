{% macro tell_refresh(name, counts) -%}
    {{ return(adapter.dispatch('tell_refresh', 'pg_journey')(name, counts)) }}
{%- endmacro %}

{% macro default__tell_refresh(name, counts) -%}
    {%- do log('pg_journey: model "' ~ name ~ '" refreshed: ' ~ counts[0] ~ ' rows read, ' ~ counts[1] ~ ' new, ' ~ counts[4] ~ ' rejected; '
        ~ counts[5] ~ ' sessions and ' ~ counts[6] ~ ' profiles changed; '
        ~ counts[7] | round | int ~ ' ms', info=true) -%}
{%- endmacro %}
