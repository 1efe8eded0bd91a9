-- Events out of raw JSON: the rules of time, ids, names, traits, revenue; the forms; what is refused.
\set SHOW_CONTEXT never
SET timezone = 'America/New_York';      -- no setting may change what a time means
SET datestyle = 'German';
CREATE FUNCTION pg_temp.e(more jsonb, options jsonb DEFAULT '{}') RETURNS journey.event LANGUAGE sql AS $$
    SELECT journey.parse_event(('{"type": "track", "messageId": "m", "anonymousId": "a", "userId": "u",
        "timestamp": "2026-09-01T10:00:00.000Z"}'::jsonb || more)::text, options)
$$;
CREATE FUNCTION pg_temp.utc(t timestamptz) RETURNS text LANGUAGE sql AS
    $$ SELECT to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') $$;

-- a whole event of RudderStack, and the same as jsonb
\set rudder '{"type":"page","messageId":"m1","anonymousId":"a1","userId":"u1","channel":"web","name":"Home","originalTimestamp":"2026-09-01T10:00:00.000Z","sentAt":"2026-09-01T10:00:01.000Z","receivedAt":"2026-09-01T10:00:05.000Z","request_ip":"[2001:db8::1]:53708","integrations":{"All":true},"rudderId":"x","context":{"ip":"192.0.2.7","userAgent":"UA","sessionId":1647725122227,"page":{"url":"https://acme.test/ctx","referrer":"https://google.test/","path":"/"},"campaign":{"source":"google","medium":"cpc","name":"Brand","term":"t","content":"c","id":"7"},"traits":{"email":"ada@acme.test"},"app":{"name":"x","build":[1,2,{"y":null}]}},"properties":{"url":"https://acme.test/own","title":"Home","price":19.990}}'
\x on
SELECT (e).*, pg_temp.utc((e).event_time) FROM journey.parse_event(:'rudder') AS e;
\x off
SELECT journey.parse_event(:'rudder') = journey.parse_event(:'rudder'::jsonb) AS jsonb_is_the_same;

-- time: the payload's timestamp, else the formula, each missing one being receivedAt
SELECT n, pg_temp.utc((pg_temp.e(more, options)).event_time) AS time
  FROM (VALUES
    (1, '{}'::jsonb, '{}'::jsonb),
    (2, '{"timestamp": 1788256800000, "receivedAt": "2026-09-01T09:45:00Z"}', '{}'),
    (3, '{"timestamp": "soon", "originalTimestamp": "2021-06-09T09:30:00Z", "sentAt": "2021-06-09T09:15:00Z", "receivedAt": "2021-06-09T09:45:00Z"}', '{}'),
    (4, '{"timestamp": null, "originalTimestamp": "2021-06-09T09:30:00Z", "receivedAt": "2021-06-09T09:45:00Z"}', '{}'),
    (5, '{"timestamp": null, "sentAt": "2021-06-09T09:30:00Z", "receivedAt": "2021-06-09T09:45:00Z"}', '{}'),
    (6, '{"timestamp": null, "receivedAt": "2021-06-09T09:45:00Z"}', '{}'),
    (7, '{"timestamp": null}', '{"received_at": "2021-06-09 09:45:00+00"}'),
    (8, '{"timestamp": null, "originalTimestamp": "2021-06-09T09:30:00Z"}', '{}'),
    (9, '{"timestamp": null, "sentAt": "2021-06-09T09:30:00Z"}', '{}'),
    (10, '{"sentAt": "2026-09-01T10:00:10Z", "receivedAt": "2026-09-01T10:05:10Z"}', '{"form": "wire"}'),
    (11, '{"sentAt": "2026-09-01T10:00:10Z", "receivedAt": "1999-01-01"}', '{"form": "wire", "received_at": "2026-09-01T10:05:10Z"}'),
    (12, '{"receivedAt": "2026-09-02"}', '{"form": "delivered"}'),
    (13, '{"timestamp": "2026-09-01 10:00:00"}', '{}'),
    (14, '{"timestamp": "2026-09-01T10:00:00,1234567+0530"}', '{}'),
    (15, '{"timestamp": "20260901T100000Z"}', '{}')) AS x (n, more, options)
 ORDER BY n;

-- words and days that are none say nothing; no time at all is no event
SELECT t, error FROM unnest(ARRAY['now', 'infinity', 'yesterday', 'epoch', 'allballs', '2026-02-30', '2026-13-01',
       '1788256800', '', ' ', '2026-09-01T25:00Z', '2026-09-01T10', '09/01/2026', '2026-09-01T10:00:00+', '0000-01-01',
       '2026-09-01T10:00:00 PST', '12026-09-01', '2026-09-01T10:00:00.', '2026-244']) WITH ORDINALITY AS x (t, n),
       LATERAL journey.parse_events(jsonb_build_object('type', 'track', 'userId', 'u', 'timestamp', t)::text)
 ORDER BY n;

-- ids are what was sent
SELECT n, (e).visitor_id, (e).user_id, (e).event_id = 'm' AS sent
  FROM (VALUES
    (1, pg_temp.e('{}')), (2, pg_temp.e('{"userId": ""}')), (3, pg_temp.e('{"userId": 100, "messageId": null}')),
    (4, journey.parse_event('{"type":"track","messageId":"m","userId":12345678901234567890123,"timestamp":"2026-09-01"}')),
    (5, pg_temp.e('{"userId": "2000-01-01"}')), (6, pg_temp.e('{"userId": {"a": 1}, "anonymousId": ["x"]}' || '{"anonymousId": "b"}'::jsonb)),
    (7, pg_temp.e('{"anonymousId": "\u200b\ufeff "}')), (8, pg_temp.e('{"anonymousId": "undefined"}')),
    (9, pg_temp.e('{"userId": "null"}')), (10, pg_temp.e('{"anonymousId": null, "userId": " x "}')),
    (11, journey.parse_event('{"type":"track","messageId":"m","userId":"a","userId":1.50,"timestamp":"2026-09-01"}'))) AS x (n, e)
 ORDER BY n;
-- an event without an id has the one that it has in a timeline, too
SELECT (e).event_id = (SELECT event_id FROM journey.events((SELECT journey.timeline_agg(x) FROM (SELECT (e).*) AS y, LATERAL (SELECT ROW((y).*)::journey.event AS x) AS z))) AS same,
       length((e).event_id), (SELECT count(DISTINCT (p).event_id) FROM (VALUES (pg_temp.e('{"messageId": null}')), (pg_temp.e('{"messageId": ""}')), (pg_temp.e('{"messageId": null, "event": "x"}'))) AS v (p)) AS distinct_ids
  FROM (SELECT pg_temp.e('{"messageId": null}') AS e) AS x;

-- names, URLs and traits by kind
SELECT k, (e).kind, (e).name, (e).url, (e).referrer, (e).previous_id, (e).properties, (e).traits
  FROM unnest(ARRAY['track', 'PAGE', 'Screen', 'identify', 'group', 'alias']) WITH ORDINALITY AS x (k, n),
       LATERAL (SELECT pg_temp.e(jsonb_build_object('type', k) || '{"event": "E", "name": "N", "category": "C",
           "previousId": "p", "groupId": 7, "properties": {"url": "own", "referrer": "$direct", "x": 1},
           "traits": {"a": 1}, "userProperties": {"a": 3, "c": 3},
           "context": {"page": {"url": "ctx", "referrer": "ref"}, "traits": {"a": 2, "b": 2}}}') AS e) AS y
 ORDER BY n;
SELECT (pg_temp.e('{"type": "page", "properties": {"name": "of properties"}}')).name,
       (pg_temp.e('{"type": "identify", "traits": null, "context": {"traits": {"email": "a@b.test"}}}')).traits,
       (pg_temp.e('{"type": "identify", "context": {"traits": {"0": "a", "1": "b"}}}')).traits AS spread,
       (pg_temp.e('{"type": "identify", "context": {"traits": {"0": "a", "x": "b"}}}')).traits AS not_spread,
       (pg_temp.e('{"properties": "text", "context": null}')).properties AS none,
       (pg_temp.e('{"event": ""}')).name AS no_name;

-- amounts are exact
SELECT n, left((e).revenue::text, 40) AS revenue, (e).currency, (e).order_id FROM (VALUES
    (1, pg_temp.e('{"event": "x", "properties": {"revenue": 19.99, "currency": "EUR", "order_id": 12345678901234567890}}')),
    (2, journey.parse_event('{"type":"track","event":"x","userId":"u","timestamp":"2026-09-01","properties":{"revenue":12.10,"orderId":"o"}}')),
    (3, pg_temp.e('{"event": "x", "properties": {"revenue": "39.95"}}')),
    (4, pg_temp.e('{"event": "x", "properties": {"revenue": "$10"}}')),
    (5, pg_temp.e('{"event": "x", "properties": {"revenue": "$hello"}}')),
    (6, pg_temp.e('{"event": "x", "properties": {"total": 5}}')),
    (7, pg_temp.e('{"event": "Order Completed", "properties": {"total": 5}}')),
    (8, pg_temp.e('{"event": "completed_order", "properties": {"total": "5.50", "revenue": null}}')),
    (9, pg_temp.e('{"event": "Order Completed", "properties": {"total": 5, "revenue": 4}}')),
    (10, pg_temp.e('{"event": "Order Refunded", "properties": {"total": 5, "revenue": 4}}')),
    (11, pg_temp.e('{"event": "order cancelled", "properties": {"total": "-5"}}')),
    (12, pg_temp.e('{"event": "x", "properties": {"revenue": true}}')),
    (13, pg_temp.e('{"event": "x", "properties": {"revenue": "NaN"}}')),
    (14, pg_temp.e('{"event": "x", "properties": {"revenue": "1e999"}}')),
    (15, pg_temp.e('{"event": "x", "properties": {"revenue": "-$3.00"}}')),
    (16, pg_temp.e('{"type": "page", "properties": {"revenue": 3}}')),
    (17, pg_temp.e('{"event": "Plan Bought", "properties": {"price": 7, "revenue": 3}}', '{"revenue": {"plan bought": ["amount", "price"]}}')),
    (18, pg_temp.e('{"event": "Plan Returned", "properties": {"price": 7, "revenue": 3}}', '{"revenue": {"Plan Returned": "-price"}}')),
    (19, pg_temp.e('{"event": "Order Completed", "properties": {"revenue": 3}}', '{"revenue": {}}'))) AS x (n, e)
 ORDER BY n;

-- forms: batch with what its envelope gives, array, lines, archive
\set ev '"type":"track","anonymousId":"a","event":"E"'
SELECT f.form, p.position, (p.event).event_id, pg_temp.utc((p.event).event_time) AS time, (p.event).source, (p.event).url, p.error
  FROM (VALUES
    (1, 'rudder batch', '{"batch":[{' || :'ev' || ',"messageId":"1","originalTimestamp":"2026-09-01T10:00:00Z"},{"type":"nonsense"}]}'),
    (2, 'segment batch', '{"batch":[{' || :'ev' || ',"messageId":"1","timestamp":"2026-09-01T10:00:00Z","context":{"page":{"url":"item"}}},{' || :'ev' || ',"messageId":"2","timestamp":"2026-09-01T10:00:00Z"}],"sentAt":"2026-09-01T10:00:10Z","receivedAt":"2026-09-01T10:01:10Z","context":{"page":{"url":"envelope"},"campaign":{"source":"s"}},"integrations":{}}'),
    (3, 'array', '[{' || :'ev' || ',"messageId":"1","sentAt":"2026-09-01"}, 5, {}, {' || :'ev' || '}]'),
    (4, 'lines', '{' || :'ev' || ',"messageId":"1","sentAt":"2026-09-01"}' || E'\r\n\n' || '{"broken":' || E'\n' || '{' || :'ev' || ',"messageId":"2","sentAt":"2026-09-01"}' || E'\n' || '{"a":1} x' || E'\n[{"type":"delete","context":null,"userId":"u"}]\n'),
    (5, 'archive', '{"userId":"u","payload":{' || :'ev' || ',"messageId":"1"},"createdAt":"2026-09-01T10:00:00Z","messageId":"1"}'),
    (6, 'archive of text', '{"payload":' || to_json('{' || :'ev' || ',"messageId":"1","sentAt":"2026-09-01"}')::text || '}'),
    (7, 'nothing in it', '[]'),
    (8, 'an event with such names', '{' || :'ev' || ',"messageId":"1","sentAt":"2026-09-01","batch":[1],"payload":{}}')) AS f (n, form, payload),
       LATERAL journey.parse_events(f.payload, CASE WHEN f.n = 2 THEN '{"form": "wire"}' ELSE '{}' END::jsonb) AS p
 ORDER BY f.n, p.position;
SELECT s.* FROM unnest(ARRAY['{"batch":[]}', '[1]', E'{}\n{}', '{}', '{"payload":{}}', '', 'x']) AS x, journey.payload_summary(x) AS s;

-- \u0000 is taken out of values and counted; in a key it is none
SELECT (pg_temp.e('{}')).event_id IS NOT NULL AS x, (e).name, (e).properties, s.nuls_removed, s.events
  FROM (VALUES ('{"type":"track","userId":"u","timestamp":"2026-09-01","event":"a\u0000b","properties":{"x":"C:\\u0000","y":"\u0000\u0000"}}')) AS x (p),
       journey.parse_event(p) AS e, journey.payload_summary(p) AS s;

-- what is refused: a code and an offset
CREATE FUNCTION pg_temp.refused(payload text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text;
    detail text;
    of_batch text := (SELECT string_agg(error, '; ') FROM journey.parse_events(payload));
BEGIN
    PERFORM journey.parse_event(payload);
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
    IF message NOT LIKE '%: batch at%' AND 'invalid event payload: ' || of_batch NOT LIKE message || ': %' THEN
        RETURN 'differs: ' || message || ' / ' || of_batch;
    END IF;
    RETURN concat_ws(' | ', SQLSTATE, message, detail);
END $$;
SELECT pg_temp.refused(p) FROM unnest(ARRAY[
    '', E' \n ', 'null', '[[1,]]', '"\x"', '"x"', '5', 'nul', '{', '{"type":"track"', '{"a":1]', '{"a" 1}', '{"a":1,}', '{,}', '{"a":1 "b":2}',
    '{"a":[1,]}', '{"a":[1 2]}', '{"a":[,1]}', '{"a":{"b"}}', '{1:2}', '{"a":01}', '{"a":+1}', '{"a":.5}', '{"a":1.}', '{"a":-}',
    '{"a":NaN}', '{"a":Infinity}', '{"a":TRUE}', '{"a":''x''}', '{"a":"x}', '{"a":"\x"}', '{"a":"\u12"}', '{"a":"\ud800"}',
    '{"a":"\udc00"}', '{"a":"\ud800\ud800"}', E'{"a":"tab\there"}', '{"a":1}{"b":2}', '{"a":1} x', '{"\u0000":1}', '{"a":1e1001}',
    '{"a":1e131071}', '{"a":1E-99999999999}', '{"type":"track"}}', '{"a":"\', '[{"type":"track"},,{}]', '{"batch":[1],"x":nul}',
    '{"userId":"u","timestamp":"2026-09-01"}', '{"type":5,"userId":"u"}', '{"type":"extract","userId":"u","timestamp":"2026-09-01"}',
    '{"type":"delete","context":null,"originalTimestamp":"2017-10-24 10:36:49.2 +0000 UTC"}',
    '{"type":"track","userId":"u","timestamp":"2026-09-01","context":"x"}', '{"type":"track","timestamp":"2026-09-01","userId":" "}',
    '{"type":"track","userId":"u"}', '{"type":"track","userId":"u","timestamp":"2026-09-01","properties":{"x":"\ud83d"}}',
    '{"type":"track","userId":"u","originalTimestamp":"9999-01-01","sentAt":"0001-01-01","receivedAt":"0001-01-01"}']) WITH ORDINALITY AS x (p, n) ORDER BY n;
-- elements that are no objects are looked at, too
SELECT error FROM journey.parse_events('[[1,], [1], nul, "\q", 1 2, {"a" 1}, "\u0000", {}]') WITH ORDINALITY ORDER BY ordinality;
SELECT error FROM journey.parse_events('[[1,], [1], nul, "\q", {"a" 1}, "\u0000", {}]') WITH ORDINALITY ORDER BY ordinality;
-- what is too much
SELECT pg_temp.refused(p) FROM (VALUES
    (1, repeat('[', 100000)), (2, repeat('{"a":', 100000)), (3, repeat('[', 256) || repeat(']', 256)), (4, '{"a":' || repeat('[', 256) || repeat(']', 256) || '}'),
    (5, '{"a":' || repeat('[', 255) || repeat(']', 255) || '}'),
    (6, '{"type":"track","userId":"u","timestamp":"2026-09-01","properties":{' || (SELECT string_agg('"k' || n || '":1', ',') FROM generate_series(1, 1000000) AS n) || '}}'),
    (7, '{"a":1' || repeat('0', 1000) || '}'), (8, repeat('x', 64 * 1024 * 1024 + 1)), (9, '"' || repeat('x', 64 * 1024 * 1024 - 2) || '"'),
    (10, E'\x1f' || chr(139))) AS x (n, p) ORDER BY n;
SELECT journey.parse_event(('{"type":"track","userId":"u","timestamp":"2026-09-01","properties":{"a":[' || repeat('1e131071,', 10000) || '1]}}')::jsonb);
SELECT count(*), count(error) FROM journey.parse_events((SELECT '[' || string_agg('{"type":"track","userId":"u","timestamp":"2026-09-01","event":"' || n || '"}', ',') || ']' FROM generate_series(1, 20000) AS n));

-- options are checked
SELECT journey.parse_event('{}', '{"from": 1}');
SELECT journey.parse_event('{}', '{"form": "raw"}');
SELECT journey.parse_event('{}', '{"received_at": "now"}');
SELECT journey.parse_event('{}', '{"revenue": ["x"]}');
SELECT journey.parse_event('{}', '{"revenue": {"x": [1]}}');
SELECT journey.parse_event('{}', '[]');
SELECT journey.parse_event(NULL::text) IS NULL AS no_payload, (SELECT count(*) FROM journey.parse_events(NULL)) AS rows;

-- redaction as an option gives what redacting the payload before gives
CREATE TEMP TABLE r AS SELECT p::jsonb AS p FROM unnest(ARRAY[
    '{"type":"track","messageId":"m","anonymousId":"a","userId":"jane@example.com","timestamp":"2026-09-01","event":"Call +4915112345678","request_ip":"203.0.113.7","context":{"ip":"203.0.113.7","page":{"url":"https://u:p@acme.test/?email=x&a=1","referrer":"https://b.test/jane%40example.com"},"campaign":{"name":"for jane@example.com"},"sessionId":1647725122227},"properties":{"order_id":"4111111111111111","currency":"EUR","revenue":19.99,"ip":"203.0.113.7","phone":"1","nested":{"email":"x"}}}',
    '{"type":"identify","messageId":"m","userId":"u","timestamp":"2026-09-01","context":{"traits":{"name":"Jane","email":"j@e.test"}},"traits":{"firstName":"J","plan":"pro","birthday":"1990-01-01"},"userProperties":{"gender":"f","password":"x"}}',
    '{"type":"group","messageId":"m","anonymousId":"jane@example.com","userId":"u","groupId":"g@example.com","timestamp":"2026-09-01","traits":{"name":"Acme","phone":"5"}}',
    '{"type":"alias","messageId":"m","userId":"u","previousId":"old@example.com","timestamp":"2026-09-01"}',
    '{"type":"page","messageId":"m","anonymousId":"a","timestamp":"2026-09-01","properties":{"name":"Mail jane@example.com","url":"/x?token=1","referrer":"?otp=1","title":"+4915112345678"}}']) AS p;
SELECT p->>'type' AS type, rules, (k IS NOT NULL) AS has_key, journey.parse_event(p, o) = journey.parse_event(redacted) AS same,
       journey.parse_event(p::text, o) = journey.parse_event(redacted) AS same_of_text, journey.parse_event(p) = journey.parse_event(redacted) AS nothing_done
  FROM r, unnest(ARRAY['"gdpr"', '"hipaa"', '"none"', '{"use":"gdpr","rules":[{"key":"user id","action":"keep"},{"path":"context.page.url","action":"drop"},{"path":"traits.plan","action":"mask"}]}']) AS rules,
       unnest(ARRAY[NULL, '\x6b6579'::bytea]) AS k,
       LATERAL (SELECT journey.redact_event(p, rules::jsonb, k) AS redacted, jsonb_build_object('redact', rules::jsonb, 'redact_key', k) AS o) AS x
 ORDER BY 1, 2, 3;
-- without a key and without a device nobody is left
SELECT error FROM journey.parse_events('{"type":"track","userId":"jane@example.com","timestamp":"2026-09-01"}', '{"redact": "gdpr"}');
SELECT journey.parse_event('{}', '{"redact": "gdpr", "redact_key": "xyz"}');
SELECT journey.parse_event('{}', '{"redact": "all"}');

-- whatever becomes of a payload, it is read or told of, and nothing of it is in what is told
CREATE FUNCTION pg_temp.said(payload text, OUT read boolean, OUT said text) LANGUAGE plpgsql AS $$
DECLARE detail text; hint text; context text;
BEGIN
    PERFORM journey.parse_event(payload);
    read := true;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS said = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
    read := false;
    said := concat(SQLSTATE, said, detail, hint, context);
END $$;
DO $$BEGIN PERFORM setseed(0.25); END$$;
CREATE TEMP TABLE damaged AS
SELECT left(:'rudder', n) AS p FROM generate_series(0, length(:'rudder') - 1) AS n
 UNION ALL
SELECT overlay(:'rudder' PLACING (ARRAY['"', '\', '{', '}', '[', ']', ',', ':', ' ', '0', 'e', '-', E'\n', E'\x01', '\u0000', '\ud800', 'é', '😀', '', '1e9999'])[1 + floor(random() * 20)::int]
               FROM 1 + floor(random() * length(:'rudder'))::int FOR floor(random() * 3)::int) FROM generate_series(1, 10000) AS n;
SELECT count(*) FILTER (WHERE read) > 1000 AS some_read, count(*) FILTER (WHERE NOT read) > 1000 AS some_refused,
       count(*) FILTER (WHERE said ~ 'ada|acme|google|Brand|2001:db8') AS leaks, count(*) FILTER (WHERE said NOT LIKE '22P02invalid event payload: %') AS others
  FROM damaged, pg_temp.said(p);
SELECT count(*) = (SELECT count(*) FROM damaged) AS a_row_each, count(*) FILTER (WHERE error ~ 'ada|acme|google|Brand|2001:db8') AS leaks,
       count(*) FILTER (WHERE (error IS NULL) <> read) AS differ
  FROM damaged, pg_temp.said(p), journey.parse_events(p) WHERE "position" = 1;
