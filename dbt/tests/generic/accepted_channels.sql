{# Of a column: the values that are no channels of GA4's default channel group; NULL is none. #}
{% test accepted_channels(model, column_name, also=[]) %}
select {{ column_name }} as value, count(*) as n
from {{ model }}
where {{ column_name }} not in (
    {%- for channel in pg_journey.channels() + also %}
    {{ pg_journey.text_literal(channel) }}{{ ',' if not loop.last }}
    {%- endfor %}
)
group by {{ column_name }}
{% endtest %}
