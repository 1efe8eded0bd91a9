{# Of a journey_model: the rows of its sources that were no events. #}
{% test no_rejected_events(model, except_reasons=[]) %}
select source, "row", reason, rejected_at
from {{ pg_journey.model_relation(model, 'rejected_events') }}
{%- if except_reasons %}
where reason not in ({% for reason in except_reasons %}{{ pg_journey.text_literal(reason) }}{{ ', ' if not loop.last }}{% endfor %})
{%- endif %}
{% endtest %}
