#!/usr/bin/env perl
# Capture by triggers: after each series of random operations of loaders the model is that which a new
# model over the same sources is. PGJ_SEEDS=from..to picks the histories.
use strict;
use warnings;
use File::Basename ();
use lib File::Basename::dirname(__FILE__) . '/../lib';
use Journey;
use Test::More;

my $top = File::Basename::dirname(__FILE__) . '/../..';
$ENV{PGOPTIONS} = '-c client_min_messages=warning -c timezone=UTC';
sql('CREATE EXTENSION pg_journey');
system('psql', '-qX', '-f', "$top/test/laws/laws.sql") == 0 or die;

# ------------------------------------------------------------------------------------------------
# sources: a loader's schema, an own table with a key, one in partitions, one without ids
# ------------------------------------------------------------------------------------------------

my $standard = 'id text, anonymous_id text, user_id text, received_at timestamptz, uuid_ts timestamptz,'
  . ' "timestamp" timestamptz';
my $tables = <<"SQL";
CREATE SCHEMA rs;
CREATE TABLE rs.tracks ($standard, event text, event_text text, context_page_url text);
CREATE TABLE rs.order_completed ($standard, event text, event_text text, context_page_url text,
    order_id text, total numeric, currency text);
CREATE TABLE rs.pages ($standard, url text, referrer text, name text);
CREATE TABLE rs.identifies ($standard, email text, plan text);
CREATE TABLE rs.aliases ($standard, previous_id text);
CREATE TABLE rs.users (id text, received_at timestamptz, uuid_ts timestamptz, email text, plan text);
CREATE SCHEMA own;
CREATE TABLE own.keyed (id bigint PRIMARY KEY, visitor_id text, user_id text, event_time timestamptz,
    received_at timestamptz, kind text, name text, url text);
CREATE TABLE own.parts (id uuid, visitor_id text, user_id text, event_time timestamptz,
    received_at timestamptz, name text, part int) PARTITION BY LIST (part);
CREATE TABLE own.parts_1 PARTITION OF own.parts FOR VALUES IN (1);
CREATE TABLE own.parts_2 PARTITION OF own.parts FOR VALUES IN (2) PARTITION BY RANGE (event_time);
CREATE TABLE own.parts_2a PARTITION OF own.parts_2 DEFAULT;
CREATE TABLE own.bare (device text, at timestamptz, what text);
SQL

sub create_model
{
	my ($model, $options) = @_;
	return <<"SQL";
SELECT journey.create_model('$model', 'rs', '$options');
SELECT journey.add_source('$model', 'own.keyed');
SELECT journey.add_source('$model', 'own.parts', 'track');
SELECT journey.add_source('$model', 'own.bare', 'track', '{"event_id": null, "visitor_id": "device",
    "event_time": "at", "name": "what"}');
SQL
}

# ------------------------------------------------------------------------------------------------
# chance
# ------------------------------------------------------------------------------------------------

sub between { my ($low, $high) = @_; return $low + int(rand($high - $low + 1)) }
sub pick { return $_[ int rand @_ ] }
sub maybe { my ($p, $value) = @_; return rand() < $p ? $value : undef }
sub quoted { my ($v) = @_; return defined $v ? "'" . $v =~ s/'/''/gr . "'" : 'NULL' }

# Times cluster around the timeout of a session and around a day, by which copies are told.
sub time_of
{
	my ($near) = @_;
	my $minutes = between(0, 4) * 1440 + between(0, 6) * 31 + between(0, 3) * 15;
	return "'2024-03-01 00:00:00+00'::timestamptz + interval '$minutes minutes'";
}

sub visitor { return pick(map { "v$_" } 1 .. 5) }
sub user { return maybe(0.35, pick(map { "u$_" } 1 .. 4)) }
sub url { return 'https://shop.example.org/' . pick('', 'a', 'b?utm_source=x&utm_medium=cpc', 'c?gclid=G1') }

my $loads = 0;

# The values of a row of the loader's tables, of which most are in `tracks` and in their own table.
sub loader_row
{
	my ($table) = @_;
	my %row = (id => quoted(rand() < 0.04 ? undef : 'e' . between(1, 40)), anonymous_id => quoted(maybe(0.9, visitor())),
		user_id => quoted($table eq 'identifies' || $table eq 'aliases' ? pick(map { "u$_" } 1 .. 4) : user()),
		timestamp => time_of(), received_at => time_of(), uuid_ts => time_of());
	if ($table eq 'users')
	{
		%row = (id => quoted('u' . between(1, 4)), received_at => time_of(), uuid_ts => time_of());
	}
	$row{$_} = quoted(maybe(0.7, $_ eq 'email' ? 'p' . between(1, 3) . '@mail.org' : pick('free', 'paid')))
	  for $table =~ /^(identifies|users)$/ ? qw(email plan) : ();
	@row{qw(event event_text context_page_url)} = ("'order_completed'", "'Order Completed'", quoted(maybe(0.7, url())))
	  if $table eq 'tracks' || $table eq 'order_completed';
	@row{qw(order_id total currency)} = (quoted('o' . between(1, 9)), between(1, 90), quoted(maybe(0.8, 'EUR')))
	  if $table eq 'order_completed';
	@row{qw(url referrer)} = (quoted(url()), quoted(maybe(0.3, 'https://www.google.com/'))) if $table eq 'pages';
	$row{previous_id} = quoted(pick(visitor(), map { "u$_" } 1 .. 4)) if $table eq 'aliases';
	return \%row;
}

sub insert_rows
{
	my ($table, @rows) = @_;
	my @columns = sort keys %{ $rows[0] };
	return "INSERT INTO $table (" . join(', ', map { qq("$_") } @columns) . ") VALUES\n"
	  . join(",\n", map { my $r = $_; '(' . join(', ', map { $r->{$_} } @columns) . ')' } @rows) . ";\n";
}

sub keyed_row
{
	return { id => between(1, 30), visitor_id => quoted(visitor()), user_id => quoted(user()), event_time => time_of(),
		received_at => time_of(), kind => quoted(pick('page', 'track', 'screen')), name => quoted(pick('A', 'B', 'C')),
		url => quoted(maybe(0.5, url())) };
}

sub parts_row
{
	my ($part) = @_;
	return { id => quoted(sprintf '00000000-0000-0000-0000-%012d', between(1, 30)), visitor_id => quoted(visitor()),
		user_id => quoted(user()), event_time => time_of(), received_at => time_of(), name => quoted(pick('P', 'Q')),
		part => $part // between(1, 2) };
}

sub bare_row { return { device => quoted(visitor()), at => time_of(), what => quoted(pick('X', 'Y')) } }

# Some rows of a table, by chance.
sub some
{
	my ($table, $n) = @_;
	my $salt = rand();
	return "ctid IN (SELECT ctid FROM $table ORDER BY md5(ctid::text || '$salt') LIMIT $n)";
}

sub loader_table { return 'rs.' . pick(qw(tracks tracks order_completed order_completed pages identifies aliases users)) }
sub any_table { return rand() < 0.6 ? loader_table() : pick(qw(own.keyed own.parts_1 own.parts_2a own.bare)) }

# ------------------------------------------------------------------------------------------------
# operations
# ------------------------------------------------------------------------------------------------

my %operations = (
	# as the loaders do: rows are staged, those of the same id go, the last of each id comes
	upload => sub {
		my $table = loader_table();
		my ($name) = $table =~ /\.(.*)/;
		my $rows = insert_rows('staging', map { loader_row($name) } 1 .. between(1, 8));
		my @into = $name eq 'order_completed' && rand() < 0.8 ? ($table, 'rs.tracks') : ($table);
		return "BEGIN; CREATE TEMP TABLE staging (LIKE $table) ON COMMIT DROP;\n$rows"
		  . join('', map {
			my $columns = $_ eq $table ? '*' : 'id, anonymous_id, user_id, received_at, uuid_ts, "timestamp", event, event_text, context_page_url';
			my $deduped = "SELECT *, row_number() OVER (PARTITION BY id ORDER BY received_at DESC) AS n FROM staging";
			"DELETE FROM $_ AS t USING staging AS s WHERE t.id = s.id;\n"
			  . ($columns eq '*'
				? "INSERT INTO $_ SELECT " . columns_of($_) . " FROM ($deduped) AS s WHERE n = 1;\n"
				: "INSERT INTO $_ SELECT $columns FROM ($deduped) AS s WHERE n = 1;\n")
		  } @into) . "COMMIT;\n";
	},
	append => sub { my ($name) = (my $table = loader_table()) =~ /\.(.*)/; return insert_rows($table, map { loader_row($name) } 1 .. between(1, 5)) },
	copy => sub {
		return "COPY rs.pages (id, anonymous_id, received_at, uuid_ts, \"timestamp\", url) FROM STDIN;\n"
		  . join('', map { join("\t", 'e' . between(1, 40), visitor(), ('2024-03-02 10:00+00') x 2,
				sprintf('2024-03-0%d %02d:15+00', between(1, 4), between(0, 23)), url()) . "\n" } 1 .. between(1, 5)) . "\\.\n";
	},
	upsert => sub {
		my %by_id = map { $_->{id} => $_ } map { keyed_row() } 1 .. between(1, 6);
		return insert_rows('own.keyed', values %by_id) =~ s/;\n\z//r
		  . ' ON CONFLICT (id) DO UPDATE SET name = excluded.name, visitor_id = excluded.visitor_id, url = excluded.url,'
		  . " event_time = CASE WHEN excluded.name = 'A' THEN excluded.event_time ELSE keyed.event_time END;\n";
	},
	parts => sub { return insert_rows('own.parts', map { parts_row() } 1 .. between(1, 5)) },
	partition => sub {
		return insert_rows('own.parts_1', parts_row(1)) . insert_rows('own.parts_2a', parts_row(2));
	},
	move => sub { return 'UPDATE own.parts SET part = 3 - part WHERE ' . some('own.parts_1', 2) . " AND tableoid = 'own.parts_1'::regclass;\n" },
	bare => sub { return insert_rows('own.bare', map { bare_row() } 1 .. between(1, 3)) },
	content => sub {
		return pick(
			'UPDATE rs.tracks SET context_page_url = ' . quoted(maybe(0.6, url())) . ' WHERE ' . some('rs.tracks', 3),
			'UPDATE rs.order_completed SET total = NULL, currency = NULL WHERE ' . some('rs.order_completed', 2),
			"UPDATE rs.identifies SET email = 'p2\@mail.org' WHERE " . some('rs.identifies', 2),
			"UPDATE rs.users SET plan = 'gone' WHERE " . some('rs.users', 2),
			"UPDATE own.bare SET what = 'Z' WHERE " . some('own.bare', 1),
			"UPDATE own.parts SET name = 'R' WHERE part = 2 AND " . some('own.parts_2a', 2)) . ";\n";
	},
	visitor => sub { my $t = pick(qw(rs.tracks rs.pages rs.order_completed)); return "UPDATE $t SET anonymous_id = " . quoted(visitor()) . ' WHERE ' . some($t, 2) . ";\n" },
	time => sub { my $t = pick(qw(rs.tracks rs.pages rs.aliases)); return "UPDATE $t SET \"timestamp\" = " . time_of() . ' WHERE ' . some($t, 2) . ";\n" },
	id => sub { my $t = pick(qw(rs.tracks rs.pages)); return "UPDATE $t SET id = 'e" . between(1, 40) . "' WHERE " . some($t, 1) . ";\n" },
	delete => sub { my $t = any_table(); return "DELETE FROM $t WHERE " . some($t, between(1, 4)) . ";\n" },
	purge => sub { my $t = pick(qw(rs.tracks rs.pages)); return "DELETE FROM $t WHERE \"timestamp\" < '2024-03-01 12:00+00';\n" },
	truncate => sub { return rand() < 0.5 ? '' : 'TRUNCATE ' . any_table() . ";\n" },
	rollback => sub { my $t = any_table(); return "BEGIN; DELETE FROM $t; ROLLBACK;\n" },
	column => sub { return "ALTER TABLE rs.pages ADD COLUMN IF NOT EXISTS original_timestamp timestamptz;\nUPDATE rs.pages SET original_timestamp = "
		  . time_of() . ', "timestamp" = ' . pick('NULL', '"timestamp"') . ' WHERE ' . some('rs.pages', 2) . ";\n" },
	partition_new => sub { my $n = 3 + ++$loads; return "CREATE TABLE own.parts_$n PARTITION OF own.parts FOR VALUES IN ($n);\n"
		  . insert_rows("own.parts_$n", parts_row($n), parts_row($n)) },
	table_new => sub { return "CREATE TABLE IF NOT EXISTS rs.login ($standard, event text, event_text text);\n"
		  . insert_rows('rs.login', { %{ loader_row('aliases') }{qw(id anonymous_id user_id timestamp received_at uuid_ts)}, event => "'login'", event_text => "'Login'" }) },
);
my @often = (('upload') x 6, ('append') x 4, ('upsert') x 3, ('parts') x 2, ('content') x 4, ('delete') x 3, 'visitor', 'time');

my %columns;
sub columns_of
{
	my ($table) = @_;
	return $columns{$table} //= join ', ', map { qq("$_->[0]") } sql("SELECT attname FROM pg_attribute WHERE attrelid = '$table'::regclass AND attnum > 0 ORDER BY attnum");
}

# ------------------------------------------------------------------------------------------------
# histories
# ------------------------------------------------------------------------------------------------

# What differs between the model and a new one over the same sources, and what verify finds.
sub differences
{
	return sql("SELECT 'count', r::text FROM journey.refresh('a') AS r
	             WHERE rows_read <> new + duplicate + excluded + rejected OR duplicate < 0;
	SELECT 'verify', v::text FROM journey.verify('a', strict => true) AS v;
	" . create_model('b', '{}') . "
	SELECT journey.refresh('b') \\g /dev/null
	SELECT d.relation, d.side, d.\"row\" FROM laws.differences('a', 'b') AS d WHERE d.relation <> 'rejected_events';
	SELECT 'pending', count(*) FROM a._changes HAVING count(*) > 0;
	SELECT journey.drop_model('b') \\g /dev/null") ;
}

sub history
{
	my ($seed) = @_;
	srand $seed;
	$loads = 0;
	%columns = ();
	sql("SELECT journey.drop_model(model) FROM journey.models; DROP SCHEMA IF EXISTS rs, own CASCADE;\n$tables");
	my $before = join '', map { $operations{ pick(@often) }->() } 1 .. between(0, 6);
	sql($before . create_model('a', '{"capture": "trigger"' . (rand() < 0.5 ? ', "index_sources": true' : '') . '}'));
	for my $round (1 .. 6)
	{
		my $work = join '', map { $operations{ rand() < 0.7 ? pick(@often) : pick(sort keys %operations) }->() } 1 .. between(1, 8);
		sql($work);
		my @found = grep { $_->[0] =~ m{\S} } differences();
		next unless @found;
		diag("seed $seed, round $round:\n$work", map { join(' | ', @$_) . "\n" } @found[ 0 .. ($#found > 9 ? 9 : $#found) ]);
		return 0;
	}
	return 1;
}

my ($from, $to) = ($ENV{PGJ_SEEDS} // '1..12') =~ /^(\d+)\.\.(\d+)$/ or die "PGJ_SEEDS is from..to\n";
ok(history($_), "history $_: the model is what a new one is") for $from .. $to;

done_testing;
