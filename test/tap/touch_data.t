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

# Matomo's hosts are of Matomo's kind but where the chapter touch says otherwise: video platforms, the
# sign-in page of Microsoft, and portals, which are search engines with a search word alone.
subtest 'referrers' => sub {
	my %video = map { $_ => 1 } qw(youtube.com youtu.be vimeo.com);
	my @hosts = grep { $_->{host_pattern} !~ /[{}]/ }
	  read_rows(shared('referrers/matomo_referrers.tsv'), qr/\t/);
	my %medium = ('ai-assistant' => 'ai-assistant', search => 'organic', social => 'social');
	my %kinds;
	$kinds{ $_->{host_pattern} =~ s/^www\.//r }{ $_->{category} } = 1 for @hosts;
	my @touches = sql(load_rows('host', ['host'], map { [ $_->{host_pattern} ] } @hosts) . q{
		SELECT t.touch_type, t.medium, o.medium
		FROM host
			LEFT JOIN journey.touch('https://shop.test/',
				'https://' || host || CASE WHEN host LIKE '%/%' THEN '' ELSE '/a?q=1' END) t ON true
			LEFT JOIN journey.touch('https://shop.test/', 'https://' || host) o ON true
		ORDER BY number});
	my @portals = map { $_->[0] } list('portals.tsv');
	my %portal = map { s{^www\.}{}r => 1 } @portals;
	for my $i (0 .. $#hosts)
	{
		my $host = $hosts[$i]{host_pattern};
		my ($kind) = grep { $kinds{ $host =~ s/^www\.//r }{$_} } qw(ai-assistant social search);
		my ($expected, $origin) = ("referrer $medium{$kind}", $medium{$kind});
		($expected, $origin) = ('referrer video', 'video') if $video{$host};
		($expected, $origin) = (' ', '') if $host eq 'login.live.com';
		$origin = 'referral' if $portal{ $host =~ s{^www\.}{}r };
		is("$touches[$i][0] $touches[$i][1]", $expected, "referrer $host");
		is($touches[$i][2], $origin, "origin of $host");
	}
	my %matomo = map { $_->{host_pattern} => $_ } @hosts;
	is_deeply([ grep { ($matomo{$_}{category} // '') ne 'search' } @portals ], [],
		'the portals are engines of Matomo\'s list');
	my @words = sql(load_rows('portal', [ 'host', 'word' ],
			map { my $host = $_; map { [ $host, $_ ] } split /\|/, $matomo{$host}{keyword_params} } @portals) . q{
		SELECT host, word, t.medium, e.medium FROM portal,
			journey.touch('https://shop.test/', 'https://' || host || '/x?' || word || '=a') t,
			journey.touch('https://shop.test/', 'https://' || host || '/x?' || word || '=') e
		ORDER BY number});
	is("$_->[2] $_->[3]", 'organic referral', "search word $_->[1] of $_->[0]") for @words;
};

# Every country of an engine, mobile and other hosts: {} of Matomo's list.
subtest 'countries' => sub {
	my @countries = split ' ', <<'END';
ad ae com.af com.ag al am co.ao com.ar as at com.au az ba com.bd be bf bg com.bh bi bj com.bn com.bo com.br bs bt
co.bw by com.bz ca cat cd cf cg ch ci co.ck cl cm cn com com.co co.cr com.cu cv com.cy cz de dj dk dm com.do dz
com.ec ee com.eg es com.et fi com.fj fm fr ga ge gg com.gh com.gi gl gm gr com.gt gy com.hk hn hr ht hu co.id ie
co.il im co.in iq is it je com.jm jo co.jp co.ke com.kh ki kg co.kr com.kw kz la com.lb li lk co.ls lt lu lv com.ly
co.ma md me mg mk ml com.mm mn com.mt mu mv mw com.mx com.my co.mz com.na com.ng com.ni ne nl no com.np nr nu co.nz
com.om com.pa com.pe com.pg com.ph com.pk pl pn com.pr ps pt com.py com.qa ro ru rw com.sa com.sb sc se com.sg sh si
sk com.sl sn so sm sr st com.sv td tg co.th com.tj tl tm tn to com.tr tt com.tw co.tz com.ua co.ug co.uk com.uy
co.uz com.vc co.ve co.vi com.vn vu ws rs co.za co.zm co.zw
END
	for my $host ('www.google', 'm.google', 'google')
	{
		my @wrong = sql(load_rows('country', ['suffix'], map { [$_] } @countries) . qq{
			SELECT suffix, t.source, t.medium
			FROM country LEFT JOIN journey.touch('https://shop.test/', 'https://$host.' || suffix || '/') t ON true
			WHERE (t.source, t.medium) IS DISTINCT FROM ('google', 'organic')});
		is_deeply(\@wrong, [], "$host in " . @countries . ' countries');
	}
	my @hosts = grep { $_->{host_pattern} =~ /[{}]/ && $_->{category} eq 'search' }
	  read_rows(shared('referrers/matomo_referrers.tsv'), qr/\t/);
	my @of = map { my $host = $_->{host_pattern}; map { [ $host =~ s/\{\}/$_/r ] } $host =~ /\{\}$|\{\}\// ? qw(de co.uk) : qw(de uk) } @hosts;
	my @wrong = sql(load_rows('country_host', ['host'], @of) . q{
		SELECT host, t.medium
		FROM country_host LEFT JOIN journey.touch('https://shop.test/', 'https://' || host) t ON true
		WHERE t.medium IS DISTINCT FROM 'organic'});
	is_deeply(\@wrong, [], 'country hosts of ' . @hosts . ' patterns');
};

# What GA4 lists as a source of video is one as a referrer; but for what is a sign-in page.
subtest 'video' => sub {
	my @sources = map { [ $_->{source} ] } grep { $_->{source_category} =~ /VIDEO/ && $_->{source} =~ /\./ }
	  read_rows(shared('channels/ga4_source_categories.csv'), ',');
	my @touches = sql(load_rows('video', ['host'], @sources) . q{
		SELECT host, t.channel, s.channel
		FROM video LEFT JOIN journey.touch('https://shop.test/', 'https://' || host || '/x') t ON true
			LEFT JOIN journey.touch('https://shop.test/', 'https://sub.' || host || '/x') s ON true
		ORDER BY number});
	cmp_ok(scalar @touches, '>', 25, 'number of video hosts');
	for (@touches)
	{
		my $expected = $_->[0] eq 'id.twitch.tv' ? ' ' : 'Organic Video Organic Video';
		is("$_->[1] $_->[2]", $expected, "referrer $_->[0]");
	}
};

# A list of src/lists, as arrays of fields.
sub list
{
	my ($name) = @_;
	open my $in, '<', "$FindBin::Bin/../../src/lists/$name" or die "$name: $!";
	return map { chomp; [ split /\t/ ] } grep { !/^#/ } <$in>;
}

done_testing();
