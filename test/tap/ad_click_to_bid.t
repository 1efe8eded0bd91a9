#!/usr/bin/perl
# The page "From ad click to bid" of docs/activation.md, from the click of an anonymous visit to the files, through a
# model as it is: another value, a lead that was none, one that came back, a rebuild, a person who is forgotten.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

my $quiet = 'SET client_min_messages = warning;';
my $options = q{'{"actions": {"MQL": "Qualified lead"}}'};

# The blocks without a language of the page.
open my $in, '<', "$FindBin::Bin/../../docs/activation.md" or die;
my $page = do { local $/; <$in> };
$page =~ s/.*^## From ad click to bid$//ms;
my (@blocks, $language);
for (split /^/, $page)
{
	if (/^```(.*)$/) { $language = defined $language ? undef : $1; push @blocks, '' if defined $language && $language eq ''; }
	elsif (defined $language && $language eq '') { $blocks[-1] .= $_ }
}

sub refresh { sql("$quiet SELECT FROM journey.refresh('web')") }

# What a night's job gives: the batch's number and its two files.
sub night
{
	my ($at, $feed) = @_;
	my $with = $feed ? qq{'{"format": "$feed", "feed": "$feed", "actions": {"MQL": "Qualified lead"}}'} : $options;
	my $batch = value("SELECT coalesce(journey.export_batch('web', 'google_ads', 'MQL', '$at', $with), 0)");
	return 0 unless $batch;
	$feed //= 'google_ads';
	my @files = map { my $file = $_; my $path = "$ENV{PGJ_WORK}/night.$$";
		system('psql', '-At', '-qX', '-o', $path, '-c', "SELECT line FROM journey.export_lines('web', '$feed', $batch, '$file')") == 0 or die;
		open my $f, '<:raw', $path or die; local $/; my $text = <$f>; unlink $path; $text // '' } qw(conversions adjustments);
	sql("SELECT journey.mark_exported('web', '$feed', $batch)");
	return ($batch, @files);
}

sql(qq{$quiet CREATE EXTENSION pg_journey;
	CREATE TABLE ev (event_id text, visitor_id text, user_id text, event_time timestamptz, kind text, name text, url text, traits jsonb, loaded_at timestamptz DEFAULT clock_timestamp());
	CREATE TABLE leads (id text, user_id text, email text, mql_at timestamptz, value numeric, currency text, consent jsonb);
	SELECT journey.create_model('web');
	SELECT journey.add_source('web', 'ev');
	SELECT journey.add_source('web', 'leads', 'conversion', '{"converted_at": "mql_at"}', '{"name": "MQL"}');
	INSERT INTO ev VALUES ('1', 'laptop', NULL, '2026-03-20 10:00Z', 'page', NULL, 'https://shop.test/?gclid=Cj0KCQ-ann', NULL)});
refresh();
sql(q{INSERT INTO ev VALUES ('2', 'laptop', 'ann', '2026-03-24 10:00Z', 'identify', NULL, NULL, '{"email": "Ann@Customers.net"}');
	INSERT INTO leads VALUES ('00Q1', 'ann', NULL, '2026-04-02 09:30Z', 120, 'EUR', '{"ad_user_data": "granted"}')});
refresh();
my ($first, $clicks, $changes) = night('2026-04-03 02:00Z');
is($clicks, $blocks[0], 'the click of the anonymous visit goes with the lead');
is($changes, '', 'nothing changed yet');
is(join(' ', night('2026-04-03 03:00Z')), 0, 'what was given is not given again');
my (undef, $leads) = night('2026-04-03 02:00Z', 'leads');
my $hash = value(q{SELECT journey.hash_email('ann@customers.net', 'google')});
like($leads, qr/^$hash,,Qualified lead,2026-04-02 09:30:00\+0000,120,EUR,/m, 'the leads feed has the e-mail that the profile knows');

# exports survive a rebuild
my $exports = value(q{SELECT md5(string_agg(e::text, ' ' ORDER BY feed, batch, n)) FROM web.exports AS e});
sql("$quiet SELECT journey.rebuild('web'); SELECT journey.rebuild('web', true)");
is(value(q{SELECT md5(string_agg(e::text, ' ' ORDER BY feed, batch, n)) FROM web.exports AS e}), $exports, 'batches survive a rebuild');
is(join(' ', night('2026-04-03 05:00Z')), 0, 'after which nothing is given again');

sql('UPDATE leads SET value = 80');
refresh();
(undef, $clicks, $changes) = night('2026-04-04 02:00Z');
is($clicks, '', 'another value is no second upload');
is($changes, $blocks[1], 'but a restatement');
my $lead = value('SELECT to_json(l) FROM leads AS l');
sql('DELETE FROM leads');
refresh();
(undef, $clicks, $changes) = night('2026-04-11 02:00Z');
is($clicks, '', 'a lead that was none');
is($changes, join('', ($blocks[1] =~ /^(.*\n.*\n)/)[0], $blocks[2]), 'is retracted');
is(join(' ', night('2026-04-12 02:00Z')), 0, 'once');
sql("INSERT INTO leads SELECT * FROM json_populate_record(NULL::leads, '$lead')");
refresh();
(undef, $clicks, $changes) = night('2026-04-13 02:00Z');
my ($id) = $blocks[2] =~ /^(\w+),/;
like($clicks, qr/^Cj0KCQ-ann,Qualified lead,2026-04-02 09:30:01\+0000,80,EUR,$id-2,/m, 'one that came back is another conversion, a second later');
is($changes, '', 'and no adjustment');
is(value(q{SELECT string_agg(action || ' ' || coalesce(value::text, '-'), ', ' ORDER BY batch) FROM journey.export_log('web') WHERE feed = 'google_ads' AND person_id = 'user:ann'}),
	'conversion 120, restate 80, retract -, conversion 80', 'the log tells who was told what');

# a click that comes late, and a person who is forgotten
sql(q{INSERT INTO leads VALUES ('00Q2', 'bob', NULL, '2026-04-02 09:30Z', 1, 'EUR', NULL); INSERT INTO ev VALUES ('3', 'phone', 'bob', '2026-04-01 10:00Z', 'page', NULL, 'https://shop.test/', NULL)});
refresh();
is(value("SELECT status || ': ' || reason FROM journey.google_ads_conversions('web', 'MQL', '2026-04-14', $options) WHERE person_id = 'user:bob'"), 'never: no click id', 'a lead without a click');
sql(q{INSERT INTO ev VALUES ('4', 'phone', NULL, '2026-04-01 09:00Z', 'page', NULL, 'https://shop.test/?gclid=Cj-bob', NULL)});
refresh();
(undef, $clicks) = night('2026-04-14 02:00Z');
like($clicks, qr/^Cj-bob,Qualified lead,/m, 'when a click comes late the lead goes');

# a person who is forgotten; what is kept of that is kept by the server's clock
my $at = sub { value("SELECT date_trunc('second', now()) - interval '$_[0] hours'") };
sql(q{INSERT INTO ev VALUES ('5', 'tablet', 'cid', now() - interval '5 days', 'page', NULL, 'https://shop.test/?gclid=Cj-cid', NULL);
	INSERT INTO leads VALUES ('00Q3', 'cid', 'cid@customers.net', now() - interval '3 days', 7, 'EUR', NULL)});
refresh();
(undef, $clicks) = night($at->(30));
like($clicks, qr/^Cj-cid,Qualified lead,/m, 'a third lead');
night($at->(30), 'leads');
is(value("$quiet SELECT feeds FROM journey.forget('web', 'cid', true)"), '{google_ads,leads}', 'forgetting tells the feeds that had the person');
is(value(q{SELECT count(*) FROM web.exports AS e WHERE e::text LIKE '%cid%' OR person_id LIKE '%cid'}), 0, 'of whom their lines tell nothing');
is(value(q{SELECT count(*) FROM web.exports AS e WHERE forgotten AND feed = 'google_ads'}), 1, 'but the order id');
(undef, $clicks, $changes) = night($at->(1));
is($clicks, '', 'nothing is given any more');
like($changes, qr/^\w{32},Qualified lead,[^,]*,RETRACT,,$/m, 'but the retraction that was asked for');
refresh();
is(value("SELECT count(*) FROM journey.google_ads_conversions('web', 'MQL', now(), $options) WHERE status = 'now'"), 0, 'and the row of the CRM does not bring the person back');
is(value("SELECT coalesce(string_agg(v::text, ' '), 'none') FROM journey.verify('web') AS v"), 'none', 'the model is as derived anew');
done_testing;
