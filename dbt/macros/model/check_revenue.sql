{% macro check_revenue(revenue, where) -%}
    {{ return(adapter.dispatch('check_revenue', 'pg_journey')(revenue, where)) }}
{%- endmacro %}

{# Event names, or tables, with columns: a name or a list of names. #}
{% macro default__check_revenue(revenue, where) -%}
    {%- set example = '; an example is {order_completed: [revenue, total], order_refunded: ["-total"]}' -%}
    {%- if revenue is not mapping -%}
        {%- do exceptions.raise_compiler_error('pg_journey: revenue in ' ~ where
            ~ ' must map events to columns, not ' ~ revenue ~ example) -%}
    {%- endif -%}
    {%- for event, columns in revenue.items() -%}
        {%- set names = [columns] if columns is string else columns -%}
        {%- if names is mapping or names is not iterable or not names
                or names | reject('string') | list -%}
            {%- do exceptions.raise_compiler_error('pg_journey: revenue of "' ~ event ~ '" in ' ~ where
                ~ ' must be a column or a list of columns, not ' ~ columns ~ example) -%}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}
