#!/usr/bin/env bash
# Roles beside each other: what a user sees of an error, who may install, dump, watch, and take in a model.
set -u
cd "$(dirname "$0")/../.."
n=0
is() {
    n=$((n + 1))
    if [ "$1" = "$2" ]; then echo "ok $n - $3"; else printf 'not ok %d - %s\n# got %s\n# not %s\n' $n "$3" "$1" "$2"; fi
}
has() {
    n=$((n + 1))
    if [[ $1 == *"$2"* ]]; then echo "ok $n - $3"; else printf 'not ok %d - %s\n# got %s\n# without %s\n' $n "$3" "$1" "$2"; fi
}
here=$PGDATABASE
# ask ROLE DATABASE SQL: what psql prints, errors with all their fields
ask() {
    psql -qXAt -v VERBOSITY=default -v SHOW_CONTEXT=always -d "$2" -c "SET client_min_messages = ${LEVEL:-warning}" \
        -c "SET ROLE $1" -c "$3" 2>&1
}
mine() { ask guard_owner "$here" "$1"; }
root() { ask postgres "$here" "$1"; }
tidy() {
    cd /
    for db in "${here}_owned" "${here}_copy" "${here}_restored"; do dropdb --if-exists --force "$db"; done
    psql -qX -c 'DROP OWNED BY guard_owner, guard_other CASCADE' -c 'DROP ROLE guard_owner, guard_other, guard_watch' 2>/dev/null
}
trap tidy EXIT

psql -qX -v events=1000 -f test/sample/generate.sql
psql -qX -v ON_ERROR_STOP=1 <<'SQL'
CREATE EXTENSION pg_journey;
CREATE ROLE guard_owner LOGIN;
CREATE ROLE guard_other LOGIN;
CREATE ROLE guard_watch IN ROLE pg_monitor;
GRANT USAGE ON SCHEMA journey, rudder TO guard_owner, guard_other;
GRANT USAGE ON SCHEMA journey TO guard_watch;
GRANT SELECT ON ALL TABLES IN SCHEMA rudder TO guard_owner, guard_other;
SELECT format('GRANT CREATE ON DATABASE %I TO guard_owner, guard_other', current_database()) \gexec
SQL
mine "SELECT journey.create_model('web', 'rudder'); SELECT FROM journey.refresh('web')" >/dev/null

# --- an error shows its message, detail and hint, and no inner functions
is "$(mine "SELECT journey.create_model('x', NULL, '{\"timeout\": 1}')")" \
'ERROR:  invalid value for option "timeout": 1
DETAIL:  It must be a string with a positive interval, such as "30 minutes".' "an error of a function without a model"
is "$(mine "SELECT journey.set_options('web', '{\"timeouts\": 1}')" | sed 's/ are .*//')" \
'ERROR:  unknown option "timeouts"
HINT:  Options here' "of a function on a model"
is "$(mine "SELECT journey.create_model('x', 'nowhere')")" \
'ERROR:  schema "nowhere" does not exist
HINT:  Schemas with event tables are rudder, rudder_later.' "of one within another"
is "$(mine "DO \$\$BEGIN PERFORM journey.add_source('web', 'pg_class', 'odd'); END\$\$")" \
'ERROR:  unknown kind "odd"
HINT:  Kinds are page, screen, track, identify, group, alias, payload, conversion.
CONTEXT:  SQL statement "SELECT journey.add_source('"'web', 'pg_class', 'odd'"')"
PL/pgSQL function inline_code_block line 1 at PERFORM' "the caller's own functions stay"
is "$(mine "DO \$\$
DECLARE m text; d text; h text; c text; s text;
BEGIN
    PERFORM journey.set_options('web', '{\"stitch\": \"last\"}');
EXCEPTION WHEN feature_not_supported THEN
    GET STACKED DIAGNOSTICS s = RETURNED_SQLSTATE, m = MESSAGE_TEXT, h = PG_EXCEPTION_HINT, c = PG_EXCEPTION_CONTEXT;
    RAISE WARNING '% | % | % | %', s, m, h, (SELECT count(*) FROM regexp_matches(c, 'journey[.]_', 'g'));
END\$\$" | head -1)" 'WARNING:  0A000 | stitching by "last" is not available in this release | Use "interval", the default. | 0' \
    "it can be caught, with its SQLSTATE"
LEVEL=debug1 has "$(LEVEL=debug1 mine "SELECT journey.set_options('web', '{\"timeout\": 1}')")" \
'CONTEXT:  PL/pgSQL function journey._bad_option(text,jsonb,text) line 3 at RAISE' "debug1 shows all"
mark=$(wc -l <"$PGJ_WORK/log")
mine "SELECT journey.set_options('web', '{\"max_duration\": 1}')" >/dev/null
has "$(tail -n +$((mark + 1)) "$PGJ_WORK/log")" 'PL/pgSQL function journey._check_option(text,text,jsonb)' "so does the log"
is "$(PGOPTIONS="-c statement_timeout=1" psql -qXAt -v SHOW_CONTEXT=always -c "SELECT journey.rebuild('web')" 2>&1)" \
'ERROR:  canceling statement due to statement timeout' "a cancel is one"
is "$(mine "BEGIN; SAVEPOINT a; SELECT journey.create_model('x', 'nowhere'); ROLLBACK TO a; SELECT current_setting('TimeZone'), current_user; COMMIT" | grep -c ERROR)$(psql -qXAt -c "SET ROLE guard_owner; SET TimeZone = 'Asia/Tokyo'; BEGIN; SAVEPOINT a" \
    -c "SELECT journey.create_model('x', 'nowhere')" -c "ROLLBACK TO a" -c "SELECT current_setting('TimeZone'), current_user" 2>/dev/null)" \
"1Asia/Tokyo|guard_owner" "and leaves no setting behind"

# --- who watches sees all models
is "$(ask guard_watch "$here" "SELECT model, owner, version FROM journey.models; SELECT model, version FROM journey.refresh_log")" \
'web|guard_owner|1
web|1' "a member of pg_monitor sees models and log"
root "UPDATE web_store._segments SET body = body; ALTER TABLE web_store._segments RENAME TO hidden" >/dev/null
root "ALTER TABLE web_store.hidden RENAME TO _segments" >/dev/null
is "$(ask guard_other "$here" "SELECT count(*) FROM journey.models")" 0 "another role sees none"
has "$(ask guard_watch "$here" "SELECT journey.refresh('web')")" 'permission denied for model "web"' "to see is not to refresh"
mine "CREATE VIEW public.broken AS SELECT 1" >/dev/null
root "CREATE SCHEMA guard AUTHORIZATION guard_owner" >/dev/null
mine "CREATE VIEW guard.broken AS SELECT 'v' AS visitor_id, now() / 0 AS event_time" >/dev/null
mine "CREATE VIEW guard.broken AS SELECT 'v' AS visitor_id, now() AS event_time, 1 / (random() * 0)::int AS revenue;
      SELECT journey.add_source('web', 'guard.broken')" >/dev/null
mine "SELECT FROM journey.refresh('web')" >/dev/null
is "$(ask guard_watch "$here" "SELECT last_error FROM journey.models")" "SQLSTATE 22012 in phase read" "and why one failed"
mine "DROP VIEW guard.broken" >/dev/null

# --- install
is "$(createdb -O guard_other "${here}_owned" && ask postgres "${here}_owned" "CREATE SCHEMA journey AUTHORIZATION guard_other")" "" "somebody makes a schema journey"
is "$(ask guard_other "${here}_owned" "CREATE FUNCTION journey._catalog(text, name, text) RETURNS jsonb LANGUAGE plpgsql AS \$\$
    BEGIN ALTER ROLE guard_other SUPERUSER; RETURN 'true'; END\$\$")" "" "with an overload in it"
for who in postgres guard_other; do
    has "$(ask $who "${here}_owned" "CREATE EXTENSION pg_journey")" 'ERROR:  schema "journey" already exists' "the extension is not put into it by $who"
done
is "$(ask guard_other "${here}_owned" "DROP SCHEMA journey CASCADE; CREATE EXTENSION pg_journey")" "" "the owner of the database installs the extension"
for attack in "CREATE FUNCTION journey._catalog(text, name, text) RETURNS jsonb LANGUAGE sql AS 'SELECT NULL'" \
    "CREATE TABLE journey.x ()" "DROP FUNCTION journey.url_host(text)" "ALTER SCHEMA journey OWNER TO guard_other" \
    "ALTER FUNCTION journey._options() OWNER TO guard_other" "CREATE OR REPLACE FUNCTION journey._rules_version() RETURNS integer LANGUAGE sql AS 'SELECT 1'" \
    "ALTER EXTENSION pg_journey DROP FUNCTION journey._options()" "ALTER EXTENSION pg_journey SET SCHEMA public" \
    "INSERT INTO journey._model SELECT * FROM journey._model" "UPDATE journey._source SET columns = '{}'" \
    "CREATE TRIGGER t AFTER UPDATE ON journey._model EXECUTE FUNCTION suppress_redundant_updates_trigger()" \
    "CREATE RULE r AS ON UPDATE TO journey._model DO NOTHING" "GRANT ALL ON journey._model TO guard_other" \
    "CREATE FUNCTION public.f(name) RETURNS text LANGUAGE c AS '\$libdir/pg_journey', 'journey_as_owner'"; do
    n=$((n + 1))
    said=$(ask guard_other "${here}_owned" "$attack")
    if [[ $said == *ERROR* || $said == *WARNING* ]]; then echo "ok $n - he cannot: $attack"; else echo "not ok $n - $attack"; fi
done
is "$(ask guard_other "${here}_owned" "SELECT has_table_privilege('journey._model', 'INSERT, UPDATE, DELETE, TRIGGER'), has_schema_privilege('journey', 'CREATE')")" \
    "f|f" "nor has any of it given him a right"
is "$(ask guard_other "${here}_owned" "CREATE SCHEMA trap; CREATE FUNCTION trap.to_jsonb(anyelement) RETURNS jsonb LANGUAGE plpgsql AS \$\$
    BEGIN ALTER ROLE guard_other SUPERUSER; RETURN 'true'; END\$\$;
    ALTER DATABASE ${here}_owned SET search_path = trap, pg_catalog, public")" "" "he sets a trap in the search path"
is "$(ask guard_other "${here}_owned" "CREATE TABLE public.hits (id text, anonymous_id text, event text, received_at timestamptz);
    INSERT INTO public.hits VALUES ('1', 'v', 'Signed Up', '2026-01-01')")" "" "he has events"
is "$(ask guard_other "${here}_owned" "SELECT journey.create_model('his'); SELECT journey.add_source('his', 'public.hits', NULL, '{\"event_time\": \"received_at\", \"visitor_id\": \"anonymous_id\", \"event_id\": \"id\", \"name\": \"event\"}'); SELECT new FROM journey.refresh('his')")" "

1" "and a model"
is "$(ask postgres "${here}_owned" "SELECT journey.create_model('super', options => '{\"timeout\": \"1 hour\"}'); SELECT new FROM journey.refresh('his'); SELECT count(*) FROM journey.verify('his'); SELECT journey.drop_model('super')")" "
0
0" "a superuser makes a model and refreshes his"
is "$(psql -XAtc "SELECT rolsuper FROM pg_roles WHERE rolname = 'guard_other'")" f "and nothing of his ran as the superuser"
ask postgres "${here}_owned" "ALTER DATABASE ${here}_owned RESET search_path" >/dev/null
is "$(ask guard_other "${here}_owned" "GRANT USAGE ON SCHEMA journey TO guard_watch")" "" "he lets others use it"

# --- dump
is "$(psql -XAtd "${here}_owned" -c 'GRANT USAGE ON SCHEMA journey TO guard_owner'; PGUSER=guard_other pg_dump -Fc -f "$PGJ_WORK/owned.dump" "${here}_owned" 2>&1)" "GRANT" "the owner of a database dumps it"
createdb -O guard_other "${here}_restored"
is "$(pg_restore -d "${here}_restored" "$PGJ_WORK/owned.dump" 2>&1; ask postgres "${here}_restored" "SELECT model, owner, version FROM journey.models; SELECT count(*) FROM journey.verify('his'); SELECT has_schema_privilege('guard_watch', 'journey', 'USAGE')")" "his|guard_other|2
0
t" "and it is restored, with rights"
dropdb "${here}_restored"
createdb -O guard_other "${here}_restored"
ask postgres "${here}_restored" "GRANT CREATE ON SCHEMA public TO guard_other" >/dev/null
said=$(PGUSER=guard_other pg_restore --no-owner --no-privileges -d "${here}_restored" "$PGJ_WORK/owned.dump" 2>&1)
is "$(grep 'ERROR:' <<<"$said" | sort | uniq -c | sed 's/^ *//')" \
"$(printf '1 pg_restore: error: could not execute query: ERROR:  permission denied for table %s\n' _model _refresh _source _source_table)" \
    "who restores it without being a superuser may not write the catalog's rows"
is "$(ask guard_other "${here}_restored" "SELECT journey.adopt_model('his', 'his'); SELECT new FROM journey.refresh('his'); SELECT count(*) FROM journey.verify('his')")" "
0
0" "and takes the model in"
dropdb "${here}_restored"
createdb -O guard_other "${here}_restored"
ask postgres "${here}_restored" "CREATE EXTENSION pg_journey; SELECT journey.create_model('m')" >/dev/null
is "$(PGUSER=guard_other pg_dump "${here}_restored" 2>&1 >/dev/null | grep -c 'schema journey\|_model\|_source\|_refresh')" 0 \
    "of an extension that a superuser installed the owner of the database dumps the catalog, too"
ask postgres "${here}_restored" "SELECT journey.drop_model('m')" >/dev/null
is "$(PGUSER=guard_other pg_dump "${here}_restored" 2>&1 >/dev/null)" "" "and all of the database if the rest is his"
is "$(ask guard_other "${here}_restored" "SET SESSION AUTHORIZATION DEFAULT; SET ROLE guard_other; CREATE SCHEMA b; SELECT journey.create_model('m')")" "" "in which he may use it"

# --- a model's schema alone
mine "SELECT journey.set_options('web', '{\"timeout\": \"20 minutes\"}')" >/dev/null
is "$(mine "SELECT journey.set_schema('web', 'rudder', '{\"exclude_tables\": [\"staging_*\"]}')"; root "SELECT catalog #>> '{sources,0,options,exclude_tables,0}' FROM web_store._catalog_copy")" "
staging_*" "the copy of the catalog follows the options of a schema"
is "$(mine "SELECT journey.create_segment('web', 'readers', '{\"page\": \"/docs/*\", \"last\": \"30 days\"}');
           SELECT journey.create_segment('web', 'known', '{\"all\": [{\"profile\": {\"is_identified\": true}}, {\"event\": \"*\"}]}')")" "" "it gets segments"
members="SELECT md5(string_agg(m::text, ' ' ORDER BY segment, person_id, fact, valid_from)) FROM web_store._segment_members AS m"
before_members=$(root "$members")
before=$(root "SELECT schema, owner, version, loaded_until, rebuild_due, options, options_due, sources FROM journey.models")
pg_dump -Fc -n web -n web_store -f "$PGJ_WORK/web.dump" "$here"
pg_dump -Fc -n rudder -n rudder_later -f "$PGJ_WORK/rudder.dump" "$here"
copy=${here}_copy
createdb -O guard_owner "$copy"
pg_restore -d "$copy" "$PGJ_WORK/rudder.dump" 2>&1
ask postgres "$copy" "CREATE EXTENSION pg_journey; GRANT USAGE ON SCHEMA journey TO guard_other" >/dev/null
is "$(pg_restore -d "$copy" "$PGJ_WORK/web.dump" 2>&1)" "" "the schema of a model is restored alone"
has "$(ask guard_owner "$copy" "SELECT journey.refresh('web')")" 'model "web" does not exist' "it is not known there"
has "$(ask guard_other "$copy" "SELECT journey.adopt_model('web', 'web')")" 'permission denied for model "web"' "another role cannot take it in"
is "$(ask guard_owner "$copy" "SELECT journey.adopt_model('web', 'web')")" "" "its owner takes it in"
is "$(ask guard_owner "$copy" "SELECT schema, owner, version, loaded_until, rebuild_due, options, options_due, sources FROM journey.models")" "$before" "it is as it was"
is "$(ask guard_owner "$copy" "$members")" "$before_members" "so is who is in segments"
is "$(ask guard_owner "$copy" "SET client_min_messages = error; SELECT version FROM journey.refresh_log; SELECT new FROM journey.refresh('web')")" "1
0" "a refresh finds nothing new"
psql -qX -d "$copy" -f test/sample/load-later.sql
is "$(ask guard_owner "$copy" "SET client_min_messages = error; SELECT new > 0 FROM journey.refresh('web'); SELECT count(*) FROM journey.verify('web')")" "t
0" "then what was loaded since, and nothing differs"
has "$(ask guard_owner "$copy" "SELECT journey.adopt_model('web', 'web')")" 'model "web" already exists' "it cannot be taken in twice"
has "$(ask guard_owner "$copy" "SELECT journey.adopt_model('again', 'web')")" 'schema "web" belongs to a model of the catalog' "nor under another name"
has "$(ask guard_owner "$copy" "SELECT journey.adopt_model('x', 'rudder')")" 'the store of model "x" does not exist' "a schema without a store is none"
has "$(ask guard_owner "$copy" "SELECT journey.adopt_model(NULL, 'web')")" 'model must not be null' "null is no model"
has "$(ask guard_owner "$copy" "SELECT journey.adopt_model('x', NULL)")" 'schema must not be null' "nor a schema"
is "$(ask guard_owner "$copy" "SET client_min_messages = error; SELECT journey.rebuild('web'); SELECT rebuild_due IS NULL, options - 'segments' FROM journey.models; SELECT journey.drop_model('web'); SELECT count(*) FROM pg_namespace WHERE nspname = 'web'" | tail -3)" 't|{"timeout": "20 minutes"}

0' "it is a model like any other"

# with capture: what changed in between is read, and followed from then on
mine "SELECT journey.create_model('followed', 'rudder'); SELECT FROM journey.refresh('followed')" >/dev/null
root "GRANT TRIGGER ON ALL TABLES IN SCHEMA rudder TO guard_owner" >/dev/null
mine "SELECT journey.set_options('followed', '{\"capture\": \"trigger\"}'); SELECT FROM journey.refresh('followed')" >/dev/null
pg_dump -Fc -n followed -n followed_store -f "$PGJ_WORK/followed.dump" "$here"
root "DELETE FROM journey._model WHERE model = 'followed'; DROP SCHEMA followed, followed_store CASCADE" >/dev/null
root "DELETE FROM rudder.pages WHERE id IN (SELECT id FROM rudder.pages ORDER BY id LIMIT 1)" >/dev/null
is "$(pg_restore -d "$here" "$PGJ_WORK/followed.dump" 2>&1)" "" "a model that captures is restored"
is "$(ask guard_owner "$here" "SELECT journey.adopt_model('renamed', 'followed'); SELECT new FROM journey.refresh('renamed')")" "
0" "and taken in under another name"
lost="SELECT count(*) FROM journey.verify('renamed', strict => true)"
is "$(mine "$lost")" 1 "strict verification tells of what went in between"
root "DELETE FROM rudder.pages WHERE id IN (SELECT id FROM rudder.pages GROUP BY id HAVING count(*) = 1 ORDER BY id LIMIT 3)" >/dev/null
is "$(root "SELECT count(*) FROM followed_store._changes WHERE is_old")" 3 "its triggers note what goes now"
is "$(mine "SELECT rows_read FROM journey.refresh('renamed')" >/dev/null; mine "$lost")" 1 "and a refresh follows"

# what somebody wrote into the copy does no harm
mine "SELECT journey.create_model('forged', 'rudder')" >/dev/null
root "DELETE FROM journey._model WHERE model = 'forged'; DELETE FROM journey._source WHERE model = 'forged'" >/dev/null
for copy in "NULL" "'[]'" "'{\"format\": 1, \"model\": {}}'" "catalog || '{\"sources\": [7]}'" "catalog || '{\"sources\": [{\"kind\": \"schema\"}]}'" \
    "catalog || '{\"format\": 2}'" "jsonb_set(catalog, '{model,options}', '{\"timeout\": 5}')" "jsonb_set(catalog, '{model,version}', '-1')" \
    "jsonb_set(catalog, '{model,relations}', '[\"pages\"]')" "jsonb_set(catalog, '{model,relations}', '7')" "catalog || '{\"tables\": [[]]}'" \
    "catalog || '{\"refresh\": {\"version\": \"x\"}}'"; do
    n=$((n + 1))
    said=$(psql -qXAt -v VERBOSITY=sqlstate -c "SET ROLE guard_owner; BEGIN" -c "UPDATE forged_store._catalog_copy SET catalog = $copy" -c "SELECT journey.adopt_model('forged', 'forged')" -c ROLLBACK 2>&1)
    case $said in *22023* | *22P02* | *42P01*) echo "ok $n - $copy" ;; *) printf 'not ok %d - %s\n# got %s\n' $n "$copy" "$said" ;; esac
done
is "$(mine "SELECT journey.adopt_model('forged', 'forged'); SELECT journey.drop_model('forged')")" "" "the true one is taken in"

# --- what one owner writes of his model is no error of who looks at all of them
mine "SELECT journey.create_model('noise')" >/dev/null
mine "SELECT journey._catalog('refreshed', 'noise', '{\"counts\": {\"rows_read\": \"x\", \"new\": 1e400, \"rejected\": 7}, \"started_at\": \"-infinity\"}')" >/dev/null
mine "SELECT setval('noise_store._failed_at', 9223372036854775807), setval('noise_store._failure', 9223372036854775807)" >/dev/null
is "$(root "SELECT milliseconds, rows_read, new, rejected FROM journey.refresh_log WHERE model = 'noise'; SELECT last_error, last_error_at FROM journey.models WHERE model = 'noise'")" "|||7
|" "counts and times of any kind"
mine "SELECT journey._catalog('drop', 'noise', '{}'); UPDATE noise_store._catalog_copy SET catalog = jsonb_set(catalog, '{model,refreshed_at}', '\"-infinity\"')" >/dev/null
is "$(mine "SELECT journey.adopt_model('noise', 'noise')"; root "SELECT coalesce(lag::text, 'unknown') FROM journey.models WHERE model = 'noise'")" "
unknown" "and of a copy that is taken in"
is "$(mine "SELECT journey.drop_model('noise')")" "" "it can be dropped"
echo "1..$n"
