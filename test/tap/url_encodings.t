#!/usr/bin/perl
# Databases in other encodings: values are decoded into them, never to text that is invalid there.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

# what an encoded e with acute, a kanji, a bad byte and a zero become, in hexadecimal
my @encoded = ('%C3%A9', '%E6%BC%A2', '%FF', '%00');
my %decoded = (
	LATIN1 => [ 'e9', '3f', '3f', '3f' ],
	MULE_INTERNAL => [ '3f', '3f', '3f', '3f' ],
	EUC_JP => [ '8fabb1', 'b4c1', '3f', '3f' ],
	SQL_ASCII => [ 'c3a9', 'e6bca2', 'efbfbd', 'efbfbd' ],
	UTF8 => [ 'c3a9', 'e6bca2', 'efbfbd', 'efbfbd' ]);
my $base = $ENV{PGDATABASE} // 'postgres';

for my $encoding (sort keys %decoded)
{
	my $name = "${base}_" . lc $encoding;
	$Journey::database = $base;
	sql("CREATE DATABASE $name TEMPLATE template0 ENCODING '$encoding'
		LC_COLLATE 'C' LC_CTYPE 'C'");
	$Journey::database = $name;
	sql('CREATE EXTENSION pg_journey');

	for my $i (0 .. $#encoded)
	{
		# textsend gives the bytes as they are, in the client's encoding
		is(value(qq{SET client_encoding = '$encoding';
			SELECT encode(textsend(journey.url_param('?a=$encoded[$i]', 'a')), 'hex')}),
			$decoded{$encoding}[$i], "$encoding: $encoded[$i]");
	}

	# every byte, encoded, through all functions; upper() and length() look at the characters
	is(value(q{
		SELECT count(*)
		FROM generate_series(0, 255) AS i,
			LATERAL (SELECT '%' || lpad(to_hex(i), 2, '0') AS c) AS byte,
			LATERAL (SELECT 'https://x.test/' || c || '?utm_source=' || c || '&gclid=' || c || c
				|| '&' || c || '=' || c || '%E6' AS url) AS given,
			LATERAL (SELECT concat(journey.url_host(url), journey.url_path(url),
				journey.url_param(url, 'gclid'), journey.strip_tracking(url),
				(SELECT string_agg(name || value, '') FROM journey.url_params(url)),
				journey.campaign(url), journey.touch(url, url)) AS v) AS result
		WHERE length(v) > 0 AND upper(v) IS NOT NULL}), 256, "$encoding: every byte");

	$Journey::database = $base;
	sql("DROP DATABASE $name");
}

done_testing();
