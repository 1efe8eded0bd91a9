select visitor_id, session_number, page_views, user_id
from (
    {{ pg_journey.sessions(ref('events')) | indent(4) }}
) as s
