-- Case n: payloads as a webhook has them, of some 1,700 bytes, in the form that RudderStack delivers.
DROP TABLE IF EXISTS bench.payloads;
CREATE TABLE bench.payloads AS
SELECT json_build_object(
           'type', kind, 'event', name, 'messageId', id, 'anonymousId', anonymous_id, 'userId', user_id,
           'channel', 'web', 'originalTimestamp', at, 'sentAt', at, 'receivedAt', at, 'timestamp', at,
           'request_ip', '192.0.2.1', 'integrations', json_build_object('All', true),
           'rudderId', md5(id)::uuid,
           'context', json_build_object(
               'ip', '192.0.2.7', 'locale', 'de-DE', 'timezone', 'Europe/Berlin', 'sessionId', 1647725122227,
               'userAgent', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) '
                            'Chrome/120.0.0.0 Safari/537.36',
               'library', json_build_object('name', 'RudderLabs JavaScript SDK', 'version', '3.7.1'),
               'app', json_build_object('name', 'RudderLabs JavaScript SDK', 'version', '3.7.1',
                                        'namespace', 'com.rudderlabs.javascript'),
               'screen', json_build_object('density', 2, 'width', 1440, 'height', 900, 'innerWidth', 1440),
               'page', json_build_object('url', url, 'referrer', referrer, 'path', '/checkout', 'search', '?q=1',
                                         'title', 'Checkout | Acme', 'initial_referrer', 'https://www.google.com/',
                                         'initial_referring_domain', 'www.google.com'),
               'campaign', json_build_object('source', 'google', 'medium', 'cpc', 'name', 'Brand EU', 'term', 'acme'),
               'traits', json_build_object('email', anonymous_id || '@acme.test', 'plan', 'pro')),
           'properties', json_build_object(
               'order_id', id, 'revenue', coalesce(revenue, 19.99), 'currency', 'EUR', 'coupon', 'WELCOME',
               'products', json_build_array(json_build_object('sku', 'A-1', 'price', 9.99, 'quantity', 1),
                                            json_build_object('sku', 'B-2', 'price', 10.00, 'quantity', 1))))::text
       AS body, at::timestamptz AS loaded_at
  FROM (SELECT *, to_char(event_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at
          FROM bench.events
         WHERE kind = 'track' AND NOT journey._blocked_id(coalesce(anonymous_id, ''))
           AND NOT journey._blocked_id(coalesce(user_id, 'u')) LIMIT {rows}) AS e;
