SELECT count(*) FILTER (WHERE steps >= 1), count(*) FILTER (WHERE steps >= 2), count(*) FILTER (WHERE steps >= 3)
FROM (SELECT (journey.funnel(timeline, '{page:/pricing,page:/signup,Order Completed}', '7 days')).steps
      FROM bench.timelines OFFSET 0) AS f
