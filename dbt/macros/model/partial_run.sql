{% macro partial_run() -%}
    {{ return(adapter.dispatch('partial_run', 'pg_journey')()) }}
{%- endmacro %}

{# The flag by which this run sees a part of the rows alone, --empty or --sample; none otherwise. #}
{% macro default__partial_run() -%}
    {{ return('--empty' if invocation_args_dict.get('empty')
              else '--sample' if invocation_args_dict.get('sample') else none) }}
{%- endmacro %}
