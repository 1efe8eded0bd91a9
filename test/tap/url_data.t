#!/usr/bin/perl
# The url functions against published cases: form-urlencoded decoding, parameters of a URL.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

sql('CREATE EXTENSION IF NOT EXISTS pg_journey');

SKIP:
{
	my $path = shared('url/urlencoded-parser-data.json') or skip 'no shared data', 1;
	my @cases = sql(qq{
		\\set cases `cat $path`
		SELECT c ->> 'input', c -> 'output', coalesce(
			(SELECT jsonb_agg(jsonb_build_array(name, value) ORDER BY ordinality)
				FROM journey.url_params('?' || (c ->> 'input')) WITH ORDINALITY), '[]')
		FROM jsonb_array_elements(:'cases') WITH ORDINALITY AS t(c, n) ORDER BY n});
	is(scalar @cases, 35, 'number of published cases');
	is($_->[2], $_->[1], "decodes \"$_->[0]\"") for @cases;
}

SKIP:
{
	my $input = shared('attribution/derived_query_param_input.csv') or skip 'no shared data', 1;
	my @urls = map { $_->{url} } read_rows($input, ',');
	my @expected = read_rows(shared('attribution/derived_query_param_expected.csv'), ',');
	my @got = sql(load_rows('url', ['url'], map { [$_] } @urls) . q{
		SELECT journey.url_param(url, 'param1'), journey.url_param(url, 'param2'),
			journey.url_param(url, 'param3')
		FROM url ORDER BY number});
	is_deeply($got[$_], [ @{ $expected[$_] }{qw(param1 param2 param3)} ], "parameters of $urls[$_]")
	  for 0 .. $#urls;
}

done_testing();
