#!/usr/bin/perl
# Forgetting: its cost follows the person, and so does that of what is delivered again; in a database whose
# encoding says nothing of the bytes in it. What is forgotten and stays so: check-laws, pgtap, tap/capture.t.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

my $database = "forget_$$";
local $Journey::database = $database;

sub create
{
	my ($encoding) = @_;
	system('createdb', '-T', 'template0', '-E', $encoding, '--locale=C', $database) == 0 or die;
	sql('SET client_min_messages = warning; CREATE EXTENSION pg_journey; CREATE SCHEMA raw;
	    CREATE TABLE raw.identifies (id text, anonymous_id text, user_id text, timestamp timestamptz, received_at timestamptz,
	        uuid_ts timestamptz);
	    CREATE INDEX ON raw.identifies (uuid_ts);');
}

# Pages that a statement touches.
sub pages
{
	my ($statement) = @_;
	my $plan = join ' ', map { $_->[0] } sql("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) $statement");
	my ($hit) = $plan =~ /"Shared Hit Blocks": (\d+)/;
	my ($read) = $plan =~ /"Shared Read Blocks": (\d+)/;
	return $hit + $read;
}

create('UTF8');
# persons with so many sessions on one device, every tenth of which is another's, and some small ones
my %person = (small => 300, large => 3000);
sql("INSERT INTO raw.identifies SELECT '$_' || n, 'd-$_', CASE WHEN n % 10 = 0 THEN 'other' ELSE '$_' END, t, t, '2026-01-01'
	FROM generate_series(1, $person{$_}) AS n CROSS JOIN LATERAL (SELECT timestamptz '2025-01-01' + n * interval '1 hour' AS t) AS x")
  for sort keys %person;
sql("INSERT INTO raw.identifies SELECT 'p' || n, 'v' || n, 'p' || n, t, t, '2026-01-01'
	FROM generate_series(1, 2000) AS n CROSS JOIN LATERAL (SELECT timestamptz '2025-01-01' + n * interval '1 hour' AS t) AS x;
	SELECT journey.create_model('web', 'raw'); SELECT journey.refresh('web')");
my %pages;
for my $name (sort { $person{$a} <=> $person{$b} } keys %person)
{
	$pages{$name} = pages("SELECT * FROM journey.forget('web', '$name')");
	note "forgetting $person{$name} events: $pages{$name} pages";
	is(value("SELECT count(*) FROM web.events WHERE user_id = '$name'"), 0, "$person{$name} events are forgotten");
}
is(value("SELECT count(*) FROM web.events WHERE user_id = 'other'"), 330, "what is another's on the device stays");
cmp_ok($pages{large}, '<', 15 * $pages{small}, 'ten times the events cost ten times as much');
my %again = map {
	sql("TRUNCATE raw.identifies");
	sql("INSERT INTO raw.identifies SELECT 'again' || $_ || '-' || n, 'd-large', CASE WHEN n % 2 = 0 THEN 'large' END, t, t, '2026-01-02'
		FROM generate_series(1, $_) AS n CROSS JOIN LATERAL (SELECT timestamptz '2025-01-01' + n * interval '1 minute' AS t) AS x");
	my $cost = pages("SELECT * FROM journey.refresh('web')");
	# but those within the sessions of the other
	is(value("SELECT rejected BETWEEN 0.85 * $_ AND $_ AND new = $_ - rejected FROM journey.refresh_log ORDER BY version DESC LIMIT 1")
		. value("SELECT count(*) FROM web.events WHERE user_id = 'large'"), 't0', "$_ rows delivered again are rejected");
	note "$cost pages";
	($_ => $cost);
} 500, 5000;
cmp_ok($again{5000}, '<', 15 * $again{500}, 'at a cost that follows their number');
is(value("SELECT count(*) FROM journey.verify('web')"), 0, 'nothing differs');
system('dropdb', $database);

create('UTF8');
sql("INSERT INTO raw.identifies SELECT 'e' || n, 'd' || n, 'ann', t, t, t FROM generate_series(1, 2) AS n, LATERAL (SELECT now() AS t) AS x;
	UPDATE raw.identifies SET timestamp = now() + interval '5 minutes' WHERE id = 'e2';
	SELECT journey.create_model('web', 'raw'); SELECT journey.refresh('web'); SELECT journey.forget('web', 'ann')");
sql("INSERT INTO raw.identifies SELECT id, anonymous_id, user_id, timestamp, received_at, clock_timestamp() FROM raw.identifies;
	INSERT INTO raw.identifies SELECT NULL, 'd3', user_id, timestamp, received_at, clock_timestamp() FROM raw.identifies WHERE id = 'e2' LIMIT 1");
is(value("SELECT new FROM journey.refresh('web')") . value('SELECT count(*) FROM web.profiles') . value("SELECT count(*) FROM journey.verify('web')"),
	'000', 'what a fast clock dated after the forgetting stays forgotten');
sql("TRUNCATE raw.identifies; INSERT INTO raw.identifies SELECT x.id, 'd', 'bob', x.at, NULL, NULL
		FROM (VALUES ('f1', now()), ('f2', '290000-01-01'), (NULL, '280000-01-01')) AS x (id, at);
	SELECT journey.refresh('web'); SELECT journey.forget('web', 'bob');
	UPDATE raw.identifies SET received_at = NULL;
	INSERT INTO raw.identifies SELECT x.*, NULL, NULL FROM (VALUES ('f3', 'd2', 'bob', now() + interval '3 days'),
		('f4', 'd', NULL, now() + interval '3 days'), (NULL, 'd', NULL, '280000-01-01')) AS x");
is(value("SELECT new || ' ' || rejected FROM journey.refresh('web')") . value("SELECT string_agg(event_id, ' ' ORDER BY event_id) FROM web.events"), '2 4f3 f4',
	'a clock that was wrong by ages keeps neither the user nor the device out until then');
is(value("SELECT count(*) FROM journey.verify('web')"), 0, 'nothing differs');
system('dropdb', $database);

# rows that are rejected anyway, one as text that jsonb cannot hold; copies that a fast clock dated
create('UTF8');
sql(q{ALTER TABLE raw.identifies ADD extra json, ADD email text;
	INSERT INTO raw.identifies SELECT x.id, 'd' || length(x.user_id), x.user_id, x.at, x.received_at, now(), x.extra::json, x.user_id || '@a.test' FROM (VALUES
		('1', 'ann', timestamptz '2025-01-01', timestamptz '2025-01-01', '{}'), ('2', 'ann', '2025-01-01', '2025-01-01', '"\u0000"'),
		('3', 'ann', '2290-01-01', '2025-01-01', '{}'), ('4', 'ann', NULL, NULL, '{}'), ('5', '42', '2025-01-01', '2025-01-01', '"\u0000"'),
		('c1', 'ann', now() + interval '10 min', now() - interval '1 hour', '{}'), ('c1', 'ann', now() - interval '1 min', now(), '{}')
		) AS x (id, user_id, at, received_at, extra);
	SELECT journey.create_model('web', 'raw'); SELECT journey.refresh('web'); SELECT journey.forget('web', 'ann')});
is(value(q{SELECT string_agg(substring("row" ->> 'raw' FROM '"user_id":"([^"]*)"'), ' ') FROM web.rejected_events}), '42',
	'rejected rows do not tell of who is forgotten; those of others stay');
sql("UPDATE raw.identifies SET uuid_ts = clock_timestamp(); INSERT INTO raw.identifies VALUES ('6', 'd', 'ann', now() + interval '12 hours', NULL, clock_timestamp(), '\"\\u0000\"')");
sql("SELECT journey.refresh('web')");
is(value(q{SELECT string_agg(reason, ', ' ORDER BY reason) FROM web.rejected_events}), 'extra is no jsonb, extra is no jsonb, extra is no jsonb, forgotten',
	'delivered again they are rejected without their content, but for what is dated after');
is(value(q{SELECT count(*) FROM web.events WHERE user_id = 'ann'}), 0, 'and copies with another time are');
# times far ahead, of rows that do not tell when they arrived
my %far = map {
	sql("INSERT INTO raw.identifies SELECT '$_-' || n, 'd$_', 'u$_', '2290-01-01'::timestamptz + n * interval '1 day', NULL, NULL
		FROM generate_series(1, $_) AS n; SELECT journey.refresh('web'); SELECT journey.forget('web', 'u$_');
		UPDATE raw.identifies SET received_at = NULL WHERE id LIKE '$_-%'");
	my $cost = pages("SELECT * FROM journey.refresh('web')");
	note "$cost pages";
	($_ => $cost);
} 200, 2000;
cmp_ok($far{2000}, '<', 15 * $far{200}, 'times far ahead that are forgotten one by one cost what their number says');
is(value("SELECT count(*) FROM web.events"), 0, 'and are forgotten');
system('dropdb', $database);

create('SQL_ASCII');
sql("INSERT INTO raw.identifies SELECT 'e' || n, 'd' || n, CASE n WHEN 1 THEN E'm\\xfcller' ELSE 'ann' END, '2025-01-01', '2025-01-01', '2025-01-01'
	FROM generate_series(1, 2) AS n;
	SELECT journey.create_model('web', 'raw'); SELECT journey.refresh('web')");
is(value("SELECT visitors || ' ' || events || ' ' || profiles FROM journey.forget('web', E'm\\xfcller')"), '1 1 1', 'an id in unknown encoding');
sql("INSERT INTO raw.identifies SELECT 'later', 'd3', user_id, timestamp, received_at, uuid_ts FROM raw.identifies WHERE id = 'e1'");
is(value("SELECT new || ' ' || rejected FROM journey.refresh('web')"), '0 1', 'stays forgotten');
is(value("SELECT string_agg(person_id, ' ') || (SELECT count(*) FROM journey.verify('web')) FROM web.profiles"), 'user:ann0', 'nobody else is');
system('dropdb', $database);

# an address that is a user's id, and a person beside, since others have it too: of events that name no user, and of a
# CRM's rows
create('UTF8');
sql(q{ALTER TABLE raw.identifies ADD email text;
	INSERT INTO raw.identifies (id, anonymous_id, user_id, timestamp, uuid_ts, email) VALUES ('i1', 'd1', 'ann@x.net', '2026-01-01', '2026-01-01', NULL),
	    ('i2', 'd2', NULL, '2026-01-02', '2026-01-01', 'Ann@x.net'), ('i3', 'd3', 'bob', '2026-01-02', '2026-01-01', 'bob@x.net'),
	    ('i4', 'd4', 'cy', '2026-01-02', '2026-01-01', 'ann@x.net'), ('i5', 'd5', 'di', '2026-01-02', '2026-01-01', 'ann@x.net');
	CREATE TABLE leads (id text, email text, at timestamptz); INSERT INTO leads VALUES ('1', 'ann@x.net', '2026-01-03'), ('2', 'bob@x.net', '2026-01-03');
	SELECT journey.create_model('web', 'raw');
	SELECT journey.add_source('web', 'leads', 'conversion', '{"converted_at": "at"}', '{"name": "MQL"}'); SELECT journey.refresh('web')});
is(value("SELECT string_agg(person_id, ' ' ORDER BY person_id) FROM web.profiles"), 'email:ann@x.net user:ann@x.net user:bob user:cy user:di', 'an address that is two persons');
is(value("SELECT events || ' ' || profiles FROM journey.forget('web', 'ann\@x.net')"), '2 2', 'both are forgotten at once');
is(value("SELECT string_agg(conversion_id, ' ') || (SELECT string_agg(person_id, ' ' ORDER BY person_id) FROM web.profiles) FROM web.conversions"), 'MQL:2user:bob user:cy user:di', 'with the rows of the CRM');
sql("SELECT journey.refresh('web', since => '-infinity')");
is(value("SELECT string_agg(conversion_id, ' ') || (SELECT string_agg(person_id, ' ' ORDER BY person_id) FROM web.profiles) FROM web.conversions"), 'MQL:2user:bob user:cy user:di', 'for good');
system('dropdb', $database);
done_testing();
