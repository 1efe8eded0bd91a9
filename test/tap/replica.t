#!/usr/bin/env perl
# A subscriber beside another server: what logical replication writes into a model's sources fires no triggers
# of statements. And other writers whose triggers do not fire.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Cluster;
use Journey;
use Test::More;
use Time::HiRes qw(sleep);

my @servers;
END { $_->destroy for @servers }
$ENV{PGOPTIONS} = '-c client_min_messages=warning';

# What psql says to a script, messages too.
sub says
{
	my ($script) = @_;
	my $file = File::Temp->new;
	print $file $script;
	close $file;
	my $name = $file->filename;
	my $text = `psql -qXAt -v VERBOSITY=default -v SHOW_CONTEXT=never -f $name 2>&1`;
	$text =~ s/^psql:\S+ //mg;
	$text =~ s/^\s*\n//mg;
	return $text;
}
sub ids { return join ' ', map { $_->[0] } sql("SELECT event_id FROM $_[0].events ORDER BY event_id COLLATE \"C\"") }
sub refresh { return says("SELECT rows_read || ' ' || new FROM journey.refresh('$_[0]')") =~ s/\n\z//r }
sub verified { return join ' ', map { join '|', @$_ } sql("SELECT * FROM journey.verify('$_[0]')") }

my $publisher = Cluster->new('publisher', 'wal_level = logical', 'max_wal_senders = 4', 'max_replication_slots = 4');
my $subscriber = Cluster->new('subscriber', 'max_logical_replication_workers = 4', 'wal_retrieve_retry_interval = 100ms');
@servers = ($subscriber, $publisher);

my $tables = <<'SQL';
CREATE SCHEMA rs;
CREATE TABLE rs.tracks (id text PRIMARY KEY, anonymous_id text, event text, "timestamp" timestamptz, uuid_ts timestamptz);
CREATE TABLE rs.pages (LIKE rs.tracks INCLUDING ALL);
CREATE TABLE rs.parts (id text, anonymous_id text, event text, "timestamp" timestamptz, uuid_ts timestamptz, p int, PRIMARY KEY (id, p)) PARTITION BY LIST (p);
CREATE TABLE rs.parts_1 PARTITION OF rs.parts FOR VALUES IN (1);
CREATE TABLE rs.local (LIKE rs.tracks);
SQL
my $columns = '(id, anonymous_id, event, "timestamp", uuid_ts)';
my $values = "'v', 'a', '2026-01-01 10:00', now()";

sub caught_up
{
	my ($count, $table) = @_;
	for (1 .. 300)
	{
		return 1 if value("SELECT count(*) FROM $table") == $count;
		sleep 0.1;
	}
	return 0;
}

$subscriber->connect;
sql("CREATE EXTENSION pg_journey; $tables");
$publisher->connect;
sql("$tables CREATE PUBLICATION p FOR TABLE rs.tracks, rs.pages, rs.parts WITH (publish_via_partition_root = true);
	INSERT INTO rs.tracks $columns VALUES ('a', $values)");
$subscriber->connect;
# as the docs have it: a connection string, and a slot of its own
my $subscribe = "CREATE SUBSCRIPTION s CONNECTION 'host=$publisher->{dir} port=$publisher->{port} user=postgres dbname=postgres' PUBLICATION p;";
sql(q{SELECT journey.create_model('early', 'rs', '{"capture": "trigger"}') \g /dev/null});
is(refresh('early'), '0 0', 'captured before there is a subscription');
sql("INSERT INTO rs.local $columns VALUES ('here', $values); $subscribe");
ok(caught_up(1, 'rs.tracks'), 'the subscription copies what there is');

like(refresh('early'), qr/WARNING:  changes of rs\.pages cannot be captured: a subscription of logical replication writes to it\n/, 'the next refresh says so');
is(ids('early'), 'a here', 'and reads what the subscription wrote');
is(refresh('early') =~ s/^\d+ //r, '0', 'once');
$publisher->connect;
sql("INSERT INTO rs.tracks $columns VALUES ('b', $values); INSERT INTO rs.pages $columns VALUES ('c', $values); INSERT INTO rs.parts VALUES ('d', $values, 1)");
$subscriber->connect;
ok(caught_up(2, 'rs.tracks') && caught_up(1, 'rs.pages') && caught_up(1, 'rs.parts'), 'rows come from the publisher');
is(refresh('early'), '3 3', 'they are read by their load time');
is(ids('early') . ' ' . verified('early'), 'a b c d here ', 'all of them, partitions too');
sql("DELETE FROM rs.local; INSERT INTO rs.local $columns VALUES ('there', $values)");
is(refresh('early') . ' ' . ids('early'), '1 1 a b c d there', 'the other tables are captured as before');

my $said = says(q{SELECT journey.create_model('late', 'rs'); SELECT journey.set_options('late', '{"capture": "trigger"}')});
like($said, qr/WARNING:  changes of rs\.$_ cannot be captured: a subscription/, "set_options warns of $_") for qw(tracks pages parts);
unlike($said, qr/rs\.local/, 'and of no other');
like($said, qr/no rebuild is due/, 'and sets it');
$said = says(q{SELECT journey.create_model('own', NULL, '{"capture": "trigger"}'); SELECT journey.add_source('own', 'rs.parts_1', 'track'), journey.add_source('own', 'rs.tracks', 'track')});
like($said, qr/WARNING:  changes of rs\.parts_1 cannot .*WARNING:  changes of rs\.tracks cannot /s, 'add_source does, of a partition that is written by way of its table too');
is(refresh('late') . ' ' . ids('late'), '5 5 a b c d there', 'read from the beginning');

# without the subscription they are captured again
sql('ALTER SUBSCRIPTION s DISABLE; ALTER SUBSCRIPTION s SET (slot_name = NONE); DROP SUBSCRIPTION s');
like(refresh('early'), qr/^4 0$/, 'without the subscription all is read once more, and captured');
sql("DELETE FROM rs.tracks WHERE id = 'a'");
is(refresh('early') . ' ' . ids('early'), '0 0 b c d there', 'what goes, goes');

# writers whose triggers do not fire
sql("SET session_replication_role = replica; INSERT INTO rs.local $columns VALUES ('r1', $values)");
is(refresh('early') . ' ' . ids('early'), '1 1 b c d r1 there', 'triggers of tables that are ours fire always');
sql("BEGIN; ALTER TABLE rs.local DISABLE TRIGGER ALL; INSERT INTO rs.local $columns VALUES ('r2', $values); ALTER TABLE rs.local ENABLE TRIGGER ALL; COMMIT");
is(refresh('early') . ' ' . ids('early'), '3 1 b c d r1 r2 there', 'what was written while they were off, and are on again, is read');
is(refresh('early'), '0 0', 'once');
sql('ALTER TABLE rs.local DISABLE TRIGGER ALL');
refresh('early');
sql("INSERT INTO rs.local $columns VALUES ('r3', $values)");
is(refresh('early') . ' ' . ids('early'), '1 1 b c d r1 r2 r3 there', 'switched off, they are switched on again');

sql(q{CREATE ROLE analyst; CREATE ROLE loader; GRANT CREATE ON DATABASE postgres TO analyst; GRANT USAGE ON SCHEMA journey, rs TO analyst;
	GRANT SELECT, TRIGGER ON ALL TABLES IN SCHEMA rs TO analyst; GRANT USAGE ON SCHEMA rs TO loader; GRANT INSERT ON rs.local TO loader;
	SET ROLE analyst; SELECT journey.create_model('plain', 'rs', '{"capture": "trigger"}') \g /dev/null});
refresh('plain');
sql("ALTER ROLE loader SET session_replication_role = replica; SET session_replication_role = replica; INSERT INTO rs.local $columns VALUES ('r4', $values)");
$said = refresh('plain');
like($said, qr/WARNING:  changes of rs\.local cannot be captured: role "loader" writes with session_replication_role replica\n.*\nHINT:  .*GRANT that role TO analyst/, 'a loader whose triggers do not fire on a table of another owner is noticed');
unlike($said, qr/rs\.pages/, 'but of tables to which it may write alone');
is(ids('plain'), 'b c d r1 r2 r3 r4 there', 'and what it wrote is read');
sql("SET session_replication_role = replica; INSERT INTO rs.local $columns VALUES ('r5', $values)");
is((refresh('plain') =~ s/^\d+ //r) . ' ' . ids('plain'), '1 b c d r1 r2 r3 r4 r5 there', 'by its load time, from then on');
sql('ALTER ROLE loader RESET session_replication_role');
like(refresh('plain'), qr/^\d+ 0$/, 'else captured again');
sql("DELETE FROM rs.local WHERE id LIKE 'r%'");
is(refresh('plain') . ' ' . ids('plain') . ' ' . verified('plain'), '0 0 b c d there ', 'with what goes');
done_testing;
