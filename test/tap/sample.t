#!/usr/bin/env bash
# The sample is what its head says: as many events as asked for, the same from the same seed everywhere.
set -u
cd "$(dirname "$0")/../.."
n=0
is() {
    n=$((n + 1))
    if [ "$1" = "$2" ]; then echo "ok $n - $3"; else printf 'not ok %d - %s\n# got %s\n# not %s\n' $n "$3" "$1" "$2"; fi
}
generate() { psql -qX "$@" -f test/sample/generate.sql 2>&1; }
ask() { psql -qXAt -v ON_ERROR_STOP=1 -c "$1" 2>&1; }

is "$(generate -v events=1000)" "" "a sample is made"
everything=$(for s in rudder rudder_later; do for t in pages tracks identifies aliases; do
    echo "SELECT '$t' AS t, id, anonymous_id, \"timestamp\" AS at, uuid_ts FROM $s.$t UNION ALL"; done; done; echo "SELECT NULL, NULL, NULL, NULL, NULL WHERE false")
ask "CREATE VIEW public.everything AS $everything"
is "$(ask "SELECT count(DISTINCT coalesce(id, '')) FROM everything")" 1000 "it has as many events as asked for"
is "$(ask "SELECT count(*) BETWEEN 1005 AND 1060 FROM everything")" t "some come twice"
is "$(ask "SELECT count(*) FROM pg_indexes WHERE schemaname LIKE 'rudder%'")" 0 "no table has an index"
is "$(ask "SELECT max(f.uuid_ts) < min(l.uuid_ts) FROM rudder.pages f, rudder_later.pages l")" t "the later load is later"
is "$(ask "SELECT round(100.0 * (SELECT count(*) FROM rudder_later.pages) / (SELECT count(*) FROM rudder.pages)) BETWEEN 3 AND 8")" t \
   "and about a twentieth"
is "$(ask "SELECT count(*) FROM rudder.order_completed e WHERE NOT EXISTS (SELECT FROM rudder.tracks t WHERE t.id = e.id AND t.event_text = e.event_text)")" 0 \
   "an event of a table of its own is in tracks too"
# all rows of all tables, in one number; it changes with the generator, and with nothing else
sum=$(psql -qXAt -v ON_ERROR_STOP=1 <<'SQL' | md5sum | cut -d' ' -f1
SELECT format($$SELECT %L, md5(string_agg(t::text, E'\n' ORDER BY t::text COLLATE "C")) FROM %s AS t$$,
              c.oid::regclass, c.oid::regclass)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname IN ('rudder', 'rudder_later', 'salesforce') AND c.relkind = 'r'
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
\gexec
SQL
)
is "$sum" fcba014b54e2bfd76445d12576638da2 "seed 1 gives these rows on every version"
generate -v events=1000 -v schema=again -v crm=crm_again
generate -v events=1000 -v seed=2 -v schema=other -v crm=crm_other
is "$(ask "SELECT count(*) FROM (SELECT * FROM rudder.pages EXCEPT SELECT * FROM again.pages) x")" 0 "the same again"
is "$(ask "SELECT count(*) FROM rudder.pages JOIN other.pages USING (id, anonymous_id) WHERE id !~ '^(vera|odd)'")" 0 "and others from another seed"
is "$(psql -qX -f test/sample/load-later.sql 2>&1)" "" "the later load is appended"
is "$(ask "SELECT count(DISTINCT coalesce(id, '')) FROM (SELECT id FROM rudder.pages UNION ALL SELECT id FROM rudder.tracks UNION ALL SELECT id FROM rudder.identifies UNION ALL SELECT id FROM rudder.aliases) x")" \
   1000 "after which all is there"
echo "1..$n"
