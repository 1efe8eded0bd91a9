#!/usr/bin/env perl
# The cases of ../shared/reference/conversions-and-journeys.md 1.1, 1.3 and 1.6 that reports answer, each with a small
# model of its own: the number of the case stands in the test's name. Those of functions are in sql/funnel.sql,
# sequence.sql, paths.sql and statistics.sql; F13 is in tap/segments.t.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

$ENV{PGOPTIONS} = '-c client_min_messages=warning -c timezone=Asia/Tokyo -c datestyle=German';
sub rows { my ($query) = @_; return join ' ', map { join '|', map { $_ // '' } @$_ } sql("SET timezone = 'UTC'; SET datestyle = ISO; $query") }
sql('CREATE EXTENSION pg_journey');
my $n = 0;

# A model of events 'visitor time name [property]'.
sub model
{
	my ($options, @events) = @_;
	my $model = 'm' . ++$n;
	sql("CREATE TABLE ev_$model (event_id text, visitor_id text, event_time timestamptz, kind text, name text, properties jsonb, revenue numeric, order_id text,
			loaded_at timestamptz DEFAULT clock_timestamp());
		SELECT journey.create_model('$model', options => '$options') \\g /dev/null
		SELECT journey.add_source('$model', 'ev_$model') \\g /dev/null");
	my $i = 0;
	sql(join '', map {
		my ($visitor, $time, $name, $property) = @$_;
		$property = defined $property ? "'{\"v\": \"$property\"}'" : 'NULL';
		"INSERT INTO ev_$model VALUES ('e" . ++$i . "', '$visitor', '$time', 'track', '$name', $property);"
	} @events);
	sql("SELECT FROM journey.refresh('$model')");
	return $model;
}
# Events of a visitor: 'A 2026-01-01 10:00Z' ..
sub of { my ($visitor, @events) = @_; return map { my ($name, $time, $v) = m/^(\S+) ([-0-9]+ [0-9:.]+(?:Z|\+\d\d))(?: (\S+))?$/ or die $_; [ $visitor, $time, $name, $v ] } @events }

# F10, F11, F12, F15
my $m = model('{}', of('trial', 'Trial 2025-11-20 10:00Z'), of('other', 'Seen 2025-11-28 10:00Z'), of('early', 'Trial 2025-10-01 10:00Z'));
is(rows("SELECT step, persons, dropped, still_open, round(share, 2), round(closed_share, 2) FROM journey.funnel_report('$m', '{Trial,Paid}', '31 days')"),
	'1|2|0|0|1.00|1.00 2|0|1|1|0.00|0.00', 'F10: a trial that is not over is open, not lost');
$m = model('{}', of('a', 'A 2026-01-01 01:00Z', 'B 2026-01-01 02:00Z', 'C 2026-01-01 03:00Z', 'A 2026-01-01 04:00Z', 'B 2026-01-01 05:00Z', 'A 2026-01-01 07:00Z', 'B 2026-01-01 10:00Z'));
is(rows("SELECT step, median_seconds::int FROM journey.funnel_report('$m', '{A,B,C}') WHERE step > 1"), '2|3600 3|3600', 'F11: the time of the attempt that counts');
is(rows("SELECT step, persons, median_seconds::int FROM journey.funnel_report('$m', '{A,B,C}', '1 minute') WHERE step > 1"), '2|0| 3|0|', 'F11: and none beyond the window');
$m = model('{}', of('a', 'A 2026-01-01 01:00:00Z', 'B 2026-01-01 01:00:01Z', 'A 2026-01-01 01:00:02Z', 'B 2026-01-01 01:00:03Z', 'A 2026-01-01 01:00:04Z'));
is(rows("SELECT persons FROM journey.funnel_report('$m', '{A,B}')") . ', ' . rows("SELECT persons FROM journey.funnel_report('$m', '{A,B}', options => '{\"per\": \"session\"}')"),
	'1 1, 1 1', 'F12: persons and sessions (of totals there is no report)');
$m = model('{}', (map { of("x$_", 'A 2026-01-01 01:00Z', $_ <= 10 ? 'B 2026-01-01 02:00Z' : (), $_ <= 5 ? 'C 2026-01-01 03:00Z' : ()) } 1 .. 20));
is(rows("SELECT step, persons, round(share, 2), round(share_of_previous, 2) FROM journey.funnel_report('$m', '{A,B,C}')"), '1|20|1.00| 2|10|0.50|0.50 3|5|0.25|0.50',
	'F15: of the start and of the step before');
is(rows("WITH r AS (SELECT * FROM journey.paths_report('$m', 'A', depth => 3)) SELECT count(*) FROM r WHERE step = 1 AND NOT is_end AND
	persons <> (SELECT coalesce(sum(o.persons), 0) FROM r AS o WHERE o.step = 2 AND o.source = r.target)"), '0', 'F15: what comes to a node goes on or ends there');
is(rows("SELECT target, persons FROM journey.paths_report('$m', 'A', depth => 3) WHERE step = 1 ORDER BY 2 DESC, 1"), '(ended here)|10 B|10', 'F15: as in the funnel');

# R5: a range that begins inside a period
$m = model('{}', of('a', 'A 2025-11-20 10:00Z', 'B 2025-12-20 10:00Z'), of('late', 'Z 2026-03-01 10:00Z'));
is(rows("SELECT cohort::date, persons, is_cut FROM journey.retention_report('$m', 'A', 'B', 'month', 1, NULL, '2025-11-15') WHERE period = 0"), '2025-11-01|1|t',
	'R5: the cut period has its people, and is marked');
# R6: first ever, first in the range, each period
$m = model('{}', of('a', 'A 2026-01-05 10:00Z', 'A 2026-03-03 10:00Z'), of('late', 'Z 2026-06-01 10:00Z'));
for my $case ([ 'ever', '' ], [ 'in_range', '2026-03-01|1' ], [ 'each_period', '2026-03-01|1' ])
{
	is(rows("SELECT cohort::date, persons FROM journey.retention_report('$m', 'A', 'A', 'month', 1, NULL, '2026-03-01', '2026-04-01', '{\"first\": \"$case->[0]\"}')
		WHERE period = 0 AND persons > 0"), $case->[1], "R6: $case->[0]");
}
is(rows("SELECT cohort::date FROM journey.retention_report('$m', '{\"event\": \"A\", \"where\": {\"v\": \"x\"}}', 'A', 'month', 1) WHERE persons > 0"), '', 'R6: the first that matches');
# R7: in the start's own period only what comes after it
$m = model('{}', of('a', 'A 2026-01-05 10:00Z', 'B 2026-01-05 09:00Z'), of('b', 'A 2026-01-05 10:00Z', 'B 2026-01-05 11:00Z'), of('late', 'Z 2026-02-01 10:00Z'));
is(rows("SELECT persons, returned FROM journey.retention_report('$m', 'A', 'B', 'day', 0)"), '2|1', 'R7: a return before the start is none');
is(rows("SELECT persons, returned FROM journey.retention_report('$m', 'A', 'A', 'day', 0)"), '2|0', 'R7: nor is the start its own');
# R8: periods that are not over
$m = model('{}', of('a', 'A 2026-01-05 10:00Z', 'A 2026-01-12 10:00Z', 'A 2026-01-20 10:00Z'));
is(rows("SELECT period, returned, round(share, 1), is_complete FROM journey.retention_report('$m', 'A', 'A', 'week', 3)"), '0|0|0.0|t 1|1|1.0|t 2|1||f 3|||f',
	'R8: what is not over has no share, what has not begun no number');
# R9: exact and rolling
$m = model('{}', of('a', 'A 2026-01-05 10:00Z', 'A 2026-01-12 10:00Z'), of('late', 'Z 2026-03-01 10:00Z'));
is(rows("SELECT string_agg(returned::text, '' ORDER BY period) FROM journey.retention_report('$m', 'A', 'A', 'day', 8)"), '000000010', 'R9: exact');
is(rows("SELECT string_agg(returned::text, '' ORDER BY period) FROM journey.retention_report('$m', 'A', 'A', 'day', 8, options => '{\"rolling\": true}')"), '111111110', 'R9: rolling');
# R11: new is who does it for the first time, whenever the person came
$m = model('{}', of('a', 'Seen 2026-01-01 10:00Z', 'X 2026-02-03 10:00Z'), of('late', 'Z 2026-04-01 10:00Z'));
is(rows("SELECT period::date, new_persons, resurrected_persons FROM journey.lifecycle_report('$m', 'X', 'month') WHERE active_persons > 0"), '2026-02-01|1|0', 'R11: new in February');
# R12: of those whose first event is another the first action still counts
is(rows("SELECT cohort::date, persons FROM journey.retention_report('$m', 'X', 'X', 'month', 0) WHERE persons > 0"), '2026-02-01|1', 'R12: size is who did the first action');
# R3, R1: the model's zone says what a day is
$m = model('{"time_zone": "Asia/Shanghai"}', of('a', 'A 2024-01-11 07:00+08', 'B 2024-01-11 09:00+08'), of('late', 'Z 2024-02-01 10:00Z'));
is(rows("SELECT returned FROM journey.retention_report('$m', 'A', 'B', 'day', 1)"), '1 0', 'R3: one day in Shanghai');
$m = model('{}', of('a', 'A 2024-01-11 23:45Z', 'B 2024-01-12 00:01Z'), of('late', 'Z 2024-02-01 10:00Z'));
is(rows("SELECT returned FROM journey.retention_report('$m', 'A', 'B', 'day', 1)") . ', ' . rows("SELECT returned FROM journey.retention_report('$m', 'A', 'B', '24 hours', 1)"), '0 1, 1 0',
	'R1: the next day of the calendar, the same 24 hours');

# E1 .. E4
$m = model('{}', of('two', 'Exp 2026-01-01 10:00Z control', 'Exp 2026-01-01 11:00Z test'), of('before', 'Goal 2026-01-01 09:00Z', 'Exp 2026-01-01 10:00Z test'),
	of('after', 'Exp 2026-01-01 10:00Z test', 'Goal 2026-01-01 11:00Z'), of('late', 'Z 2026-02-01 10:00Z'));
my $report = "journey.experiment_report('$m', 'Exp', 'v', '{Goal}'";
is(rows("SELECT variant_name, persons, several_variants FROM $report) WHERE metric = 'exposure'"), 'control|1|1 test|2|0', 'E1: the first exposure counts, and who saw two is told');
is(rows("SELECT variant_name, persons FROM $report, options => '{\"several\": \"leave_out\"}') WHERE metric = 'exposure' ORDER BY 1"), 'control|0 test|2', 'E1: or is left out');
is(rows("SELECT converted FROM $report) WHERE metric = 'conversion' AND variant_name = 'test'"), '1', 'E2: what was before the exposure is no conversion');
like(rows("SELECT DISTINCT message FROM $report) WHERE metric = 'exposure'"), qr/^There are too few persons, or variants, to tell/, 'E4: of three people there is no verdict on the split');
is(rows("SELECT round(chi_square::numeric, 3), p_value BETWEEN 2.40e-149 AND 2.41e-149 FROM journey.sample_ratio('{4072,2035}', '{80,20}')"), '677.445|t', 'E3: a split that is not as planned');
is(rows("SELECT is_mismatch IS NULL FROM journey.sample_ratio('{2,0}')"), 't', 'E4: 2 : 0 is no alarm');
is(rows("SELECT df FROM journey.sample_ratio('{100,100,0}', '{50,50,0}')"), '1', 'E4: who has no weight leaves the test');
is(rows("SELECT round(z::numeric, 4), round(p_value::numeric, 5) FROM journey.two_proportions(1471, 62, 1529, 87)"), '-1.8592|0.06300', 'E5: p is that of the difference');
is(rows("SELECT z IS NULL, round(lower::numeric, 5), round(upper::numeric, 5) FROM journey.two_proportions(10, 0, 10, 0)"), 't|-0.27753|0.27753', 'E6: no variance');
done_testing();
