#!/usr/bin/env perl
# Runs every example of README.md and docs/*.md, each page in order, in one psql session beside the sample,
# and compares what it prints with the text block behind it. The convention is in
# docs/development.md. Every page has a database of its own, so that none depends on another.
use strict;
use warnings;
use Test::More;
use File::Temp qw(tempdir);

my $dir = tempdir(CLEANUP => 1);

for my $page ('README.md', sort glob 'docs/*.md') {
    my @blocks = blocks_of($page);
    next unless @blocks;
    (my $name = $page) =~ s{^docs/|\.md$}{}g;
    my $database = "page_\L$name" =~ s/[^a-z0-9_]/_/gr;
    system('createdb', $database) == 0 or BAIL_OUT("cannot make the database $database");
    run($page, $database, @blocks);
    system('dropdb', '--force', $database);
}
done_testing;

# The blocks of a page: where they stand, what they run, and what is expected of them if something is.
sub blocks_of {
    my ($page) = @_;
    my (@blocks, $heading, $kind, $lines, $from);
    open my $in, '<:raw', $page or die "$page: $!\n";
    while (my $line = <$in>) {
        if (defined $kind) {
            if ($line =~ /^```\s*$/) {
                if ($kind eq 'sql') {
                    push @blocks, { name => "$page: $heading, line $from", sql => $lines };
                }
                elsif ($kind eq 'text' && @blocks && $blocks[-1]{open}) {
                    $blocks[-1]{expected} = $lines;
                }
                $_->{open} = 0 for @blocks;
                $blocks[-1]{open} = 1 if $kind eq 'sql';
                undef $kind;
            }
            else {
                $lines .= $line;
            }
        }
        elsif ($line =~ /^```(\S.*?)?\s*$/) {
            ($kind, $lines, $from) = ($1 // '', '', $.);
        }
        else {
            $heading = $1 if $line =~ /^#+\s+(.*?)\s*$/;
            # only a blank line may stand between an example and what it prints
            if ($line =~ /\S/) { $_->{open} = 0 for @blocks }
        }
    }
    close $in;
    return @blocks;
}

sub run {
    my ($page, $database, @blocks) = @_;
    local $ENV{PGDATABASE} = $database;
    my $log = "$dir/sample.log";
    system("psql -qX -v events=1000 -f test/sample/generate.sql >$log 2>&1") == 0
        or BAIL_OUT('cannot make the sample: ' . slurp($log));

    # Marks on both of psql's outputs tell what belongs to which block.
    open my $script, '>:raw', "$dir/script" or die "script: $!\n";
    for my $i (0 .. $#blocks) {
        print $script "\\echo \@\@ $i\n\\warn \@\@ $i\n$blocks[$i]{sql}\n;\n";
    }
    close $script;
    system("psql -qX <$dir/script >$dir/out 2>$dir/err");
    my ($out, $err) = map { by_block(slurp("$dir/$_")) } qw(out err);

    for my $i (0 .. $#blocks) {
        my ($block, $printed, $said) = ($blocks[$i], $out->{$i} // '', $err->{$i} // '');
        if (defined $block->{expected}) {
            my $expected = tidy($block->{expected});
            $printed = $said if $expected =~ /^ERROR:/;
            is(tidy($printed, $expected), $expected, $block->{name});
        }
        else {
            my ($error) = $said =~ /^((?:ERROR|FATAL|invalid command).*)/m;
            is($error, undef, $block->{name});
        }
    }
}

sub slurp {
    my ($path) = @_;
    open my $in, '<:raw', $path or return '';
    local $/;
    return scalar <$in> // '';
}

sub by_block {
    my ($text) = @_;
    my (undef, @parts) = split /^@@ (\d+)\n/m, $text, -1;
    return {@parts};
}

# Blanks at line ends and blank lines at the ends do not count, nor the number of rows if it is not expected.
sub tidy {
    my ($text, $expected) = @_;
    $text =~ s/^\(\d+ rows?\)\n//mg if defined $expected && $expected !~ /^\(\d+ rows?\)$/m;
    $text =~ s/[ \t]+$//mg;
    $text =~ s/\n{2,}/\n/g;
    $text =~ s/\A\n+|\n+\z//g;
    return $text;
}
