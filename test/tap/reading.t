#!/usr/bin/env perl
# What is read of a source's rows: traits of the context, campaign ids, kinds, times, currencies, tables by name.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

$ENV{PGOPTIONS} = '-c client_min_messages=warning -c timezone=America/New_York -c datestyle=German';
sql('CREATE EXTENSION pg_journey');

# What psql says to a script, messages too.
sub says
{
	my ($script) = @_;
	my $file = File::Temp->new;
	print $file $script;
	close $file;
	my $name = $file->filename;
	local $ENV{PGOPTIONS} = '-c timezone=UTC';
	my $text = `psql -qXAt -v VERBOSITY=default -v SHOW_CONTEXT=never -f $name 2>&1`;
	$text =~ s/^psql:\S+ //mg;
	$text =~ s/^\s*\n//mg;
	return $text;
}
sub rows { my ($query) = @_; return join "\n", map { join '|', @$_ } sql("SET timezone = 'UTC'; SET datestyle = ISO; $query") }

# A model over one own table; returns what the refresh counted.
my $models = 0;
sub own
{
	my ($table, $columns, $kind, $options) = @_;
	my $model = 'own' . ++$models;
	$columns //= '{}';
	$kind = defined $kind ? "'$kind'" : 'NULL';
	$options //= '{}';
	sql("SELECT journey.create_model('$model', NULL, '$options'), journey.add_source('$model', '$table', $kind, '$columns') \\g /dev/null");
	my $counts = rows("SELECT new, rejected FROM journey.refresh('$model')");
	is(rows("SELECT count(*) FROM journey.verify('$model', strict => true)"), '0', "$model: nothing to tell of $table");
	return ($model, $counts);
}

# ------------------------------------------------------------------------------------------------
# traits of the context
# ------------------------------------------------------------------------------------------------

my $standard = 'id text, anonymous_id text, user_id text, "timestamp" timestamptz, received_at timestamptz';
sql("CREATE SCHEMA rudder;
	CREATE TABLE rudder.identifies ($standard, plan text, context_traits_plan text, context_traits_email text, context_traits_age bigint, context_traits_ text);
	CREATE TABLE rudder.users (id text, received_at timestamptz, uuid_ts timestamptz, plan text, context_traits_plan text, context_traits_name text, email text, context_traits_email text);
	CREATE TABLE rudder.pages ($standard, url text, context_traits_email text);
	INSERT INTO rudder.identifies VALUES ('i1', 'd1', 'u1', '2026-01-01', '2026-01-01', NULL, 'pro', 'Vera\@Corp.test', 40, 'x'),
		('i2', 'd2', 'u2', '2026-01-01', '2026-01-01', 'free', 'pro', NULL, NULL, NULL),
		('i3', 'd3', NULL, '2026-01-02', '2026-01-02', NULL, NULL, 'vera\@corp.test', NULL, NULL);
	INSERT INTO rudder.users VALUES ('u2', '2026-01-03', '2026-01-03', NULL, 'team', 'Bo', NULL, 'bo\@corp.test');
	INSERT INTO rudder.pages VALUES ('p1', 'd4', NULL, '2026-01-02', '2026-01-02', 'https://s.test/?gclid=1', 'vera\@corp.test');
	SELECT journey.create_model('web', 'rudder') \\g /dev/null\nSELECT journey.refresh('web') \\g /dev/null");
is(rows("SELECT person_id, email, traits::text, visitor_ids FROM web.profiles ORDER BY 1"), <<'ROWS' =~ s/\n\z//r, 'traits of the context are traits of identifies and users, where the plain column has none');
user:u1|vera@corp.test|{"age": 40, "plan": "pro", "email": "vera@corp.test"}|{d1,d3}
user:u2|bo@corp.test|{"name": "Bo", "plan": "team", "email": "bo@corp.test"}|{d2}
visitor:d4||{}|{d4}
ROWS
sql('CREATE TABLE signups (id int, visitor_id text, user_id text, event_time timestamptz, context_traits_email text, email text)');
sql("INSERT INTO signups VALUES (1, 'd', 'u', '2026-01-01', 'a\@b.test', NULL), (2, 'e', 'v', '2026-01-01', 'x\@b.test', 'c\@d.test')");
my ($m) = own('signups', '{}', 'identify');
is(rows("SELECT email FROM $m.profiles ORDER BY 1"), "a\@b.test\nc\@d.test", 'of an own table of identifies too');

# ------------------------------------------------------------------------------------------------
# the id of a campaign
# ------------------------------------------------------------------------------------------------

sql("CREATE SCHEMA ads;
	CREATE TABLE ads.pages ($standard, url text, context_campaign_id text, context_campaign_source text, title text, plan text);
	CREATE TABLE ads.tracks ($standard, event text, context_campaign_id bigint, campaign_id text);
	INSERT INTO ads.pages VALUES ('1', 'a', NULL, '2026-01-01', '2026-01-01', 'https://s.test/', 'c-7', NULL, NULL, 'x'),
		('2', 'b', NULL, '2026-01-01', '2026-01-01', 'https://s.test/', '', 'news', NULL, 'x'),
		('3', 'c', NULL, '2026-01-01', '2026-01-01', 'https://s.test/?utm_source=s&utm_id=u-1', 'c-7', NULL, NULL, NULL),
		('4', 'd', NULL, '2026-01-01', '2026-01-01', 'https://s.test/', '  ', NULL, NULL, NULL);
	INSERT INTO ads.tracks VALUES ('5', 'e', NULL, '2026-01-01', '2026-01-01', 'opened', 42, NULL), ('6', 'f', NULL, '2026-01-01', '2026-01-01', 'opened', NULL, 'mine');
	SELECT journey.create_model('ads_m', 'ads') \\g /dev/null\nSELECT journey.refresh('ads_m') \\g /dev/null");
is(rows("SELECT visitor_id, touch_type, source, medium, campaign_id FROM ads_m.touches ORDER BY 1"), <<'ROWS' =~ s/\n\z//r, 'the id of a campaign makes one, the URL goes before');
a|campaign_columns|(not set)|(not set)|c-7
b|campaign_columns|news|(not set)|
c|utm|s|(not set)|u-1
d|direct|(direct)|(none)|
e|campaign_columns|(not set)|(not set)|42
f|direct|(direct)|(none)|
ROWS
is(rows("SELECT event_id, properties::text FROM ads_m.events WHERE event_id IN ('1', '2', '5', '6') ORDER BY 1"),
	qq(1|{"plan": "x", "context_campaign_id": "c-7"}\n2|{"plan": "x"}\n5|{"context_campaign_id": "42"}\n6|{"campaign_id": "mine"}), 'it is kept among the properties');
is(rows(q{SELECT campaign_id FROM journey.touches('[{"event_id": "a", "event_time": "2026-01-01T00:00:00Z", "url": "https://s.test/", "properties": {"context_campaign_id": 9}}]')}), '9',
	'where the functions on timelines find it');
is(rows("SELECT count(*) FROM journey.verify('ads_m', strict => true)"), 0, 'and verify');
sql(q{CREATE TABLE clicks (event_id int, visitor_id text, event_time timestamptz, url text, cid text, properties jsonb);
	INSERT INTO clicks VALUES (1, 'a', '2026-01-01', 'https://s.test/', 'c1', '{"x": 1}'), (2, 'b', '2026-01-01', 'https://s.test/', 'c2', NULL), (3, 'c', '2026-01-01', 'https://s.test/', 'c3', '[1]')});
($m) = own('clicks', '{"campaign_id": "cid"}', 'page');
is(rows("SELECT t.campaign_id, e.properties::text FROM $m.events AS e JOIN $m.touches AS t USING (visitor_id) ORDER BY visitor_id"),
	qq(c1|{"x": 1, "context_campaign_id": "c1"}\nc2|{"context_campaign_id": "c2"}\n|[1]), 'a column of an own table may be mapped as it');

# ------------------------------------------------------------------------------------------------
# kinds
# ------------------------------------------------------------------------------------------------

sql(q{CREATE TABLE mixed (event_id int, visitor_id text, event_time timestamptz, name text, url text);
	INSERT INTO mixed SELECT n, 'v', timestamptz '2026-01-01' + n * interval '1 s', name, url FROM (VALUES
		(1, 'page_view', 'https://s.test/1'), (2, 'Page Viewed', NULL), (3, NULL, 'https://s.test/3'), (4, 'SCREEN VIEW', NULL), (5, 'signup', 'https://s.test/5'),
		(6, NULL, NULL), (7, '', 'https://s.test/7')) AS v (n, name, url)});
($m) = own('mixed');
is(rows("SELECT string_agg(kind, ' ' ORDER BY event_time) FROM $m.events"), 'page page page screen track track track', 'a kind that is not there is told by the name, or a URL without one');
is(rows("SELECT page_views, landing_page, exit_page, is_bounce, events FROM $m.sessions"),
	rows("SELECT page_views, landing_page, exit_page, is_bounce, events FROM journey.sessionize('TABLE mixed')"), 'the same as in sessionize');
sql("ALTER TABLE mixed ADD kind text; UPDATE mixed SET kind = 'track' WHERE event_id = 1; UPDATE mixed SET kind = '' WHERE event_id = 2");
($m) = own('mixed');
is(rows("SELECT string_agg(kind, ' ' ORDER BY event_time) FROM $m.events"), 'track page page screen track track track', 'where a row says its kind, that counts');
my ($tracks) = own('mixed', '{}', 'track');
is(rows("SELECT DISTINCT kind FROM $tracks.events"), 'track', 'and a kind that add_source gives, for all');

# a source of web pages without page views
sql("CREATE TABLE visits (event_id int, visitor_id text, event_time timestamptz, name text, url text); INSERT INTO visits VALUES (1, 'v', '2026-01-01', 'Visited', 'https://s.test/')");
like(says("SELECT journey.create_model('w1'), journey.add_source('w1', 'visits'); SELECT new FROM journey.refresh('w1')"),
	qr/NOTICE:  model "w1" found no page view in public\.visits, whose events have URLs\nDETAIL: .*\nHINT:  .*Add public\.visits with the kind "page".*"kind": "column".*\n1/, 'is told, with the mapping');
unlike(says("INSERT INTO visits VALUES (2, 'v', '2026-01-02', 'Visited', 'https://s.test/'); SELECT new FROM journey.refresh('w1'); SELECT journey.rebuild('w1', from_sources => true)"), qr/page view/, 'once');
unlike(says("SELECT journey.create_model('w2'), journey.add_source('w2', 'visits', 'page'); SELECT new FROM journey.refresh('w2')"), qr/page view/, 'not of pages');
unlike(says("SELECT journey.create_model('w3', 'rudder'), journey.add_source('w3', 'visits', 'track'); SELECT new FROM journey.refresh('w3')"), qr/page view/, 'nor of tracks beside pages');
like(says("SELECT journey.create_model('w4'), journey.add_source('w4', 'visits', 'track'); SELECT new FROM journey.refresh('w4')"), qr/no page view/, 'but of tracks alone');
unlike(says("CREATE TABLE later (LIKE visits); SELECT journey.create_model('w5'), journey.add_source('w5', 'later'); SELECT new FROM journey.refresh('w5')"), qr/page view/, 'nor of a table without rows');
like(says("CREATE SCHEMA spa; CREATE TABLE spa.tracks ($standard, event text, context_page_url text); INSERT INTO spa.tracks VALUES ('1', 'a', NULL, '2026-01-01', '2026-01-01', 'x', 'https://s.test/');
	SELECT journey.create_model('w6', 'spa'); SELECT new FROM journey.refresh('w6')"), qr/found no page view in schema spa, .*\n.*\nHINT:  .*"pages"/, 'of a schema without pages');

# ------------------------------------------------------------------------------------------------
# tables by name
# ------------------------------------------------------------------------------------------------

sql("CREATE SCHEMA names;" . join '', map { "CREATE TABLE names.$_ ($standard, event text); INSERT INTO names.$_ VALUES ('$_', 'a', NULL, '2026-01-01', '2026-01-01', 'x');" }
	qw(snapshot_purchased sync_data_viewed failed_records_seen setup_test_started rudder_identity_checked rudder_staging_tracks_1 rudder_discards accounts));
sql("CREATE TABLE names.snapshot_orders ($standard); INSERT INTO names.snapshot_orders VALUES ('s', 'a', NULL, '2026-01-01', '2026-01-01');
	SELECT journey.create_model('names_m', 'names') \\g /dev/null\nSELECT journey.refresh('names_m') \\g /dev/null");
is(rows("SELECT string_agg(event_id, ' ' ORDER BY event_id COLLATE \"C\") FROM names_m.events"), 'failed_records_seen rudder_identity_checked setup_test_started snapshot_purchased sync_data_viewed',
	'tables that have a column "event" hold events, whatever their names');

# ------------------------------------------------------------------------------------------------
# times
# ------------------------------------------------------------------------------------------------

sql(q{CREATE TABLE texts (event_id int, visitor_id text, event_time text, received_at text);
	INSERT INTO texts VALUES (1, 'v', '2026-01-01T10:00:00,5+0100', NULL), (2, 'v', '20260101T100000Z', NULL), (3, 'v', '2026-001', ''), (4, 'v', '2026-W01-4T12', ''),
		(5, 'v', 'now', NULL), (6, 'v', '1767225600', NULL), (7, 'v', '2026-01-05', '2026-01-03T00:00Z'), (8, 'v', '01/02/2026', NULL), (9, 'v', 'infinity', NULL), (10, 'v', '2026-01', NULL)});
($m) = own('texts', '{}', 'page');
is(rows("SELECT event_id, event_time FROM $m.events ORDER BY event_id::int"), <<'ROWS' =~ s/\n\z//r, 'times in text as ISO 8601 has them, whatever the settings');
1|2026-01-01 09:00:00.5+00
2|2026-01-01 10:00:00+00
3|2026-01-01 00:00:00+00
4|2026-01-01 12:00:00+00
ROWS
is(rows("SELECT \"row\" ->> 'event_id', reason FROM $m.rejected_events ORDER BY 1"),
	"10|event_time is no time\n5|event_time is no time\n6|event_time is no time\n7|in the future\n8|event_time is no time\n9|event_time is no time", 'others are rejected, with the reason');

for my $case ([ 's', 'bigint', '1767225600' ], [ 'ms', 'bigint', '1767225600000' ], [ 'ms', 'text', '1767225600000' ], [ 's', 'numeric', '1767225600.000' ],
	[ 's', 'float8', '1767225600' ], [ 'us', 'bigint', '1767225600000000' ], [ 'ns', 'text', '1767225600000000001' ], [ 'ms', 'text', '1.7672256e12' ])
{
	my ($unit, $type, $value) = @$case;
	sql("DROP TABLE IF EXISTS epochs CASCADE; CREATE TABLE epochs (event_id int, visitor_id text, ts $type, loaded $type); INSERT INTO epochs VALUES (1, 'v', '$value', '$value')");
	my ($model) = own('epochs', qq({"event_time": {"column": "ts", "unit": "$unit"}, "loaded_at": {"column": "loaded", "unit": "$unit"}}), 'page');
	is(rows("SELECT event_time, properties::text FROM $model.events"), '2026-01-01 00:00:00+00|', "$type, $unit since 1970");
	is(rows("SELECT watermark FROM journey._source_table WHERE model = '$model'"), '2026-01-01 00:00:00+00', 'as load time too');
	sql("SELECT journey.drop_model('$model') \\g /dev/null");
}
sql("DROP TABLE epochs; CREATE TABLE epochs (event_id int, visitor_id text, ts bigint, at timestamptz, loaded bigint); INSERT INTO epochs VALUES (1, 'v', 1767225600, '2026-01-01', 1767225600)");
my %errors = (
	'{"event_time": "ts"}' => qr/cannot be read as event_time.*unit": "ms"/s,
	'{"event_time": {"column": "ts"}}' => qr/invalid column for "event_time".*Units are s, ms, us, ns/s,
	'{"event_time": {"column": "ts", "unit": "h"}}' => qr/invalid column for "event_time"/,
	'{"event_time": {"column": "ts", "unit": "s", "zone": "UTC"}}' => qr/invalid column for "event_time"/,
	'{"event_time": {"column": "tx", "unit": "s"}}' => qr/has no column "tx"/,
	'{"event_time": {"column": "at", "unit": "s"}}' => qr/column "at" can have no unit: it holds no numbers/,
	'{"event_time": "at", "url": {"column": "ts", "unit": "s"}}' => qr/column "ts" can have no unit: url is no time/,
);
like(says("SELECT journey.create_model('errors'); SELECT journey.add_source('errors', 'epochs', 'page', '$_'); SELECT journey.drop_model('errors')"), $errors{$_}, $_) for sort keys %errors;
my ($captured) = own('epochs', '{"event_time": {"column": "ts", "unit": "s"}}', 'page', '{"capture": "trigger"}');
sql('UPDATE epochs SET ts = ts + 60');
rows("SELECT journey.refresh('$captured')");
is(rows("SELECT event_time FROM $captured.events"), '2026-01-01 00:01:00+00', 'triggers note such a time as it is read');

# how far an event may be dated after its arrival
sql(q{CREATE TABLE arrivals (event_id int, visitor_id text, event_time timestamptz, received_at date, loaded_at date);
	INSERT INTO arrivals VALUES (1, 'v', '2026-01-03 00:00Z', '2026-01-01', NULL), (2, 'v', '2026-01-03 00:00:01Z', '2026-01-01', '2026-01-09'), (3, 'v', '2026-01-03 00:00Z', NULL, '2026-01-01'),
		(4, 'v', '2026-01-03 00:00:01Z', NULL, '2026-01-01'), (5, 'v', '9999-01-01', NULL, NULL), (6, 'v', '9999-01-01', NULL, 'infinity'), (7, 'v', '2026-01-01', NULL, '-infinity'), (8, 'v', '2026-01-01', 'infinity', NULL)});
my $counts;
($m, $counts) = own('arrivals', '{}', 'page');
is(rows("SELECT \"row\" ->> 'event_id', reason FROM $m.rejected_events ORDER BY 1"), "2|in the future\n4|in the future\n8|infinite time", 'an event is held to its receipt, else to its load, a date to its end');
($m, $counts) = own('arrivals', '{"received_at": null, "loaded_at": null}', 'page');
is($counts, '8|0', 'else to nothing');

# ------------------------------------------------------------------------------------------------
# text for load time and JSON; currencies; rejected rows
# ------------------------------------------------------------------------------------------------

sql(q{CREATE TABLE words (event_id int, visitor_id text, event_time timestamptz, kind text, loaded text, properties text, traits text);
	INSERT INTO words VALUES (1, 'v', '2026-01-01', 'track', '2026-01-01T00:00Z', '{"a": {"b": 1}}', NULL), (2, 'v', '2026-01-01', 'track', 'soon', '', NULL), (3, 'v', '2026-01-01', 'track', NULL, 'a=1', NULL),
		(4, 'v', '2026-01-01', 'identify', '2026-01-02', NULL, '{"email": "a@b.test"}')});
($m, $counts) = own('words', '{"loaded_at": "loaded"}');
is($counts, '3|1', 'text columns of JSON are read');
is(rows("SELECT event_id, properties #>> '{a,b}' FROM $m.events ORDER BY 1"), "1|1\n2|\n4|", 'as JSON');
is(rows("SELECT email FROM $m.profiles"), 'a@b.test', 'traits too');
is(rows("SELECT \"row\" ->> 'properties', reason FROM $m.rejected_events"), 'a=1|properties is no jsonb', 'what is none is rejected');
is(rows("SELECT watermark FROM journey._source_table WHERE model = '$m'"), '2026-01-02 00:00:00+00', 'load times in text are');
sql("INSERT INTO words VALUES (5, 'v', '2026-01-01', 'track', '2026-01-03', NULL, NULL)");
is(rows("SELECT new FROM journey.refresh('$m')"), '1', 'and tell what is new');

sql(q{CREATE TABLE sales (event_id int, visitor_id text, event_time timestamptz, name text, revenue numeric, currency text);
	INSERT INTO sales VALUES (1, 'v', '2026-01-01', 'sale', 1, 'usd'), (2, 'v', '2026-01-01 00:00:01', 'sale', 2, E' USD\n'), (3, 'v', '2026-01-01 00:00:02', 'sale', 4, 'Usd'),
		(4, 'w', '2026-01-01', 'sale', 1, ''), (5, 'w', '2026-01-01 00:00:01', 'sale', 1, NULL), (6, 'x', '2026-01-01', 'sale', 1, 'eur'), (7, 'x', '2026-01-01 00:00:01', 'sale', 1, 'USD')});
($m) = own('sales', '{}', 'track');
is(rows("SELECT person_id, revenue, revenue_by_currency::text FROM $m.profiles ORDER BY 1"), qq(visitor:v|7|{"USD": 7}\nvisitor:w|2|{"": 2}\nvisitor:x||{"EUR": 1, "USD": 1}), 'one currency, however written');
is(rows("SELECT visitor_id, revenue FROM $m.sessions ORDER BY 1"), "v|7\nw|2\nx|", 'in sessions too');
is(rows("SELECT visitor_id, revenue FROM journey.sessionize('TABLE sales') ORDER BY 1"), "v|7\nw|2\nx|", 'and in functions');

sql(q{CREATE TABLE docs (event_id int, visitor_id text, event_time timestamptz, doc json);
	INSERT INTO docs VALUES (1, NULL, '2026-01-01', '{"a": 1}'), (2, 'v', '2026-01-01', '{"a": "\u0000"}'), (3, 'v', '2026-01-01', '1e999999')});
($m) = own('docs', '{}', 'track');
is(rows("SELECT jsonb_typeof(\"row\"), \"row\" ? 'raw', substring(\"row\" ->> 'raw' from '\"event_id\":(.)'), reason FROM $m.rejected_events ORDER BY \"row\" ? 'raw', 3"),
	"object|f||no visitor or user\nobject|t|2|doc is no jsonb\nobject|t|3|doc is no jsonb", 'a rejected row is an object, what jsonb cannot hold is under "raw"');

# ------------------------------------------------------------------------------------------------
# an address that is a user's id
# ------------------------------------------------------------------------------------------------

sql(q{CREATE TABLE people (event_id serial, visitor_id text, user_id text, previous_id text, kind text, event_time timestamptz, traits jsonb, received_at timestamptz DEFAULT now());
	INSERT INTO people (visitor_id, user_id, kind, event_time, traits) VALUES
		('d1', 'Ann@Corp.test', 'page', '2026-01-01', NULL), ('d2', NULL, 'identify', '2026-01-01', '{"email": "ann@corp.test"}'),
		('d3', 'bob@corp.test', 'identify', '2026-01-02', '{"email": "robert@corp.test"}'), ('d4', NULL, 'identify', '2026-01-01', '{"email": "bob@corp.test"}'),
		('d5', 'cy@corp.test', 'page', '2026-01-01', NULL), ('d6', 'u6', 'identify', '2026-01-01', '{"email": "cy@corp.test"}'), ('d7', NULL, 'identify', '2026-01-01', '{"email": "cy@corp.test"}'),
		('d8', 'dot@example.com', 'page', '2026-01-01', NULL)});
($m) = own('people');
is(rows("SELECT person_id, email, visitor_ids FROM $m.profiles ORDER BY person_id COLLATE \"C\""), <<'ROWS' =~ s/\n\z//r, 'it is the e-mail where no trait gives one, and is carried where no other user does');
user:Ann@Corp.test|ann@corp.test|{d1,d2}
user:bob@corp.test|robert@corp.test|{d3,d4}
user:cy@corp.test|cy@corp.test|{d5}
user:dot@example.com||{d8}
user:u6|cy@corp.test|{d6,d7}
ROWS
sql("INSERT INTO people (visitor_id, user_id, kind, event_time, traits) VALUES ('d9', 'u9', 'identify', '2026-01-02', '{\"email\": \"ann\@corp.test\"}')");
rows("SELECT journey.refresh('$m')");
is(rows("SELECT person_id, visitor_ids FROM $m.profiles WHERE visitor_ids && '{d1,d2,d9}' ORDER BY 1"), "user:Ann\@Corp.test|{d1}\nuser:u9|{d2,d9}", 'a trait that comes later takes it');
is(rows("SELECT count(*) FROM journey.verify('$m')"), 0, 'as a rebuild would');

# ------------------------------------------------------------------------------------------------
# reject_reason() says before what a model does
# ------------------------------------------------------------------------------------------------

sql(q{CREATE TABLE doubtful AS
	SELECT n AS event_id, (ARRAY['v', 'null', NULL, 'NA', repeat('x', 1025), '[ none ]'])[1 + n % 6] AS visitor_id,
		(ARRAY[NULL, 'u', 'unknown', 'NA', repeat('y', 1025)])[1 + n / 6 % 5] AS user_id,
		(ARRAY['2026-03-01', '2026-03-03', '1999-12-31', 'infinity', NULL]::timestamptz[])[1 + n / 30 % 5] AS event_time,
		(ARRAY[NULL, 'page', 'click', ''])[1 + n / 7 % 4] AS kind, (ARRAY[NULL, 'p', repeat('z', 1025)])[1 + n / 11 % 3] AS previous_id,
		(ARRAY[NULL, '2026-03-01', 'infinity']::timestamptz[])[1 + n / 13 % 3] AS received_at,
		(ARRAY['2026-03-01', '2026-03-09', 'infinity', '-infinity']::timestamptz[])[1 + n / 17 % 4] AS loaded_at
	FROM generate_series(1, 2000) AS n});
for (['{}', ''], ['{"allow_ids": ["NA", "null"], "earliest": "1999-01-01", "max_future": "3 days"}', ", '{NA,\"null\"}', '1999-01-01+00', '3 days'"])
{
	my ($options, $arguments) = @$_;
	my ($model) = own('doubtful', '{}', undef, $options);
	is(rows("SELECT count(*) FILTER (WHERE r.reason IS DISTINCT FROM m.reason), count(DISTINCT r.reason) > 4, count(*) FILTER (WHERE r.reason IS NULL) > 10
		FROM (SELECT d.event_id, journey.reject_reason(jsonb_populate_record(NULL::journey.event, to_jsonb(d)), d.loaded_at$arguments) AS reason FROM doubtful AS d) AS r
		LEFT JOIN (SELECT (\"row\" ->> 'event_id')::int AS event_id, reason FROM $model.rejected_events) AS m USING (event_id)"), '0|t|t',
		"reject_reason() gives the reasons of a model: $options");
}
done_testing;
