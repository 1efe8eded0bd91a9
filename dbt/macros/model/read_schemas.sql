{% macro read_schemas(name, schemas, state) -%}
    {{ return(adapter.dispatch('read_schemas', 'pg_journey')(name, schemas, state)) }}
{%- endmacro %}

{# Lets a model read the loader's schemas; whether a model that had read something reads less than before. #}
{% macro default__read_schemas(name, schemas, state) -%}
    {%- set literal = pg_journey.text_literal(name) -%}
    {%- set known = {} -%}
    {%- for source in (state['sources'] if state else []) if source.get('relation') is none -%}
        {%- do known.update({source['schema']: source.get('options', {}).get('exclude_tables', [])}) -%}
    {%- endfor -%}
    {%- set wanted = {} -%}
    {%- for schema in known -%}{%- do wanted.update({schema: ['*']}) -%}{%- endfor -%}
    {%- for schema, given in schemas.items() -%}{%- do wanted.update({schema: given['exclude_tables']}) -%}{%- endfor -%}
    {%- set changed = [] -%}
    {%- for schema, excluded in wanted.items() if excluded != known.get(schema) -%}
        {%- call statement('pg_journey_schema') -%}
            select journey.{{ 'set_schema' if schema in known else 'add_schema' }}({{ literal }}, {{ pg_journey.text_literal(schema) }}, {{
                pg_journey.jsonb_literal({'exclude_tables': excluded}) }})
        {%- endcall -%}
        {%- if schema in known -%}
            {%- do changed.append(schema) -%}
            {%- do log('pg_journey: model "' ~ name ~ '" leaves out of schema "' ~ schema ~ '" '
                ~ ('all tables' if excluded == ['*'] else excluded | join(', ') or 'nothing'), info=true) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(changed != []) }}
{%- endmacro %}
