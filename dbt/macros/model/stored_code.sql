{% macro stored_code(node) -%}
    {{ return(adapter.dispatch('stored_code', 'pg_journey')(node)) }}
{%- endmacro %}

{# The code of the tables that a model reads, and of all that they are made of, without comments and blanks: the server
   knows what a view selects, but not what a table was selected by. #}
{% macro default__stored_code(node) -%}
    {%- set code = {} -%}
    {%- set todo = [] -%}
    {%- for parent in node.depends_on.nodes -%}{%- do todo.append((parent, false)) -%}{%- endfor -%}
    {%- set seen = [] -%}
    {%- for _ in range(4 * graph.nodes | length) -%}
        {%- if todo -%}
            {%- set key, above = todo.pop() -%}
            {%- set found = graph.nodes.get(key, {}) -%}
            {%- set kind = (found.get('config') or {}).get('materialized') -%}
            {%- set stored = above or kind not in ['view', 'ephemeral'] -%}
            {%- if found.get('resource_type') in ['model', 'snapshot'] and kind != 'journey_model' and (key, stored) not in seen -%}
                {%- do seen.append((key, stored)) -%}
                {%- if stored -%}
                    {%- do code.update({key: modules.re.sub(
                        "(?s)('(?:[^']|'')*')|(?:\\s|--[^\n]*|/\\*.*?\\*/|\\{#.*?#\\})+", '\\1 ', found['raw_code']) | trim}) -%}
                {%- endif -%}
                {%- for parent in found['depends_on']['nodes'] -%}{%- do todo.append((parent, stored)) -%}{%- endfor -%}
            {%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(code | dictsort | string if code else '') }}
{%- endmacro %}
