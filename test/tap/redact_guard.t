#!/usr/bin/perl
# What guards personal data beside the rules: row-level security on the sources is respected in all ways of reading,
# pseudonyms carry the number of their key and feeds never hash them, the key is nobody's to read and can stay out of a dump.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use Test::More;

$ENV{PGOPTIONS} = '-c client_min_messages=warning -c timezone=UTC';
my $owner = "guard_owner_$$";
sub says { my (@sql) = @_; my @args = map { ('-c', $_) } @sql; open my $in, '-|', 'sh', '-c', 'exec psql -qXAt "$@" 2>&1', 'sh', @args or die; local $/; return <$in> // '' }

sql(qq{CREATE EXTENSION IF NOT EXISTS pg_journey;
	CREATE ROLE $owner; GRANT USAGE ON SCHEMA journey TO $owner;
	DO \$\$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO $owner', current_database()); END \$\$;
	CREATE SCHEMA raw; GRANT USAGE ON SCHEMA raw TO $owner;
	CREATE TABLE raw.payloads (k text, tenant int, body text, at timestamptz DEFAULT '2026-09-02');
	CREATE TABLE raw.own (event_id text, tenant int, visitor_id text, event_time text, traits jsonb, kind text, loaded_at timestamptz DEFAULT '2026-09-02');
	GRANT SELECT, TRIGGER ON ALL TABLES IN SCHEMA raw TO $owner});
for my $table ('payloads', 'own')
{
	sql("ALTER TABLE raw.$table ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON raw.$table FOR SELECT TO $owner USING (tenant = 1)");
}
my $row = sub { my ($n, $tenant, $time) = @_; $time //= '2026-09-01T10:00:00Z';
	qq{INSERT INTO raw.payloads (k, tenant, body) VALUES ('k$n', $tenant, '{"type": "track", "event": "E", "messageId": "p$n", "anonymousId": "hidden$tenant", "userId": "u$tenant\@planted.test", "timestamp": "$time"}');
	INSERT INTO raw.own VALUES ('o$n', $tenant, 'hidden$tenant', '$time', '{"email": "hidden$tenant\@planted.test"}', 'identify')} };
sql(join ';', map { $row->($_, 1 + $_ % 2), $row->("bad$_", 1 + $_ % 2, 'soon') } 1 .. 4);
my $ids = q{SELECT string_agg(event_id, ' ' ORDER BY event_id) FROM m.events};
for my $options ('{}', '{"redact": "gdpr"}', '{"capture": "trigger"}', '{"capture": "trigger", "redact": "gdpr"}')
{
	sql(qq{SET ROLE $owner; SELECT journey.create_model('m', NULL, '$options');
		SELECT journey.add_source('m', 'raw.payloads', 'payload', '{"payload": "body", "loaded_at": "at", "key": "k"}'); SELECT journey.add_source('m', 'raw.own')});
	sql("SELECT journey.refresh('m')");    # as a superuser: it is the owner who reads
	is(value($ids), 'p2 p4 raw.own:o2 raw.own:o4', "$options: rows that a policy hides are not read");
	sql($row->(5, 2) . ';' . $row->(6, 1) . ";UPDATE raw.own SET traits = traits || jsonb_build_object('x', 1), loaded_at = '2026-09-04'; UPDATE raw.payloads SET at = '2026-09-04'; SELECT journey.refresh('m')");
	is(value($ids), 'p2 p4 p6 raw.own:o2 raw.own:o4 raw.own:o6', "$options: nor later");
	sql("SELECT journey.refresh('m', since => '-infinity'); SELECT journey.rebuild('m', true); SELECT journey.retry_rejected('m')");
	is(value($ids), 'p2 p4 p6 raw.own:o2 raw.own:o4 raw.own:o6', "$options: nor whole");
	is(value("SELECT count(*) FILTER (WHERE e::text ~ 'hidden2') || ' ' || (count(*) > 2) FROM m.rejected_events AS e"), '0 true', "$options: nor are they listed");
	is(value("SELECT count(*) FROM journey.verify('m', true)"), 0, "$options: nothing differs");
	sql("SELECT journey.drop_model('m'); DELETE FROM raw.own WHERE event_id ~ '[56]'; DELETE FROM raw.payloads WHERE k ~ '[56]'; UPDATE raw.own SET traits = traits - 'x', loaded_at = '2026-09-02'; UPDATE raw.payloads SET at = '2026-09-02'");
}

# pseudonyms
sql(qq{SET ROLE $owner; SELECT journey.create_model('m', NULL, '{"redact": {"use": "gdpr", "key_number": 7, "rules": [{"key": "email", "action": "pseudonym"}]}}'); SELECT journey.add_source('m', 'raw.own'); SELECT journey.refresh('m')});
my $pseudonym = value(q{SELECT email FROM m.profiles WHERE email IS NOT NULL});
is($pseudonym, value(q{SELECT 'p7_' || journey.pseudonym(' Hidden1@Planted.test ', key, 'email') FROM m_store._pseudonym_keys WHERE number = 7}), 'a pseudonym carries the number of its key');
is(value(qq{SELECT coalesce(journey.hash_email('$pseudonym', 'google'), 'none')}), 'none', 'no feed hashes it');
is(value(qq{SELECT coalesce(journey.hash_phone('$pseudonym', 'google', 'DE'), 'none')}), 'none', 'nor as a number');
# the key
is(value(qq{SELECT has_table_privilege('$owner', 'm_store._pseudonym_keys', 'SELECT')}), 't', 'the owner has the key');
sql("CREATE ROLE reader_$$; SELECT journey.grant_read('m', 'reader_$$')");
like(says("SET ROLE reader_$$", 'TABLE m.profiles LIMIT 0', 'TABLE m_store._pseudonym_keys'), qr/permission denied for schema m_store/, 'readers have not');
my $copy = "guard_copy_$$";
system("createdb $copy && pg_dump -Fc --exclude-table-data m_store._pseudonym_keys -f $ENV{PGJ_WORK}/guard.dump && pg_restore -d $copy $ENV{PGJ_WORK}/guard.dump") == 0 or die;
{
	local $Journey::database = $copy;
	is(value('SELECT count(*) FROM m_store._pseudonym_keys'), 0, 'a dump need not have it');
	sql("SELECT journey.adopt_model('m')") unless value("SELECT count(*) FROM journey.models WHERE model = 'm'");
}
{
	local $ENV{PGDATABASE} = $copy;
	like(says('\set VERBOSITY verbose', "SELECT journey.refresh('m', since => '-infinity')"), qr/55000: the key of pseudonyms is missing/, 'without it nothing is read');
}
my $hex = value("SELECT encode(key, 'hex') FROM m_store._pseudonym_keys");
{
	local $Journey::database = $copy;
	sql("INSERT INTO m_store._pseudonym_keys (number, key) VALUES (7, '\\x$hex'); SELECT journey.refresh('m', since => '-infinity')");
	is(value('SELECT email FROM m.profiles WHERE email IS NOT NULL'), $pseudonym, 'with it all is as it was');
}
system("dropdb $copy") == 0 or die;
sql("DROP OWNED BY reader_$$; DROP ROLE reader_$$; SELECT journey.drop_model('m'); DROP OWNED BY $owner; DROP ROLE $owner");
done_testing();
