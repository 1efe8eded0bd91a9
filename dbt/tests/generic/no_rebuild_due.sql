{# Of a journey_model: why it goes on by old rules or options, until a rebuild. One that is not there, or that this role does
   not own, is found too: nothing is known of it. #}
{% test no_rebuild_due(model) %}
{%- set name = pg_journey.text_literal(pg_journey.model_name(model)) -%}
select {{ name }} as model, case when m.model is null then 'no model of this name that is yours' else m.rebuild_due end as rebuild_due
from (select 1) as one
left join journey.models as m on m.model = {{ name }}
where m.model is null or m.rebuild_due is not null
{% endtest %}
