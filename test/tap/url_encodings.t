#!/usr/bin/perl
# Databases in other encodings: values are decoded into them, and never to text that is invalid there.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

my %expected = (
	# what %C3%A9 (e acute), %E6%BC%A2 (a kanji), %FF and %00 become, in hexadecimal
	LATIN1 => [ 'e9', '3f', '3f', '3f' ],
	EUC_JP => [ '8fabb1', 'b4c1', '3f', '3f' ],
	SQL_ASCII => [ 'c3a9', 'e6bca2', 'efbfbd', 'efbfbd' ],
	UTF8 => [ 'c3a9', 'e6bca2', 'efbfbd', 'efbfbd' ],
);
my $base = $ENV{PGDATABASE};

for my $encoding (sort keys %expected)
{
	my $name = "${base}_" . lc $encoding;
	$Journey::database = $base;
	sql("CREATE DATABASE $name TEMPLATE template0 ENCODING '$encoding' LC_COLLATE 'C' LC_CTYPE 'C'");
	$Journey::database = $name;
	sql("SET client_encoding = '$encoding'; CREATE EXTENSION pg_journey");
	my $to_hex = $encoding eq 'SQL_ASCII' ? "encode(v::bytea, 'hex')" : "encode(convert_to(v, '$encoding'), 'hex')";
	my @got = map { $_->[0] } sql(qq{
		SELECT $to_hex FROM unnest(ARRAY[
			journey.url_param('?a=%C3%A9', 'a'), journey.url_param('?a=%E6%BC%A2', 'a'), journey.url_param('?a=%FF', 'a'),
			journey.url_param('?a=%00', 'a')]) WITH ORDINALITY t(v, n) ORDER BY n});
	is_deeply(\@got, $expected{$encoding}, "$encoding: decoded values");
	is(value(q{SELECT (journey.touch('https://x.test/?utm_source=a%C3%A9%E6%BC%A2b&gclid=%FFx')).source IS NOT NULL}), 't',
		"$encoding: a touch");

	# every byte that the encoding allows, raw and encoded, through all functions
	is(value(q{
		SELECT count(*) FROM generate_series(0, 255) i, LATERAL (SELECT '%' || lpad(to_hex(i), 2, '0') AS c) x,
			LATERAL (SELECT 'https://x.test/' || c || '?utm_source=' || c || '&gclid=' || c || c || '&' || c || '=' || c || '%E6' AS url) y,
			LATERAL (SELECT concat(journey.url_host(url), journey.url_path(url), journey.url_param(url, 'gclid'), journey.strip_tracking(url),
				(SELECT string_agg(name || value, '') FROM journey.url_params(url)), journey.campaign(url), journey.touch(url, url)) AS v) z
		WHERE length(v) > 0 AND upper(v) IS NOT NULL}), 256, "$encoding: every byte, encoded");

	$Journey::database = $base;
	sql("DROP DATABASE $name");
}

done_testing();
