{# Of a column: the values that are no types of a touch. #}
{% test accepted_touch_types(model, column_name) %}
select {{ column_name }} as value, count(*) as n
from {{ model }}
where {{ column_name }} not in ('utm', 'click_id', 'campaign_columns', 'referrer', 'direct')
group by {{ column_name }}
{% endtest %}
