#!/usr/bin/env perl
# The parts of the SQL call each other without a circle: each calls only what is in it or in parts before it.
use strict;
use warnings;
use FindBin;
use Test::More;

chdir "$FindBin::Bin/../..";

my (%part_of, %text_of);
my @parts = map { s{.*/}{}r } sort glob 'sql/install/*.sql';
for my $part (@parts)
{
	open my $in, '<', "sql/install/$part" or die "$part: $!\n";
	my $text = do { local $/; <$in> };
	$text =~ s/--[^\n]*//g;
	$part_of{$1} = $part while $text =~ /^CREATE (?:OR REPLACE )?(?:FUNCTION|AGGREGATE)\s+journey\.(_\w+)/mg;
	# what is said in messages and comments is no call
	$text =~ s/^COMMENT ON[^;]*;//mg;
	$text =~ s/\bRAISE\b[^;]*;//g;
	$text_of{$part} = $text;
}

cmp_ok(scalar keys %part_of, '>', 300, 'the functions are found');
my $calls = 0;
for my $part (@parts)
{
	my @later;
	while ($text_of{$part} =~ /(?<!TABLE )\bjourney\.(_\w+)\s*\(/g)
	{
		my $home = $part_of{$1} // next;
		$calls++;
		push @later, "$1 of $home" if $home gt $part;
	}
	is_deeply(\@later, [], "$part calls nothing that comes later");
}
cmp_ok($calls, '>', 1000, 'so are their calls');
done_testing;
