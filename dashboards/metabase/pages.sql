-- Table.
SELECT page, views, sessions, persons, entries, exits, bounce_rate, exit_rate, mean_seconds, median_seconds
FROM journey.page_report('web', by => NULL [[, since => {{since}}]] [[, until => {{until}}]]);
