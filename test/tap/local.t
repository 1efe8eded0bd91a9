#!/usr/bin/perl
# L4: a refresh costs what is new and the rows that it changes, whatever lies in the store. Shown by the
# pages that a refresh touches and the WAL records that it writes, which other load on the machine does
# not move. (Not the bytes of WAL: they are mostly images of whole pages, after a checkpoint.)
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

local $Journey::database = "local_$$";
system('createdb', $Journey::database) == 0 or die "createdb failed";

my $columns = 'id, anonymous_id, timestamp, received_at, uuid_ts, event, event_text, context_page_url';
my $load = 0;

# Adds events of one load; each load is loaded an hour after the one before.
sub load
{
	my ($schema, $select) = @_;
	$load++;
	sql("INSERT INTO $schema.tracks ($columns) SELECT x.id, x.visitor, x.at, x.at,
	     timestamptz '2026-01-01' + $load * interval '1 hour', 'click', 'Click',
	     'https://a.test/p' || right(x.id, 1) FROM ($select) AS x (id, visitor, at)");
}

# Pages touched and WAL records of a call.
sub cost
{
	my ($call, $memory) = @_;
	my $plan = join ' ', map { $_->[0] } sql(($memory ? "SET maintenance_work_mem = '$memory';" : '') . "EXPLAIN (ANALYZE, BUFFERS, WAL, FORMAT JSON)
	    SELECT * FROM $call");
	my ($hit) = $plan =~ /"Shared Hit Blocks": (\d+)/;
	my ($read) = $plan =~ /"Shared Read Blocks": (\d+)/;
	my ($wal) = $plan =~ /"WAL Records": (\d+)/;
	return ($hit + $read, $wal);
}

# Refreshes, and returns pages touched, WAL records and how many sessions changed.
sub refresh
{
	my ($model, $memory) = @_;
	my ($pages, $wal) = cost("journey.refresh('m_$model')", $memory);
	my $changed = value("SELECT sessions_changed FROM journey.refresh_log WHERE model = 'm_$model'
	    ORDER BY version DESC LIMIT 1");
	return { pages => $pages, wal => $wal, changed => $changed };
}

sql('CREATE EXTENSION pg_journey');
# visitors of 40 events; PGJ_LOCAL_VISITORS='2500 25000' compares 100,000 events with 1,000,000
my ($small_visitors, $large_visitors) = split ' ', $ENV{PGJ_LOCAL_VISITORS} // '400 4000';
for my $model (['small', $small_visitors], ['large', $large_visitors])
{
	my ($name, $visitors) = @$model;
	sql("SET client_min_messages = warning;
	    CREATE SCHEMA $name;
	    CREATE TABLE $name.tracks (id text, anonymous_id text, user_id text, timestamp timestamptz,
	        received_at timestamptz, uuid_ts timestamptz, event text, event_text text,
	        context_page_url text);
	    CREATE INDEX ON $name.tracks (uuid_ts);
	    CREATE TABLE $name.order_completed (LIKE $name.tracks INCLUDING INDEXES, revenue numeric, order_id text);
	    SELECT journey.create_model('m_$name', '$name')");
	# visitors with 40 events in 8 sessions
	load($name, "SELECT 'e' || n, 'v' || n % $visitors, timestamptz '2025-01-01'
	    + n / ($visitors * 5) * interval '7 days' + n / $visitors % 5 * interval '5 minutes'
	    FROM generate_series(0, $visitors * 40 - 1) AS n");
}
# one with 30,000 events in 1,500 sessions, and one that pings every five minutes, 20,000 times
load('large', "SELECT 'h' || n, 'heavy', timestamptz '2025-01-01' + n * interval '3 minutes'
    + n / 20 * interval '2 hours' FROM generate_series(1, 30000) AS n");
load('large', "SELECT 'p' || n, 'pinger', timestamptz '2025-01-01' + n * interval '5 minutes'
    FROM generate_series(1, 20000) AS n");
# one with 10,000 orders
sql("INSERT INTO large.order_completed ($columns, revenue, order_id) SELECT 'o' || n, 'buyer', x.at, x.at,
     timestamptz '2026-01-01', 'order_completed', 'Order Completed', 'https://a.test/', n % 100, 'o' || n
     FROM generate_series(1, 10000) AS n, LATERAL (SELECT timestamptz '2025-01-01' + n * interval '10 minutes') AS x (at)");
refresh('small');
refresh('large');
load($_, "SELECT 'w' || n, 'w' || n, timestamptz '2025-01-01' FROM generate_series(1, 100) AS n")
  for 'small', 'large';
refresh($_) for 'small', 'large';

my (%cost, @cases);
my %batch = (
	end => "SELECT 'n' || n, 'v' || n, timestamptz '2026-06-01' FROM generate_series(1, 100) AS n",
	late => "SELECT 'l' || n, 'v' || n, timestamptz '2025-01-08' + interval '3 minutes'
	    FROM generate_series(1, 100) AS n");
for my $case ('end', 'late')
{
	for my $model ('small', 'large')
	{
		load($model, $batch{$case});
		$cost{"$case $model"} = refresh($model);
	}
	my ($small, $large) = @cost{"$case small", "$case large"};
	note sprintf '100 events, %s: %d pages, %d WAL records in the small model; %d, %d in the large',
	  $case, @$small{'pages', 'wal'}, @$large{'pages', 'wal'};
	cmp_ok($large->{pages}, '<', 1.5 * $small->{pages}, "100 events, $case: pages do not follow the store");
	cmp_ok($large->{wal}, '<', 1.5 * $small->{wal}, "100 events, $case: nor do WAL records");
	is($large->{changed}, 100, "100 events, $case: that many sessions change");
}

my %visitor = (
	'a heavy visitor, at the end' =>
	  "SELECT 'he' || n, 'heavy', timestamptz '2026-08-01' + n * interval '1 second' FROM generate_series(1, 100) AS n",
	'a heavy visitor, in an old session' =>
	  "SELECT 'hl' || n, 'heavy', timestamptz '2025-03-01' + n * interval '1 second' FROM generate_series(1, 100) AS n",
	'the pinger, before its only session' => "SELECT 'pb' || n, 'pinger',
	    timestamptz '2025-01-01' - n * interval '1 second' FROM generate_series(1, 100) AS n",
	'the pinger, at the end' => "SELECT 'pe' || n, 'pinger',
	    timestamptz '2025-01-01' + (20000 + n) * interval '5 minutes' FROM generate_series(1, 100) AS n",
	'the pinger, months ago' => "SELECT 'pl' || n, 'pinger',
	    timestamptz '2025-02-01' + n * interval '1 second' FROM generate_series(1, 100) AS n");
my %heavy;
for my $case (sort keys %visitor)
{
	load('large', $visitor{$case});
	my $cost = $heavy{$case} = refresh('large');
	note "$case: $cost->{pages} pages, $cost->{wal} WAL records";
	cmp_ok($cost->{pages}, '<', 2 * $cost{'late large'}->{pages},
		"100 events for $case: at most twice the pages of 100 small visitors");
	cmp_ok($cost->{wal}, '<', 2 * $cost{'late large'}->{wal}, "100 events for $case: nor more WAL records");
}

# who has many orders, and looks at pages, costs no more than who has many sessions
load('large', "SELECT 'bl' || n, 'buyer', timestamptz '2026-08-01' + n * interval '1 second' FROM generate_series(1, 100) AS n");
my $buyer = refresh('large');
note "a buyer of 10,000 orders: $buyer->{pages} pages, $heavy{'a heavy visitor, at the end'}->{pages} for a heavy visitor";
cmp_ok($buyer->{pages}, '<', $heavy{'a heavy visitor, at the end'}->{pages} + 200, 'orders are not read where none changes');

# a large load, all within the overlap, is merged once; after that it is but looked at
load('large', "SELECT 'b' || n, 'v' || n % $large_visitors, timestamptz '2026-07-01' + n / $large_visitors * interval '1 minute' FROM generate_series(1, 50000) AS n");
my $whole = refresh('large');
my $empties = refresh('large'); # the scratch of the one before
my ($nothing, $idle) = (refresh('large'), refresh('small'));
my $look = value("SELECT pg_relation_size('large.tracks') * 50000 / count(*) / current_setting('block_size')::int FROM large.tracks")
  + value("SELECT pg_relation_size('large.tracks_uuid_ts_idx') * 50000 / count(*) / current_setting('block_size')::int FROM large.tracks");
$load--;
load('large', "SELECT 'bn' || n, 'v' || n, timestamptz '2026-07-10' FROM generate_series(1, 100) AS n");
my $more = refresh('large');
note sprintf '%s: %d pages, %d WAL records', @$_ for ['a load of 50,000 rows', @$whole{'pages', 'wal'}],
  ['nothing new, the first time', @$empties{'pages', 'wal'}], ['nothing new', @$nothing{'pages', 'wal'}], ['nothing new in the small model', @$idle{'pages', 'wal'}], ['100 more rows of this load', @$more{'pages', 'wal'}];
note "$look pages hold the load";
cmp_ok($nothing->{pages}, '<', 1.5 * ($idle->{pages} + $look), 'a refresh of nothing new: pages of the load are read, no others');
cmp_ok($nothing->{wal}, '<', $idle->{wal} + 200, 'and nothing is merged');
cmp_ok($more->{pages}, '<', 1.5 * $cost{'end large'}->{pages} + 1.5 * $look, '100 more rows cost what 100 rows cost');
cmp_ok($more->{wal}, '<', 1.5 * $cost{'end large'}->{wal}, 'in WAL records too');
is($more->{changed}, 100, 'that many sessions change');

# what is as it was is not written
my $before = value("SELECT md5(string_agg(xmin || ' ' || ctid, ',' ORDER BY ctid)) FROM m_large_store._sessions
    WHERE visitor_id NOT IN ('v7', 'v8')");
load('large', "SELECT 'u' || n, 'v' || n, timestamptz '2025-01-08' + interval '7 minutes' FROM generate_series(7, 8) AS n
    UNION ALL SELECT id, anonymous_id, timestamp FROM large.tracks WHERE anonymous_id IN ('v9', 'v10')");
refresh('large');
is(value("SELECT md5(string_agg(xmin || ' ' || ctid, ',' ORDER BY ctid)) FROM m_large_store._sessions
    WHERE visitor_id NOT IN ('v7', 'v8')"), $before, 'sessions of others are not written');
is(value("SELECT count(*) FROM m_large.profiles WHERE version = (SELECT version FROM journey.models WHERE model = 'm_large')"),
	2, 'two profiles change');

# a first session of old shifts the numbers behind it
load('large', "SELECT 'first', 'v11', timestamptz '2024-06-01'");
refresh('large');
is(value("SELECT string_agg(session_number::text, ',' ORDER BY started_at) FROM m_large.sessions WHERE visitor_id = 'v11'"),
	join(',', 1 .. value("SELECT count(*) FROM m_large.sessions WHERE visitor_id = 'v11'")), 'numbers shift');
is(value("SELECT count(*) FROM journey.verify('m_large')"), 0, 'nothing differs from a model derived anew');
my ($verified) = cost("journey.verify('m_large')");
note("verify: $verified pages");
cmp_ok($verified, '<', 600_000, 'to find that reads no fact of the buyer again and again');

# four times as many new events on four times the history cost four times as much: no statement is quadratic
my (@pages, @first);
for my $events (12500, 50000)
{
	my $schema = "of_$events";
	my @psql = ('psql', '-qX', '-o', '/dev/null', '-d', $Journey::database, '-v', "schema=$schema");
	my $sample = "$FindBin::Bin/../sample";
	system(@psql, '-v', "events=$events", '-v', 'later=10', '-v', "crm=${schema}_crm", '-f', "$sample/generate.sql") == 0
	  or die 'no sample';
	sql("SELECT journey.create_model('m_$schema', '$schema')");
	push @first, refresh($schema, '1MB')->{pages};
	system(@psql, '-f', "$sample/load-later.sql") == 0 or die 'no later load';
	push @pages, refresh($schema)->{pages};
}
note "first refresh of 12,500 events with the least memory: $first[0] pages, of 50,000: $first[1]";
cmp_ok($first[1], '<', 5 * $first[0], 'a first refresh of four times as many events costs four times as much, with the least memory');
note "a tenth more of 12,500 events: $pages[0] pages, of 50,000: $pages[1]";
cmp_ok($pages[1], '<', 4.8 * $pages[0], 'a refresh with four times as many new events costs four times as much');

system('dropdb', $Journey::database);
done_testing();
