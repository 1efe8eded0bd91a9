#!/usr/bin/env perl
# Retention and sequences of data that others published, with the results that they expect.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

$ENV{PGOPTIONS} = '-c client_min_messages=warning -c timezone=UTC -c search_path=public,journey';
sql('CREATE EXTENSION IF NOT EXISTS pg_journey');

# A value as a sqllogictest file has it.
sub as_written
{
	my ($value) = @_;
	my %words = (t => 'true', f => 'false', '' => 'NULL');
	return '[' . join(', ', map { as_written($_) } split /,/, $1) . ']' if $value =~ /^\{(.*)\}$/;
	return $words{$value} // $value;
}

# The statements and queries of such a file, just as they are.
sub run
{
	my ($file, $wanted) = @_;
	my $path = shared("journeys/$file") or plan skip_all => 'no shared data';
	open my $in, '<', $path or die "$path: $!";
	my $queries = 0;
	for my $block (split /\n{2,}/, do { local $/; <$in> })
	{
		my ($title) = $block =~ /^# (.*)/m;
		$block =~ s/^#.*\n//mg;
		if ($block =~ /^statement ok\n(.*)/s)
		{
			sql($1);
		}
		elsif ($block =~ /^query \w+\n(.*?)\n----\n(.*)/s)
		{
			my ($query, $expected) = ($1, $2);
			my $got = join "\n", map { join "\t", map { as_written($_) } @$_ } sql($query);
			is($got, $expected =~ s/\s+\z//r, $title);
			$queries++;
		}
	}
	is($queries, $wanted, 'number of queries');
}

subtest 'retention, as DuckDB has it' => sub { run('duckdb_behavioral_retention.test', 5) };
subtest 'sequence_match, as DuckDB has it' => sub { run('duckdb_behavioral_sequence_match.test', 4) };
done_testing;
