-- how many sessions have how many page views
SELECT page_views, count(*) FROM bench.timelines CROSS JOIN LATERAL journey.sessions(timeline)
GROUP BY page_views ORDER BY page_views;
