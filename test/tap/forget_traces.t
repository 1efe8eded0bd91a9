#!/usr/bin/perl
# What is left of a person who was forgotten: values that are hers alone are planted wherever rows can bring them,
# and looked for in every column of every relation of the model, summaries and states decoded, and in the catalog and
# the log of models. What others say of her in properties and traits of their own stays: it is theirs.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

my $database = "traces_$$";
local $Journey::database = $database;
$ENV{PGOPTIONS} = '-c client_min_messages=warning -c timezone=UTC';

# Values that are hers alone: ids, addresses, clicks, traits, words in URLs and properties.
my @hers = ('her-id', 'her-old-id', 'her-late-id', 'her@mail.test', 'her2@mail.test', 'her-device', 'her-click', 'her-plan', 'her-page',
	'her-order', 'her-word', 'her-name', 'her-campaign');

my $standard = 'id text, anonymous_id text, user_id text, received_at timestamptz, uuid_ts timestamptz, "timestamp" timestamptz, channel text';
my $sources = <<"SQL";
CREATE SCHEMA rs;
CREATE TABLE rs.pages ($standard, url text, referrer text, name text, context_campaign_name text);
CREATE TABLE rs.identifies ($standard, email text, plan text);
CREATE TABLE rs.aliases ($standard, previous_id text);
CREATE TABLE rs.tracks ($standard, event text, event_text text);
CREATE TABLE rs.order_completed ($standard, event text, event_text text, order_id text, total numeric, word text);
CREATE TABLE rs.users (id text, received_at timestamptz, uuid_ts timestamptz, email text, plan text);
CREATE TABLE own (event_id text, visitor_id text, user_id text, event_time timestamptz, kind text, name text, url text, referrer text,
    traits jsonb, properties jsonb, loaded_at timestamptz DEFAULT '2026-02-01');
INSERT INTO rs.pages (id, anonymous_id, user_id, "timestamp", channel, url, referrer, name, context_campaign_name) VALUES
 ('p1', 'her-device', NULL, '2026-01-01 10:00', NULL, 'https://s.test/her-page?gclid=her-click', 'https://x.test/her-page', 'her-name', 'her-campaign'),
 ('p2', 'shared', 'her-id', '2026-01-02 10:00', NULL, 'https://s.test/her-page?gclid=her-click', NULL, NULL, NULL),
 ('p3', 'shared', NULL, '2026-01-02 10:05', NULL, 'https://s.test/her-page', NULL, 'her-name', NULL),
 ('p4', 'shared', 'bob', '2026-01-02 10:10', NULL, 'https://s.test/?gclid=his-click', NULL, NULL, NULL),
 ('p5', 'shared', 'bob', '2026-01-02 10:30', NULL, 'https://s.test/', NULL, NULL, NULL),
 ('p6', 'his', 'bob', '2026-01-03 10:00', NULL, 'https://s.test/?gclid=his-click', NULL, NULL, NULL),
 ('p7', 'his', 'bob', '2026-01-03 10:20', NULL, 'https://s.test/', NULL, NULL, NULL),
 ('p8', 'his', 'her-old-id', '2026-01-09 10:20', NULL, 'https://s.test/her-page', NULL, NULL, NULL);
INSERT INTO rs.identifies (id, anonymous_id, user_id, "timestamp", email, plan) VALUES
 ('i1', 'her-device', 'her-id', '2026-01-01 10:05', 'her\@mail.test', 'her-plan'),
 ('i2', 'his', NULL, '2026-01-03 10:10', 'Her\@mail.test', NULL),     -- her address alone, in his visit
 ('i3', 'his', 'bob', '2026-01-03 10:15', 'bob\@mail.test', 'his-plan'),
 ('i4', 'third', NULL, '2026-01-04 10:00', 'her\@mail.test', 'her-plan');
INSERT INTO rs.aliases (id, anonymous_id, user_id, "timestamp", previous_id) VALUES
 ('a1', 'her-device', 'her-id', '2026-01-01 10:06', 'her-old-id'),
 ('a2', 'third', 'carl', '2026-01-05 10:00', 'her-id'),                -- undone by the next
 ('a3', 'third', 'her-late-id', '2026-01-06 10:00', 'her-id');
INSERT INTO rs.order_completed (id, anonymous_id, user_id, "timestamp", channel, event, event_text, order_id, total, word) VALUES
 ('o1', 'shared', 'her-id', '2026-01-02 10:20', 'server', 'order_completed', 'Order Completed', 'her-order', 7, 'her-word'), -- in his visit
 ('o2', NULL, 'her-id', '2026-01-02 11:20', 'server', 'order_completed', 'Order Completed', 'her-order-2', 8, 'her-word'),
 ('o3', 'shared', 'bob', '2026-01-02 10:02', 'server', 'order_completed', 'Order Completed', 'o3', 9, 'his-word');           -- in hers
INSERT INTO rs.tracks (id, anonymous_id, user_id, "timestamp", channel, event, event_text) SELECT id, anonymous_id, user_id, "timestamp", channel, event, event_text FROM rs.order_completed;
INSERT INTO rs.users VALUES ('her-id', '2026-01-01 10:05', NULL, 'her2\@mail.test', 'her-plan'), ('bob', '2026-01-01 10:05', NULL, 'bob\@mail.test', NULL);
INSERT INTO own (event_id, visitor_id, user_id, event_time, kind, name, url, traits, properties) VALUES
 ('w1', 'shared', 'her-id', '2026-01-02 10:25', 'track', 'her-name', 'https://s.test/her-page', '{"plan": "her-plan"}', '{"word": "her-word"}'),
 ('w2', 'shared', 'bob', '2026-01-02 10:26', 'track', 'Invited', NULL, NULL, '{"friend": "HIS-FRIEND"}'),
 -- rejected: without a time, by every way of naming her
 ('r1', 'shared', 'her-id', NULL, 'track', 'her-name', NULL, NULL, '{"word": "her-word"}'),
 ('r2', 'shared', NULL, NULL, 'identify', NULL, NULL, '{"email": "her\@mail.test", "plan": "her-plan"}', NULL),
 ('r3', 'her-device', NULL, NULL, 'page', NULL, 'https://s.test/her-page', NULL, NULL),
 ('r5', 'shared', NULL, NULL, 'identify', NULL, NULL, '{"email": " Her\@mail.test\\n", "plan": "her-plan"}', NULL),
 ('r4', 'shared', 'bob', NULL, 'track', NULL, NULL, NULL, '{"word": "his-word"}');
UPDATE rs.users SET uuid_ts = '2026-02-01';
SQL
$sources .= qq{UPDATE rs.$_ SET received_at = "timestamp", uuid_ts = '2026-02-01';\n} for qw(pages identifies aliases order_completed tracks);

sub create
{
	my ($options, $sources) = @_;
	system('createdb', '-T', 'template0', $database) == 0 or die;
	# without user_change a page that names nobody is of whom the visit names last
	$sources .= "DELETE FROM rs.pages WHERE id = 'p3';" if $options =~ /user_change/;
	sql("CREATE EXTENSION pg_journey; $sources
		SELECT journey.create_model('web', 'rs', '$options'); SELECT journey.add_source('web', 'own'); SELECT journey.refresh('web');
		SELECT journey.create_segment('web', 'all', '{\"event\": \"*\"}');
		SELECT journey.create_segment('web', 'who', '{\"all\": [{\"profile\": {\"is_identified\": true}}, {\"kind\": \"page\", \"last\": \"2 days\"}]}')");
}

# Which of the values stand anywhere: as 'relation: value'. Bytes are looked through as text.
sub traces
{
	my (@values) = @_;
	my $array = join ', ', map { "'$_'" } @values;
	sql(q{CREATE OR REPLACE FUNCTION pg_temp.traces(value text) RETURNS SETOF text LANGUAGE plpgsql AS $$
		DECLARE relation record; found boolean;
		BEGIN
			FOR relation IN
				SELECT c.oid::regclass AS name, string_agg(format(CASE WHEN a.atttypid = 'bytea'::regtype
					THEN $f$coalesce(encode(%I, 'escape'), '')$f$ ELSE $f$coalesce(%I::text, '')$f$ END, a.attname), ' || chr(10) || ' ORDER BY a.attnum) AS text
				FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
				WHERE c.relnamespace IN ('web'::regnamespace, 'journey'::regnamespace) AND c.relkind IN ('r', 'v', 'm', 'p')
				   OR c.relnamespace = to_regnamespace('web_store') AND c.relkind IN ('r', 'v', 'm', 'p')
				GROUP BY c.oid
			LOOP
				EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE strpos(lower(%s), lower($1)) > 0)', relation.name, relation.text)
					INTO found USING value;
				IF found THEN RETURN NEXT relation.name || ': ' || value; END IF;
			END LOOP;
		END$$;} . "SELECT t FROM unnest(ARRAY[$array]) AS v, pg_temp.traces(v) AS t ORDER BY 1");
}

for my $options ('{}', '{"user_change": false}', '{"session_key": true, "new_campaign": true}', '{"capture": "trigger"}')
{
	create($options, $sources);
	# the test sees them all before
	my %seen = map { s/.*: //r => 1 } map { $_->[0] } traces(@hers);
	is_deeply([ sort keys %seen ], [ sort @hers ], "$options: all is there to be found");

	if ($options =~ /capture/)
	{
		# notes of rows that changed or went, old ones with their content, and were not read yet
		sql("UPDATE rs.pages SET name = 'x' WHERE id = 'p3'; DELETE FROM rs.identifies WHERE id IN ('i1', 'i4');
			UPDATE rs.users SET plan = 'changed' WHERE id = 'her-id'; DELETE FROM rs.order_completed WHERE id = 'o1';
			DELETE FROM own WHERE event_id = 'w1'; DELETE FROM rs.pages WHERE id = 'p8'; UPDATE rs.pages SET name = 'y' WHERE id = 'p4'");
		cmp_ok(value("SELECT count(*) FROM web_store._changes WHERE user_id = 'her-id'"), '>', 2, 'notes tell of her');
	}
	my ($told) = sql("SELECT visitors, events FROM journey.forget('web', 'her-id')");
	# p1-3, p8, i1, i2, i4, a1-3, o1, o2, w1
	is("@$told", $options =~ /user_change/ ? '5 12' : '5 13', 'what went');
	is_deeply([ map { $_->[0] } traces(@hers) ], [], 'nothing of her is left');
	is(value("SELECT string_agg(event_id, ' ' ORDER BY event_id) FROM web.events"), 'i3 o3 p4 p5 p6 p7 public.own:w2', "others' events are");
	is(value("SELECT concat_ws('|', email, traits ->> 'plan', gclid, revenue) FROM web.profiles WHERE person_id = 'user:bob'"),
		'bob@mail.test|his-plan|his-click|9', 'his profile is his');
	is(value("SELECT string_agg(DISTINCT segment || ' ' || person_id, ', ') FROM web.segment_members WHERE person_id LIKE 'user:%'"), 'all user:bob, who user:bob',
		'he is in segments');
	is(value(q{SELECT string_agg("row" ->> 'event_id', ' ' ORDER BY "row" ->> 'event_id') FROM web.rejected_events}), 'r4', "others' rejected rows stay");
	is(value("SELECT count(*) FROM journey.verify('web')" . ($options =~ /capture/ ? " WHERE relation <> 'sources'" : '')), 0, 'nothing differs');
	sql("SELECT journey.refresh('web', since => '-infinity')");
	is_deeply([ map { $_->[0] } traces(@hers) ], [], 'nor does she come back with her rows');
	is(value("SELECT count(*) FROM journey.verify('web')"), 0, 'nothing differs');
	system('dropdb', $database);
}

# Rows of a source without ids, whose notes have them whole, and whose traits jsonb may refuse.
my $keyless = q{CREATE TABLE loose (visitor_id text, user_id text, event_time timestamptz, kind text, traits json,
		loaded_at timestamptz DEFAULT '2026-02-01');
	INSERT INTO loose VALUES ('her-device', 'her-id', '2026-01-01 10:00', 'page', NULL),
	 ('her-device', NULL, '2026-01-01 10:05', 'page', NULL),
	 ('his', 'bob', '2026-01-01 10:00', 'page', NULL),
	 ('his', NULL, '2026-01-01 10:02', 'identify', '{"email": " Her@mail.test "}'),
	 ('a', 'her-id', '2026-01-01 10:10', 'identify', '{"email": "her@mail.test"}'),
	 ('his', NULL, NULL, 'identify', '{"email" : " Her@mail.test ", "plan": "her-plan"}'),
	 ('his', NULL, '2026-01-01 10:03', 'identify', '{"email" : " her@mail.test ", "bad": "\\u0000"}'),
	 ('his', NULL, '2026-01-01 10:03', 'identify', '{"email" : "his@mail.test", "bad": "\\u0000"}')};
{
	my @values = ('her-id', 'her@mail.test', 'her-device', 'her-plan');
	system('createdb', '-T', 'template0', $database) == 0 or die;
	sql("CREATE EXTENSION pg_journey; $keyless; SELECT journey.create_model('web', options => '{\"capture\": \"trigger\"}');
		SELECT journey.add_source('web', 'loose'); SELECT journey.refresh('web')");
	is(value('SELECT count(*) FROM web.rejected_events'), 3, 'rows without ids: some are rejected');
	sql('DELETE FROM loose');
	my %seen = map { s/: .*//r => 1 } grep { /\._changes|rejected/ } map { $_->[0] } traces(@values);
	is(join(' ', sort keys %seen), 'web.rejected_events web_store._changes', 'and noted whole when they go');
	sql("SELECT journey.forget('web', 'her-id')");
	is_deeply([ map { $_->[0] } traces(@values) ], [], 'nothing of her is left in them');
	is(value('SELECT count(*) FROM web.rejected_events'), 1, 'what is rejected of others is');
	is(join('', map { "@$_" } sql("SELECT new FROM journey.refresh('web'); SELECT count(*) FROM web.events; SELECT count(*) FROM journey.verify('web')")),
		"0\n0\n0", 'and the rest goes with its rows');
	system('dropdb', $database);
}

# An id that the option allow_ids exempts, in a visit that is another's without user_change.
{
	system('createdb', '-T', 'template0', $database) == 0 or die;
	sql(q{CREATE EXTENSION pg_journey;
		CREATE TABLE own AS SELECT id AS event_id, visitor AS visitor_id, u AS user_id, t::timestamptz AS event_time, k AS kind,
			'https://s.test/' || v AS url, p AS platform, tr::jsonb AS traits
		FROM (VALUES ('1', 'd', 'bob', '2026-01-01 10:00', 'page', '', NULL, NULL), ('2', 'd', 'NA', '2026-01-01 10:05', 'track', 'her-page', 'server', NULL),
			('3', 'd', 'bob', '2026-01-01 10:06', 'page', '', NULL, NULL), ('4', 'e', NULL, '2026-01-01 10:00', 'page', 'her-click', NULL, NULL),
			('5', 'e', NULL, '2026-01-01 10:01', 'identify', '', NULL, '{"email": "her@mail.test"}'))
			AS v (id, visitor, u, t, k, v, p, tr);
		SELECT journey.create_model('web', options => '{"user_change": false, "allow_ids": ["NA"]}');
		SELECT journey.add_source('web', 'own'); SELECT journey.refresh('web')});
	is(value("SELECT events FROM journey.forget('web', 'NA')"), 1, 'an exempted id is forgotten');
	is_deeply([ map { $_->[0] } traces('her-page') ], [], 'wherever its events lie');
	# who left but an address
	is(value("SELECT events FROM journey.forget('web', ' Her\@mail.test')"), 2, 'who is known by an e-mail alone is forgotten by it');
	is_deeply([ map { $_->[0] } traces('her-click', 'her@mail.test') ], [], 'nothing of her is left');
	is(value("SELECT string_agg(event_id, ' ' ORDER BY event_id) FROM web.events"), '1 3', "others' events are");
	system('dropdb', $database);
}

# What a server says of her before and behind another's page, in his visit: the page is his, and comes again.
{
	system('createdb', '-T', 'template0', $database) == 0 or die;
	sql(q{CREATE EXTENSION pg_journey;
		CREATE TABLE own AS SELECT id AS event_id, 'd' AS visitor_id, u AS user_id, t::timestamptz AS event_time, k AS kind, p AS platform,
			'https://s.test/?gclid=of-' || id AS url
		FROM (VALUES ('1', 'bob', '2026-01-01 10:00', 'page', NULL), ('2', 'her-id', '2026-01-01 10:05', 'track', 'server'),
			('3', NULL, '2026-01-01 10:10', 'page', NULL), ('4', 'her-id', '2026-01-01 10:15', 'track', 'server'),
			('5', 'bob', '2026-01-01 10:20', 'page', NULL), ('6', 'her-id', '2026-01-01 10:20', 'track', 'server'),
			('7', NULL, '2026-01-01 10:20', 'page', NULL)) AS v (id, u, t, k, p);
		SELECT journey.create_model('web'); SELECT journey.add_source('web', 'own'); SELECT journey.refresh('web')});
	is(value("SELECT events FROM journey.forget('web', 'her-id')"), 3, 'her events in his visit go');
	is(value("SELECT new || ' ' || rejected FROM journey.refresh('web', since => '-infinity')"), '0 3', 'his pages are read again');
	is(value("SELECT count(*) FROM journey.verify('web', true)"), 0, 'and none is lost to the sources');
	sql("SELECT journey.rebuild('web', from_sources => true)");
	is(value("SELECT string_agg(event_id, ' ' ORDER BY event_id) FROM web.events"), '1 3 5 7', 'so a rebuild from them has all');
	system('dropdb', $database);
}
done_testing();
