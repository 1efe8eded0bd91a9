-- Bar chart: channel by the share that comes to the last step.
SELECT value AS channel, max(persons) AS persons, min(share) AS share
FROM journey.funnel_report('web', ARRAY['kind:page', 'kind:identify', 'Order Completed'], '7 days', by => 'channel'
     [[, since => {{since}}]] [[, until => {{until}}]])
GROUP BY 1
ORDER BY 2 DESC;
