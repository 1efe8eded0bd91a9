{% macro markov(relation, path='path', conversions='conversions', value='value', nulls='nulls', depth=1) -%}
    {{ return(adapter.dispatch('markov', 'pg_journey')(relation, path, conversions, value, nulls, depth)) }}
{%- endmacro %}

{% macro default__markov(relation, path, conversions, value, nulls, depth) -%}
{{ pg_journey.path_sums(relation, 'markov', path, [(conversions, 'bigint'), (value, 'numeric'), (nulls, 'bigint')],
                        [depth] if depth != 1 else []) }}
{%- endmacro %}
