#!/usr/bin/env perl
# An upgraded extension is the new one, and a model that was made before the upgrade is as one made after it.
#
# Each release that git knows by its tag (v0.2.0) and an upgrade script leads on from is installed from its own
# parts, given a model, and updated. The comparison itself is tried with releases that are made up.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

chdir "$FindBin::Bin/../..";

my $version = slurp('pg_journey.control') =~ /^default_version\s*=\s*'([^']+)'/m ? $1 : die 'no version';
my $installed = $ENV{PGJ_WORK} . qx("$ENV{PGJ_PG_CONFIG}" --sharedir) =~ s/\s+\z//r . '/extension';
my $script = slurp("sql/pg_journey--$version.sql");
my (@databases, @written);

sub slurp { my ($path) = @_; open my $in, '<', $path or die "$path: $!\n"; local $/; return scalar <$in> }

sub install
{
	my ($name, $text) = @_;
	open my $out, '>', "$installed/$name" or die "$installed/$name: $!\n";
	print $out $text;
	close $out;
	push @written, "$installed/$name";
}

END
{
	my $status = $?;
	unlink @written;
	system('dropdb', '--if-exists', '--force', $_) for @databases;
	$? = $status;
}

# What an extension consists of, each object with all that it says of itself.
my $catalog = q{
	SET search_path = pg_catalog;
	WITH member AS (
		SELECT d.classid, d.objid, i.type, i.identity
		FROM pg_depend AS d
		JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'pg_journey'
		CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) AS i
		WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e')
	SELECT m.type, m.identity, obj_description(m.objid, m.classid::regclass::name), x.definition
	FROM member AS m LEFT JOIN LATERAL (
		SELECT CASE WHEN p.prokind = 'a' THEN to_jsonb(a) - '{aggfnoid,aggtranstype,aggmtranstype,aggsortop}'::text[]
		                 || jsonb_build_object('state', format_type(a.aggtranstype, NULL), 'moving', format_type(a.aggmtranstype, NULL),
		                                       'sort', a.aggsortop::regoperator)
		            ELSE to_jsonb(pg_get_functiondef(p.oid)) END::text || coalesce(p.proacl::text, '')
		FROM pg_proc AS p LEFT JOIN pg_aggregate AS a ON a.aggfnoid = p.oid
		WHERE m.classid = 'pg_proc'::regclass AND p.oid = m.objid
		UNION ALL
		SELECT coalesce(c.relacl::text, '') || coalesce(c.reloptions::text, '') || c.relrowsecurity::text
		       || coalesce(pg_get_viewdef(CASE WHEN c.relkind = 'v' THEN c.oid END), '')
		       || coalesce((SELECT string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
		                                                pg_get_expr(d.adbin, d.adrelid)), ', ' ORDER BY a.attnum)
		                    FROM pg_attribute AS a LEFT JOIN pg_attrdef AS d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
		                    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '')
		       || coalesce((SELECT string_agg(pg_get_indexdef(i.indexrelid), ', ' ORDER BY i.indexrelid::regclass::text)
		                    FROM pg_index AS i WHERE i.indrelid = c.oid), '')
		       || coalesce((SELECT string_agg(k.conname || pg_get_constraintdef(k.oid), ', ' ORDER BY k.conname)
		                    FROM pg_constraint AS k WHERE k.conrelid = c.oid), '')
		FROM pg_class AS c WHERE m.classid = 'pg_class'::regclass AND c.oid = m.objid
		UNION ALL
		SELECT (SELECT string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)
		        FROM pg_attribute AS a
		        WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)
		FROM pg_type AS t WHERE m.classid = 'pg_type'::regclass AND t.oid = m.objid
	) AS x (definition) ON true
	ORDER BY m.type COLLATE "C", m.identity COLLATE "C"};

# What a model is, but for times and for versions, which count its refreshes.
my $model = q{
	SELECT r, md5(coalesce(string_agg(x, E'\n' ORDER BY x COLLATE "C"), '')), count(*)
	FROM unnest('{sessions,touches,identities,profiles,events,rejected_events}'::text[]) AS r
	CROSS JOIN LATERAL xmltable('/table/row' PASSING query_to_xml(format(
		$$SELECT to_jsonb(t) - '{version,attributes_version,updated_at,rejected_at}'::text[] AS x FROM web.%I AS t$$, r),
		false, false, '') COLUMNS x text) AS t
	GROUP BY r ORDER BY r;
	SELECT 'verify', v::text FROM journey.verify('web') AS v;
	SELECT c.relname, pg_get_viewdef(CASE WHEN c.relkind = 'v' THEN c.oid END),
	       (SELECT string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)
	        FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
	       (SELECT string_agg(pg_get_indexdef(i.indexrelid), ', ' ORDER BY i.indexrelid::regclass::text)
	        FROM pg_index AS i WHERE i.indrelid = c.oid)
	FROM pg_class AS c
	WHERE c.relnamespace::regnamespace::text IN ('web', 'web_store') AND c.relkind IN ('r', 'v')
	ORDER BY 1};

# The extension of a version with a model, brought to the present one if it is another.
sub state_of
{
	my ($from) = @_;
	my $database = "$ENV{PGDATABASE}_" . scalar @databases;
	system('createdb', $database) == 0 or die "createdb failed\n";
	push @databases, $database;
	local $Journey::database = $database;
	system('psql', '-qX', '-d', $database, '-v', 'events=300', '-f', 'test/sample/generate.sql') == 0 or die "no sample\n";
	sql("SET client_min_messages = warning; CREATE EXTENSION pg_journey VERSION '$from';
	     SELECT journey.create_model('web', 'rudder'); SELECT journey.refresh('web')");
	if ($from ne $version)
	{
		sql('SET client_min_messages = warning; ALTER EXTENSION pg_journey UPDATE; SELECT journey.rebuild(m.model) FROM journey.models AS m
		     WHERE m.rebuild_due IS NOT NULL');
	}
	return { catalog => lines($catalog), model => lines($model) };
}

sub lines { my ($query) = @_; return [ map { join ' | ', @$_ } sql("SET timezone = 'UTC'; $query") ] }

sub different
{
	my ($a, $b) = @_;
	my %in_b = map { $_ => 1 } @$b;
	my %in_a = map { $_ => 1 } @$a;
	return (map { "- $_" } grep { !$in_b{$_} } @$a), (map { "+ $_" } grep { !$in_a{$_} } @$b);
}

my $new = state_of($version);
cmp_ok(scalar @{ $new->{catalog} }, '>', 300, 'the catalog is looked at');
is((grep { /^verify/ } @{ $new->{model} }), 0, 'the new model is exact');

# a release that lacked a function, with an upgrade that brings it, and one that forgets its comment
my ($function) = $script =~ /^(CREATE FUNCTION journey\.wilson\(.*?;\n)/ms or die 'no function to leave out';
my ($comment) = $script =~ /^(COMMENT ON FUNCTION journey\.wilson\(.*?;\n)/ms or die 'no comment to leave out';
my $old = $script =~ s/\Q$function\E//r =~ s/\Q$comment\E//r;
install('pg_journey--0.0.1.sql', $old);
install("pg_journey--0.0.1--$version.sql", $function . $comment);
install('pg_journey--0.0.2.sql', $old);
install("pg_journey--0.0.2--$version.sql", $function);
my $good = state_of('0.0.1');
is_deeply([ different($new->{catalog}, $good->{catalog}) ], [], 'what an upgrade brings is as what is there from the first');
is_deeply([ different($new->{model}, $good->{model}) ], [], 'and the model of before is as one of after');
is(scalar(my @missing = different($new->{catalog}, state_of('0.0.2')->{catalog})), 2, 'what an upgrade forgets is seen');

my %tags = map { /^v(\d[\w.]*)$/ ? ($1 => $_) : () } split /\n/, qx(git tag --list 2>/dev/null);
my @from = grep { $_ ne $version } map { /--([^-]+)--/ ? $1 : () } glob 'sql/upgrade/pg_journey--*--*.sql';
for my $release (@from)
{
  SKIP:
	{
		skip "git does not know the release $release", 2 unless $tags{$release};
		my @parts = split /\n/, qx(git ls-tree -r --name-only $tags{$release} sql/install);
		install("pg_journey--$release.sql", join '', map { scalar qx(git show $tags{$release}:$_) } sort @parts);
		my $upgraded = state_of($release);
		is_deeply([ different($new->{catalog}, $upgraded->{catalog}) ], [], "from $release: the catalog is the new one");
		is_deeply([ different($new->{model}, $upgraded->{model}) ], [], "from $release: the model is the new one");
	}
}
is_deeply([ grep { my $tag = $_; $tag ne $version && !grep { $_ eq $tag } @from } sort keys %tags ], [],
	'every release has an upgrade');
done_testing;
