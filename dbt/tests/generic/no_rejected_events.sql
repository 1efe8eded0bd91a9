{# Of a journey_model: the rows of its sources that were no events, of late those that were rejected within this time.
   Of a relation of standard events, such as a staging model: the rows that a model would reject, of late by the time
   of their loading. #}
{% test no_rejected_events(model, except_reasons=[], within=none) %}
{%- if model.identifier in pg_journey.journey_models() -%}
select source, "row", reason, rejected_at
from {{ pg_journey.model_relation(model, 'rejected_events') }}
where true
{%- if within is not none %} and rejected_at > current_timestamp - {{ pg_journey.interval_literal(within) }}{% endif %}
{%- else -%}
select *
from (
    {{ pg_journey.rejected_rows(model) | indent(4) }}
) as r
where reason is not null
{%- if within is not none %} and (loaded_at > current_timestamp - {{ pg_journey.interval_literal(within) }}) is not false{% endif %}
{%- endif %}
{%- if except_reasons %} and reason not in ({% for reason in except_reasons %}{{ pg_journey.text_literal(reason) }}{{ ', ' if not loop.last }}{% endfor %}){% endif %}
{% endtest %}
