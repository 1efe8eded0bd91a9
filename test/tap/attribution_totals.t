#!/usr/bin/perl
# Totals of attribution on random data: what is given out is what there is, to the cent, by every rule and grouping, with
# spends that have names of their own, none, and days as tables have them; beside the same in plain SQL.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

my $seed = $ENV{SEED} // int rand 2**31;
note "SEED=$seed";
system("psql -qX -v events=5000 -v crm=rudder_crm -f $FindBin::Bin/../sample/generate.sql >/dev/null") == 0 or die 'no sample';
my $half = $seed % 2 ? '{"half_life": "1 day", "exclude_channels": ["Direct"]}' : '{"lead": "MQL"}';
sql(qq{
	SET client_min_messages = warning; SET timezone = 'UTC';
	CREATE EXTENSION pg_journey;
	SELECT setseed($seed % 1000 / 1000.0);
	UPDATE rudder.order_completed SET revenue = round((random() * 1000)::numeric, 2), currency = (ARRAY['EUR', 'USD', 'JPY', NULL])[1 + floor(random() * 4)::int];
	SELECT journey.create_model('web', 'rudder', '{"lookback": "20 days", "attribution": $half, "conversions": [{"name": "Order", "event": "Order Completed", "value": "revenue"},
	    {"name": "Signup", "kind": "identify", "value": 9.99, "currency": "EUR", "count": "first", "lookback": "5 days"}, {"name": "Read", "page": "/docs/*"}]}');
	SELECT journey.add_source('web', 'rudder_crm.leads', 'conversion', '{"converted_at": "mql_at"}', '{"name": "MQL"}');
	SELECT FROM journey.refresh('web');
	CREATE TABLE spend AS
	SELECT (ARRAY[x.channel, 'Billboards', '', NULL])[CASE WHEN random() < 0.8 THEN 1 ELSE 2 + floor(random() * 3)::int END] AS channel, x.campaign, x.source,
	       (x.touched_at AT TIME ZONE 'UTC')::date + floor(random() * 3)::int AS day, round((random() * 100)::numeric, 2) AS spend
	FROM web.touches AS x WHERE random() < 0.3;
	INSERT INTO spend VALUES (NULL, NULL, NULL, NULL, 7.77), ('Direct', NULL, 'x', '1999-01-01', 0.01);
	CREATE TABLE spend_text AS SELECT channel, campaign, source, to_char(day, 'YYYY-MM-DD') AS day, spend::text AS spend FROM spend;
	CREATE TABLE spend_time AS SELECT channel, campaign, source, day + time '10:00' AT TIME ZONE 'UTC' AS day, spend FROM spend;
	-- what a rule gives each name and currency
	CREATE VIEW earned AS
	SELECT r.rule, b.by, g.touch, c.currency, sum(g.credit) AS conversions, sum(g.value) AS value
	FROM web.conversions AS c
	CROSS JOIN unnest('{first,last,last_non_direct,linear,position,w_shaped,time_decay}'::text[]) AS r (rule)
	CROSS JOIN unnest('{channel,campaign,source,day}'::text[]) AS b (by)
	LEFT JOIN web.attributed_touches AS a USING (conversion_id)
	CROSS JOIN LATERAL (
	    SELECT CASE WHEN a.touch_id IS NULL THEN '(unattributed)' WHEN b.by = 'day' THEN to_char(a.touched_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')
	                ELSE coalesce(to_jsonb(a) ->> b.by, '(not set)') END AS touch,
	           CASE WHEN a.touch_id IS NULL THEN 1 ELSE (to_jsonb(a) ->> (r.rule || '_credit'))::numeric END AS credit,
	           CASE WHEN a.touch_id IS NULL THEN c.value ELSE (to_jsonb(a) ->> (r.rule || '_value'))::numeric END AS value) AS g
	GROUP BY 1, 2, 3, 4 HAVING sum(g.credit) <> 0;
});
# another session's habits change nothing
my $habits = q{SET DateStyle = 'SQL, DMY'; SET timezone = 'Asia/Tokyo'; };
cmp_ok(value('SELECT count(*) FROM web.attributed_touches'), '>', 500, 'there is something to give out');
for my $by (qw(channel campaign source day))
{
	my $rows = "journey.attribution_overview('web', '{first,last,last_non_direct,linear,position,w_shaped,time_decay}', by => '$by', spend => 'spend')";
	is(value("$habits WITH o AS (SELECT rule, touch, currency, conversions, value FROM $rows WHERE conversions <> 0), e AS (SELECT rule, touch, currency, conversions, value FROM earned WHERE by = '$by')
		SELECT count(*) FROM ((TABLE o EXCEPT TABLE e) UNION ALL (TABLE e EXCEPT TABLE o)) AS x"), 0, "$by: as in plain SQL");
	is(value("$habits SELECT count(*) FROM (SELECT rule, coalesce(currency, '') AS c, sum(conversions) AS n, sum(value) AS v FROM $rows WHERE conversions <> 0 GROUP BY 1, 2) AS o
		FULL JOIN (SELECT coalesce(currency, '') AS c, count(*) AS n, sum(value) AS v FROM web.conversions GROUP BY 1) AS w USING (c) WHERE (o.n, o.v) IS DISTINCT FROM (w.n::numeric, w.v)"), 0, "$by: each rule gives out all conversions and amounts");
	for my $relation (qw(spend spend_text spend_time))
	{
		my $of = $rows =~ s/'spend'/'$relation'/r;
		is(value("$habits SELECT string_agg(DISTINCT s::text, ' ') FROM (SELECT sum(spend) AS s FROM $of GROUP BY rule) AS o"), value('SELECT sum(spend) FROM spend'), "$by: all that was spent, of $relation");
		is(value("$habits SELECT count(*) FROM (SELECT touch, sum(spend) AS s FROM $of WHERE rule = 'first' GROUP BY 1 HAVING sum(spend) IS NOT NULL) AS o
			FULL JOIN (SELECT coalesce(nullif(CASE '$by' WHEN 'day' THEN to_char(day, 'YYYY-MM-DD') ELSE to_jsonb(s) ->> '$by' END, ''), '(not set)') AS touch, sum(spend) AS s FROM spend AS s GROUP BY 1) AS w USING (touch)
			WHERE o.s IS DISTINCT FROM w.s"), 0, "$by: where it was spent, of $relation");
	}
	is(value("$habits SELECT count(*) FROM (SELECT *, count(currency) OVER w + count(*) FILTER (WHERE currency IS NULL AND conversions <> 0) OVER w AS currencies, sum(conversions) OVER w AS n, max(spend) OVER w AS s FROM $rows WINDOW w AS (PARTITION BY rule, touch)) AS o
		WHERE roas IS DISTINCT FROM CASE WHEN currencies = 1 THEN round(value / nullif(s, 0), 6) END OR cpa IS DISTINCT FROM round(spend / nullif(n, 0), 6) AND currencies = 1"), 0, "$by: what is earned of what is spent");
	my ($since, $until) = map { "timestamptz '$_'" } value("SELECT min(day) + 20 FROM spend WHERE day > '2000-01-01'") . ' UTC', value('SELECT max(day) - 20 FROM spend') . ' UTC';
	is(value("SET timezone = 'UTC'; SELECT sum(spend) FROM journey.attribution_overview('web', by => '$by', since => $since, until => $until, spend => '$_')"),
		value("SET timezone = 'UTC'; SELECT sum(spend) FROM spend WHERE day >= $since AND day < $until"), "$by: of a time, of $_") for qw(spend spend_text);
}
for my $name ('NULL', "'Order'")
{
	is(value("SELECT sum(conversions) || ' ' || sum(value) FROM journey.paths_to_conversion('web', $name)"),
		value("SELECT count(*) || ' ' || sum(value) FROM web.conversions AS c WHERE ($name IS NULL OR name = $name) AND EXISTS (SELECT FROM web.attributed_touches AS a WHERE a.conversion_id = c.conversion_id)"), "paths of $name: all conversions that a touch earned");
	is(value("SELECT sum(nulls) FROM journey.paths_to_conversion('web', $name)"),
		value("SELECT count(DISTINCT person_id) FROM web.touches AS t WHERE NOT EXISTS (SELECT FROM web.conversions AS c WHERE c.person_id = t.person_id AND ($name IS NULL OR name = $name))"), 'and persons who did not convert');
	is(value("SELECT string_agg(DISTINCT (n = (SELECT sum(conversions) FROM journey.paths_to_conversion('web', $name)))::text, ',') FROM (SELECT journey.$_ AS c FROM journey.paths_to_conversion('web', $name)) AS m, LATERAL (SELECT sum(u.conversions) AS n FROM unnest(c) AS u) AS s"),
		'true', "$_ gives out the same") for 'markov(path, conversions, value, nulls)', 'shapley(path, conversions, value)';
}
# an amount so large that a share without a digit in its credit is worth something
sql(q{UPDATE web.attributed_touches SET first_credit = 0, first_value = 0.03, channel = 'Tiny' WHERE ctid = (SELECT min(ctid) FROM web.attributed_touches)});
is(value("SELECT sum(value) FROM journey.attribution_overview('web', '{first}') WHERE touch = 'Tiny'"), '0.03', 'a share without a digit in its credit stays in the totals');
done_testing();
