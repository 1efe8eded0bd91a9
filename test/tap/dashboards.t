#!/usr/bin/env perl
# The queries of dashboards/ run, as a reader of the model, and give rows; the files are what Grafana and Metabase take.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use JSON::PP;
use Test::More;

my $top = "$FindBin::Bin/../..";
my $role = "dashboard_reader_$$";
my ($since, $until) = ('2026-06-01T00:00:00Z', '2026-09-01T00:00:00Z');

system('psql -qX -v events=2000 -f test/sample/generate.sql >/dev/null') == 0 or BAIL_OUT('cannot make the sample');
sql("SET client_min_messages = warning; CREATE EXTENSION pg_journey; CREATE ROLE $role;
	CREATE TABLE rudder.experiment_viewed AS TABLE rudder.tracks WITH NO DATA;
	ALTER TABLE rudder.experiment_viewed ADD variation_name text;
	INSERT INTO rudder.experiment_viewed (id, anonymous_id, received_at, timestamp, event, event_text, variation_name)
	SELECT 'x' || id, anonymous_id, received_at, timestamp, 'experiment_viewed', 'Experiment Viewed', CASE WHEN id < '8' THEN 'a' ELSE 'b' END
	FROM rudder.pages WHERE path = '/pricing' AND anonymous_id IS NOT NULL;
	SELECT journey.create_model('web', 'rudder') \\g /dev/null\nSELECT journey.refresh('web') \\g /dev/null
	GRANT USAGE ON SCHEMA journey, web TO $role; GRANT SELECT ON ALL TABLES IN SCHEMA web TO $role; GRANT pg_monitor TO $role");

sub slurp
{
	my ($path) = @_;
	open my $in, '<', $path or die "$path: $!\n";
	local $/;
	return scalar <$in>;
}
sub runs
{
	my ($query, $name) = @_;
	my $rows = eval { my @rows = sql("SET ROLE $role; SET search_path = public; $query"); scalar @rows };
	diag $@ if $@;
	return cmp_ok($rows // 0, '>', 0, $name);
}

# --- Grafana: macros as the data source writes them
my $dashboard = decode_json(slurp("$top/dashboards/grafana.json"));
my (%ids, %cells);
for my $panel (@{ $dashboard->{panels} })
{
	my $query = $panel->{targets}[0]{rawSql};
	$query =~ s/\$\{model:raw\}/web/g;
	$query =~ s/\$__timeFilter\((\w+)\)/$1 BETWEEN '$since' AND '$until'/g;
	$query =~ s/\$__timeFrom\(\)/'$since'/g;
	$query =~ s/\$__timeTo\(\)/'$until'/g;
	unlike($query, qr/\$(?!\$)/, "$panel->{title}: no other macro");
	runs($query, "$panel->{title}: gives rows");
	$ids{ $panel->{id} }++;
	my $at = $panel->{gridPos};
	for my $x ($at->{x} .. $at->{x} + $at->{w} - 1) { $cells{"$x $_"}++ for $at->{y} .. $at->{y} + $at->{h} - 1 }
	if ($panel->{targets}[0]{format} eq 'time_series')
	{
		is(value("SELECT 'timestamp with time zone' = pg_typeof(time)::text FROM ($query) AS q LIMIT 1"), 't', "$panel->{title}: has a time");
	}
}
ok(!(grep { $_ > 1 } values %ids, values %cells), 'panels have ids of their own and do not overlap');
ok(!(grep { (split)[0] > 23 } keys %cells), 'and are on the grid');
is(join(' ', sort map { $_->{name} } @{ $dashboard->{templating}{list} }), 'datasource model', 'variables');

# --- Metabase: what is in [[ ]] goes where the variable is empty
for my $path (sort glob "$top/dashboards/metabase/*.sql")
{
	my ($name) = $path =~ m{([^/]+)\.sql$};
	my $question = slurp($path);
	like($question, qr/\A-- \S/, "$name: says how to show it");
	my $all = $question =~ s/\[\[.*?\]\]//gr;
	runs($all, "$name: of all time");
	my $bounded = $question =~ s/\[\[|\]\]//gr;
	$bounded =~ s/\{\{since\}\}/date '2026-06-01'/g;
	$bounded =~ s/\{\{until\}\}/date '2030-01-01'/g;
	runs($bounded, "$name: of a time");
}
is(value("SELECT count(*) FROM (" . (slurp("$top/dashboards/metabase/channels.sql") =~ s/\[\[.*?\]\]|;//gr) . ") AS q
	FULL JOIN (SELECT channel, count(*) AS sessions FROM web.sessions GROUP BY 1) AS s USING (channel, sessions)
	WHERE q.people IS NULL OR s.sessions IS NULL"), '0', 'a question gives what the model has');
sql("DROP OWNED BY $role; DROP ROLE $role");
done_testing();
