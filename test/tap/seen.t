#!/usr/bin/perl
# A refresh does not read again what the last one has seen, as long as nothing that decides it has changed,
# and takes nothing for seen that it has not. Transactions beside each other: isolation/seen.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

my $number = 0;

# Adds events to a table, all of one load.
sub load
{
	my ($table, $rows, $load) = @_;
	$load //= '2026-01-01';
	$number++;
	sql("INSERT INTO raw.$table (id, anonymous_id, event, received_at, uuid_ts)
	     SELECT '$table-$number-' || n, 'v' || n % 3, 'login', timestamptz '2025-12-31' + n * interval '1 hour', '$load'
	     FROM generate_series(1, $rows) AS n");
}

# Refreshes; rows read and events new.
sub refresh
{
	my ($model) = @_;
	return join ' ', @{ (sql("SET client_min_messages = error;
	    SELECT rows_read, new FROM journey.refresh('" . ($model // 'web') . "')"))[0] };
}

my $columns = 'id text, anonymous_id text, event text, received_at timestamptz, uuid_ts timestamptz';
sql("SET client_min_messages = warning;
     CREATE EXTENSION pg_journey;
     CREATE SCHEMA raw;
     CREATE TABLE raw.tracks ($columns);
     CREATE INDEX tracks_uuid_ts ON raw.tracks (uuid_ts);
     SELECT journey.create_model('web', 'raw')");
load('tracks', 10);
is(refresh(), '10 10', 'the first refresh reads all');
is(refresh(), '0 0', 'the next one nothing, all of one load though it is');
load('tracks', 2);
is(refresh(), '2 2', 'then what is new');
sql("UPDATE raw.tracks SET event = 'logout' WHERE id = 'tracks-1-1'");
is(refresh(), '1 0', 'and what has changed');
is(value("SELECT name FROM web.events WHERE event_id = 'tracks-1-1'"), 'logout', 'of which the refresh takes note');
sql("DELETE FROM raw.tracks WHERE id LIKE 'tracks-2-%'; INSERT INTO raw.tracks SELECT 'tracks-2-' || n, 'v' || n, 'login',
    '2025-12-31', '2026-01-01' FROM generate_series(1, 2) AS n");
is(refresh(), '2 0', 'deleted and inserted again');
sql("INSERT INTO raw.tracks VALUES ('unloaded', 'v1', 'login', '2025-12-31', NULL)");
is(refresh() . ' ' . refresh(), '1 1 0 0', 'rows without a load time are read once too');

sql('VACUUM FREEZE raw.tracks');
is(refresh(), '0 0', 'frozen');
sql('CLUSTER raw.tracks USING tracks_uuid_ts');
is(refresh(), '0 0', 'written anew in another order');
sql("SELECT txid_current() FROM generate_series(1, 3); VACUUM FULL raw.tracks");
is(refresh(), '0 0', 'written anew');
load('tracks', 1);
sql('VACUUM FULL FREEZE raw.tracks');
is(refresh(), '1 1', 'frozen before it was read');
sql("ALTER TABLE raw.tracks ADD n float DEFAULT random()");
is(refresh(), '14 0', 'a table that is written with other content is read');
is(refresh(), '0 0', 'once');
sql("ALTER TABLE raw.tracks ADD plan text DEFAULT 'free'");
is(refresh(), '14 0', 'so is one that got a column, without being written');
sql("ALTER TABLE raw.tracks DROP plan; ALTER TABLE raw.tracks ADD plan text DEFAULT 'paid'");
is(refresh() . ' ' . value("SELECT string_agg(DISTINCT properties ->> 'plan', ' ') FROM web.events"), '14 0 paid',
	'or another one of the same name');
sql("SELECT journey.set_options('web', '{\"exclude\": {\"user_id\": [\"nobody\"]}}')");
is(refresh() . ' ' . refresh(), '14 0 0 0', 'or is read under other options');

load('tracks', 1, '2025-12-30');
is(refresh(), '0 0', 'a row behind the overlap is not read');
sql("SELECT journey.set_options('web', '{\"overlap\": \"3 days\"}')");
is(refresh() . ' ' . refresh(), '1 1 0 0', 'until the overlap is longer, though the last snapshot saw it');
sql("SELECT journey.set_options('web', '{\"overlap\": null}')");
is(refresh(), '0 0', 'a shorter one reads no more');
load('tracks', 1, '2025-12-30');
is(refresh() . ' ' . value("SELECT count(*) FROM journey.refresh('web', since => '2025-12-29') WHERE rows_read = 16 AND new = 1"),
	'0 0 1', 'since reads what was seen, too');

# another table in the place of the old one, with rows that were there before
sql("SET client_min_messages = warning; CREATE SCHEMA stage; CREATE TABLE stage.tracks (LIKE raw.tracks);
     INSERT INTO stage.tracks SELECT * FROM raw.tracks;
     INSERT INTO stage.tracks VALUES ('staged', 'v1', 'login', '2025-12-31', '2026-01-01')");
is(refresh(), '0 0', 'a table beside');
sql('BEGIN; DROP TABLE raw.tracks; ALTER TABLE stage.tracks SET SCHEMA raw; COMMIT');
is(refresh() . ' ' . refresh(), '15 1 0 0', 'that takes the place of the source is read from where it was left');

# partitions
sql("SET client_min_messages = warning; CREATE TABLE raw.clicked ($columns) PARTITION BY LIST (uuid_ts);
     CREATE TABLE raw.clicked_a PARTITION OF raw.clicked FOR VALUES IN ('2026-01-01');
     CREATE TABLE stage.clicked_b (LIKE raw.clicked);
     INSERT INTO stage.clicked_b VALUES ('b1', 'v1', 'clicked', '2025-12-31', '2026-01-01 00:01')");
load('clicked', 5);
is(refresh() . ' ' . refresh(), '5 5 0 0', 'a partitioned table');
sql("ALTER TABLE raw.clicked ATTACH PARTITION stage.clicked_b FOR VALUES IN ('2026-01-01 00:01')");
is(refresh() . ' ' . refresh(), '1 1 0 0', 'a partition with rows from before is read');
sql('ALTER TABLE raw.clicked DETACH PARTITION stage.clicked_b');
is(refresh(), '0 0', 'one goes');
sql("INSERT INTO stage.clicked_b VALUES ('b2', 'v1', 'clicked', '2025-12-31', '2026-01-01 00:01')");
is(refresh(), '0 0', 'is written to');
sql("ALTER TABLE raw.clicked ATTACH PARTITION stage.clicked_b FOR VALUES IN ('2026-01-01 00:01')");
is(refresh() . ' ' . refresh(), '2 1 0 0', 'and comes back');
sql("INSERT INTO raw.clicked VALUES ('b3', 'v1', 'clicked', '2025-12-31', '2026-01-01 00:01')");
is(value("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT new FROM journey.refresh('web'); COMMIT") . ' ' . refresh() . ' ' . refresh(),
	'1 8 0 0 0', 'at REPEATABLE READ nobody knows which partitions were read');
is(value("BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT rows_read FROM journey.refresh('web', since => '-infinity'); COMMIT"), 17 + 8,
	'at SERIALIZABLE neither');

# who cannot see all rows
sql("SET client_min_messages = warning; CREATE ROLE journey_seen; GRANT USAGE ON SCHEMA raw, journey TO journey_seen;
     GRANT SELECT ON ALL TABLES IN SCHEMA raw TO journey_seen;
     CREATE POLICY seen ON raw.tracks TO journey_seen USING (id <> 'staged');
     ALTER TABLE raw.tracks ENABLE ROW LEVEL SECURITY;
     CREATE SCHEMA web2 AUTHORIZATION journey_seen;
     CREATE SCHEMA web2_store AUTHORIZATION journey_seen;
     SET ROLE journey_seen; SELECT journey.create_model('web2', 'raw')");
is(refresh('web2'), '24 24', 'row level security hides a row');
sql("ALTER TABLE raw.tracks DISABLE ROW LEVEL SECURITY");
is(refresh('web2'), '15 1', 'then it does not');
sql("REVOKE SELECT ON raw.tracks FROM journey_seen; INSERT INTO raw.tracks VALUES ('hidden', 'v1', 'login', '2025-12-31', '2026-01-01')");
is(refresh('web2'), '0 0', 'without rights on the table');
sql('GRANT SELECT ON raw.tracks TO journey_seen');
is(refresh('web2') . ' ' . refresh('web2'), '16 1 0 0', 'and with them again');
is(refresh(), '9 1', 'another model reads what it has not seen: partitions, since it was at SERIALIZABLE');

# views tell nothing of their rows; a table without a load time does
sql("CREATE VIEW raw.shown AS SELECT id, anonymous_id, received_at AS at, uuid_ts FROM raw.tracks;
     CREATE TABLE raw.own (event_id text, visitor_id text, event_time timestamptz);
     INSERT INTO raw.own VALUES ('o1', 'o', '2026-01-01');
     SELECT journey.create_model('own', NULL, '{\"max_future\": \"10000 days\"}');
     SELECT journey.add_source('own', 'raw.shown', 'track', '{\"event_time\": \"at\", \"loaded_at\": \"uuid_ts\"}');
     SELECT journey.add_source('own', 'raw.own', 'track')");
is(refresh('own'), '19 19', 'a view and a table of another kind');
is(refresh('own'), '16 0', 'the rows of the view within the overlap are read again');
sql("INSERT INTO raw.own VALUES ('o2', 'o', '2026-01-01')");
is(refresh('own'), '17 1', 'of the table what is new');

# what ids of transactions are worth elsewhere
my $database = $ENV{PGDATABASE};
for my $change ("'{snapshot,cluster}', '\"1/1/1\"'", "'{snapshot,xmax}', to_jsonb((writers #>> '{snapshot,xmax}')::bigint + 1000000)",
	"'{snapshot,xmin}', to_jsonb((writers #>> '{snapshot,xmin}')::bigint - (1::bigint << 31))")
{
	sql("UPDATE journey._model SET writers = jsonb_set(writers, $change) WHERE model = 'web'");
	is(refresh(), '24 0', 'a snapshot of another cluster or time tells nothing');
}
is(value("SELECT count(*) FROM unnest('{web,web2,own}'::name[]) AS m CROSS JOIN journey.verify(m, true)"), 0, 'no model lacks anything');
system("createdb -T $database ${database}_copy") == 0 or die;
system("createdb ${database}_dump && pg_dump $database | psql -qX -o /dev/null -v ON_ERROR_STOP=1 -d ${database}_dump") == 0 or die;
for my $copy ('copy', 'dump')
{
	local $Journey::database = "${database}_$copy";
	load('tracks', 1);
	like(refresh(), $copy eq 'copy' ? qr/^\d+ 1$/ : qr/^25 1$/, "in a $copy of the database it goes on");
	is(refresh(), '0 0', 'as before');
	is(value("SELECT count(*) FROM journey.verify('web', true)"), 0, 'and nothing lacks');
}
system("dropdb ${database}_$_") for 'copy', 'dump';

# the functions by themselves
is(join(' ', map { $_->[0] } sql(q{SELECT journey._was_visible(x.id::text::xid, 100, 110, '{101,105}')
    FROM unnest('{0,1,2,3,99,100,101,102,105,109,110,2147483000,4294967295}'::bigint[]) AS x(id)})),
	'f f f t t t f t f t f f t', 'what a snapshot saw');
is(value(q{SELECT journey._was_visible('4294967290'::xid, 4294967300, 4294967310, '{}')::text
    || journey._was_visible('9'::xid, 4294967300, 4294967310, '{}') || journey._was_visible('9'::xid, 4294967300, 4294967310, '{4294967305}')
    || journey._was_visible('14'::xid, 4294967300, 4294967310, '{}')}), 'truetruefalsefalse', 'past the end of 32 bits');

sql('DROP OWNED BY journey_seen CASCADE; DROP ROLE journey_seen');
done_testing();
