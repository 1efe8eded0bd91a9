-- After test/sample/generate.sql: the sample as a warehouse has it, and one clean table of events.
CREATE EXTENSION pg_journey;
CREATE SCHEMA bench;

-- rows lie in the order of their loading, sources are indexed on it
DO $$
DECLARE
    t regclass;
BEGIN
    FOR t IN SELECT oid FROM pg_class
             WHERE relkind = 'r' AND relnamespace IN ('rudder'::regnamespace, 'tenth'::regnamespace)
    LOOP
        EXECUTE format('CREATE TABLE bench.sorted AS SELECT * FROM %s ORDER BY uuid_ts, id', t);
        EXECUTE format('TRUNCATE %s', t);
        EXECUTE format('INSERT INTO %s TABLE bench.sorted', t);
        EXECUTE format('CREATE INDEX ON %s (uuid_ts)', t);
        DROP TABLE bench.sorted;
    END LOOP;
END
$$;

-- Cases a, e, f, g, j: what browsers and apps sent, each event once, in random order. Screens are pages.
CREATE TABLE bench.events AS
SELECT id, anonymous_id, user_id, at AS event_time, name, kind, url, nullif(referrer, '') AS referrer, revenue
FROM (SELECT DISTINCT ON (anonymous_id, id) *
      FROM (SELECT id, anonymous_id, user_id, "timestamp" AS at, 'page' AS name, 'page' AS kind, url, referrer,
                   NULL::numeric AS revenue, received_at
            FROM rudder.pages
            UNION ALL
            SELECT id, anonymous_id, user_id, "timestamp", event_text,
                   CASE WHEN event_text = 'Screen Viewed' THEN 'page' ELSE 'track' END, context_page_url,
                   context_page_referrer, NULL, received_at
            FROM rudder.tracks WHERE channel <> 'server' AND event <> 'order_completed'
            UNION ALL
            SELECT id, anonymous_id, user_id, "timestamp", event_text, 'track', context_page_url,
                   context_page_referrer, revenue, received_at
            FROM rudder.order_completed WHERE channel <> 'server') AS e
      WHERE anonymous_id NOT IN ('null', 'undefined', 'odd') AND id <> ''
      ORDER BY anonymous_id, id, received_at) AS e
ORDER BY hashtext(id || anonymous_id);

-- Case e: URLs as browsers have them, half of them with parameters.
CREATE TABLE bench.urls AS
SELECT url, referrer
FROM (SELECT url, referrer, url LIKE '%?%' AS has_query,
             row_number() OVER (PARTITION BY url LIKE '%?%' ORDER BY hashtext(id)) AS n,
             count(*) OVER (PARTITION BY url LIKE '%?%') AS of
      FROM bench.events WHERE url IS NOT NULL) AS u
CROSS JOIN (SELECT count(*) / 2 AS half FROM bench.events) AS c
CROSS JOIN LATERAL generate_series(1, half / of + CASE WHEN n <= half % of THEN 1 ELSE 0 END)
ORDER BY hashtext(url || n || generate_series);

-- For the plain-SQL pipeline and the Segment package: a seed, as such packages have, of the hosts that occur.
CREATE TABLE bench.referrer_mapping (host text PRIMARY KEY, medium text, source text);
INSERT INTO bench.referrer_mapping VALUES
    ('google.com', 'organic', 'google'), ('bing.com', 'organic', 'bing'), ('duckduckgo.com', 'organic', 'duckduckgo'),
    ('l.facebook.com', 'social', 'facebook'), ('m.facebook.com', 'social', 'facebook'),
    ('tiktok.com', 'social', 'tiktok'), ('linkedin.com', 'social', 'linkedin'), ('t.co', 'social', 'twitter'),
    ('reddit.com', 'social', 'reddit'), ('chatgpt.com', 'ai-assistant', 'chatgpt'),
    ('perplexity.ai', 'ai-assistant', 'perplexity'), ('claude.ai', 'ai-assistant', 'claude'),
    ('checkout.stripe.com', 'ignored', NULL), ('accounts.google.com', 'ignored', NULL);

-- Inlined by the planner where they are called with constant names.
CREATE FUNCTION bench.param(url text, name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN substring(url FROM '[?&#]' || name || '=([^&#]+)');
CREATE FUNCTION bench.host(url text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN substring(url FROM '^[a-z]+://([^/?#]+)');

-- A value with %-sequences decoded; a plain one is returned at once.
CREATE FUNCTION bench.decode(value text) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF strpos(value, '+') = 0 AND strpos(value, '%') = 0 THEN
        RETURN value;
    END IF;
    RETURN (SELECT convert_from(string_agg(coalesce(pg_catalog.decode(m[1], 'hex'), convert_to(m[2], 'UTF8')), ''),
    'UTF8')
            FROM regexp_matches(replace(value, '+', ' '), '%([0-9A-Fa-f]{2})|([^%]+)', 'g') AS m);
END
$$;

-- GA4's default channel group, as far as the sample's sources go.
CREATE FUNCTION bench.channel(source text, medium text, campaign text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT CASE
        WHEN s = '(direct)' AND m IN ('(none)', '(not set)') THEN 'Direct'
        WHEN c LIKE '%cross-network%' THEN 'Cross-network'
        WHEN c ~ '^(.*(([^a-df-z]|^)shop|shopping).*)$' AND m ~ '^(.*cp.*|ppc|retargeting|paid.*)$' THEN 'Paid Shopping'
        WHEN s IN ('google', 'bing', 'duckduckgo') AND m ~ '^(.*cp.*|ppc|retargeting|paid.*)$' THEN 'Paid Search'
        WHEN s IN ('facebook', 'tiktok', 'linkedin', 'twitter', 'reddit')
             AND m ~ '^(.*cp.*|ppc|retargeting|paid.*)$' THEN 'Paid Social'
        WHEN m IN ('display', 'banner', 'expandable', 'interstitial', 'cpm') THEN 'Display'
        WHEN m ~ '^(.*cp.*|ppc|retargeting|paid.*)$' THEN 'Paid Other'
        WHEN s IN ('facebook', 'tiktok', 'linkedin', 'twitter', 'reddit')
             OR m IN ('social', 'social-network', 'social-media', 'sm', 'social network', 'social media')
             THEN 'Organic Social'
        WHEN s IN ('google', 'bing', 'duckduckgo') OR m = 'organic' THEN 'Organic Search'
        WHEN m = 'ai-assistant' THEN 'AI Assistant'
        WHEN s ~ '^(email|e-mail|e_mail|e mail)$' OR m ~ '^(email|e-mail|e_mail|e mail)$' THEN 'Email'
        WHEN m = 'affiliate' THEN 'Affiliates'
        WHEN m IN ('referral', 'app', 'link') THEN 'Referral'
        WHEN m = 'audio' THEN 'Audio'
        WHEN m = 'sms' OR s = 'sms' THEN 'SMS'
        WHEN m LIKE '%push' OR m LIKE '%mobile%' OR m LIKE '%notification%' THEN 'Mobile Push Notifications'
        ELSE 'Unassigned' END
    FROM (SELECT lower(source) AS s, lower(medium) AS m, lower(campaign) AS c) AS given);
