-- Bar chart, stacked: period, then the four series.
SELECT period, new_persons, returning_persons, resurrected_persons, -dormant_persons AS dormant_persons
FROM journey.lifecycle_report('web', unit => 'week'
     [[, since => {{since}}]] [[, until => {{until}}]]);
