#!/usr/bin/perl
# A model with channels of one's own: a change of the rules is a rebuild from the store, which writes the rows
# that change and no others.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

sql(q{
	CREATE EXTENSION IF NOT EXISTS pg_journey;
	CREATE TABLE pages (id text, anonymous_id text, received_at timestamptz, url text, referrer text);
	INSERT INTO pages
	SELECT n, 'v' || n, '2026-01-01Z'::timestamptz + n * interval '1 min',
		'https://s.test/' || (ARRAY['', '?utm_source=google&utm_medium=cpc&utm_campaign=Brand',
			'?xclid=A' || n])[1 + n % 3],
		(ARRAY['https://forum.example/', NULL])[1 + n % 2]
	FROM generate_series(1, 60) n;
	SELECT journey.create_model('m');
	SELECT journey.add_source('m', 'pages', 'page',
		'{"visitor_id": "anonymous_id", "event_id": "id", "event_time": "received_at"}');
	SELECT journey.refresh('m');
});

sub channels
{
	return { map { @$_ } sql('SELECT channel, count(*) FROM m.sessions GROUP BY channel') };
}

is_deeply(channels(), { 'Paid Search' => 20, Referral => 20, Direct => 20 }, "Google's channels");
sql(q{SELECT journey.set_options('m', '{"channel_rules": [{"campaign": "brand*", "channel": "Brand"}],
		"referrers": [{"host": "forum.example", "kind": "social", "source": "forum"}]}');
	SELECT journey.rebuild('m')});
is_deeply(channels(), { Brand => 20, 'Organic Social' => 20, Direct => 20 }, 'own rules and referrers');
is(value(q{SELECT count(*) FROM m.profiles WHERE version = (SELECT max(version) FROM m.profiles)}), 40,
	'the other profiles are not written');
sql(q{SELECT journey.set_options('m', '{"channel_rules": [{"click_id": "xclid", "channel": "X"},
			{"campaign": "brand*", "channel": "Brand"}],
		"click_ids": [{"name": "xclid", "source": "x"}], "referrers": null}');
	SELECT journey.rebuild('m')});
is_deeply(channels(), { Brand => 20, X => 20, Referral => 10, Direct => 10 }, 'own click ids, listed referrers again');
is(value(q{SELECT count(*) FROM m.profiles WHERE click_ids -> 'xclid' ->> 'last' LIKE 'A%'}), 20,
	'profiles have the id');
is(value(q{SELECT count(*) FROM journey.verify('m')}), 0, 'nothing differs from what the store gives');
sql(q{INSERT INTO pages VALUES ('99', 'v99', '2026-01-03Z', 'https://s.test/?xclid=B', NULL);
	SELECT journey.refresh('m')});
is(channels()->{X}, 21, 'and a refresh goes by the same rules');
is(value(q{
		CREATE TEMP TABLE said (message text);
		DO $$BEGIN PERFORM journey.set_options('m', '{"channel_rules": [{"source": "a"}]}');
		EXCEPTION WHEN OTHERS THEN INSERT INTO said VALUES (SQLERRM); END$$;
		SELECT message FROM said}),
	'entry 1 of option "channel_rules" has no "channel"', 'rules are checked when they are set');

done_testing();
