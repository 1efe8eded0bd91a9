#!/usr/bin/perl
# verify finds damage of every kind: each column of each relation changed or emptied, rows that go, come or
# are moved, events lost from the store. Each row is damaged in one way and must be reported for that alone.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

system('psql', '-qX', '-o', '/dev/null', '-v', 'events=2000', '-f', "$FindBin::Bin/../sample/generate.sql") == 0 or die;
sql(q{SET client_min_messages = error;
	CREATE EXTENSION pg_journey;
	INSERT INTO rudder.aliases (id, anonymous_id, previous_id, user_id, timestamp, received_at, uuid_ts)
		SELECT 'alias' || n, 'aliased' || n, 'old' || n, 'new' || n, t, t, t
		FROM generate_series(1, 10) AS n CROSS JOIN (SELECT max(received_at) AS t FROM rudder.pages) AS x;
	-- orders told again on another day
	INSERT INTO rudder.order_completed (id, anonymous_id, event, event_text, order_id, revenue, timestamp, received_at, uuid_ts)
		SELECT 'repeat' || n || '-' || k, 'repeater' || n, 'order_completed', 'Order Completed', 'repeated', n, t, t, t
		FROM generate_series(1, 12) AS n CROSS JOIN generate_series(1, 2) AS k
		CROSS JOIN LATERAL (SELECT max(received_at) - k * interval '2 days' AS t FROM rudder.pages) AS x;
	SELECT journey.create_model('web', 'rudder', '{"keep_properties": ["context_locale"], "conversions": [{"name": "Page", "kind": "page"}],
		"segments": {"seen": {"kind": "page", "last": "30 days"}}}');
	SELECT journey.refresh('web');
	CREATE TABLE damage (relation text, key jsonb, col text, kind text);
	CREATE FUNCTION run() RETURNS journey._run LANGUAGE sql
		AS $$SELECT journey._new_run(journey._get_model('web'), false)$$;
	-- another value of a type
	CREATE FUNCTION other(type regtype, name text) RETURNS text LANGUAGE sql AS $$
	SELECT format(CASE type::text
	       WHEN 'text' THEN 'coalesce(%1$I, '''') || ''~'''
	       WHEN 'text[]' THEN 'array_append(%1$I, ''~'')'
	       WHEN 'timestamp with time zone[]' THEN 'array_append(%1$I, ''2026-01-01'')'
	       WHEN 'uuid' THEN 'gen_random_uuid()'
	       WHEN 'boolean' THEN '%1$I IS NOT TRUE'
	       WHEN 'jsonb' THEN $j$coalesce(%1$I, '{}') || '{"~": 1}'$j$
	       WHEN 'bytea' THEN $j$coalesce(%1$I, '') || '~'$j$
	       WHEN 'date' THEN 'coalesce(%1$I, ''2026-01-01'') + 1'
	       WHEN 'timestamp with time zone' THEN
	            'CASE WHEN isfinite(%1$I) THEN %1$I + interval ''1 second'' ELSE ''2026-01-01'' END'
	       ELSE 'coalesce(%1$I, 0) + 1' END, name) $$;
	-- damages a row that is not yet
	CREATE FUNCTION damage(d record, col name, kind text) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		key text := (SELECT string_agg(format('%L, t.%I', k, k), ', ') FROM unnest(d.key) AS k);
		place regclass := format('%I.%I', CASE WHEN d.relation LIKE '\_%' THEN 'web_store' ELSE 'web' END, d.relation);
		type regtype := (SELECT a.atttypid FROM pg_attribute a WHERE a.attrelid = place AND a.attname = col);
		at tid;
		stored jsonb;
	BEGIN
		EXECUTE format('SELECT t.ctid FROM %s AS t WHERE NOT EXISTS (SELECT FROM damage AS x WHERE x.relation = %L
				AND x.key = jsonb_build_object(%s)) %s %s ORDER BY hashtext(t::text) LIMIT 1',
			place, d.relation, key,
			-- rows of a users table are no less given than events
			CASE WHEN d.relation = '_facts' THEN 'AND session_id IS NOT NULL' END, CASE WHEN kind = 'emptied' THEN format('AND t.%I IS NOT NULL', col) END) INTO at;
		IF at IS NULL THEN
			RETURN; -- nothing to empty
		END IF;
		EXECUTE CASE WHEN kind = 'lost'
			THEN format('DELETE FROM %s AS t WHERE ctid = $1 RETURNING jsonb_build_object(%s)', place, key)
			ELSE format('UPDATE %s AS t SET %I = %s WHERE ctid = $1 RETURNING jsonb_build_object(%s)', place, col,
				CASE WHEN kind = 'emptied' THEN 'NULL' ELSE other(type, col) END, key) END INTO stored USING at;
		INSERT INTO damage VALUES (d.relation, stored, col, kind);
	END $$;
	DO $$
	DECLARE
		d record;
		col text;
	BEGIN
		FOR d IN SELECT * FROM journey._derived()
			-- events are damaged below; rows of a CRM are given, not derived
			WHERE relation <> ALL ('{_segments,_conversion_records}') LOOP
			FOREACH col IN ARRAY string_to_array(journey._compared_columns(run(), d.relation, ''), ', ') LOOP
				PERFORM damage(d, trim(both '"' from col), 'changed');
				IF NOT (SELECT a.attnotnull FROM pg_attribute a WHERE a.attrelid = format('%I.%I', CASE WHEN d.relation LIKE '\_%' THEN 'web_store' ELSE 'web' END, d.relation)::regclass
						AND a.attname = trim(both '"' from col)) THEN
					PERFORM damage(d, trim(both '"' from col), 'emptied');
				END IF;
			END LOOP;
			PERFORM damage(d, NULL, 'lost');
		END LOOP;
	END $$});
my ($all) = value(q{SELECT count(*) FROM damage});
note "$all rows damaged: ", join ', ', map { "@$_" } sql('SELECT relation, count(*) FROM damage GROUP BY 1 ORDER BY 1');
is(join(' ', map { $_->[0] } sql(q{SELECT d.relation FROM journey._derived() AS d WHERE d.relation <> ALL ('{_segments,_conversion_records}')
	EXCEPT SELECT relation FROM damage WHERE kind = 'lost'})), '', 'all relations are damaged');
sql(q{CREATE TABLE found AS SELECT * FROM journey.verify('web')});
is(join(', ', map { "@$_" } sql(q{
	SELECT d.relation, coalesce(d.col, 'row'), d.kind FROM damage AS d
	WHERE NOT EXISTS (SELECT FROM found AS f
		WHERE f.relation = CASE WHEN d.relation IN ('_sessions', '_conversions', '_segment_members') THEN substr(d.relation, 2) ELSE d.relation END
		AND CASE WHEN d.kind = 'lost' THEN f.problem = 'missing' AND f.derived @> d.key
			ELSE f.stored @> d.key AND f.stored -> d.col IS DISTINCT FROM f.derived -> d.col END)})),
	'', 'verify tells of each');
is(value(q{SELECT count(*) FROM found AS f WHERE NOT EXISTS (SELECT FROM damage AS d
	WHERE f.relation = CASE WHEN d.relation IN ('_sessions', '_conversions', '_segment_members') THEN substr(d.relation, 2) ELSE d.relation END
	AND (f.stored @> d.key OR f.problem = 'missing'))}), 0, 'and of nothing else');
sql(q{SELECT journey.rebuild('web')});
is(value(q{SELECT count(*) FROM journey.verify('web', true)}), 0, 'a rebuild repairs all of it');

# what a refresh goes on from
sql(q{INSERT INTO rudder.tracks (id, anonymous_id, event, timestamp, received_at, uuid_ts)
	SELECT 'ping' || n, 'pinger', 'ping', t, t, (SELECT max(uuid_ts) FROM rudder.tracks) FROM generate_series(1, 3000) AS n
	CROSS JOIN LATERAL (SELECT timestamptz '2025-01-01' + n * interval '5 minutes' AS t) AS x;
	SELECT journey.refresh('web')});
is(value(q{SELECT count(*) FROM journey.verify('web', true)}), 0, 'a long session');
for my $case (
	['session_id = gen_random_uuid()', 'head'], ['session_id = gen_random_uuid()', 'NOT head'],
	['loose = NOT loose', 'head'], ['loose = NOT loose', 'NOT head'], ['head = NOT head', 'head'], ['head = NOT head', 'NOT head'],
	["state = NULL", 'NOT head'], ["part = NULL", 'NOT head'], ["part = part || '\\x00'", 'NOT head'], ["part = state", 'NOT head'],
	["state = (SELECT x.state FROM web_store._segments AS x WHERE x.visitor_id = g.visitor_id AND NOT x.head AND x.started_at <> g.started_at LIMIT 1)", 'NOT head'],
	["started_at = started_at + interval '1 second'", 'NOT head'], ["first_event_id = first_event_id || '~'", 'head'],
	["visitor_id = 'pinger2'", 'NOT head'],
	["body = (SELECT journey.timeline_agg(e) FROM journey.events(g.body) AS e WHERE e.event_time > g.started_at)", 'head'],
	["body = (SELECT journey.timeline_agg(e) FROM journey.events(g.body) AS e WHERE e.event_time > g.started_at)", 'NOT head'])
{
	my ($change, $where) = @$case;
	my $found = eval { value("BEGIN; UPDATE web_store._segments AS g SET $change WHERE ctid = (SELECT max(ctid) FROM web_store._segments
		WHERE visitor_id = 'pinger' AND $where); SELECT count(*) FROM journey.verify('web'); ROLLBACK") };
	ok($found, "$where: " . substr($change, 0, 40));
}
ok(value(q{BEGIN; DELETE FROM web_store._segments WHERE visitor_id = 'pinger'; SELECT count(*) FROM journey.verify('web'); ROLLBACK}),
	'segments that are gone');
ok(value(q{BEGIN; DELETE FROM web_store._segments WHERE visitor_id = 'pinger'; DELETE FROM web_store._sessions WHERE visitor_id = 'pinger';
	SELECT journey.rebuild('web') \g /dev/null
	SELECT count(*) FROM journey.verify('web') WHERE problem = 'not read'; ROLLBACK}), 'events that are gone with all that followed from them');

done_testing();
