{% macro read_schemas(name, schemas, state) -%}
    {{ return(adapter.dispatch('read_schemas', 'pg_journey')(name, schemas, state)) }}
{%- endmacro %}

{# Lets a model read the loader's schemas; whether a model that had read something reads less than before, or under
   other names. #}
{% macro default__read_schemas(name, schemas, state) -%}
    {%- set literal = pg_journey.text_literal(name) -%}
    {%- set known = {} -%}
    {%- for source in (state['sources'] if state else []) if source.get('relation') is none -%}
        {%- do known.update({source['schema']: source.get('options') or {}}) -%}
    {%- endfor -%}
    {%- set wanted = {} -%}
    {%- for schema in known -%}{%- do wanted.update({schema: {'exclude_tables': ['*']}}) -%}{%- endfor -%}
    {%- for schema, given in schemas.items() -%}
        {%- do wanted.update({schema: {'exclude_tables': given['exclude_tables']}}) -%}
        {%- if given['event_names'] -%}{%- do wanted[schema].update({'event_names': given['event_names']}) -%}{%- endif -%}
    {%- endfor -%}
    {%- set changed = [] -%}
    {%- for schema, options in wanted.items() if options != known.get(schema) -%}
        {%- call statement('pg_journey_schema') -%}
            select journey.{{ 'set_schema' if schema in known else 'add_schema' }}({{ literal }}, {{ pg_journey.text_literal(schema) }}, {{
                pg_journey.jsonb_literal(options) }})
        {%- endcall -%}
        {%- if schema in known -%}
            {%- do changed.append(schema) -%}
            {%- set excluded = options['exclude_tables'] -%}
            {%- do log('pg_journey: model "' ~ name ~ '" leaves out of schema "' ~ schema ~ '" '
                ~ ('all tables' if excluded == ['*'] else excluded | join(', ') or 'nothing')
                ~ (', and names events of ' ~ options['event_names'].keys() | join(', ') if options.get('event_names')),
                info=true) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(changed != []) }}
{%- endmacro %}
