SELECT count(*) FILTER (WHERE f.steps >= 1), count(*) FILTER (WHERE f.steps >= 2), count(*) FILTER (WHERE f.steps >= 3)
FROM bench.timelines, journey.funnel(timeline, '{page:/pricing,page:/signup,Order Completed}', '7 days') AS f
