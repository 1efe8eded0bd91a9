#!/usr/bin/perl
# The sample in both forms: events parsed from payloads give the model that the loader's tables give.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

system("psql -qX -v events=3000 -f $FindBin::Bin/../sample/generate.sql >/dev/null") == 0 or die 'no sample';
sql('CREATE EXTENSION IF NOT EXISTS pg_journey');

# What an SDK and the gateway would have sent for each row of the tables. Two rows are not what a loader makes of any
# payload: one dated infinity, and one without a timestamp, which the gateway's formula would have given it.
sql(q{
	SET timezone = 'UTC';
	CREATE FUNCTION pg_temp.payload(kind text, r jsonb, properties text[]) RETURNS text LANGUAGE sql AS $$
		SELECT jsonb_strip_nulls(jsonb_build_object('type', kind, 'messageId', r->'id', 'anonymousId', r->'anonymous_id', 'userId', r->'user_id',
			'channel', r->'channel', 'event', r->'event_text', 'previousId', r->'previous_id', 'name', CASE WHEN kind = 'page' THEN r->'name' END,
			'originalTimestamp', r->'original_timestamp', 'sentAt', r->'sent_at', 'timestamp', r->'timestamp', 'receivedAt', r->'received_at',
			'context', jsonb_build_object('ip', r->'context_ip', 'userAgent', r->'context_user_agent',
				'page', jsonb_build_object('url', r->'context_page_url', 'path', r->'context_page_path', 'title', r->'context_page_title', 'referrer', r->'context_page_referrer'),
				'campaign', jsonb_build_object('source', r->'context_campaign_source', 'medium', r->'context_campaign_medium', 'name', r->'context_campaign_name',
					'term', r->'context_campaign_term', 'content', r->'context_campaign_content')),
			CASE kind WHEN 'identify' THEN 'traits' ELSE 'properties' END, (SELECT jsonb_object_agg(key, value) FROM jsonb_each(r) WHERE key = ANY (properties))))::text
	$$;
	DELETE FROM rudder.pages WHERE id IN ('odd-3', 'odd-10');
	UPDATE rudder.pages SET name = NULL WHERE name = '';	-- as a loader has it
	CREATE TABLE raw AS
	SELECT pg_temp.payload('track', to_jsonb(t), '{}') AS body, received_at AS at FROM rudder.tracks AS t WHERE event NOT IN ('order_completed', 'workspace_created', 'email_delivered')
	UNION ALL SELECT pg_temp.payload('track', to_jsonb(t), '{order_id,revenue,total,currency}'), received_at FROM rudder.order_completed AS t
	UNION ALL SELECT pg_temp.payload('track', to_jsonb(t), '{name,source,seats}'), received_at FROM rudder.workspace_created AS t
	UNION ALL SELECT pg_temp.payload('track', to_jsonb(t), '{template}'), received_at FROM rudder.email_delivered AS t
	UNION ALL SELECT pg_temp.payload('page', to_jsonb(t), '{url,path,title,referrer,search}'), received_at FROM rudder.pages AS t
	UNION ALL SELECT pg_temp.payload('identify', to_jsonb(t), '{email,first_name,last_name,company,plan}'), received_at FROM rudder.identifies AS t
	UNION ALL SELECT pg_temp.payload('alias', to_jsonb(t), '{}'), received_at FROM rudder.aliases AS t;
	CREATE TABLE parsed AS SELECT (p.event).*, p.error FROM raw, journey.parse_events(body) AS p;
	CREATE TABLE refused AS SELECT * FROM parsed WHERE error IS NOT NULL;
	DELETE FROM parsed WHERE error IS NOT NULL;
	ALTER TABLE parsed DROP COLUMN error;
	SET client_min_messages = warning;
	DO $$BEGIN
		PERFORM journey.create_model('tables', 'rudder');
		PERFORM journey.create_model('payloads');
		PERFORM journey.add_source('payloads', 'parsed');
		PERFORM * FROM journey.refresh('tables');
		PERFORM * FROM journey.refresh('payloads');
		PERFORM journey.create_model('source');
		PERFORM journey.add_source('source', 'raw', 'payload', '{"payload": "body", "received_at": "at", "loaded_at": "at"}');
		PERFORM * FROM journey.refresh('source');
		-- the same in batches, compressed by no one, of which jsonb keeps all but the text
		CREATE TABLE raw_batches AS SELECT jsonb_build_object('batch', jsonb_agg(body::jsonb)) AS body, max(at) AS at
			FROM (SELECT *, row_number() OVER (ORDER BY md5(body)) / 10 AS n FROM raw) AS r GROUP BY n;
		PERFORM journey.create_model('batches');
		PERFORM journey.add_source('batches', 'raw_batches', 'payload', '{"payload": "body", "loaded_at": "at"}');
		PERFORM * FROM journey.refresh('batches');
		CREATE TABLE raw_bytes AS SELECT convert_to(body, 'UTF8') AS body, at FROM raw;
		PERFORM journey.create_model('bytes', NULL, '{"capture": "trigger"}');
		PERFORM journey.add_source('bytes', 'raw_bytes', 'payload', '{"payload": "body", "received_at": "at", "loaded_at": "at"}');
		PERFORM * FROM journey.refresh('bytes');
		-- and both in one: each event is there twice
		PERFORM journey.create_model('twice', 'rudder');
		PERFORM * FROM journey.refresh('twice');
		PERFORM journey.add_source('twice', 'raw', 'payload', '{"payload": "body", "received_at": "at", "loaded_at": "at"}');
		PERFORM * FROM journey.refresh('twice');
	END$$;
});
is(value(q{SELECT string_agg(DISTINCT error, ';') FROM refused}), 'no_id at byte 0: there is neither an anonymousId nor a userId',
	'only rows without an id are refused');
is(value(q{SELECT count(*) FROM refused}), value(q{SELECT count(*) FROM tables.rejected_events WHERE reason = 'no visitor or user'
	AND source NOT LIKE '%users%'}), 'as many as of the tables') or diag(value(q{SELECT string_agg(DISTINCT source || reason, ';') FROM tables.rejected_events}));
for my $model (qw(payloads source batches bytes twice))
{
for my $case ([ 'sessions', 'session_id' ], [ 'touches', 'touch_id' ], [ 'identities', 'id' ], [ 'profiles', 'person_id' ])
{
	my ($relation, $key) = @$case;
	my $columns = value(qq{SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
		WHERE attrelid = 'tables.$relation'::regclass AND attnum > 0 AND NOT attisdropped
		AND attname NOT IN ('version', 'attributes_version', 'updated_at')});
	cmp_ok(value("SELECT count(*) FROM tables.$relation"), '>', 100, "$model: $relation of the tables");
	is(value(qq{SELECT count(*) FROM (
			(SELECT $columns FROM tables.$relation EXCEPT ALL SELECT $columns FROM $model.$relation) UNION ALL
			(SELECT $columns FROM $model.$relation EXCEPT ALL SELECT $columns FROM tables.$relation)) AS d}), 0, "$model: $relation are equal")
		or diag(join "\n", map { join '|', @$_ } sql(qq{SELECT t.*, p.* FROM (SELECT $columns FROM tables.$relation EXCEPT ALL SELECT $columns FROM $model.$relation) AS t
			FULL JOIN (SELECT $columns FROM $model.$relation EXCEPT ALL SELECT $columns FROM tables.$relation) AS p USING ($key) LIMIT 3}));
}
	is(value("SELECT count(*) FROM journey.verify('$model', true)"), 0, "$model: nothing differs") if $model ne 'payloads';
}
for my $model (qw(source batches bytes))
{
	is(value("SELECT (SELECT count(*) FROM raw) - rows_read FROM journey.refresh_log WHERE model = '$model'"), 0, "$model: each event is a row read");
	is(value("SELECT new + duplicate + excluded + rejected - rows_read FROM journey.refresh_log WHERE model = '$model'"), 0, "$model: counts add up");
	is(value("SELECT rejected FROM journey.refresh_log WHERE model = '$model'"), value("SELECT rejected + (SELECT count(*) FROM refused) FROM journey.refresh_log WHERE model = 'payloads'"), "$model: what is rejected");
}
is(value("SELECT new FROM journey.refresh_log WHERE model = 'twice' AND version = 2"), 0, 'what the tables have is nothing new');

done_testing();
