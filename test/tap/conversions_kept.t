#!/usr/bin/perl
# How conversions are kept: what profiles and sessions tell of them, leads, options that change, captured rows of a CRM,
# and that a change costs what lies within its reach, as the pages show that a refresh touches.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

my $columns = 'event_id, visitor_id, user_id, event_time, kind, name, url, revenue, currency, order_id, traits';
my $quiet = 'SET client_min_messages = warning;';

sub add { my ($table, $select) = @_; sql("INSERT INTO $table ($columns, loaded_at) SELECT x.*, clock_timestamp() FROM ($select) AS x") }
sub refresh { my ($model) = @_; sql("$quiet SELECT FROM journey.refresh('$model')") }
sub is_whole { my ($model, $what) = @_; is(value("SELECT coalesce(string_agg(v::text, ' '), 'none') FROM journey.verify('$model') AS v"), 'none', "$what: as derived anew") }
sub page { my ($id, $who, $at, $query) = @_; return "SELECT '$id', 'd$who', '$who', timestamptz '$at', 'page', NULL, 'https://s.test/$query', NULL::numeric, NULL, NULL, NULL::jsonb" }
sub track { my ($id, $who, $at, $name, $amount) = @_; return "SELECT '$id', 'd$who', '$who', timestamptz '$at', 'track', '$name', NULL, " . ($amount // 'NULL') . "::numeric, 'EUR', '$id', NULL::jsonb" }

# Pages that a refresh touches.
sub pages
{
	my ($model) = @_;
	my $plan = join ' ', map { $_->[0] } sql("$quiet EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM journey.refresh('$model')");
	my ($hit) = $plan =~ /"Shared Hit Blocks": (\d+)/;
	my ($read) = $plan =~ /"Shared Read Blocks": (\d+)/;
	return $hit + $read;
}

sql(qq{$quiet CREATE EXTENSION pg_journey;
	CREATE TABLE ev (event_id text, visitor_id text, user_id text, event_time timestamptz, kind text, name text, url text,
	    revenue numeric, currency text, order_id text, traits jsonb, loaded_at timestamptz);
	CREATE INDEX ON ev (loaded_at);
	CREATE TABLE leads (id text, email text, user_id text, mql_at timestamptz, won_at timestamptz, amount numeric, loaded_at timestamptz DEFAULT clock_timestamp());
	SELECT journey.create_model('web', NULL, '{"lookback": "30 days", "conversions": [
	    {"name": "Order", "event": "Order Completed", "value": "revenue"}, {"name": "Signup", "event": "Signed Up", "count": "first"}],
	    "attribution": {"lead": "Signup"}}');
	SELECT journey.add_source('web', 'ev')});

# ---- profiles and sessions
sub counts { my ($who) = @_; return join ' ', map { $_ // '-' } map { @$_ } sql("SELECT conversions, to_char(first_converted_at AT TIME ZONE 'UTC', 'MM-DD'), conversion_counts, version FROM web.profiles WHERE person_id = 'user:$who'") }
add('ev', join ' UNION ALL ', page('p1', 'ann', '2026-01-01', '?gclid=1'), track('s1', 'ann', '2026-01-02', 'Signed Up'),
	track('o1', 'ann', '2026-01-03', 'Order Completed', 10), page('q1', 'bob', '2026-01-01', ''));
refresh('web');
is(counts('ann'), '2 01-02 {"Order": 1, "Signup": 1} 1', 'a first refresh counts conversions');
is(counts('bob'), '0  {} 1', 'whoever has none has 0');
add('ev', join ' UNION ALL ', track('o2', 'ann', '2026-02-03', 'Order Completed', 20), track('s0', 'ann', '2025-12-31', 'Signed Up'),
	track('o3', 'cy', '2026-02-03', 'Order Completed', 30));
refresh('web');
is(counts('ann'), '3 12-31 {"Order": 2, "Signup": 1} 2', 'later ones, and an earlier first one');
is(counts('cy'), '1 02-03 {"Order": 1} 2', 'a new person');
is(counts('bob'), '0  {} 1', 'the version of others stays');
is(value(q{SELECT string_agg(conversions || ' ' || conversion_counts, ', ' ORDER BY started_at) FROM web.sessions WHERE person_id = 'user:ann'}),
	'1 {"Signup": 1}, 0 {}, 0 {}, 1 {"Order": 1}, 1 {"Order": 1}', 'sessions tell theirs when they are read');

# a conversion moves with its device, and a lead comes before its person
sql(qq{$quiet SELECT journey.add_source('web', 'leads', 'conversion', '{"converted_at": "mql_at", "loaded_at": null}', '{"name": "MQL"}');
	INSERT INTO leads (id, email, mql_at) VALUES ('L1', 'dan\@corp.net', '2026-02-10')});
refresh('web');
is(value(q{SELECT count(*) FROM web.profiles WHERE person_id LIKE '%dan%'}), 0, 'a lead alone makes no profile');
add('ev', "SELECT 'i1', 'ddan', 'dan', timestamptz '2026-03-01', 'identify', NULL, NULL, NULL::numeric, NULL, NULL, '{\"email\": \"dan\@corp.net\"}'::jsonb");
refresh('web');
is(counts('dan'), '1 02-10 {"MQL": 1} 4', 'when the person comes the lead is counted');
my $version = value(q{SELECT version FROM web.profiles WHERE person_id = 'user:bob'});
sql(q{INSERT INTO leads (id, user_id, mql_at) VALUES ('L2', 'bob', '2026-02-11')});
is(value("$quiet SELECT profiles_changed FROM journey.refresh('web')"), 1, 'a row of the CRM changes one profile');
is(counts('bob'), '1 02-11 {"MQL": 1} 5', 'and its version');
sql(q{DELETE FROM leads WHERE id = 'L2'});
refresh('web');
is(counts('bob'), '0  {} 6', 'when it goes the count does');
sql(q{INSERT INTO leads (id, email, mql_at) VALUES ('L3', 'gus@corp.net', '2026-02-12')});
refresh('web');
sql(q{DELETE FROM leads WHERE id = 'L3'});
add('ev', "SELECT 'i2', 'dgus', NULL, timestamptz '2026-03-01', 'identify', NULL, NULL, NULL::numeric, NULL, NULL, '{\"email\": \"gus\@corp.net\"}'::jsonb");
refresh('web');
is(value(q{SELECT conversions FROM web.profiles WHERE person_id = 'email:gus@corp.net'}), 0, 'a lead that goes as its person comes is not counted');
is_whole('web', 'counts');
is(value(q{SELECT count(*) FROM web.profiles_masked WHERE conversions > 0}), 3, 'masked profiles have them');

# ---- the lead of w_shaped
sub shares { my ($order) = @_; return value("SELECT string_agg(w_shaped_credit::numeric(4,3)::text, ' ' ORDER BY position) FROM web.attributed_touches JOIN web.conversions USING (conversion_id) WHERE name = 'Order' AND order_id = '$order'") }
add('ev', join ' UNION ALL ', (map { page("w$_", 'eve', "2026-05-0$_", "?gclid=e$_") } 1 .. 5), track('we', 'eve', '2026-05-05 00:01', 'Order Completed', 50));
refresh('web');
is(shares('we'), '0.400 0.067 0.067 0.067 0.400', 'without a lead the W is the U');
add('ev', track('wl', 'eve', '2026-05-02 00:01', 'Signed Up'));
refresh('web');
is(shares('we'), '0.300 0.300 0.050 0.050 0.300', 'a lead that comes late gives its touch a share');
add('ev', track('wk', 'eve', '2026-05-01 00:01', 'Signed Up'));
refresh('web');
is(shares('we'), '0.600 0.033 0.033 0.033 0.300', 'an earlier first one is the lead then');
is(value(q{SELECT credit::numeric(4,3) FROM (SELECT journey.timeline_agg(event_id, event_time, coalesce(name, kind), url, NULL, NULL, NULL) AS t FROM ev WHERE user_id = 'eve') AS x,
	journey.attribution(t, '2026-05-05 00:01', 'w_shaped', '30 days', '{"lead_event": "Signed Up"}') WHERE position = 1}), '0.600', 'as the function on a timeline has it');
add('ev', join ' UNION ALL ', page('v1', 'flo', '2026-03-01', '?gclid=f1'), track('vs', 'flo', '2026-03-01 00:01', 'Signed Up'),
	(map { page("v$_", 'flo', "2026-05-0$_", "?gclid=f$_") } 2 .. 4), track('vo', 'flo', '2026-05-04 00:01', 'Order Completed', 5));
refresh('web');
is(shares('vo'), '0.400 0.200 0.400', 'a lead before the lookback is none');
is_whole('web', 'leads');

# ---- what takes effect with a refresh
my @others = qw(touches identities); # of the model; of its store the segments, sessions and facts
sub state_of { return value("SELECT md5(string_agg(s, ' ')) FROM (" . join(' UNION ALL ', map { "SELECT string_agg(ctid::text || xmin, ',' ORDER BY ctid) AS s FROM $_" }
	(map { "web.$_" } @others), 'web_store._segments', 'web_store._sessions', 'web_store._facts', 'web_store._conversion_records') . ') AS x') }
my $state = state_of();
like(value(q{SELECT journey.set_options('web', '{"attribution": {"half_life": "1 day", "exclude_channels": ["Direct"]}, "lookback": "3 days"}')}),
	qr/^no rebuild is due; the next refresh puts in force: lookback, attribution$/, 'lookback and weights wait for a refresh');
is(shares('vo'), '0.400 0.200 0.400', 'until then all is as before');
is_whole('web', 'options that wait');
my $kept = value(q{SELECT md5(string_agg(p::text, ' ' ORDER BY person_id)) FROM web.profiles AS p});
my $read = value(qq{$quiet BEGIN; DO \$\$BEGIN PERFORM journey.refresh('web'); END\$\$;
	SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_all_tables WHERE relid = 'web_store._segments'::regclass; COMMIT});
is(value(q{SELECT string_agg(position || ' ' || time_decay_credit::numeric(4,3), ', ' ORDER BY position) FROM web.attributed_touches JOIN web.conversions USING (conversion_id) WHERE order_id = 'we' AND name = 'Order'}),
	'1 0.143, 2 0.286, 3 0.571', 'then all conversions are derived anew');
is(shares('vo'), '0.400 0.200 0.400', 'without a lead');
is(state_of(), $state, 'what does not follow from them is not written');
cmp_ok($read, '<=', 1, 'no segment is read, but to see that there are some');
is(value(q{SELECT md5(string_agg(p::text, ' ' ORDER BY person_id)) FROM web.profiles AS p}), $kept, 'profiles whose counts are as they were stay');
is(value(q{SELECT options_due IS NULL AND options -> 'lookback' = '"3 days"' AND rebuild_due IS NULL FROM journey.models WHERE model = 'web'}), 't', 'nothing waits any more');
is_whole('web', 'other lookback and weights');
is(value(q{SELECT journey.set_options('web', '{"conversions": [{"name": "Order", "event": "Order Completed", "value": "revenue", "lookback": "2 days", "count": "first"},
	{"name": "Signup", "event": "Signed Up"}, {"name": "MQL", "lookback": "1 day"}]}')}), 'no rebuild is due; the next refresh puts in force: conversions', 'so do count and lookback of a definition');
refresh('web');
is(counts('ann'), '3 12-31 {"Order": 1, "Signup": 2} ' . value(q{SELECT version FROM journey.models WHERE model = 'web'}), 'counts follow');
is_whole('web', 'other counts');
like(value(q{SELECT journey.set_options('web', '{"conversions": [{"name": "Order", "event": "Order*", "lookback": "9 days"}], "lookback": "5 days"}')}),
	qr/^rebuild is due: changed options take effect with it: conversions; the next refresh puts in force: lookback$/, 'other events are another matter');
refresh('web');
is(value(q{SELECT (options ->> 'lookback') || ' ' || (options_due #>> '{conversions,0,event}') FROM journey.models WHERE model = 'web'}), '5 days Order*', 'each in its time');
sql("$quiet SELECT journey.rebuild('web')");
is(value(q{SELECT options_due IS NULL FROM journey.models WHERE model = 'web'}), 't', 'a rebuild puts all in force');
is_whole('web', 'a rebuild');

# ---- captured rows of a CRM
sub notice { my ($sql) = @_; my $out = qx(psql -qXAt -c "$sql" 2>&1); return $out }
sql(qq{$quiet SELECT journey.create_model('crm', NULL, '{"capture": "trigger"}'); SELECT journey.create_model('polled');
	SELECT journey.add_source('crm', 'ev'); SELECT journey.add_source('polled', 'ev')});
my $say = q{SELECT journey.add_source('%s', 'leads', 'conversion', '{\"converted_at\": \"mql_at\"}', '{\"name\": \"MQL\"}')};
like(notice(sprintf $say, 'polled'), qr/NOTICE:  rows that are deleted from (public\.)?leads stay in the model/, 'with a load time: rows that are deleted are not seen, which is said');
unlike(notice(sprintf $say, 'crm'), qr/stay in the model/, 'with triggers they are');
sql(qq{$quiet SELECT journey.add_source('crm', 'leads', 'conversion', '{"converted_at": "won_at", "value": "amount"}', '{"name": "Won"}');
	TRUNCATE leads; INSERT INTO leads (id, user_id, mql_at) VALUES ('1', 'ann', '2026-02-01'), ('2', 'bob', '2026-02-02'), ('3', 'cy', '2026-02-03')});
sub of_crm { my ($model) = @_; refresh($model); return value("SELECT coalesce(string_agg(conversion_id || coalesce(' ' || value, ''), ', ' ORDER BY conversion_id), 'none') FROM $model.conversions") }
is(of_crm('crm'), 'MQL:1, MQL:2, MQL:3', 'rows of a captured table'); refresh('polled');
is(value("$quiet SELECT rows_read FROM journey.refresh('crm')"), 0, 'which are not read again');
sql(qq{$quiet SELECT journey.set_options('crm', '{"lookback": "40 days"}')});
is(of_crm('crm'), 'MQL:1, MQL:2, MQL:3', 'nor taken for gone by a refresh that puts options in force');
sql(q{UPDATE leads SET won_at = '2026-03-01', amount = 7 WHERE id = '1'; DELETE FROM leads WHERE id = '2'; INSERT INTO leads (id, user_id, mql_at) VALUES ('4', 'dan', '2026-02-04')});
is(of_crm('crm'), 'MQL:1, MQL:3, MQL:4, Won:1 7', 'rows come, change and go');
is(of_crm('polled'), 'MQL:1, MQL:2, MQL:3, MQL:4', 'by a load time those that go stay');
sql(q{INSERT INTO leads VALUES ('1', NULL, 'ann', NULL, '2026-03-01', 9, now() + interval '1 hour')});
is(of_crm('crm'), 'MQL:3, MQL:4, Won:1 9', 'of two rows of an id the one that was loaded last counts');
sql(q{DELETE FROM leads WHERE id = '1' AND amount = 9});
is(of_crm('crm'), 'MQL:1, MQL:3, MQL:4, Won:1 7', 'when it goes the other one does');
sql(q{UPDATE leads SET id = '5' WHERE id = '3'});
is(of_crm('crm'), 'MQL:1, MQL:4, MQL:5, Won:1 7', 'another id is another conversion');
is(value(q{SELECT conversion_counts FROM crm.profiles WHERE person_id = 'user:ann'}), '{"MQL": 1, "Won": 1}', 'profiles count them');
is_whole('crm', 'captured rows');
sql(q{ALTER TABLE leads DISABLE TRIGGER ALL; DELETE FROM leads WHERE id = '4'; ALTER TABLE leads ENABLE TRIGGER ALL});
is(of_crm('crm'), 'MQL:1, MQL:5, Won:1 7', 'after triggers that were off the table is read whole');
sql(q{TRUNCATE leads});
is(of_crm('crm'), 'none', 'a TRUNCATE is seen');
is_whole('crm', 'an empty table');

# ---- who is forgotten stays so, by a lead too that names but the device, before anything else was known of it
sql(qq{$quiet CREATE TABLE calls (id text, device text, at timestamptz); CREATE TABLE ev_gone (LIKE ev);
	SELECT journey.create_model('gone', NULL, '{}'); SELECT journey.add_source('gone', 'ev_gone', NULL, '{"loaded_at": null}');
	SELECT journey.add_source('gone', 'calls', 'conversion', '{"conversion_id": "id", "visitor_id": "device", "converted_at": "at"}', '{"name": "Call"}');
	INSERT INTO calls VALUES ('1', 'dgus', '2026-02-01'), ('2', 'dother', '2026-02-01')});
add('ev_gone', page('g', 'gus', '2026-02-02', ''));
refresh('gone');
is(value(q{SELECT string_agg(conversion_id || ' ' || person_id, ', ' ORDER BY conversion_id) FROM gone.conversions}), 'Call:1 user:gus, Call:2 visitor:dother', 'calls by device');
sql(qq{$quiet SELECT FROM journey.forget('gone', 'gus'); SELECT FROM journey.refresh('gone', since => '-infinity')});
is(value(q{SELECT string_agg(conversion_id || ' ' || person_id, ', ' ORDER BY conversion_id) FROM gone.conversions}), 'Call:2 visitor:dother', 'the call of the forgotten does not come back');
sql(q{UPDATE calls SET at = now() + interval '1 minute' WHERE id = '1'});
refresh('gone');
is(value(q{SELECT string_agg(conversion_id || ' ' || person_id, ', ' ORDER BY conversion_id) FROM gone.conversions}), 'Call:1 visitor:dgus, Call:2 visitor:dother', 'one after that is another');

# ---- of whom a row of a CRM alone tells is exported and forgotten too, by a user id or an address
sql(qq{$quiet CREATE TABLE cards (id text, user_id text, email text, at timestamptz);
	SELECT journey.create_model('cards'); SELECT journey.add_source('cards', 'cards', 'conversion', '{"converted_at": "at"}', '{"name": "Card"}');
	INSERT INTO cards VALUES ('1', 'dan', 'Dan\@x.org', '2026-02-01'), ('2', NULL, 'Eve\@x.org', '2026-02-01'), ('3', NULL, 'eve\@x.org', NULL), ('4', 'fay\@x.org', NULL, '2026-02-01'), ('5', NULL, 'fay\@x.org', '2026-02-01');
	SELECT FROM journey.refresh('cards'); SELECT journey.export_batch('cards', 'google_ads', NULL, '2026-02-02', '{"format": "leads", "feed": "leads"}')});
is(value("SELECT string_agg((e ->> 'persons') || jsonb_array_length(e -> 'conversions') || jsonb_array_length(e -> 'exports'), ' ' ORDER BY n) FROM unnest('{dan,EVE\@x.org,fay\@x.org,gil}'::text[]) WITH ORDINALITY AS u (id, n), journey.export_person('cards', id) AS e"),
	'["user:dan"]11 ["email:eve@x.org"]11 ["email:fay@x.org", "user:fay@x.org"]22 []00', 'all that is held of them');
is(value("$quiet SELECT string_agg(feeds::text, ' ' ORDER BY n) FROM unnest('{dan,eve\@x.org,fay\@x.org}'::text[]) WITH ORDINALITY AS u (id, n), journey.forget('cards', id)"), '{leads} {leads} {leads}', 'feeds that had them');
sql("$quiet SELECT FROM journey.refresh('cards', since => '-infinity')");
is(of_crm('cards'), 'none', 'an address takes who has it as an id, and who is known by it alone');
is(value("SELECT count(*) FROM cards_store._conversion_records AS c WHERE c::text ~ 'dan|[Ee]ve|fay'"), 0, 'nothing of them is in rows that are kept');
is(value("SELECT count(*) FROM cards.exports"), 0, 'nor in what was given');
is_whole('cards', 'forgotten leads');

# ---- what a change costs: one person with very many orders; PGJ_CONVERSIONS=100000 for more
my $many = $ENV{PGJ_CONVERSIONS} // 4000;
sub orders { my ($prefix, $who, $from, $n) = @_; return "SELECT '$prefix' || n, 'd$who', '$who', timestamptz '$from' + n * interval '12 hours', CASE n % 2 WHEN 0 THEN 'track' ELSE 'page' END,
	CASE n % 2 WHEN 0 THEN 'Order Completed' END, CASE n % 2 WHEN 1 THEN 'https://s.test/?gclid=' || n END, CASE n % 2 WHEN 0 THEN 5::numeric END, 'EUR', CASE n % 2 WHEN 0 THEN '$prefix' || n END, NULL::jsonb FROM generate_series(1, $n) AS n" }
my %cost;
for my $model (['few', 200], ['many', $many])
{
	my ($name, $n) = @$model;
	sql(qq{$quiet CREATE TABLE ev_$name (LIKE ev); CREATE INDEX ON ev_$name (loaded_at);
	    SELECT journey.create_model('$name', NULL, '{"lookback": "7 days", "earliest": "1000-01-01", "conversions": [{"name": "Order", "event": "Order Completed", "value": "revenue"}]}');
	    SELECT journey.add_source('$name', 'ev_$name')});
	add("ev_$name", orders('h', 'heavy', "2020-01-01'::timestamptz - interval '12 hours' * $n + '0", $n));
	refresh($name);
	add("ev_$name", page('x', 'x', '2026-01-01', ''));
	refresh($name);
	sql("VACUUM ANALYZE");
	add("ev_$name", page('t0', 'heavy', '2019-11-01', '?gclid=t0'));
	refresh($name); # plans and caches
	my $before = value("SELECT md5(string_agg(xmin || ' ' || ctid, ',' ORDER BY ctid)) FROM ${name}_store._conversions WHERE converted_at NOT BETWEEN '2019-12-01 06:00Z' AND '2019-12-08 06:00Z'");
	my $credits = value("SELECT md5(string_agg(a.xmin || ' ' || a.ctid, ',' ORDER BY a.ctid)) FROM $name.attributed_touches AS a JOIN $name.conversions USING (conversion_id) WHERE converted_at NOT BETWEEN '2019-12-01 06:00Z' AND '2019-12-08 06:00Z'");
	add("ev_$name", page('t1', 'heavy', '2019-12-01 06:00Z', '?gclid=t1'));
	$cost{$name} = pages($name);
	is(value("SELECT md5(string_agg(xmin || ' ' || ctid, ',' ORDER BY ctid)) FROM ${name}_store._conversions WHERE converted_at NOT BETWEEN '2019-12-01 06:00Z' AND '2019-12-08 06:00Z'"), $before,
		"$name: a touch writes no conversion beyond a lookback from it");
	is(value("SELECT md5(string_agg(a.xmin || ' ' || a.ctid, ',' ORDER BY a.ctid)) FROM $name.attributed_touches AS a JOIN $name.conversions USING (conversion_id) WHERE converted_at NOT BETWEEN '2019-12-01 06:00Z' AND '2019-12-08 06:00Z'"), $credits,
		"$name: and none of their credits");
	is(value("SELECT count(*) FROM $name.attributed_touches WHERE click_id = 't1'"), 7, "$name: but those within, both ends included");
	add("ev_$name", track('o1', 'heavy', '2019-12-01 07:00Z', 'Order Completed', 5));
	$cost{"$name order"} = pages($name);
	is(value("SELECT conversions FROM $name.profiles WHERE person_id = 'user:heavy'"), 1 + $model->[1] / 2, "$name: the profile counts one more");
	is_whole($name, $name) if $many <= 10000;
}
note "a touch of a person with 100 conversions: $cost{few} pages, with " . $many / 2 . ": $cost{many}; an order: $cost{'few order'}, $cost{'many order'}";
cmp_ok($cost{many}, '<', 1.5 * $cost{few}, 'a touch costs what lies within the lookback');
cmp_ok($cost{'many order'}, '<', 1.5 * $cost{'few order'}, 'so does an order');

# a first load joins a person's conversions with its touches by stretches of time: each is looked at with those near it
sql(qq{$quiet CREATE TABLE dense (LIKE ev);
    INSERT INTO dense SELECT k || n, 'dheavy', 'heavy', timestamptz '2015-01-01' + n * interval '40 minutes' + (k = 'track')::int * interval '1 minute', k,
        CASE k WHEN 'track' THEN 'Order Completed' END, CASE k WHEN 'page' THEN 'https://s.test/?utm_source=s' || n % 7 || '&utm_medium=cpc' END,
        CASE k WHEN 'track' THEN 5::numeric END, 'EUR', CASE k WHEN 'track' THEN 'o' || n END, NULL::jsonb FROM generate_series(1, 3000) AS n, unnest('{page,track}'::text[]) AS k;
    SELECT journey.create_model('dense', NULL, '{"conversions": [{"name": "Order", "event": "Order Completed", "value": "revenue", "lookback": "3 hours"}]}'); SELECT journey.add_source('dense', 'dense')});
my $plans = `psql -qX -c "LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on; SET auto_explain.log_analyze = on; SET auto_explain.log_timing = off; SET client_min_messages = log; SELECT FROM journey.refresh('dense')" 2>&1`;
my ($most) = sort { $b <=> $a } $plans =~ /Rows Removed by Join Filter: (\d+)/g, $plans =~ /\(actual rows=(\d+)/g;
cmp_ok($most, '>=', 13000, 'touches of conversions are joined');
cmp_ok($most, '<', 200_000, "of 3,000 conversions and 3,000 touches no step of a plan sees more than $most rows");
is(value('SELECT count(*) FROM dense.attributed_touches'), 14990, 'five to each but the first');
done_testing;
