#!/usr/bin/perl
# Rows of a table of conversions without a load time: of a plain table those that are as they were are not read again.
# The oracle is a model of a view of the table, of which all rows are read each time.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

my $quiet = 'SET client_min_messages = warning;';
my ($seeds, $steps) = (3, 14);
my @columns = qw(id kind email user_id device at amount);

sub refresh { my ($model) = @_; return (sql("$quiet SELECT rows_read, new, rejected, sessions_changed, profiles_changed FROM journey.refresh('$model')"))[0] }
sub conversions { my ($model) = @_; return "SELECT to_jsonb(c) FROM $model.conversions AS c" }
sub rejected { my ($model) = @_; return qq{SELECT "row" || jsonb_build_object('reason', reason) FROM $model.rejected_events WHERE source LIKE '%crm%'} }

# Both have the same.
sub is_equal
{
	my ($what) = @_;
	my $count = join ' ', map { $_->[0] } sql(join ' UNION ALL ', map { my $what = $_;
		map { my ($a, $b) = @$_; "SELECT count(*) FROM (" . $what->($a) . ' EXCEPT ALL ' . $what->($b) . ') AS x' }
		  [ 'compared', 'whole' ], [ 'whole', 'compared' ] } \&conversions, \&rejected);
	is($count, '0 0 0 0', $what);
}

sql(qq{$quiet CREATE EXTENSION pg_journey;
	CREATE TABLE ev (event_id text, visitor_id text, user_id text, event_time timestamptz, kind text, url text, traits jsonb, loaded_at timestamptz);
	CREATE INDEX ON ev (loaded_at);
	INSERT INTO ev SELECT 'p' || n, 'd' || n % 3, CASE WHEN n % 2 = 0 THEN 'u' || n % 3 END, timestamptz '2026-01-01' + n * interval '7 hours',
		'page', 'https://s.test/?gclid=' || n, NULL, now() FROM generate_series(1, 20) AS n});

# One history: the same statements on the table, seen by both models.
sub history
{
	my ($seed) = @_;
	srand $seed;
	my $one = sub { my ($of) = @_; my $x = $of->[ rand @$of ]; return defined $x ? "'$x'" : 'NULL' };
	my $row = sub {
		return '(' . join(', ', "'" . int(rand 8) . "'", $one->([ 'MQL', 'MQL', 'Won' ]), $one->([ undef, 'A@x.net', 'b@x.net' ]),
			$one->([ undef, 'u0', 'u1' ]), $one->([ undef, 'd0', 'd1', 'd2' ]),
			$one->([ undef, '2026-01-02 03:00', '2026-01-05', '2026-01-09 10:00', '2099-01-01' ]), $one->([ undef, '1', '2.50', 'x' ])) . ')';
	};
	my $list = join ', ', @columns;
	my $some = 'ctid = ANY (ARRAY(SELECT ctid FROM crm ORDER BY md5(ctid::text || $N) LIMIT 2))';
	my @ops = (
		sub { 'INSERT INTO crm VALUES ' . join ', ', map { $row->() } 1 .. 1 + rand 4 },
		sub { "DELETE FROM crm WHERE $some" },
		sub { "UPDATE crm SET ($list) = ROW" . $row->() . " WHERE $some" },
		sub { "UPDATE crm SET id = id WHERE $some" },
		sub { 'CREATE TEMP TABLE kept AS TABLE crm; TRUNCATE crm; INSERT INTO crm SELECT * FROM kept; DROP TABLE kept' },
		sub { 'VACUUM FULL crm' }, sub { 'VACUUM crm' });
	sql(qq{$quiet SELECT journey.drop_model(model) FROM journey.models; DROP TABLE IF EXISTS crm CASCADE;
		CREATE TABLE crm (id text, kind text, email text, user_id text, device text, at timestamptz, amount text);
		CREATE VIEW crm_view AS TABLE crm;
		INSERT INTO crm VALUES } . join(', ', map { $row->() } 1 .. 10) . ';' . join '', map { my ($model, $from) = @$_;
		qq{SELECT journey.create_model('$model'); SELECT journey.add_source('$model', 'ev');
		SELECT journey.add_source('$model', '$from', 'conversion', '{"conversion_id": "id", "name": "kind", "visitor_id": "device", "converted_at": "at", "value": "amount"}');}
	} [ 'compared', 'crm' ], [ 'whole', 'crm_view' ]);
	for my $n (0 .. $steps)
	{
		my @did = $n == 0 ? () : map { $ops[ rand @ops ]->() =~ s/\$N/'$n'/gr } 1 .. 1 + rand 2;
		sql("$quiet $_") for @did;
		sql(qq{$quiet SELECT journey.forget('$_', 'u0')}) for $n == 9 ? qw(compared whole) : ();
		refresh($_) for qw(compared whole);
		is_equal("seed $seed, step $n");
		next if (Test::More->builder->summary)[-1];
		diag(join "\n", @did);
		return;
	}
	is(value(qq{$quiet SELECT count(*) FROM journey.verify('compared') AS v}), 0, "seed $seed: as derived anew");
	is(join(' ', map { $_ // '' } @{ refresh('compared') }[ 1, 3, 4 ]), '0 0 0', 'nothing is new then');
}
history($_) for 1 .. $seeds;

# ---- what is not read, and what is told
sql(qq{$quiet SELECT journey.drop_model(model) FROM journey.models; DROP TABLE crm CASCADE;
	CREATE TABLE crm (id text, user_id text, at timestamptz, amount text);
	INSERT INTO crm SELECT n, 'u' || n % 3, '2026-01-05', n FROM generate_series(1, 100) AS n;
	SELECT journey.create_model('web'); SELECT journey.add_source('web', 'ev');
	SELECT journey.add_source('web', 'crm', 'conversion', '{"conversion_id": "id", "converted_at": "at", "value": "amount"}', '{"name": "MQL"}')});
sub told { return join ' ', @{ refresh('web') } }
is((split ' ', told())[0], 120, 'a first refresh reads all');
is(told(), '0 0 0 0 0', 'the next one none');
sql(q{UPDATE crm SET amount = 'many' WHERE id = '7'; UPDATE crm SET amount = '8.5' WHERE id = '8'; DELETE FROM crm WHERE id = '9'});
is(told(), '2 1 1 0 2', 'then what changed');
is(told(), '1 0 1 0 0', 'a rejected row is looked at again');
is(value(q{SELECT count(*) FROM web.rejected_events}), 1, 'and told once');
is(value(q{SELECT count(*) || ' ' || sum(value) FROM web.conversions}), '98 5034.5', 'conversions follow');
sql(q{CREATE TABLE again AS TABLE crm; TRUNCATE crm; INSERT INTO crm TABLE again});
my $state = "SELECT md5(string_agg(c.ctid::text || c.xmin, ' ' ORDER BY c.ctid)) FROM web_store._conversions AS c";
my $was = value($state);
is(told(), '99 0 1 0 0', 'rows that were loaded anew are read, and tell nothing new');
is(value($state), $was, 'no conversion is written for that');
is(told(), '1 0 1 0 0', 'nor are they read again');
sql(q{ALTER TABLE crm ADD COLUMN currency text DEFAULT 'EUR'});
is((split ' ', told())[0], 99, 'where the columns change all are read');
is(value(q{SELECT DISTINCT currency FROM web.conversions}), 'EUR', 'since all may say more');

# one transaction may put another row in the place of its own
sql(q{SET client_min_messages = warning; BEGIN;
	TRUNCATE crm; INSERT INTO crm VALUES ('a', 'u1', '2026-01-05', '1'); SELECT FROM journey.refresh('web');
	TRUNCATE crm; INSERT INTO crm VALUES ('b', 'u1', '2026-01-05', '2'); SELECT FROM journey.refresh('web'); COMMIT;
	SELECT FROM journey.refresh('web')});
is(value(q{SELECT string_agg(conversion_id || ' ' || value, ',') FROM web.conversions}), 'MQL:b 2', 'a table that one transaction fills and reads twice');

# what a row says may follow from the catalog
sql(qq{$quiet CREATE TYPE stage AS ENUM ('lead', 'won'); CREATE TABLE staged (id text, user_id text, at timestamptz, stage stage, t text, v text, "a row" text);
	INSERT INTO staged VALUES ('1', 'u1', '2026-01-05', 'lead');
	SELECT journey.create_model('staged'); SELECT journey.add_source('staged', 'staged', 'conversion', '{"conversion_id": "id", "converted_at": "at", "name": "stage"}')});
refresh('staged');
sql(q{ALTER TYPE stage RENAME VALUE 'lead' TO 'qualified'});
refresh('staged');
is(value(q{SELECT string_agg(name, ',') FROM staged.conversions}), 'qualified', 'a label of an enum that is renamed, beside columns of odd names');
done_testing();
