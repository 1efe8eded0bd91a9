#!/usr/bin/perl
# The page "From ad click to bid" of docs/activation.md, from the click of an anonymous visit to the files, through a
# model as it is: another value, a lead that was none, one that came back, a rebuild, a person who is forgotten.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::SHA qw(sha256_hex);
use JSON::PP;
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
	return night_of('google_ads', $at, $feed, $feed ? qq{'{"format": "$feed", "feed": "$feed", "actions": {"MQL": "Qualified lead"}}'} : $options);
}

sub night_of
{
	my ($platform, $at, $feed, $with) = @_;
	my $batch = value("SELECT coalesce(journey.export_batch('web', '$platform', 'MQL', '$at', $with), 0)");
	return 0 unless $batch;
	$feed //= $platform;
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

# One person's clicks of all five platforms, the lead that they led to, another value, and no lead any more. The lines
# are made here by the rules of the platforms.
sql(q{INSERT INTO ev SELECT 'd' || n, 'desk', NULL, timestamptz '2026-04-30 10:00Z' + n * interval '1 day', 'page', NULL, 'https://shop.test/?' || click, NULL
		FROM unnest('{gclid=Cj-dee,msclkid=ms-dee,fbclid=fb-dee,li_fat_id=li-dee,ttclid=tt-dee}'::text[]) WITH ORDINALITY AS c (click, n);
	INSERT INTO ev VALUES ('d6', 'desk', 'dee', '2026-05-05 11:00Z', 'identify', NULL, NULL, '{"email": "Dee@Customers.net"}');
	INSERT INTO leads VALUES ('00Q5', 'dee', NULL, '2026-05-06 09:30Z', 200, 'EUR', '{"ad_user_data": "granted"}')});
refresh();
my $sent = substr sha256_hex('conversion MQL:00Q5 '), 0, 32;
my $mail = sha256_hex('dee@customers.net');
my $at_once = 1778059800;        # 2026-05-06 09:30 UTC
my $urn = 'urn:lla:llaPartnerConversion:77';
my %feed = (
	google_ads => $options, microsoft_ads => $options, meta => $options, tiktok => $options, linkedin => qq{'{"actions": {"MQL": "77"}}'},
	data_manager => qq{'{"format": "data_manager", "feed": "data_manager", "actions": {"MQL": "Qualified lead"}}'});
my %told = (
	google_ads => "Parameters:TimeZone=+0000\nGoogle Click ID,Conversion Name,Conversion Time,Conversion Value,Conversion Currency,Order ID,Ad User Data,Ad Personalization\n"
		. "Cj-dee,Qualified lead,2026-05-06 09:30:00+0000,200,EUR,$sent,Granted,\n",
	microsoft_ads => "Parameters:TimeZone=+0000\nMicrosoft Click ID,Conversion Name,Conversion Time,Conversion Value,Conversion Currency\nms-dee,Qualified lead,2026-05-06 09:30:00,200,EUR\n",
	meta => { event_name => 'Qualified lead', event_time => $at_once, event_id => $sent, action_source => 'system_generated',
		user_data => { em => [$mail], fbc => 'fb.1.' . (1777629600 + 2 * 86400) . '000.fb-dee' }, custom_data => { value => 200, currency => 'EUR' } },
	linkedin => { conversion => $urn, conversionHappenedAt => $at_once * 1000, conversionValue => { currencyCode => 'EUR', amount => '200' }, eventId => $sent,
		user => { userIds => [ { idType => 'SHA256_EMAIL', idValue => $mail }, { idType => 'LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID', idValue => 'li-dee' } ] } },
	tiktok => { event => 'Qualified lead', event_time => $at_once, event_id => $sent, user => { ttclid => 'tt-dee', email => $mail }, properties => { value => 200, currency => 'EUR' } },
	data_manager => { transactionId => $sent, eventTimestamp => '2026-05-06T09:30:00Z', adIdentifiers => { gclid => 'Cj-dee' }, userData => { userIdentifiers => [ { emailAddress => $mail } ] },
		conversionValue => 200, currency => 'EUR', consent => { adUserData => 'CONSENT_GRANTED' }, eventSource => 'OTHER' });
my $night = sub { my ($platform, $at) = @_; my ($batch, @files) = night_of($platform eq 'data_manager' ? 'google_ads' : $platform, $at, $platform, $feed{$platform});
	return $batch ? map { /^\{/ ? map { decode_json($_) } grep { /"$sent"/ } split /\n/ : $_ } @files : () };
is_deeply([ $night->($_, '2026-05-07 02:00Z') ], [ $told{$_}, '' ], "$_ is told of its click's lead") for sort keys %told;
is_deeply([ $night->($_, '2026-05-07 03:00Z') ], [], "$_ once") for sort keys %told;

my $changed = sub {
	my ($day, $google, $microsoft, $dm, $what) = @_;
	my @microsoft = ("Type,Status,Id,Parent Id,Client Id,Modified Time,Name,Conversion Name,Conversion Time,Microsoft Click Id,Adjustment Type,Adjustment Value,Adjustment Time,Adjustment Currency Code",
		'Format Version,,,,,,6.0,,,,,,,', "Offline Conversion,,,,,,,Qualified lead,5/6/2026 9:30:00 AM,ms-dee,$microsoft");
	is_deeply([ $night->('google_ads', "2026-05-$day 02:00Z") ], [ '', "Parameters:TimeZone=+0000\nOrder ID,Conversion Name,Adjustment Time,Adjustment Type,Adjusted Value,Adjusted Value Currency\n$sent,Qualified lead,2026-05-$day 02:00:00+0000,$google\n" ], "google_ads: $what");
	is_deeply([ $night->('microsoft_ads', "2026-05-$day 02:00Z") ], [ '', join '', map { "$_\n" } @microsoft ], "microsoft_ads: $what");
	is_deeply([ $night->('data_manager', "2026-05-$day 02:00Z") ], [ { %{ $told{data_manager} }, %$dm }, '' ], "data_manager: $what");
	is_deeply([ $night->($_, "2026-05-$day 02:00Z") ], [], "$_ takes no changes") for qw(meta linkedin tiktok);
	is(value("SELECT string_agg(DISTINCT status || ': ' || reason, ', ') FROM unnest('{meta,tiktok}'::text[]) AS p, LATERAL journey._feed(p, 'web', 'MQL', '2026-05-$day 02:00Z', $options) WHERE person_id = 'user:dee'"),
		'never: the platform takes no changes of what it was given', 'which it says') };
sql("UPDATE leads SET value = 150.5 WHERE id = '00Q5'");
refresh();
$changed->('08', 'RESTATE,150.5,EUR', 'Restate,150.5,5/8/2026 2:00:00 AM,EUR', { conversionValue => 150.5 }, 'another value');
sql("DELETE FROM leads WHERE id = '00Q5'");
refresh();
$changed->('09', 'RETRACT,,', 'Retract,,5/9/2026 2:00:00 AM,', { conversionValue => 0 }, 'no lead any more');

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
