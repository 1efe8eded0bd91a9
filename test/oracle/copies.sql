-- The rule for copies in plain SQL, to compare the timeline with.
--
-- Wants a table oracle_rows of columns like journey.event; gives a view oracle_events with the same
-- columns, and the first and last time of each event's copies. Rows without an id keep NULL: theirs
-- is a hash.

CREATE VIEW oracle_events AS
WITH keyed AS (
    SELECT r.*,
           coalesce('id:' || event_id,
                    'no id:' || row(event_time, kind, name, url, user_id)::text) AS copy_key,
           num_nonnulls(event_id, visitor_id, user_id, kind, name, url, referrer, revenue, currency,
                        order_id, source, medium, campaign, term, content, session_key,
                        previous_id, platform)
           + (SELECT count(*) FROM jsonb_each(properties) p WHERE p.value <> 'null')
           + (SELECT count(*) FROM jsonb_each(traits) t WHERE t.value <> 'null') AS fields
    FROM oracle_rows r
    WHERE event_time IS NOT NULL
), steps AS (
    SELECT *, coalesce(event_time - lag(event_time) OVER copies > interval '24 hours', true) AS far
    FROM keyed
    WINDOW copies AS (PARTITION BY visitor_id, copy_key ORDER BY event_time)
), chains AS (
    SELECT *, count(*) FILTER (WHERE far) OVER copies AS chain
    FROM steps
    WINDOW copies AS (PARTITION BY visitor_id, copy_key ORDER BY event_time)
), ends AS (
    SELECT *, min(event_time) OVER copies AS first_copy, max(event_time) OVER copies AS last_copy
    FROM chains
    WINDOW copies AS (PARTITION BY visitor_id, copy_key, chain)
)
SELECT DISTINCT ON (visitor_id, copy_key, chain)
       event_id, visitor_id, user_id, event_time, received_at, kind, name, url, referrer, revenue,
       currency, order_id, source, medium, campaign, term, content, session_key, previous_id,
       platform, properties, traits, first_copy, last_copy
FROM ends
ORDER BY visitor_id, copy_key, chain, received_at DESC NULLS LAST, fields DESC,
         user_id COLLATE "C" DESC NULLS LAST, kind COLLATE "C" DESC NULLS LAST,
         name COLLATE "C" DESC NULLS LAST, url COLLATE "C" DESC NULLS LAST,
         referrer COLLATE "C" DESC NULLS LAST, revenue::text COLLATE "C" DESC NULLS LAST,
         currency COLLATE "C" DESC NULLS LAST, order_id COLLATE "C" DESC NULLS LAST,
         source COLLATE "C" DESC NULLS LAST, medium COLLATE "C" DESC NULLS LAST,
         campaign COLLATE "C" DESC NULLS LAST, term COLLATE "C" DESC NULLS LAST,
         content COLLATE "C" DESC NULLS LAST, session_key COLLATE "C" DESC NULLS LAST,
         previous_id COLLATE "C" DESC NULLS LAST, platform COLLATE "C" DESC NULLS LAST,
         properties::text COLLATE "C" DESC NULLS LAST, traits::text COLLATE "C" DESC NULLS LAST,
         event_time DESC;
