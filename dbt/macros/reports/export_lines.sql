{% macro export_lines(relation, feed, batch=none, file='conversions') -%}
    {{ return(adapter.dispatch('export_lines', 'pg_journey')(relation, feed, batch, file)) }}
{%- endmacro %}

{# Without a batch, that which is to be sent next: the oldest of the feed that is not marked as exported. #}
{% macro default__export_lines(relation, feed, batch, file) -%}
{%- set literal = pg_journey.text_literal(feed) -%}
select row_number() over () as position, l.n, l.line
from (
    {{ pg_journey.model_report('export_lines', relation, {
        'feed': literal,
        'batch': batch or '(select min(batch) from ' ~ pg_journey.model_relation(relation, 'exports')
                          ~ ' where feed = ' ~ literal ~ ' and exported_at is null)',
        'file': pg_journey.text_literal(file)
    }) | indent(4) }}
) as l
{%- endmacro %}
