select event_id, touch_channel, utm_source
from (
    {{ pg_journey.touch(ref('events')) | indent(4) }}
) as t
left join (
    {{ pg_journey.campaign(ref('events')) | indent(4) }}
) as c using (event_id)
