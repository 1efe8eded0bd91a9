{# Of a journey_model: why it goes on by old rules or options, until a rebuild. #}
{% test no_rebuild_due(model) %}
select model, rebuild_due
from journey.models
where model = {{ pg_journey.text_literal(pg_journey.model_name(model)) }} and rebuild_due is not null
{% endtest %}
