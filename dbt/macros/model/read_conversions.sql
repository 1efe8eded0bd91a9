{% macro read_conversions(name, tables, state) -%}
    {{ return(adapter.dispatch('read_conversions', 'pg_journey')(name, tables, state)) }}
{%- endmacro %}

{# Lets a model read tables of conversions, such as a CRM's leads: each {table: schema.table, name: .., columns: {..}}.
   One that it reads is left as it is: what its rows mean cannot change under those that were read. #}
{% macro default__read_conversions(name, tables, state) -%}
    {%- set known = {} -%}
    {%- for source in (state['sources'] if state else []) if source.get('kind') == 'conversion' -%}
        {%- do known.update({(source['schema'] ~ '.' ~ source['relation'], source['options'].get('name')): source['columns']}) -%}
    {%- endfor -%}
    {%- for table in tables -%}
        {%- do pg_journey.check_conversions(table) -%}
        {%- set columns = table.get('columns') or {} -%}
        {%- set before = known.pop((table['table'], table.get('name')), none) -%}
        {%- if before is none -%}
            {%- set schema, _, relation = table['table'].partition('.') -%}
            {%- call statement('pg_journey_conversions') -%}
                select journey.add_source({{ pg_journey.text_literal(name) }}, {{ pg_journey.text_literal(
                    adapter.quote(schema) ~ '.' ~ adapter.quote(relation)) }}::regclass, 'conversion', {{
                    pg_journey.jsonb_literal(columns) }}, {{
                    pg_journey.jsonb_literal({'name': table['name']} if table.get('name') else {}) }})
            {%- endcall -%}
        {%- elif before != columns -%}
            {%- do exceptions.raise_compiler_error('pg_journey: model "' ~ name ~ '" reads ' ~ table['table']
                ~ ' as conversions with columns ' ~ tojson(before) ~ ', not ' ~ tojson(columns)
                ~ '. Make a view of the table with the new columns and name that, or make the model anew: '
                ~ "SELECT journey.drop_model('" ~ name ~ "');") -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for table, _ in known -%}
        {%- do exceptions.warn('pg_journey: model "' ~ name ~ '" still reads ' ~ table
            ~ ', which conversion_tables does not name any more') -%}
    {%- endfor -%}
{%- endmacro %}
