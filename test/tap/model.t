#!/usr/bin/perl
# A model as its owner, an analyst, a stranger and a DBA meet it: rights, reports, changes, errors.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Temp ();
use Journey;
use Test::More;

$ENV{PGOPTIONS} = '-c client_min_messages=warning -c timezone=UTC';
my @roles = map { "model_test_$_" } qw(owner analyst stranger);
my ($owner, $analyst, $stranger) = @roles;

# What psql says of statements that one role runs: its messages, each in one line, beginning with the
# SQLSTATE; nothing where all is well.
sub said
{
	my ($role, $sql, $level) = @_;
	my $script = File::Temp->new;
	print $script "\\set VERBOSITY verbose\n\\set SHOW_CONTEXT never\n";
	print $script "SET client_min_messages = $level;\n" if $level;
	print $script "SET ROLE $role;\n" if $role;
	print $script $sql;
	close $script;
	my $text = `psql -qXAt -v ON_ERROR_STOP=1 -f '@{[$script->filename]}' 2>&1 >/dev/null`;
	$text =~ s/^psql:[^ ]*: (?:ERROR|WARNING|NOTICE):  (?=\w{5}:)//mg;
	$text =~ s/^(?:LOCATION|LINE \d+):.*\n(?: *\^\n)?//mg;
	$text =~ s/^(DETAIL|HINT):  /| /mg;
	$text =~ s/\n(?=\| )/ /g;
	return $text =~ s/\n\z//r;
}

# All that a model is, in one value.
my $whole = join ' || ',
  map { "(SELECT coalesce(md5(string_agg(x::text, '' ORDER BY x::text)), '-') FROM $_ AS x)" }
  qw(web.sessions web.touches web.identities web.profiles web.events web.rejected_events web_store._segments
  journey._model journey._source_table journey._refresh);

sql(qq{
	CREATE EXTENSION IF NOT EXISTS pg_journey;
	} . join('', map { "CREATE ROLE $_; GRANT USAGE ON SCHEMA journey TO $_;\n" } @roles) . qq{
	CREATE SCHEMA web AUTHORIZATION $owner;
	CREATE SCHEMA web_store AUTHORIZATION $owner;
	CREATE SCHEMA shop;
	CREATE TABLE shop.pages (id text, anonymous_id text, user_id text, received_at timestamptz,
		uuid_ts timestamptz,
		url text, context_ip text);
	CREATE TABLE shop.identifies (id text, anonymous_id text, user_id text, received_at timestamptz,
		uuid_ts timestamptz,
		email text);
	INSERT INTO shop.pages
	SELECT 'p' || i, 'v' || i % 4, NULL, t, t, 'https://shop.test/' || i,
		CASE i WHEN 5 THEN '10.0.0.1' ELSE '192.0.2.1' END
	FROM generate_series(1, 40) AS i,
		LATERAL (SELECT timestamptz '2026-03-01' + i * interval '11 minutes' AS t) AS x;
	INSERT INTO shop.pages VALUES ('bad', NULL, NULL, '2026-03-01', '2026-03-01',
		'https://shop.test/', NULL);
	INSERT INTO shop.identifies VALUES ('i1', 'v1', 'ann', '2026-03-01 05:00', '2026-03-01 05:00',
		'ann\@shop.test');
	GRANT USAGE ON SCHEMA shop TO $owner;
	GRANT SELECT ON ALL TABLES IN SCHEMA shop TO $owner});

# ------------------------------------------------------------------------------------------------
# a plain role
# ------------------------------------------------------------------------------------------------

is_deeply([ map { $_->[0] } sql(q{
	SELECT p.oid::regprocedure FROM pg_proc AS p
	WHERE p.pronamespace = 'journey'::regnamespace AND p.proname !~ '^_'
		AND NOT has_function_privilege('model_test_stranger', p.oid, 'EXECUTE')}) ], [],
			'anybody may call the public functions');
is(said($analyst, q{
	SELECT journey.url_host('https://a.test'), journey.url_path('https://a.test/b'),
		journey.url_param('https://a.test?c=1', 'c'),
		journey.strip_tracking('https://a.test?gclid=1'),
			journey.campaign('https://a.test?utm_source=x'),
		journey.touch('https://a.test?gclid=1'), journey.channel('google', 'cpc');
	SELECT * FROM journey.url_params('https://a.test?c=1');
	WITH one AS (SELECT journey.timeline_agg(now(), 'x') AS t),
	more AS (SELECT journey.rollup(t) AS t FROM (TABLE one UNION ALL
		SELECT journey.timeline_agg('1', now(), 'x', 'https://a.test', NULL, 'u', 1) UNION ALL
		SELECT journey.timeline_agg(e) FROM one, journey.events(t) AS e) AS x)
	SELECT journey.first_touch(t), journey.last_touch(t), journey.event_count(t), e, s, h
	FROM more, journey.events(t) AS e, journey.sessions(t) AS s, journey.touches(t) AS h;
	SELECT journey.session_number(now()) OVER ();
	SELECT * FROM journey.models; SELECT * FROM journey.refresh_log;}), '',
	'a role without any rights beyond USAGE uses all functions on rows');
is(said($analyst, q{SELECT journey.create_model('mine')}),
	'42501: permission denied for database ' . value('SELECT current_database()'),
	'but makes no schema where it may not');
is(said($owner, q{SELECT journey.create_model('web', 'shop')}), '',
	'one with a schema of its own makes a model in it');
is(said($owner, q{SELECT journey.create_model('web')}), '42710: model "web" already exists',
	'once');
is(said($owner, q{SELECT journey.create_model('other', NULL,
	'{"schema": "web"}')}) =~ s/\|.*(?=\| Give)//r,
	'42P07: schema "web" already has relations of names that a model needs '
	  . '| Give the model a schema of its own with the option "schema".',
	'two models do not share a schema');
my ($report) = sql(qq{SET ROLE $owner; SELECT rows_read, new, duplicate, excluded, rejected,
	sessions_changed > 0, profiles_changed
	FROM journey.refresh('web')});
is("@$report", '42 41 0 0 1 t 4', 'and refreshes it');
is(value(q{SELECT owner FROM journey.models}), $owner, 'it is its own');
is(value(qq{SET ROLE $owner; SELECT count(*) FROM journey.verify('web', true)}), 0,
	'nothing differs');

# ------------------------------------------------------------------------------------------------
# others
# ------------------------------------------------------------------------------------------------

my $denied = qq{42501: permission denied for model "web" | The model belongs to role "$owner". }
  . '| The owner lets others use it by granting them its role.';
is(said($stranger, "SELECT $_"), $denied, "a stranger may not call $_")
  for "journey.refresh('web')", "journey.verify('web')", "journey.rebuild('web', true, true)",
	"journey.set_options('web', '{}')",
  "journey.add_schema('web', 'shop')", "journey.add_source('web', 'pg_class')",
	"journey.drop_model('web')";
is(said($stranger, 'TABLE journey._model'), '42501: permission denied for table _model',
	'nor read the catalog');
is(value("SET ROLE $stranger; SELECT count(*) FROM journey.models"), 0,
	'nor see the model in journey.models');
is(value("SET ROLE $stranger; SELECT count(*) FROM journey.refresh_log"), 0,
	'or in journey.refresh_log');
is(said($stranger, 'TABLE web.sessions'), '42501: permission denied for schema web',
	'nor its relations');
sql(qq{SET ROLE $owner; GRANT USAGE ON SCHEMA web TO $analyst;
	GRANT SELECT ON web.sessions, web.touches, web.profiles, web.events,
		web.page_views TO $analyst});
is(value("SET ROLE $analyst; SELECT count(*) FROM web.page_views AS v JOIN web.sessions AS s USING (session_id)
		JOIN web.profiles AS p ON p.person_id = s.person_id"),
	40, 'an analyst reads what the owner grants');
is(said($analyst, q{SELECT journey.refresh('web')}), $denied, 'and refreshes nothing');
sql("GRANT $owner TO $analyst");
is(said($analyst, q{SELECT journey.refresh('web')}), '', 'until the owner grants its role');
sql("REVOKE $owner FROM $analyst");

# ------------------------------------------------------------------------------------------------
# errors
# ------------------------------------------------------------------------------------------------

for my $call ("refresh('wbe')", "verify('wbe')", "rebuild('wbe')", "set_options('wbe', '{}')",
	"drop_model('wbe')")
{
	is(said($owner, "SELECT journey.$call"),
		'42704: model "wbe" does not exist | Your models are "web".', "unknown model: $call");
}
is(said($stranger, q{SELECT journey.refresh('wbe')}),
	'42704: model "wbe" does not exist | Create one with journey.create_model().',
		'whose names others do not learn');
is(said($owner, "SELECT journey.$_"), '22004: model must not be null', "no model: $_")
  for 'refresh(NULL)', 'verify(NULL)', 'rebuild(NULL)', 'drop_model(NULL)';
like(said($owner, q{SELECT journey.set_options('web', '{"time_out": "1 hour"}')}),
	qr/^22023: unknown option "time_out" \| Options here are schema, timeout, /, 'unknown option');
is(said($owner, q{SELECT journey.set_options('web', '{"timeout": "1 month"}')}),
	'22023: invalid value for option "timeout": "1 month" | It must be an interval of fixed length: '
	  . 'days, hours, minutes, seconds; months and years vary.',
	'wrong option');

# ------------------------------------------------------------------------------------------------
# options and rebuild
# ------------------------------------------------------------------------------------------------

my $sessions = value('SELECT count(*) FROM web.sessions');
is(value(qq{SET ROLE $owner; SELECT journey.set_options('web',
	'{"timeout": "1 day", "time_zone": "Asia/Tokyo"}')}),
	'rebuild is due: changed options take effect with it: timeout, time_zone',
		'changed options wait for a rebuild');
is(value(q{SELECT rebuild_due FROM journey.models}),
	'changed options take effect with it: timeout, time_zone', 'as journey.models says');
is(said($owner, q{SELECT journey.refresh('web')}, 'notice'),
	q{00000: a rebuild of model "web" is due: changed options take effect with it: }
	  . q{timeout, time_zone | SELECT journey.rebuild('web');},
	'and a refresh');
is(value('SELECT count(*) FROM web.sessions'), $sessions, 'until then all is by the old ones');
is(value(qq{SET ROLE $owner; SELECT count(*) FROM journey.verify('web', true)}), 0,
	'and no difference');
sql(q{SELECT journey.rebuild('web')});
is(value('SELECT count(*) FROM web.sessions'), 4, 'with it they are in force');
is(value('SELECT rebuild_due IS NULL AND options_due IS NULL FROM journey.models'), 't',
	'nothing is due');
is(value(q{SELECT count(*) FROM journey.verify('web', true)}), 0, 'nothing differs');
is(value(q{SELECT journey.set_options('web', '{"timeout": null, "time_zone": null}')}) =~ s/:.*//r,
	'rebuild is due', 'null is the default');
sql(q{SELECT journey.rebuild('web')});
is(value('SELECT count(*) FROM web.sessions'), $sessions, 'and back');
# as after an upgrade
sql('UPDATE journey._model SET rules_version = rules_version - 1');
sql('UPDATE web_store._sessions SET user_id = \'stranger\'');
is(value(q{SELECT rebuild_due FROM journey.models}), 'the rules changed with an upgrade',
	'rules of an earlier release call for a rebuild');
is(said($owner, q{SELECT journey.refresh('web')}, 'notice'),
	q{00000: a rebuild of model "web" is due: the rules changed with an upgrade | SELECT journey.rebuild('web');},
	'as a refresh says');
is(value(q{SET client_min_messages = error; SELECT count(*) FROM journey.verify('web', true)}), 0, 'old rows are no difference');
like(said($owner, q{SELECT journey.verify('web')}, 'warning'),
	qr/^01000: model "web" is not verified: .* \| SELECT journey.rebuild\('web'\);$/, 'and verify says that it did not look');
sql(q{SELECT journey.rebuild('web')});
is(value(q{SELECT count(*) FROM web.sessions WHERE user_id = 'stranger'}), 0, 'with it they are in force');
is(value(q{SELECT rebuild_due IS NULL FROM journey.models}), 't', 'nothing is due');
like(value(q{SELECT journey.set_options('web', '{"exclude": {"ip": ["10.0.0.0/8"]}}')}),
	qr/rows read before keep the old exclude unless it reads from the sources/,
		'an option of reading');
sql(q{INSERT INTO shop.pages SELECT 'x' || i, 'v0', NULL, now(), now(), 'https://shop.test/x',
	'10.1.1.1' FROM generate_series(1, 3) AS i});
is(join(' ', @{ (sql(q{SELECT new, excluded FROM journey.refresh('web')}))[0] }), '0 3',
	'counts for what is read from then on');
is(value(q{SELECT count(*) FROM web.events WHERE event_id = 'p5'}), 1, 'not for what was');
my $old = 'rows read before keep the old exclude unless it reads from the sources';
is(value(q{SELECT journey.set_options('web', '{"timeout": "31 minutes"}')}),
	"rebuild is due: changed options take effect with it: timeout; $old", 'beside what waits for a rebuild that is told');
is(value(q{SELECT journey.set_options('web', '{"lookback": "80 days"}')}), "rebuild is due: changed options take effect with it: timeout; $old"
	. '; the next refresh puts in force: lookback', 'beside what waits for a refresh too');
is(value(q{SELECT journey.set_options('web', '{"timeout": null, "lookback": null, "exclude": {"ip": ["10.0.0.0/9"]}}')}), "rebuild is due: $old", 'once');
sql(q{SELECT journey.rebuild('web')});
is(value(q{SELECT rebuild_due FROM journey.models}), $old, 'and after one that does not read');

# ------------------------------------------------------------------------------------------------
# verify, rebuild from the sources, since
# ------------------------------------------------------------------------------------------------

sql(q{SELECT journey.set_options('web', '{"exclude": null}'); SELECT journey.rebuild('web', true)});
is(value(q{SELECT count(*) FROM web.events}), 44,
	'a rebuild from the sources reads all rows again');
sql(q{
	UPDATE web.profiles SET sessions = 99 WHERE person_id = 'user:ann';
	DELETE FROM web.touches WHERE visitor_id = 'v2' AND touched_at = (SELECT min(touched_at)
		FROM web.touches WHERE visitor_id = 'v2');
	INSERT INTO web.identities VALUES ('eve', 'user', 'user:eve', '-infinity', 'infinity', 'x')});
is_deeply([ map { join ' ', @$_ } sql(q{
	SELECT relation, problem, coalesce(stored ->> 'person_id', derived ->> 'visitor_id')
		FROM journey.verify('web') ORDER BY 1}) ],
	[ 'identities extra user:eve', 'profiles different user:ann', 'touches missing v2' ],
		'verify tells what was tampered with');
is(value(q{SELECT count(*) FROM journey.verify('web')}), 3, 'again');
my $version = value(q{SELECT max(version) FROM web.profiles});
sql(q{SELECT journey.rebuild('web')});
is(value(q{SELECT count(*) FROM journey.verify('web')}), 0, 'a rebuild repairs it');
is(join(' ', map { $_->[0] } sql(qq{SELECT person_id FROM web.profiles WHERE version > $version})),
	'user:ann',
	'and writes no other row');

sql(q{UPDATE shop.pages SET url = 'https://shop.test/new',
	received_at = received_at + interval '1 second' WHERE id = 'p7'});
is_deeply([ map { join ' ', @$_ } sql(q{SELECT relation, problem, key ->> 'event_id'
	FROM journey.verify('web')}) ],
	[ 'sources not read p7' ], 'verify tells of a row that changed behind the watermark');
is(value(q{SELECT new FROM journey.refresh('web')}), 0, 'which a refresh does not read');
is(value(q{SELECT count(*) FROM web.events WHERE url = 'https://shop.test/new'}), 0,
	'as it looks at new rows alone');
sql(q{SELECT journey.refresh('web', since => '2026-03-01')});
is(value(q{SELECT count(*) FROM web.events WHERE url = 'https://shop.test/new'}), 1,
	'but does with since');
is(value(q{SELECT count(*) FROM journey.verify('web', true)}), 0, 'nothing differs');

sql(q{DELETE FROM shop.pages WHERE id IN ('p8', 'p9')});
is(value(q{SELECT count(*) FROM journey.verify('web')}), 0,
	'rows purged from the sources stay in the model');
is_deeply([ map { join ' ', @$_ } sql(q{SELECT relation, problem, key ->> 'event_id'
	FROM journey.verify('web', true) ORDER BY 3}) ],
	[ 'sources lost p8', 'sources lost p9' ], 'strict lists them');
sql(q{SELECT journey.rebuild('web')});
is(value(q{SELECT count(*) FROM web.events}), 44, 'a rebuild keeps them');
is(said('', q{SELECT journey.rebuild('web', true)}),
	q{55000: a rebuild of model "web" from its sources would lose 2 events }
	  . q{| The sources do not hold them any more. }
	  . q{| SELECT journey.rebuild('web') derives all from the stored events; }
	  . q{with force => true they are given up.},
	'one from the sources refuses to lose them');
is(value(q{SELECT count(*) FROM web.events}), 44, 'and loses none');
sql(q{SELECT journey.rebuild('web', true, force => true)});
is(value(q{SELECT count(*) FROM web.events}), 42, 'unless forced');
is(value(q{SELECT count(*) FROM journey.verify('web', true)}), 0, 'nothing differs');

# ------------------------------------------------------------------------------------------------
# transactions
# ------------------------------------------------------------------------------------------------

my $more = q{
	INSERT INTO shop.pages SELECT 'm' || i, 'v' || i % 6, NULL, t, clock_timestamp(),
		'https://shop.test/?gclid=' || i, NULL
	FROM generate_series(1, 30) AS i,
		LATERAL (SELECT timestamptz '2026-03-01' + i * interval '17 minutes' AS t) AS x;
	INSERT INTO shop.identifies VALUES ('i2', 'v2', 'bob', '2026-03-01 06:00', clock_timestamp(),
		NULL);};
my $before = value("SELECT $whole");
is(value(qq{BEGIN; $more SELECT new FROM journey.refresh('web'); ROLLBACK;}), 31,
	'a refresh within a transaction');
is(value("SELECT $whole"), $before, 'that rolls back leaves all as it was');
is(value(qq{BEGIN; $more SAVEPOINT s; SELECT new FROM journey.refresh('web'); ROLLBACK TO s; COMMIT;
		SELECT new FROM journey.refresh('web')}), "31\n31",
			'one that is rolled back to a savepoint has read nothing');
is(value(q{SELECT count(*) FROM journey.verify('web', true)}), 0, 'nothing differs');
is(value(q{BEGIN;
	INSERT INTO shop.pages VALUES ('t1', 'v9', NULL, '2026-03-02', clock_timestamp(),
		'https://shop.test/', NULL);
	SELECT new FROM journey.refresh('web');
	INSERT INTO shop.pages VALUES ('t2', 'v9', NULL, '2026-03-02 00:01', clock_timestamp(),
		'https://shop.test/', NULL);
	SELECT new FROM journey.refresh('web'); COMMIT;}), "1\n1", 'two refreshes in a transaction');
sql(qq{
	CREATE VIEW fails AS SELECT id, anonymous_id, received_at, 1 / (length(id) - 4) AS n, url
		FROM shop.pages;
	ALTER VIEW fails OWNER TO $owner;
	SELECT journey.add_source('web', 'fails', 'page');
	INSERT INTO shop.pages VALUES ('four', 'v9', NULL, now(), now(), NULL, NULL)});
$before = value("SELECT $whole");
is(value(q{
	DO $$ BEGIN
		PERFORM journey.refresh('web');
	EXCEPTION WHEN division_by_zero THEN
		IF current_user <> session_user OR current_setting('search_path') NOT LIKE '%public%' THEN
			RAISE 'not restored: % %', current_user, current_setting('search_path');
		END IF;
	END $$; SELECT 'caught'}), 'caught',
		'an error in a source goes to the caller, who is who he was');
is(value("SELECT $whole"), $before, 'and leaves all as it was');
sql(q{CREATE FUNCTION calls() RETURNS boolean LANGUAGE plpgsql AS
		'BEGIN RETURN (SELECT new = 0 FROM journey.refresh(''web'')); END';
	CREATE OR REPLACE VIEW fails AS SELECT id, anonymous_id, received_at, 1 AS n, url
		FROM shop.pages WHERE calls()});
is(said('', q{SELECT journey.refresh('web')}), '55006: model "web" is in use by the running journey.refresh() '
	. '| What the model reads or fires, views and triggers, must not call functions on it.', 'a source that refreshes its model');
is(value("SELECT $whole"), $before, 'is refused');
sql(q{CREATE OR REPLACE VIEW fails AS SELECT id, anonymous_id, received_at, 1 AS n, url
	FROM shop.pages WHERE false});
is(value(q{SELECT new FROM journey.refresh('web')}), 1, 'the next one reads');

# ------------------------------------------------------------------------------------------------
# whatever the search path is
# ------------------------------------------------------------------------------------------------

sql(q{
	CREATE SCHEMA trap;
	CREATE FUNCTION trap.bang(text,
		text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
	CREATE OPERATOR trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.bang);
	CREATE OPERATOR trap.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.bang);
	CREATE OPERATOR trap.|| (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.bang);
	CREATE FUNCTION trap.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
	CREATE FUNCTION trap.lower(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
	CREATE FUNCTION trap.jsonb_build_object(VARIADIC "any") RETURNS jsonb LANGUAGE internal AS 'jsonb_build_object'});
for my $path (q{''}, q{trap, pg_catalog})
{
	is(said('', qq{
		SET search_path = $path;
		INSERT INTO shop.pages VALUES (pg_catalog.md5(\$\$$path\$\$), 'v9', NULL, pg_catalog.now(),
			pg_catalog.now(), NULL, NULL);
		SELECT journey.create_model('other', 'shop', '{"schema": "other_schema"}');
		SELECT journey.refresh('other'); SELECT journey.refresh('web');
		SELECT 1 / pg_catalog.count(*) - 1 FROM (SELECT
			FROM journey.verify('web') UNION ALL SELECT) AS x;
		SELECT journey.set_options('other',
			'{"timeout": "1 hour"}'); SELECT journey.rebuild('other'); 
		SELECT * FROM journey.models; SELECT *
			FROM journey.refresh_log; SELECT journey.drop_model('other');
		SELECT s, h FROM (SELECT journey.timeline_agg(pg_catalog.now(), 'x') AS t) AS x,
			journey.sessions(t, '1 hour', '{"midnight": "Asia/Tokyo"}') AS s,
				journey.touches(t) AS h}), '',
		 "all functions do their work with search_path = $path");
}
is(said('', q{
	CREATE INDEX ON shop.pages (journey.url_host(url), journey.strip_tracking(url));
	CREATE MATERIALIZED VIEW public.by_day AS SELECT s.session_date, count(*) AS sessions
		FROM (SELECT anonymous_id, journey.timeline_agg(id, received_at, NULL, url, NULL, user_id,
			NULL) AS t
			FROM shop.pages GROUP BY 1) AS x, journey.sessions(t) AS s GROUP BY 1;
	CREATE MATERIALIZED VIEW public.by_channel AS SELECT channel, count(*) FROM web.touches
		GROUP BY 1;
	SET search_path = ''; REFRESH MATERIALIZED VIEW public.by_day; REFRESH MATERIALIZED VIEW public.by_channel;
	ANALYZE shop.pages; REINDEX TABLE shop.pages}), '',
		'so do indexes and materialized views that use them');

# ------------------------------------------------------------------------------------------------
# the end
# ------------------------------------------------------------------------------------------------

like(said($owner, q{SELECT journey.drop_model('web')}), qr/^2BP01: cannot drop .*by_channel/s,
	'a model in use is not dropped');
is(value(q{SELECT count(*) FROM journey.models}), 1, 'nor forgotten');
sql(q{DROP MATERIALIZED VIEW public.by_channel});
is(said($owner, q{SELECT journey.drop_model('web')}), '', 'then it is');
is(value(q{SELECT count(*) FROM pg_class WHERE relnamespace = 'web'::regnamespace}), 0,
	'its schema, which was there before, is empty');
is(value(q{SELECT count(*) FROM journey.models}), 0, 'it is forgotten');
ok(value('SELECT count(*) FROM shop.pages') > 40, 'the sources are as they were');
is(said($owner, q{SELECT journey.drop_model('web')}),
	'42704: model "web" does not exist | Create one with journey.create_model().', 'dropped twice');

END { local $?; system("psql -qX -c 'DROP OWNED BY " . join(', ',
	@roles) . " CASCADE' -c 'DROP ROLE " . join(', ', @roles) . "' 2>/dev/null") }
done_testing();
