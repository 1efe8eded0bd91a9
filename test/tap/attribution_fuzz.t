#!/usr/bin/env perl
# Runs the fuzzer of attribution's cores and of the hashes, test/fuzz/attribution_fuzz.c, under the sanitizers, with two
# seeds: a fixed one and one of today.
use strict;
use warnings;
use FindBin;
use File::Temp;
use Test::More;

# not the copy beside the private server, which tells of folders beside itself
my $work = $ENV{PGJ_WORK} // '-';
local $ENV{PATH} = join ':', grep { index($_, $work) != 0 } split /:/, $ENV{PATH};
my $pg_config = $ENV{PGJ_PG_CONFIG} // 'pg_config';
my ($include, $lib) = map { my $path = `$pg_config $_` // ''; chomp $path; $path } '--includedir-server', '--pkglibdir';
my $cc = $ENV{CC} // 'cc';
plan skip_all => "$cc cannot build with sanitizers"
    if system("echo 'int main(void) { return 0; }' |"
        . " $cc -x c -fsanitize=address,undefined -o /dev/null - >/dev/null 2>&1");
plan skip_all => 'no static libraries or headers of the server' unless -e "$lib/libpgcommon.a" && -e "$include/postgres_fe.h";

my $top = "$FindBin::Bin/../..";
my $dir = File::Temp->newdir;
my @cores = map { "$top/src/${_}_core.c" } qw(attribution path_sums markov shapley hash set identity);
my $failed = system("$cc -std=gnu11 -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -DFRONTEND"
    . " -I$top/src -I$include -o $dir/fuzz $top/test/fuzz/attribution_fuzz.c @cores"
    . " -L$lib -lpgcommon -lpgport -lm >$dir/log 2>&1");
is($failed, 0, 'the program builds') or diag(`cat $dir/log`);
for my $seed (1, int(time / 86400)) {
    # what the cores allocate belongs to the caller's memory context
    my $out = `ASAN_OPTIONS=detect_leaks=0 $dir/fuzz 500 $seed 2>&1`;
    ok($? == 0, "500 rounds from seed $seed") or diag($out);
}
done_testing;
