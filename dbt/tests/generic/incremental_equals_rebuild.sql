{# Of a journey_model: a row per difference between the tables that refreshes have maintained and
   those that its stored events give anew, and per row of the sources that was not read. #}
{% test incremental_equals_rebuild(model) %}
select relation, key, problem, stored, derived
from journey.verify({{ pg_journey.text_literal(pg_journey.model_name(model)) }})
{% endtest %}
