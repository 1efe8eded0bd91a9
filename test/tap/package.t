#!/usr/bin/env perl
# What holds for the package as a whole: one version, and a comment on everything public.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

chdir "$FindBin::Bin/../..";

sub slurp { my ($path) = @_; open my $in, '<', $path or die "$path: $!\n"; local $/; return scalar <$in> }

sub list { return join ', ', map { $_->[0] } sql(@_) }

my ($control) = slurp('pg_journey.control') =~ /^default_version\s*=\s*'([^']+)'/m;
my @meta = slurp('META.json') =~ /"version":\s*"([^"]+)"/g;
pop @meta;    # the last one is the version of the META format
is_deeply([ map { $_ eq $control ? () : $_ } @meta ], [], "META.json has the control file's version, $control");
like(slurp('CHANGELOG.md'), qr/^## \Q$control\E\b/m, 'CHANGELOG.md has a chapter for it');

sql('CREATE EXTENSION pg_journey');
is(value("SELECT extversion FROM pg_extension WHERE extname = 'pg_journey'"), $control, 'it is the installed version');

# Public is what is in the schema and has no underscore in front.
my %without_comment = (
    'function, aggregate or procedure' => q{
        SELECT p.oid::regprocedure FROM pg_proc p
        WHERE p.pronamespace = 'journey'::regnamespace AND p.proname !~ '^_'
          AND obj_description(p.oid, 'pg_proc') IS NULL
          -- what a type, an aggregate, an operator or an operator class is made of is part of it
          AND NOT EXISTS (SELECT FROM pg_type t WHERE p.oid IN (t.typinput, t.typoutput, t.typreceive, t.typsend, t.typmodin, t.typmodout))
          AND NOT EXISTS (SELECT FROM pg_aggregate a WHERE p.oid IN (a.aggtransfn, a.aggfinalfn, a.aggcombinefn,
                                  a.aggserialfn, a.aggdeserialfn, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn))
          AND NOT EXISTS (SELECT FROM pg_operator o WHERE p.oid IN (o.oprcode, o.oprrest, o.oprjoin))
          AND NOT EXISTS (SELECT FROM pg_amproc m WHERE p.oid = m.amproc)
        ORDER BY 1::text COLLATE "C"},
    'type' => q{
        SELECT t.oid::regtype FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
        WHERE t.typnamespace = 'journey'::regnamespace AND t.typname !~ '^_'
          AND (c.oid IS NULL OR c.relkind = 'c') AND t.typelem = 0
          AND obj_description(t.oid, 'pg_type') IS NULL ORDER BY 1::text COLLATE "C"},
    'table or view' => q{
        SELECT c.oid::regclass FROM pg_class c
        WHERE c.relnamespace = 'journey'::regnamespace AND c.relname !~ '^_' AND c.relkind IN ('r', 'p', 'v', 'm')
          AND obj_description(c.oid, 'pg_class') IS NULL ORDER BY 1::text COLLATE "C"},
);
for my $kind (sort keys %without_comment) {
    is(list($without_comment{$kind}), '', "every public $kind has a comment");
}
is(list(q{
    SELECT pg_describe_object(classid, objid, objsubid) FROM pg_depend
    JOIN pg_extension e ON e.oid = refobjid AND e.extname = 'pg_journey' AND deptype = 'e'
    WHERE (pg_identify_object(classid, objid, objsubid)).schema IS DISTINCT FROM 'journey'
      AND (pg_identify_object(classid, objid, objsubid)).type NOT IN ('schema', 'cast', 'event trigger')}),
   '', 'everything is in the schema journey');

done_testing;
