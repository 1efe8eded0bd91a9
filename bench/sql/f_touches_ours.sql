-- first touch, and last one within 90 days, by visitor: how often which pair
SELECT (f).source AS a, (f).medium AS b, (l).source AS c, (l).medium AS d, count(*)
FROM (SELECT journey.first_touch(timeline) AS f, journey.last_touch(timeline) AS l FROM bench.timelines OFFSET 0) AS t
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4;
