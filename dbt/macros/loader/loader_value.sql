{% macro loader_value(columns, names, type='text') -%}
    {{ return(adapter.dispatch('loader_value', 'pg_journey')(columns, names, type)) }}
{%- endmacro %}

{# The first of the columns that is not null, of those that the table has; a loader makes a column
   when it first has a value for it. Times without a zone are UTC; text that is no number is null. #}
{% macro default__loader_value(columns, names, type) -%}
    {%- set values = [] -%}
    {%- for written in names -%}
        {%- set name = written.lstrip('-') -%}
        {%- if name in columns -%}
            {%- set value = adapter.quote(name) if name in ['timestamp', 'order', 'user'] else name -%}
            {%- if type == 'timestamptz' and columns[name].startswith('timestamp without') -%}
                {%- set value = value ~ " at time zone 'UTC'" -%}
            {%- elif type == 'numeric' and (columns[name].startswith('character') or columns[name] == 'text') -%}
                {%- set value = "case when " ~ value ~ " ~ '^-?[0-9]+([.][0-9]+)?$' then " ~ value ~ "::numeric end" -%}
            {%- elif columns[name] not in ({'text': ['text'], 'timestamptz': ['timestamp with time zone'],
                                            'numeric': ['numeric'], 'jsonb': ['jsonb']}[type]) -%}
                {%- set value = value ~ '::' ~ type -%}
            {%- endif -%}
            {%- do values.append(('-' if written.startswith('-')) ~ value) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return('null::' ~ type if not values else values[0] if values | length == 1
              else 'coalesce(' ~ values | join(', ') ~ ')') }}
{%- endmacro %}
