#!/usr/bin/env perl
# Runs the fuzzers of the timeline's, the split's, stitching's and the profile's cores, test/fuzz/run, with two seeds: a fixed one and one of today.
use strict;
use warnings;
use Test::More;

my $compiler = $ENV{CC} // 'cc';
plan skip_all => "$compiler cannot build with sanitizers"
    if system("echo 'int main(void) { return 0; }' |"
        . " $compiler -x c -fsanitize=address,undefined -o /dev/null - >/dev/null 2>&1");

my $today = int(time / 86400);
my %rounds = (timeline => 500, split => 300, profile => 300);
for my $program (sort keys %rounds) {
    my $out = `test/fuzz/run $rounds{$program} 1,$today $program 2>&1`;
    plan skip_all => $out if $out =~ /^skipped/;
    ok($? == 0, "$program: $rounds{$program} rounds from seeds 1 and $today") or diag($out);
}
done_testing;
