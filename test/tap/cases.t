#!/usr/bin/perl
# The cases of ../shared/cases: one fault of each kind as small SQL, as people would try it. Each runs in a
# database of its own, and what it prints behind each `want` line is compared with what is wanted, which is
# written out here: those lines are for readers.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Cwd ();
use File::Basename ();
use Journey;
use Test::More;

my $top = Cwd::abs_path("$FindBin::Bin/../..");
my ($directory) = grep { -d $_ } map { "$_/cases" } $ENV{PGJ_SHARED} // (), "$top/../shared";
plan skip_all => 'no shared cases' unless defined $directory;

# By file: what comes behind each of its want lines, as lines or as patterns that all lines match. Behind the
# last wanted line others may follow where it is "...".
my %wanted = (
	'01_identify_before_page' => [ [ 'user:A|1|2|A', 'user:B|1|2|' ],
		[ '1|2026-01-01 10:00:00+00|A', '2|2026-01-01 10:10:01+00|B' ] ],
	'03_forget_leaves_person' => [ [ 'user:A|a@corp.test|{"email": "a@corp.test"}|G', 'user:B||{}|' ],
		[qr/^\d+\|\d+\|2\|/],
		[ '3|B|user:B|', 'B|user|user:B', 'e|visitor|user:B', 'user:B||{}|', '0' ] ],
	'04_context_traits' => [
		[ 'user:u1|vera@corp.test|{"plan": "pro", "email": "vera@corp.test"}|{dev1,dev2}|Z', '...' ] ],
	'05_direct_columns' => [ [ map { "visitor:$_|Organic Search" } 'a|google|google', 'd|google|google', 'e|bing|bing' ],
		['|||'] ],
	'06_signin_referrers' => [ [ (qr/^https:[^|]*\|\|\|$/) x 12 ] ],
	'08_kind_by_name_in_models' => [ [ ('2|https://s.test/?gclid=A|f') x 2 ] ],
	'09_google_ads_referrers' => [ [ (qr/\|google\|cpc\|Paid Search$/) x 8 ] ],
	'10_blocked_ids_case' => [ [ map { qr/^visitor:$_\|\{$_\}\|/ } map { "d$_" } 1 .. 8 ] ],
	'11_amp_self_referral' => [ [ (qr/\|\|\|$/) x 2, qr/\|google\|organic\|Organic Search$/ ] ],
	'13_youtube_is_video' => [ [ (qr/\|Organic Video$/) x 5 ] ],
	'16_future_without_received_at' => [ [ '1|1', '...' ] ],
	'18_email_as_user_id' => [ ['user:ann@corp.test|ann@corp.test|{d1,d2}|B'] ],
	'20_event_table_named_snapshot' => [ ['1'] ],
	'24_anonymousid_literal' => [ [ map { "user:$_|{user:$_}|1|" } 'u1', 'u2' ] ],
);

# Faults that are known and not mended yet.
my %known;

for my $path (sort glob "$directory/*.sql")
{
	my $name = File::Basename::basename($path, '.sql');
	is_case($name, $wanted{$name}, answers($path, "case_$$"));
}
done_testing();

# What a file prints behind each want line, as lists of lines. An error is a line too.
sub answers
{
	my ($path, $database) = @_;
	system('createdb', $database) == 0 or die "createdb failed\n";
	my @answers;
	# the store's relations, which a case may look into, lie in a schema of their own
	for my $line (split /\n/, `sed 's/\\bweb\\._/web_store._/g' '$path' | psql -qXAt -d $database 2>&1`)
	{
		$line =~ s/^psql:[^ ]*:\d+: //;
		if ($line =~ /\bwant\b/) { push @answers, [] }
		elsif (@answers && $line ne '') { push @{ $answers[-1] }, $line }
		elsif ($line =~ /^(?:ERROR|FATAL)/) { push @answers, [$line] }
	}
	system('dropdb', $database);
	return @answers;
}

sub is_case
{
	my ($name, $wanted, @answers) = @_;
  SKIP:
	{
		skip "$name: what it wants is not written out here", 1 unless $wanted;
		local our $TODO = $known{$name} ? 'a known fault' : undef;
		my @wrong = grep { !is_as_wanted($wanted->[$_], $answers[$_]) } 0 .. $#$wanted;
		ok(@answers == @$wanted && !@wrong, $name) or diag explain \@answers;
	}
}

sub is_as_wanted
{
	my ($wanted, $got) = @_;
	my @lines = @{ $got // [] };
	for my $want (@$wanted)
	{
		return 1 if $want eq '...';
		my $line = shift @lines;
		return 0 unless defined $line && (ref $want ? $line =~ $want : $line eq $want);
	}
	return !@lines;
}
