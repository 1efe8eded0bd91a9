#!/usr/bin/env perl
# Of a person whose events change, a refresh reads for segments only what the change can reach: shown by the pages that
# it touches, for a device of a hundred days and for one of sixteen times as long, each as busy as the other.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

$ENV{PGOPTIONS} = '-c client_min_messages=warning';
sql('CREATE EXTENSION pg_journey');

# All shapes of definitions that do not need the whole past.
my %segments = (
	'three lately' => '{"event": "Click", "at_least": 3, "last": "7 days"}',
	'quiet' => '{"not": {"event": "*", "last": "10 days"}}',
	'few' => '{"event": "Click", "at_most": 2, "last": "5 days"}',
	'without' => '{"event": "Click", "last": "5 days", "without": "Paid"}',
	'ever' => '{"event": "Click"}',
	'many' => '{"event": "Click", "at_least": 50}',
	'lapsed' => '{"all": [{"event": "Click"}, {"not": {"event": "Click", "last": "9 days"}}]}',
	'never' => '{"any": [{"event": "Paid"}, {"funnel": ["Paid", "Click"], "within": "2 days"}]}',
	'came through' => '{"funnel": ["Seen", "Click"], "within": "1 day", "last": "3 days"}',
	'known' => '{"all": [{"profile": {"is_identified": false}}, {"event": "Seen", "last": "4 days"}]}');
my %events;

sub add
{
	my ($model, $id, $at, $name) = @_;
	sql("INSERT INTO $model.ev VALUES ('$id', 'device', $at, '$name')");
}

# Refreshes, and returns pages touched.
sub refresh
{
	my ($model) = @_;
	my $plan = join ' ', map { $_->[0] } sql("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM journey.refresh('m_$model')");
	my ($hit) = $plan =~ /"Shared Hit Blocks": (\d+)/;
	my ($read) = $plan =~ /"Shared Read Blocks": (\d+)/;
	return $hit + $read;
}

for (['small', 100], ['large', 1600])
{
	my ($model, $days) = @$_;
	# every hour a session of three events
	sql("CREATE SCHEMA $model;
		CREATE TABLE $model.ev (event_id text, visitor_id text, event_time timestamptz, name text,
			loaded_at timestamptz DEFAULT clock_timestamp());
		CREATE INDEX ON $model.ev (loaded_at);
		INSERT INTO $model.ev SELECT 'e' || n || ' ' || i, 'device', timestamptz '2026-01-01' - n * interval '1 hour' + i * interval '1 minute',
			CASE WHEN i < 2 THEN 'Seen' ELSE 'Click' END
		FROM generate_series(1, 24 * $days) AS n, generate_series(0, 2) AS i;
		INSERT INTO $model.ev SELECT 'o' || n, 'other' || n, timestamptz '2025-12-01', 'Click' FROM generate_series(1, 100) AS n;
		SELECT journey.create_model('m_$model') \\g /dev/null
		SELECT journey.add_source('m_$model', '$model.ev') \\g /dev/null
		SELECT FROM journey.refresh('m_$model');");
	sql("SELECT journey.create_segment('m_$model', '$_', '$segments{$_}') \\g /dev/null") for sort keys %segments;
	# what is new of tables and plans
	add($model, 'warm', "'2026-01-01 00:30'", 'Seen');
	refresh($model);
	refresh($model);
	sql('VACUUM ANALYZE');
}

my $n = 0;
for my $case (
	['one event more', "timestamptz '2026-01-02'", 'Click'],
	['one of a month ago', "timestamptz '2025-12-01 10:20'", 'Click'],
	['one that ends a stretch', "timestamptz '2025-12-20 10:20'", 'Paid'])
{
	my ($what, $at, $name) = @$case;
	my %pages;
	$n++;
	for my $model ('small', 'large')
	{
		add($model, "n$n", $at, $name);
		$pages{$model} = refresh($model);
		is(value("SELECT count(*) FROM journey.verify('m_$model')"), 0, "$what, $model: as derived anew");
	}
	note "$what: $pages{small} pages of a device of 100 days, $pages{large} of one of 1600";
	cmp_ok($pages{large}, '<', 1.25 * $pages{small}, "$what: pages do not follow the history");
}
for my $model ('small', 'large')
{
	is(value("SELECT string_agg(segment || ' ' || n, ', ' ORDER BY segment COLLATE \"C\") FROM (SELECT segment, count(*) AS n
		FROM m_$model.segment_members WHERE person_id = 'visitor:device' GROUP BY 1) AS s"),
		'came through 1, ever 1, few 2, known 1, lapsed 1, many 1, never 1, quiet 1, three lately 1, without 2', "$model: who is in");
}
done_testing();
