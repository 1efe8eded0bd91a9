#!/usr/bin/perl
# campaign, touch and channel against published lists: click ids, parameters, channels, referrers.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

plan skip_all => 'no shared data' unless shared('channels/click_ids.tsv');
sql('CREATE EXTENSION IF NOT EXISTS pg_journey');

subtest 'click ids' => sub {
	my %auxiliary = map { $_ => 1 } qw(gclsrc gad_source gad_campaignid);
	my %person = map { $_ => 1 } qw(_kx mc_eid mkt_tok);
	my %alias = (irclid => 'irclickid');
	my @ids = grep { $_->{param} !~ /\*/ } read_rows(shared('channels/click_ids.tsv'), qr/\t/);
	my @touches = sql(load_rows('id', ['name'], map { [ $_->{param} ] } @ids) . q{
		SELECT t.touch_type, t.source, t.medium, t.click_id_type, t.click_id, t.click_ids,
			c.click_id_type, c.click_id,
			journey.strip_tracking('https://shop.example/p?a=1&' || name || '=Ab-_.Z')
		FROM id, journey.touch('https://shop.example/p?a=1&' || upper(name) || '=Ab-_.Z') t,
			journey.campaign('https://shop.example/p?' || name || '=Ab-_.Z') c
		ORDER BY number});

	cmp_ok(scalar @ids, '>=', 42, 'number of click ids');
	for my $i (0 .. $#ids)
	{
		my $name = $ids[$i]{param};
		my ($source, $medium) = map { s/^-$/(not set)/r } @{ $ids[$i] }{qw(source medium)};
		my ($type, $value) = ($alias{$name} // $name, 'Ab-_.Z');
		$medium =~ s/^\((referral)\)$/$1/;
		my $all = qq({"$type": "$value"});
		my @expected = ('click_id', $source, $medium, $type, $value, $all, $type, $value);
		@expected[ 3 .. 7 ] = ('') x 5 if $person{$name};
		@expected = ('') x 8 if $auxiliary{$name};
		is_deeply([ @{ $touches[$i] }[ 0 .. 7 ] ], \@expected, "evidence of $name");
		is($touches[$i][8], 'https://shop.example/p?a=1', "$name is stripped");
	}
};

subtest 'parameters' => sub {
	my %seen;
	my @names = grep { !$seen{$_}++ } map { $_->{name} }
	  read_rows(shared('channels/params.csv'), ',');
	my @left = sql(load_rows('param', ['name'], map { [$_] } @names) . q{
		SELECT name FROM param
		WHERE journey.strip_tracking('http://a.test?' || name || '=1&a=1') <> 'http://a.test?a=1'});
	is_deeply(\@left, [], scalar(@names) . ' tracking parameters are stripped');
};

subtest 'source categories' => sub {
	my %kind = (SEARCH => 'Search', SOCIAL => 'Social', SHOPPING => 'Shopping', VIDEO => 'Video');
	my @sources = map { [ $_->{source}, $kind{ $_->{source_category} =~ s/SOURCE_CATEGORY_//r } ] }
	  read_rows(shared('channels/ga4_source_categories.csv'), ',');
	my @channels = sql(load_rows('source', [ 'source', 'kind' ], @sources) . q{
		SELECT source, kind, journey.channel(source, 'CPC'),
			journey.channel(upper(source), 'referral')
		FROM source ORDER BY number});
	is(scalar @channels, 819, 'number of sources');
	is("$_->[2], $_->[3]", "Paid $_->[1], Organic $_->[1]", "channels of $_->[0]") for @channels;
};

# The published rules, which are SQL but for their remarks, beside channel() over all that they
# tell apart.
subtest 'channel rules' => sub {
	my @when;
	for my $rule (read_rows(shared('channels/ga4_channel_rules.tsv'), qr/\t/))
	{
		my ($condition) = grep { $_ ne $rule->{order} && $_ ne $rule->{channel} } values %$rule;
		$condition =~ s/ \[also: both NULL\]| \(since .*\)//;
		$condition =~ s/medium ~ same/medium ~ '^(email|e-mail|e_mail|e mail)\$'/;
		$condition =~ s/^otherwise$/true/;
		push @when, "WHEN $condition THEN '$rule->{channel}'";
	}
	is(scalar @when, 20, 'number of channels');

	my @sources = ('(direct)', '(not set)',
		qw(google amazon facebook youtube email emails sms firebase partner));
	my @mediums = ('(none)', '(not set)', 'social network', 'social media', 'e mail',
		qw(cpc ppc ppcx retargeting paid paidx xpaid cpm xcpx display banner expandable interstitial
		  social social-network social-media sm smx organic video myvideos ai-assistant referral app
		  link linkx email e-mail e_mail affiliate affiliates audio sms push webpush pushed mobile
		  mobile-x notifications));
	my @campaigns = ('', 'my shop', 'my-shop',
		qw(x xCross-Networkx shop shops Eshop workshop bshop shopping workshopping 2shop));
	my ($source, $medium, $campaign) =
	  map { 'unnest(ARRAY[' . join(', ', map { "'$_'" } @$_) . '])' }
	  \@sources, \@mediums, \@campaigns;
	my $given = "FROM $source s, $medium m, $campaign c";

	my @wrong = sql(qq{
		WITH given AS (
			SELECT s, m, c, lower(s) AS source, lower(m) AS medium, lower(c) AS campaign,
				CASE s WHEN 'google' THEN 'SEARCH' WHEN 'amazon' THEN 'SHOPPING'
					WHEN 'facebook' THEN 'SOCIAL' WHEN 'youtube' THEN 'VIDEO' ELSE '' END
					AS source_category
			$given),
		expected AS (SELECT *, CASE @when END AS expected FROM given)
		SELECT s, m, c, expected, journey.channel(upper(s), m, c) FROM expected
		WHERE expected IS DISTINCT FROM journey.channel(upper(s), m, c)});
	is_deeply(\@wrong, [], 'all combinations have the channel of the table');
	is(value("SELECT count(DISTINCT journey.channel(s, m, c)) $given"), 20, 'all channels occur');
};

subtest 'referrers' => sub {
	my @hosts = grep { $_->{host_pattern} !~ /[{}]/ }
	  read_rows(shared('referrers/matomo_referrers.tsv'), qr/\t/);
	my %medium = ('ai-assistant' => 'ai-assistant', search => 'organic', social => 'social');
	my %kinds;
	$kinds{ $_->{host_pattern} =~ s/^www\.//r }{ $_->{category} } = 1 for @hosts;
	my @touches = sql(load_rows('host', ['host'], map { [ $_->{host_pattern} ] } @hosts) . q{
		SELECT t.touch_type, t.medium
		FROM host LEFT JOIN journey.touch('https://shop.test/',
			'https://' || host || CASE WHEN host LIKE '%/%' THEN '' ELSE '/a?q=1' END) t ON true
		ORDER BY number});
	for my $i (0 .. $#hosts)
	{
		my $host = $hosts[$i]{host_pattern};
		my ($kind) = grep { $kinds{ $host =~ s/^www\.//r }{$_} } qw(ai-assistant social search);
		is("$touches[$i][0] $touches[$i][1]", "referrer $medium{$kind}", "referrer $host");
	}
};

done_testing();
