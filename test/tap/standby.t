#!/usr/bin/perl
# A standby server has the models' tables, and says of functions on a model where they run.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Cluster;
use Journey;
use Test::More;

# What psql says of a statement, error and all.
sub said
{
	my ($sql) = @_;
	my $file = "$ENV{PGJ_WORK}/answer";
	system("psql -qXAt -v VERBOSITY=verbose -c " . quotemeta($sql) . " >$file 2>&1");
	open my $in, '<', $file or die $!;
	local $/;
	return scalar <$in>;
}

my $primary = Cluster->new('primary', 'max_wal_senders = 4', 'hot_standby = on');
sql("SET client_min_messages = warning;
     CREATE EXTENSION pg_journey;
     CREATE SCHEMA raw;
     CREATE TABLE raw.tracks (id text, anonymous_id text, event text, received_at timestamptz);
     INSERT INTO raw.tracks VALUES ('1', 'v', 'login', '2026-01-01');
     SELECT journey.create_model('web', 'raw');
     SELECT journey.refresh('web')");
my %there = map { ($_ => $ENV{$_}) } qw(PGHOST PGPORT);

my $dir = "$ENV{PGJ_WORK}/standby";
mkdir $dir or die $!;
chown $primary->{user}, -1, $dir;
my $standby = bless { %$primary, dir => $dir, port => 5434 }, 'Cluster';
$standby->run('pg_basebackup', '-D', "$dir/data", '-R', '-c', 'fast', '-h', $there{PGHOST}, '-p', $there{PGPORT}, '-U', 'postgres');
open my $conf, '>>', "$dir/data/postgresql.conf" or die $!;
print $conf "port = 5434\nunix_socket_directories = '$dir'\n";
close $conf;
$standby->start;
@ENV{qw(PGHOST PGPORT)} = ($dir, 5434);

is(value('SELECT pg_is_in_recovery()'), 't', 'a standby');
is(value('SELECT sum(events) FROM web.sessions'), 1, 'has the tables of a model');
is(value("SELECT concat_ws(' ', model, version) FROM journey.models"), 'web 1', 'and says how they stand');
is(value("SELECT count(*) FROM journey.sessions((SELECT journey.timeline_agg(received_at, event) FROM raw.tracks))"), 1,
	'functions on rows run');
for my $call ("refresh('web')", "verify('web')", "rebuild('web')", "forget('web', 'u')", "set_options('web', '{}')",
	"drop_model('web')", "add_schema('web', 'raw')", "create_model('b')", "adopt_model('b', 'web')", "refresh('none')")
{
	my ($function) = $call =~ /^(\w+)/;
	my $answer = said("SELECT journey.$call");
	like($answer, qr/^ERROR:  25006: journey\.\Q$function\E\(\) cannot run on a standby server\n/, "$call cannot run");
	like($answer, qr/HINT:  Call it on the primary server/, 'and says where it can');
}

# it follows, and once it is promoted all functions run
@ENV{qw(PGHOST PGPORT)} = @there{qw(PGHOST PGPORT)};
sql("INSERT INTO raw.tracks VALUES ('2', 'v', 'login', '2026-01-02'); SELECT journey.refresh('web')");
my $lsn = value('SELECT pg_current_wal_lsn()');
@ENV{qw(PGHOST PGPORT)} = ($dir, 5434);
for (1 .. 200)
{
	last if value("SELECT pg_last_wal_replay_lsn() >= '$lsn'") eq 't';
	select undef, undef, undef, 0.05;
}
is(value('SELECT sum(events) FROM web.sessions'), 2, 'it follows the primary server');
$primary->stop('immediate');
$standby->run('pg_ctl', '-D', "$dir/data", '-w', 'promote');
sql("INSERT INTO raw.tracks VALUES ('3', 'v', 'login', '2026-01-03')");
is(value("SELECT new FROM journey.refresh('web')"), 1, 'promoted, it goes on from there');
is(value("SELECT count(*) FROM journey.verify('web')"), 0, 'and nothing differs');
$standby->destroy;
$primary->destroy;
done_testing();
