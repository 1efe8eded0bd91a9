-- Row chart: reason by rows.
SELECT reason, count(*) AS rows
FROM web.rejected_events
WHERE true [[AND rejected_at >= {{since}}]] [[AND rejected_at < {{until}}]]
GROUP BY 1
ORDER BY 2 DESC;
