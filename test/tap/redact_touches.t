#!/usr/bin/perl
# Touches are those of the row as it came: whatever rules take out of URLs and campaigns, a model with them has the
# touches, types, channels and sessions of one without.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP;
use Journey;
use Test::More;

$ENV{PGOPTIONS} = '-c client_min_messages=warning -c timezone=UTC';
my $json = JSON::PP->new->canonical;
sub quoted { my ($s) = @_; $s =~ s/'/''/g; return "'$s'" }
sub pick { $_[ int rand @_ ] }
srand($ENV{PGJ_SEED} // 14);

my @values = ('google', 'facebook', 'newsletter', 'cpc', 'email', 'social', 'organic', 'summer', 'jane@planted.test', 'jane%40planted.test', '4111111111111111', 'x', '',
	'{{id}}', 'jane@chatgpt.com', 'direct', 'none', 'null');
my @names = ((map { "utm_$_" } qw(source medium campaign term content id)), qw(gclid fbclid mc_eid _kx mkt_tok gad_source email q token MyClick visit mtm_source mtm_medium pk_campaign user));
sub parameters { join '&', map { pick(@names) . '=' . pick(@values) } 1 .. int rand 4 }
sub url { my $p = parameters(); 'https://s.test/' . pick('', 'a', 'jane@planted.test') . ($p ne '' ? '?' . $p : '') . pick('', '', '#' . parameters()) }
sub referrer { pick('', '', 'https://www.google.com/', 'https://search.yahoo.com/search?p=jane%40planted.test', 'https://www.google.com/search?q=jane@planted.test', 'https://t.co/x',
	'https://jane:pw@news.test/a?email=jane@planted.test', 'https://s.test/in?' . parameters(), 'https://medium.com/@jane/post', 'https://rambler.ru/?' . parameters(), 'https://chatgpt.com/', 'https://yandex.ru/search/?text=jane%40planted.test') }
sub event
{
	my ($n) = @_;
	my %campaign = map { $_ => pick(@values) } grep { rand() < 0.15 } qw(source medium name term content id);
	return { type => pick(qw(page page track)), name => 'P', event => 'E', messageId => "m$n", anonymousId => 'd' . int rand 60, timestamp => sprintf('2026-09-%02dT%02d:%02d:00Z', 1 + int rand 25, int rand 24, int rand 60),
		properties => { (rand() < 0.1 ? (context_touch => { campaign => 'utm Planted' }) : ()) }, context => { page => { url => url(), referrer => referrer() }, %campaign ? (campaign => \%campaign) : () } };
}
sql(q{CREATE EXTENSION IF NOT EXISTS pg_journey; CREATE SCHEMA raw; CREATE TABLE raw.events (body jsonb, at timestamptz DEFAULT '2026-10-01')});
sql('INSERT INTO raw.events (body) VALUES ' . join(', ', map { '(' . quoted($json->encode(event($_))) . ')' } 1 .. 900));
# the same as rows of a table
sql(q{CREATE TABLE raw.rows AS SELECT e.*, timestamptz '2026-10-01' AS loaded_at FROM raw.events, journey.parse_event(body) AS e});

my %rules = (
	gdpr => '"gdpr"', hipaa => '"hipaa"',
	parameters => '[{"param": ["utm_source", "utm_medium", "utm_campaign", "gclid", "myclick", "q", "p", "text"], "action": "drop"}]',
	masks => '[{"param": ["utm_*", "gclid", "gad_source", "MyClick"], "action": "mask"}, {"key": ["source", "medium"], "action": "pseudonym"}]',
	paths => '{"use": "gdpr", "rules": [{"path": ["context.page.referrer", "context.campaign.source", "context.campaign.medium", "context.campaign.id"], "action": "drop"}]}',
	urls => '[{"path": ["context.page.url", "properties.url"], "action": "drop"}, {"path": "context.page.referrer", "action": "mask"}, {"path": "context.campaign.name", "action": "truncate"}]');
my $options = '"internal_hosts": ["in.test"], "referrers": [{"host": "news.test", "kind": "search"}], "click_ids": [{"name": "MyClick", "source": "mine", "medium": "cpc"}, {"name": "visit"}],
	"channel_rules": [{"source": "jane@*", "channel": "People"}, {"campaign": "summer", "medium": "cpc", "channel": "Summer"}, {"click_id": "visit", "channel": "Visits"}]';
my $touches = q{SELECT session_id, touched_at, touch_type, channel FROM %1$s.touches};
for my $source ('payload', 'table')
{
	my $add = $source eq 'payload' ? q{'raw.events', 'payload', '{"payload": "body", "loaded_at": "at"}'} : q{'raw.rows'};
	sql("SELECT journey.create_model('plain', NULL, '{$options}'); SELECT journey.add_source('plain', $add); SELECT journey.refresh('plain')");
	cmp_ok(value('SELECT count(*) FROM plain.touches'), '>', 400, "$source: there are touches");
	for my $name (sort keys %rules)
	{
		sql("SELECT journey.create_model('web', NULL, '{\"redact\": $rules{$name}, $options}'); SELECT journey.add_source('web', $add); SELECT journey.refresh('web')");
		# without a URL one campaign after another looks the same: rows are compared by what the rules left
		my ($a, $b) = map { sprintf $touches . ($name eq 'urls' ? ' AS t WHERE NOT EXISTS (SELECT FROM %1$s.touches AS o WHERE o.session_id = t.session_id AND o.touched_at < t.touched_at)' : ''), $_ } 'plain', 'web';
		my @differ = sql("SELECT d.* FROM ((SELECT 'plain', * FROM ($a) AS x EXCEPT ALL SELECT 'plain', * FROM ($b) AS x) UNION ALL (SELECT 'redacted', * FROM ($b) AS x EXCEPT ALL SELECT 'redacted', * FROM ($a) AS x)) AS d ORDER BY 3, 1");
		is(scalar(@differ), 0, "$source, $name: type and channel of all touches") or diag(join "\n", map { join '|', @$_ } @differ[ 0 .. ($#differ > 7 ? 7 : $#differ) ]);
		is(value("SELECT count(*) FROM plain.sessions AS p FULL JOIN web.sessions AS w USING (session_id) WHERE (p.channel, p.events) IS DISTINCT FROM (w.channel, w.events)"), 0, "$source, $name: sessions");
		my $lost = $name eq 'parameters' ? "utm_medium=cpc|utm_medium=email" : $name eq 'paths' ? 'news.test' : $name eq 'urls' ? 's\\.test/a' : $name eq 'masks' ? 'utm_source=facebook' : 'jane(@|%40)planted';
		is(value("SELECT count(*) FROM web.events AS e WHERE e::text ~ '$lost'"), 0, "$source, $name: what the rules take out is gone");
		cmp_ok(value("SELECT count(*) FROM plain.events AS e WHERE e::text ~ '$lost'"), '>', 2, 'and was there');
		is(value("SELECT count(*) FROM web.touches WHERE channel = 'Planted'"), 0, 'a property of the source is no judgement');
		is(value("SELECT count(*) FROM journey.verify('web', true)"), 0, "$source, $name: nothing differs");
		sql("SELECT journey.drop_model('web')");
	}
	sql("SELECT journey.drop_model('plain')");
}
done_testing();
