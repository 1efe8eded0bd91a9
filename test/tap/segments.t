#!/usr/bin/env perl
# Segments of a model's persons: what definitions mean, what becomes of them in the life of a model, and reports on them.
# That who is in follows late events and merges: check-laws, against plain SQL.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

$ENV{PGOPTIONS} = '-c client_min_messages=warning -c timezone=America/New_York -c datestyle=German -c intervalstyle=sql_standard';
sub rows { my ($query) = @_; return join "\n", map { join '|', @$_ } sql("SET timezone = 'UTC'; SET datestyle = ISO; $query") }

# What psql says of an error.
sub says
{
	my ($script) = @_;
	my $file = File::Temp->new;
	print $file $script;
	close $file;
	my $name = $file->filename;
	my $text = `psql -qXAt -v VERBOSITY=terse -f $name 2>&1`;
	$text =~ s/^psql:\S+ //mg;
	return $text =~ s/\s+\z//r;
}

sql(q{CREATE EXTENSION pg_journey;
	CREATE TABLE ev (event_id text, visitor_id text, user_id text, event_time timestamptz, kind text, name text, url text,
		traits jsonb, properties jsonb, loaded_at timestamptz DEFAULT clock_timestamp());
	CREATE INDEX ON ev (loaded_at);
	SELECT journey.create_model('web') \g /dev/null
	SELECT journey.add_source('web', 'ev') \g /dev/null});
my $events = 0;

# An event of a visitor at a day (and hour) of January 2026.
sub event
{
	my ($visitor, $day, $name, %e) = @_;
	my $q = sub { defined $_[0] ? "'$_[0]'" : 'NULL' };
	my $time = sprintf "timestamptz '2026-01-01 00:00Z' + interval '%s hours'", ($day - 1) * 24;
	return "INSERT INTO ev VALUES ('e" . ++$events . "', '$visitor', " . $q->($e{user}) . ", $time, " . $q->($e{kind} // 'track') . ', '
	  . join(', ', map { $q->($_) } $name, $e{url}, $e{traits}, $e{properties}) . ');';
}
sub refresh { sql("SELECT FROM journey.refresh('web')") }
sub is_whole { my ($what) = @_; is(value("SELECT coalesce(string_agg(v::text, ' '), 'none') FROM journey.verify('web') AS v"), 'none', "$what: as derived anew") }

# Stretches of a definition, in days of January: (from,to), * where there is no begin or end.
sub stretches
{
	my ($definition, $person) = @_;
	my $where = defined $person ? "person_id = '$person'" : 'true';
	return rows("SELECT journey.create_segment('web', 'tried', '$definition') \\g /dev/null
		SELECT " . (defined $person ? '' : "person_id || ' ' || ") . "string_agg(format('(%s,%s)',
			coalesce((1 + extract(epoch FROM valid_from - '2026-01-01 00:00Z') / 86400)::float8::text, '*'),
			coalesce((1 + extract(epoch FROM valid_to - '2026-01-01 00:00Z') / 86400)::float8::text, '*')), ' ' ORDER BY valid_from NULLS FIRST)
		FROM web.segment_members WHERE segment = 'tried' AND $where " . (defined $person ? '' : 'GROUP BY person_id ORDER BY person_id') . ";
		SELECT journey.drop_segment('web', 'tried') \\g /dev/null");
}

# ------------------------------------------------------------------------------------------------
# what definitions mean
# ------------------------------------------------------------------------------------------------

sql(event('a', 1, 'Feature Used') . event('a', 3, 'Feature Used', properties => '{"plan": "pro"}') . event('a', 4, 'Feature Used')
	. event('a', 12, 'Order Completed') . event('a', 20, 'Feature Used')
	. event('b', 2, 'Signed Up', user => 'ub', kind => 'identify', traits => '{"plan": "pro", "seats": 12}')
	. event('b', 5, undef, kind => 'page', url => 'https://s.test/pricing') . event('b', 5, 'Signed Up')
	. event('b', 8, undef, kind => 'page', url => 'https://s.test/pricing') . event('b', 9, 'Order Completed'));
refresh();
my $a = 'visitor:a';
for my $case (
	[ '{"event": "Feature Used", "last": "2 days"}', '(1,6) (20,22)', 'an event of late: stretches that touch are one' ],
	[ '{"event": "Feature Used", "last": "1 day"}', '(1,2) (3,5) (20,21)', 'a stretch ends where the length ends' ],
	[ '{"event": "Feature Used"}', '(1,*)', 'without a length it counts for ever' ],
	[ '{"event": "Feature Used", "at_least": 2, "last": "2 days"}', '(3,3)|(4,5)' =~ s/.*\|//r, 'two in two days: the end is exclusive' ],
	[ '{"event": "Feature Used", "at_least": 3}', '(4,*)', 'three in all' ],
	[ '{"event": "Feature Used", "at_least": 5}', '', 'five in all' ],
	[ '{"event": "Feature Used", "at_most": 1, "last": "2 days 12 hours"}', '(1,3) (3.5,4) (5.5,*)', 'at most one, none too' ],
	[ '{"event": "Feature Used", "at_least": 1, "at_most": 1, "last": "2 days 12 hours"}', '(1,3) (3.5,4) (5.5,6.5) (20,22.5)', 'exactly one' ],
	[ '{"event": "Feature Used", "at_most": 0, "last": "1 week"}', '(11,20) (27,*)', 'none in a week, since the person is known' ],
	[ '{"not": {"event": "Feature Used", "last": "1 week"}}', '(11,20) (27,*)', 'which is not one' ],
	[ '{"not": {"event": "Nothing"}}', '(1,*)', 'never' ],
	[ '{"event": "Feature Used", "without": "Order Completed"}', '(1,12) (20,*)', 'and not another since' ],
	[ '{"event": "Feature Used", "at_least": 4, "without": "Order Completed"}', '', 'all of them since the other' ],
	[ '{"event": "Feature Used", "without": {"event": "Feature*", "where": {"plan": "pro"}}}', '(1,3) (4,*)', 'the other may be the same event' ],
	[ '{"event": "Feature Used", "since": "2026-01-03", "until": "2026-01-04"}', '(3,*)', 'events from and before a time' ],
	[ '{"event": "Feature Used", "where": {"plan": "pro"}, "last": "1 day"}', '(3,4)', 'by a property' ],
	[ '{"funnel": ["Feature Used", "Feature Used", "Order Completed"], "within": "9 days"}', '(12,*)', 'a funnel passed' ],
	[ '{"funnel": ["Feature Used", "Order Completed"], "within": "7 days"}', '', 'and one not passed in time' ],
	[ '{"funnel": ["Feature Used", "Feature Used"], "within": "2 days", "last": "12 hours"}', '(3,3.5) (4,4.5)', 'passed of late, each time' ],
	[ '{"all": [{"event": "Feature Used", "last": "5 days"}, {"not": {"event": "Feature Used", "last": "1 day"}}]}', '(2,3) (5,9) (21,25)', 'all' ],
	[ '{"any": [{"event": "Order Completed", "last": "1 day"}, {"event": "Feature Used", "last": "1 day"}]}', '(1,2) (3,5) (12,13) (20,21)', 'any' ],
	[ '{"profile": {"is_identified": false, "events": {">=": 5}}}', '(*,*)', 'a profile: nobody knows since when' ],
	[ '{"profile": {"first_seen_at": {">": "2026-01-01T12:00"}}}', '', 'a time of a profile' ],
	[ '{"all": [{"profile": {"is_identified": false}}, {"event": "Order Completed", "last": "1 day"}]}', '(12,13)', 'a profile and an event' ],
	[ '{"all": [{"profile": {"is_identified": false}}, {"not": {"event": "Order Completed", "last": "1 day"}}]}', '(1,12) (13,*)', 'a profile and none' ],
	[ '{"not": {"all": [{"profile": {"is_identified": false}}, {"event": "Order Completed", "last": "1 day"}]}}', '(*,12) (13,*)', 'what is not both' ],
	[ '{"event": "*", "last": "365000 days"}', '(1,365020)', 'the longest length' ])
{
	my ($definition, $expected, $name) = @$case;
	is(stretches($definition, $a), $expected, $name);
}
is(stretches('{"profile": {"traits.plan": "pro", "traits.seats": {">": 9}}}'), 'user:ub (*,*)', 'traits');
is(stretches('{"funnel": ["page:/pricing", "Signed Up"], "within": "0 seconds"}'), 'user:ub (5,*)', 'a funnel of one instant');
is(stretches('{"not": {"any": [{"event": "Feature Used"}, {"channel": "Nowhere"}]}}'), 'user:ub (2,*)', 'of whom nothing was seen');

# ------------------------------------------------------------------------------------------------
# what is refused
# ------------------------------------------------------------------------------------------------

sub refused { my ($definition, $expected, $name) = @_; like(says("SELECT journey.create_segment('web', 'x', '$definition')"), $expected, $name) }
refused('[]', qr/^ERROR:  invalid segment at x: it must be an object$/, 'no object');
refused('{}', qr/at x: it asks for nothing/, 'nothing asked');
refused('{"event": "A", "lasts": "1 day"}', qr/at x: the key "lasts" is unknown/, 'an unknown key');
refused('{"all": [{"event": "A"}, {"event": "B", "last": "1 month"}]}', qr/at x\.all\[1\]\.last: it must be a length of time/, 'a month');
for my $length ('', ' ', '1', '1day', 'day', '1 day ', '-1 day', '1.5 days', '0 days', '99999999999 days', '365001 days', '1 days 2', '1  day')
{
	refused(qq({"event": "A", "last": "$length"}), qr/at x\.last: it must be a length of time/, "no length: '$length'");
}
refused('{"all": []}', qr/at x\.all: it must not be empty/, 'no conditions');
refused('{"all": [{"event": "A"}], "event": "B"}', qr/at x: "all" must stand alone/, 'two things in one object');
refused('{"not": [{"event": "A"}]}', qr/at x\.not: it must be an object/, 'not of a list');
refused('{"event": "A", "at_least": 0}', qr/at x\.at_least: it must be a whole number from 1/, 'at least none');
refused('{"event": "A", "at_least": 3, "at_most": 2}', qr/"at_most" is less than "at_least"/, 'more and less');
refused('{"event": "A", "since": "yesterday"}', qr/at x\.since: it is no time/, 'a word for a time');
refused('{"funnel": []}', qr/at x\.funnel: a funnel has 1 to 32 steps/, 'a funnel of nothing');
refused('{"funnel": ["A", ""]}', qr/at x\.funnel\[1\]: a step must not be empty/, 'an empty step');
refused('{"profile": {}}', qr/at x\.profile: it must not be empty/, 'an empty profile');
refused('{"profile": {"plan": "pro"}}', qr/^ERROR:  invalid segment: profiles have no column "plan"$/, 'no column');
refused('{"profile": {"version": 1}}', qr/profiles have no column "version"/, 'a column that tells nothing of a person');
refused('{"any": [' . join(', ', ('{"event": "A"}') x 65) . ']}', qr/a segment has more than 64 steps/, 'too many steps');
like(says("SELECT journey.create_segment('web', '', '{\"event\": \"A\"}')"), qr/a segment's name has 1 to 200 bytes/, 'no name');
like(says("SELECT journey.create_segment('web', repeat('x', 201), '{\"event\": \"A\"}')"), qr/a segment's name has 1 to 200 bytes/, 'a long name');
like(says("SELECT journey.create_segment('web', NULL, '{}')"), qr/segment must not be null/, 'a null name');
like(says("SELECT journey.create_segment('web', 'x', NULL)"), qr/definition must not be null/, 'a null definition');
like(says("SELECT journey.drop_segment('web', 'x')"), qr/model "web" has no segment "x"/, 'dropping none');
like(says("SELECT journey.set_options('web', '{\"segments\": {\"x\": {}}}')"), qr/at x: it asks for nothing/, 'also as an option');
is(value("SELECT count(*) FROM web.segment_members"), 0, 'nothing of that is kept');

# ------------------------------------------------------------------------------------------------
# the life of a model
# ------------------------------------------------------------------------------------------------

sql(q{SELECT journey.create_segment('web', 'active', '{"event": "Feature Used", "last": "7 days"}') \g /dev/null
	SELECT journey.create_segment('web', 'it''s "known"', '{"profile": {"is_identified": true}}') \g /dev/null
	SELECT journey.create_segment('web', 'quiet', '{"not": {"event": "*", "last": "5 days"}}') \g /dev/null});
my $active = "SELECT person_id, valid_from::date, valid_to::date FROM web.segment_members WHERE segment = 'active' ORDER BY 1, 2";
is(rows($active), "visitor:a|2026-01-01|2026-01-11\nvisitor:a|2026-01-20|2026-01-27", 'kept');
is_whole('new segments');
like(says("SELECT journey.create_segment('web', 'active', '{\"event\": \"A\"}')"), qr/segment "active" of model "web" already exists/, 'a name once');
is(value("SELECT count(*) FROM web.segment_members WHERE is_member = (now() >= coalesce(valid_from, '-infinity') AND now() < coalesce(valid_to, 'infinity'))"),
	value('SELECT count(*) FROM web.segment_members'), 'now is when it is read');
is(rows("SELECT person_id FROM journey.segment_members_at('web', 'active', '2026-01-10')"), 'visitor:a', 'who was in at a time');
is(rows("SELECT person_id FROM journey.segment_members_at('web', 'active', '2026-01-11')"), '', 'and no more at its end');
is(rows("SELECT person_id, valid_from FROM journey.segment_members_at('web', 'active')"), 'visitor:a|2026-01-20 00:00:00+00', 'without a time at the newest event');
like(says("SELECT * FROM journey.segment_members_at('web', 'none')"), qr/model "web" has no segment "none"/, 'an unknown one');

# a late event joins two stretches, and writes what changed alone
my $before = value("SELECT string_agg(ctid::text, ',' ORDER BY segment, valid_from) FROM web_store._segment_members WHERE person_id = 'user:ub'");
sql(event('a', 14, 'Feature Used'));
refresh();
is(rows($active), "visitor:a|2026-01-01|2026-01-11\nvisitor:a|2026-01-14|2026-01-27", 'a late event');
is(value("SELECT string_agg(ctid::text, ',' ORDER BY segment, valid_from) FROM web_store._segment_members WHERE person_id = 'user:ub'"), $before,
	'the rows of others are not touched');
# the visitor becomes the user: two persons are one
sql(event('a', 21, 'Login', user => 'ub', kind => 'identify'));
refresh();
is(rows($active), "user:ub|2026-01-01|2026-01-11\nuser:ub|2026-01-14|2026-01-27", 'a merge of persons');
is(rows("SELECT DISTINCT person_id FROM web.segment_members"), 'user:ub', 'leaves nothing of who is no more');
is_whole('a merge');

# what the model does with its options, it does with these
my $all = 'SELECT segment, person_id, valid_from, valid_to FROM web.segment_members ORDER BY 1, 2, 3';
my $kept = rows($all);
sql("SELECT journey.rebuild('web') \\g /dev/null\nSELECT journey.rebuild('web', from_sources => true) \\g /dev/null");
is(rows($all), $kept, 'a rebuild gives the same');
like(value("SELECT journey.set_options('web', '{\"timeout\": \"1 hour\"}')"), qr/rebuild is due/, 'other options wait');
sql("SELECT journey.create_segment('web', 'new', '{\"event\": \"Login\"}') \\g /dev/null\nSELECT journey.drop_segment('web', 'quiet') \\g /dev/null");
is(value("SELECT count(*) FROM web.segment_members WHERE segment = 'new'"), 1, 'a segment is there at once');
is(value("SELECT options -> 'segments' = options_due -> 'segments' AND options_due ->> 'timeout' = '1 hour' AND NOT options ? 'timeout'
	AND NOT options -> 'segments' ? 'quiet' FROM journey.models"), 't', 'and leaves what waits');
sql("SELECT journey.rebuild('web') \\g /dev/null");
is(value("SELECT string_agg(DISTINCT segment, ',' ORDER BY segment) FROM web.segment_members"), q{active,it's "known",new}, 'all are there after the rebuild');
is_whole('a rebuild');
sql("DELETE FROM web_store._segment_members WHERE segment = 'active'; UPDATE web_store._segment_members SET valid_to = '2030-01-01' WHERE segment = 'new'");
is(rows("SELECT relation, key ->> 'segment', problem FROM journey.verify('web') ORDER BY 2, 3"),
	"segment_members|active|missing\nsegment_members|active|missing\nsegment_members|new|different", 'verify tells of what was changed by hand');
sql("SELECT journey.rebuild('web') \\g /dev/null");
is_whole('another rebuild');

# readers, comments
sql("CREATE ROLE segments_reader_$$; SELECT journey.grant_read('web', 'segments_reader_$$') \\g /dev/null");
is(value("SET ROLE segments_reader_$$; SELECT count(*) FROM journey.segment_members_at('web', 'active', '2026-01-10')"), 1, 'a reader may ask');
is(value("SET ROLE segments_reader_$$; SELECT count(*) > 0 FROM journey.funnel_report('web', '{Feature Used}', options => '{\"segment\": \"active\"}')"), 't',
	'in reports, too');
like(says("SET ROLE segments_reader_$$; SELECT journey.create_segment('web', 'x', '{\"event\": \"A\"}')"), qr/must be owner|must have|permission|owner/, 'but make none');
sql("REVOKE SELECT ON web.segment_members FROM segments_reader_$$");
like(says("SET ROLE segments_reader_$$; SELECT * FROM journey.funnel_report('web', '{A}', options => '{\"segment\": \"active\"}')"), qr/permission denied/,
	'without the right on the relation there is no report');
sql("DROP OWNED BY segments_reader_$$; DROP ROLE segments_reader_$$");

# an own copy of the catalog has them; tap/guard.t has a model taken in with them, tap/model_dump.t one restored
is(value("SELECT catalog #> '{model,options,segments,active}' FROM web_store._catalog_copy"), '{"last": "7 days", "event": "Feature Used"}',
	'definitions are in the copy that adopt_model() reads');

# a person who is forgotten is in none
sql("SELECT FROM journey.forget('web', 'ub')");
is(value('SELECT count(*) FROM web.segment_members'), 0, 'forgotten');
is(value('SELECT count(*) FROM web_store._segment_members'), 0, 'in the store, too');
sql("SELECT journey.drop_model('web') \\g /dev/null");
is(value("SELECT count(*) FROM pg_class WHERE relname ~ 'segment_members'"), 0, 'a dropped model leaves none');

# a conversion that comes as a row of another table, and goes, changes a profile and nothing else of the person
sql(q{CREATE TABLE leads (id text, user_id text, at timestamptz, loaded_at timestamptz DEFAULT clock_timestamp());
	SELECT journey.create_model('crm', NULL, '{"segments": {"led": {"profile": {"conversions": {">": 0}}},
		"none": {"profile": {"conversion_counts.Lead": {"exists": false}}}}}') \g /dev/null
	SELECT journey.add_source('crm', 'ev') \g /dev/null
	SELECT journey.add_source('crm', 'leads', 'conversion', '{"converted_at": "at"}', '{"name": "Lead"}') \g /dev/null
	SELECT FROM journey.refresh('crm');
	INSERT INTO leads VALUES ('l1', 'ub', '2026-01-30');
	SELECT FROM journey.refresh('crm')});
is(rows("SELECT person_id, segment FROM crm.segment_members"), 'user:ub|led', 'a conversion of a table');
sql("INSERT INTO leads VALUES ('l1', 'other', '2026-01-30');\nSELECT FROM journey.refresh('crm')");
is(rows("SELECT person_id, segment FROM crm.segment_members"), 'user:ub|none', 'that goes to another person');
is(value("SELECT count(*) FROM journey.verify('crm')"), 0, 'as derived anew');
sql("SELECT journey.drop_model('crm') \\g /dev/null");

# ------------------------------------------------------------------------------------------------
# reports, on the sample
# ------------------------------------------------------------------------------------------------

system('psql -qX -v events=5000 -f test/sample/generate.sql >/dev/null') == 0 or BAIL_OUT('cannot make the sample');
sql(q{SELECT journey.create_model('shop', 'rudder', '{"segments": {"readers": {"page": "/docs/*", "last": "30 days"},
		"known": {"profile": {"is_identified": true}}}}') \g /dev/null
	SELECT journey.refresh('shop') \g /dev/null
	CREATE TABLE e AS SELECT e.*, coalesce(journey.url_path(e.url), '/') AS path FROM shop.events AS e WHERE person_id IS NOT NULL;
	CREATE INDEX ON e (person_id, event_time);
	CREATE TABLE last AS SELECT max(event_time) AS at FROM e});
sub same
{
	my ($report, $oracle, $name) = @_;
	my ($got, $expected) = (rows($report), rows($oracle));
	if ($got eq '' || $got ne $expected) { return is($got, $expected eq '' ? 'some rows' : $expected, $name) }
	return pass($name);
}
my $reads = "EXISTS (SELECT FROM e AS r WHERE r.person_id = %s AND r.kind IN ('page', 'screen') AND r.path LIKE '/docs/%%' AND r.event_time <= %s AND r.event_time > %2\$s - interval '720 hours')";
my $read = sprintf $reads, 'p.person_id', '(SELECT at FROM last)';
same("SELECT count(*) FROM journey.segment_members_at('shop', 'readers')", "SELECT count(*) FROM (SELECT DISTINCT person_id FROM e) AS p WHERE $read",
	'a segment of the first load');
same("SELECT persons FROM journey.funnel_report('shop', '{page:/pricing}', options => '{\"segment\": \"readers\"}')",
	"SELECT count(DISTINCT person_id) FROM e AS p WHERE kind = 'page' AND path = '/pricing' AND $read", 'a funnel of a segment: who is in at the end');
# of a funnel of one step the latest start is the first, since it comes soonest
same("SELECT value, persons FROM journey.funnel_report('shop', '{page:/pricing}', by => 'segments.readers') ORDER BY 1",
	"SELECT " . sprintf($reads, 's.person_id', 's.at') . "::text AS v, count(*) FROM (SELECT person_id, min(event_time) AS at FROM e WHERE kind = 'page'
	AND path = '/pricing' GROUP BY 1) AS s GROUP BY 1 ORDER BY 1", 'a funnel by a segment: who was in at the start');
same("SELECT sum(persons) FROM journey.retention_report('shop', 'kind:page', options => '{\"segment\": \"known\"}') WHERE period = 0",
	"SELECT count(DISTINCT person_id) FROM e JOIN shop.profiles USING (person_id) WHERE kind = 'page' AND is_identified", 'retention of a segment');
same("SELECT sum(new_persons) FROM journey.lifecycle_report('shop', 'kind:page', options => '{\"segment\": \"known\"}')",
	"SELECT count(DISTINCT person_id) FROM e JOIN shop.profiles USING (person_id) WHERE kind = 'page' AND is_identified", 'lifecycle');
same("SELECT sum(views) FROM journey.page_report('shop', options => '{\"segment\": \"readers\"}')",
	"SELECT count(*) FROM e AS p WHERE kind IN ('page', 'screen') AND session_id IS NOT NULL AND $read", 'pages');
same("SELECT sum(persons) FROM journey.top_paths_report('shop', options => '{\"segment\": \"readers\", \"per\": \"session\", \"of\": \"pages\"}')",
	"SELECT count(DISTINCT session_id) FROM e AS p WHERE kind IN ('page', 'screen') AND session_id IS NOT NULL AND $read", 'paths');
same("SELECT sum(persons) FROM journey.experiment_report('shop', 'kind:page', 'title', '{kind:page}', options => '{\"segment\": \"readers\"}') WHERE metric = 'exposure'",
	"SELECT count(DISTINCT person_id) FROM e AS p WHERE kind = 'page' AND properties ->> 'title' <> '' AND $read", 'experiments');
same(q{SELECT substring(journey.report('shop', '-infinity', options => '{"segment": "readers"}') FROM '"tile-people">([0-9,]+)<'),
	substring(journey.report('shop', '-infinity', options => '{"segment": "readers"}') FROM '"tile-sessions">([0-9,]+)<')},
	"SELECT count(DISTINCT person_id), to_char(count(*), 'FM999,999') FROM shop.sessions AS p WHERE $read", 'the page');
like(says("SELECT * FROM journey.funnel_report('shop', '{A}', by => 'segments.none')"), qr/model "shop" has no segment "none"/, 'by an unknown segment');
like(says("SELECT * FROM journey.page_report('shop', options => '{\"segment\": \"none\"}')"), qr/model "shop" has no segment "none"/, 'of an unknown segment');

# ------------------------------------------------------------------------------------------------
# by a property of the event (F13 of the reference)
# ------------------------------------------------------------------------------------------------

sql(q{SELECT journey.create_model('web') \g /dev/null
	SELECT journey.add_source('web', 'ev') \g /dev/null
	TRUNCATE ev});
sql(event('p', 1, 'A') . event('p', 2, 'B', properties => '{"color": "red"}') . event('p', 3, 'C', properties => '{"color": "blue"}')
	. event('q', 1, 'A', properties => '{"color": "green", "n": 7}'));
refresh();
for my $case ([ '{}', "green 1,null 3" ], [ '{"at": "first_defined"}', 'green 1,red 3' ], [ '{"at": "last_defined"}', 'blue 3,green 1' ],
	[ '{"at": "3"}', 'blue 3,null 1' ], [ '{"at": "last"}', 'blue 3,green 1' ], [ '{"any_order": true, "at": "2"}', 'red 3,null 1' ])
{
	my ($options, $expected) = @$case;
	is(value("SELECT string_agg(coalesce(value, 'null') || ' ' || n, ',' ORDER BY value) FROM (SELECT value, count(*) FILTER (WHERE persons > 0) AS n
		FROM journey.funnel_report('web', '{A,B,C}', by => 'properties.color', options => '$options') GROUP BY value) AS x"), $expected, "by a property, $options");
}
is(rows("SELECT value, persons FROM journey.retention_report('web', 'A', 'B', by => 'properties.n', periods => 0) ORDER BY 1"), "7|1\n|1", 'retention by a property');
like(says("SELECT * FROM journey.funnel_report('web', '{A}', by => 'kind', options => '{\"at\": \"first_defined\"}')"), qr/there is no column "kind"|invalid value/, 'of nothing else');
like(says("SELECT * FROM journey.funnel_report('web', '{A}', by => 'channel', options => '{\"at\": \"first_defined\"}')"), qr/invalid value for option "at"/, 'a column has one value');
done_testing();
