-- what was loaded until then: late rows come with a later load
select
    event_id, visitor_id, user_id, event_time, received_at, kind, name, url, referrer, revenue, currency,
    order_id, case when email is not null then jsonb_build_object('email', email) end as traits,
    jsonb_build_object('plan', case when load > 2 then 'team' else 'free' end) as properties, loaded_at
from {{ ref('raw_events') }}
where load <= coalesce(nullif(current_setting('test.load', true), ''), '4')::int
