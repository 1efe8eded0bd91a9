select person_id, email from {{ pg_journey.model_relation(ref('web'), 'profiles') }} where is_identified
