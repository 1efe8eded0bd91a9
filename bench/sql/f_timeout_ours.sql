-- sessions again, with a timeout of an hour
SELECT count(*), sum(events * events), sum(duration_seconds), max(session_number)
FROM bench.timelines CROSS JOIN LATERAL journey.sessions(timeline, '1 hour');
