#!/usr/bin/perl
# Persons and devices of which there is very much: what a refresh costs does not follow how much. Shown by the pages
# that it touches in a model of little and in one of ten times as much, with one event in all places.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

local $Journey::database = "heavy_$$";
system('createdb', $Journey::database) == 0 or die "createdb failed";
sql('CREATE EXTENSION pg_journey');

my $begun = "timestamptz '2025-01-01'";
my $columns = 'id text PRIMARY KEY, anonymous_id text, user_id text, timestamp timestamptz, received_at timestamptz,
    uuid_ts timestamptz, event text, event_text text, context_page_url text';
my $load = 0;

# Adds an event of a table: id, visitor, user and when, and what else it has.
sub event
{
	my ($schema, $table, $values, $at, $more) = @_;
	my $loaded = "timestamptz '2026-02-01' + $load * interval '1 hour'";
	sql("INSERT INTO $schema.$table SELECT $values, x.at, x.at, $loaded, $more FROM (SELECT $at AS at) AS x");
}

# Refreshes, and returns the pages touched.
sub refresh
{
	my ($model) = @_;
	$load++;
	my $plan = join ' ', map { $_->[0] } sql("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM journey.refresh('m_$model')");
	my ($hit) = $plan =~ /"Shared Hit Blocks": (\d+)/;
	my ($read) = $plan =~ /"Shared Read Blocks": (\d+)/;
	return $hit + $read;
}

# An account with that many identify calls, orders (every tenth is told by the browser too) and refunds, all from a
# server; a login on a tenth as many devices; a kiosk with sessions of ten users in turn.
my %size = (little => 1000, much => 10000);
for my $model (sort keys %size)
{
	my $n = $size{$model};
	my $at = "CROSS JOIN LATERAL (SELECT $begun + k * interval '1 hour') AS x (at)";
	my $loaded = "timestamptz '2026-01-01'";
	sql("SET client_min_messages = warning;
	    CREATE SCHEMA $model;
	    CREATE TABLE $model.tracks ($columns);
	    CREATE TABLE $model.order_completed ($columns, revenue numeric, currency text, order_id text);
	    CREATE TABLE $model.order_refunded ($columns, total numeric, currency text, order_id text);
	    CREATE TABLE $model.identifies (id text PRIMARY KEY, anonymous_id text, user_id text, timestamp timestamptz,
	        received_at timestamptz, uuid_ts timestamptz, email text, plan text, seats int);
	    CREATE INDEX ON $model.tracks (uuid_ts);
	    CREATE INDEX ON $model.order_completed (uuid_ts);
	    CREATE INDEX ON $model.order_refunded (uuid_ts);
	    CREATE INDEX ON $model.identifies (uuid_ts);
	    SELECT journey.create_model('m_$model', '$model', '{\"capture\": \"trigger\"}');
	    INSERT INTO $model.identifies
	        SELECT 'i' || k, 'server', 'acme', x.at, x.at, $loaded, 'it\@acme.test', CASE WHEN k % 7 = 0 THEN 'p' || k END, k
	        FROM generate_series(1, $n) AS k $at;
	    INSERT INTO $model.order_completed
	        SELECT 'o' || k, 'server', 'acme', x.at, x.at, $loaded, 'order_completed', 'Order Completed', NULL, k % 100 + 0.5,
	               CASE WHEN k % 3 = 0 THEN 'EUR' ELSE 'USD' END, 'o' || k
	        FROM generate_series(1, $n) AS k $at
	        UNION ALL
	        SELECT 'b' || k, 'browser', 'acme', x.at + interval '1 minute', x.at, $loaded, 'order_completed',
	               'Order Completed', NULL, k % 100 + 0.5, CASE WHEN k % 3 = 0 THEN 'EUR' ELSE 'USD' END, 'o' || k
	        FROM generate_series(1, $n, 10) AS k $at;
	    INSERT INTO $model.order_refunded
	        SELECT 'r' || k, 'server', 'acme', x.at + interval '2 minutes', x.at, $loaded, 'order_refunded', 'Order Refunded',
	               NULL, 1, CASE WHEN k % 3 = 0 THEN 'EUR' ELSE 'USD' END, 'o' || k
	        FROM generate_series(1, $n, 20) AS k $at;
	    INSERT INTO $model.tracks
	        SELECT 'd' || k, 'device' || k, 'login', x.at, x.at, $loaded, 'click', 'Click', 'https://a.test/'
	        FROM generate_series(1, $n / 10) AS k $at
	        UNION ALL
	        SELECT 'k' || k, 'kiosk', 'u' || k % 10, x.at, x.at, $loaded, 'click', 'Click', 'https://a.test/'
	        FROM generate_series(1, $n) AS k $at
	        UNION ALL
	        SELECT 'v' || k, 'v' || k, NULL, x.at, x.at, $loaded, 'click', 'Click', 'https://a.test/'
	        FROM generate_series(1, 500) AS k $at");
	refresh($model);
	# the first refresh after a first load
	event($model, 'tracks', "'warm', 'v1', NULL", "timestamptz '2026-01-02'", "'click', 'Click', NULL");
	refresh($model);
}

# What comes of it in both models, and that pages are about the same.
sub case_of
{
	my ($name, $do) = @_;
	my %pages;
	for my $model ('little', 'much')
	{
		$do->($model, $size{$model});
		$pages{$model} = refresh($model);
	}
	note "$name: $pages{little} pages of little, $pages{much} of much";
	cmp_ok($pages{much}, '<', 1.4 * $pages{little} + 1000, "$name: pages do not follow how much there is");
}

my $end = "timestamptz '2026-03-01'"; # behind all: a session amid shifts the numbers of those behind it
my $traits = "'it\@acme.test', 'new', 7";
my $order = "'order_completed', 'Order Completed', NULL, 2.25, 'EUR'";
my $amid = sub { "$begun + " . int($_[0] / 2) . " * interval '1 hour' + interval '7 minutes'" };
case_of('traits at the end', sub { event($_[0], 'identifies', "'ie', 'server', 'acme'", $end, $traits) });
case_of('traits amid', sub { event($_[0], 'identifies', "'im', 'server', 'acme'", $amid->($_[1]), "'it\@acme.test', 'amid', 7") });
case_of('traits before all', sub { event($_[0], 'identifies', "'ib', 'server', 'acme'", "$begun - interval '1 day'", "'it\@acme.test', 'old', 7") });
case_of('an order at the end', sub { event($_[0], 'order_completed', "'oe', 'server', 'acme'", $end, "$order, 'oe'") });
case_of('an order amid', sub { event($_[0], 'order_completed', "'om', 'server', 'acme'", $amid->($_[1]), "$order, 'om'") });
case_of('an order of another device, told before', sub { event($_[0], 'order_completed', "'ob', 'phone', 'acme'", "$begun - interval '1 day'", "$order, 'o7'") });
case_of('traits that go', sub { sql("DELETE FROM $_[0].identifies WHERE id = 'ie'") });
case_of('an order that goes', sub { sql("DELETE FROM $_[0].order_completed WHERE id = 'o$_[1]'") });
case_of('a refund that goes', sub { sql("DELETE FROM $_[0].order_refunded WHERE id = 'r" . (int($_[1] / 40) * 20 + 1) . "'") });
case_of('the first telling of an order that goes', sub { sql("DELETE FROM $_[0].order_completed WHERE id = 'ob'") });
case_of('the kiosk, one of its users', sub { event($_[0], 'tracks', "'ke', 'kiosk', 'u3'", $end, "'click', 'Click', NULL") });
case_of('the kiosk, a new user', sub { event($_[0], 'tracks', "'kn', 'kiosk', 'unew'", "$end + interval '3 hours'", "'click', 'Click', NULL") });
case_of('the kiosk, nobody', sub { event($_[0], 'tracks', "'ka', 'kiosk', NULL", "$end + interval '6 hours'", "'click', 'Click', NULL") });
case_of('the kiosk, amid', sub { event($_[0], 'tracks', "'km', 'kiosk', 'u' || " . int($_[1] / 2) % 10, $amid->($_[1]), "'click', 'Click', NULL") });
case_of('an old device of the login', sub { event($_[0], 'tracks', "'od', 'device7', 'login'", $end, "'click', 'Click', NULL") });

for my $model ('little', 'much')
{
	is(value("SELECT count(*) FROM journey.verify('m_$model')"), 0, "$model: nothing differs from a model derived anew");
	is(value("SELECT concat_ws(' ', traits ->> 'plan', traits ->> 'seats') FROM m_$model.profiles WHERE person_id = 'user:acme'"),
		value("SELECT concat_ws(' ', (array_agg(plan ORDER BY timestamp DESC) FILTER (WHERE plan IS NOT NULL))[1],
		    (array_agg(seats ORDER BY timestamp DESC))[1]) FROM $model.identifies"), "$model: traits are the last");
	is(value("SELECT revenue_by_currency FROM m_$model.profiles WHERE person_id = 'user:acme'"),
		value("SELECT jsonb_object_agg(currency, amount) FROM (
		    SELECT currency, sum(amount) AS amount FROM (
		        SELECT currency, first.revenue AS amount FROM (
		            SELECT DISTINCT ON (order_id) currency, revenue FROM $model.order_completed ORDER BY order_id, timestamp, id) AS first
		        UNION ALL
		        SELECT currency, - total FROM $model.order_refunded) AS x GROUP BY currency) AS x"),
		"$model: amounts are those of plain SQL");
}

# sums are made and cut as facts come, and gone with them
my $sums = sub { value("SELECT count(*) || ' of ' || max(level) FROM m_$_[0]_store._sums WHERE person_id = 'user:acme'") };
note 'sums of much: ' . $sums->('much');
cmp_ok(value("SELECT max(level) FROM m_much_store._sums WHERE person_id = 'user:acme'"), '>=', 3, 'sums of several levels');
cmp_ok(value("SELECT pg_total_relation_size('m_much_store._sums') * 10"), '<', value("SELECT pg_total_relation_size('m_much_store._facts')"),
	'they take less than a tenth of the facts');
is(value("SELECT count(*) FROM m_much_store._sums WHERE person_id LIKE 'visitor:%'"), 0, 'who has few facts has none');
sql("UPDATE m_much_store._sums SET money = '{\"EUR\": 1}' WHERE level = 1 AND event_time > '2025-03-01'");
is(value("SELECT min(relation || ' ' || problem || ' ' || (key ->> 'person_id')) FROM journey.verify('m_much')"), 'sums different user:acme',
	'verify finds a sum that is wrong');
sql("SELECT journey.rebuild('m_much')");
is(value("SELECT count(*) FROM journey.verify('m_much')"), 0, 'a rebuild mends it');
event('much', 'identifies', "'again', 'server', 'acme'", "$end + interval '1 day'", $traits);
refresh('much');
like($sums->('much'), qr/of [34]/, 'and sums are made anew with the next fact');
is(value("SELECT count(*) FROM journey.verify('m_much')"), 0, 'as they should be');

# all facts of a person become another's
sql("SET client_min_messages = warning; CREATE TABLE much.aliases (id text PRIMARY KEY, anonymous_id text, user_id text, previous_id text,
    timestamp timestamptz, received_at timestamptz, uuid_ts timestamptz);
    INSERT INTO much.aliases SELECT 'al', 'server', 'acme2', 'acme', $end, $end, timestamptz '2026-02-01' + $load * interval '1 hour'");
refresh('much');
is(value("SELECT string_agg(DISTINCT person_id, ',') FROM m_much_store._sums"), 'user:acme2', 'sums follow a person that becomes another');
is(value("SELECT count(*) FROM journey.verify('m_much')"), 0, 'as they should be');
sql("SELECT journey.forget('m_much', 'acme2')");
is(value("SELECT count(*) FROM m_much_store._sums"), 0, 'nothing stays of one who is forgotten');
is(value("SELECT count(*) FROM journey.verify('m_much') WHERE relation <> 'sources'"), 0, 'and nothing differs');

system('dropdb', $Journey::database);
done_testing();
