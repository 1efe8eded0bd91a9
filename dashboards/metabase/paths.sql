-- Sankey: source, target, sessions. The steps stand before the names, so that nothing goes round in a circle.
SELECT step || '. ' || source AS source, step + 1 || '. ' || target AS target, persons AS sessions
FROM journey.paths_report('web', depth => 4, options => '{"per": "session", "of": "pages", "nodes": 8}'
     [[, since => {{since}}]] [[, until => {{until}}]]);
