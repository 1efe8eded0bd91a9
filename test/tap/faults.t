#!/usr/bin/env perl
# After any fault in any phase of a refresh the model is as it was before, the next refresh goes on, and
# what it makes is what an undisturbed model has. Beside that: what can be seen of a refresh while it runs
# and when it has failed. On a server of its own, since it is killed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Cluster;
use Journey;
use Test::More;
use Time::HiRes qw(sleep time);

my $top = "$FindBin::Bin/../..";
my $server = Cluster->new('faults', 'max_connections = 60', 'autovacuum = off');
my ($holder, $tablespace);
END
{
	my $status = $?;
	close $holder if $holder;
	$server->destroy if $server;
	system('umount', $tablespace) if $tablespace;
	$? = $status;
}
# what one statement says, be it an error
sub ask { my ($sql) = @_; my $s = $server->spawn(@_); my $said = $server->finish($s); $said =~ s/\n\z//; return $said; }
sub quietly { system('psql', '-qX', '-o', '/dev/null', '-v', 'ON_ERROR_STOP=1', @_) == 0 or die "psql @_ failed\n"; }

# ---------------------------------------------------------------------------------------------
# models that stop in a phase
# ---------------------------------------------------------------------------------------------

quietly('-v', 'events=1000', '-f', "$top/test/sample/generate.sql");
sql(<<'SQL');
CREATE EXTENSION pg_journey;
CREATE SCHEMA t;

-- stops a call while someone holds the lock
CREATE FUNCTION t.pause() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_advisory_lock_shared(1), pg_advisory_unlock_shared(1);
	RETURN NEW;
END $$;
CREATE FUNCTION t.pause_indexes() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
	IF current_setting('application_name') = 'first_indexes' THEN
		PERFORM pg_advisory_lock_shared(1), pg_advisory_unlock_shared(1);
	END IF;
END $$;

-- all that a model has, to the last bit; or only what follows from its events
CREATE FUNCTION t.state(model name, all_of_it boolean DEFAULT true) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	relation text;
	part text;
	result text := '';
BEGIN
	FOREACH relation IN ARRAY '{sessions,touches,identities,profiles,events,rejected_events}'::text[]
		|| CASE WHEN all_of_it THEN '{_segments,_sessions,_facts,_aliases,_copies,_visitor_refs,_user_emails,_changes,_captured}'::text[] ELSE '{}' END
	LOOP
		EXECUTE format($f$
			SELECT md5(string_agg(x, ' ' ORDER BY x)) FROM (
				SELECT (to_jsonb(r) - $1)::text COLLATE "C" AS x FROM %I.%I AS r) AS r$f$,
			CASE WHEN relation LIKE '\_%' THEN model || '_store' ELSE model END, relation)
		INTO part USING CASE WHEN all_of_it THEN '{}' ELSE '{version,attributes_version,updated_at,rejected_at}'::text[] END;
		result := concat_ws(' ', result, relation, part);
	END LOOP;
	IF all_of_it THEN
		result := concat_ws(' ', result, (SELECT to_jsonb(m) FROM journey._model AS m WHERE m.model = state.model),
			(SELECT jsonb_agg(s ORDER BY table_id) FROM journey._source_table AS s WHERE s.model = state.model),
			(SELECT count(*) FROM journey._refresh AS r WHERE r.model = state.model));
	END IF;
	RETURN result;
END $$;
SQL

# where a refresh is stopped in each phase
my %table = (read => '_batch', merge => '_segments', identity => '_ids', sessions => '_sessions',
	touches => 'touches', profiles => 'profiles');
my @phases = qw(read merge identity sessions touches profiles indexes end);
my @models = ((map { "next_$_" } grep { $_ ne 'indexes' } @phases), (map { "first_$_" } qw(merge sessions indexes end)),
	(map { "capture_$_" } qw(read end)));
my $setup = "SET client_min_messages = warning;\n";
for my $model (@models, 'control')
{
	my ($load, $phase) = $model =~ /(\w+)_(\w+)/;
	my $options = ($load // '') eq 'capture' ? '{"capture": "trigger"}' : '{}';
	$setup .= "SELECT journey.create_model('$model', 'rudder', '$options');\n";
	$setup .= "SELECT new FROM journey.refresh('$model');\n" if ($load // 'first') ne 'first';
	next unless defined $phase && $table{$phase};
	my $schema = $table{$phase} =~ /^_/ ? "${model}_store" : $model;
	$setup .= "CREATE TRIGGER pause BEFORE INSERT ON $schema.$table{$phase} FOR EACH STATEMENT EXECUTE FUNCTION t.pause();\n";
}
sql($setup . <<'SQL');
CREATE TRIGGER pause BEFORE INSERT ON journey._refresh FOR EACH ROW WHEN (NEW.model IN ('next_end', 'first_end', 'capture_end'))
	EXECUTE FUNCTION t.pause();
CREATE EVENT TRIGGER pause ON ddl_command_start WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION t.pause_indexes();
SQL
quietly('-f', "$top/test/sample/load-later.sql");
ask("SET client_min_messages = warning; SELECT new FROM journey.refresh('control')");
is(value("SELECT count(*) FROM journey.verify('control')"), 0, 'an undisturbed model has no differences');
my $expected = value("SELECT t.state('control', false)");
my $states = "SELECT model, md5(t.state(model)) FROM unnest('{" . join(',', @models) . "}'::name[]) AS model ORDER BY 1";
my %before = map { @$_ } sql($states);

# Starts a refresh of all, each of which stops in its phase; returns once they have, or with settings, which end them, at once.
sub stop_all
{
	my (@settings) = @_;
	open $holder, '|-', 'psql', '-qXAt', '-o', '/dev/null' or die $!;
	$holder->autoflush(1);
	print $holder "SELECT pg_advisory_lock(1);\n";
	for (1 .. 200) { last if value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"); sleep 0.02; }
	my %session = map { $_ => $server->spawn("SET application_name = '$_'", 'SET client_min_messages = warning',
			@settings, "SELECT new FROM journey.refresh('$_')") } @models;
	for (1 .. (@settings ? 0 : 600))
	{
		last if value("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory'") == @models;
		sleep 0.05;
	}
	return %session;
}

# What must hold after a fault, whatever it was: nothing has changed, and some of the models go on.
my @next = @models;
sub check_whole
{
	my ($fault) = @_;
	close $holder if $holder;
	my %now = map { @$_ } sql($states);
	is_deeply(\%now, \%before, "$fault: all models are as they were");
	my @now = splice @next, 0, 2;
	push @next, @now;
	for my $model (@now)
	{
		is(ask("SET client_min_messages = warning; BEGIN; SELECT new > 0 FROM journey.refresh('$model');
			SELECT count(*) FROM journey.verify('$model'); SELECT t.state('$model', false)"),
			"t\n0\n$expected", "$fault: $model goes on");
	}
}

# ---------------------------------------------------------------------------------------------
# what can be seen of a refresh
# ---------------------------------------------------------------------------------------------

# A first load makes its indexes last.
sub last_phase { return $_[0] =~ /^first/ ? 'indexes' : 'profiles' }

my %session = stop_all();
my %query = map { @$_ } sql("SELECT application_name, query FROM pg_stat_activity WHERE wait_event = 'advisory'");
for my $model (@models)
{
	my ($phase) = $model =~ /_(\w+)/;
	$phase = last_phase($model) if $phase eq 'end';
	is($query{$model}, "pg_journey: refresh of model $model: $phase", "pg_stat_activity shows a refresh in phase $phase");
}

# ---------------------------------------------------------------------------------------------
# faults in each phase
# ---------------------------------------------------------------------------------------------

sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'advisory'");
my %said = map { $_ => $server->finish($session{$_}) } @models;
is(scalar(grep { /canceling statement due to user request/ } values %said), @models, 'all were cancelled');
check_whole('cancelled');
is_deeply([ sql("SELECT model FROM journey.models WHERE model <> 'control' AND last_error IS DISTINCT FROM
	'SQLSTATE 57014 in phase ' || replace(substring(model FROM '_(.*)'), 'end',
	CASE WHEN model LIKE 'first%' THEN 'indexes' ELSE 'profiles' END)") ], [],
	'journey.models tells of the error and its phase');
is(value("SELECT last_error IS NULL FROM journey.models WHERE model = 'control'"), 't', 'and of none where there was none');

%session = stop_all("SET statement_timeout = '2s'");
%said = map { $_ => $server->finish($session{$_}) } @models;
is(scalar(grep { /canceling statement due to statement timeout/ } values %said), @models, 'all ran into a timeout');
check_whole('statement_timeout');

%session = stop_all();
sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'advisory'");
%said = map { $_ => $server->finish($session{$_}) } @models;
is(scalar(grep { /terminating connection due to administrator command/ } values %said), @models, 'all were terminated');
check_whole('terminated');

# one is killed, and the server takes down the others with it: that is each phase
%session = stop_all();
kill 'KILL', value("SELECT pid FROM pg_stat_activity WHERE application_name = 'next_merge'");
$server->finish($session{$_}) for @models;
$server->wait_until_up;
check_whole('kill -9 of a backend');

%session = stop_all();
$server->kill_all;
$server->finish($session{$_}) for @models;
$server->start;
is(value('SELECT count(*) FROM next_profiles_store._batch'), 0, 'the scratch is empty after a crash');
check_whole('kill -9 of the server');

%session = stop_all();
$server->stop('immediate');
$server->finish($session{$_}) for @models;
$server->start;
check_whole('immediate shutdown');

# an error of another's making, in a function of the model's owner
sql("CREATE FUNCTION t.fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE division_by_zero; END';
	CREATE TRIGGER zz_fail BEFORE INSERT ON next_touches.profiles FOR EACH STATEMENT EXECUTE FUNCTION t.fail()");
like(ask("SELECT new FROM journey.refresh('next_touches')"), qr/division_by_zero/, 'a trigger fails');
is(value("SELECT last_error FROM journey.models WHERE model = 'next_touches'"), 'SQLSTATE 22012 in phase profiles', 'which can be seen');
sql('DROP TRIGGER zz_fail ON next_touches.profiles');
# the caller rolls back
is(ask("SET client_min_messages = warning; BEGIN; SELECT new > 0 FROM journey.refresh('next_touches'); ROLLBACK"), 't', 'a refresh is rolled back');
is(ask("SET client_min_messages = warning; BEGIN; SAVEPOINT s; SELECT new > 0 FROM journey.refresh('next_touches'); ROLLBACK TO s;
	SELECT new > 0 FROM journey.refresh('next_touches'); ROLLBACK"), "t\nt", 'and one to a savepoint');
check_whole('rolled back');

for my $model (@models)
{
	is(ask("SET client_min_messages = warning; SELECT new > 0 FROM journey.refresh('$model'); SELECT t.state('$model', false)"),
		"t\n$expected", "after all that $model is complete");
}
is(value("SELECT count(*) FROM unnest('{next_read,next_end,first_indexes,capture_end}'::name[]) AS m CROSS JOIN journey.verify(m)"), 0,
	'and verify finds nothing');
is(value('SELECT count(last_error) FROM journey.models'), 0, 'what failed before is no more told');

done_testing();
