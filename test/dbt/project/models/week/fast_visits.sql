select session_id, visitor_id, session_number, started_at, events, page_views, channel
from (
    {{ pg_journey.sessionize(ref('events'), options={'internal_hosts': ['docs.acme.test']}) | indent(4) }}
) as s
