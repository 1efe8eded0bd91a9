#!/usr/bin/env perl
# What a BI tool and its users meet: money that adds up, columns with comments, plans, cursors, readers.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use JSON::PP;
use Test::More;

$ENV{PGOPTIONS} = '-c client_min_messages=warning -c timezone=UTC';
my $database = value('SELECT current_database()');
my $reader = "${database}_reader";
system('psql', '-qX', '-o', '/dev/null', '-v', 'events=20000', '-f', "$FindBin::Bin/../sample/generate.sql") == 0 or die;
sql(q{CREATE EXTENSION pg_journey;
	SELECT journey.create_model('web', 'rudder') \g /dev/null
	SELECT journey.refresh('web') \g /dev/null
	ANALYZE});
sub rows { my ($query) = @_; return join "\n", map { join '|', @$_ } sql($query) }
sub verified { my ($model) = @_; return value("SELECT count(*) FROM journey.verify('$model')") }

# ------------------------------------------------------------------------------------------------
# money
# ------------------------------------------------------------------------------------------------

# By currency and person, from each of the three; outside sessions only events and profiles have any.
my $differences = q{
	WITH e AS (SELECT person_id, coalesce(currency, '') AS currency, sum(revenue) AS amount
			FROM %1$s.events WHERE counts_as_revenue GROUP BY 1, 2),
		p AS (SELECT person_id, x.key AS currency, x.value::numeric AS amount
			FROM %1$s.profiles CROSS JOIN LATERAL jsonb_each_text(revenue_by_currency) AS x),
		s AS (SELECT session_id, sum(revenue) AS amount FROM %1$s.events
			WHERE counts_as_revenue AND session_id IS NOT NULL GROUP BY 1 HAVING count(DISTINCT coalesce(currency, '')) = 1)
	SELECT (SELECT count(*) FROM e FULL JOIN p USING (person_id, currency) WHERE e.amount IS DISTINCT FROM p.amount)
		+ (SELECT count(*) FROM s FULL JOIN (SELECT * FROM %1$s.sessions WHERE revenue IS NOT NULL) AS x USING (session_id)
			WHERE s.amount IS DISTINCT FROM x.revenue)};
sub money { my ($model) = @_; return value(sprintf $differences, $model) }

is(money('web'), 0, 'events, sessions and profiles of the sample have the same amounts');
cmp_ok(value('SELECT count(*) FROM web.events WHERE NOT counts_as_revenue'), '>', 10, 'of which some do not count');
is(value('SELECT count(*) FROM web.events WHERE (revenue IS NULL) <> (counts_as_revenue IS NULL)'), 0, 'null where there is no amount');

sql(q{CREATE TABLE shop (event_id text, visitor_id text, user_id text, event_time timestamptz, name text, revenue numeric,
		currency text, order_id text, loaded_at timestamptz);
	SELECT journey.create_model('shop') \g /dev/null
	SELECT journey.add_source('shop', 'shop', 'track') \g /dev/null});
my $loads = 0;
sub load
{
	my ($rows) = @_;
	$loads++;
	sql("INSERT INTO shop SELECT *, timestamptz '2026-01-01' + $loads * interval '1 day' FROM (VALUES $rows) AS x;
		SELECT journey.refresh('shop') \\g /dev/null");
	is(money('shop') . ' ' . verified('shop'), '0 0', "load $loads: the same amounts, and as derived anew");
}
my $shown = q{SELECT event_id, counts_as_revenue FROM shop.events WHERE revenue IS NOT NULL ORDER BY 1};
my $sums = q{SELECT user_id, s.started_at::date, s.revenue, s.version FROM shop.sessions AS s ORDER BY started_at, 1};
load(q{('e2', 'd1', 'u1', timestamptz '2026-01-02 10:00', 'Order Completed', 10, 'EUR', 'o1'),
	('e3', 'd2', 'u2', '2026-01-02 10:00', 'Order Completed', 10, 'EUR', 'o1')});
is(rows($shown), "e2|t\ne3|t", 'two people, each with an order of their own of this number');
load(q{('e4', 'd3', 'u1', timestamptz '2026-01-03 10:00', 'Order Completed', 10, 'eur ', 'o1'),
	('e5', 'd3', 'u1', '2026-01-03 10:01', 'Order Completed', 7, 'USD', 'o2')});
is(rows($shown), "e2|t\ne3|t\ne4|f\ne5|t", 'the same order on another device does not count again');
is(rows($sums), "u1|2026-01-02|10|1\nu2|2026-01-02|10|1\nu1|2026-01-03|7|2", 'nor in the session, which has one currency then');
load(q{('e1', 'd4', 'u1', timestamptz '2026-01-01 10:00', 'Order Completed', 10, 'EUR', 'o1')});
is(rows($shown), "e1|t\ne2|f\ne3|t\ne4|f\ne5|t", 'an earlier copy that comes late is the one that counts');
is(rows($sums), "u1|2026-01-01|10|3\nu1|2026-01-02||3\nu2|2026-01-02|10|1\nu1|2026-01-03|7|2",
	'and moves the cursor of the session that it takes the amount from');
load(q{('e6', NULL, 'u1', timestamptz '2026-01-05 10:00', 'Order Completed', 10, 'EUR', 'o1'),
	('e7', NULL, 'u1', '2026-01-05 11:00', 'Order Completed', 5, 'EUR', 'o3'),
	('e8', NULL, 'u1', '2026-01-05 12:00', 'Order Refunded', -5, 'EUR', 'o3'),
	('e9', NULL, 'u1', '2026-01-05 13:00', 'Order Refunded', -5, 'EUR', 'o3')});
is(rows(q{SELECT event_id, counts_as_revenue, session_id IS NULL FROM shop.events WHERE event_id >= 'e6' ORDER BY 1}),
	"e6|f|t\ne7|t|t\ne8|t|t\ne9|t|t", 'outside sessions too; refunds each');
sql(q{SELECT journey.forget('shop', 'u2') \g /dev/null});
is(money('shop') . ' ' . verified('shop'), '0 0', 'and after somebody was forgotten');
sql(q{UPDATE shop._repeats SET revenue = 99; SELECT journey.rebuild('shop') \g /dev/null});
is(money('shop') . ' ' . verified('shop'), '0 0', 'a rebuild mends it');

# ------------------------------------------------------------------------------------------------
# cursors
# ------------------------------------------------------------------------------------------------

# A consumer that takes what is newer than its last version has each row as it is.
sql(q{CREATE TABLE taken AS TABLE web.sessions; CREATE TABLE taken_touches AS TABLE web.touches});
is(value('SELECT count(*) FROM web.sessions AS s JOIN web.touches AS t USING (version, updated_at) WHERE s.version <> 1'), 0, 'a first load has version 1');
system('psql', '-qX', '-f', "$FindBin::Bin/../sample/load-later.sql") == 0 or die;
sql(q{SELECT journey.refresh('web') \g /dev/null});
for (['sessions', 'taken', 'session_id'], ['touches', 'taken_touches', 'touch_id'])
{
	my ($relation, $table, $key) = @$_;
	my $columns = value("SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute WHERE attrelid = 'web.$relation'::regclass
		AND attnum > 0 AND attname NOT IN ('version', 'updated_at')");
	is(rows("SELECT count(*) FILTER (WHERE t.version = 1 AND w.version = 1 AND ROW(w.*) IS DISTINCT FROM ROW(t.*)),
			count(*) FILTER (WHERE w.version > 1) > 0,
			count(*) FILTER (WHERE w.version > 1 AND w.updated_at <= t.updated_at)
		FROM web.$relation AS w LEFT JOIN $table AS t USING ($key)"), '0|t|0', "$relation: what is not newer is as it was");
	cmp_ok(value("SELECT count(*) FILTER (WHERE version > 1)::numeric / count(*) FROM web.$relation"), '<', 0.3, 'which is most');
}
is(money('web') . ' ' . verified('web'), '0 0', 'amounts are the same after a later load');

# ------------------------------------------------------------------------------------------------
# columns
# ------------------------------------------------------------------------------------------------

is(rows(q{SELECT c.relname, a.attname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT attisdropped
	WHERE relnamespace = 'web'::regnamespace AND relkind IN ('r', 'v', 'm') AND relname NOT LIKE '\_%'
	  AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid, 'pg_class') IS NULL)}), '', 'no public relation or column lacks a comment');
is(rows(q{SELECT count(*) FILTER (WHERE title IS NULL), count(*) FILTER (WHERE page_path IS DISTINCT FROM journey.url_path(url)),
		count(*) FILTER (WHERE host IS DISTINCT FROM journey.url_host(url)), count(DISTINCT title) > 5
	FROM web.page_views WHERE kind = 'page'}), '0|0|0|t', 'pages have title, path and host');
is(rows(q{SELECT count(*) FROM (SELECT person_id, event_id, event_time FROM web.events
	EXCEPT ALL SELECT t.person_id, e.event_id, e.event_time FROM web.timelines AS t CROSS JOIN LATERAL journey.events(t.events) AS e) AS x}), 0,
	'timelines have every event, with its person');
is(rows(q{SELECT count(*) FILTER (WHERE s.session_id IS NULL) FROM web.timelines AS t LEFT JOIN web.sessions AS s
	ON s.session_id = t.session_id AND s.started_at = t.started_at AND s.person_id = t.person_id WHERE t.session_id IS NOT NULL}), 0, 'of their sessions');

sql(q{CREATE SCHEMA app_raw;
	CREATE TABLE app_raw.pages (id text, anonymous_id text, user_id text, "timestamp" timestamptz, received_at timestamptz, url text, title text,
		context_device_type text, context_os_name text, context_locale text, context_geo_country text, context_browser_name text);
	INSERT INTO app_raw.pages VALUES ('1', 'a', NULL, '2026-01-01 10:00', '2026-01-01', 'https://s.test/x?y', 'X', 'phone', 'iOS', 'de-DE', 'Germany', 'Safari'),
		('2', 'a', NULL, '2026-01-01 10:01', '2026-01-01', 'https://s.test/z', NULL, NULL, 'iOS', 'de-AT', 'Austria', NULL),
		('3', 'b', NULL, '2026-01-01 10:00', '2026-01-01', 'https://s.test/x', 'X', NULL, NULL, NULL, NULL, NULL);
	SELECT journey.create_model('app', 'app_raw') \g /dev/null
	SELECT journey.refresh('app') \g /dev/null
	CREATE TABLE own (event_id text, visitor_id text, event_time timestamptz, url text, dvce_type text, os_family text, br_family text, br_lang text, geo_country text);
	INSERT INTO own VALUES ('1', 'a', '2026-01-01', 'https://s.test/', 'Mobile', 'Android', 'Chrome', 'en', 'US');
	SELECT journey.create_model('own') \g /dev/null
	SELECT journey.add_source('own', 'own', 'page') \g /dev/null
	SELECT journey.refresh('own') \g /dev/null});
is(rows(q{SELECT first_device_type, first_os_name, first_browser, first_locale, last_locale, first_country, last_country FROM app.sessions ORDER BY visitor_id}),
	"phone|iOS|Safari|de-DE|de-AT|Germany|Austria\n||||||", 'sessions know device, system, browser, locale and country');
is(rows(q{SELECT first_device_type, first_os_name, first_browser, first_locale, first_country FROM own.sessions}), 'Mobile|Android|Chrome|en|US', 'by whatever names');
is(rows(q{SELECT title, page_path FROM app.page_views ORDER BY event_id}), "X|/x\n|/z\nX|/x", 'titles where there are any');
is(verified('app') . verified('own'), '00', 'as derived anew');
sql(q{SELECT journey.set_options('app', '{"keep_properties": []}') \g /dev/null
	SELECT journey.rebuild('app') \g /dev/null});
is(value(q{SELECT count(*) FROM pg_attribute WHERE attrelid = 'app.sessions'::regclass AND attname LIKE 'first\_%'}), 0, 'unless the option says so');
is(value(q{SELECT count(*) FROM pg_attribute AS a WHERE attrelid = 'app.sessions'::regclass AND attnum > 0 AND NOT attisdropped
	AND col_description(attrelid, attnum) IS NULL}), 0, 'comments stay');

# ------------------------------------------------------------------------------------------------
# plans
# ------------------------------------------------------------------------------------------------

# The rows that a plan expects at its top, and all nodes of it.
sub planned
{
	my ($query) = @_;
	my $plan = decode_json(join '', map { $_->[0] } sql("EXPLAIN (FORMAT json) $query"))->[0]{Plan};
	my @nodes = my @todo = $plan;
	while (my $node = shift @todo) { push @nodes, @{ $node->{Plans} // [] }; push @todo, @{ $node->{Plans} // [] } }
	return ($plan->{'Plan Rows'}, @nodes);
}
sql('ANALYZE');
for my $query ('SELECT * FROM web.events', 'SELECT * FROM web.page_views', "SELECT * FROM web.events WHERE person_id = 'user:pinned' OR true",
	"SELECT * FROM web.events WHERE kind = 'page'", 'SELECT e.* FROM web.timelines AS t, journey.events(t.events) AS e',
	"SELECT * FROM web.events WHERE session_date BETWEEN '2026-09-01' AND '2026-09-30'",
	'SELECT s.channel, e.name FROM web.sessions AS s JOIN web.events AS e USING (session_id)',
	"SELECT * FROM web.events WHERE visitor_id = (SELECT visitor_id FROM web.sessions ORDER BY session_number DESC LIMIT 1)")
{
	my ($expected) = planned($query);
	my $truth = value("SELECT count(*) FROM ($query) AS x");
	ok($truth > 0 && $expected / $truth < 20 && $truth / $expected < 20, "$query: $truth rows, $expected expected");
}
for my $n (1, 40, 3000)
{
	sql("DROP TABLE IF EXISTS lines; CREATE TABLE lines AS SELECT g AS id, (SELECT journey.timeline_agg(timestamptz '2026-01-01' + (g * i || ' s')::interval,
		md5(g || ' ' || i)) AS t FROM generate_series(1, $n) AS i) FROM generate_series(1, 30) AS g; ANALYZE lines");
	my ($expected) = planned('SELECT e.* FROM lines, journey.events(t) AS e');
	ok($expected > 30 * $n / 20 && $expected < 30 * $n * 20, "timelines of $n events: $expected expected");
}
my ($expected) = planned(q{SELECT * FROM journey.events((SELECT journey.timeline_agg('2026-01-01'::timestamptz, 'x')))});
ok($expected, 'of an expression some');
is((planned(q{SELECT * FROM journey.events('[{"event_time": "2026-01-01T00:00:00Z"}, {"event_time": "2026-01-02T00:00:00Z"}]')}))[0], 2, 'of a constant as many as there are');

my $session = value("SELECT session_id FROM web.sessions ORDER BY 1 LIMIT 1");
my (undef, @nodes) = planned("SELECT * FROM web.events WHERE session_id = '$session'");
is(join(' ', grep { $_->{'Node Type'} eq 'Seq Scan' && $_->{'Relation Name'} ne '_repeats' } @nodes), '', 'the events of a session come by index');
(undef, @nodes) = planned("SELECT * FROM web.events WHERE person_id = (SELECT person_id FROM web.profiles LIMIT 1)");
is(scalar(grep { ($_->{'Relation Name'} // '') eq '_segments' && $_->{'Node Type'} eq 'Seq Scan' } @nodes), 0, 'and those of a person');
(undef, @nodes) = planned('SELECT page_path, count(*) FROM web.page_views GROUP BY 1');
is(scalar(grep { ($_->{'Relation Name'} // '') eq '_sessions' || $_->{'Node Type'} =~ /Sort|WindowAgg/ } @nodes), 0, 'top pages neither join nor sort');
(undef, @nodes) = planned("SELECT * FROM web.sessions WHERE started_at >= '2026-11-20' ORDER BY started_at DESC LIMIT 10");
ok((grep { ($_->{'Index Name'} // '') =~ /started_at/ } @nodes), 'sessions are indexed by their start');
(undef, @nodes) = planned("SELECT * FROM web.touches ORDER BY touched_at DESC LIMIT 10");
ok((grep { ($_->{'Index Name'} // '') =~ /touched_at/ } @nodes), 'touches by their time');

# ------------------------------------------------------------------------------------------------
# readers
# ------------------------------------------------------------------------------------------------

sql(qq{CREATE ROLE "$reader"});
sub tries { my ($query) = @_; my $out = `psql -qXAt -c 'SET ROLE "$reader"' -c "$query" 2>&1`; chomp $out; return $out }
like(tries('SELECT count(*) FROM web.events'), qr/permission denied for schema web/, 'a reader has no right');
sql(qq{SELECT journey.grant_read('web', '$reader') \\g /dev/null});
my @public = map { $_->[0] } sql(q{SELECT relname FROM pg_class WHERE relnamespace = 'web'::regnamespace AND relkind IN ('r', 'v') AND relname NOT LIKE '\_%'});
is(scalar(grep { tries("SELECT count(x) >= 0 FROM web.$_ AS x") ne 't' } @public), 0, 'until it is given: all relations, ' . scalar(@public));
is(tries("SELECT count(counts_as_revenue) > 0 AND count(title) > 0 FROM web.events"), 't', 'all that a view calls');
is(tries("SELECT sum(journey.event_count(t)) > 0 FROM (SELECT journey.rollup(events) AS t FROM web.timelines GROUP BY person_id) AS x"), 't', 'functions on timelines');
is(value(qq{SELECT count(*) FROM pg_class WHERE relnamespace = 'web'::regnamespace AND relkind IN ('r', 'v') AND relname LIKE '\\_%'
	AND has_table_privilege('$reader', oid, 'SELECT')}), 0, 'no right on the store');
sql(q{SELECT journey.set_options('web', '{"keep_properties": ["context_library_name"]}') \g /dev/null
	SELECT journey.rebuild('web') \g /dev/null
	CREATE TABLE web.later AS SELECT 1 AS x});
is(tries('SELECT count(last_context_library_name) >= 0 FROM web.sessions') . tries('SELECT x FROM web.later'), 't1', 'relations that come later are read, too');
like(tries(q{SELECT journey.grant_read('web', 'pg_monitor')}), qr/must be|permission|owner|not exist/i, 'who does not own a model gives no rights on it');
sql(qq{SELECT journey.revoke_read('web', '$reader') \\g /dev/null\nCREATE TABLE web.later_still AS SELECT 1 AS x});
like(tries('SELECT 1 FROM web.events'), qr/permission denied/, 'rights are taken back');
is(value(qq{SELECT has_table_privilege('$reader', 'web.later_still', 'SELECT')}), 'f', 'of what comes later, too');
for (['nobody_at_all', '42704'], ['', '22023'])
{
	my ($role, $state) = @$_;
	like(`psql -qXAt -v VERBOSITY=verbose -c "SELECT journey.grant_read('web', '$role')" 2>&1`, qr/$state/, "role \"$role\"");
}
sql(qq{SELECT journey.grant_read('web', 'public') \\g /dev/null});
is(tries('SELECT count(*) > 0 FROM web.sessions'), 't', 'everybody may be given it');
sql(qq{SELECT journey.drop_model('web') \\g /dev/null\nDROP OWNED BY "$reader"; DROP ROLE "$reader"});

done_testing();
