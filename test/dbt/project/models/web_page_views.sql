select * from {{ pg_journey.model_relation(ref('web'), 'page_views') }}
