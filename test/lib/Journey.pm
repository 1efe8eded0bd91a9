# What the TAP tests in Perl share: queries through psql, and the shared data.
package Journey;
use strict;
use warnings;
use Cwd ();
use Exporter 'import';
use File::Basename ();
use File::Temp ();

our @EXPORT = qw(sql value shared read_rows load_rows);
our $database;    # PGDATABASE where not set

# Runs SQL and returns its rows, each an array of fields. Dies of an error.
sub sql
{
	my ($text) = @_;
	my $script = File::Temp->new;
	binmode $script;
	print $script $text;
	close $script;
	my @database = defined $database ? ('-d', $database) : ();
	open my $psql, '-|', 'psql', '-qXAt', @database, '-F', "\x1f", '-R', "\x1e",
	  '-v', 'ON_ERROR_STOP=1', '-f', $script->filename
	  or die "psql: $!";
	binmode $psql;
	my $out = do { local $/; <$psql> };
	close $psql or die "psql failed\n";
	$out //= '';
	$out =~ s/\n\z//;
	return map { [ split /\x1f/, $_, -1 ] } split /\x1e/, $out;
}

# The one value that a query gives.
sub value { return (sql(@_))[0][0] }

# The path of a file of the shared data, or nothing where it is absent.
sub shared
{
	my ($file) = @_;
	my $top = File::Basename::dirname(Cwd::abs_path(__FILE__)) . '/../..';
	for my $dir ($ENV{PGJ_SHARED} // (), "$top/../shared", Cwd::abs_path($top) . '/../shared')
	{
		return "$dir/data/$file" if -r "$dir/data/$file";
	}
	return;
}

# The rows of a file with a line of headers, as hashes; fields do not hold the separator.
sub read_rows
{
	my ($path, $separator) = @_;
	open my $in, '<', $path or die "$path: $!";
	binmode $in;
	chomp(my @lines = <$in>);
	my @names = split $separator, shift(@lines), -1;
	return map { my %row; @row{@names} = split $separator, $_, -1; \%row } @lines;
}

# SQL that fills a new table of text columns with rows of fields.
sub load_rows
{
	my ($table, $columns, @rows) = @_;
	my $sql = "CREATE TEMP TABLE $table (number serial, "
	  . join(', ', map { "$_ text" } @$columns) . ");\n";
	$sql .= "COPY $table (" . join(', ', @$columns) . ") FROM STDIN;\n";
	for my $row (@rows)
	{
		my @fields = map { s/([\\\t\n\r])/sprintf '\\x%02x', ord $1/ger } @$row;
		$sql .= join("\t", @fields) . "\n";
	}
	return "$sql\\.\n";
}

1;
