#!/usr/bin/env perl
# Conversions of a model: the cases of the reference that concern it (A1 to A11, A17, A18; C12), rows of a CRM that come,
# change and go, and what a change may cost.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey qw(sql value);
use Test::More;

sub event
{
	my ($id, $at, %e) = @_;
	my $q = sub { defined $_[0] ? "'$_[0]'" : 'NULL' };
	return "INSERT INTO ev VALUES ('$id', '" . ($e{visitor} // 'v') . "', " . $q->($e{user}) . ", '$at', '" . ($e{kind} // 'page') . "', "
	  . join(', ', map { $q->($e{$_}) } qw(name url referrer revenue currency order_id)) . ", clock_timestamp());";
}
sub order { my ($id, $at, $amount, %e) = @_; return event($id, $at, kind => 'track', name => 'Order Completed', revenue => $amount, currency => 'EUR', order_id => $id, %e) }

sql(q{SET client_min_messages = warning; CREATE EXTENSION pg_journey;
	CREATE TABLE ev (event_id text, visitor_id text, user_id text, event_time timestamptz, kind text, name text, url text, referrer text,
		revenue numeric, currency text, order_id text, loaded_at timestamptz);
	CREATE TABLE leads (id text, email text, mql_at timestamptz, won_at timestamptz, amount numeric);
	SELECT journey.create_model('web', NULL, '{"lookback": "30 days", "conversions": [
		{"name": "Order", "event": "Order Completed", "value": "revenue"},
		{"name": "First order", "event": "Order Completed", "count": "first"}]}');
	SELECT journey.add_source('web', 'ev');
	SELECT journey.add_source('web', 'leads', 'conversion', '{"converted_at": "mql_at"}', '{"name": "MQL"}');
	SELECT journey.add_source('web', 'leads', 'conversion', '{"converted_at": "won_at", "value": "amount"}', '{"name": "Won"}')});

sub refresh { sql("SET client_min_messages = warning; SELECT FROM journey.refresh('web')") }
# What psql says of an error.
sub says
{
	my ($script) = @_;
	my $file = File::Temp->new;
	print $file $script;
	close $file;
	return `psql -qXAt -v VERBOSITY=terse -f $file 2>&1`;
}
sub is_whole { my ($what) = @_; is(value("SELECT coalesce(string_agg(v::text, ' '), 'none') FROM journey.verify('web') AS v"), 'none', "$what: as derived anew") }

# A2: both ends of the window are in; A1: what is older than the click earns nothing
sql(join '', order('o1', '2026-03-31 12:00:00Z', 100, visitor => 'a', user => 'ua'),
	event('a1', '2026-03-01 12:00:00Z', visitor => 'a', user => 'ua', url => 'https://s.test/?gclid=G1'),
	event('a2', '2026-03-01 11:00:00Z', visitor => 'a', user => 'ua', url => 'https://s.test/?gclid=G0'),
	event('a3', '2026-03-31 12:00:00Z', visitor => 'a2', user => 'ua', url => 'https://s.test/?utm_source=n&utm_medium=email'),
	event('a4', '2026-03-31 12:00:00.000001Z', visitor => 'a3', user => 'ua', url => 'https://s.test/?utm_source=x&utm_medium=cpc'));
refresh();
is(value(q{SELECT string_agg(coalesce(a.click_id, a.channel), ',' ORDER BY position) FROM web.attributed_touches AS a JOIN web.conversions USING (conversion_id) WHERE name = 'Order' AND order_id = 'o1'
	AND a.channel <> 'Direct'}), 'G1,Email', 'a touch at either end counts, a microsecond beyond does not');
is(value(q{SELECT gclid || ' ' || (gclid_at AT TIME ZONE 'UTC')::text FROM web.conversions WHERE name = 'Order' AND order_id = 'o1'}), 'G1 2026-03-01 12:00:00', 'its click is the last one in the window');

# A3, A4: several conversions each take their own touches; direct only where nothing else is
sql(join '', event('b1', '2026-04-01 09:00Z', visitor => 'b', user => 'ub', referrer => 'https://www.google.com/', url => 'https://s.test/'),
	event('b2', '2026-04-02 09:00Z', visitor => 'b', user => 'ub', url => 'https://s.test/'), order('o2', '2026-04-02 09:05Z', 50, visitor => 'b', user => 'ub'),
	order('o3', '2026-04-03 09:05Z', 60, visitor => 'b', user => 'ub'), event('c1', '2026-04-02 09:00Z', visitor => 'c', user => 'uc', url => 'https://s.test/'),
	order('o4', '2026-04-02 09:05Z', 70, visitor => 'c', user => 'uc'), order('o5', '2026-04-02 09:05Z', 80, visitor => 'server', user => 'ud'));
refresh();
is(value(q{SELECT string_agg(order_id || ' ' || channel || ' ' || last_non_direct_value, ',' ORDER BY order_id) FROM web.attributed_touches JOIN web.conversions USING (conversion_id)
	WHERE name = 'Order' AND order_id IN ('o2', 'o3', 'o4') AND last_non_direct_credit = 1}), 'o2 Organic Search 50.00,o3 Organic Search 60.00,o4 Direct 70.00', 'last non-direct, as in GA4');
is(value(q{SELECT count(*) FROM web.conversions WHERE name = 'First order'}), 4, 'of the first order alone one is a conversion of each person');

# A6, A10: totals are equal, unattributed ones in them
is(value(q{SELECT coalesce(string_agg(r, ','), 'none') FROM unnest('{first,last,last_non_direct,linear,position,w_shaped,time_decay}'::text[]) AS r
	CROSS JOIN LATERAL (SELECT sum(value) AS v, sum(conversions) AS n FROM journey.attribution_overview('web', ARRAY[r], name => 'Order')) AS o
	CROSS JOIN (SELECT sum(value) AS v, count(*) AS n FROM web.conversions WHERE name = 'Order') AS c WHERE o.v <> c.v OR o.n <> c.n}), 'none', 'totals of all rules are those of the conversions');

# A8: refunds
sql(event('r1', '2026-04-20 09:00Z', visitor => 'b', user => 'ub', kind => 'track', name => 'Order Refunded', revenue => -20, currency => 'EUR', order_id => 'o2')
	. event('r2', '2026-04-20 09:00Z', visitor => 'b', user => 'ub', kind => 'track', name => 'Order Refunded', revenue => -60, currency => 'EUR', order_id => 'o3'));
refresh();
is(value(q{SELECT string_agg(order_id || ' ' || value, ',' ORDER BY order_id) FROM web.conversions WHERE name = 'Order' AND order_id IN ('o2', 'o3')}), 'o2 30,o3 0', 'refunds take the value down');
is_whole('after refunds');

# rows of a CRM
sql(q{INSERT INTO leads VALUES ('L1', 'E@x.org', '2026-04-10', NULL, NULL)} . ';' . event('e1', '2026-04-05 09:00Z', visitor => 'e', url => 'https://s.test/?gclid=Ge'));
refresh();
is(value(q{SELECT conversion_id || ' ' || person_id || ' ' || coalesce(gclid, '-') FROM web.conversions WHERE name = 'MQL'}), 'MQL:L1 email:e@x.org -', 'a lead that nobody knows');
sql(q{ALTER TABLE ev ADD traits jsonb}); sql(event('e2', '2026-04-09 09:00Z', visitor => 'e', user => 'ue', kind => 'identify') =~ s/\);$/, '{"email": "e\@x.org"}');/r);
refresh();
is(value(q{SELECT conversion_id || ' ' || person_id || ' ' || coalesce(gclid, '-') FROM web.conversions WHERE name = 'MQL'}), 'MQL:L1 user:ue Ge', 'goes to the person, with the click of the anonymous visit');
sql(q{UPDATE leads SET won_at = '2026-04-15', amount = 1000});
refresh();
is(value(q{SELECT string_agg(conversion_id || ' ' || coalesce(value::text, '-'), ',' ORDER BY conversion_id) FROM web.conversions WHERE name IN ('MQL', 'Won')}), 'MQL:L1 -,Won:L1 1000', 'the same row is won');
is_whole('a CRM');
sql(q{UPDATE leads SET mql_at = NULL}); refresh();
is(value(q{SELECT string_agg(conversion_id, ',') FROM web.conversions WHERE name IN ('MQL', 'Won')}), 'Won:L1', 'disqualified');
sql(q{DELETE FROM leads}); refresh();
is(value(q{SELECT count(*) FROM web.conversions WHERE name IN ('MQL', 'Won')}), 0, 'gone');
is_whole('a CRM without its row');

# A7: counts are sums of credits, a value of 0 counts; A10: currencies are not added; A17: a touch is taken whole; A18: half-lives
my $url = 'https://s.test/?utm_source=n&utm_medium=email&utm_campaign=';
sql(join '', map { my ($who, $campaign, $amount, $currency) = @$_; event("c$who", '2026-05-01 09:00Z', visitor => $who, user => "u$who", url => $url . $campaign)
	. order("o$who", '2026-05-02 09:00Z', $amount, visitor => $who, user => "u$who", currency => $currency) }
	['x1', 'c1', 200, 'EUR'], ['x2', 'c2', 140, 'EUR'], ['x3', 'c1', 24, 'EUR'], ['x4', 'c1', 0, 'EUR'], ['x5', 'c1', 10, 'USD']);
sql(event('y1', '2026-05-01 09:00Z', visitor => 'y', user => 'uy', referrer => 'https://www.google.com/', url => 'https://s.test/')
	. event('y2', '2026-05-08 09:00Z', visitor => 'y', user => 'uy', url => $url . 'x') . order('oy', '2026-05-08 09:01Z', 30, visitor => 'y', user => 'uy'));
refresh();
is(value(q{SELECT string_agg(currency || ' ' || conversions::int || ' ' || value, ', ' ORDER BY currency) FROM journey.attribution_overview('web', '{first}', by => 'campaign', name => 'Order') WHERE touch = 'c1'}),
	'EUR 3 224.00, USD 1 10.00', 'conversions are counted by credit, in each currency');
is(value(q{SELECT concat_ws(' ', first_touch_source, first_touch_campaign, last_touch_source, last_touch_campaign) FROM web.conversions WHERE name = 'Order' AND order_id = 'oy'}), 'google n x', 'source and campaign are of one touch');
is(value(q{SELECT string_agg(time_decay_value::text, ' ' ORDER BY position) FROM web.attributed_touches JOIN web.conversions USING (conversion_id) WHERE name = 'Order' AND order_id = 'oy'}), '10.00 20.00', 'a week halves');
is_whole('counts and currencies');

# A11: spend
sql(q{CREATE TABLE spend (channel text, campaign text, spend numeric);
	INSERT INTO spend VALUES ('Direct', 'C1', 10), ('Direct', 'C1', 10), (NULL, 'C1', 100), ('Direct', NULL, 1), (NULL, NULL, 10)});
is(value(q{SELECT string_agg(touch || ' ' || spend, ',' ORDER BY touch) FROM journey.attribution_overview('web', spend => 'spend') WHERE spend IS NOT NULL}), '(not set) 110,Direct 21', 'spend by channel');
is(value(q{SELECT sum(spend) FROM journey.attribution_overview('web', spend => 'spend', by => 'campaign')}), 131, 'spend by campaign, all of it');
is(value(q{SELECT sum(conversions) FROM journey.paths_to_conversion('web', 'Order')}), value(q{SELECT count(DISTINCT conversion_id) FROM web.attributed_touches JOIN web.conversions USING (conversion_id) WHERE name = 'Order'}), 'paths to conversion');

# of a segment, by one, and by what a person is, against the relations
sql(q{SELECT journey.create_segment('web', 'lately', '{"event": "Order Completed", "last": "6 days"}') \g /dev/null
	SELECT journey.create_segment('web', 'came back', '{"page": "/", "at_least": 2}') \g /dev/null});
my $of = q{o.person_id IN (SELECT person_id FROM journey.segment_members_at('web', 'lately', '2026-05-07'))};
my $option = q{options => '{"segment": "lately", "data_until": "2026-05-07"}'};
my $expected = value("SELECT count(*) || ' ' || sum(value) FROM web.conversions AS o WHERE name = 'Order' AND currency = 'EUR' AND $of");
like($expected, qr/^[1-9]\d* [1-9]/, 'some are in the segment, not all');
isnt($expected, value("SELECT count(*) || ' ' || sum(value) FROM web.conversions WHERE name = 'Order' AND currency = 'EUR'"), 'not all');
is(value("SELECT sum(conversions)::int || ' ' || sum(value)::int FROM journey.attribution_overview('web', '{first}', name => 'Order', $option) WHERE currency = 'EUR'"), $expected,
	'attribution_overview of a segment');
is(value("SELECT sum(conversions) || ' ' || sum(nulls) FROM journey.paths_to_conversion('web', 'Order', $option)"),
	value("SELECT (SELECT count(DISTINCT conversion_id) FROM web.attributed_touches JOIN web.conversions AS o USING (conversion_id) WHERE name = 'Order' AND $of) || ' ' ||
		(SELECT count(DISTINCT o.person_id) FROM web.touches AS o WHERE $of AND NOT EXISTS (SELECT FROM web.conversions AS c WHERE c.person_id = o.person_id AND name = 'Order'))"),
	'and paths to conversion');
for my $case (['segments.came back', q{EXISTS (SELECT FROM web.segment_members AS m WHERE m.segment = 'came back' AND m.person_id = o.person_id
		AND o.converted_at >= m.valid_from AND o.converted_at < coalesce(m.valid_to, 'infinity'))::text}],
	['profiles.first_touch_channel', '(SELECT p.first_touch_channel FROM web.profiles AS p WHERE p.person_id = o.person_id)'],
	['profiles.user_id', q{coalesce((SELECT p.user_id FROM web.profiles AS p WHERE p.person_id = o.person_id), '(not set)')}])
{
	my ($by, $oracle) = @$case;
	is(value("SELECT string_agg(concat_ws(' ', touch, currency, conversions::int, value::int), ', ' ORDER BY touch, currency)
		FROM journey.attribution_overview('web', '{linear}', by => '$by', name => 'Order') WHERE touch <> '(unattributed)'"),
		value("SELECT string_agg(concat_ws(' ', v, currency, n, value), ', ' ORDER BY v, currency) FROM (SELECT $oracle AS v, o.currency, count(*) AS n, sum(o.value) AS value
			FROM web.conversions AS o WHERE name = 'Order' AND EXISTS (SELECT FROM web.attributed_touches AS a WHERE a.conversion_id = o.conversion_id) GROUP BY 1, 2) AS x"),
		"by $by");
}
like(says(q{SELECT * FROM journey.attribution_overview('web', by => 'profiles.none')}), qr/there is no column "profiles.none"/, 'by a column that is not there');
like(says(q{SELECT * FROM journey.attribution_overview('web', by => 'kind')}), qr/cannot report by 'kind'/, 'by something else');
like(says(q{SELECT * FROM journey.attribution_overview('web', by => NULL)}), qr/cannot report by null/, 'by nothing');
like(says(q{SELECT * FROM journey.paths_to_conversion('web', options => '{"segment": "none"}')}), qr/has no segment "none"/, 'of an unknown segment');
like(says(q{SELECT * FROM journey.attribution_overview('web', options => '{"segments": "lately"}')}), qr/segments/, 'an unknown option');

# forgotten
sql(q{SET client_min_messages = warning; SELECT FROM journey.forget('web', 'ub')});
is(value(q{SELECT count(*) FROM web.conversions WHERE person_id = 'user:ub'}) . value(q{SELECT count(*) FROM web.attributed_touches WHERE person_id = 'user:ub'}), '00', 'forgotten persons have none');
is_whole('forgetting');
sql(q{SELECT journey.rebuild('web')});
is_whole('a rebuild');
done_testing;
