#!/usr/bin/perl
# campaign, touch and channel against published lists: click ids, parameters, channels, referrers.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

sql('CREATE EXTENSION IF NOT EXISTS pg_journey');
plan skip_all => 'no shared data' unless shared('channels/click_ids.tsv');

my %auxiliary = map { $_ => 1 } qw(gclsrc gad_source gad_campaignid);
my %person = map { $_ => 1 } qw(_kx mc_eid mkt_tok);
my %alias = (irclid => 'irclickid');

subtest 'click ids' => sub {
	my @ids = grep { $_->{param} !~ /\*/ } read_rows(shared('channels/click_ids.tsv'), qr/\t/);
	my @touches = sql(load_rows('id', ['name'], map { [ $_->{param} ] } @ids) . q{
		SELECT t.touch_type, t.source, t.medium, t.click_id_type, t.click_id, t.click_ids, c.click_id_type, c.click_id,
			journey.strip_tracking('https://shop.example/p?a=1&' || name || '=Ab-_.Z')
		FROM id, journey.touch('https://shop.example/p?a=1&' || upper(name) || '=Ab-_.Z') t,
			journey.campaign('https://shop.example/p?' || name || '=Ab-_.Z') c ORDER BY number});
	for my $i (0 .. $#ids)
	{
		my $name = $ids[$i]{param};
		my ($source, $medium) = map { s/^-$/(not set)/r =~ s/^\((?!not)(.*)\)$/$1/r } @{ $ids[$i] }{qw(source medium)};
		my $shown = $person{$name} ? '' : $alias{$name} // $name;
		my $value = $person{$name} ? '' : 'Ab-_.Z';
		my @expected = ('click_id', $source, $medium, $shown, $value, $shown && qq({"$shown": "$value"}), $shown, $value);
		@expected = ('') x 8 if $auxiliary{$name};
		is_deeply([ @{ $touches[$i] }[ 0 .. 7 ] ], \@expected, "evidence of $name");
		is($touches[$i][8], 'https://shop.example/p?a=1', "$name is stripped");
	}
	cmp_ok(scalar @ids, '>=', 42, 'number of click ids');
};

subtest 'parameters' => sub {
	my %seen;
	my @names = grep { !$seen{$_}++ } map { $_->{name} } read_rows(shared('channels/params.csv'), ',');
	my @left = sql(load_rows('param', ['name'], map { [$_] } @names) . q{
		SELECT name FROM param WHERE journey.strip_tracking('https://shop.example/?' || name || '=1&a=1') <> 'https://shop.example/?a=1'});
	is_deeply([ map { $_->[0] } @left ], [], scalar(@names) . ' tracking parameters are stripped');
};

subtest 'source categories' => sub {
	my @sources = map { [ $_->{source}, $_->{source_category} =~ s/SOURCE_CATEGORY_//r ] }
	  read_rows(shared('channels/ga4_source_categories.csv'), ',');
	my %paid = (SEARCH => 'Paid Search', SOCIAL => 'Paid Social', SHOPPING => 'Paid Shopping', VIDEO => 'Paid Video');
	my %organic = map { $_ => 'Organic ' . ucfirst lc } keys %paid;
	my @channels = sql(load_rows('source', [ 'source', 'category' ], @sources) . q{
		SELECT source, category, journey.channel(source, 'CPC'), journey.channel(upper(source), 'referral') FROM source ORDER BY number});
	is(scalar @channels, 819, 'number of sources');
	is("$_->[2], $_->[3]", "$paid{$_->[1]}, $organic{$_->[1]}", "channels of $_->[0]") for @channels;
};

# The rules as regular expressions, as the published table has them, over all that they can tell apart.
subtest 'channel rules' => sub {
	my @rules = read_rows(shared('channels/ga4_channel_rules.tsv'), qr/\t/);
	my (@when, @columns);
	for my $rule (@rules)
	{
		my ($channel, $condition) = ($rule->{channel}, $rule->{'rule (source,medium,campaign lower-cased; first match wins)'});
		push @columns, $channel;
		$condition =~ s/ \[also: both NULL\]| \(since .*\)//;
		$condition =~ s/medium ~ same/medium ~ '^(email|e-mail|e_mail|e mail)\$'/;
		$condition =~ s/^otherwise$/true/;
		push @when, "WHEN $condition THEN '$channel'";
	}
	is(scalar @rules, 20, 'number of channels');
	my @sources = ('(direct)', '(not set)', 'google', 'amazon', 'facebook', 'youtube', 'email', 'sms', 'firebase', 'partner');
	my @mediums = ('(none)', '(not set)', qw(cpc ppc ppcx retargeting paid paidx xpaid cpm xcpx display banner expandable interstitial
		  social social-network social-media sm smx organic video myvideos ai-assistant referral app link linkx email e-mail e_mail
		  affiliate affiliates audio sms push webpush pushed mobile mobile-x notifications), 'social network', 'social media', 'e mail');
	my @campaigns = ('', 'x', 'xCross-Networkx', 'shop', 'shops', 'Eshop', 'workshop', 'my shop', 'my-shop', 'bshop', 'shopping', 'workshopping', '2shop');
	my ($source, $medium, $campaign) =
	  map { my $list = join ', ', map { "'$_'" } @$_; "unnest(ARRAY[$list])" } \@sources, \@mediums, \@campaigns;
	my @wrong = sql(qq{
		WITH given AS (
			SELECT s, m, c, lower(s) AS source, lower(m) AS medium, lower(c) AS campaign,
				CASE s WHEN 'google' THEN 'SEARCH' WHEN 'amazon' THEN 'SHOPPING' WHEN 'facebook' THEN 'SOCIAL' WHEN 'youtube' THEN 'VIDEO' ELSE '' END
					AS source_category
			FROM $source s, $medium m, $campaign c),
		expected AS (SELECT *, CASE @{[join ' ', map { s/campaign ~ 'cross-network'/campaign ~ 'cross-network'/r } @when]} END AS expected FROM given)
		SELECT s, m, c, expected, journey.channel(upper(s), m, c) FROM expected
		WHERE expected IS DISTINCT FROM journey.channel(upper(s), m, c)});
	is_deeply(\@wrong, [], 'all combinations have the channel of the table') or diag explain @wrong[0 .. 5];
	is(value(qq{
		SELECT count(DISTINCT journey.channel(s, m, c)) FROM $source s, $medium m, $campaign c}), 20, 'all channels occur');
};

subtest 'referrers' => sub {
	my @hosts = grep { $_->{host_pattern} !~ /[{}]/ } read_rows(shared('referrers/matomo_referrers.tsv'), qr/\t/);
	my %kinds;
	push @{ $kinds{ $_->{host_pattern} =~ s/^www\.//r } }, $_->{category} for @hosts;
	my @touches = sql(load_rows('host', ['host'], map { [ $_->{host_pattern} ] } @hosts) . q{
		SELECT t.touch_type, t.source, t.medium, t.channel
		FROM host LEFT JOIN journey.touch('https://shop.test/', 'https://' || host || CASE WHEN host LIKE '%/%' THEN '' ELSE '/a?q=1' END) t
			ON true ORDER BY number});
	my %medium = ('ai-assistant' => 'ai-assistant', search => 'organic', social => 'social');
	for my $i (0 .. $#hosts)
	{
		my $host = $hosts[$i]{host_pattern};
		my ($kind) = grep { my $k = $_; grep { $k eq $_ } @{ $kinds{ $host =~ s/^www\.//r } } } qw(ai-assistant social search);
		is("$touches[$i][0] $touches[$i][2]", "referrer $medium{$kind}", "referrer $host");
	}
	is(value(q{
		SELECT string_agg((journey.touch('https://shop.test/', r)).source, ',' ORDER BY n)
		FROM unnest(ARRAY['https://www.google.de/', 'https://google.co.uk/', 'https://www.google.com.au/search?q=x',
			'https://images.google.fr/', 'https://www.google.de/imgres?x', 'https://fr.search.yahoo.com/', 'https://uk.ask.com/',
			'https://images.de.ask.com/', 'https://yandex.kz/', 'https://old.reddit.com/r/x', 'https://l.facebook.com/']) WITH ORDINALITY t(r, n)}),
		'google,google,google,google images,google images,yahoo,ask,ask,yandex,reddit,facebook', 'countries, paths and subdomains');
	is(value(q{
		SELECT string_agg((journey.touch('https://shop.test/', r)).medium, ',')
		FROM unnest(ARRAY['https://mail.google.com/', 'https://notgoogle.de/', 'https://google.evil.example/', 'https://netflix.com/',
			'https://google.com.evil.tk/', 'https://drive.google.de/']) r}), join(',', ('referral') x 6), 'look-alikes are none');
};

done_testing();
