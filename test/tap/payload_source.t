#!/usr/bin/perl
# Sources of kind "payload": what is read of which columns, what cannot be read, what changes, and the ways in which
# payloads land in a table.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Temp qw(tempdir);
use JSON::PP;
use Journey;
use Test::More;

$ENV{PGOPTIONS} = '-c client_min_messages=warning -c timezone=UTC';
sql('CREATE EXTENSION IF NOT EXISTS pg_journey; CREATE SCHEMA raw');
my $json = JSON::PP->new->canonical;
my $day = '2026-09-01T';

sub event { my ($id, %more) = @_; $json->encode({ type => 'track', event => 'Seen', messageId => $id, anonymousId => 'a', timestamp => "${day}10:00:00Z", %more }) }
sub quoted { my ($s) = @_; $s =~ s/'/''/g; return "'$s'" }
sub model { my ($name, $table, $columns, $options) = @_; $options //= '{}';
	sql("SELECT journey.create_model('$name', NULL, '$options'); SELECT journey.add_source('$name', '$table', 'payload', '$columns')") }
sub refresh { my ($name) = @_; my ($row) = sql("SELECT rows_read, new, duplicate, excluded, rejected FROM journey.refresh('$name')"); "@$row" }
sub fails { my ($name, $sql, $like) = @_;
	my ($row) = sql(q{CREATE OR REPLACE FUNCTION pg_temp.try(s text) RETURNS text LANGUAGE plpgsql AS $$
		DECLARE hint text; BEGIN EXECUTE s; RETURN 'no error'; EXCEPTION WHEN others THEN GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT; RETURN SQLSTATE || ' ' || SQLERRM || ' ' || hint; END$$;}
		. 'SELECT pg_temp.try(' . quoted($sql) . ')');
	like($row->[0], $like, $name) }

# one event and a batch, in every type
my @payloads = (event('m1', properties => { price => 1.5, text => "quote ' back \\ tab \t" }), '{"batch": [' . event('m2') . ',' . event('m3', userId => 7) . ']}');
for my $type ('text', 'varchar', 'json', 'jsonb', 'bytea', 'raw.body')
{
	my $name = $type =~ s/\W/_/r;
	sql('CREATE DOMAIN raw.body AS jsonb CHECK (value IS NOT NULL)') if $type eq 'raw.body';
	sql("CREATE TABLE raw.t_$name (body $type, at timestamptz DEFAULT '2026-09-02')");
	sql("INSERT INTO raw.t_$name (body) VALUES (" . ($type eq 'bytea' ? 'convert_to(' . quoted($_) . ", 'UTF8')" : quoted($_)) . ')') for @payloads;
	model("m_$name", "raw.t_$name", '{"payload": "body", "loaded_at": "at"}');
	is(refresh("m_$name"), '3 3 0 0 0', "$type: read");
	is(value("SELECT string_agg(concat_ws('|', event_id, visitor_id, user_id, properties ->> 'price', event_time), ' ' ORDER BY event_id) FROM m_$name.events"),
		'm1|a|1.5|2026-09-01 10:00:00+00 m2|a|2026-09-01 10:00:00+00 m3|a|7|2026-09-01 10:00:00+00', "$type: events");
	is(refresh("m_$name"), '0 0 0 0 0', "$type: new rows only");
}

# what cannot be read
sql("CREATE TABLE raw.bad (k int, body bytea, at timestamptz DEFAULT '2026-09-02')");
sql("INSERT INTO raw.bad VALUES (1, convert_to(" . quoted('[' . event('b1') . ', {"type": "page"}, ' . event('b2', timestamp => 'x') . ']') . ", 'UTF8')),
	(2, '\\x1f8b0800'), (3, '\\xff'), (4, NULL), (5, ''), (6, convert_to(repeat('[', 100000), 'UTF8')),
	(7, convert_to('{\"a\": 1' || chr(10) || " . quoted(event('b3')) . ", 'UTF8')), (8, '[]'), (9, convert_to('{\"batch\": []}', 'UTF8'))");
model('bad', 'raw.bad', '{"payload": "body", "loaded_at": "at", "key": "k"}');
is(refresh('bad'), '10 2 0 0 8', 'an event of a batch counts, and an unreadable row as one');
is_deeply([ map { join '|', @$_ } sql("SELECT row_key, position, split_part(reason, ':', 1), left(coalesce(row ->> 'payload', row ->> 'kind'), 20) FROM bad.rejected_events ORDER BY row_key, position") ],
	[ '1|2|no_time at byte ' . (length(event('b1')) + 3) . '|{"type": "page"}', '1|3|no_time at byte ' . (length(event('b1')) + 21) . '|{"anonymousId":"a","', '2|1|gzip at byte 0|\x1f8b0800', '3|1|encoding at byte 0|\xff',
	  '4|1|empty at byte 0|', '5|1|empty at byte 0|', '6|1|too_deep at byte 256|[[[[[[[[[[[[[[[[[[[[', '7|1|truncated at byte 7|{"a": 1' ]
	=> 'each with its key, place, reason and content');
is(refresh('bad'), '0 0 0 0 0', 'once');
sql("INSERT INTO raw.bad SELECT 10, convert_to('{\"type\": \"page\", \"x\": \"' || repeat('a', 68000000) || '\"}', 'UTF8'), '2026-09-03'");
is(refresh('bad'), '1 0 0 0 1', 'too large');
is(value("SELECT reason || ' ' || coalesce(length(row ->> 'payload'), 0) FROM bad.rejected_events WHERE row_key = '10'"), 'too_large at byte 0: it is longer than 64 MB 0', 'not even looked at');
is(value("SELECT count(*) FROM journey.verify('bad', true)"), 0, 'nothing differs');

# taken up after a fix or a changed option; what is gone stays listed
sql("UPDATE raw.bad SET body = convert_to(" . quoted(event('b4')) . ", 'UTF8') WHERE k = 3; DELETE FROM raw.bad WHERE k = 2");
my ($retried) = sql("SELECT * FROM journey.retry_rejected('bad')");
is("@$retried", '9 1', 'retried');
is(value("SELECT string_agg(row_key || '/' || position, ' ' ORDER BY row_key, position) FROM bad.rejected_events"), '1/2 1/3 10/1 2/1 4/1 5/1 6/1 7/1', 'what is left of them');
is(value("SELECT string_agg(event_id, ' ' ORDER BY event_id) FROM bad.events"), 'b1 b3 b4', 'events');
sql("CREATE TABLE raw.old (body text, at timestamptz DEFAULT '2026-09-02'); INSERT INTO raw.old (body) VALUES (" . quoted(event('o1', timestamp => '1999-01-01T00:00:00Z')) . ")");
sql("CREATE TABLE raw.own (event_id text, visitor_id text, event_time text, loaded_at timestamptz DEFAULT '2026-09-02'); INSERT INTO raw.own VALUES ('x1', 'v', 'never')");
model('old', 'raw.old', '{"payload": "body", "loaded_at": "at"}');
sql("SELECT journey.add_source('old', 'raw.own')");
is(refresh('old'), '2 0 0 0 2', 'before earliest');
sql("SELECT journey.set_options('old', '{\"earliest\": \"1990-01-01\"}'); UPDATE raw.own SET event_time = '2026-09-01'");
($retried) = sql("SELECT * FROM journey.retry_rejected('old')");
is("@$retried", '2 1', 'a changed option; an own row that changed is another');
is(value("SELECT string_agg(event_id, ' ' ORDER BY event_id) || (SELECT count(*) FROM old.rejected_events) FROM old.events"), 'o1 public.own:x1 1' =~ s/public.own:x1 1/raw.own:x11/r, 'both are events');
($retried) = sql("SELECT * FROM journey.retry_rejected('m_text')");
is("@$retried", '0 0', 'nothing to retry');

# since; a form; an id space
sql("CREATE TABLE raw.wire (body text, got timestamptz)");
sql("INSERT INTO raw.wire VALUES (" . quoted(event('w1', timestamp => "${day}09:00:00Z", sentAt => "${day}09:00:10Z", receivedAt => '2020-01-01T00:00:00Z')) . ", '2026-09-01 10:00:10')");
sql("SELECT journey.create_model('wire'); SELECT journey.add_source('wire', 'raw.wire', 'payload', '{\"payload\": \"body\", \"received_at\": \"got\", \"loaded_at\": \"got\"}', '{\"form\": \"wire\", \"id_space\": \"mine\"}')");
is(refresh('wire'), '1 1 0 0 0', 'wire form');
is(value("SELECT event_time FROM wire.events"), '2026-09-01 10:00:00+00', "the client's clock is corrected by the receipt");
my ($since) = sql("SELECT rows_read, duplicate FROM journey.refresh('wire', since => '2026-09-01')");
is("@$since", '1 1', 'since reads again what was loaded since');

# a message id of the loader's tables is the same event
sql("CREATE SCHEMA rs; CREATE TABLE rs.tracks (id text, anonymous_id text, received_at timestamptz, \"timestamp\" timestamptz, event text, event_text text);
	INSERT INTO rs.tracks VALUES ('m1', 'a', '2026-09-02', '2026-09-01 10:00', 'seen', 'Seen'), ('m9', 'a', '2026-09-02', '2026-09-01 10:00', 'seen', 'Seen');
	SELECT journey.create_model('both', 'rs'); SELECT journey.add_source('both', 'raw.t_text', 'payload', '{\"payload\": \"body\", \"loaded_at\": \"at\"}')");
is(refresh('both'), '5 4 1 0 0', "a payload that is in the loader's tables, too, is one event");

# errors
fails('no column', "SELECT journey.add_source('bad', 'raw.own', 'payload')", qr/^42703 relation raw.own has no column for the payload Map one/);
fails('no such column', "SELECT journey.add_source('bad', 'raw.own', 'payload', '{\"payload\": \"nix\"}')", qr/^42703 .*no column "nix"/);
fails('no payload', "SELECT journey.add_source('bad', 'raw.own', 'payload', '{\"payload\": \"loaded_at\"}')", qr/^42804 column "loaded_at" cannot be read as a payload/);
fails('a field within', "SELECT journey.add_source('bad', 'raw.own', 'payload', '{\"payload\": \"event_id\", \"user_id\": \"visitor_id\"}')", qr/^42703 unknown standard name "user_id" Standard names are key, loaded_at, payload, received_at/);
fails('a form', "SELECT journey.add_source('bad', 'raw.own', 'payload', '{\"payload\": \"event_id\"}', '{\"form\": \"x\"}')", qr/^22023 invalid value for option "form"/);
fails('a form of an own table', "SELECT journey.add_source('bad', 'raw.own', NULL, '{}', '{\"form\": \"wire\"}')", qr/^22023 unknown option "form"/);
fails('times', "SELECT journey.add_source('bad', 'raw.own', 'payload', '{\"payload\": \"event_id\", \"received_at\": \"k\"}')", qr/^42703/);

# capture: whatever happens to the rows, the model is that of the rows that are left
for my $key ('"key": "k", ', '')
{
	my $name = $key ? 'keyed' : 'unkeyed';
	sql("CREATE TABLE raw.$name (k int, body text, at timestamptz DEFAULT '2026-09-02')");
	model($name, "raw.$name", "{$key\"payload\": \"body\", \"loaded_at\": \"at\"}", '{"capture": "trigger"}');
	my %alone = (k1 => event('c1'), k2 => event('c2', anonymousId => 'b', userId => 5), k3 => '[' . join(',', map { event("c$_", anonymousId => 'z') } 1 .. 3) . ']',
		k4 => $json->encode({ type => 'page', anonymousId => 'n', timestamp => "${day}11:00:00Z" }), k5 => 'bad');
	srand 5;
	for my $step (1 .. 6)
	{
		my $k = 1 + int rand 5;
		my ($table, $body) = ("raw.$name", quoted($alone{"k$k"}));
		sql(join ';', map { my $k = 1 + int rand 5; my $body = quoted($alone{'k' . (1 + int rand 5)});
			rand() < 0.6 ? "INSERT INTO $table (k, body) VALUES ($k, $body)" : rand() < 0.5 ? "UPDATE $table SET body = $body WHERE k = $k" : "DELETE FROM $table WHERE k = $k" } 1 .. 3);
		sql("TRUNCATE raw.$name") if $step == 5;
		refresh($name);
		sql("SELECT journey.create_model('anew'); SELECT journey.add_source('anew', '$table', 'payload', '{\"payload\": \"body\", \"loaded_at\": \"at\"}')");
		refresh('anew');
		for my $relation ('events', 'sessions')
		{
			my $columns = $relation eq 'events' ? 'event_id, visitor_id, user_id, event_time, session_id' : 'session_id, visitor_id, started_at, events';
			is(value("SELECT count(*) FROM ((SELECT $columns FROM $name.$relation EXCEPT ALL SELECT $columns FROM anew.$relation) UNION ALL (SELECT $columns FROM anew.$relation EXCEPT ALL SELECT $columns FROM $name.$relation)) AS d"),
				0, "$name, step $step: $relation");
		}
		is(value("SELECT count(*) FROM journey.verify('$name', true)"), 0, "$name, step $step: nothing differs");
		sql("SELECT journey.drop_model('anew')");
	}
}

# landing: files of JSON lines by COPY, plain and compressed, with everything that COPY's text form would break
my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;
my @hard = map { event("l$_", properties => { text => $_ }) } "a\tb", 'c:\\new', "line\nbreak", '"quoted"', "\x{1}\x{2}", "caf\x{e9}", '\\.';
open my $file, '>:encoding(UTF-8)', "$dir/events.json" or die;
print $file "$_\n" for @hard;
close $file;
system("gzip -k $dir/events.json && chmod 644 $dir/*") == 0 or die;
sql("CREATE TABLE raw.landed (at timestamptz DEFAULT '2026-09-02', body text)");
sql("COPY raw.landed (body) FROM '$dir/events.json' (FORMAT csv, QUOTE e'\\x01', DELIMITER e'\\x02')");
is(value('SELECT count(*) FROM raw.landed'), scalar @hard, 'COPY of JSON lines');
sql("COPY raw.landed (body) FROM PROGRAM 'zcat $dir/*.json.gz' (FORMAT csv, QUOTE e'\\x01', DELIMITER e'\\x02')");
# a receiver's insert through PostgREST
sql("WITH payload AS (SELECT " . quoted($json->encode([ { body => event('p1') }, { body => event('p2') } ])) . "::json AS json_data)
	INSERT INTO raw.landed (body) SELECT r.body FROM payload, json_to_recordset(json_data) AS r (body text)");
model('landed', 'raw.landed', '{"payload": "body", "received_at": "at", "loaded_at": "at"}');
is(refresh('landed'), '16 9 7 0 0', 'lines of COPY, of an archive and of a receiver');
is(value("SELECT count(*) FROM landed.events WHERE event_id = 'l' || (properties ->> 'text')"), scalar @hard, 'as they were sent');
# Kafka Connect's JDBC sink, keyed by user or device, with the coordinates of the record
sql(q{CREATE TABLE raw.kafka ("record_key" text, "record_value" text, "__connect_topic" text, "__connect_partition" int, "__connect_offset" bigint,
	PRIMARY KEY ("__connect_topic", "__connect_partition", "__connect_offset"));
	INSERT INTO raw.kafka SELECT 'a', body, 'events', 0, row_number() OVER () FROM raw.landed 
	ON CONFLICT ("__connect_topic", "__connect_partition", "__connect_offset") DO UPDATE SET "record_value" = excluded."record_value"});
model('kafka', 'raw.kafka', '{"payload": "record_value", "key": "record_key"}');
is(refresh('kafka'), '16 9 7 0 0', "a table of Kafka Connect's");
is(refresh('kafka'), '0 0 0 0 0', 'without a load time it is told by the snapshot what is new');
done_testing();
