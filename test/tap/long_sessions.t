#!/usr/bin/env perl
# Sessions of many days, whose first event changes again and again: events before them, in their gaps, campaigns that
# part them, runs of passive events beside them, persons that are forgotten. Segments are of one to four events, so that
# a walk ends long before a session does, and what lies behind it takes another id. verify() derives all anew.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey qw(sql value);
use Test::More;

my $columns = 'event_id, visitor_id, user_id, event_time, kind, name, url, platform, revenue, order_id';

# A row of visitor v in hour $at, whose other values follow from $n and a seed.
sub rows
{
	my ($seed, $select) = @_;
	sql(qq{INSERT INTO ev ($columns, loaded_at)
		SELECT 's$seed-' || n, CASE h % 11 WHEN 3 THEN 'w' ELSE 'v' END, CASE h % 29 WHEN 1 THEN 'ann' WHEN 2 THEN 'ben' END,
		       at, k, CASE WHEN k = 'page' THEN NULL WHEN h % 5 = 0 THEN 'Order Completed' ELSE 'look' END,
		       CASE WHEN k <> 'identify' THEN 'https://a.test/' || CASE WHEN h % 17 = 0 THEN '?utm_source=s' || h % 2 ELSE '' END END,
		       CASE h % 7 WHEN 1 THEN 'server' END, CASE WHEN k = 'track' AND h % 5 = 0 THEN h % 9 END,
		       CASE WHEN k = 'track' AND h % 10 = 0 THEN 'o' || h % 13 END, clock_timestamp()
		FROM ($select) AS x (n, at)
		CROSS JOIN LATERAL (SELECT abs(hashtext('$seed ' || n::text)) AS h) AS y
		CROSS JOIN LATERAL (SELECT CASE WHEN h % 29 IN (1, 2) THEN 'identify' WHEN h % 3 = 0 THEN 'page' ELSE 'track' END AS k) AS z});
}

sql(qq{SET client_min_messages = warning; CREATE EXTENSION pg_journey; CREATE SCHEMA laws;
	CREATE TABLE ev (event_id text, visitor_id text, user_id text, event_time timestamptz, kind text, name text, url text,
		platform text, revenue numeric, order_id text, loaded_at timestamptz);
	CREATE INDEX ON ev (loaded_at);});
system('psql', '-qX', '-o', '/dev/null', '-f', "$FindBin::Bin/../laws/segment.sql") == 0 or die 'no segments';
my $id = "coalesce((SELECT min(session_id::text) FROM m.sessions WHERE visitor_id = 'v' AND events > 50), 'none')";
my $taken = 0;
for my $seed (1 .. 6)
{
	my $options = join ', ', '"timeout": "3 hours"', '"schema": "m"', '"conversions": [{"name": "Order", "event": "Order Completed", "value": "revenue"}]',
	  ($seed % 3 == 0 ? '"new_campaign": true' : ()), ($seed % 4 == 0 ? '"max_duration": "4 days"' : ()), ($seed % 5 == 0 ? '"user_change": false' : ());
	sql("TRUNCATE ev; SELECT laws.segments(@{[1 + $seed % 4]}); SELECT journey.create_model('m', NULL, '{$options}'); SELECT journey.add_source('m', 'ev')");
	rows("$seed-0", "SELECT n, timestamptz '2026-01-01' + n * interval '1 hour' + (n / 150) * interval '2 hours' FROM generate_series(1, 220) AS n");
	sql("SELECT journey.refresh('m')");
	my $before = value("SELECT $id");
	my @steps = ("SELECT 1, timestamptz '2026-01-01' - interval '1 hour'",
		"SELECT n, timestamptz '2026-01-01' - n * interval '1 hour' FROM generate_series(2, 30) AS n",
		"SELECT n, timestamptz '2026-01-07 05:30' + n * interval '20 minutes' FROM generate_series(1, 9) AS n",
		"SELECT 3, timestamptz '2026-01-01' - interval '31 hours' UNION ALL SELECT 4, timestamptz '2026-01-05 00:10' UNION ALL SELECT 5, timestamptz '2026-01-09 00:10'");
	my @problems;
	for my $step (0 .. $#steps)
	{
		rows("$seed-" . ($step + 1), $steps[$step]);
		sql("SELECT journey.refresh('m')");
		push @problems, "step $step: " . join ' ', map { "@$_" } sql("SELECT relation, problem, count(*) FROM journey.verify('m') GROUP BY 1, 2 ORDER BY 1, 2")
		  if value("SELECT count(*) FROM journey.verify('m')");
		$taken++ if value("SELECT $id") ne $before;
		$before = value("SELECT $id");
	}
	sql("SELECT journey.forget('m', 'ann')");
	push @problems, 'forget' if value("SELECT count(*) FROM journey.verify('m')");
	is(join("\n", @problems), '', "seed $seed: nothing differs from a model derived anew");
	sql("SET client_min_messages = warning; SELECT journey.drop_model('m')");
}
cmp_ok($taken, '>', 4, 'sessions of more than fifty events had other ids');
done_testing;
