-- Personal data taken out of events, URLs and texts.
\set SHOW_CONTEXT never
\set VERBOSITY default

-- an event of everything: what is left, key by key
SELECT jsonb_pretty(journey.redact_event('{"type": "track", "messageId": "11111111-2222-3333-4444-555555555555",
  "anonymousId": "a-1", "userId": "u1", "rudderId": "r", "request_ip": "203.0.113.7",
  "context": {"ip": "::ffff:203.0.113.7", "userAgent": "UA", "sessionId": 1647725122227,
    "traits": {"email": "jane@example.com", "firstName": "Jane", "name": "Jane Doe", "plan": "pro", "Gender": "f", "age": 33, "email_opt_in": true},
    "device": {"id": "dev", "advertisingId": "ad", "token": "tok", "model": "Pixel"}, "externalId": [{"id": "x"}],
    "geo": {"lat": 52.5167, "longitude": "13.3833", "city": "Berlin"},
    "page": {"url": "https://acme.test/a?email=jane%40example.com&utm_source=x", "search": "?token=abc&q=1", "title": "Order of jane@example.com",
      "referrer": "https://mail.test/#access_token=1&x=2"}},
  "properties": {"file_name": "a.txt", "name": "Blue Shoe", "shipping": "DHL", "zip": "10115", "capacity": 5, "trace": "t", "machine": "m",
    "order_id": "4111-1111-1111-1111", "card": 4111111111111111, "note": "call +4915112345678 or 078-05-1120", "mobile": "+4915112345678", "contact": "+4915112345678",
    "iban": "x", "account": "DE89 3704 0044 0532 0130 00", "birthday": "1990-05-17", "home_address": {"street": "Elm", "zip": 1}, "password": "p",
    "list": ["jane@example.com", {"phoneNumber": 5}, null], "jane@example.com": 1, "revenue": 19.990, "empty": {}}}'));

-- whole words of keys, in whatever way they are joined
SELECT k, journey.redact_event(jsonb_build_object('properties', jsonb_build_object(k, 'value')))->'properties' AS becomes
  FROM unnest(ARRAY['email', 'userEmail', 'user_email', 'User Email', 'EMAIL', 'e-mail', 'emailing', 'ip', 'clientIp', 'IPAddress', 'zip_code', 'zip',
    'zipper', 'shipping', 'trip', 'race', 'trace', 'braceWidth', 'first_name', 'firstName', 'firstname', 'FIRST-NAME', 'name', 'file_name', 'machine',
    'capacity', 'token', 'accessToken', 'tokenizer', 'apiKey', 'key', 'cardNumber', 'discard', 'phone', 'telephone', 'saxophone', 'mobile', 'is_mobile',
    'photo_url', 'SSN', 'session', 'dateOfBirth', 'passportNo', 'HTMLName', 'geschäfts_email', '']) WITH ORDINALITY AS x (k, n) ORDER BY n;
SELECT journey.redact_event('{"traits": {"name": "x", "deep": {"name": "y", "file_name": "z"}}, "properties": {"name": "x"}}');

-- values: what is one, and what looks like one
SELECT v, journey.redact_text(v) AS becomes FROM unnest(ARRAY[
    'jane@example.com', 'mail jane.doe+x@mail.example.co.uk.', '<jane@example.com>', 'jane%40example.com', 'a=jane%2Bx%40example.com', 'jörg@müller.de',
    'x@xn--mller-kva.de', 'not@mail', '@jane', 'a@b.c1', '1@2.3', 'x@y..z', 'x@-y.com', 'a@b.co,c@d.org',
    '4111 1111 1111 1111', '4111-1111-1111-1111', '4111 1111-1111-1111', '4111111111111112', '378282246310005', '6011111111111117', '30569309025904',
    '3530111333300000', '5555555555554444', '2223003122003222', '1647725122227', '1647725122227000', '9000000000000000', 'x4111111111111111', '41111111111111110',
    'cc:4111111111111111;', '0.4111111111111111', '550e8400-e29b-41d4-a716-446655440000', '4111111111111111-x',
    '41111111-1111-1111-8111-111111111111', '078-05-1120', '078 05 1120', '078-05 1120', '078.05.1120', '000-12-3456', '666-12-3456', '900-12-3456',
    '123-00-4567', '123-45-0000', '1078-05-1120', '078-05-11201', '078-05-1120-1', '078051120', '2026-09-01', 'DE89370400440532013000', 'DE89 3704 0044 0532 0130 00',
    'de89370400440532013000', 'DE88370400440532013000', 'GB82 WEST 1234 5698 7654 32', 'XX89370400440532013000', 'NO93 8601 1117 947', 'NO938 601 1117 947', 'be710961-2345-6769-8abc-1234567890ab', 'BE71-0961-2345-6769', 'DE8937040044053201300',
    '+4915112345678', ' +49 (151) 123-45678 ', '+0915112345678', '4915112345678', '+49151', '+1234567890123456', 'call +4915112345678', '192.0.2.1', '']) WITH ORDINALITY AS x (v, n) ORDER BY n;
SELECT journey.redact_text(v, '[{"value": "ip", "action": "truncate"}]') FROM unnest(ARRAY['from 203.0.113.7 to 2001:db8:1:2::3, v1.2.3.4', '1.2.3', '10:30', '300.1.1.1', '::1']) AS v;

-- URLs
SELECT u, journey.redact_url(u) AS becomes FROM unnest(ARRAY[
    'https://acme.test/a?email=x&b=1', 'https://acme.test/a?b=1&EMAIL=x', 'https://acme.test/a?%65mail=x', 'https://acme.test/a?email', 'https://acme.test/a?xemail=1&email_x=2',
    'https://acme.test/a?code=1&name=2&key=3&e=4', 'https://acme.test/a?ajs_trait_plan=pro&ajs_uid=1&x', 'https://acme.test/a#access_token=abc&type=bearer', 'https://acme.test/a#id_token=abc',
    'https://acme.test/#/reset?token=abc&x=1', 'https://acme.test/#/users/jane@example.com', 'https://user:secret@acme.test:8080/p', 'ftp://u@h', 'https://acme.test/u/jane@example.com/edit',
    'https://acme.test/u/jane%40example.com', 'https://acme.test/@jane', 'https://acme.test/a?q=jane%40example.com', 'https://acme.test/a?q=to+jane@example.com+now',
    'https://acme.test/a?next=https%3A%2F%2Fb.test%2Fx%3Femail%3Djane%2540example.com%26y%3D1', 'https://acme.test/a?next=%2Fx%3Ftoken%3D1',
    'https://acme.test/a?next=https://b.test/?r=https%253A%252F%252Fc.test%252F%253Femail%253Djane@x.de', 'https://acme.test/a?card=4111111111111111', 'https://acme.test/a?p=%2B4915112345678',
    'https://acme.test/ssn/078-05-1120', '/search?mail=x&q=1', '?token=1', '#', 'acme.test/x?pwd=1', 'https://acme.test/a?a=1;token=2;b=3', 'https://acme.test/a?a=1&amp;token=2',
    'https://acme.test/a?a=1&&b=', 'https://acme.test/a?utm_source=x#top', 'https://s3.test/o?X-Goog-Signature=1&X-Amz-Signature=2&AWSAccessKeyId=3&Signature=4&versionId=5', 'HTTPS://ACME.TEST/?OTP=1',
    'mailto:jane@example.com', '', ' https://acme.test/?email=x ']) WITH ORDINALITY AS x (u, n) ORDER BY n;
SELECT journey.redact_text('see https://acme.test/a?token=1, or "https://u:p@b.test/#email=x" and jane@example.com');

-- rules of one's own
SELECT r, journey.redact_event('{"userId": "jane@example.com", "context": {"ip": "203.0.113.7"}, "traits": {"email": "Jane@example.com ", "plan": "pro", "name": "J"},
    "properties": {"serial": "4111111111111111", "sku": "A-12345", "day": "2026-09-01", "a": {"b": [1, "xyzw", true, null]}}}', r::jsonb, '\x6b6579') AS becomes
  FROM unnest(ARRAY['"none"', '"hipaa"', '[]', '[{"value": "email", "action": "drop"}]', '{"use": "gdpr", "rules": [{"key": "email", "action": "keep"}, {"value": "card", "action": "keep"}]}',
    '[{"path": ["properties.a", "traits.plan"], "action": "drop"}, {"key": "name", "action": "mask"}]', '[{"key": "name", "below": "traits", "action": "mask"}]',
    '[{"path": "properties.a.b", "action": "truncate"}, {"key": "sku", "action": "truncate"}, {"key": "day", "action": "truncate"}]',
    '[{"key": ["email", "sku"], "action": "pseudonym"}]', '{"use": "gdpr", "key_number": 2, "rules": [{"key": "user id", "action": "pseudonym"}]}',
    '[{"key": "a", "action": "mask"}, {"key": "serial", "action": "keep"}]']) AS r;
-- an address as an id: no key, no id; with a key the same pseudonym as of the plain address
SELECT journey.redact_event('{"userId": "jane@example.com", "anonymousId": "x"}') AS without_key,
       journey.redact_event('{"userId": "Jane@Example.com"}', '"gdpr"', 'k') ->> 'userId' = 'p1_' || journey.pseudonym('jane@example.com', 'k', 'email') AS consistent;
SELECT journey.redact_event('{"batch": [{"rudderId": "r", "context": {"device": {"id": "d", "model": "m"}}}], "sentAt": "2026-09-01"}');
SELECT journey.redact_event('"jane@example.com"'), journey.redact_event('5'), journey.redact_event('[]'), journey.redact_event(NULL) IS NULL AS n, journey.redact_text(NULL) IS NULL AS n;
SELECT journey.redact_url('https://a.test/?id=7&x=1', '[{"param": "id", "action": "pseudonym"}, {"param": "x", "action": "mask"}]', 'k') = 'https://a.test/?id=p1_' || journey.pseudonym('7', 'k') || '&x=redacted' AS ok;

-- addresses and pseudonyms
SELECT a, journey.mask_ip(a) FROM unnest('{203.0.113.7,203.0.113.7/16,2001:db8:1:2:3::4,::ffff:203.0.113.7,::1,0.0.0.0}'::inet[]) AS a;
SELECT journey.pseudonym('what do ya want for nothing?', 'Jefe') = '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843' AS rfc4231_case_2,
       journey.pseudonym('Hi There', decode(repeat('0b', 20), 'hex')) = 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7' AS case_1,
       journey.pseudonym('Test Using Larger Than Block-Size Key - Hash Key First', decode(repeat('aa', 131), 'hex')) = '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54' AS case_6,
       journey.pseudonym(' Jane@X.de ', 'k', 'email') = journey.pseudonym('jane@x.de', 'k', 'email') AS email,
       journey.pseudonym('x', 'k', 'user') <> journey.pseudonym('x', 'k') AS kinds_apart;
SELECT journey.pseudonym('x', '');

-- rules are checked
CREATE FUNCTION pg_temp.refused(rules text, key bytea DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE h text;
BEGIN
    PERFORM journey.redact_event('{}', rules::jsonb, key);
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS h = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(h, ''));
END $$;
SELECT r, pg_temp.refused(r) FROM unnest(ARRAY['"ccpa"', '5', '{"use": "gdpr", "rule": []}', '{"rules": {}}', '[5]', '[{"key": "x"}]', '[{"action": "drop"}]',
    '[{"key": "x", "action": "hide"}]', '[{"key": "x", "path": "y", "action": "drop"}]', '[{"value": "passport", "action": "drop"}]', '[{"key": ["x", 5], "action": "drop"}]',
    '[{"key": "x", "action": "pseudonym"}]', '[{"key": "...", "action": "drop"}]', '[{"key": "", "action": "drop"}]', '[{"param": "x", "below": "traits", "action": "drop"}]',
    '[{"key": "x", "below": "context", "action": "drop"}]', '{"use": "gdpr", "key_number": 0}']) AS r;
SELECT pg_temp.refused('[{"key": "x", "action": "pseudonym"}]', ''), pg_temp.refused(NULL);
-- long texts do not cost more than they are long
SELECT length(journey.redact_text(repeat(x, 100000))) > 0 AS done FROM unnest(ARRAY['@', '%40', 'a@', '1 ', '://', 'a://', 'DE89 ', ':', 'a@b.', '4111-', 'https://x/?', '&']) AS x;
