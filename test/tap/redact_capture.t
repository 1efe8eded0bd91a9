#!/usr/bin/perl
# The options "redact" and "capture" together: whatever happens to rows, the model is that of the rows that are left,
# and nothing that the rules take out is in what the triggers note.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP;
use Journey;
use Test::More;

$ENV{PGOPTIONS} = '-c client_min_messages=warning -c timezone=UTC';
my $json = JSON::PP->new->canonical;
my $rules = '{"use": "gdpr", "rules": [{"key": "email", "action": "pseudonym"}, {"key": "plan", "action": "drop"}]}';
my $key = '00112233445566778899aabbccddeeff';
sub quoted { my ($s) = @_; return 'NULL' unless defined $s; $s =~ s/'/''/g; return "'$s'" }
sub pick { $_[ int rand @_ ] }

sql(q{CREATE EXTENSION IF NOT EXISTS pg_journey; CREATE SCHEMA raw; CREATE SCHEMA rs;
	CREATE TABLE raw.payloads (k text, body jsonb, at timestamptz DEFAULT '2026-09-02');
	CREATE TABLE raw.unkeyed (body text, at timestamptz DEFAULT '2026-09-02');
	CREATE TABLE raw.own (event_id text, visitor_id text, user_id text, event_time timestamptz, kind text, name text, url text,
		traits jsonb, note text, loaded_at timestamptz DEFAULT '2026-09-02');
	CREATE TABLE rs.tracks (id text, anonymous_id text, user_id text, received_at timestamptz, uuid_ts timestamptz, "timestamp" timestamptz,
		event text, event_text text, context_page_url text) PARTITION BY LIST (event);
	CREATE TABLE rs_login PARTITION OF rs.tracks FOR VALUES IN ('login'); CREATE TABLE rs_other PARTITION OF rs.tracks DEFAULT;
	CREATE TABLE raw.crm (id text, user_id text, email text, phone text, converted_at timestamptz, value numeric, at timestamptz DEFAULT '2026-09-04');
	CREATE TABLE rs.users (id text, received_at timestamptz, uuid_ts timestamptz, email text, name text, plan text)});

sub email { 'jane' . int(rand 6) . '@planted.test' }
sub person { pick(email(), email(), 'u' . int rand 4, undef) }
sub device { pick('d' . int(rand 6), email(), 'd1') }
sub message { pick('m' . int(rand 30), 'm' . int(rand 30), email(), undef) }
sub moment { sprintf '2026-09-%02dT%02d:00:00Z', 1 + int rand 3, int rand 24 }
sub payload
{
	my @events = map { my ($m, $u) = (message(), person());
		{ type => pick(qw(track page identify)), anonymousId => device(), defined $m ? (messageId => $m) : (), defined $u ? (userId => $u) : (),
		timestamp => moment(), event => 'To ' . email(), properties => { note => email(), url => 'https://s.test/?email=' . email() }, traits => { email => email(), lastName => 'Planted' } } } 1 .. 1 + int rand 2;
	return $json->encode(@events == 1 ? $events[0] : { batch => \@events });
}
my %insert = (
	'raw.payloads' => sub { 'INSERT INTO raw.payloads (k, body) VALUES (' . quoted(pick(email(), 'k' . int rand 9)) . ', ' . quoted(payload()) . ')' },
	'raw.unkeyed' => sub { 'INSERT INTO raw.unkeyed (body) VALUES (' . quoted(pick(payload(), payload(), payload(), 'bad ' . email())) . ')' },
	'raw.own' => sub { 'INSERT INTO raw.own VALUES (' . join(', ', (map { quoted($_) } message(), device(), person(), moment(), pick(qw(track identify page)), 'To ' . email(),
		'https://s.test/?email=' . email(), $json->encode({ email => email(), lastName => 'Planted' }), email())) . ')' },
	'rs.tracks' => sub { 'INSERT INTO rs.tracks VALUES (' . join(', ', (map { quoted($_) } pick('m' . int rand 30, email()), device(), person(), '2026-09-02', '2026-09-02', moment(), pick('login', 'mail'), 'To ' . email(), 'https://s.test/?u=' . email())) . ')' },
	'raw.crm' => sub { 'INSERT INTO raw.crm VALUES (' . join(', ', (map { quoted($_) } pick('c' . int(rand 9), email(), 'c1'), person(), email(), '+4917012345678', pick(moment(), moment(), undef), int rand 99)) . ')' },
	'rs.users' => sub { 'INSERT INTO rs.users VALUES (' . join(', ', (map { quoted($_) } pick(email(), 'u' . int rand 4), '2026-09-02', '2026-09-02', email(), 'Planted', 'Planted')) . ')' });
sub change
{
	my $table = pick(sort keys %insert);
	return $insert{$table}->() if rand() < 0.5;
	my $some = "ctid IN (SELECT ctid FROM $table AS t ORDER BY md5(t::text || '" . int(rand 1e6) . "') LIMIT 2)";
	$some .= ' AND tableoid = (SELECT tableoid FROM rs.tracks LIMIT 1)' if $table eq 'rs.tracks';
	return "DELETE FROM $table WHERE $some" if rand() < 0.5;
	return "UPDATE $table SET at = '2026-09-04', body = (" . quoted(payload()) . ")::" . ($table eq 'raw.unkeyed' ? 'text' : 'jsonb') . " WHERE $some" if $table =~ /payloads|unkeyed/;
	return "UPDATE raw.own SET visitor_id = " . quoted(device()) . ", note = " . quoted(email()) . " WHERE $some" if $table eq 'raw.own';
	return "UPDATE raw.crm SET value = value + 1, id = " . quoted(pick('c1', email())) . " WHERE $some" if $table eq 'raw.crm';
	return "UPDATE rs.tracks SET id = " . quoted(pick('m1', email())) . " WHERE $some" if $table eq 'rs.tracks';
	return "UPDATE rs.users SET email = " . quoted(email()) . " WHERE $some";
}
sub model
{
	my ($name, %options) = @_;
	sql("SELECT journey.create_model('$name', 'rs'); INSERT INTO ${name}_store._pseudonym_keys (number, key) VALUES (1, '\\x$key');
		SELECT journey.set_options('$name', " . quoted($json->encode(\%options)) . ");
		SELECT journey.add_source('$name', 'raw.payloads', 'payload', '{\"payload\": \"body\", \"loaded_at\": \"at\", \"key\": \"k\"}');
		SELECT journey.add_source('$name', 'raw.unkeyed', 'payload', '{\"payload\": \"body\", \"loaded_at\": \"at\"}'); SELECT journey.add_source('$name', 'raw.own'); SELECT journey.add_source('$name', 'raw.crm', 'conversion', '{\"loaded_at\": \"at\"}', '{\"name\": \"Lead\"}')");
}
my %redact = (redact => $json->decode($rules));
my %shape = (events => 'event_id, visitor_id, user_id, event_time, kind, name, url, properties', sessions => 'session_id, visitor_id, started_at, events',
	conversions => 'conversion_id, name, converted_at, person_id, user_id, value',
	profiles => 'person_id, user_id, email, events, traits', identities => 'id, id_type');

srand($ENV{PGJ_SEED} // 14);
sql(join '; ', map { $insert{$_}->() } map { ($_) x 6 } sort keys %insert);
model('web', capture => 'trigger', %redact);
my $steps = $ENV{PGJ_STEPS} // 12;
for my $step (0 .. $steps)
{
	if ($step > 0)
	{
		sql(join ';', map { change() } 1 .. 4);
		sql('TRUNCATE ' . pick('raw.own', 'raw.payloads', 'rs.tracks')) if $step == 7;
		sql('ALTER TABLE raw.own ADD COLUMN later text') if $step == 4;
		is(value("SELECT count(*) FROM web_store._changes AS c WHERE c::text ~* 'planted'"), 0, "step $step: no note has a value");
	}
	sql("SELECT journey.refresh('web')");
	is(value("SELECT count(*) FROM web_store._changes"), 0, "step $step: the notes are taken");
	model('anew', %redact);
	sql("SELECT journey.refresh('anew')");
	for my $relation (sort keys %shape)
	{
		my @differ = sql("SELECT * FROM ((SELECT 'more', $shape{$relation} FROM web.$relation EXCEPT ALL SELECT 'more', $shape{$relation} FROM anew.$relation)
			UNION ALL (SELECT 'less', $shape{$relation} FROM anew.$relation EXCEPT ALL SELECT 'less', $shape{$relation} FROM web.$relation)) AS d");
		is(scalar(@differ), 0, "step $step: $relation") or diag(join "\n", map { join '|', map { $_ // '' } @$_ } @differ[ 0 .. ($#differ > 5 ? 5 : $#differ) ]);
	}
	is(value("SELECT count(*) FROM journey.verify('web', true)"), 0, "step $step: nothing differs");
	sql("SELECT journey.drop_model('anew')");
}
done_testing();
