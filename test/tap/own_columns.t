#!/usr/bin/perl
# Columns that the owner adds to public relations are the owner's: defaults hold, nothing writes or compares them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

my $quiet = 'SET client_min_messages = warning;';
my $n = 0;

# An order of each, by a click.
sub add
{
	my (@who) = @_;
	$n++;
	sql("INSERT INTO ev SELECT '$n' || w, 'd' || w, w, timestamptz '2026-01-01' + $n * interval '1 hour', 'https://s.test/?gclid=g$n', 5, now()
	    FROM unnest('{" . join(',', @who) . "}'::text[]) AS w");
	sql("$quiet SELECT FROM journey.refresh('web')");
}
sub notes { my ($relation) = @_; return value("SELECT string_agg(note, ',' ORDER BY note) FROM web.$relation") }

sql(qq{$quiet CREATE EXTENSION pg_journey;
	CREATE TABLE ev (event_id text, visitor_id text, user_id text, event_time timestamptz, url text, revenue numeric, loaded_at timestamptz);
	SELECT journey.create_model('web', NULL, '{"conversions": [{"name": "Order", "kind": "page", "value": "revenue"}], "keep_changes": "90 days"}');
	SELECT journey.add_source('web', 'ev')});
add('ann', 'bob');
my @relations = qw(profiles touches attributed_touches);
sql(join '', map { "ALTER TABLE web.$_ ADD COLUMN note text NOT NULL DEFAULT 'new';" } @relations);
add('cid');
is(notes('profiles'), 'new,new,new', 'a new person has the default');
sql(join '', map { "UPDATE web.$_ SET note = 'mine';" } @relations);
add('ann', 'bob', 'cid', 'dan');
is(notes('profiles'), 'mine,mine,mine,new', 'what is written there stays when a person changes');
is(value("SELECT count(*) FROM web.profiles WHERE sessions > 0 AND events = 2"), 3, 'as they did');
like(notes($_), qr/^mine,mine,mine,(mine,)*new/, "so does that of $_") for qw(touches attributed_touches);
is(value("$quiet SELECT count(*) FROM journey.verify('web')"), 0, 'and is no difference');
sql("$quiet SELECT journey.rebuild('web')");
is(notes('profiles'), 'mine,mine,mine,new', 'nor does a rebuild touch it');
sql(join '', 'ALTER TABLE web.attributed_touches ADD COLUMN updated_at timestamptz;', map { "ALTER TABLE web.$_ DROP COLUMN note;" } @relations);
add('ann', 'eve');
is(value('SELECT count(*) FROM web.profiles'), 5, 'a column that goes again is not missed');
sql("ALTER TABLE web.profiles ADD COLUMN note text NOT NULL DEFAULT 'new'; $quiet SELECT f.events FROM unnest('{ann,bob,cid,dan,eve}'::text[]) AS w, journey.forget('web', w) AS f");
add('fay');
is(notes('profiles'), 'new', 'a first load into an emptied model has the default too');
is(value("$quiet SELECT count(*) FROM journey.verify('web')"), 0, 'all is as derived anew');
done_testing();
