#!/usr/bin/env perl
# What goes wrong around a refresh: no memory, no disk, sources that change or break, a caller that rolls
# back or began too early. The model is whole after it, and what happened can be seen.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

my $top = "$FindBin::Bin/../..";
my $database = $ENV{PGDATABASE};
my $disk;
END
{
	my $status = $?;
	if ($disk)
	{
		system("psql -qX -c \"SELECT journey.drop_model('disk')\" -c 'DROP TABLESPACE journey_trouble' >/dev/null 2>&1");
		system('umount', $disk);
	}
	$? = $status;
}
# what psql says to statements or a script, be it an error
sub ask
{
	my ($script) = @_;
	open my $out, '>', "$ENV{PGJ_WORK}/trouble.sql" or die $!;
	print $out $script;
	close $out;
	my $said = `psql -qXAt -v ON_ERROR_STOP=1 -v SHOW_CONTEXT=never -f $ENV{PGJ_WORK}/trouble.sql 2>&1`;
	$said =~ s/^psql:\S+: //mg;
	$said =~ s/\n\z//;
	return $said;
}
sub state { my ($model) = @_; return value("SELECT t.state('$model')") }
sub last_error { my ($model) = @_; return value("SELECT coalesce(last_error, 'none') FROM journey.models WHERE model = '$model'") }

system('psql', '-qX', '-o', '/dev/null', '-v', 'events=1000', '-f', "$top/test/sample/generate.sql") == 0 or die;
sql(<<'SQL');
CREATE EXTENSION pg_journey;
SELECT format('ALTER DATABASE %I SET client_min_messages = warning', current_database()) \gexec
SET client_min_messages = warning;
CREATE SCHEMA t;

-- all that follows from the events, and how far the sources are read
CREATE FUNCTION t.state(model name) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	relation text;
	part text;
	result text := '';
BEGIN
	FOREACH relation IN ARRAY '{sessions,touches,identities,profiles,events,rejected_events}'::text[] LOOP
		EXECUTE format($f$
			SELECT md5(string_agg(x, ' ' ORDER BY x)) FROM (
				SELECT (to_jsonb(r) - '{version,attributes_version,updated_at,rejected_at}'::text[])::text COLLATE "C" AS x
				FROM %I.%I AS r) AS r$f$, model, relation)
		INTO part;
		result := concat_ws(' ', result, relation, part);
	END LOOP;
	RETURN concat_ws(' ', result, (
		SELECT jsonb_agg(jsonb_build_array(s.relation, s.watermark) ORDER BY s.table_id)
		FROM journey._source_table AS s WHERE s.model = state.model));
END $$;
SELECT journey.create_model('control', 'rudder');
SELECT new FROM journey.refresh('control');
SQL
my $control = state('control');

# ---------------------------------------------------------------------------------------------
# a refresh that takes long tells of it; looked at below
# ---------------------------------------------------------------------------------------------

sql(<<'SQL');
SELECT journey.create_model('slow', 'rudder');
CREATE FUNCTION t.sleep() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(10.1); RETURN NULL; END $$;
CREATE TRIGGER sleep BEFORE INSERT ON slow_store._sessions FOR EACH STATEMENT EXECUTE FUNCTION t.sleep();
SQL
open my $slow, '-|', q{psql -qXAt -c 'SET client_min_messages = notice' -c "SELECT new > 0 FROM journey.refresh('slow')" 2>&1}
  or die $!;

# ---------------------------------------------------------------------------------------------
# what can be seen
# ---------------------------------------------------------------------------------------------

is(join(' ', ask("SET client_min_messages = debug1; SELECT new FROM journey.refresh('control', since => '-infinity')") =~ /DEBUG:  pg_journey: refresh of model control: (\w+)/g),
	'read merge identity sessions touches profiles', 'phases are messages for who asks');
is(join(' ', ask("SET client_min_messages = debug1; SELECT count(*) FROM journey.verify('control')") =~ /DEBUG:  pg_journey: verify of model control: (\w+)/g),
	'merge identity sessions touches profiles compare read', 'those of verify too');
is(ask("SELECT new FROM journey.refresh('control') \\; SELECT substr(query, 1, 10) FROM pg_stat_activity WHERE pid = pg_backend_pid()"),
	"0\nSELECT new", 'after it pg_stat_activity shows the statement again');
is(value("SELECT phases ?& '{read,merge,identity,sessions,touches,indexes,profiles,total}' AND rows_read = new + duplicate + rejected + excluded
	AND milliseconds > 0 FROM journey.refresh_log WHERE model = 'control' AND version = 1"), 't', 'the log has counts, and times of phases');
is(value("SELECT lag > '0' AND lag < '1 hour' AND last_error IS NULL AND last_error_at IS NULL FROM journey.models WHERE model = 'control'"), 't',
	'journey.models shows the lag');
is(ask("CREATE ROLE journey_trouble_other; GRANT USAGE ON SCHEMA journey TO journey_trouble_other; SET ROLE journey_trouble_other;
	SELECT count(*) FROM journey.models; RESET ROLE; DROP OWNED BY journey_trouble_other; DROP ROLE journey_trouble_other"), 0,
	'to its owner');

is(ask("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1; \n\\! psql -qXAtc \"SELECT new FROM journey.refresh('control')\"\nSELECT new FROM journey.refresh('control')"), <<'SAID' =~ s/\n\z//r,
1
0
ERROR:  model "control" was refreshed or changed after this transaction began
HINT:  Run the transaction again, or at isolation level READ COMMITTED.
SAID
	'a transaction that began too early is told what to do');
is(last_error('control'), 'none', 'which is no trouble of the model');

# ---------------------------------------------------------------------------------------------
# memory
# ---------------------------------------------------------------------------------------------

sql("SELECT journey.create_model('memory', 'rudder')");
my $empty = state('memory');
is(ask("SET work_mem = '64kB'; SET maintenance_work_mem = '1MB'; SET temp_buffers = '800kB'; SET hash_mem_multiplier = 1;
	BEGIN; SELECT new > 0 FROM journey.refresh('memory'); SELECT t.state('memory'); ROLLBACK"), "t\n$control", 'with the least memory that can be set all is the same');
is(state('memory'), $empty, 'rolled back, all is as before');

SKIP: {
	skip 'no prlimit here', 4 unless -r '/proc/self/status' && `which prlimit`;
	my $as = $> == 0 ? 'runuser -u $(stat -c %U /proc/$BACKEND) --' : '';
	for my $megabytes (1, 3, 6, 12)
	{
		my $said = ask(<<"SQL");
SELECT pg_backend_pid() AS pid \\gset
\\setenv BACKEND :pid
\\! $as prlimit --pid \$BACKEND --as=\$(awk '/VmSize/ { print \$2 * 1024 + $megabytes * 1048576 }' /proc/\$BACKEND/status):
SELECT 'done', new > 0 FROM journey.refresh('memory');
SQL
		my $done = $said eq 'done|t';
		ok(($done || $said =~ /^ERROR:  (out of memory|regular expression failed: out of memory|could not load library)/) && state('memory') eq ($done ? $control : $empty), "with $megabytes MB of memory: " . substr($said, 0, 21))
		  or diag $said;
		sql("SELECT journey.drop_model('memory'); SELECT journey.create_model('memory', 'rudder')") if $done;
	}
}
is(ask("SELECT new > 0 FROM journey.refresh('memory'); SELECT count(*) FROM journey.verify('memory')"), "t\n0", 'then it goes on');
is(state('memory'), $control, 'and is complete');

# ---------------------------------------------------------------------------------------------
# disk
# ---------------------------------------------------------------------------------------------

SKIP: {
	my $dir = "$ENV{PGJ_WORK}/disk";
	skip 'no rights to mount a small disk', 8 if $> != 0 || system("mkdir $dir && mount -t tmpfs -o size=16m tmpfs $dir 2>/dev/null") != 0;
	$disk = $dir;
	system("chown --reference=$ENV{PGJ_WORK}/data $dir") == 0 or die;
	sql("CREATE TABLESPACE journey_trouble LOCATION '$dir'");
	sql("SET default_tablespace = journey_trouble; SELECT journey.create_model('disk', 'rudder')");
	for my $free (40, 400, 800)
	{
		system("dd if=/dev/zero of=$dir/filler bs=1k count=\$((\$(df -k --output=avail $dir | tail -n 1) - $free)) 2>/dev/null");
		like(ask("SELECT new FROM journey.refresh('disk')"), qr/^ERROR:  could not (extend|write)/, "the disk is full after $free kB");
		is(state('disk'), $empty, 'all is as before') ;
		unlink "$dir/filler";
	}
	like(last_error('disk'), qr/^SQLSTATE 53100 in phase \w+$/, 'it is seen in journey.models');
	is(ask("SELECT new > 0 FROM journey.refresh('disk'); SELECT count(*) FROM journey.verify('disk'); SELECT t.state('disk')"), "t\n0\n$control", 'with room it goes on');
}

# ---------------------------------------------------------------------------------------------
# sources
# ---------------------------------------------------------------------------------------------

# a broken row in the middle of many, in columns of text
sql(<<'SQL');
CREATE SCHEMA raw;
CREATE TABLE raw.tracks (id text, anonymous_id text, event text, "timestamp" text, received_at text, uuid_ts timestamptz, price text);
INSERT INTO raw.tracks
SELECT 'e' || n, 'v' || n % 50, 'order_completed', to_char(ts, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), ts::text, ts, '1.50'
FROM generate_series(1, 3000) AS n CROSS JOIN LATERAL (SELECT timestamptz '2024-01-01' + n * interval '1 minute' AS ts) AS t;
UPDATE raw.tracks SET "timestamp" = '2024-13-45 99:99' WHERE id = 'e1499';
UPDATE raw.tracks SET price = 'gratis' WHERE id = 'e1500';
UPDATE raw.tracks SET anonymous_id = NULL WHERE id = 'e1501';
SELECT journey.create_model('live', 'raw', '{"revenue": {"order_completed": "price"}}');
SQL
is(ask('SELECT rows_read, new, rejected FROM journey.refresh(\'live\'); SELECT "row" ->> \'id\', reason FROM live.rejected_events ORDER BY 1'),
	"3000|2997|3\ne1499|timestamp is no time\ne1500|price is no number\ne1501|no visitor or user", 'of many rows the broken ones are rejected');
is(value("SELECT count(*) FROM journey.verify('live')"), 0, 'and all others are in the model');

# verify only looks: what no refresh has read yet is no difference, and not listed
sql("CREATE TABLE raw.order_completed (LIKE raw.tracks); INSERT INTO raw.order_completed VALUES
	('n1', 'v1', 'x', '2024-01-01T00:00:00Z', '2024-01-01T00:00:00Z', '2024-01-01'), ('n2', NULL, 'x', '2024-01-01T00:00:00Z', NULL, '2024-01-01')");
is(value("SELECT count(*) + (SELECT count(*) FROM live.rejected_events WHERE row ->> 'id' = 'n2') FROM journey.verify('live')"), 0, 'a table not read yet is no difference');
is(ask("BEGIN; SELECT new, rejected FROM journey.refresh('live'); INSERT INTO raw.order_completed VALUES ('n3', 'v1', 'x', '2024-03-01T00:00:00Z', NULL, '2024-03-01');
	SELECT new FROM journey.refresh('live'); SELECT count(*) FROM journey.verify('live'); ROLLBACK"), "1|1\n1\n0", 'two refreshes in one transaction');
sql('DROP TABLE raw.order_completed');

# a view that raises an error for one of its rows
sql(<<'SQL');
SELECT journey.create_model('view');
CREATE VIEW raw.seen AS SELECT id, anonymous_id, event, "timestamp"::timestamptz, uuid_ts FROM raw.tracks WHERE id BETWEEN 'e15' AND 'e16';
SELECT journey.add_source('view', 'raw.seen', 'track');
SQL
my $unread = state('view');
sql(q{CREATE OR REPLACE VIEW raw.seen AS SELECT id, anonymous_id, event, CASE WHEN id = 'e1550' THEN 'soon' ELSE "timestamp" END::timestamptz AS timestamp, uuid_ts
	FROM raw.tracks WHERE id BETWEEN 'e15' AND 'e16'});
like(ask("SELECT new FROM journey.refresh('view')"), qr/^ERROR:  invalid input syntax for type timestamp with time zone: "soon"/, 'a view fails on one row');
is(state('view'), $unread, 'nothing of the others is in the model');
is(last_error('view'), 'SQLSTATE 22007 in phase read', 'where it failed can be seen');
sql(q{CREATE OR REPLACE VIEW raw.seen AS SELECT id, anonymous_id, event, "timestamp"::timestamptz AS timestamp, uuid_ts FROM raw.tracks WHERE id BETWEEN 'e15' AND 'e16'});
is(ask("SELECT new + rejected = rows_read, rejected FROM journey.refresh('view'); SELECT count(*) FROM journey.verify('view')"), "t|1\n0", 'once it is mended the refresh goes on');
is(last_error('view'), 'none', 'and all is well');

sql('DROP VIEW raw.seen');

# a change of type that changes what the rows say is an update behind the watermark: verify tells of it
sql(q{DELETE FROM raw.tracks WHERE id = 'e1500'; ALTER TABLE raw.tracks ALTER price TYPE numeric USING price::numeric});
is(ask("SELECT new FROM journey.refresh('live'); SELECT count(*) > 2900, min(problem), max(problem) FROM journey.verify('live')"),
	"0\nt|not read|not read", 'an amount of text becomes a number: verify tells that old rows would change');
is(ask("SELECT new FROM journey.refresh('live', since => '-infinity'); SELECT count(*) FROM journey.verify('live')"), "0\n0",
	'and a refresh since then reads them');

# the loader, or a DBA, changes a table between refreshes; events that are in the model stay
my $n = 2997;
for my $change (
	[ 'a time of text becomes one of time', q{DELETE FROM raw.tracks WHERE id = 'e1499'; ALTER TABLE raw.tracks ALTER "timestamp" TYPE timestamptz USING "timestamp"::timestamptz} ],
	[ 'ids of text become varchar',         'ALTER TABLE raw.tracks ALTER id TYPE varchar(20), ALTER anonymous_id TYPE char(8)' ],
	[ 'the load time loses its zone',       q{SET TimeZone = 'UTC'; ALTER TABLE raw.tracks ALTER uuid_ts TYPE timestamp} ],
	[ 'the load time becomes text',         'ALTER TABLE raw.tracks ALTER uuid_ts TYPE text' ],
	[ 'the load time is dropped',           'ALTER TABLE raw.tracks DROP uuid_ts' ],
	[ 'a column is added and another renamed', 'ALTER TABLE raw.tracks ADD plan text; ALTER TABLE raw.tracks RENAME received_at TO loaded' ],
	[ 'the table is dropped',               'CREATE TABLE raw.kept AS TABLE raw.tracks; DROP TABLE raw.tracks' ],
	[ 'it is there again',                  'ALTER TABLE raw.kept RENAME TO tracks' ],
	[ 'the schema is renamed',              'ALTER SCHEMA raw RENAME TO cooked' ],
	[ 'and again',                          'ALTER SCHEMA cooked RENAME TO raw' ],
	[ 'the table is a view',                'ALTER TABLE raw.tracks RENAME TO base; CREATE VIEW raw.tracks AS TABLE raw.base' ],
	[ 'the visitor is gone',                'DROP VIEW raw.tracks; ALTER TABLE raw.base RENAME TO tracks; ALTER TABLE raw.tracks DROP anonymous_id' ])
{
	my ($name, $statement) = @$change;
	sql($statement);
	my $said = ask("SELECT new FROM journey.refresh('live'); SELECT count(*) FROM live.events; SELECT count(*) FROM journey.verify('live')");
	is($said =~ s/^(WARNING|HINT):.*\n//mgr, "0\n$n\n0", $name);
}

# ---------------------------------------------------------------------------------------------
# the refresh that takes long
# ---------------------------------------------------------------------------------------------

is(join('', grep { !/load time|HINT/ } <$slow>), <<'SAID', 'after ten seconds phases are notices');
NOTICE:  pg_journey: refresh of model slow: touches
NOTICE:  pg_journey: refresh of model slow: profiles
t
SAID

done_testing();
