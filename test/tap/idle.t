#!/usr/bin/perl
# What a refresh costs that has little or nothing to read: how many statements, what it locks and writes. And that it
# finds all there is to find, since it asks before it reads, and keeps the queries that read. On a server of its own,
# which counts statements.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Cluster;
use Test::More;

my $libraries = `\${PGJ_PG_CONFIG:-pg_config} --pkglibdir`;
chomp $libraries;
plan skip_all => 'this server has no pg_stat_statements' unless -e "$libraries/pg_stat_statements.so";

my $server = Cluster->new('idle', 'autovacuum = off', "shared_preload_libraries = 'pg_stat_statements'",
	'pg_stat_statements.track = all', 'pg_stat_statements.track_utility = on', 'pg_stat_statements.max = 10000',
	'max_locks_per_transaction = 256');
END { my $status = $?; $server->destroy if $server; $? = $status; }

sql(<<'SQL');
CREATE EXTENSION pg_stat_statements;
CREATE EXTENSION pg_journey;
ALTER DATABASE postgres SET client_min_messages = warning;
CREATE SCHEMA l;
CREATE SCHEMA m;
-- a table of a loader's; rows of a batch in some of them
CREATE PROCEDURE public.make(schema text, first int, last int) LANGUAGE plpgsql AS $$
BEGIN
	FOR n IN first .. last LOOP
		EXECUTE format('CREATE TABLE %1$I.t%2$s (id text, anonymous_id text, user_id text, event text, event_text text,
			"timestamp" timestamptz, received_at timestamptz, uuid_ts timestamptz, context_page_url text, amount numeric);
			CREATE INDEX ON %1$I.t%2$s (uuid_ts)', schema, n);
	END LOOP;
END $$;
CREATE PROCEDURE public.load(schema text, first int, last int, batch text, at timestamptz DEFAULT now()) LANGUAGE plpgsql AS $$
BEGIN
	FOR n IN first .. last LOOP
		EXECUTE format('INSERT INTO %1$I.t%2$s (id, anonymous_id, user_id, event, event_text, "timestamp", received_at, uuid_ts, amount)
			SELECT %3$L || g || ''-%2$s'', ''v'' || g, CASE WHEN g = 1 THEN ''u1'' END, ''t%2$s'', ''T %2$s'',
				%4$L::timestamptz + g * interval ''1 minute'', %4$L, %4$L, g FROM generate_series(1, 5) AS g', schema, n, batch, at);
	END LOOP;
END $$;
CALL make('l', 1, 8);
CALL make('m', 1, 100);
CALL load('l', 1, 8, 'a', now() - interval '1 day');
CALL load('m', 1, 100, 'a', now() - interval '1 day');
SELECT journey.create_model('few', 'l');
SELECT journey.create_model('many', 'm');
SELECT journey.refresh('few'), journey.refresh('many');
SQL

# Statements of a refresh, and how many rows it read.
sub refreshed
{
	my ($model) = @_;
	my ($read) = sql("SELECT pg_stat_statements_reset() \\g /dev/null\nSELECT rows_read, new FROM journey.refresh('$model')");
	return ($read->[0], $read->[1], value("SELECT sum(calls) FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%'"));
}

refreshed($_) for 'few', 'many';
my ($rows, $new, $few) = refreshed('few');
is("$rows $new", '0 0', 'nothing is read where nothing is new');
cmp_ok($few, '<=', 30, 'in 30 statements');
diag("nothing new in 8 tables: $few statements");
(undef, undef, my $many) = refreshed('many');
is($many, $few, 'as many of a hundred tables');

# what it leaves behind
my $files = q{SELECT md5(string_agg(concat(c.oid, ' ', c.relfilenode, ' ', c.xmin, ' ', pg_relation_size(c.oid)), ',' ORDER BY c.oid))
	FROM pg_class AS c WHERE relnamespace = ANY ('{few,few_store}'::regnamespace[]) AND relname <> '_catalog_copy'};
my $before = value($files);
is(value("BEGIN; SELECT journey.refresh('few') \\g /dev/null\nSELECT coalesce(string_agg(DISTINCT relation::regclass || ' ' || mode, ', '), 'nothing')
	FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation' AND mode <> 'AccessShareLock'
	AND relation IN (SELECT oid FROM pg_class WHERE relnamespace = ANY ('{few,few_store,l}'::regnamespace[]) AND relname <> '_catalog_copy'); COMMIT"),
	'nothing', 'nothing of the model or its sources is locked but for reading');
is(value($files), $before, 'and nothing of the model is written, emptied or made');

sql("CALL load('l', 1, 8, 'b')");
refreshed('few');
sql("CALL load('l', 1, 8, 'c')");
($rows, $new, my $news) = refreshed('few');
is($new, 40, 'news of 8 tables');
cmp_ok($news, '<=', 200, 'in 200 statements');
diag("news in 8 tables: $news statements");

# ---------------------------------------------------------------------------------------------
# what is found
# ---------------------------------------------------------------------------------------------

# Rows that a refresh takes for new.
sub finds
{
	my ($n, $what, $sql, $model) = @_;
	$model //= 'few';
	sql($sql);
	is(value("SELECT new FROM journey.refresh('$model')"), $n, "found: $what");
	is(value("SELECT new FROM journey.refresh('$model')"), 0, 'once');
}
my $row = "id, anonymous_id, event, \"timestamp\", received_at, uuid_ts) SELECT";
finds(1, 'a row without a load time', "INSERT INTO l.t3 ($row 'n1', 'v1', 't3', now(), now(), NULL");
finds(1, 'one loaded just at the watermark', "INSERT INTO l.t3 ($row 'n2', 'v1', 't3', now(), now(), max(uuid_ts) FROM l.t3");
finds(1, 'one loaded before it', "INSERT INTO l.t3 ($row 'n3', 'v1', 't3', now(), now(), max(uuid_ts) - interval '5 minutes' FROM l.t3");
finds(5, 'a table that came', "CALL make('l', 9, 9); CALL load('l', 9, 9, 'd')");
finds(1, 'a table of that name and those columns, made anew',
	"CREATE TABLE l.x AS TABLE l.t9; DROP TABLE l.t9; ALTER TABLE l.x RENAME TO t9; INSERT INTO l.t9 ($row 'n4', 'v1', 't9', now(), now(), now()");
finds(1, 'a partitioned table', "CREATE TABLE l.p (LIKE l.t1) PARTITION BY RANGE (uuid_ts); CREATE TABLE l.p1 PARTITION OF l.p DEFAULT;
	INSERT INTO l.p ($row 'n5', 'v1', 'p', now(), now(), now()");
finds(1, 'a partition', "CREATE TABLE l.p0 PARTITION OF l.p FOR VALUES FROM ('2019-01-01') TO ('2021-01-01');
	INSERT INTO l.p ($row 'n7', 'v1', 'p', now(), now(), now()");
finds(1, 'a table without an index', "DROP INDEX l.t4_uuid_ts_idx; INSERT INTO l.t4 ($row 'n8', 'v1', 't4', now(), now(), now()");
finds(1, 'a view', "CREATE VIEW public.w AS SELECT 'w1'::text AS event_id, 'v1'::text AS visitor_id, now() - interval '1 minute' AS event_time;
	SELECT journey.add_source('few', 'public.w', 'page')");
is(value("SELECT count(*) FROM journey.verify('few', true)"), 0, 'and the model is whole');

# the query that is kept follows the columns, the options and who owns a type
sub property { my ($id, $key) = @_; return value("SELECT properties ->> '$key' FROM few.events WHERE event_id = '$id'") }
sql("ALTER TABLE l.t5 ADD COLUMN size text; INSERT INTO l.t5 (size, $row 'large', 'k1', 'v1', 't5', now(), now(), now(); SELECT journey.refresh('few')");
is(property('k1', 'size'), 'large', 'a column that came is read');
sql("ALTER TABLE l.t5 ALTER COLUMN size TYPE jsonb USING '[1]'; INSERT INTO l.t5 (size, $row '{\"a\": 2}', 'k2', 'v1', 't5', now(), now(), now(); SELECT journey.refresh('few')");
is(property('k2', 'size'), '{"a": 2}', 'and by its type');
sql("ALTER TABLE l.t5 RENAME COLUMN size TO width; INSERT INTO l.t5 (width, $row '3', 'k3', 'v1', 't5', now(), now(), now(); SELECT journey.refresh('few')");
is(property('k3', 'width'), '3', 'and its name');
sql("SELECT journey.set_options('few', '{\"exclude\": {\"user_id\": [\"own*\"]}}');
	INSERT INTO l.t5 (user_id, $row 'own1', 'k4', 'v1', 't5', now(), now(), now()");
is(value("SELECT excluded FROM journey.refresh('few')"), 1, 'an option that leaves rows out does so at once');
sql("SELECT journey.set_schema('few', 'l', '{\"exclude_tables\": [\"t6\"]}'); INSERT INTO l.t6 ($row 'k5', 'v1', 't6', now(), now(), now()");
is(value("SELECT new FROM journey.refresh('few')"), 0, 'a table that is left out is not read');

sql(<<'SQL');
CREATE ROLE idle_owner;
CREATE ROLE idle_other;
GRANT CREATE ON DATABASE postgres TO idle_owner, idle_other;
GRANT USAGE ON SCHEMA journey TO idle_owner, idle_other;
SET ROLE idle_other;
CREATE SCHEMA other;
GRANT USAGE ON SCHEMA other TO PUBLIC;
CREATE TYPE other.pair AS (a int);
CREATE TABLE other.ran (who name);
GRANT INSERT ON other.ran TO PUBLIC;
CREATE FUNCTION other.as_json(other.pair) RETURNS json LANGUAGE plpgsql AS $$
BEGIN INSERT INTO other.ran VALUES (current_user); RETURN '{}'; END $$;
CREATE TABLE other.events (event_id text, visitor_id text, event_time timestamptz, loaded_at timestamptz, what other.pair);
GRANT SELECT ON other.events TO idle_owner;
INSERT INTO other.events SELECT 'o1', 'v', now(), now(), ROW(1)::other.pair;
SET ROLE idle_owner;
SELECT journey.create_model('owned');
SELECT journey.add_source('owned', 'other.events', 'page');
SELECT journey.refresh('owned');
SET ROLE idle_other;
CREATE CAST (other.pair AS json) WITH FUNCTION other.as_json(other.pair);
INSERT INTO other.events SELECT 'o2', 'v', now(), now(), ROW(2)::other.pair;
SET ROLE idle_owner;
SELECT journey.refresh('owned');
RESET ROLE;
SQL
is(value("SELECT count(*) FROM owned.events"), 2, 'rows of a type that got a cast are read');
is(value("SELECT count(*) FROM other.ran"), 0, 'without the cast of its owner');

# conversions that are read whole: none is left
sql("CREATE TABLE public.deals (id text, user_id text, converted_at timestamptz); INSERT INTO public.deals VALUES ('d1', 'u1', now());
	SELECT journey.add_source('few', 'public.deals', 'conversion', '{\"loaded_at\": null}', '{\"name\": \"Deal\"}');
	SELECT journey.refresh('few')");
is(value("SELECT count(*) FROM few.conversions"), 1, 'a conversion of a table');
sql("TRUNCATE public.deals; SELECT journey.refresh('few')");
is(value("SELECT count(*) FROM few.conversions"), 0, 'goes when the table is empty, though nothing is new');

done_testing();
