WITH started AS (
    SELECT *, CASE WHEN event_time - lag(event_time) OVER w <= interval '30 minutes' THEN 0 ELSE 1 END AS starts,
           last_value(event_time) OVER (w RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS last_at
    FROM bench.events WINDOW w AS (PARTITION BY anonymous_id ORDER BY event_time, id)
), numbered AS MATERIALIZED (
    SELECT anonymous_id, id, event_time, last_at, kind, url, referrer, starts,
           sum(starts) OVER (PARTITION BY anonymous_id ORDER BY event_time, id ROWS UNBOUNDED PRECEDING) AS n
    FROM started
), read AS (
    SELECT anonymous_id, n, id, event_time, last_at, bench.param(url, 'utm_source') AS utm_source,
           bench.param(url, 'utm_medium') AS utm_medium,
           bench.param(url, 'utm_campaign') AS campaign, bench.param(url, 'utm_term') AS term,
           bench.param(url, 'utm_content') AS content,
           concat_ws(' ', bench.param(url, 'gclid'), bench.param(url, 'msclkid'), bench.param(url, 'ttclid'),
           bench.param(url, 'li_fat_id'),
                     bench.param(url, 'gbraid'), bench.param(url, 'wbraid'), bench.param(url, 'fbclid')) AS click_ids,
           CASE WHEN url ~ '[?&#](gclid|gbraid|wbraid)=.' THEN 'google' WHEN url ~ '[?&#]msclkid=.' THEN 'bing'
                WHEN url ~ '[?&#]ttclid=.' THEN 'tiktok' WHEN url ~ '[?&#]li_fat_id=.' THEN 'linkedin'
                WHEN url ~ '[?&#]fbclid=.' THEN 'facebook' END AS click_source
    FROM numbered WHERE url ~ '[?#]'
), said AS (
    SELECT anonymous_id, n, id, event_time, last_at, coalesce(utm_source, click_source, '(not set)') AS source,
           coalesce(utm_medium, CASE WHEN coalesce(lower(utm_source), click_source) = click_source
                                     THEN CASE click_source WHEN 'facebook' THEN 'referral' ELSE 'cpc' END
                                     WHEN utm_source = 'chatgpt.com' THEN 'ai-assistant' END,
                                     '(not set)') AS medium,
           campaign, term, content, click_ids
    FROM read WHERE coalesce(utm_source, utm_medium, campaign, click_source) IS NOT NULL
), came_from AS (
    SELECT DISTINCT ON (anonymous_id, n) anonymous_id, n, id, event_time, last_at, url,
           bench.host(referrer) AS full_host,
           regexp_replace(bench.host(referrer), '^www\.', '') AS host
    FROM numbered WHERE kind = 'page' OR url <> '' ORDER BY anonymous_id, n, event_time, id
), touched AS (
    SELECT DISTINCT ON (anonymous_id, n, source, medium, campaign, term, content, click_ids) anonymous_id, n,
           event_time, last_at, id, source, medium
    FROM (SELECT * FROM said
          UNION ALL
          SELECT anonymous_id, n, id, event_time, last_at, coalesce(m.source, host), coalesce(m.medium, 'referral'),
                 NULL, NULL, NULL, ''
          FROM came_from AS c LEFT JOIN bench.referrer_mapping AS m USING (host)
          WHERE c.host IS NOT NULL AND m.medium IS DISTINCT FROM 'ignored'
            AND substring(full_host FROM '[^.]+\.[^.]+$')
                IS DISTINCT FROM substring(bench.host(url) FROM '[^.]+\.[^.]+$')
            AND NOT EXISTS (SELECT FROM said WHERE (said.anonymous_id, said.id) = (c.anonymous_id, c.id))) AS t
    ORDER BY anonymous_id, n, source, medium, campaign, term, content, click_ids, event_time, id
), touches AS (
    SELECT anonymous_id, event_time, last_at, source, medium FROM touched
    UNION ALL
    SELECT anonymous_id, event_time, last_at, '(direct)', '(none)' FROM numbered
    WHERE starts = 1 AND NOT EXISTS (SELECT FROM touched AS t
        WHERE (t.anonymous_id, t.n) = (numbered.anonymous_id, numbered.n))
), first AS (
    SELECT DISTINCT ON (anonymous_id) * FROM touches ORDER BY anonymous_id, event_time
), last AS (
    SELECT DISTINCT ON (anonymous_id) * FROM touches WHERE event_time >= last_at - interval '90 days'
           ORDER BY anonymous_id, event_time DESC
)
SELECT f.source, f.medium, l.source, l.medium, count(*)
FROM first AS f LEFT JOIN last AS l USING (anonymous_id) GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4;
