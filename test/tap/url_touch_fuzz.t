#!/usr/bin/perl
# The cores of url and touch under made-up URLs, with the sanitizers where the compiler has them; and the
# SQL functions under random text.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use File::Temp;
use Test::More;

my $top = "$FindBin::Bin/../..";

SKIP:
{
	# not the copy beside the private server, which tells of folders beside itself
	my $work = $ENV{PGJ_WORK} // '-';
	local $ENV{PATH} = join ':', grep { index($_, $work) != 0 } split /:/, $ENV{PATH};
	my $pg_config = $ENV{PGJ_PG_CONFIG} // 'pg_config';
	my $cc = $ENV{CC} // 'cc';
	chomp(my ($include, $pkglib) = map { scalar `$pg_config $_` // '' } '--includedir-server', '--pkglibdir');
	skip 'no compiler or no static libraries', 1 if system("command -v $cc >/dev/null 2>&1") || !-e "$pkglib/../libpgcommon.a" && !-e "$pkglib/libpgcommon.a";
	my $dir = File::Temp->newdir;
	my $command = "$cc -g -O1 -DFRONTEND -Wall -I$top/src -I$include -I$include/.. -o $dir/fuzz $top/test/fuzz/touch_fuzz.c"
	  . " $top/src/url_core.c $top/src/touch_core.c $top/src/lists_core.c -L$pkglib -L$pkglib/.. -lpgcommon -lpgport -lm";
	my $sanitized = '-fsanitize=address,undefined -fno-sanitize-recover=all';
	skip 'the program does not build', 1
	  if system("$command $sanitized >/dev/null 2>&1") && system("$command >$dir/log 2>&1") && diag(`cat $dir/log`);
	my $seed = $ENV{FUZZ_SEED} // time;
	my $count = $ENV{FUZZ_COUNT} // 200_000;
	is(`ASAN_OPTIONS=detect_leaks=0 $dir/fuzz $seed $count 2>&1`, "$count URLs\n", "made-up URLs of seed $seed");
}

# Random characters, and pieces that mean something, through every function. An invalid string would not
# survive convert_to and the length check by regular expression.
is(value(q{
	CREATE EXTENSION IF NOT EXISTS pg_journey;
	DO $$BEGIN PERFORM setseed(0.42); END$$;
	CREATE TEMP TABLE given AS
	SELECT string_agg(CASE WHEN random() < 0.6 THEN (ARRAY['http://', '?', '&', '=', '#', '%', '+', 'utm_source', 'gclid', 'fbclid',
			'utm_medium', '%C3', '%A9', '%00', '%F0%9F%98%80', 'google.de', 'www.', 'é', '中', '.', '/', ':', '@', '[', ']', 'co.uk'])
			[1 + floor(random() * 26)::int] ELSE chr(1 + floor(random() * 8000)::int) END, '') AS url
	FROM generate_series(1, 5000) AS n, generate_series(1, 20) AS part GROUP BY n;
	SELECT count(*) FROM given, LATERAL (
		SELECT concat(journey.url_host(url), journey.url_path(url), journey.url_param(url, 'gclid'), journey.strip_tracking(url),
			(SELECT string_agg(name || value, '') FROM journey.url_params(url)),
			journey.campaign(url), journey.touch(url, reverse(url)), journey.channel(url, url, url)) AS all_of_it) AS x
	WHERE convert_from(convert_to(all_of_it, 'UTF8'), 'UTF8') = all_of_it AND all_of_it !~ '\x01\x02\x03\x04\x05\x06'}) || '',
	'5000', 'random text makes no error and no invalid text');

# Long input costs in proportion: ten times the length may not cost a hundred times the time.
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
			CREATE TEMP TABLE result AS SELECT journey.url_host(url), journey.url_path(url), journey.url_param(url, 'zzz'), journey.strip_tracking(url),
				(SELECT count(*) FROM journey.url_params(url)), journey.campaign(url), journey.touch(url, url), journey.channel(url, url, url) FROM long;
			SELECT extract(epoch FROM clock_timestamp() - started) FROM timed});
	} 20_000, 200_000;
	cmp_ok($seconds[1], '<', 50 * $seconds[0] + 0.5, "long input: $long") or diag "@seconds";
}

done_testing();
