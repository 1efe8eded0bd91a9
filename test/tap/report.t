#!/usr/bin/env perl
# The page of journey.report(): it holds what the model has, text of users stays text, and a browser shows it
# whole, at the width of a desk and of a phone, in light and dark.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use JSON::PP;
use File::Temp qw(tempdir);
use Test::More;

my $dir = tempdir(CLEANUP => 1);
my $role = "page_reader_$$";
my @evil = ('<script>alert(1)</script>', '" onmouseover="alert(1)', "' onfocus='alert(1)' autofocus='", '</title></svg></style><img src=x onerror=alert(1)>',
	'&lt;b&gt; & &amp;', "a\x01b\x1fc\x7fd", '${7*7} {{x}} %s %1$s \\', "\xe2\x80\xaeevil \xd7\x90\xd7\x91", ']]>--><!--', 'javascript:alert(1)');

sub quoted { return "E'" . ($_[0] =~ s/([\\'])/\\$1/gr =~ s/([\x01-\x1f\x7f])/sprintf '\\x%02x', ord $1/ger) . "'" }

system('psql -qX -v events=3000 -f test/sample/generate.sql >/dev/null') == 0 or BAIL_OUT('cannot make the sample');
sql("SET client_min_messages = warning; CREATE EXTENSION pg_journey; CREATE ROLE $role;
	CREATE TABLE rudder.experiment_viewed (LIKE rudder.tracks, variation_name text);
	INSERT INTO rudder.experiment_viewed (id, anonymous_id, received_at, timestamp, event, event_text, variation_name)
	SELECT 'x' || id, anonymous_id, received_at, timestamp, 'experiment_viewed', 'Experiment Viewed',
	    CASE WHEN hashtext(anonymous_id) % 2 = 0 THEN 'control' ELSE " . quoted($evil[1]) . " END
	FROM rudder.pages WHERE path = '/pricing' AND anonymous_id IS NOT NULL");
# visits whose campaign, page and event have such names
my $n = 0;
for my $name (map { quoted($_) } @evil)
{
	$n++;
	sql("INSERT INTO rudder.pages (id, anonymous_id, received_at, timestamp, url, context_campaign_source, context_campaign_name)
	     SELECT 'evil$n-' || k, 'evil$n-' || k, t, t, 'https://www.acme.test/' || replace($name, ' ', '%20'), $name, $name
	     FROM generate_series(1, 30) AS k, LATERAL (SELECT timestamptz '2026-10-01 10:00+00' + k * interval '1 hour' AS t) AS x;
	     INSERT INTO rudder.tracks (id, anonymous_id, received_at, timestamp, event, event_text)
	     SELECT 'evil-track$n-' || k, 'evil$n-' || k, t, t, 'x', $name
	     FROM generate_series(1, 30) AS k, LATERAL (SELECT timestamptz '2026-10-01 10:01+00' + k * interval '1 hour' AS t) AS x");
}
sql("SET client_min_messages = warning; SELECT journey.create_model('web', 'rudder') \\g /dev/null\nSELECT journey.refresh('web') \\g /dev/null
	GRANT USAGE ON SCHEMA journey, web, web_store TO $role; GRANT SELECT ON ALL TABLES IN SCHEMA web, web_store TO $role");

my $options = encode_json({ title => $evil[3], funnel => [ 'kind:page', $evil[0], 'Order Completed' ],
	experiments => [ { name => $evil[0], exposure => 'Experiment Viewed', variant => 'variation_name', goals => [ $evil[0], 'page:/signup' ] } ] });
$options =~ s/'/''/g;
my $since = '2026-07-13 00:00+00';
my $page = value("SET ROLE $role; SELECT journey.report('web', '$since', options => '$options')");
my $plain = value("SELECT journey.report('web')");

# ------------------------------------------------------------------------------------------------
# what it is made of
# ------------------------------------------------------------------------------------------------

like($page, qr/\A<!DOCTYPE html>\n<html lang="en">/, 'a page of HTML');
like($page, qr/<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">/, 'with its policy');
unlike($page =~ s/<style>.*?<\/style>//sr =~ s/>[^<]*/>/gr, qr/https?:|url\(|\bsrc=|\@import/, 'and no network');
# each tag and attribute is one that we write
my %tags = map { $_ => 1 } qw(html head meta title style body svg defs pattern rect circle header h1 h2 h3 p nav a main dl div dt dd section desc path text
	tspan g table caption thead tbody tr th td);
my %attributes = map { $_ => 1 } qw(lang charset http-equiv content name width height style aria-hidden id patternUnits patternTransform class href
	aria-label aria-labelledby role tabindex scope viewBox preserveAspectRatio d x y cx cy r text-anchor title fill);
my %odd;
while ($page =~ /<(?!!DOCTYPE)(\/?)([^\s>\/]*)((?:[^>"]|"[^"]*")*)>/g)
{
	my ($tag, $rest) = ($2, $3);
	$odd{"<$tag>"}++ unless $tags{$tag};
	while ($rest =~ s/^\s+([\w:-]+)="[^"<>]*"//) { $odd{$1}++ unless $attributes{$1} }
	$odd{$rest}++ if $rest =~ /[^\s\/]/;
}
is(join(' ', sort keys %odd), '', 'no tag or attribute but ours, whatever users wrote');
unlike($page, qr/[\x01-\x09\x0b-\x1f\x7f]/, 'no control characters');
cmp_ok(length $page, '<', 2_000_000, 'less than 2 MB');

# ------------------------------------------------------------------------------------------------
# what it says
# ------------------------------------------------------------------------------------------------

sub text_of { my ($html) = @_; $html =~ s/<[^>]*>//g; $html =~ s/&lt;/</g; $html =~ s/&gt;/>/g; $html =~ s/&quot;/"/g; $html =~ s/&#39;/'/g;
	$html =~ s/&amp;/&/g; return $html }
sub table
{
	my ($id, $source) = @_;
	my ($body) = ($source // $page) =~ /<table id="$id"[^>]*>.*?<tbody>(.*?)<\/tbody>/s or return ();
	return map { [ map { text_of($_) } /<t[hd][^>]*>(.*?)<\/t[hd]>/gs ] } $body =~ /<tr[^>]*>(.*?)<\/tr>/gs;
}
# Rows of a table without numbers' commas and the columns of bars, against a query.
sub shows
{
	my ($id, $columns, $query, $name) = @_;
	my $shown = join "\n", map { my $row = $_; join '|', map { ($row->[$_] // '') =~ s/(?<=\d),(?=\d)//gr } @$columns } table($id);
	my $asked = join "\n", map { join '|', @$_ } sql("SET timezone = 'UTC'; $query");
	$shown eq '' ? fail("$name: nothing is shown") : is($shown, $asked, $name);
}
my $in = "started_at >= '$since'";
sub percent { return "to_char(round(100 * ($_[0])::numeric, 1), 'FM990.0') || ' %'" }

shows('days', [ 0, 1, 2 ], "SELECT session_date, count(*), count(DISTINCT person_id) FROM web.sessions WHERE $in GROUP BY 1 ORDER BY 1 DESC", 'days');
shows('channels', [ 0, 2, 3, 4 ], "SELECT channel, count(*), count(DISTINCT person_id), " . percent('count(*) FILTER (WHERE is_bounce)::numeric / count(*)')
	. " FROM web.sessions WHERE $in GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 15", 'channels');
shows('funnel', [ 0, 2, 3, 4 ], "SELECT step || '. ' || name, persons, " . percent('share') . ', coalesce(' . percent('share_of_previous') . ", '-')
	FROM journey.funnel_report('web', ARRAY['kind:page', " . quoted($evil[0]) . ", 'Order Completed'], since => '$since')", 'funnel');
shows('pages', [ 0, 2, 3, 4 ], "SELECT translate(page, E'\\x01\\x1f\\x7f', '   '), views, entries, exits FROM journey.page_report('web', '$since') ORDER BY views DESC, page LIMIT 15", 'pages');
shows('lifecycle', [ 1, 2, 3, 4 ], "SELECT active_persons, new_persons, returning_persons, resurrected_persons
	FROM journey.lifecycle_report('web', since => '$since') ORDER BY period DESC", 'lifecycle');
shows('paths', [ 0, 1, 2 ], "SELECT translate(step || '. ' || source, E'\\x01\\x1f\\x7f', '   '), translate(target, E'\\x01\\x1f\\x7f', '   '), persons
	FROM journey.paths_report('web', NULL, NULL, 4, '$since', options => '{\"per\": \"session\", \"of\": \"pages\", \"nodes\": 8}')
	ORDER BY step, persons DESC, source, target", 'paths');
shows('rejected', [ 0, 2 ], 'SELECT reason, count(*) FROM web.rejected_events GROUP BY 1 ORDER BY 2 DESC, 1', 'rejected rows');
is(scalar(grep { $_->[0] =~ /other: \d+ more/ } table('campaigns')), 1, 'the rest of many campaigns is one line');
my %campaigns = map { $_->[0] => $_ } table('campaigns');
for my $name (grep { exists $campaigns{$_} } @evil)
{
	is("$campaigns{$name}[2] $campaigns{$name}[3]", '30 30', "a campaign named $name");
}
cmp_ok(scalar(grep { exists $campaigns{$_} } @evil), '>', 5, 'campaigns of such names are there');
my @cohorts = table('retention');
is(join(' ', map { "$_->[0]" } @cohorts[ 0 .. $#cohorts - 1 ]) =~ s/ \(cut\)//gr,
	join(' ', map { $_->[0] } sql("SELECT DISTINCT cohort::date FROM journey.retention_report('web', since => '$since') ORDER BY 1")), 'cohorts');
is(join(' ', @{ $cohorts[0] }[ 2, 3, 4 ]), join(' ', map { $_->[0] } sql('SELECT ' . percent('share') . " FROM journey.retention_report('web', since => '$since')
	ORDER BY cohort, period LIMIT 3")), 'their shares');
ok((grep { $_ =~ /\*$/ } map { @$_ } @cohorts), 'periods that are not over are marked');
my ($exposed) = grep { $_->[0] eq 'Exposed' && $_->[1] eq 'control (control)' } table('experiment-1');
is($exposed->[2], value("SELECT persons FROM journey.experiment_report('web', 'Experiment Viewed', 'variation_name', '{}', since => '$since')
	WHERE variant_name = 'control' AND metric = 'exposure'"), 'experiments');
like($plain, qr/<h2 id="h-retention">/, 'the page is whole without a definition');
like(value("SELECT journey.report('web', '2040-01-01')"), qr/There are no sessions in this time\..*<\/html>/s, 'and of a time without events');
sql("SELECT journey.create_model('empty')");
like(value("SELECT journey.report('empty')"), qr/<\/html>\n?\z/, 'and of an empty model');

# ------------------------------------------------------------------------------------------------
# what a browser makes of it
# ------------------------------------------------------------------------------------------------

my ($browser) = grep { -x } map { my $d = $_; map { "$d/$_" } qw(chromium chromium-browser google-chrome) } split /:/, $ENV{PATH};
SKIP:
{
	skip 'chromium is not installed', 1 unless $browser;
	my $say = sub {
		my ($more, $url) = @_;
		local $ENV{PGOPTIONS};
		return scalar `timeout 120 $browser --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir=$dir/profile $more $url 2>$dir/err`;
	};
	write_file("$dir/page.html", $page);
	for my $width (1200, 500)
	{
		$say->("--enable-logging=stderr --hide-scrollbars --window-size=$width,900 --screenshot=$dir/$width.png", "file://$dir/page.html");
		cmp_ok(-s "$dir/$width.png" // 0, '>', 10_000, "a picture $width wide");
		is(join('', grep { /CONSOLE/ } split /^/, read_file("$dir/err")), '', 'and nothing on the console');
	}
	(my $json = JSON::PP->new->latin1->allow_nonref->encode($page)) =~ s{</}{<\\/}g;
	$json =~ s/<!--/<\\u0021--/g;
	for my $look ([ 1200, '' ], [ 390, '' ], [ 1200, '--force-dark-mode' ], [ 390, '--force-dark-mode' ])
	{
		my ($width, $flag) = @$look;
		# bytes of UTF-8 stand in the script: they are decoded there
		write_file("$dir/look.html", "<!DOCTYPE html><meta charset=utf-8><body><iframe id=f style='border:0;width:${width}px;height:1000px'></iframe><pre id=faults></pre><script>\n"
			. read_file("$FindBin::Bin/../lib/page.js")
			. "const bytes = Uint8Array.from($json, c => c.charCodeAt(0));\n"
			. "f.onload = () => { faults.textContent = 'FAULTS' + JSON.stringify(lookAt(f, $width)) + 'END'; };\n"
			. "f.srcdoc = new TextDecoder().decode(bytes);\n</script>");
		my $dom = $say->("$flag --virtual-time-budget=10000 --window-size=1400,1100 --dump-dom", "file://$dir/look.html");
		my ($faults) = $dom =~ /<pre id="faults">FAULTS(.*?)END/s;
		is(defined $faults ? text_of($faults) : 'it was not looked at', '[]', "nothing is cut, pale or out of reach, $width wide $flag");
	}
}
sub write_file { my ($path, $text) = @_; open my $out, '>', $path or die "$path: $!"; binmode $out; print $out $text; close $out; return }
sub read_file { my ($path) = @_; open my $f, '<', $path or return ''; binmode $f; local $/; my $t = <$f>; return $t // '' }

# ------------------------------------------------------------------------------------------------
# however much there is
# ------------------------------------------------------------------------------------------------

sql("INSERT INTO rudder.pages (id, anonymous_id, received_at, timestamp, url, context_campaign_source, context_campaign_name)
	SELECT 'long-' || k, 'long-' || k % 500, t, t, 'https://www.acme.test/' || k || repeat('<&>', 2000), 's', k || repeat('<&>', 2000)
	FROM generate_series(1, 3000) AS k, LATERAL (SELECT timestamptz '2015-01-01' + k * interval '30 hours' AS t) AS x;
	SET client_min_messages = warning;
	SELECT journey.refresh('web') \\g /dev/null");
cmp_ok(value("SELECT octet_length(journey.report('web', '2010-01-01', options => '{\"rows\": 100, \"unit\": \"day\"}'))"), '<', 2_000_000,
	'less than 2 MB with thousands of long names over ten years');
sql("DROP OWNED BY $role; DROP ROLE $role");
done_testing();
