SELECT count(*) FILTER (WHERE journey.sequence_match(timeline, '(?1)(?t<=3600)(?2)', '{page:/pricing,page:/signup}'))
FROM bench.timelines
