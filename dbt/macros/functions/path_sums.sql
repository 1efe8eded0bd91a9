{% macro path_sums(relation, aggregate, path, columns, more=[]) -%}
    {{ return(adapter.dispatch('path_sums', 'pg_journey')(relation, aggregate, path, columns, more)) }}
{%- endmacro %}

{# What an aggregate over paths gives, as rows; columns maps those of a relation to their types, in order. #}
{% macro default__path_sums(relation, aggregate, path, columns, more) -%}
{%- set arguments = ['r.' ~ path] -%}
{%- for column, type in columns -%}
    {%- do arguments.append('r.' ~ column ~ '::' ~ type if column is not none else 'null') -%}
{%- endfor -%}
select c.*
from (
    select journey.{{ aggregate }}({{ (arguments + more) | join(', ') }}) as credits
    from (select * from {{ relation }}) as r
) as m
cross join lateral unnest(m.credits) as c
{%- endmacro %}
