#!/usr/bin/perl
# The list of changes: after each refresh it has, for its version, the keys of the rows that came, went or became
# others, and no more; told by comparing the relations as they were with how they are.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

my $database = "changes_$$";
local $Journey::database = $database;
system('createdb', $database) == 0 or die;
my $top = "$FindBin::Bin/../..";
my @psql = ('psql', '-qX', '-d', $database, '-v', 'events=3000', '-v', 'later=30', '-v', 'late=30', '-f');
system("@psql $top/test/sample/generate.sql >/dev/null") == 0 or die;
sql(q{SET client_min_messages = warning; CREATE EXTENSION pg_journey;
    SELECT journey.create_model('web', 'rudder', '{"keep_changes": "30 days", "conversions":
        [{"name": "order", "event": "Order Completed", "value": "revenue", "lookback": "30 days"}]}');
    SELECT journey.refresh('web');
    CREATE FUNCTION content() RETURNS TABLE (relation text, key text, content jsonb) LANGUAGE sql AS $$
        SELECT 'sessions', session_id::text, to_jsonb(s) - '{version,updated_at}'::text[] FROM web.sessions AS s
        UNION ALL SELECT 'touches', touch_id::text, to_jsonb(t) - '{version,updated_at}'::text[] FROM web.touches AS t
        UNION ALL SELECT 'profiles', person_id, to_jsonb(p) - '{version,updated_at,attributes_version}'::text[] FROM web.profiles AS p $$;
    CREATE TABLE before AS SELECT * FROM content();});
is(value('SELECT count(*) FROM web.changes'), 0, 'the first load is not listed');
is(value(q{SELECT count(*) FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid
           WHERE c.relname = '_change_list' AND c.relnamespace = 'web_store'::regnamespace}), 1, 'one index, in blocks');

# The list of the last refresh against what is other than before. What is listed besides differs in what is not shown.
sub check
{
	my ($what, $some) = @_;
	my $version = value(q{SELECT version FROM journey.models WHERE model = 'web'});
	my ($counts) = sql(qq{
		WITH changed AS (
			SELECT relation, key FROM content() AS n FULL JOIN before AS o USING (relation, key)
			WHERE n.content IS DISTINCT FROM o.content),
		listed AS (SELECT relation, key FROM web.changes WHERE version = $version)
		SELECT (SELECT count(*) FROM (TABLE changed EXCEPT TABLE listed) AS x),
		       (SELECT count(*) FROM (TABLE listed EXCEPT TABLE changed) AS x
		        JOIN content() AS c USING (relation, key)
		        WHERE relation = 'profiles' OR NOT EXISTS (SELECT FROM before AS b WHERE (b.relation, b.key) = (x.relation, x.key))),
		       (SELECT count(*) FROM changed)});
	is("@$counts[0, 1]", '0 0', "$what: what changed is listed, and what is listed changed");
	is(value(qq{SELECT count(*) FROM web.changes AS l WHERE version = $version AND NOT EXISTS (
			SELECT FROM before AS b WHERE (b.relation, b.key) = (l.relation, l.key)) AND NOT EXISTS (
			SELECT FROM content() AS c WHERE (c.relation, c.key) = (l.relation, l.key))}), 0,
		"$what: nothing is listed that was never there");
	cmp_ok($counts->[2], '>', 0, "$what: something changed") if $some;
	is(value(qq{SELECT count(*) FROM content() AS c JOIN (
			SELECT 'sessions' AS relation, session_id::text AS key, version FROM web.sessions
			UNION ALL SELECT 'touches', touch_id::text, version FROM web.touches
			UNION ALL SELECT 'profiles', person_id, version FROM web.profiles) AS v USING (relation, key)
		WHERE v.version = $version AND NOT EXISTS (
			SELECT FROM web.changes AS l WHERE (l.relation, l.key, l.version) = (c.relation, c.key, $version))}), 0,
		"$what: the list has all rows of this version");
	sql('TRUNCATE before; INSERT INTO before SELECT * FROM content()');
	return $version;
}

# the later load in ten slices, in no order of time
my @tables = map { $_->[0] } sql(q{SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'rudder_later'::regnamespace
	AND relname <> 'users' ORDER BY 1});
for my $slice (0 .. 9)
{
	sql("INSERT INTO rudder.$_ SELECT x.* FROM rudder_later.$_ AS t
	     CROSS JOIN LATERAL jsonb_populate_record(t, jsonb_build_object('uuid_ts', now())) AS x
	     WHERE abs(hashtext(t.id)) % 10 = $slice") for @tables;
	sql(q{SET client_min_messages = warning; SELECT journey.refresh('web')});
	check("slice $slice", 1);
}
is(value(q{SELECT count(*) FROM web.changes WHERE relation = 'profiles' AND key LIKE 'visitor:%'
           AND key NOT IN (SELECT person_id FROM web.profiles)}) > 0, 1, 'who was identified is listed as gone');

# other sessions
sql(q{SET client_min_messages = warning; SELECT journey.set_options('web', '{"timeout": "45 minutes"}'); SELECT journey.rebuild('web')});
check('rebuild', 1);
sql(q{SET client_min_messages = warning; SELECT journey.rebuild('web')});
check('a rebuild that changes nothing', 0);

# to forget
my $user = value(q{SELECT user_id FROM web.profiles WHERE user_id IS NOT NULL AND sessions > 2 AND EXISTS (
	SELECT FROM web.changes AS c WHERE c.key = person_id) ORDER BY 1 LIMIT 1});
sql(qq{CREATE TABLE hers AS
	SELECT session_id::text AS key FROM web.sessions WHERE person_id = 'user:$user'
	UNION ALL SELECT touch_id::text FROM web.touches WHERE person_id = 'user:$user'
	UNION ALL SELECT id_type || ':' || id FROM web.identities WHERE person_id = 'user:$user';
	SET client_min_messages = warning; SELECT journey.forget('web', '$user')});
is(value('SELECT count(*) FROM hers'), value('SELECT count(*) FROM hers WHERE key NOT IN (SELECT key FROM web.changes)'),
	'a forgotten person is on the list no more');

# what else a person was called goes by its name; a device that somebody still has stays
sql(q{INSERT INTO web_store._change_list SELECT version, now(), 'profiles', k FROM journey.models,
      unnest('{email:old@s.test,visitor:old-device}'::text[]) AS k WHERE model = 'web';
    SET client_min_messages = warning; SELECT journey.forget('web', 'old@s.test'); SELECT journey.forget('web', 'old-device')});
is(value(q{SELECT count(*) FROM web.changes WHERE key LIKE '%:old%'}), 0, 'an address or device of old goes off by its name');
sql(q{SET client_min_messages = warning; CREATE SCHEMA few;
    CREATE TABLE few.events (event_id text, visitor_id text, user_id text, event_time timestamptz, kind text, name text, revenue numeric,
        order_id text, loaded_at timestamptz DEFAULT clock_timestamp());
    SELECT journey.create_model('m', NULL, '{"keep_changes": "30 days", "max_users_per_visitor": 1}');
    SELECT journey.add_source('m', 'few.events', NULL, '{"loaded_at": "loaded_at"}');
    INSERT INTO few.events SELECT 'e' || n, 'dev', CASE WHEN n < 4 THEN 'u' || n END, timestamptz '2026-01-01' + n * interval '1 day', 'page'
    FROM generate_series(1, 4) AS n;
    SELECT journey.refresh('m');
    INSERT INTO few.events VALUES ('e5', 'dev', NULL, '2026-01-05 00:05', 'page');
    SELECT journey.refresh('m'); SELECT journey.forget('m', 'u1')});
is(value(q{SELECT (SELECT count(DISTINCT key) FROM m.changes WHERE key = 'visitor:dev') || ' ' || (SELECT count(*) FROM m.profiles
	WHERE person_id = 'visitor:dev')}), '1 1',
	'a device that is a person still stays on the list');

# an order that counts elsewhere changes a session: told by a rebuild too
sql(q{SET client_min_messages = warning; TRUNCATE few.events;
    INSERT INTO few.events VALUES ('a', 'v1', 'ann', '2026-01-01', 'track', 'Order Completed', 10, 'o1'),
        ('b', 'v2', 'ann', '2026-01-03', 'track', 'Order Completed', 10, 'o1');
    SELECT journey.create_model('n', NULL, '{"keep_changes": "30 days"}'); SELECT journey.add_source('n', 'few.events', NULL, '{"loaded_at": "loaded_at"}');
    SELECT journey.refresh('n'); DELETE FROM few.events WHERE event_id = 'a'; SELECT journey.rebuild('n', from_sources => true, force => true)});
is(join(' ', @{(sql(q{SELECT s.revenue, s.version = m.version, EXISTS (SELECT FROM n.changes AS c WHERE c.key = s.session_id::text)
	FROM n.sessions AS s, journey.models AS m WHERE m.model = 'n'}))[0]}), '10 t t', 'a session whose order counts now has changed with the rebuild');

# a load into a model that is empty, after the first
sql(q{SET client_min_messages = warning; TRUNCATE few.events; SELECT journey.create_model('e', NULL, '{"keep_changes": "30 days"}');
    SELECT journey.add_source('e', 'few.events', NULL, '{"loaded_at": "loaded_at"}'); SELECT journey.refresh('e');
    INSERT INTO few.events VALUES ('x', 'v9', NULL, '2026-01-01', 'page'); SELECT journey.refresh('e')});
is(value(q{SELECT string_agg(DISTINCT relation, ' ' ORDER BY relation) FROM e.changes WHERE version = 2}), 'profiles sessions touches',
	'what comes into an empty model later is listed');

# retention, and a model without a list
sql(q{SET client_min_messages = warning; SELECT journey.set_options('web', '{"keep_changes": "1 second"}') \g /dev/null
    SELECT pg_sleep(1.1) \g /dev/null
    UPDATE rudder.pages SET id = id || '-again', uuid_ts = now() WHERE ctid = (SELECT min(ctid) FROM rudder.pages WHERE user_id IS NULL);
    SELECT journey.refresh('web') \g /dev/null});
is(value('SELECT count(DISTINCT version) FROM web.changes'), 1, 'what is older than keep_changes goes');
sql(q{SET client_min_messages = warning; SELECT journey.set_options('web', '{"keep_changes": null}') \g /dev/null
    UPDATE rudder.pages SET id = id || '-more', uuid_ts = now() WHERE ctid = (SELECT min(ctid) FROM rudder.pages WHERE user_id IS NULL);
    SELECT journey.refresh('web') \g /dev/null});
is(value(q{SELECT count(*) FROM web.changes}), 0, 'and none is kept without the option');

done_testing();
$Journey::database = undef;
system('dropdb', $database);
