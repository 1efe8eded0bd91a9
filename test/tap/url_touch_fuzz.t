#!/usr/bin/perl
# The cores of url and touch under made-up URLs, with the sanitizers where the compiler has them;
# the SQL functions under random text and under long text.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use File::Temp;
use Test::More;

sql('CREATE EXTENSION IF NOT EXISTS pg_journey');

SKIP:
{
	# not the copy beside the private server, which tells of folders beside itself
	my $work = $ENV{PGJ_WORK} // '-';
	local $ENV{PATH} = join ':', grep { index($_, $work) != 0 } split /:/, $ENV{PATH};
	my $pg_config = $ENV{PGJ_PG_CONFIG} // 'pg_config';
	my $cc = $ENV{CC} // 'cc';
	my ($include, $lib) = map { my $path = `$pg_config $_` // ''; chomp $path; $path }
	  '--includedir-server', '--pkglibdir';
	skip 'no compiler, or no static libraries of the server', 1
	  unless system("command -v $cc >/dev/null") == 0 && -e "$lib/libpgcommon.a";

	my $top = "$FindBin::Bin/../..";
	my $dir = File::Temp->newdir;
	my $command = join ' ', $cc, "-g -O1 -DFRONTEND -I$top/src -I$include -o $dir/fuzz",
	  "$top/test/fuzz/touch_fuzz.c", (map { "$top/src/${_}_core.c" } qw(url touch lists)),
	  "-L$lib -lpgcommon -lpgport -lm >$dir/log 2>&1";
	my $sanitizers = '-fsanitize=address,undefined -fno-sanitize-recover=all';
	if (system("$command $sanitizers") && system($command))
	{
		fail('the program builds');
		diag(`cat $dir/log`);
	}
	else
	{
		my $seed = $ENV{FUZZ_SEED} // time;
		my $count = $ENV{FUZZ_COUNT} // 200_000;
		is(`ASAN_OPTIONS=detect_leaks=0 $dir/fuzz $seed $count 2>&1`, "$count URLs\n",
			"made-up URLs of seed $seed");
		my @hosts = suffix_hosts();
		open my $out, '>', "$dir/hosts";
		print $out map { "$_\n" } @hosts;
		close $out;
		my @domains = split /\n/, `$dir/fuzz domains <$dir/hosts`, -1;
		my @wrong = grep { $domains[$_] ne domain_by_the_book($hosts[$_]) } 0 .. $#hosts;
		is_deeply([ map { "$hosts[$_]: $domains[$_]" } @wrong ], [],
			'domains of ' . @hosts . ' hosts');
	}
}

# Pieces that mean something among random characters. convert_from() refuses what is invalid.
is(value(q{
	DO $$BEGIN PERFORM setseed(0.42); END$$;
	CREATE TEMP TABLE given AS
	SELECT string_agg(CASE WHEN random() < 0.4 THEN chr(1 + floor(random() * 8000)::int) ELSE
		(ARRAY['http://', '?', '&', '=', '#', '%', '+', 'utm_source', 'gclid', 'fbclid',
			'utm_medium', '%C3', '%A9', '%00', '%F0%9F%98%80', 'google.de', 'www.', '.', '/', ':', '@',
			'[', ']', 'co.uk'])[1 + floor(random() * 24)::int] END, '') AS url
	FROM generate_series(1, 5000) AS n, generate_series(1, 20) AS part GROUP BY n;
	SELECT count(*) FROM given, LATERAL (
		SELECT concat(journey.url_host(url), journey.url_path(url), journey.url_param(url, 'gclid'),
			journey.strip_tracking(url),
			(SELECT string_agg(name || value, '') FROM journey.url_params(url)),
			journey.campaign(url), journey.touch(url, reverse(url)), journey.channel(url, url, url)
		) AS v) AS result
	WHERE convert_from(convert_to(v, 'UTF8'), 'UTF8') = v}),
	5000, 'random text makes no error and no invalid text');

# Ten times the length may not cost a hundred times the time.
my @long = split /\n/, <<'END';
'https://x.test/?' || repeat('a=%41&', N)
'https://x.test/' || repeat('?', N)
'https://' || repeat('a.', N)
'https://' || repeat('@', N)
'https://x.test/?utm_source=' || repeat('%C3%A9', N)
'https://x.test/#' || repeat('a=?&', N)
'https://x.test/?' || repeat('gclid=x&', N)
'https://x.test/?utm_source=x&utm_medium=y&utm_campaign=' || repeat('shop', N)
'?' || repeat('utm_x&', N)
repeat('%', N)
repeat('&', N)
END
for my $long (@long)
{
	my @seconds = map {
		my $url = $long =~ s/\bN\b/$_/r;
		value(qq{
			CREATE TEMP TABLE long AS SELECT $url AS url;
			CREATE TEMP TABLE timed AS SELECT clock_timestamp() AS started;
			CREATE TEMP TABLE result AS
			SELECT journey.url_host(url), journey.url_path(url), journey.url_param(url, 'zzz'),
				journey.strip_tracking(url), (SELECT count(*) FROM journey.url_params(url)),
				journey.campaign(url), journey.touch(url, url), journey.channel(url, url, url)
			FROM long;
			SELECT extract(epoch FROM clock_timestamp() - started) FROM timed});
	} 20_000, 200_000;
	cmp_ok($seconds[1], '<', 50 * $seconds[0] + 0.5, "long input: $long") or diag "@seconds";
}

done_testing();

# The public suffix list as its rules are written, and hosts at, below and beside each of them.
our %rule;

sub suffix_hosts
{
	my @hosts = ('localhost', '10.0.0.1', 'a.b.unknown-tld');
	open my $list, '<', "$FindBin::Bin/../../src/lists/public_suffix_list.dat" or die $!;
	while (my $line = <$list>)
	{
		my ($name) = $line =~ m{^(?!//)(\S+)} or next;
		$rule{$name} = 1;
		$name =~ s/^!|^\*\.//;
		push @hosts, $name, "a.$name", "www.a.$name", "com.x-y.a.$name";
	}
	return @hosts;
}

# https://publicsuffix.org/list/: an exception wins, else the longest rule, else the last label.
sub domain_by_the_book
{
	my ($host) = @_;
	my @labels = split /\./, $host;
	my $suffix = 1;
	return '' if $labels[-1] =~ /^\d+$/;
	for my $n (1 .. @labels)
	{
		my $name = join '.', @labels[ -$n .. -1 ];
		my $parent = join '.', @labels[ 1 - $n .. -1 ];
		if ($rule{"!$name"}) { $suffix = $n - 1; last }
		$suffix = $n if $rule{$name} || $n > 1 && $rule{"*.$parent"};
	}
	return $suffix < @labels ? join '.', @labels[ -$suffix - 1 .. -1 ] : '';
}
