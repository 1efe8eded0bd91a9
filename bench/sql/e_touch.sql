SELECT count((t).source), count((t).channel)
FROM (SELECT journey.touch(url, referrer) AS t FROM bench.urls OFFSET 0) AS u;
