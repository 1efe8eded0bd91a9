#!/usr/bin/env perl
# Options, fields of events and columns of relations are lists that C, SQL, the package for dbt and the docs each
# have a part of: they are the same lists.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

chdir "$FindBin::Bin/../..";

sub slurp { my ($path) = @_; open my $in, '<', $path or die "$path: $!\n"; local $/; return scalar <$in> }

# What a pattern that captures finds in a stretch of a file between two patterns.
sub found
{
	my ($path, $from, $to, $what) = @_;
	my ($text) = slurp($path) =~ /$from(.*?)$to/s or die "$path has no $from\n";
	return [ map { lc } $text =~ /$what/g ];
}

sub list { return [ map { $_->[0] } sql(@_) ] }

sub attributes
{
	my ($relation) = @_;
	return list("SELECT attname FROM pg_attribute WHERE attrelid = '$relation'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum");
}

sql("SET client_min_messages = warning; CREATE EXTENSION pg_journey; SELECT journey.create_model('web', NULL, '{}')");

# events
my $event = attributes('journey.event');
my @texts = grep { $_ !~ /^(event_time|received_at)$/ } @$event;
is_deeply(found('src/journey_core.h', 'typedef enum JField', 'JF_COUNT', qr/\bJF_([A-Z_]+)\b/), \@texts,
	'the fields of an event in C are those of journey.event');
is_deeply(found('src/timeline_json.c', 'keys\[\] = \{', '"copies"', qr/"(\w+)"/), $event, 'so are the keys of its JSON');
my %gathered = map { $_ => 1 } @{ found('src/gather.c', 'JF_EVENT_ID\] = ', '\n\};', qr/"(\w+)"/) };
is_deeply([ grep { !$gathered{$_} } @texts ], [], 'sessionize takes a column of the name of each');
my $reading = slurp('docs/reading.md') . slurp('docs/timeline.md') . slurp('docs/session.md');
is_deeply([ grep { $reading !~ /`$_`/ } @$event ], [], 'the docs name each');

# sessions
my $session = attributes('journey.session');
my %of_model = map { $_ => 1 } @{ attributes('web.sessions') };
is_deeply([ grep { !$of_model{$_} } @$session ], [], 'a model has the columns of journey.session');
my %in_c = map { $_ => 1 } @{ found('src/stitch.c', 'session_columns\[J_SESSION_COLUMNS\] = \{', '\};', qr/"(\w+)"/) };
my @key = qw(session_id visitor_id user_id session_number started_at);
is_deeply([ sort keys %in_c, @key ], [ sort @$session ], 'C writes all of them but the key');

# the columns of every relation in the docs and in the package for dbt
my $docs = slurp('docs/model.md');
for my $relation (qw(sessions touches identities profiles conversions attributed_touches events rejected_events))
{
	my ($row) = $docs =~ /^(\| `$relation`[^\n]*)/m or die "docs/model.md has no row of $relation";
	my @families = $row =~ /`(\w+_)\*`/g;
	my @unnamed = grep { my $c = $_; $row !~ /`$c`/ && !grep { index($c, $_) == 0 } @families } @{ attributes("web.$relation") };
	my @rules = $row =~ /<rule>/ ? ('_credit', '_value') : ();
	@unnamed = grep { my $c = $_; !grep { substr($c, -length) eq $_ } @rules } @unnamed;
	@unnamed = grep { !/^(first|last)_(device_type|os_name|browser|locale|country)$/ } @unnamed;
	is_deeply(\@unnamed, [], "docs/model.md names the columns of $relation");
}
for my $relation (qw(sessions touches identities profiles events))
{
	my ($yml) = slurp('dbt/models/marts/_marts.yml') =~ /^(  - name: journey__$relation\n.*?)(?=^  - name: |\z)/ms;
	my %known = map { $_ => 1 } attributes("web.$relation")->@*;
	my @columns = ($yml // '') =~ /^      - name: (\w+)/mg;
	ok(@columns > 0, "the package for dbt describes $relation") or next;
	is_deeply([ grep { !$known{$_} } @columns ], [], '.. with columns that it has');
}

# options
my $options = list("SELECT option FROM journey._options() WHERE type <> 'unsupported' ORDER BY 1");
my $stored = list("SELECT attname FROM pg_attribute WHERE attrelid = 'journey._settings'::regclass AND attnum > 0 ORDER BY 1");
is_deeply([ grep { !/schema/ } @$options ], $stored, 'every option is a setting');
my $table = join "\n", slurp('docs/options.md') =~ /^\| (`[^|]+) \|/mg;
is_deeply([ sort $table =~ /`(\w+)`/g ], [ sort @$options ], 'docs/options.md has every option');
is_deeply([ sort @{ found('dbt/macros/model/known_options.sql', 'return\(\[', '\]', qr/'(\w+)'/) } ],
	list("SELECT option FROM journey._options() WHERE option NOT IN ('schema', 'store_schema') ORDER BY 1"),
	'the package for dbt knows every option');
done_testing;
