#!/usr/bin/perl
# Databases in other encodings: an escape that they cannot hold is told of, and raises no error.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

# which of e with acute, the euro, a kanji and a smiling face each has
my %has = (
	LATIN1 => 'yes no no no', LATIN9 => 'yes yes no no', EUC_JP => 'yes no yes no', MULE_INTERNAL => 'no no no no',
	SQL_ASCII => 'no no no no', UTF8 => 'yes yes yes yes');
my @escapes = ('\u00e9', '\u20ac', '\u6f22', '\ud83d\ude00');
my $base = $ENV{PGDATABASE} // 'postgres';

for my $encoding (sort keys %has)
{
	my $name = "${base}_" . lc $encoding;
	$Journey::database = $base;
	sql("CREATE DATABASE $name TEMPLATE template0 ENCODING '$encoding' LC_COLLATE 'C' LC_CTYPE 'C'");
	$Journey::database = $name;
	sql('CREATE EXTENSION pg_journey');
	for my $place ('"event":"%s"', '"properties":{"x":["%s"]}', '"properties":{"%s":1}', '"context":{"app":"%s"}')
	{
		my @found = map {
			my $member = sprintf $place, $_;
			value(qq{SELECT CASE WHEN error IS NULL THEN 'yes' WHEN error LIKE 'unicode at byte %' THEN 'no' ELSE error END
				FROM journey.parse_events('{"type":"track","userId":"u","timestamp":"2026-09-01",$member}')})
		} @escapes;
		is("@found", $has{$encoding}, "$encoding: $place");
	}
	is(value(q{SELECT (event).properties ->> 'x' FROM journey.parse_events(
		'{"type":"track","userId":"u","timestamp":"2026-09-01","properties":{"x":"\\\\u20ac\u0041"}}')}), '\u20acA',
		"$encoding: a backslash, and an escape of ASCII");
	is(value(q{SELECT journey.redact_event('{"x": "\u00e9"}', '[{"key": "x", "action": "pseudonym"}]', 'k') ->> 'x'}),
		'p1_41b08e48379060d5566363083dabd4b2f9afd6e169af22d26522dbdc5e7a5134', "$encoding: a pseudonym is that of UTF-8") if $encoding =~ /LATIN|UTF8|EUC/;
	$Journey::database = $base;
	sql("DROP DATABASE $name");
}

done_testing();
