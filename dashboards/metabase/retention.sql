-- Pivot table: rows cohort, columns period, values share. A period that is not over is empty.
SELECT cohort, persons, period, returned, share, is_complete
FROM journey.retention_report('web', unit => 'week', periods => 8
     [[, since => {{since}}]] [[, until => {{until}}]]);
