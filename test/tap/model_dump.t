#!/usr/bin/env bash
# A model of a plain role survives dump and restore, with its state, its owner and its rights.
set -u
cd "$(dirname "$0")/../.."
n=0
is() {
    n=$((n + 1))
    if [ "$1" = "$2" ]; then echo "ok $n - $3"; else printf 'not ok %d - %s\n# got %s\n# not %s\n' $n "$3" "$1" "$2"; fi
}
ask() { psql -qXAt -v ON_ERROR_STOP=1 -d "$1" -c "$2" 2>&1; }
export PGOPTIONS='-c client_min_messages=warning'
copies="${PGDATABASE}_copy ${PGDATABASE}_jobs ${PGDATABASE}_bare"
tidy() {
    for db in $copies; do dropdb --if-exists "$db"; done
    psql -qX -c 'DROP OWNED BY model_dump_owner CASCADE' -c 'DROP ROLE model_dump_owner' 2>/dev/null
}
trap tidy EXIT

psql -qX -v events=1000 -f test/sample/generate.sql
psql -qX -v ON_ERROR_STOP=1 <<'SQL'
CREATE EXTENSION IF NOT EXISTS pg_journey;
CREATE ROLE model_dump_owner;
GRANT USAGE ON SCHEMA journey, rudder TO model_dump_owner;
GRANT SELECT ON ALL TABLES IN SCHEMA rudder TO model_dump_owner;
SELECT format('GRANT CREATE ON DATABASE %I TO model_dump_owner', current_database()) \gexec
SET ROLE model_dump_owner;
\o /dev/null
SELECT journey.create_model('dumped', 'rudder', '{"timeout": "1 hour"}');
SELECT journey.refresh('dumped');
SELECT journey.create_segment('dumped', 'readers', '{"page": "/docs/*", "last": "30 days"}');
SELECT journey.create_segment('dumped', 'buyers', '{"event": "Order Completed"}');
SELECT journey.create_segment('dumped', 'quiet users',
    '{"all": [{"profile": {"is_identified": true}}, {"not": {"event": "*", "last": "20 days"}}]}');
SELECT journey.set_options('dumped', '{"timeout": "2 hours"}');
SQL
state="SELECT model, schema, owner, version, loaded_until, rebuild_due, options, options_due, sources FROM journey.models"
log="SELECT * FROM journey.refresh_log"
tables="SELECT * FROM journey._source_table ORDER BY table_id"
segments="SELECT segment, person_id, valid_from, valid_to FROM dumped.segment_members ORDER BY 1, 2, 3"
facts="SELECT * FROM dumped_store._segment_members ORDER BY segment, person_id, fact, valid_from"
is "$(ask "$PGDATABASE" "SELECT count(DISTINCT segment) FROM dumped.segment_members")" 3 "three segments have members"
pg_dump -Fc -f "$PGJ_WORK/model.dump" "$PGDATABASE"

for db in $copies; do
    createdb "$db"
    case $db in
        *_copy) said=$(pg_restore -d "$db" "$PGJ_WORK/model.dump" 2>&1) owner=model_dump_owner ;;
        *_jobs) said=$(pg_restore -j 2 -d "$db" "$PGJ_WORK/model.dump" 2>&1) owner=model_dump_owner ;;
        *)      said=$(pg_restore --no-owner --no-privileges -d "$db" "$PGJ_WORK/model.dump" 2>&1) owner=postgres ;;
    esac
    is "$said" "" "it is restored ($db)"
    is "$(ask "$db" "${state/owner,/}")" "$(ask "$PGDATABASE" "${state/owner,/}")" "the model is as it was"
    is "$(ask "$db" "$log")" "$(ask "$PGDATABASE" "$log")" "so is its log"
    is "$(ask "$db" "$tables")" "$(ask "$PGDATABASE" "$tables")" "and how far its sources are read"
    is "$(ask "$db" "SELECT owner FROM journey.models")" "$owner" "its owner is who owns its tables"
    is "$(ask "$db" "$segments")" "$(ask "$PGDATABASE" "$segments")" "who is in segments, too"
    is "$(ask "$db" "$facts")" "$(ask "$PGDATABASE" "$facts")" "and what the store remembers of that"
    is "$(ask "$db" "SELECT new FROM journey.refresh('dumped')")" 0 "a refresh finds nothing new"
    psql -qX -d "$db" -f test/sample/load-later.sql
    is "$(ask "$db" "SELECT new > 0 FROM journey.refresh('dumped')")" t "then what was loaded since"
    is "$(ask "$db" "SELECT md5(string_agg(m::text, ' ' ORDER BY 1)) = '$(ask "$PGDATABASE" "SELECT md5(string_agg(m::text, ' ' ORDER BY 1)) FROM dumped.segment_members AS m")' FROM dumped.segment_members AS m")" f "segments follow"
    is "$(ask "$db" "SELECT count(*) FROM journey.verify('dumped')")" 0 "and nothing differs"
    is "$(ask "$db" "SELECT journey.drop_model('dumped'); SELECT count(*) FROM pg_namespace WHERE nspname = 'dumped'")" "
0" "it can be dropped"
done
echo "1..$n"
