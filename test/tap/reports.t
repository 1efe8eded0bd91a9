#!/usr/bin/env perl
# The reports on a model against plain SQL over its public relations, on the sample.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

$ENV{PGOPTIONS} = '-c client_min_messages=warning -c timezone=America/New_York -c datestyle=German';
my $zone = 'Europe/Berlin';

sub rows { my ($query) = @_; return join "\n", map { join '|', @$_ } sql("SET timezone = 'UTC'; SET datestyle = ISO; $query") }

# Two queries must give the same rows, and some.
sub same
{
	my ($report, $oracle, $name) = @_;
	my ($got, $expected) = (rows($report), rows($oracle));
	if ($got eq '' || $got ne $expected) { return is($got, $expected eq '' ? 'some rows' : $expected, $name) }
	return pass($name);
}

# What psql says of an error.
sub says
{
	my ($script) = @_;
	my $file = File::Temp->new;
	print $file $script;
	close $file;
	my $name = $file->filename;
	my $text = `psql -qXAt -v VERBOSITY=default -v SHOW_CONTEXT=never -f $name 2>&1`;
	$text =~ s/^psql:\S+ //mg;
	return $text =~ s/\s+\z//r;
}

system('psql -qX -v events=5000 -f test/sample/generate.sql >/dev/null') == 0 or BAIL_OUT('cannot make the sample');
# who looks at prices is in an experiment; the device says in which variant
sql("CREATE TABLE rudder.experiment_viewed (LIKE rudder.tracks, experiment_name text, variation_name text);
	INSERT INTO rudder.experiment_viewed (id, anonymous_id, user_id, received_at, timestamp, uuid_ts, event, event_text, channel,
	    experiment_name, variation_name)
	SELECT 'x' || id, anonymous_id, user_id, received_at, timestamp + interval '1 second', uuid_ts, 'experiment_viewed',
	    'Experiment Viewed', 'web', 'Prices', (ARRAY['control', 'high', 'low'])[1 + abs(hashtext(coalesce(anonymous_id, user_id)) % 3)]
	FROM rudder.pages WHERE path = '/pricing';
	CREATE EXTENSION pg_journey;
	SELECT journey.create_model('web', 'rudder', '{\"time_zone\": \"$zone\"}') \\g /dev/null\nSELECT journey.refresh('web') \\g /dev/null");
# events as the oracles see them
sql("CREATE TABLE e AS SELECT e.*, coalesce(journey.url_path(e.url), '/') AS path FROM web.events AS e WHERE person_id IS NOT NULL;
	CREATE INDEX ON e (person_id, event_time);
	CREATE TABLE known AS SELECT max(event_time) AS until FROM web.events;
	ANALYZE e");
my $range = "'2026-07-01 05:00+00', '2026-09-01 05:00+00'";
my ($since, $until) = map { "timestamptz $_" } split ', ', $range;

# ------------------------------------------------------------------------------------------------
# funnel_report
# ------------------------------------------------------------------------------------------------

# An oracle of a funnel of pages, in order: the most steps that any start in the range leads to.
sub funnel
{
	my ($bound, @pages) = @_;
	my $tree = '0';
	for my $i (reverse 0 .. $#pages)
	{
		my ($n, $before, $first) = ($i + 1, $i > 0 ? "e$i" : undef, 'e1');
		my $when = defined $before
		  ? "e$n.person_id = p.person_id AND e$n.event_time >= $before.event_time AND e$n.event_time <= $first.event_time + interval '7 days'"
		  : "e$n.person_id = p.person_id AND $bound";
		$tree = "coalesce((SELECT max(1 + $tree) FROM e AS e$n WHERE $when AND e$n.kind = 'page' AND e$n.path = '$pages[$i]'), 0)";
	}
	return "SELECT p.person_id, $tree AS steps FROM (SELECT DISTINCT person_id FROM e) AS p";
}
my @pages = ('/pricing', '/signup', '/docs/start');
my $steps = "'{page:/pricing,page:/signup,page:/docs/start}'";
for my $case (['in all time', 'true', ''], ['of starts in a stretch of time', "e1.event_time >= $since AND e1.event_time < $until", ", '7 days', $range"])
{
	my ($name, $bound, $arguments) = @$case;
	my $oracle = funnel($bound, @pages);
	same("SELECT step, name, persons, share, share_of_previous FROM journey.funnel_report('web', $steps$arguments)",
		"WITH f AS ($oracle) SELECT n, ('{page:/pricing,page:/signup,page:/docs/start}'::text[])[n], count(*) FILTER (WHERE steps >= n),
		 round(count(*) FILTER (WHERE steps >= n)::numeric / nullif(count(*) FILTER (WHERE steps >= 1), 0), 6),
		 CASE WHEN n > 1 THEN round(count(*) FILTER (WHERE steps >= n)::numeric / nullif(count(*) FILTER (WHERE steps >= n - 1), 0), 6) END
		 FROM f CROSS JOIN generate_series(1, 3) AS n GROUP BY n ORDER BY n", "funnel $name: persons and both shares");
}
# of two steps: the earliest end that a start leads to, from its latest start; of those who come to none the first start
my $attempts = "SELECT DISTINCT ON (a.person_id) a.person_id, a.event_time AS start, b.event_time AS done
	FROM e AS a LEFT JOIN e AS b ON b.person_id = a.person_id AND b.kind = 'page' AND b.path = '/signup'
	     AND b.event_time BETWEEN a.event_time AND a.event_time + interval '7 days'
	WHERE a.kind = 'page' AND a.path = '/pricing' AND a.event_time >= $since AND a.event_time < $until
	ORDER BY a.person_id, b.event_time, CASE WHEN b.event_time IS NULL THEN a.event_time END, a.event_time DESC";
same("SELECT median_seconds, median_seconds_from_start FROM journey.funnel_report('web', '{page:/pricing,page:/signup}', '7 days', $range) WHERE step = 2",
	"SELECT m, m FROM (SELECT round((percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM done - start)))::numeric, 6) AS m
	 FROM ($attempts) AS a WHERE done IS NOT NULL) AS x", 'the median time of the attempts that count');
same("SELECT dropped, still_open, closed_share FROM journey.funnel_report('web', '{page:/pricing,page:/signup}', '7 days', $range,
	     options => '{\"data_until\": \"2026-08-29 12:00+00\"}') WHERE step = 2",
	"SELECT count(*) FILTER (WHERE done IS NULL AND NOT open), count(*) FILTER (WHERE done IS NULL AND open),
	        round(count(done)::numeric / count(*) FILTER (WHERE done IS NOT NULL OR NOT open), 6)
	 FROM (SELECT a.*, EXISTS (SELECT FROM e WHERE person_id = a.person_id AND kind = 'page' AND path = '/pricing' AND event_time >= $since
	              AND event_time < $until AND event_time + interval '7 days' > '2026-08-29 12:00+00') AS open FROM ($attempts) AS a) AS x",
	'who is still open, who dropped off, and the share of those whose time is over');
same("SELECT value, sum(persons) FILTER (WHERE step = 1) FROM journey.funnel_report('web', '{page:/pricing,page:/signup}', '7 days', $range, 'traits.plan')
	GROUP BY 1 ORDER BY 1", "SELECT traits ->> 'plan', count(*) FROM ($attempts) AS a JOIN web.profiles USING (person_id) GROUP BY 1 ORDER BY 1",
	'by a trait');
same("SELECT value, persons FROM journey.funnel_report('web', '{page:/pricing,page:/signup}', '0', $range, 'channel', '{\"per\": \"session\"}')
	WHERE step = 1 ORDER BY 1", "SELECT channel, count(*) FROM web.sessions AS s WHERE EXISTS (SELECT FROM e WHERE e.session_id = s.session_id
	AND e.kind = 'page' AND e.path = '/pricing' AND e.event_time >= $since AND e.event_time < $until) GROUP BY 1 ORDER BY 1",
	'of sessions, by a column of theirs');
# the value at the start is that of the session that the start lies in
same("SELECT value, persons FROM journey.funnel_report('web', '{page:/pricing,page:/signup}', '7 days', $range, 'channel') WHERE step = 1 ORDER BY 1",
	"SELECT (SELECT s.channel FROM web.sessions AS s WHERE s.person_id = a.person_id AND a.start BETWEEN s.started_at AND s.ended_at
	         ORDER BY s.started_at DESC LIMIT 1) AS channel, count(*) FROM ($attempts) AS a GROUP BY 1 ORDER BY 1", 'by the channel at the start');
same("SELECT persons FROM journey.funnel_report('web', '{page:/pricing,page:/signup}', '3 days', $range, options => '{\"any_order\": true}')",
	"WITH a AS (SELECT person_id, event_time, path FROM e WHERE kind = 'page' AND path = ANY ('{/pricing,/signup}'))
	 SELECT count(DISTINCT person_id) FROM a WHERE event_time >= $since AND event_time < $until
	 UNION ALL SELECT count(DISTINCT a.person_id) FROM a JOIN a AS b ON b.person_id = a.person_id AND b.path <> a.path
	 AND b.event_time BETWEEN a.event_time AND a.event_time + interval '3 days' WHERE a.event_time >= $since AND a.event_time < $until",
	'in any order, the first of them in the range');
# random stories of three events within a few seconds, with many ties
sql("SELECT setseed(0.5) \\g /dev/null
	CREATE TABLE r AS SELECT p, (random() * 20)::int AS t, (ARRAY['A', 'B', 'C'])[1 + floor(random() * 3)::int] AS n
	FROM generate_series(1, 600) AS p, generate_series(1, 6)");
my $stories = "SELECT p, (journey._funnel(journey.timeline_agg(p || '-' || t || '-' || n || k, timestamptz '2026-01-01 00:00+00' + t * interval '1 second', n,
	NULL, NULL, p::text, NULL), '{A,B,C}', '5 seconds', %s, '2026-01-01 00:00:05+00', '2026-01-01 00:00:12+00')).steps
	FROM (SELECT r.*, row_number() OVER () AS k FROM r) AS r GROUP BY p";
my $starts = 'x.p = u.p AND x.t >= 5 AND x.t < 12';
for my $case ([ 'in order', '{}', "(SELECT coalesce(max(1 + (b.p IS NOT NULL)::int + (c.p IS NOT NULL)::int), 0) FROM r AS x
	LEFT JOIN r AS b ON b.p = x.p AND b.n = 'B' AND b.t BETWEEN x.t AND x.t + 5 LEFT JOIN r AS c ON c.p = b.p AND c.n = 'C' AND c.t BETWEEN b.t AND x.t + 5
	WHERE x.n = 'A' AND $starts)" ],
	[ 'in any order', '{"any_order": true}', "(SELECT coalesce(max((SELECT count(DISTINCT y.n) FROM r AS y WHERE y.p = x.p AND y.t BETWEEN x.t AND x.t + 5)), 0)
	FROM r AS x WHERE $starts)" ])
{
	my ($name, $options, $oracle) = @$case;
	same("SELECT * FROM (" . sprintf($stories, "'$options'") . ") AS f ORDER BY 1", "SELECT u.p, $oracle FROM (SELECT DISTINCT p FROM r) AS u ORDER BY 1",
		"random stories with bounds of the start, $name");
}
is(rows("SELECT step, persons, share, dropped FROM journey.funnel_report('web', '{Nothing,Else}')"), "1|0||0\n2|0||0", 'a funnel of nobody has its steps');

# ------------------------------------------------------------------------------------------------
# retention_report, lifecycle_report
# ------------------------------------------------------------------------------------------------

sub retention
{
	my ($hit, $restrict, $by) = @_;
	return "WITH first AS (SELECT DISTINCT ON (person_id) person_id, event_time AS at, event_id FROM e WHERE kind = 'page' $restrict
	        ORDER BY person_id, event_time, event_id),
	    c AS (SELECT f.*, date_trunc('week', f.at AT TIME ZONE '$zone') AS cohort, $by AS value FROM first AS f LEFT JOIN web.profiles USING (person_id)
	          WHERE f.at >= $since AND f.at < $until),
	    r AS (SELECT c.person_id, (date_trunc('week', e.event_time AT TIME ZONE '$zone')::date - c.cohort::date) / 7 AS period
	          FROM c JOIN e USING (person_id) WHERE e.name = 'Feature Used' AND e.event_time >= c.at AND e.event_id <> c.event_id)
	SELECT c.value, c.cohort, count(*), k, CASE WHEN (c.cohort + k * interval '1 week') AT TIME ZONE '$zone' <= u THEN count(*) FILTER (WHERE $hit) END,
	       CASE WHEN (c.cohort + (k + 1) * interval '1 week') AT TIME ZONE '$zone' <= u THEN round(count(*) FILTER (WHERE $hit)::numeric / count(*), 6) END,
	       (c.cohort + (k + 1) * interval '1 week') AT TIME ZONE '$zone' <= u
	FROM c CROSS JOIN generate_series(0, 4) AS k CROSS JOIN (SELECT timestamptz '2026-09-10 10:00+00' AS u) AS known
	GROUP BY c.value, c.cohort, k, u ORDER BY c.value, c.cohort, k";
}
my $data_until = '"data_until": "2026-09-10T10:00:00Z"';
my $hit = 'EXISTS (SELECT FROM r WHERE r.person_id = c.person_id AND r.period = k)';
my $columns = 'value, cohort, persons, period, returned, share, is_complete';
same("SELECT $columns FROM journey.retention_report('web', 'kind:page', 'Feature Used', 'week', 4, NULL, $range, '{$data_until}')",
	retention($hit, '', 'NULL::text'), 'retention: exact, of the first event ever, weeks of the model\'s time zone');
same("SELECT $columns FROM journey.retention_report('web', 'kind:page', 'Feature Used', 'week', 4, 'is_identified', $range, '{$data_until}')",
	retention($hit, '', 'is_identified::text'), 'by a column of profiles');
same("SELECT $columns FROM journey.retention_report('web', 'kind:page', 'Feature Used', 'week', 4, NULL, $range, '{$data_until, \"rolling\": true}')",
	retention($hit =~ s/period = k/period >= k/r, '', 'NULL::text'), 'rolling: in the period or later');
same("SELECT $columns FROM journey.retention_report('web', 'kind:page', 'Feature Used', 'week', 4, NULL, $range, '{$data_until, \"first\": \"in_range\"}')",
	retention($hit, "AND event_time >= $since", 'NULL::text'), 'of the first event in the range');
same("SELECT cohort, persons, period, returned FROM journey.retention_report('web', 'kind:page', 'Feature Used', 'week', 2, NULL, $range, '{$data_until, \"first\": \"each_period\"}')",
	"WITH c AS (SELECT DISTINCT ON (person_id, 2) person_id, date_trunc('week', event_time AT TIME ZONE '$zone') AS cohort, event_time AS at, event_id
	            FROM e WHERE kind = 'page' AND event_time >= $since AND event_time < $until ORDER BY person_id, 2, event_time, event_id)
	 SELECT c.cohort, count(*), k, CASE WHEN (c.cohort + k * interval '1 week') AT TIME ZONE '$zone' <= '2026-09-10 10:00+00' THEN count(*) FILTER (WHERE EXISTS (
	            SELECT FROM e WHERE e.person_id = c.person_id AND e.name = 'Feature Used' AND e.event_time >= c.at AND e.event_id <> c.event_id
	            AND date_trunc('week', e.event_time AT TIME ZONE '$zone') = c.cohort + k * interval '1 week')) END
	 FROM c CROSS JOIN generate_series(0, 2) AS k GROUP BY 1, 3 ORDER BY 1, 3", 'in the cohort of each period that has such an event');
is(rows("SELECT DISTINCT cohort FROM journey.retention_report('web', 'kind:page', since => $since, until => $until) WHERE is_cut ORDER BY 1"),
	"2026-06-29 00:00:00\n2026-08-31 00:00:00", 'the cohorts that the range cuts are marked');
same("SELECT period, active_persons, new_persons, returning_persons, resurrected_persons, dormant_persons, is_complete
	FROM journey.lifecycle_report('web', 'kind:page', 'week')",
	"WITH a AS (SELECT DISTINCT person_id, date_trunc('week', event_time AT TIME ZONE '$zone') AS w FROM e WHERE kind = 'page'),
	 c AS (SELECT generate_series(min(w), (SELECT date_trunc('week', until AT TIME ZONE '$zone') FROM known), interval '1 week') AS w FROM a)
	 SELECT c.w, count(*) FILTER (WHERE active), count(*) FILTER (WHERE active AND NOT earlier), count(*) FILTER (WHERE active AND before),
	        count(*) FILTER (WHERE active AND earlier AND NOT before),
	        CASE WHEN (c.w + interval '1 week') AT TIME ZONE '$zone' <= (SELECT until FROM known) THEN count(*) FILTER (WHERE before AND NOT active) END,
	        (c.w + interval '1 week') AT TIME ZONE '$zone' <= (SELECT until FROM known)
	 FROM c CROSS JOIN (SELECT DISTINCT person_id FROM a) AS p
	 CROSS JOIN LATERAL (SELECT coalesce(bool_or(a.w = c.w), false) AS active, coalesce(bool_or(a.w < c.w), false) AS earlier,
	                            coalesce(bool_or(a.w = c.w - interval '1 week'), false) AS before FROM a WHERE a.person_id = p.person_id) AS x
	 GROUP BY c.w ORDER BY c.w", 'lifecycle: new, returning, resurrected, dormant');
like(says("SELECT journey.lifecycle_report('web', unit => '7 days')"), qr/HINT:  Units are hour, day/, 'a lifecycle has periods of the calendar');
like(says("SELECT journey.retention_report('web', unit => 'fortnight')"), qr/unknown unit "fortnight"/, 'an unknown unit');

# ------------------------------------------------------------------------------------------------
# paths_report, top_paths_report, page_report
# ------------------------------------------------------------------------------------------------

my $paths = "SELECT session_id, array_agg(path ORDER BY event_time, event_id) AS path FROM (
	SELECT e.*, lag(path) OVER (PARTITION BY session_id ORDER BY event_time, event_id) AS before FROM e JOIN web.sessions AS s USING (session_id)
	WHERE e.kind = 'page' AND s.started_at >= $since AND s.started_at < $until) AS x WHERE path IS DISTINCT FROM before GROUP BY 1";
my $path_options = '{"per": "session", "of": "pages", "nodes": 3}';
same("SELECT path, persons, share FROM journey.top_paths_report('web', NULL, NULL, 3, $range, '{\"per\": \"session\", \"of\": \"pages\"}')",
	"SELECT path, count(*), round(count(*) / sum(count(*)) OVER (), 6) FROM (SELECT path[:3] AS path FROM ($paths) AS p) AS q
	 GROUP BY path ORDER BY 2 DESC, path",
	'the paths of sessions, the most frequent first');
same("SELECT step, source, target, persons, is_end FROM journey.paths_report('web', NULL, NULL, 3, $range, '$path_options')
	ORDER BY 1, 2, 3",
	"WITH p AS ($paths), n AS (SELECT session_id, k, path[k] AS label, k = cardinality(path) AS last FROM p CROSS JOIN generate_series(1, 3) AS k
	          WHERE k <= cardinality(path)),
	 t AS (SELECT k, label, row_number() OVER (PARTITION BY k ORDER BY count(*) DESC, label) AS place FROM n GROUP BY 1, 2),
	 m AS (SELECT n.*, CASE WHEN place <= 3 THEN label ELSE '(other)' END AS name FROM n JOIN t USING (k, label))
	 SELECT a.k, a.name, coalesce(b.name, '(ended here)'), count(*), b.name IS NULL FROM m AS a LEFT JOIN m AS b ON b.session_id = a.session_id AND b.k = a.k + 1
	 WHERE a.k < 3 GROUP BY 1, 2, 3, 5 ORDER BY 1, 2, 3", 'edges with the rest as other, and where paths end');
is(rows("WITH r AS (SELECT * FROM journey.paths_report('web', 'page:/pricing', depth => 5))
	SELECT count(*) FROM (SELECT step + 1 AS step, target, sum(persons) AS n FROM r WHERE NOT is_end AND step < 4 GROUP BY 1, 2) AS i
	FULL JOIN (SELECT step, source AS target, sum(persons) AS n FROM r WHERE step > 1 GROUP BY 1, 2) AS o USING (step, target, n) WHERE i.n IS NULL OR o.n IS NULL"),
	'0', 'what comes to a node goes on or ends there');
same("SELECT sum(persons) FROM journey.paths_report('web', NULL, 'page:/signup', 4, options => '{\"per\": \"session\"}') WHERE step = -2 AND target = '/signup'",
	"SELECT count(*) FROM (SELECT session_id, min(event_time) AS at FROM e WHERE kind = 'page' AND path = '/signup' AND session_id IS NOT NULL GROUP BY 1) AS s
	 WHERE EXISTS (SELECT FROM e WHERE e.session_id = s.session_id AND e.event_time < s.at AND (e.kind = ANY ('{page,screen,track}')))",
	'paths up to an end are counted from it backwards');

same("SELECT page, views, sessions, persons, entries, exits, bounces FROM journey.page_report('web', $range) ORDER BY page",
	"WITH v AS (SELECT e.*, s.is_bounce, row_number() OVER (PARTITION BY session_id ORDER BY e.event_time, e.event_id) = 1 AS entry,
	                   row_number() OVER (PARTITION BY session_id ORDER BY e.event_time DESC, e.event_id DESC) = 1 AS exit
	            FROM web.page_views AS e JOIN web.sessions AS s USING (session_id) WHERE s.started_at >= $since AND s.started_at < $until)
	 SELECT CASE kind WHEN 'screen' THEN name ELSE coalesce(journey.url_path(url), '/') END AS page, count(*), count(DISTINCT session_id), count(DISTINCT person_id),
	        count(*) FILTER (WHERE entry), count(*) FILTER (WHERE exit), count(*) FILTER (WHERE entry AND is_bounce)
	 FROM v GROUP BY 1 ORDER BY 1", 'pages: views, entries, exits and bounces');
is(rows("SELECT sum(entries) = (SELECT count(*) FROM web.sessions WHERE page_views > 0), sum(entries) = sum(exits),
	sum(views) = (SELECT sum(page_views) FROM web.sessions) FROM journey.page_report('web')"), 't|t|t', 'and they sum up to those of sessions');
same("SELECT value, sum(views) FROM journey.page_report('web', $range, 'channel') GROUP BY 1 ORDER BY 1",
	"SELECT channel, sum(page_views) FROM web.sessions WHERE started_at >= $since AND started_at < $until AND page_views > 0 GROUP BY 1 ORDER BY 1",
	'by channel');

# ------------------------------------------------------------------------------------------------
# experiment_report
# ------------------------------------------------------------------------------------------------

my $exposed = "SELECT DISTINCT ON (person_id) person_id, event_time AS at, properties ->> 'variation_name' AS variant,
	(SELECT count(DISTINCT x.properties ->> 'variation_name') FROM e AS x WHERE x.person_id = e.person_id AND x.name = 'Experiment Viewed'
	 AND x.event_time >= $since AND x.event_time < $until) > 1 AS several
	FROM e WHERE name = 'Experiment Viewed' AND event_time >= $since AND event_time < $until ORDER BY person_id, event_time, event_id";
sql("CREATE TABLE exposed AS $exposed");
cmp_ok(value('SELECT count(*) FROM exposed WHERE several'), '>', 0, 'somebody was exposed to several variants');
my $experiment = "journey.experiment_report('web', 'Experiment Viewed', 'variation_name', '{Workspace Created,page:/signup}',
	'{\"control\": 1, \"low\": 1, \"high\": 1}', $range, '{\"within\": \"20 days\", \"cuped\": \"60 days\"}')";
same("SELECT variant_name, persons, several_variants, is_control FROM $experiment WHERE metric = 'exposure' ORDER BY 1",
	"SELECT variant, count(*), count(*) FILTER (WHERE several), variant = 'control' FROM exposed GROUP BY 1 ORDER BY 1", 'the first exposure counts');
my $converted = "SELECT g.goal, x.variant, x.person_id, EXISTS (SELECT FROM e WHERE e.person_id = x.person_id AND e.event_time BETWEEN x.at AND x.at + interval '20 days'
	AND CASE g.goal WHEN 'page:/signup' THEN e.kind = 'page' AND e.path = '/signup' ELSE e.name = g.goal END) AS done
	FROM exposed AS x CROSS JOIN unnest('{Workspace Created,page:/signup}'::text[]) AS g (goal)";
my $sums = "SELECT goal, variant, count(*) AS n, count(*) FILTER (WHERE done) AS x FROM ($converted) AS c GROUP BY 1, 2";
same("SELECT goal, variant_name, persons, converted, rate, difference, lower, upper, statistic, p_value, fisher_p_value, comparisons > 0
	FROM $experiment WHERE metric = 'conversion' AND NOT is_control ORDER BY 1, 2",
	"WITH s AS ($sums) SELECT a.goal, a.variant, a.n, a.x, a.x::float8 / a.n, t.difference, t.lower, t.upper, t.z, t.p_value, f.p_value, true
	 FROM s AS a JOIN s AS b ON b.goal = a.goal AND b.variant = 'control' AND a.variant <> 'control',
	 journey.two_proportions(a.n, a.x, b.n, b.x) AS t, journey.fisher_exact(a.x, a.n - a.x, b.x, b.n - b.x) AS f ORDER BY 1, 2",
	'conversion after the exposure, against the control');
# money as the profile counts it: an order told twice once
my $paid = "SELECT x.variant, x.person_id, coalesce(sum(o.revenue) FILTER (WHERE o.event_time BETWEEN x.at AND x.at + interval '20 days'), 0)::float8 AS post,
	coalesce(sum(o.revenue) FILTER (WHERE o.event_time >= x.at - interval '60 days' AND o.event_time < x.at), 0)::float8 AS pre
	FROM exposed AS x LEFT JOIN (SELECT f.person_id, f.event_time, f.revenue, f.currency, f.order_id IS NULL OR f.revenue < 0 OR 1 = row_number() OVER (
	     PARTITION BY f.person_id, f.name, f.order_id, f.revenue < 0 ORDER BY f.event_time, f.event_id, f.visitor_id) AS counts
	     FROM web_store._facts AS f WHERE f.revenue IS NOT NULL) AS o ON o.person_id = x.person_id AND o.counts AND o.currency = 'EUR' GROUP BY 1, 2";
same("SELECT variant_name, persons, round(mean::numeric, 8), round(difference::numeric, 8), round(p_value::numeric, 8) FROM $experiment
	WHERE metric = 'revenue' AND goal = 'EUR' ORDER BY 1",
	"WITH p AS ($paid), s AS (SELECT variant, count(*) AS n, avg(post) AS m, var_samp(post) AS v FROM p GROUP BY 1)
	 SELECT a.variant, a.n, round(a.m::numeric, 8), round(t.difference::numeric, 8), round(t.p_value::numeric, 8) FROM s AS a JOIN s AS b ON b.variant = 'control'
	 LEFT JOIN LATERAL journey.welch_t(a.n, a.m, a.v, b.n, b.m, b.v) AS t ON a.variant <> 'control' ORDER BY 1", 'revenue per person, Welch');
same("SELECT variant_name, round(mean::numeric, 8), round(p_value::numeric, 8) FROM $experiment WHERE metric = 'revenue_cuped' AND goal = 'EUR' ORDER BY 1",
	"WITH p AS ($paid), t AS (SELECT coalesce(covar_samp(post, pre) / nullif(var_samp(pre), 0), 0) AS theta, avg(pre) AS pre FROM p),
	 s AS (SELECT variant, count(*) AS n, avg(post - theta * (p.pre - t.pre)) AS m, var_samp(post - theta * (p.pre - t.pre)) AS v FROM p CROSS JOIN t GROUP BY 1)
	 SELECT a.variant, round(a.m::numeric, 8), round(t.p_value::numeric, 8) FROM s AS a JOIN s AS b ON b.variant = 'control'
	 LEFT JOIN LATERAL journey.welch_t(a.n, a.m, a.v, b.n, b.m, b.v) AS t ON a.variant <> 'control' ORDER BY 1", 'adjusted by what was before, CUPED');
like(rows("SELECT DISTINCT message FROM $experiment WHERE metric = 'exposure'"), qr/split is as planned \(p = .*persons were exposed to several variants/,
	'sentences on the split and on several variants');
like(rows("SELECT message FROM journey.experiment_report('web', 'Experiment Viewed', 'variation_name', '{}', '{\"control\": 9, \"low\": 1}')
	WHERE metric = 'exposure' LIMIT 1"), qr/Without a planned weight, and not tested: high\./, 'a variant without a weight is said');
is(rows("SELECT count(*) FROM journey.experiment_report('web', 'Experiment Viewed', 'variation_name', '{page:/signup}', '{\"control\": 9, \"low\": 1}')
	WHERE variant_name = 'high' AND difference IS NOT NULL"), '0', 'and not compared');
is(rows("SELECT sum(persons) = (SELECT count(*) FROM exposed WHERE NOT several) FROM journey.experiment_report('web', 'Experiment Viewed', 'variation_name',
	'{}', NULL, $range, '{\"several\": \"leave_out\"}') WHERE metric = 'exposure'"), 't', 'or those of several variants are left out');
like(says("SELECT journey.experiment_report('web', 'x', 'v', '{}', '[1]')"), qr/weights must be an object.*HINT/s, 'weights are an object');

# ------------------------------------------------------------------------------------------------
# who may ask, and what for
# ------------------------------------------------------------------------------------------------

like(says("SELECT journey.funnel_report('web', '{a}', options => '{\"pr\": 1}')"), qr/unknown option "pr"\nHINT:  Options here are per, at/, 'an unknown option');
like(says("SELECT journey.funnel_report('web', '{a}', by => 'colour')"), qr/no column "colour".*HINT/s, 'an unknown column');
like(says("SELECT journey.funnel_report('web', '{a}', '-1 day')"), qr/within must not be negative/, 'a window before the start');
like(says("SELECT journey.funnel_report('nowhere', '{a}')"), qr/model "nowhere" does not exist\nHINT/, 'an unknown model');
like(says("SELECT journey.paths_report('web', depth => 0)"), qr/depth must be at least 1/, 'no depth');
my $before = rows("SELECT * FROM journey.funnel_report('web', $steps)");
my $role = "reports_reader_$$";
sql("CREATE ROLE $role; GRANT USAGE ON SCHEMA journey TO $role");
like(says("SET ROLE $role; SELECT journey.funnel_report('web', '{a}')"), qr/permission denied for schema "web".*HINT:  Its owner may GRANT USAGE ON SCHEMA web/s,
	'who may not use the schema is told so');
sql("GRANT USAGE ON SCHEMA web TO $role; GRANT SELECT ON web.sessions TO $role");
like(says("SET ROLE $role; SELECT journey.funnel_report('web', '{a}')"), qr/permission denied for what.*HINT:  Its owner may GRANT SELECT ON web\.profiles, web\.timelines/s,
	'who may not read the relations is told which');
sql("GRANT SELECT ON web.profiles, web.touches, web.timelines TO $role; ALTER SCHEMA rudder RENAME TO gone");
is(says("SET ROLE $role; SET search_path = ''; SELECT * FROM journey.funnel_report('web', $steps)"), $before, 'a reader gets the same, and no raw row is read');
like(says("SET ROLE $role; SELECT journey.report('web')"), qr/^<!DOCTYPE html>.*<\/html>$/s, 'and the page');
sql("DROP OWNED BY $role; DROP ROLE $role");
done_testing();
