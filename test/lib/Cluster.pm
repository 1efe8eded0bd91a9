# A server of a test's own, to be killed: initdb, start, stop, and sessions in the background.
package Cluster;
use strict;
use warnings;
use Cwd ();
use File::Path ();
use POSIX ();
use Time::HiRes qw(sleep time);

# Makes and starts one. `conf` is a list of lines for postgresql.conf.
sub new
{
	my ($class, $name, @conf) = @_;
	my $self = bless { dir => "$ENV{PGJ_WORK}/$name", port => 5433, sessions => 0 }, $class;
	$self->{as} = $> == 0 ? [ 'runuser', '-u', getpwnam('postgres') ? 'postgres' : 'nobody', '--' ] : [];
	mkdir $self->{dir} or die "$self->{dir}: $!";
	$self->{user} = $> == 0 ? (getpwnam($self->{as}[2]))[2] : $>;
	chown $self->{user}, -1, $self->{dir};
	chdir $self->{dir};
	$self->run('initdb', '-D', "$self->{dir}/data", '-U', 'postgres', '-A', 'trust', '-E', 'UTF8',
		'--locale=C.UTF-8', '--no-sync');
	open my $out, '>>', "$self->{dir}/data/postgresql.conf" or die $!;
	print $out "$_\n" for "listen_addresses = ''", "unix_socket_directories = '$self->{dir}'",
	  "port = $self->{port}", 'fsync = off', 'shared_buffers = 32MB', "timezone = 'UTC'", @conf;
	close $out;
	$self->connect;
	$self->start;
	return $self;
}

# Makes it the one that psql talks to.
sub connect
{
	my ($self) = @_;
	@ENV{qw(PGHOST PGPORT PGUSER PGDATABASE)} = ($self->{dir}, $self->{port}, 'postgres', 'postgres');
}

# Runs a program as the server's user; dies if it fails.
sub run
{
	my ($self, @command) = @_;
	system("cd $self->{dir} && " . join(' ', map { quotemeta } @{ $self->{as} }, @command) . " >>$self->{dir}/run.log 2>&1") == 0
	  or die "@command failed, see $self->{dir}/run.log\n";
}

sub start
{
	my ($self) = @_;
	$self->run('pg_ctl', '-D', "$self->{dir}/data", '-l', "$self->{dir}/log", '-w', 'start');
}

sub stop
{
	my ($self, $mode) = @_;
	$self->run('pg_ctl', '-D', "$self->{dir}/data", '-m', $mode, '-w', 'stop');
}

# The postmaster's process id.
sub postmaster
{
	my ($self) = @_;
	open my $in, '<', "$self->{dir}/data/postmaster.pid" or return;
	chomp(my $pid = <$in>);
	return $pid;
}

# The processes that a process has started.
sub children
{
	my ($parent) = @_;
	my @children;
	for my $file (glob '/proc/[0-9]*/stat')
	{
		open my $in, '<', $file or next;    # it has ended
		my $stat = <$in> // next;
		push @children, $stat =~ /^(\d+)/ if $stat =~ /.*\) \S $parent /;
	}
	return @children;
}

# Kills the postmaster and all its children at once, as a machine would.
sub kill_all
{
	my ($self) = @_;
	my $pid = $self->postmaster;
	my @children = children($pid);
	kill 'STOP', $pid;    # it must not see its children die
	kill 'KILL', @children, $pid;
	for (1 .. 200)
	{
		last unless grep { kill 0, $_ } @children, $pid;
		sleep 0.02;
	}
}

# Waits until the server answers.
sub wait_until_up
{
	my ($self) = @_;
	for (1 .. 500)
	{
		return if system("psql -qXAtc 'SELECT 1' >$self->{dir}/up 2>&1") == 0;
		sleep 0.05;
	}
	die "the server does not come back\n";
}

# Runs SQL in the background; returns what finish() takes.
sub spawn
{
	my ($self, @sql) = @_;
	my $file = "$self->{dir}/session" . ++$self->{sessions};
	my $pid = fork // die "fork: $!";
	if ($pid == 0)
	{
		open STDOUT, '>', $file or POSIX::_exit(1);
		open STDERR, '>&', \*STDOUT;
		open STDIN, '<', '/dev/null';
		exec('psql', '-qXAt', '-v', 'ON_ERROR_STOP=1', map { ('-c', $_) } @sql) or POSIX::_exit(1);
	}
	return { pid => $pid, file => $file };
}

# Waits for a session of spawn() and returns all that it printed.
sub finish
{
	my ($self, $session) = @_;
	waitpid $session->{pid}, 0;
	open my $in, '<', $session->{file} or die $!;
	local $/;
	return scalar <$in>;
}

sub destroy
{
	my ($self) = @_;
	my $status = $?;
	system("cd / && " . join(' ', @{ $self->{as} }) . " pg_ctl -D $self->{dir}/data -m immediate -w stop >/dev/null 2>&1");
	$? = $status;
}

1;
