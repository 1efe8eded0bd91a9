-- the table of events that one makes of them by hand, with all that a model reads of an event
DROP TABLE IF EXISTS bench.parsed;
CREATE TABLE bench.parsed AS
SELECT p ->> 'messageId' AS event_id, p ->> 'anonymousId' AS visitor_id, p ->> 'userId' AS user_id,
       (p ->> 'timestamp')::timestamptz AS event_time, (p ->> 'receivedAt')::timestamptz AS received_at,
       p ->> 'type' AS kind, p ->> 'event' AS name, p #>> '{context,page,url}' AS url,
       p #>> '{context,page,referrer}' AS referrer, CASE WHEN p ->> 'event' = 'Order Completed' THEN (p #>> '{properties,revenue}')::numeric END AS revenue,
       p #>> '{properties,currency}' AS currency, p #>> '{properties,order_id}' AS order_id,
       p #>> '{context,campaign,source}' AS source, p #>> '{context,campaign,medium}' AS medium,
       p #>> '{context,campaign,name}' AS campaign, p #>> '{context,campaign,term}' AS term,
       p #>> '{context,campaign,content}' AS content, p #>> '{context,sessionId}' AS session_key,
       p ->> 'channel' AS platform, p -> 'properties' AS properties,
       CASE WHEN p ->> 'type' = 'identify' THEN p #> '{context,traits}' END AS traits, loaded_at
  FROM (SELECT body::jsonb AS p, loaded_at FROM bench.payloads OFFSET 0) AS cast_once
