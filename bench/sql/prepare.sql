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
