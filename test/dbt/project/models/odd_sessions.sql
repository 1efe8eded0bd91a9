select session_id, started_at from {{ pg_journey.model_relation(ref('odd_names'), 'sessions') }}
