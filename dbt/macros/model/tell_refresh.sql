{% macro tell_refresh(name, counts, full_refresh=false) -%}
    {{ return(adapter.dispatch('tell_refresh', 'pg_journey')(name, counts, full_refresh)) }}
{%- endmacro %}

{% macro default__tell_refresh(name, counts, full_refresh) -%}
    {%- do log('pg_journey: model "' ~ name ~ '"' ~ (' rebuilt, then' if full_refresh) ~ ' refreshed: '
        ~ counts[0] ~ ' rows read, ' ~ counts[1] ~ ' new, ' ~ counts[4] ~ ' rejected; '
        ~ counts[5] ~ ' sessions and ' ~ counts[6] ~ ' profiles changed; '
        ~ counts[7] | round | int ~ ' ms', info=true) -%}
{%- endmacro %}
