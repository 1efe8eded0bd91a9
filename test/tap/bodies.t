#!/usr/bin/perl
# A call within the extension means one function, whatever others have the same name: no argument of it is a literal
# without a type, for which the best match would be looked for among them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

# The arguments of a call in a text whose "(" is before a position; nothing where it has no end.
sub arguments
{
	my ($text, $from) = @_;
	my ($depth, $argument, @arguments) = (1, '');
	pos($text) = $from;
	while ($text =~ /\G(--[^\n]*|\$(\w*)\$.*?\$\g2\$|'(?:[^']|'')*'|"[^"]*"|[^'"\$()\[\],-]+|.)/gs)
	{
		my $token = $1;
		next if $token =~ /^--/;
		$depth++ if $token =~ /^[(\[]$/;
		$depth-- if $token =~ /^[)\]]$/;
		return (@arguments, $argument) if $depth == 0;
		if ($token eq ',' && $depth == 1) { push @arguments, $argument; $argument = '' }
		else { $argument .= $token }
	}
	return;
}

# The calls of our functions in a body, each an array of the name and its arguments; those in strings too.
sub calls
{
	my ($body) = @_;
	my @calls;
	while ($body =~ /\bjourney\.(\w+)\s*\(/g)
	{
		my $place = pos $body;
		push @calls, [ $1, arguments($body, $place) ];
		pos($body) = $place;
	}
	return @calls;
}

# Whether an argument has no type of its own: a string or NULL, as such or in a string.
sub untyped
{
	my ($argument) = @_;
	$argument =~ s/^\s*\w+\s*(=>|:=)//;
	return $argument =~ /^\s*(NULL|''[^']*''|'(?:[^']|'')*'(?:\s*\n\s*'(?:[^']|'')*')*)\s*$/i;
}

# of what the extension's functions are written in, and what they call
sql('CREATE EXTENSION pg_journey');
my %ours = map { ($_->[0] => 1) } sql("SELECT proname FROM pg_proc WHERE pronamespace = 'journey'::regnamespace");
my @bodies = sql("SELECT p.oid::regprocedure, p.prosrc FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
	WHERE p.pronamespace = 'journey'::regnamespace AND l.lanname = ANY ('{sql,plpgsql}') AND p.prosrc <> ''");
my ($calls, @untyped) = (0);
for my $body (@bodies)
{
	for my $call (calls($body->[1]))
	{
		my ($name, @arguments) = @$call;
		next unless $ours{$name};
		$calls++;
		push @untyped, "$body->[0]: $name(" . join(',', @arguments) . ')' if grep { untyped($_) } @arguments;
	}
}
cmp_ok(scalar @bodies, '>', 100, 'bodies are read');
cmp_ok($calls, '>', 300, 'and the calls in them');
is(join("\n", @untyped), '', 'no call has a literal without a type');

# of what it is told by
for my $body ("SELECT journey.f('x')", "journey.f(a, '{}')", "journey.f(g(1, 2), null, b)", "journey.f(a => 'x')",
	"EXECUTE 'SELECT journey.f(''x'', \$1)'", "journey.f(\$q\$ a, b \$q\$, NULL)", "journey.f('a ''b'', c'\n   'd', e)",
	"journey.f(journey.g('x'), a)", "journey.f(a, -- b\n 'x')")
{
	ok((grep { my ($name, @arguments) = @$_; grep { untyped($_) } @arguments } calls($body)), "told of: $body");
}
for my $body ("journey.f('x'::text)", "journey.f(a || 'x', 1, true)", "journey.f(NULL::text, ARRAY['a', 'b'])",
	"SELECT 'x' FROM journey.f(a)", "journey.f(coalesce(a, 'x'))", "journey.f(\$1, a -> 'x')")
{
	ok(!(grep { my ($name, @arguments) = @$_; grep { untyped($_) } @arguments } calls($body)), "not of: $body");
}
is(join(' ', map { @$_ } sql("SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
	WHERE p.pronamespace = 'journey'::regnamespace AND (p.prosecdef OR l.lanname = ANY ('{sql,plpgsql}') AND p.prosrc <> ''
	      AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false))")), '',
	'all have the search path of the server, and none is SECURITY DEFINER');
is(join(' ', map { @$_ } sql("SELECT pg_describe_object(d.classid, d.objid, 0) FROM pg_depend d
	JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'pg_journey' AND d.refclassid = 'pg_extension'::regclass
	WHERE d.deptype = 'e' AND pg_describe_object(d.classid, d.objid, 0) !~ '\\mjourney\\M'")), '',
	'and all that the extension makes is in its schema');
done_testing();
