#!/usr/bin/perl
# Sessions, touches and people of data that others published, with the results that they expect:
# through the functions on rows, and through models.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

$ENV{PGOPTIONS} = '-c client_min_messages=warning -c timezone=UTC';
sql('CREATE EXTENSION IF NOT EXISTS pg_journey');

# SQL that copies a CSV file into a new table: of its own columns as text, or of those given.
sub load_csv
{
	my ($table, $path, $columns) = @_;
	my $read = $path =~ /\.gz$/ ? 'zcat' : 'cat';
	my ($head) = `$read '$path'` =~ /\A([^\r\n]*)/;
	$columns //= join ', ', map { "$_ text" } split /,/, $head;
	return "CREATE TABLE IF NOT EXISTS $table ($columns);\n"
	  . "\\copy $table (" . join(', ', map { qq("$_") } split /,/, $head)
	  . ") FROM PROGRAM '$read $path' (FORMAT csv, HEADER, NULL 'NULL')\n";
}

# How many rows of the derived relations differ between two models.
sub differences
{
	my ($one, $other) = @_;
	my $but = "- '{version,attributes_version,updated_at}'::text[]";
	my @counts = map {
		my $relation = $_;
		my ($a, $b) = map { "SELECT to_jsonb(x) $but FROM $_.$relation AS x" } $one, $other;
		value("SELECT count(*) FROM (($a EXCEPT ALL $b) UNION ALL ($b EXCEPT ALL $a)) AS d")
	} qw(sessions touches identities profiles events);
	return "@counts";
}

# ------------------------------------------------------------------------------------------------
# a web site's log: 9,999 requests in RudderStack's "pages" shape
# ------------------------------------------------------------------------------------------------

subtest 'weblog' => sub {
	my $path = shared('weblog/pages.csv.gz')
	  or plan skip_all => 'no shared data';
	my $columns = 'id text, anonymous_id text, user_id text, received_at timestamptz,
		sent_at timestamptz,
		original_timestamp timestamptz, "timestamp" timestamptz, context_user_agent text, url text,
			referrer text,
		path text';
	sql('CREATE SCHEMA weblog; ' . load_csv('weblog.pages', $path, $columns));

	my @by_rows = sql(q{
		SELECT sum(journey.event_count(t)), count(*), sum(n) FROM (
			SELECT journey.timeline_agg(id, "timestamp", NULL, url, referrer, user_id, NULL) AS t
			FROM weblog.pages GROUP BY anonymous_id) AS x,
			LATERAL (SELECT count(*) AS n FROM journey.sessions(t)) AS s});
	is("@{$by_rows[0]}", '9999 1753 3052',
		'page views, visitors and sessions by timelines of rows');
	is(value(q{
		SELECT sum(n) FROM (SELECT max(n) AS n FROM (
			SELECT anonymous_id, journey.session_number("timestamp") OVER (
				PARTITION BY anonymous_id ORDER BY "timestamp", id) AS n FROM weblog.pages) AS x
			GROUP BY anonymous_id) AS x}), 3052, 'sessions by session_number');

	sql(q{SELECT journey.create_model('log', 'weblog')});
	my ($report) = sql(q{SELECT rows_read, new, duplicate, excluded, rejected
		FROM journey.refresh('log')});
	is("@$report", '9999 9999 0 0 0', 'a model reads each row');
	my ($counts) = sql(q{
		SELECT (SELECT count(*) FROM log.page_views), (SELECT sum(page_views) FROM log.sessions),
			(SELECT count(DISTINCT visitor_id) FROM log.page_views), (SELECT count(*)
				FROM log.sessions),
			(SELECT count(*) FROM log.profiles)});
	is("@$counts", '9999 9999 1753 3052 1753',
		'page views, visitors, sessions and profiles of the model');
	my ($campaign) = sql(q{
		SELECT count(*), count(DISTINCT v.session_id), count(DISTINCT (c.source, c.medium)),
			min(c.source),
			min(c.medium), count(DISTINCT c.campaign)
		FROM log.page_views AS v, journey.campaign(v.url) AS c WHERE c.source IS NOT NULL});
	is("@$campaign", '153 54 1 feedburner feed 1',
		'153 views in 54 sessions of one campaign, spelt in two ways');
	is(value(q{SELECT count(DISTINCT session_id) FROM log.touches WHERE source = 'feedburner'
		AND medium = 'feed'}), 54,
		'each of which has its touch');
	is(value(q{
		SELECT count(*) FROM (
			SELECT anonymous_id, journey.timeline_agg(id, "timestamp", NULL, url, referrer, user_id,
				NULL) AS t
			FROM weblog.pages GROUP BY 1) AS x, journey.sessions(t) AS s
		JOIN log.sessions AS m ON true
		WHERE m.visitor_id = x.anonymous_id AND m.session_number = s.session_number
			AND (m.started_at, m.ended_at, m.events, m.page_views, m.landing_page, m.exit_page,
				m.source, m.medium,
				 m.campaign, m.channel, m.referrer)
				IS NOT DISTINCT FROM (s.started_at, s.ended_at, s.events, s.page_views,
					s.landing_page, s.exit_page,
				 s.source, s.medium, s.campaign, s.channel, s.referrer)
			AND m.is_bounce = s.is_bounce AND m.duration_seconds = s.duration_seconds}), 3052,
		'the functions on rows give the sessions of the model');
	is(value(q{SELECT count(*) FROM journey.verify('log', true)}), 0, 'nothing differs');

	# in four loads, each a slice across all of the time, with what was loaded before once more
	sql(q{
		CREATE SCHEMA sliced;
		CREATE TABLE sliced.pages AS SELECT *, now() AS uuid_ts FROM weblog.pages WHERE false;
		SELECT journey.create_model('parts', 'sliced')});
	my @new;
	for my $slice (0 .. 3)
	{
		sql(qq{
			INSERT INTO sliced.pages SELECT *, now() FROM weblog.pages
			WHERE (hashtextextended(id, 0) & 3) <= $slice AND (hashtextextended(id, 1) & 1 = 0
				OR (hashtextextended(id, 0) & 3) = $slice)});
		push @new, value(q{SELECT new FROM journey.refresh('parts')});
	}
	is(join('+', @new), join('+', map { value(qq{
		SELECT count(*) FROM weblog.pages WHERE (hashtextextended(id, 0) & 3) = $_}) } 0 .. 3),
			'four loads, each new once');
	is(differences('log', 'parts'), '0 0 0 0 0', 'give the same rows as one');
	is(value(q{SELECT count(*) FROM journey.verify('parts')}), 0, 'and nothing differs');
};

# ------------------------------------------------------------------------------------------------
# sessionize
# ------------------------------------------------------------------------------------------------

subtest 'sessionize' => sub {
	my $path = shared('sessionize/datafu_views.csv')
	  or plan skip_all => 'no shared data';
	sql(load_csv('views', $path));
	is(join(' ', map { $_->[0] } sql(q{
		SELECT (SELECT count(*) FROM journey.sessions(t)) FROM (
			SELECT visitor_id, journey.timeline_agg(event_time::timestamptz, value) AS t
			FROM views GROUP BY 1) AS x ORDER BY visitor_id})), '2 5 1',
				'sessions of three visitors by timelines');
	is(join(' ', map { $_->[0] } sql(q{
		SELECT max(n) FROM (SELECT visitor_id,
			journey.session_number(event_time::timestamptz) OVER (
			PARTITION BY visitor_id ORDER BY event_time::timestamptz) AS n FROM views) AS x
		GROUP BY visitor_id ORDER BY visitor_id})), '2 5 1', 'and by session_number');
};

# The statements and queries of a sqllogictest file, with our name of the function.
subtest 'sessionize, as another database has it' => sub {
	my $path = shared('journeys/duckdb_behavioral_sessionize.test')
	  or plan skip_all => 'no shared data';
	open my $in, '<', $path or die "$path: $!";
	my @blocks = split /\n{2,}/, do { local $/; <$in> };
	my $queries = 0;
	for my $block (@blocks)
	{
		my ($title) = $block =~ /^# (.*)/m;
		$block =~ s/^#.*\n//mg;
		$block =~ s/\bsessionize\(/journey.session_number(/g;
		$block =~ s/ AS ts\);/ AS ts) AS x;/;
		if ($block =~ /^statement ok\n(.*)/s)
		{
			sql($1);
		}
		elsif ($block =~ /^query \w+\n(.*?)\n----\n(.*)/s)
		{
			my ($query, $expected) = ($1, $2);
			my $got = join "\n", map { join "\t", map { $_ eq '' ? 'NULL' : $_ } @$_ } sql($query);
			is($got, $expected =~ s/\s+\z//r, $title);
			$queries++;
		}
	}
	is($queries, 4, 'number of queries');
};

# ------------------------------------------------------------------------------------------------
# late arrival: six Snowplow events, then three that were made before they came
# ------------------------------------------------------------------------------------------------

# Page pings are activity without a page, so they are tracks.
my $snowplow_view = q{
	SELECT e.event_id, e.domain_userid AS visitor_id, e.user_id,
		e.dvce_created_tstamp::timestamp AS event_time,
		e.collector_tstamp::timestamp AS received_at,
			CASE e.event WHEN 'page_view' THEN 'page' ELSE 'track' END AS kind,
		e.event_name AS name, e.page_url AS url, e.page_referrer AS referrer,
			e.mkt_source AS source,
		e.mkt_medium AS medium, e.mkt_campaign AS campaign, e.mkt_term AS term,
			e.mkt_content AS content,
		e.platform, w.id AS page_view_id
	FROM %1$s.events AS e LEFT JOIN %1$s.web_page AS w ON w.root_id = e.event_id};

subtest 'late arrival' => sub {
	my ($event, $update, $page, $page_update, $sessions,
		$views) = map { shared("late-arrival/$_.csv") }
	  qw(sp_event sp_event_update sp_web_page sp_web_page_update snowplow_sessions_expected
	  snowplow_page_views_expected);
	plan skip_all => 'no shared data' unless $event;
	sub by_load { my ($schema, @files) = @_; return join '', map { load_csv("$schema.$_->[0]",
		$_->[1]) } @files }

	sql('CREATE SCHEMA late; CREATE SCHEMA whole; '
		  . by_load('late', [ events => $event ], [ web_page => $page ])
		  . by_load('whole', [ events => $event ], [ web_page => $page ], [ events => $update ],
			[ web_page => $page_update ])
		  . load_csv('expected_sessions', $sessions) . load_csv('expected_views', $views)
		  . join '', map { sprintf "CREATE VIEW $_.rows AS $snowplow_view;
				SELECT journey.create_model('$_\_model');
				SELECT journey.add_source('$_\_model', '$_.rows', NULL, '{}',
					'{\"id_space\": \"snowplow\"}');\n", $_ } qw(late whole));

	is(value(q{SELECT new FROM journey.refresh('late_model')}), 6, 'six events');
	my $persons = q{SELECT string_agg(person_id, ' ' ORDER BY started_at, visitor_id)
		FROM late_model.sessions};
	is(value($persons), 'user:user_id_1 user:user_id_2 visitor:domain_userid_3',
		'three sessions, one of them anonymous');
	is(value(q{SELECT ended_at - started_at FROM late_model.sessions
		WHERE visitor_id = 'domain_userid_1'}), '00:00:01',
		'the first ends after a second');

	sql(by_load('late', [ events => $update ], [ web_page => $page_update ]));
	my ($report) = sql(q{SELECT rows_read, new, duplicate FROM journey.refresh('late_model')});
	is("@$report", '9 3 6', 'three more are new');
	is(value(q{SELECT ended_at - started_at FROM late_model.sessions
		WHERE visitor_id = 'domain_userid_1'}), '00:05:00',
		'the end of a session has moved');
	is(value(q{SELECT person_id FROM late_model.sessions WHERE visitor_id = 'domain_userid_3'
		AND session_number = 1}),
		'user:user_id_3', 'and the anonymous session has its user');

	# The expected times are those of the collector, in New York, without a zone.
	my @got = sql(q{
		SELECT m.visitor_id, s.session_number,
			to_char(min(m.received_at) AT TIME ZONE 'America/New_York', 'YYYY-MM-DD FMHH24:MI:SS'),
			to_char(max(m.received_at) AT TIME ZONE 'America/New_York', 'YYYY-MM-DD FMHH24:MI:SS'),
			regexp_replace(s.person_id, '^(user|visitor):', '')
		FROM late_model.sessions AS s JOIN late_model.events AS e USING (session_id)
		JOIN (SELECT event_id, visitor_id, received_at AT TIME ZONE 'UTC' AS received_at
			FROM late.rows) AS m
			ON m.event_id = e.event_id
		GROUP BY m.visitor_id, s.session_id, s.session_number, s.person_id ORDER BY 1, 2});
	my @expected = sql(q{
		SELECT user_snowplow_domain_id, session_index, session_start, session_end, inferred_user_id
		FROM expected_sessions ORDER BY 1, 2});
	is_deeply(\@got, \@expected, 'five sessions with the expected times and users');
	is_deeply([ sql(q{
		SELECT visitor_id, session_number, source, medium, campaign, term, content
		FROM late_model.sessions WHERE channel <> 'Direct' AND source <> 'google' ORDER BY 1, 2}) ],
		[ sql(q{
		SELECT user_snowplow_domain_id, session_index, marketing_source, marketing_medium,
			marketing_campaign,
			marketing_term, marketing_content
		FROM expected_sessions WHERE marketing_source IS NOT NULL ORDER BY 1, 2}) ],
			'with their campaigns');
	is_deeply([ sql(q{SELECT visitor_id, session_number, referrer_host FROM late_model.sessions
			WHERE referrer_host IS NOT NULL ORDER BY 1, 2}) ],
		[ sql(q{SELECT user_snowplow_domain_id, session_index, rtrim(referer_url, '/')
			FROM expected_sessions
			WHERE referer_url IS NOT NULL ORDER BY 1, 2}) ], 'and referrers');
	is_deeply([ sql(q{
		SELECT r.page_view_id, v.visitor_id, s.session_number, v.user_id
		FROM late_model.page_views AS v JOIN late_model.sessions AS s USING (session_id)
		JOIN late.rows AS r ON v.event_id = r.event_id ORDER BY 1}) ],
		[ sql(q{SELECT page_view_id, user_snowplow_domain_id, session_index, user_custom_id
			FROM expected_views ORDER BY 1}) ], 'seven page views');

	is(value(q{SELECT new FROM journey.refresh('whole_model')}), 9, 'all at once');
	is(differences('late_model', 'whole_model'), '0 0 0 0 0', 'gives the same');
	is(value(q{SELECT count(*) FROM journey.verify('late_model', true)}), 0, 'and nothing differs');
};

# ------------------------------------------------------------------------------------------------
# last non-direct touch, last user of a client
# ------------------------------------------------------------------------------------------------

subtest 'last non-direct' => sub {
	my $path = shared('attribution/derived_last_non_direct_input.csv')
	  or plan skip_all => 'no shared data';
	sql(load_csv('visits', $path) . load_csv('expected_visits',
		shared('attribution/derived_last_non_direct_expected.csv')));
	# the key of a session stands in its landing page
	my @got = sql(q{
		WITH client AS (
			SELECT client_key, journey.timeline_agg(ROW(session_partition_key, client_key, NULL,
				to_timestamp(session_partition_timestamp::bigint), NULL, 'page', NULL,
				'https://site.example/' || session_partition_key, NULL, NULL, NULL, NULL,
				nullif(session_source, '(direct)'), nullif(session_medium, ''),
					nullif(session_campaign, ''),
				nullif(session_term, ''), nullif(session_content, ''), NULL, NULL, NULL, NULL,
					NULL)::journey.event) AS t
			FROM visits GROUP BY 1)
		SELECT v.session_partition_key, l.source, l.medium, l.campaign, l.content, l.term,
			right(l.landing_page, 1)
		FROM visits AS v JOIN client USING (client_key),
			journey.last_touch(t, to_timestamp(v.session_partition_timestamp::bigint), NULL,
				true) AS l ORDER BY 1});
	my @expected = sql(q{
		SELECT session_partition_key, last_non_direct_source, last_non_direct_medium,
			last_non_direct_campaign,
			last_non_direct_content, last_non_direct_term, session_partition_key_last_non_direct
		FROM expected_visits ORDER BY 1});
	is_deeply(\@got, \@expected, 'of four sessions');
};

subtest 'last user of a client' => sub {
	my $path = shared('identity/derived_user_id_mapping_input.csv')
	  or plan skip_all => 'no shared data';
	sql(load_csv('client_rows', $path) . load_csv('expected_users',
		shared('identity/derived_user_id_mapping_expected.csv')) . q{
		CREATE VIEW clients AS SELECT client_key, nullif(user_id, '') AS user_id, 'page' AS kind,
			timestamptz '2026-01-01' + event_timestamp::int * interval '1 second' AS at
				FROM client_rows;
		SELECT journey.create_model('clients');
		SELECT journey.add_source('clients', 'public.clients', NULL,
			'{"visitor_id": "client_key", "event_time": "at"}');
		SELECT journey.refresh('clients')});
	is_deeply([ sql(q{SELECT substr(person_id, 6), id FROM clients.identities
			WHERE id_type = 'visitor' AND valid_to = 'infinity' AND person_id LIKE 'user:%'
				ORDER BY id}) ],
		[ sql('SELECT last_seen_user_id, client_key FROM expected_users ORDER BY client_key') ],
			'of seven rows');
	is(value(q{SELECT count(*) FROM clients.profiles WHERE NOT is_identified}), 1,
		'and one client is nobody known');
};

done_testing();
