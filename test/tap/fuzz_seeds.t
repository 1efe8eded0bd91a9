#!/usr/bin/env perl
# Every input that is kept for the fuzzers of payload, definition and redaction, once, under the sanitizers:
# those that made a crash are among them.
use strict;
use warnings;
use Test::More;
use FindBin;
use File::Temp;

SKIP: {
    # not the copy beside the private server, which tells of folders beside itself
    my $work = $ENV{PGJ_WORK} // '-';
    local $ENV{PATH} = join ':', grep { index($_, $work) != 0 } split /:/, $ENV{PATH};
    local $ENV{PG_CONFIG} = $ENV{PGJ_PG_CONFIG} // 'pg_config';
    my $log = File::Temp->new;
    my $status = system("$FindBin::Bin/../fuzz/libfuzzer replay >$log 2>&1");
    open my $in, '<', $log or die $!;
    my $out = do { local $/; <$in> };
    skip $1, 1 if $out =~ /^skipped: (.*)/m;
    is($status, 0, 'all inputs') or diag($out);
    my @inputs = glob "$FindBin::Bin/../fuzz/seeds/*/*";
    my $run = 0;
    $run += $1 while $out =~ /^(\d+) inputs$/mg;
    is($run, scalar @inputs, scalar(@inputs) . ' of them');
}
done_testing;
