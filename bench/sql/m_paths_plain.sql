WITH pages AS (
    SELECT anonymous_id, event_time AS at, id, coalesce(nullif(substring(url FROM '://[^/?#]+([^?#]*)'), ''), '/') AS page
    FROM bench.events WHERE kind = 'page' AND url IS NOT NULL),
started AS (
    SELECT *, lag(page) OVER w AS before,
           bool_or(page = '/pricing') OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS begun
    FROM pages
    WINDOW w AS (PARTITION BY anonymous_id ORDER BY at, id COLLATE "C")),
numbered AS (
    SELECT *, row_number() OVER (PARTITION BY anonymous_id ORDER BY at, id COLLATE "C") AS n
    FROM started
    WHERE begun AND (before IS DISTINCT FROM page)),
taken AS (
    SELECT array_agg(page ORDER BY n) AS path FROM numbered WHERE n <= 3 GROUP BY anonymous_id)
SELECT path, count(*)
FROM taken
GROUP BY path
ORDER BY count(*) DESC, path COLLATE "C"
LIMIT 20
