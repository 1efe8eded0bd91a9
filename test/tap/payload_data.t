#!/usr/bin/perl
# Payloads against published vectors: the vendors' formula of time, their names of columns; times against the server's
# own reader; a JSON suite in small, as jsonb reads it; redaction against the published patterns.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

sql('CREATE EXTENSION IF NOT EXISTS pg_journey');

SKIP:
{
	my $path = shared('payload/time_vectors.tsv') or skip 'no shared data', 1;
	my @rows = read_rows($path, "\t");
	cmp_ok(scalar @rows, '>=', 9, 'vectors of time');
	for my $row (@rows)
	{
		my %payload = (originalTimestamp => $row->{originalTimestamp}, sentAt => $row->{sentAt},
			receivedAt => $row->{receivedAt}, timestamp => $row->{timestamp_in_payload});
		my $json = join ',', map { qq{"$_":"$payload{$_}"} } grep { $payload{$_} } sort keys %payload;
		is(value(qq{SET timezone = 'Asia/Kolkata';
			SELECT (journey.parse_event('{"type":"track","userId":"u",$json}')).event_time = '$row->{event_time}'}),
			't', "$row->{event_time}: $row->{source}");
	}
}

SKIP:
{
	my $path = shared('payload/name_vectors.tsv') or skip 'no shared data', 1;
	my @rows = read_rows($path, "\t");
	cmp_ok(scalar @rows, '>=', 32, 'vectors of names');
	my @got = sql(load_rows('name', ['name'], map { [ $_->{input} ] } @rows) . q{
		SELECT coalesce(journey.warehouse_name(name), '(dropped)'),
			coalesce(journey.warehouse_name(name, 'rudderstack', true), '(dropped)'),
			coalesce(journey.warehouse_name(name, 'segment'), '(dropped)')
		FROM name ORDER BY number});
	for my $i (0 .. $#rows)
	{
		my @expected = @{ $rows[$i] }{qw(rudder_default rudder_divide_numbers segment)};
		for my $n (0 .. 2)
		{
			is($got[$i][$n], $expected[$n], (qw(RudderStack divided Segment))[$n] . " names $rows[$i]{input}")
			  if ($expected[$n] // '') ne '';
		}
	}
}

# Times that ISO 8601 writes in many forms, against the server's own input in UTC.
is(value(q{
	SET timezone = 'UTC';
	DO $$BEGIN PERFORM setseed(0.3); END$$;
	CREATE TEMP TABLE given AS
	SELECT d || CASE WHEN random() < 0.5 THEN 'T' ELSE ' ' END || to_char(h, 'FM00') || ':' || to_char(m, 'FM00') ||
		CASE WHEN random() < 0.1 THEN '' ELSE ':' || to_char(s, 'FM00') ||
			CASE WHEN random() < 0.3 THEN '' ELSE '.' ||
				left(lpad((floor(random() * 1000000))::int::text, 6, '0'), 1 + n % 6) END END ||
		(ARRAY['', 'Z', '+00', '+0530', '-08:00', '+05:45', '-0330', ' UTC'])[1 + floor(random() * 8)::int] AS t
	FROM generate_series(1, 20000) AS n,
		LATERAL (SELECT date '1900-01-01' + floor(random() * 80000)::int AS d, floor(random() * 24 + n * 0)::int AS h,
			floor(random() * 60)::int AS m, floor(random() * 60)::int AS s) AS x;
	SELECT count(*) FROM given,
		journey.parse_events('{"type":"track","userId":"u","timestamp":"' || t || '"}') AS p
	WHERE (p.event).event_time IS DISTINCT FROM replace(t, ' UTC', 'Z')::timestamptz}), 0,
	'20,000 times are what the server reads');
is(value(q{
	SELECT count(*) FROM generate_series(date '1890-01-01', '2110-12-31', '1 day') AS d,
		journey.parse_events('{"type":"track","userId":"u","timestamp":"' || to_char(d, 'YYYYMMDD') || '"}') AS p
	WHERE (p.event).event_time IS DISTINCT FROM (d AT TIME ZONE 'UTC')}), 0, 'every day of 220 years');

# Made-up JSON: what jsonb takes is read, but for numbers of thousands of digits, and what it refuses is not.
is(value(q{
	CREATE FUNCTION pg_temp.is_json(t text) RETURNS boolean LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM t::jsonb;
		RETURN true;
	EXCEPTION WHEN OTHERS THEN
		RETURN false;
	END $$;
	DO $$BEGIN PERFORM setseed(0.7); END$$;
	CREATE TEMP TABLE given AS
	SELECT '{"type":"track","userId":"u","timestamp":"2026-09-01","properties":{"x":' || string_agg((ARRAY['{', '}', '[', ']', ',', ':', '"a"', '"\u00e9\n"', '"\ud83d\ude00"',
		'"\ud83d"', '1', '-0', '0.5', '1e5', '01', '.5', 'true', 'null', 'nul', ' ', '"', '\', '{}', '[]', '"k":', '1,2'])[1 + floor(random() * 26)::int], '') || '}}' AS t
	FROM generate_series(1, 30000) AS n, LATERAL generate_series(1, 1 + n % 4) AS part GROUP BY n;
	SELECT count(*) FILTER (WHERE (p.error IS NULL) <> pg_temp.is_json(t)
			AND p.error IS DISTINCT FROM 'number at byte 72: a number has too many digits or too great an exponent') || ' ' || (count(*) FILTER (WHERE p.error IS NULL) > 500)
	FROM given, journey.parse_events(t) AS p}), '0 true', '30,000 texts, as jsonb sees them');

# Properties are what jsonb makes of them.
is(value(q{
	SELECT count(*) FROM (SELECT jsonb_build_object('n', n, 't', repeat(chr(32 + n), n % 7), 'd', n / 7.0, 'a', jsonb_build_array(n, NULL, true,
			jsonb_build_object(chr(n + 200), '"\'))) AS p FROM generate_series(1, 500) AS n) AS x
	WHERE (journey.parse_event(jsonb_build_object('type', 'track', 'userId', 'u', 'timestamp', '2026-09-01', 'properties', p)::text)).properties IS DISTINCT FROM p}),
	0, 'properties are kept');

# Cards that Luhn's digit was made for, and the same with another digit.
is(value(q{
	CREATE FUNCTION pg_temp.luhn(t text) RETURNS int LANGUAGE sql AS $$
		SELECT (10 - sum(CASE WHEN i % 2 = 1 THEN d * 2 - CASE WHEN d > 4 THEN 9 ELSE 0 END ELSE d END)::int % 10) % 10
		FROM (SELECT i, substr(reverse(t), i, 1)::int AS d FROM generate_series(1, length(t)) AS i) AS x $$;
	DO $$BEGIN PERFORM setseed(0.1); END$$;
	CREATE TEMP TABLE card AS
	SELECT t || pg_temp.luhn(t) AS good, t || (pg_temp.luhn(t) + 1 + floor(random() * 9)::int) % 10 AS bad
	FROM (SELECT prefix || lpad(floor(random() * 1e9)::bigint::text, 9, '0') ||
			lpad(floor(random() * power(10, length - 10 - length(prefix)))::bigint::text, length - 10 - length(prefix), '0') AS t
		FROM (VALUES ('4', 16), ('51', 16), ('55', 16), ('2221', 16), ('2720', 16), ('34', 15), ('37', 15), ('6011', 16), ('65', 16),
			('3528', 16), ('36', 14), ('62', 19), ('62', 16), ('4', 19)) AS v (prefix, length), generate_series(1, 100)) AS x;
	SELECT count(*) FILTER (WHERE journey.redact_text('no. ' || good || ', thanks') <> 'no. [card], thanks') || ' ' ||
		count(*) FILTER (WHERE journey.redact_text(bad) <> bad) FROM card}), '0 0', '1,400 cards, and 1,400 that are none');

# Nothing of what was planted is left, in whatever field and form.
is(value(q{
	SELECT count(*) FROM unnest(ARRAY['jane.doe@example.com', 'jane.doe%40example.com', '4111 1111 1111 1111', '4111-1111-1111-1111', '4111111111111111',
			'078-05-1120', 'DE89 3704 0044 0532 0130 00', 'GB82WEST12345698765432', '+4915112345678']) AS secret,
		unnest(ARRAY['properties', 'traits', 'userProperties', 'deep']) AS place,
		unnest(ARRAY['%s', 'text %s text', '<%s>', '"%s",', 'https://acme.test/a?q=%s&b=1', 'https://acme.test/%s/x', 'https://acme.test/#r=%s', '?x=%s']) AS form,
		LATERAL (SELECT replace(form, '%s', secret) AS v) AS f,
		LATERAL (SELECT CASE WHEN place = 'deep' THEN jsonb_build_object('properties', jsonb_build_object('a', jsonb_build_array(jsonb_build_object('b', v)), v, 1))
			ELSE jsonb_build_object(place, jsonb_build_object('x', v)) END AS e) AS e
	WHERE strpos(journey.redact_event(e)::text, secret) > 0
		-- a phone number is known as a whole value alone, and blanks end a URL
		AND NOT (secret LIKE '+%' AND (form <> '%s')) AND NOT (secret LIKE '% %' AND form LIKE '%/%')}), 0,
	'what was planted is gone');

done_testing();
