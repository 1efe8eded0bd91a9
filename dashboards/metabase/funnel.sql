-- Funnel: step by persons. Put your own steps in.
SELECT step || '. ' || name AS step, persons, share, share_of_previous, dropped, still_open, closed_share,
       median_seconds
FROM journey.funnel_report('web', ARRAY['kind:page', 'kind:identify', 'Order Completed'], '7 days'
     [[, since => {{since}}]] [[, until => {{until}}]]);
