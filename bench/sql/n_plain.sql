-- the expressions that one writes for it, on one cast
SELECT count(*), sum(hashtextextended(concat_ws('|', event_id, visitor_id, user_id, name, url, referrer, order_id,
                                                source, campaign, properties), 0)),
       sum(revenue), max(event_time), max(received_at)
FROM (SELECT p ->> 'messageId' AS event_id, p ->> 'anonymousId' AS visitor_id, p ->> 'userId' AS user_id,
             (p ->> 'timestamp')::timestamptz AS event_time, (p ->> 'receivedAt')::timestamptz AS received_at,
             p ->> 'type' AS kind, p ->> 'event' AS name, p #>> '{context,page,url}' AS url,
             p #>> '{context,page,referrer}' AS referrer, (p #>> '{properties,revenue}')::numeric AS revenue,
             p #>> '{properties,currency}' AS currency, p #>> '{properties,order_id}' AS order_id,
             p #>> '{context,campaign,source}' AS source, p #>> '{context,campaign,medium}' AS medium,
             p #>> '{context,campaign,name}' AS campaign, p -> 'properties' AS properties
      FROM (SELECT body::jsonb AS p FROM bench.payloads OFFSET 0) AS cast_once OFFSET 0) AS x;
