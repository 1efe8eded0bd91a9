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
SELECT journey.add_source('$model', 'own.keyed', NULL, '{}', '{"id_space": "loader"}');
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
	my %row = (id => quoted(rand() < 0.04 ? undef : pick('e', 'e', '') . between(1, 30)), anonymous_id => quoted(maybe(0.9, visitor())),
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

# who is in for a while, for ever, and by the profile
my $segments = '"segments": {"lately": {"kind": "page", "last": "6 hours"}, "quiet": {"not": {"event": "*", "last": "1 day"}},'
  . ' "paid": {"any": [{"profile": {"traits.plan": "paid"}}, {"event": "Order Completed", "at_least": 2}]},'
  . ' "came": {"all": [{"funnel": ["kind:page", "*"], "within": "1 hour"}, {"event": "*", "at_most": 6}]}}';

# What differs between the model and a new one over the same sources, and what verify finds.
sub differences
{
	return sql("SELECT 'count', r::text FROM journey.refresh('a') AS r
	             WHERE rows_read <> new + duplicate + excluded + rejected OR duplicate < 0;
	SELECT 'verify', v::text FROM journey.verify('a', strict => true) AS v;
	" . create_model('b', "{$segments}") . "
	SELECT journey.refresh('b') \\g /dev/null
	SELECT d.relation, d.side, d.\"row\" FROM laws.differences('a', 'b') AS d WHERE d.relation <> 'rejected_events';
	SELECT 'pending', count(*) FROM a_store._changes HAVING count(*) > 0;
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
	sql($before . create_model('a', '{"capture": "trigger", ' . $segments . (rand() < 0.5 ? ', "index_sources": true' : '') . '}'));
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

my ($from, $to) = ($ENV{PGJ_SEEDS} // '1..4') =~ /^(\d+)\.\.(\d+)$/ or die "PGJ_SEEDS is from..to\n";
ok(history($_), "history $_: the model is what a new one is") for $from .. $to;

# ------------------------------------------------------------------------------------------------
# what has no chance
# ------------------------------------------------------------------------------------------------

# All that a script prints, messages too.
sub says
{
	my ($script) = @_;
	my $file = File::Temp->new;
	print $file $script;
	close $file;
	my $text = do { local $ENV{PGOPTIONS} = '-c timezone=UTC'; my $name = $file->filename; `psql -qXAt -v VERBOSITY=default -f $name 2>&1` };
	$text =~ s/^psql:\S+ //mg;
	$text =~ s/^\s*\n//mg;
	return $text;
}

sub ids { return join ' ', map { $_->[0] } sql("SELECT event_id FROM $_[0].events ORDER BY event_id COLLATE \"C\"") }
sub refresh { return value("SELECT rows_read || ' ' || new || ' ' || duplicate FROM journey.refresh('$_[0]')") }
sub verified { return scalar grep { $_->[0] =~ /\S/ } sql("SELECT v::text FROM journey.verify('$_[0]', strict => true) AS v") }
sub triggers { return value("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = '$_[0]'::regclass") }

my $event = q{(id, anonymous_id, event, "timestamp", received_at, uuid_ts) SELECT x, 'v', 'a', '2024-01-01', '2024-01-01', '2024-01-01' FROM unnest(ARRAY};
sql("SELECT journey.drop_model(model) FROM journey.models; DROP SCHEMA IF EXISTS rs, own CASCADE;\n$tables
	CREATE ROLE capture_loader; CREATE ROLE capture_owner;
	DO \$\$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO capture_owner', current_database()); END \$\$;
	ALTER SCHEMA rs OWNER TO capture_loader;
	ALTER TABLE rs.tracks OWNER TO capture_loader; ALTER TABLE rs.pages OWNER TO capture_loader;
	DROP TABLE rs.order_completed, rs.identifies, rs.aliases, rs.users;
	GRANT USAGE ON SCHEMA journey, rs TO capture_owner; GRANT SELECT ON rs.tracks, rs.pages TO capture_owner");

# rights
like(says(q{SET ROLE capture_owner; SELECT journey.create_model('p', 'rs', '{"capture": "trigger"}')}),
	qr/ERROR:  changes of rs.pages, rs.tracks cannot be captured: permission denied\nHINT:  GRANT SELECT, TRIGGER ON rs.pages, rs.tracks TO capture_owner;/,
	'without the right to make triggers there is no model, and a hint with the statement');
sql(q{GRANT TRIGGER ON rs.tracks, rs.pages TO capture_owner; SET ROLE capture_owner;
	SELECT journey.create_model('p', 'rs', '{"capture": "trigger"}') \g /dev/null});
is(triggers('rs.tracks'), 4, 'with it a table has four triggers');
sql("SET ROLE capture_loader; INSERT INTO rs.tracks ${event}['a','b','c']) AS x");
is(refresh('p'), '3 3 0', 'a loader that has no right on the model writes');
sql("SET ROLE capture_loader; DELETE FROM rs.tracks WHERE id IN ('a', 'b'); INSERT INTO rs.tracks ${event}['b']) AS x");
is(refresh('p') . ' ' . ids('p'), '1 0 1 b c', 'and deletes; what comes again is no new event');
like(says(q{SET ROLE capture_loader; TABLE p_store._changes}), qr/permission denied/, 'but cannot read what is noted');
like(says(q{CREATE TABLE public.mine (id text); ALTER TABLE public.mine OWNER TO capture_loader; SET ROLE capture_loader;
	CREATE TRIGGER t AFTER INSERT ON public.mine FOR EACH STATEMENT EXECUTE FUNCTION p_store._note_changes()}),
	qr/permission denied/, 'nor make a trigger of its own that notes');
like(says("SET ROLE capture_loader; CREATE TABLE rs.login (LIKE rs.tracks); INSERT INTO rs.login ${event}['l']) AS x;
	GRANT SELECT ON rs.login TO capture_owner; RESET ROLE; SELECT new FROM journey.refresh('p')"),
	qr/WARNING:  changes of rs.login cannot be captured: permission denied\nDETAIL:  .*\nHINT:  GRANT SELECT, TRIGGER ON rs.login TO capture_owner;\n.*load time.*\n.*\n1\n/,
	'a new table on which it may make none is read by its load time, with a warning');
sql('GRANT TRIGGER ON rs.login TO capture_owner');
is(refresh('p') . ' ' . triggers('rs.login'), '1 0 1 4', 'as soon as it may the table is read whole, and captured');
sql('DELETE FROM rs.login');
is(refresh('p') . ' ' . ids('p'), '0 0 0 b c', 'and what goes from it goes');

# noted and not yet read; a rebuild
sql("DELETE FROM rs.tracks WHERE id = 'b'; INSERT INTO rs.tracks ${event}['d']) AS x");
is(verified('p'), 0, 'what is noted is no difference yet');
sql(q{SELECT journey.rebuild('p', from_sources => true, force => true) \g /dev/null});
is(ids('p') . ' ' . value('SELECT count(*) FROM p_store._changes') . ' ' . verified('p'), 'c d 0 0', 'a rebuild from the sources takes it');

# one snapshot
sql("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 \\g /dev/null\nINSERT INTO rs.tracks ${event}['e']) AS x;
	SELECT journey.refresh('p') \\g /dev/null\nCOMMIT");
is(ids('p') . ' ' . verified('p'), 'c d e 0', 'a refresh at REPEATABLE READ');

# triggers that someone drops or disables; tables made anew
sql("ALTER TABLE rs.tracks DISABLE TRIGGER USER; INSERT INTO rs.tracks ${event}['f']) AS x");
is(refresh('p') . ' ' . ids('p'), '4 1 3 c d e f', 'a table whose triggers were disabled is read whole');
is(value("SELECT count(*) FROM pg_trigger WHERE tgrelid = 'rs.tracks'::regclass AND tgenabled = 'O'"), 4, 'and they are made anew');
sql("CREATE TABLE rs.copy (LIKE rs.tracks); INSERT INTO rs.copy ${event}['g']) AS x; GRANT SELECT, TRIGGER ON rs.copy TO capture_owner;
	DROP TABLE rs.tracks; ALTER TABLE rs.copy RENAME TO tracks");
is(refresh('p') . ' ' . ids('p'), '1 1 0 c d e f g', 'a table made anew is read whole; what went with the old one stays');

# old rows that were noted whole, and whose columns change before they are read
sql("INSERT INTO rs.tracks (anonymous_id, received_at, event) VALUES ('nobody', '2024-01-01', 'keyless')");
refresh('p');
sql("DELETE FROM rs.tracks WHERE anonymous_id = 'nobody'; CREATE DOMAIN rs.said AS text NOT NULL;
	ALTER TABLE rs.tracks ADD extra rs.said DEFAULT 'x', ADD plan text DEFAULT 'gold'");
is(value("SELECT count(*) FROM journey.refresh('p')") . ' ' . ids('p'), '1 c d e f g', 'a domain that an old row does not meet');
sql("INSERT INTO rs.tracks (anonymous_id, received_at, event, plan) VALUES ('nobody', '2024-01-01', 'keyless', '7')");
refresh('p');
sql("UPDATE rs.tracks SET plan = 'gold' WHERE id IS NULL; UPDATE rs.tracks SET plan = '8';
	ALTER TABLE rs.tracks ALTER plan DROP DEFAULT, ALTER plan TYPE integer USING plan::integer");
is(value("SELECT count(*) FROM journey.refresh('p')"), 1, 'a value that the type of today cannot hold');
sql('ALTER TABLE rs.tracks DROP plan; DELETE FROM rs.tracks WHERE id IS NULL');
refresh('p');
sql('ALTER TABLE rs.tracks DROP extra');
refresh('p');
is(ids('p'), 'c d e f g', 'they go all the same');
sql(q{CREATE SCHEMA elsewhere; CREATE TYPE elsewhere.plan AS ENUM ('gold');
	CREATE FUNCTION elsewhere.check_it(text) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN
		IF current_user = 'capture_owner' THEN RAISE 'runs as another'; END IF; RETURN true; END$$;
	CREATE DOMAIN elsewhere.checked AS text CHECK (elsewhere.check_it(VALUE));
	ALTER TABLE rs.tracks ADD plan elsewhere.plan, ADD doc json, ADD query text, ADD tags elsewhere.checked[], ADD space regnamespace;
	INSERT INTO rs.tracks (anonymous_id, received_at, event, plan, query, tags, space)
		VALUES ('nobody', '2024-01-01', 'keyless', 'gold', 'a b', '{a}', 'elsewhere');
	INSERT INTO rs.tracks (anonymous_id, received_at, event, doc) VALUES ('nobody', '2024-01-02', 'unreadable', '{"a": "\u0000"}')});
like(refresh('p'), qr/^2 1 0/, 'a type in a schema that the owner of the model may not use is read');
sql('DELETE FROM rs.tracks WHERE id IS NULL; ALTER TABLE rs.tracks ALTER query TYPE tsquery USING query::tsquery; ALTER SCHEMA elsewhere RENAME TO there');
refresh('p');
is(ids('p'), 'c d e f g', 'and goes, as does JSON that cannot be taken apart, what is an error of syntax now, and a domain in an array');
sql('ALTER TABLE rs.tracks DROP doc, DROP query, DROP plan, DROP tags, DROP space; DROP SCHEMA there CASCADE');
refresh('p');

# a row at the end of time was rejected, and goes
sql("INSERT INTO rs.tracks (id, anonymous_id, received_at, event) VALUES ('end', 'nobody', '294276-12-31 12:00', 'x')");
like(refresh('p'), qr/^1 0/, 'a row at the end of time is rejected');
sql("DELETE FROM rs.tracks WHERE id = 'end'");
refresh('p');
is(ids('p'), 'c d e f g', 'and it goes');

# a partition that is detached, changed, and attached again
sql(q{CREATE TABLE rs_parts (id text, visitor_id text, event_time timestamptz, received_at timestamptz DEFAULT now(), p int) PARTITION BY LIST (p);
	CREATE TABLE rs_parts_1 PARTITION OF rs_parts FOR VALUES IN (1);
	CREATE TABLE rs_parts_2 PARTITION OF rs_parts FOR VALUES IN (2);
	INSERT INTO rs_parts VALUES ('a', 'v', '2024-01-01', now(), 1), ('b', 'v', '2024-01-01', now(), 2);
	SELECT journey.create_model('parts', NULL, '{"capture": "trigger"}'), journey.add_source('parts', 'rs_parts', 'track') \g /dev/null});
refresh('parts');
sql("ALTER TABLE rs_parts DETACH PARTITION rs_parts_2; INSERT INTO rs_parts_2 VALUES ('c', 'v', '2024-01-02', now(), 2);
	UPDATE rs_parts_2 SET visitor_id = 'w' WHERE id = 'b'");
refresh('parts');
is(ids('parts'), 'a', 'what a detached partition held goes as it changes');
sql('ALTER TABLE rs_parts ATTACH PARTITION rs_parts_2 FOR VALUES IN (2)');
refresh('parts');
is(ids('parts') . ' ' . verified('parts'), 'a b c 0', 'attached again it is read whole');
sql('ALTER TABLE rs_parts_2 ENABLE ROW LEVEL SECURITY; ALTER TABLE rs_parts_2 RENAME TO rs_parts_two');
refresh('parts');
sql('TRUNCATE rs_parts_two');
refresh('parts');
is(ids('parts') . ' ' . verified('parts'), 'a 0', 'a TRUNCATE of a partition of another name, with policies, is noted');
sql(q{CREATE TABLE rs_bytes (id bytea, visitor_id text, event_time timestamptz, received_at timestamptz DEFAULT '2024-01-01');
	SELECT journey.add_source('parts', 'rs_bytes', 'track') \g /dev/null});
refresh('parts');
sql(q{SET bytea_output = escape; INSERT INTO rs_bytes VALUES ('\xff', 'v', '2024-01-01')});
refresh('parts');
is(ids('parts'), 'a public.rs_bytes:\xff', 'settings of the writer do not change a key');
sql("DELETE FROM rs_bytes; INSERT INTO rs_bytes VALUES (NULL, 'v', '2024-01-01'); DELETE FROM rs_bytes;
	ALTER TABLE rs_bytes DROP id, DROP visitor_id, DROP event_time, DROP received_at");
is(value("SELECT count(*) FROM journey.refresh('parts')"), 1, 'a table that lost all columns');
sql('DROP TABLE rs_bytes');
sql(q{SELECT journey.drop_model('parts') \g /dev/null} . "\nDROP TABLE rs_parts");

# switching
is(value(q{SELECT journey.set_options('p', '{"ignore_deletes": true}')}) . ' ' . triggers('rs.tracks'),
	'no rebuild is due 2', 'ignore_deletes: two triggers are left');
sql("UPDATE rs.tracks SET event = 'b'; DELETE FROM rs.pages; TRUNCATE rs.login");
is(refresh('p'), '1 0 1', 'updates are followed');
sql('TRUNCATE rs.tracks');
is(refresh('p') . ' ' . ids('p'), '0 0 0 c d e f g', 'deletes are not');
sql("INSERT INTO rs.tracks ${event}['h']) AS x");
sql(q{SELECT journey.set_options('p', '{"capture": "refresh"}') \g /dev/null});
is(triggers('rs.tracks') . value(q{SELECT count(*) FROM pg_proc WHERE proname = '_note_changes'}), '00', 'switched off: no trigger is left');
is(refresh('p') . ' ' . ids('p'), '1 1 0 c d e f g h', 'and what was noted is read');
sql("INSERT INTO rs.tracks ${event}['i']) AS x");
sql(q{SELECT journey.set_options('p', '{"capture": "trigger", "ignore_deletes": null}') \g /dev/null});
sql("DELETE FROM rs.tracks WHERE id = 'h'");
is(refresh('p') . ' ' . ids('p'), '1 1 0 c d e f g i', 'switched on: all is read once; what was lost before stays');

# dump and restore
my $copy = "$ENV{PGDATABASE}_copy";
system("createdb $copy && pg_dump -Fc -f $ENV{PGJ_WORK}/capture.dump && pg_restore -d $copy $ENV{PGJ_WORK}/capture.dump") == 0 or die;
{
	local $Journey::database = $copy;
	sql("INSERT INTO rs.tracks ${event}['j']) AS x; DELETE FROM rs.tracks WHERE id = 'i'");
	is(refresh('p') . ' ' . ids('p'), '1 1 0 c d e f g j', 'after a restore capture goes on');
}
system('dropdb', $copy);

# forget
sql("UPDATE rs.tracks SET user_id = 'u1' WHERE id = 'i'");
refresh('p');
sql(q{SELECT journey.forget('p', 'u1') \g /dev/null} . "\nDELETE FROM rs.tracks WHERE id = 'i'; INSERT INTO rs.tracks ${event}['i']) AS x");
refresh('p');
unlike(ids('p'), qr/i/, 'who is forgotten stays so');

# kinds of sources
like(says(q{CREATE SCHEMA "Own"; CREATE TABLE "Own"."My Events" ("Id" int, "Who" varchar(20), "When" timestamp, "the name" text);
	CREATE VIEW "Own".seen AS SELECT 'x' AS id, 'v' AS visitor_id, timestamptz '2024-01-01' AS event_time;
	SELECT journey.create_model('q', NULL, '{"capture": "trigger", "index_sources": true}');
	SELECT journey.add_source('q', '"Own"."My Events"', 'track', '{"event_id": "Id", "visitor_id": "Who", "event_time": "When", "name": "the name"}');
	SELECT journey.add_source('q', '"Own".seen')}),
	qr/\ANOTICE:  changes of "Own".seen are not captured: a view or foreign table has no triggers\nDETAIL:  .*\n\z/, 'a view is not captured');
sql(q{INSERT INTO "Own"."My Events" VALUES (1, 'a', '2024-01-01 10:00', 'x'), (2, 'a', '2024-01-01 10:01', 'y')});
is(refresh('q'), '3 3 0', 'names in quotes');
sql(q{UPDATE "Own"."My Events" SET "the name" = 'z' WHERE "Id" = 1; DELETE FROM "Own"."My Events" WHERE "Id" = 2});
refresh('q');
is(value('SELECT string_agg(event_id || coalesce(name, \'\'), \' \' ORDER BY event_id COLLATE "C" DESC) FROM q.events') . ' ' . verified('q'),
	'1z "Own".seen:x 0', 'their rows change and go');
is(value(q{SELECT count(*) FROM pg_indexes WHERE schemaname = 'Own' AND indexdef LIKE '%("Id")'}), 1, 'index_sources: the id is indexed');

# history 50 found it: of a session in several segments the last may have passive events alone
sql(q{CREATE TABLE "Own".many (id int, visitor_id text, event_time timestamptz, kind text, user_id text);
	INSERT INTO "Own".many SELECT n, 'm', '2024-01-01'::timestamptz + n * interval '1 s', CASE WHEN n > 256 THEN 'identify' ELSE 'track' END,
		CASE WHEN n > 256 THEN 'u' END FROM generate_series(1, 257) AS n;
	SELECT journey.add_source('q', '"Own".many') \g /dev/null});
refresh('q');
is(value(q{SELECT ended_at || ' ' || events FROM q.sessions WHERE visitor_id = 'm'}), '2024-01-01 00:04:16+00 257', 'a session ends with its last active event');

# history 1362 found it: the later events of a session lie in a segment of their own, and joined the first ones
# when all was read again; where the visitor has an alias too
sql(q{CREATE TABLE "Own".keys (id int, visitor_id text, event_time timestamptz, kind text, session_key text, user_id text, previous_id text);
	INSERT INTO "Own".keys VALUES (1, 'v', '2024-01-01', 'page', 's', NULL, NULL), (2, 'v', '2024-01-02', 'identify', NULL, NULL, NULL),
		(3, 'w', '2024-01-01', 'page', 's', 'b', NULL), (4, 'w', '2024-01-02', 'alias', NULL, 'b', 'a');
	SELECT journey.create_model('k', NULL, '{"session_key": true, "capture": "trigger"}') \g /dev/null
	SELECT journey.add_source('k', '"Own".keys') \g /dev/null});
refresh('k');
sql(q{INSERT INTO "Own".keys VALUES (5, 'v', '2024-01-02 00:01', 'page', 's', NULL, NULL), (6, 'w', '2024-01-02 00:01', 'page', 's', NULL, NULL)});
refresh('k');
my $segments = q{SELECT string_agg(visitor_id || ' ' || first_event_id || ' ' || xmin, ', ' ORDER BY visitor_id, started_at) FROM k_store._segments};
my $stored = value($segments);
like($stored, qr/^v 1 \d+, v 2 \d+, w 3 \d+, w 4 \d+$/, 'a session in two segments');
is(value(q{SELECT sessions_changed FROM journey.refresh('k', since => '-infinity')}), 0, 'stays as it is when it is read again');
is(value($segments), $stored, 'and is not written');

sql(q{SELECT journey.drop_model('p'); SELECT journey.drop_model('q'); SELECT journey.drop_model('k')});
is(triggers('rs.tracks') . triggers('"Own"."My Events"'), '00', 'a model that is dropped leaves no trigger');
sql('DROP OWNED BY capture_owner, capture_loader CASCADE; DROP ROLE capture_owner, capture_loader');

done_testing;
