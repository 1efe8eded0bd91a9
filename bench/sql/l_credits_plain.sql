DROP TABLE IF EXISTS bench.credits_plain;
CREATE TABLE bench.credits_plain AS
WITH path AS (
    SELECT c.conversion_id, t.touch_id, c.value, t.touched_at, c.converted_at, t.source, t.medium, t.campaign, t.term,
           t.content, t.campaign_id, t.channel, t.click_id, c.person_id, t.touch_type = 'direct' AS direct,
           row_number() OVER w AS place, count(*) OVER (PARTITION BY c.conversion_id) AS n,
           extract(epoch FROM c.converted_at - t.touched_at)::float8 AS age
    FROM {schema}.conversions AS c
    JOIN {schema}.touches AS t ON t.person_id = c.person_id
        AND t.touched_at BETWEEN c.converted_at - interval '90 days' AND c.converted_at
    WINDOW w AS (PARTITION BY c.conversion_id ORDER BY t.touched_at, t.touch_id)),
marked AS (
    SELECT p.*, coalesce(max(place) FILTER (WHERE NOT direct) OVER (PARTITION BY conversion_id), n) AS last_non_direct
    FROM path AS p),
shares AS (
    SELECT m.conversion_id, m.touch_id, m.place, m.value, s.rule, s.share, sum(s.share) OVER w AS whole
    FROM marked AS m
    CROSS JOIN LATERAL (VALUES
        ('first', (m.place = 1)::int::numeric),
        ('last', (m.place = m.n)::int::numeric),
        ('last_non_direct', (m.place = m.last_non_direct)::int::numeric),
        ('linear', 1),
        ('position', CASE WHEN m.place IN (1, m.n) THEN 40 * greatest(m.n - 2, 1) ELSE 20 END),
        ('w_shaped', CASE WHEN m.place IN (1, m.n) THEN 40 * greatest(m.n - 2, 1) ELSE 20 END),
        ('time_decay', power(2::float8, -m.age / 604800)::numeric)) AS s (rule, share)
    WINDOW w AS (PARTITION BY m.conversion_id, s.rule)),
units AS (
    SELECT s.*, u.what, u.digits, u.sign, u.units, div(u.units * s.share, s.whole) AS low,
           u.units * s.share - div(u.units * s.share, s.whole) * s.whole AS rest
    FROM shares AS s
    CROSS JOIN LATERAL (VALUES
        ('credit', 12, 1, 1000000000000::numeric),
        ('value', greatest(2, min_scale(s.value)), sign(s.value), abs(s.value) * 10::numeric ^ greatest(2, min_scale(s.value))))
        AS u (what, digits, sign, units)),
parts AS (
    SELECT conversion_id, touch_id, rule || '_' || what AS name,
           round(sign * (low + (row_number() OVER (PARTITION BY conversion_id, rule, what ORDER BY rest DESC, place)
                          <= units - sum(low) OVER (PARTITION BY conversion_id, rule, what))::int) / 10::numeric ^ digits, digits) AS part
    FROM units)
SELECT m.conversion_id, m.touch_id, m.person_id, m.place AS position, m.n AS path_length, round((m.age / 86400)::numeric, 6) AS days_before,
       m.touched_at, m.source, m.medium, m.campaign, m.term, m.content, m.campaign_id, m.channel, m.click_id, c.*
FROM marked AS m
JOIN (
    SELECT conversion_id AS c, touch_id AS t,
           {columns}
    FROM parts GROUP BY conversion_id, touch_id) AS c ON c.c = m.conversion_id AND c.t = m.touch_id
