{% macro check_options(options, where) -%}
    {{ return(adapter.dispatch('check_options', 'pg_journey')(options, where)) }}
{%- endmacro %}

{# The names of options and the shape of those that are written by hand most; their values are checked by
   the extension, which knows them. #}
{% macro default__check_options(options, where) -%}
    {%- if options is not mapping -%}
        {%- do exceptions.raise_compiler_error(
            'pg_journey: ' ~ where ~ ' must be a mapping, such as {time_zone: Europe/Berlin}, not ' ~ options) -%}
    {%- endif -%}
    {%- for option in options if option not in pg_journey.known_options() -%}
        {%- do exceptions.raise_compiler_error(
            'pg_journey: "' ~ option ~ '" in ' ~ where ~ ' is no option of a model; options are '
            ~ pg_journey.known_options() | join(', ')) -%}
    {%- endfor -%}
    {%- if options.get('revenue') is not none -%}
        {%- do pg_journey.check_revenue(options['revenue'], where) -%}
    {%- endif -%}
{%- endmacro %}
