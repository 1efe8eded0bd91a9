SELECT path, count(*)
FROM bench.timelines, journey.paths(timeline, 'page:/pricing', NULL, 3, '{"of": "pages"}') AS path
WHERE path IS NOT NULL
GROUP BY path
ORDER BY count(*) DESC, path COLLATE "C"
LIMIT 20
