#!/usr/bin/env perl
# A later run derives of segments what a change reaches: late events, passive ones behind the end of a session,
# sessions of more than a day, persons who are merged and parted. After each change all is as derived anew.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

# a zone whose days are not all of 24 hours: one of 23 falls into the time of the events
$ENV{PGOPTIONS} = '-c client_min_messages=warning -c timezone=America/New_York';
sql('CREATE EXTENSION pg_journey');

my %segments = (
	'none lately' => '{"event": "A", "at_most": 0, "last": "20 hours", "without": "C"}',
	'none for an hour' => '{"event": "A", "at_most": 0, "last": "1 hour"}',
	'lately' => '{"event": "A", "last": "1 minute"}',
	'hourly' => '{"event": "A", "last": "1 hour"}',
	'quiet' => '{"not": {"event": "*", "last": "30 minutes"}}',
	'few' => '{"event": "*", "at_most": 2, "at_least": 1, "last": "3 hours"}',
	'thrice' => '{"event": "B", "at_least": 3, "last": "2 days"}',
	'until' => '{"event": "A", "last": "5 hours", "without": {"event": "B"}}',
	'ever' => '{"event": "C"}',
	'often' => '{"event": "C", "at_least": 6}',
	'through' => '{"funnel": ["A", "B"], "within": "25 minutes", "last": "40 minutes"}',
	'lapsed' => '{"all": [{"event": "B"}, {"not": {"event": "A", "last": "9 hours"}}, {"profile": {"is_identified": true}}]}');
my $rows = 0;

# An event at so many minutes after the beginning.
sub event
{
	my ($visitor, $minutes, $name, %e) = @_;
	my $q = sub { defined $_[0] ? "'$_[0]'" : 'NULL' };
	return "INSERT INTO ev VALUES ('e" . ++$rows . "', '$visitor', " . $q->($e{user}) . ", timestamptz '2026-03-06 00:00Z' + interval '$minutes minutes', '"
	  . ($e{kind} // 'track') . "', '$name', " . $q->($e{platform}) . ");\n";
}

# A model of a table of its own.
sub begin
{
	my (%definition) = @_;
	my $json = join ', ', map { qq("$_": $definition{$_}) } sort keys %definition;
	sql(qq{CREATE TABLE ev (event_id text, visitor_id text, user_id text, event_time timestamptz, kind text, name text, platform text,
			loaded_at timestamptz DEFAULT clock_timestamp());
		CREATE INDEX ON ev (loaded_at);
		SELECT journey.create_model('m', NULL, '{"segments": {$json}}') \\g /dev/null
		SELECT journey.add_source('m', 'ev') \\g /dev/null});
}

# What is not as derived anew after these events came.
sub differences
{
	my ($events) = @_;
	return value($events . "SELECT FROM journey.refresh('m') \\g /dev/null
		SELECT coalesce(string_agg(v::text, ' '), 'none') FROM journey.verify('m') AS v");
}

sub end { sql('SELECT journey.drop_model(\'m\') \g /dev/null' . "\nDROP TABLE ev") }

# ------------------------------------------------------------------------------------------------
# an event that a server sends after the last active one of a session
# ------------------------------------------------------------------------------------------------

for my $long (0, 1)
{
	my $what = $long ? 'a session of more than a day' : 'a short session';
	my $last = $long ? 20 * 100 : 0;
	my $before = event('v', -600, 'B', user => 'u1');
	# between its end and that event one of another person, which lies outside
	my $session = join('', map { event('v', 20 * $_, 'B', user => 'u1') } 0 .. $last / 20)
	  . event('v', $last + 10, 'D', user => 'u2', platform => 'server') . event('v', $last + 25, 'A', platform => 'server');
	my $minutes = sub {
		my ($segment, $column) = @_;
		return value("SELECT string_agg((extract(epoch FROM $column - '2026-03-06 00:00Z') / 60)::int::text, ',' ORDER BY valid_from)
			FROM m.segment_members WHERE segment = '$segment' AND person_id = 'user:u1'");
	};

	begin(map { $_ => $segments{$_} } 'none lately');
	is(differences($before), 'none', "$what: a person");
	is(differences($session), 'none', "$what with an event of a server behind its end");
	is(value("SELECT session_id IS NOT NULL FROM m.events WHERE name = 'A'"), 't', 'which belongs to it');
	is($minutes->('none lately', 'valid_from'), '-600,' . ($last + 25 + 20 * 60), 'counts from that event on');
	end();

	# the window of a later change begins behind the end, and before that event
	begin(map { $_ => $segments{$_} } 'hourly', 'none for an hour');
	is(differences($before), 'none', "$what: a person");
	is(differences($session), 'none', $what);
	is(differences(event('v', $last + 75, 'B')), 'none', "$what: an event of a server behind its end is read");
	is($minutes->('hourly', 'valid_to'), $last + 85, 'it counts for an hour still');
	end();
}

# of a session that lasts a day, over the night when the clock goes forward
begin(map { $_ => $segments{$_} } 'hourly', 'none for an hour');
my $start = 2 * 1440 + 5;	# March 8
is(differences(event('v', -600, 'B')), 'none', 'a person');
is(differences(join('', map { event('v', $start + 20 * $_, $_ == 72 ? 'A' : 'B') } 0 .. 72)), 'none', 'a session of 24 hours');
is(differences(event('v', $start + 20 * 72 + 50, 'B')), 'none', 'is read a day later');
end();

# ------------------------------------------------------------------------------------------------
# random changes, of all segments and of one, for which nothing is read on account of others
# ------------------------------------------------------------------------------------------------

for my $seed (1, int(time / 86400))
{
	srand $seed;
	my $pick = sub { $_[int rand @_] };
	for my $names ([ sort keys %segments ], [ $pick->(sort keys %segments) ])
	{
		my $bad = '';
		begin(map { $_ => $segments{$_} } @$names);
		# of a visitor a session of two days; of another each day one
		my $events = join('', map { event('v0', 1440 + 25 * $_, $pick->(qw(A B B B D D D D))) } 0 .. 120)
		  . join('', map { event('v1', 1440 * $_, $pick->(qw(A B C D))) } 0 .. 5);
		my ($said, @times) = ($events);
		for my $round (0 .. 13)
		{
			my $now = differences($events);
			if ($now ne 'none') { $bad = "round $round: $now\n$said"; last }
			$events = '';
			for (1 .. 1 + rand 3)
			{
				my $visitor = $pick->(qw(v0 v1 v1 v2 v3));
				# anywhere, or a little after another event
				my $at = 5 * int(@times > 0 && rand() < 0.7 ? $pick->(@times) / 5 + rand 30 : rand 6 * 288);
				push @times, $at;
				my %e = rand() < 0.2 ? (kind => 'identify', user => $pick->(qw(u1 u2))) : ();
				$e{platform} = 'server' if rand() < 0.4;
				$events .= event($visitor, $at, $pick->(qw(A A B C D)), %e);
				# one of a server behind it
				$events .= event($visitor, $at + 5 * int rand 7, $pick->(qw(A B C)), platform => 'server') if rand() < 0.4;
			}
			$said .= $events;
		}
		is($bad, '', "seed $seed: " . join(', ', @$names));
		end();
	}
}
done_testing();
