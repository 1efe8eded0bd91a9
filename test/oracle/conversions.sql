-- Conversions and the credit of touches, in plain SQL. Read by model.sql.

-- Is an event one that a definition asks for? The name * is any event, those without a name too. Of conditions on
-- properties: a value, or {">": number}.
CREATE FUNCTION is_conversion(e event, d jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT d ?| '{event,kind,page,where}'
       AND (NOT d ? 'event' OR d ->> 'event' = '*'
            OR coalesce(e.name LIKE replace(d ->> 'event', '*', '%'), false))
       AND (NOT d ? 'kind' OR e.kind = d ->> 'kind')
       AND (NOT d ? 'page' OR e.kind IN ('page', 'screen') AND coalesce(
               journey.url_path(e.url) LIKE replace(d ->> 'page', '*', '%'), false))
       AND NOT EXISTS (
           SELECT FROM jsonb_each(d -> 'where') AS w
           WHERE NOT CASE jsonb_typeof(w.value)
                     WHEN 'object' THEN coalesce((e.properties ->> w.key)::numeric > (w.value ->> '>')::numeric, false)
                     ELSE coalesce(e.properties ->> w.key = w.value #>> '{}', false) END)
$$;

CREATE FUNCTION amount(value text) RETURNS numeric
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN value ~ '^-?(0|[1-9][0-9]*)(\.[0-9]+)?$' THEN value::numeric END
$$;

CREATE VIEW matching_event AS
SELECT p.person_id, d.d ->> 'name' AS conversion, d.d, e.*, o.email_trait, o.lookback AS usual_lookback,
       CASE WHEN jsonb_typeof(d.d -> 'value') = 'number' THEN (d.d ->> 'value')::numeric
            WHEN d.d ->> 'value' = 'revenue' THEN coalesce(e.revenue, amount(e.properties ->> 'revenue'))
            ELSE amount(e.properties ->> (d.d ->> 'value')) END AS value
FROM event AS e
JOIN person_event AS p USING (visitor_id, event_time, event_id)
CROSS JOIN options AS o
CROSS JOIN LATERAL jsonb_array_elements(o.conversions) AS d (d)
WHERE is_conversion(e, d.d);

-- Among those that count once, the first does: by count, and of an order's revenue.
CREATE VIEW event_conversion AS
SELECT e.person_id, e.conversion AS name, e.visitor_id, e.event_time AS converted_at, e.event_id, e.session,
       e.user_id, coalesce(journey._clean_email(e.traits ->> e.email_trait),
                           journey._clean_email(e.properties ->> 'email')) AS email,
       CASE WHEN jsonb_typeof(e.d -> 'value') = 'string' AND e.value > 0 THEN
                greatest(0, e.value + coalesce((
                    SELECT sum(x.revenue) FROM person_event AS x
                    WHERE x.person_id = e.person_id AND x.order_id = e.order_id AND x.revenue < 0
                      AND x.currency IS NOT DISTINCT FROM e.currency), 0))
            ELSE e.value END AS value,
       CASE WHEN jsonb_typeof(e.d -> 'value') = 'number' THEN coalesce(e.d ->> 'currency', e.currency)
            ELSE coalesce(e.currency, e.d ->> 'currency') END AS currency,
       e.order_id, coalesce((e.d ->> 'lookback')::interval, e.usual_lookback) AS lookback
FROM (
    SELECT m.*, row_number() OVER (PARTITION BY person_id, conversion ORDER BY event_time, event_id, visitor_id) AS of_person,
           row_number() OVER (PARTITION BY visitor_id, session, conversion ORDER BY event_time, event_id) AS of_session,
           row_number() OVER (PARTITION BY person_id, conversion, name, order_id, value >= 0
                              ORDER BY event_time, event_id, visitor_id) AS of_order
    FROM matching_event AS m) AS e
WHERE CASE coalesce(e.d ->> 'count', 'each')
      WHEN 'first' THEN of_person = 1
      WHEN 'once per session' THEN e.session IS NULL OR of_session = 1
      ELSE coalesce(e.d ->> 'value' <> 'revenue', true) OR e.order_id IS NULL OR coalesce(e.value < 0, true) OR of_order = 1 END;

-- Rows of a table of leads, all versions that were ever read; without a load time those that there are.
CREATE TABLE lead (id text, email text, user_id text, device text, at timestamptz, amount text, currency text,
                   gclid text, loaded_at timestamptz);

-- All rows that were ever read, for those that are rejected: these are kept when their table has them no more.
CREATE TABLE lead_read (LIKE lead);

-- A row names somebody, and its time can be believed, as an event's; one without a time is taken back.
CREATE FUNCTION is_rejected(user_id text, email text, device text, at timestamptz, loaded_at timestamptz) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT coalesce(coalesce(oracle.clean_id(user_id), journey._clean_email(email), oracle.clean_id(device)) IS NULL
                    OR at < o.earliest OR at > loaded_at + o.max_future, false) AND at IS NOT NULL
    FROM oracle.options AS o
$$;

CREATE VIEW rejected_lead AS
SELECT DISTINCT jsonb_strip_nulls(to_jsonb(l)) AS "row"
FROM lead_read AS l
WHERE is_rejected(l.user_id, l.email, l.device, l.at, l.loaded_at);

CREATE VIEW lead_outcome AS
SELECT l.*, clean_id(l.user_id) AS clean_user, journey._clean_email(l.email) AS clean_email,
       clean_id(l.device) AS clean_device,
       CASE WHEN is_rejected(l.user_id, l.email, l.device, l.at, l.loaded_at) THEN 'rejected'
            ELSE 'lead' END AS outcome
FROM lead AS l;

CREATE VIEW lead_conversion AS
SELECT CASE WHEN l.clean_user IS NOT NULL THEN coalesce(u.person_id, 'user:' || l.clean_user)
            WHEN l.clean_email IS NOT NULL THEN coalesce(e.person_id, 'email:' || l.clean_email)
            ELSE coalesce(v.person_id, 'visitor:' || l.clean_device) END AS person_id,
       'Lead' AS name, NULL::text AS visitor_id, l.at AS converted_at, NULL::text AS event_id, NULL::integer AS session,
       l.clean_user AS user_id, l.clean_email AS email, l.amount::numeric AS value,
       nullif(upper(trim(l.currency)), '') AS currency, NULL::text AS order_id,
       coalesce((SELECT (d ->> 'lookback')::interval FROM jsonb_array_elements(o.conversions) AS d
                 WHERE d ->> 'name' = 'Lead'), o.lookback) AS lookback, l.gclid
FROM (SELECT DISTINCT ON (id) * FROM lead_outcome WHERE outcome = 'lead' ORDER BY id, loaded_at DESC) AS l
CROSS JOIN options AS o
LEFT JOIN ref_person AS u ON u.ref = 'user:' || l.clean_user
LEFT JOIN ref_person AS e ON e.ref = 'email:' || l.clean_email
LEFT JOIN LATERAL (
    SELECT i.person_id FROM identity AS i
    WHERE i.id_type = 'visitor' AND i.id = l.clean_device AND i.valid_from <= l.at AND l.at < i.valid_to
    ORDER BY i.valid_from DESC LIMIT 1) AS v ON true
WHERE l.at IS NOT NULL;

CREATE TABLE conversion (number bigint GENERATED ALWAYS AS IDENTITY, LIKE lead_conversion);

-- What profiles and sessions tell of them.
CREATE TABLE person_conversions (person_id text, conversions bigint, first_converted_at timestamptz, conversion_counts jsonb);
CREATE TABLE session_conversions (visitor_id text, session integer, conversions bigint, conversion_counts jsonb);

-- The touches before each conversion that count, with their places.
CREATE TABLE path_touch (
    number bigint, place bigint, length bigint, age interval, counts boolean, LIKE person_touch);

-- The touch that made the lead: the last one that counts before the person's first lead within the conversion's window.
CREATE TABLE lead_touch (number bigint, place bigint);

CREATE FUNCTION fill_conversions() RETURNS void
LANGUAGE sql AS $$
    TRUNCATE oracle.conversion, oracle.path_touch, oracle.person_conversions, oracle.session_conversions, oracle.lead_touch;
    INSERT INTO oracle.conversion (person_id, name, visitor_id, converted_at, event_id, session, user_id, email, value,
                                   currency, order_id, lookback, gclid)
    SELECT *, NULL FROM oracle.event_conversion
    UNION ALL
    SELECT * FROM oracle.lead_conversion;
    INSERT INTO oracle.path_touch
    SELECT c.number, row_number() OVER w, count(*) OVER (PARTITION BY c.number, x.counts),
           c.converted_at - t.touched_at, x.counts, t.*
    FROM oracle.conversion AS c
    JOIN oracle.person_touch AS t ON t.person_id = c.person_id
        AND t.touched_at >= c.converted_at - c.lookback AND t.touched_at <= c.converted_at
    CROSS JOIN oracle.options AS o
    CROSS JOIN LATERAL (
        SELECT NOT coalesce(o.attribution -> 'exclude_channels' ? t.channel, false)
           AND NOT (coalesce((o.attribution ->> 'paid_only')::boolean, false) AND t.channel <> ALL (
               '{Paid Search,Paid Social,Paid Shopping,Paid Video,Paid Other,Display,Cross-network,Affiliates,Audio}'))
           AS counts) AS x
    WINDOW w AS (PARTITION BY c.number, x.counts ORDER BY t.touched_at, t.touch_id);
    INSERT INTO oracle.person_conversions
    SELECT person_id, sum(n), min(first_at), jsonb_object_agg(name, n)
    FROM (SELECT person_id, name, count(*) AS n, min(converted_at) AS first_at FROM oracle.conversion GROUP BY 1, 2) AS c
    GROUP BY person_id;
    INSERT INTO oracle.session_conversions
    SELECT visitor_id, session, sum(n), jsonb_object_agg(name, n)
    FROM (SELECT visitor_id, session, name, count(*) AS n
          FROM oracle.conversion WHERE session IS NOT NULL GROUP BY 1, 2, 3) AS c
    GROUP BY visitor_id, session;
    INSERT INTO oracle.lead_touch
    SELECT p.number, max(p.place)
    FROM oracle.path_touch AS p
    JOIN (
        SELECT c.number, min(l.converted_at) AS lead_at
        FROM oracle.conversion AS c CROSS JOIN oracle.options AS o
        JOIN oracle.conversion AS l ON l.person_id = c.person_id AND l.name = o.attribution ->> 'lead'
            AND l.converted_at >= c.converted_at - c.lookback AND l.converted_at <= c.converted_at
        GROUP BY c.number) AS l USING (number)
    WHERE p.counts AND p.touched_at <= l.lead_at
    GROUP BY p.number;
    ANALYZE oracle.conversion, oracle.path_touch, oracle.person_conversions, oracle.session_conversions, oracle.lead_touch
$$;

CREATE FUNCTION path_columns(conversion bigint, prefix text, is_first boolean, non_direct boolean) RETURNS jsonb
LANGUAGE sql AS $$
    SELECT jsonb_build_object(
        prefix || '_at', t.touched_at, prefix || '_source', t.source, prefix || '_medium', t.medium,
        prefix || '_campaign', t.campaign, prefix || '_term', t.term, prefix || '_content', t.content,
        prefix || '_channel', t.channel, prefix || '_landing_page', t.landing_page,
        prefix || '_click_id', t.click_id, prefix || '_click_id_type', t.click_id_type)
    FROM (SELECT) AS one LEFT JOIN LATERAL (
        SELECT * FROM oracle.path_touch AS p
        WHERE p.number = conversion AND NOT (non_direct AND p.touch_type = 'direct')
        ORDER BY CASE WHEN is_first THEN p.touched_at END, CASE WHEN is_first THEN p.touch_id END,
                 p.touched_at DESC, p.touch_id DESC
        LIMIT 1) AS t ON true
$$;

CREATE FUNCTION last_click(conversion bigint, id text) RETURNS TABLE (value text, id_type text, at timestamptz)
LANGUAGE sql AS $$
    SELECT coalesce(p.click_ids ->> id, p.click_id), p.click_id_type, p.touched_at
    FROM oracle.path_touch AS p
    WHERE p.number = conversion AND CASE WHEN id = '' THEN p.click_id IS NOT NULL ELSE p.click_ids ? id END
    ORDER BY p.touched_at DESC, p.touch_id DESC
    LIMIT 1
$$;

CREATE VIEW conversion_row AS
SELECT jsonb_build_object(
           'name', c.name, 'person_id', c.person_id,
           'user_id', CASE WHEN c.person_id LIKE 'user:%' THEN substr(c.person_id, 6) ELSE c.user_id END,
           'email', coalesce(c.email, CASE split_part(c.person_id, ':', 1)
               WHEN 'email' THEN substr(c.person_id, 7)
               WHEN 'user' THEN journey._clean_email(substr(c.person_id, 6)) END),
           'session_number', c.session, 'converted_at', c.converted_at, 'value', c.value, 'currency', c.currency,
           'order_id', c.order_id, 'gclid', coalesce(g.value, c.gclid), 'gclid_at', g.at,
           'gbraid', (SELECT value FROM last_click(c.number, 'gbraid')),
           'wbraid', (SELECT value FROM last_click(c.number, 'wbraid')),
           'click_id', k.value, 'click_id_type', k.id_type, 'click_at', k.at, 'consent', NULL, 'phone', NULL)
       || path_columns(c.number, 'first_touch', true, false)
       || path_columns(c.number, 'last_touch', false, false)
       || path_columns(c.number, 'last_non_direct_touch', false, true) AS "row"
FROM conversion AS c
LEFT JOIN LATERAL last_click(c.number, 'gclid') AS g ON true
LEFT JOIN LATERAL last_click(c.number, '') AS k ON true;

-- What each rule gives to a touch, in proportion.
CREATE VIEW touch_share AS
SELECT p.number, p.place, r.rule,
       CASE r.rule
       WHEN 'first' THEN (p.place = 1)::int::numeric
       WHEN 'last' THEN (p.place = p.length)::int::numeric
       WHEN 'last_non_direct' THEN (p.place = coalesce(
           max(p.place) FILTER (WHERE p.touch_type <> 'direct') OVER path, p.length))::int::numeric
       WHEN 'linear' THEN 1
       WHEN 'time_decay' THEN power(2.00000000000000000000000000000000000000000000000000,
           -extract(epoch FROM p.age) / extract(epoch FROM coalesce((o.attribution ->> 'half_life')::interval, '7 days')))
       -- the touch of the lead, the ends, and what is left for all others together
       ELSE CASE WHEN p.length = 1 THEN 1
                 WHEN r.rule = 'w_shaped' AND d.place IS NOT NULL THEN CASE
                     WHEN p.place NOT IN (1, d.place, p.length) THEN coalesce(o.attribution #>> '{w_shaped,3}', '10')::numeric
                     ELSE greatest(p.length - CASE WHEN d.place IN (1, p.length) THEN 2 ELSE 3 END, 1)
                          * (CASE WHEN p.place = 1 THEN coalesce(o.attribution #>> '{w_shaped,0}', '30')::numeric ELSE 0 END
                             + CASE WHEN p.place = d.place THEN coalesce(o.attribution #>> '{w_shaped,1}', '30')::numeric ELSE 0 END
                             + CASE WHEN p.place = p.length THEN coalesce(o.attribution #>> '{w_shaped,2}', '30')::numeric ELSE 0 END)
                     END
                 -- without a lead the W is the U; of two touches each has its end's weight
                 ELSE CASE
                 WHEN p.place = 1 THEN coalesce(o.attribution #>> '{position,0}', '40')::numeric * greatest(p.length - 2, 1)
                 WHEN p.place = p.length THEN coalesce(o.attribution #>> '{position,2}', '40')::numeric * greatest(p.length - 2, 1)
                 ELSE coalesce(o.attribution #>> '{position,1}', '20')::numeric END END
       END AS share
FROM path_touch AS p CROSS JOIN options AS o
LEFT JOIN lead_touch AS d USING (number)
CROSS JOIN unnest('{first,last,last_non_direct,linear,position,w_shaped,time_decay}'::text[]) AS r (rule)
WHERE p.counts
WINDOW path AS (PARTITION BY p.number, r.rule);

-- Units split in proportion to shares: what is left when all are rounded down goes to those that lost most.
CREATE VIEW touch_split AS
SELECT number, place, rule, what, scale, sign * (whole + (row_number() OVER lost <= units - sum(whole) OVER path)::int) AS part
FROM (
    SELECT s.number, s.place, s.rule, u.what, u.scale, u.units, u.sign,
           div(u.units * s.share, sum(s.share) OVER path) AS whole,
           u.units * s.share - div(u.units * s.share, sum(s.share) OVER path) * sum(s.share) OVER path AS rest
    FROM touch_share AS s
    JOIN conversion AS c USING (number)
    CROSS JOIN LATERAL (
        SELECT CASE WHEN c.currency = 'JPY' THEN 0 ELSE 2 END AS least) AS m
    CROSS JOIN LATERAL (
        VALUES ('credit', 12, 10::numeric ^ 12, 1),
               ('value', greatest(m.least, min_scale(c.value)),
                trunc(abs(c.value) * 10::numeric ^ greatest(m.least, min_scale(c.value))), sign(c.value)))
        AS u (what, scale, units, sign)
    WINDOW path AS (PARTITION BY s.number, s.rule, u.what)) AS x
WINDOW path AS (PARTITION BY number, rule, what),
       lost AS (PARTITION BY number, rule, what ORDER BY rest DESC, place);

CREATE VIEW attributed_row AS
SELECT jsonb_build_object('conversion', c.name, 'converted_at', c.converted_at, 'person_id', c.person_id,
           'position', p.place, 'path_length', p.length,
           'days_before', round(extract(epoch FROM p.age) / 86400, 6), 'touched_at', p.touched_at, 'source', p.source,
           'medium', p.medium, 'campaign', p.campaign, 'term', p.term, 'content', p.content,
           'campaign_id', p.campaign_id, 'channel', p.channel, 'click_id', p.click_id) || x.credits AS "row"
FROM path_touch AS p
JOIN conversion AS c USING (number)
JOIN (
    SELECT number, place, jsonb_object_agg(rule || '_' || what,
               CASE WHEN part IS NOT NULL THEN round(part / 10::numeric ^ scale, scale) END) AS credits
    FROM touch_split GROUP BY number, place) AS x USING (number, place)
WHERE p.counts;
