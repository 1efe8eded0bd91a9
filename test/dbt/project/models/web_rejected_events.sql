select * from {{ pg_journey.model_relation(ref('web'), 'rejected_events') }}
