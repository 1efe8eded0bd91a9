-- what both models must have in common
SELECT (SELECT count(*) FROM raw.sessions), (SELECT sum(hashtextextended(concat_ws('|', visitor_id, started_at, events,
            revenue, source, campaign, landing_page), 0)) FROM raw.sessions),
       (SELECT sum(hashtextextended(concat_ws('|', person_id, events, revenue), 0)) FROM raw.profiles),
       (SELECT sum(hashtextextended(concat_ws('|', event_id, name, revenue, order_id, properties), 0)) FROM raw.events)
