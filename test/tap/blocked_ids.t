#!/usr/bin/env bash
# The list of values that are no ids is the one that is compiled in, in any case and within any quotes and
# brackets, and has all that vendors document.
set -u
cd "$(dirname "$0")/../.."
list=src/lists/blocked_ids.tsv
psql -qX -c 'CREATE EXTENSION IF NOT EXISTS pg_journey'
# one row per value; a quote in it is doubled
ask() { psql -qXAt -v ON_ERROR_STOP=1 <<<"$1"; }
quoted() { printf "'%s'" "${1//\'/\'\'}"; }
n=0
ok() {
    n=$((n + 1))
    if [ "$1" = "$2" ]; then echo "ok $n - $3"; else echo "not ok $n - $3"; fi
}

values=()
while IFS=$'\t' read -r value match; do
    case $match in
        exact)  values+=("($(quoted "$value"))") ;;
        domain) ok "$(ask "SELECT journey._clean_email($(quoted "a@$value")) IS NULL")" t "nor is an address at $value" ;;
    esac
done < <(grep -v '^# ' $list | tail -n +2)
all="(VALUES $(IFS=,; echo "${values[*]}")) AS v (value)"

ok "$(ask "SELECT string_agg(value, ' ') FROM $all WHERE NOT journey._blocked_id(value)")" '' 'no value of the list is an id'
ok "$(ask "
WITH RECURSIVE wrapped (value, depth) AS (
    SELECT CASE c WHEN 1 THEN upper(value) WHEN 2 THEN initcap(value) WHEN 3 THEN lower(value) ELSE value END, 0
    FROM $all, generate_series(1, 4) AS c
    UNION
    SELECT replace(format, '%', value), depth + 1
    FROM wrapped, unnest(ARRAY['(%)', '[%]', '<%>', '{%}', '\"%\"', '''%''', '\`%\`', '\\\"%\\\"', E' %\t']) AS format
    WHERE depth < 3)
SELECT string_agg(value, ' ') FROM wrapped WHERE NOT journey._blocked_id(value)")" '' 'nor in another case, within three pairs of quotes and brackets'
ok "$(ask "SELECT count(*) FROM unnest(ARRAY['', ' ', '()', '[]', '{}', '<>', '\"\"', '{ }', '[\"\"]', '-', '000', '{0-0}',
    '00000000-0000-0000-0000-000000000000', E'not \t set']) AS v WHERE NOT journey._blocked_id(v)")" 0 'nothing is none, and so are zeros and dashes'
ok "$(ask "SELECT count(*) FROM unnest(ARRAY['nulla', 'x null', '(null', 'null)', '\"null''', 'notset!', 'anonymous-1', 'ids', '1',
    '-2', '0x0', '(1)', '[a]', 'void.', 'n', 'guest1', 'undefinedundefined', 'nu ll', 'a@test.com']) AS v WHERE journey._blocked_id(v)")" 0 'what has such a word in it is an id'
compiled=$(sed -n '/blocked_words\[\]/,/^};/p' src/identity_core.c | grep -o '"[^"]*"' | wc -l)
ok "$compiled" "${#values[@]}" "the compiled table has no other value"

shared=${PGJ_SHARED:-../shared}/data/identity/blocked_id_values.tsv
if [ -r "$shared" ]; then
    while IFS=$'\t' read -r value match _; do
        [ "$match" = exact ] || continue
        ok "$(ask "SELECT journey._blocked_id($(quoted "$value"))")" t "$value of the collected values is no id"
    done < <(tail -n +2 "$shared")
else
    n=$((n + 1))
    echo "ok $n # skip the collected values are not here"
fi

# values that are real in one's system
ok "$(ask "
CREATE TABLE staff (id int, visitor_id text, user_id text, previous_id text, kind text, event_time timestamptz, url text);
INSERT INTO staff VALUES (1, 'd1', 'NA', NULL, 'page', '2026-01-01', 'https://a.test/'), (2, '0', NULL, NULL, 'page', '2026-01-01', 'https://a.test/'),
    (3, 'd1', 'null', NULL, 'page', '2026-01-01 00:01', 'https://a.test/'), (4, 'd2', 'na', NULL, 'page', '2026-01-01', 'https://a.test/'),
    (5, NULL, 'NA', NULL, 'track', '2026-01-02', NULL), (6, 'd3', 'u1', 'NA', 'alias', '2026-01-03', NULL), (7, '0', 'guest', NULL, 'page', '2026-01-04', 'https://a.test/');
SELECT journey.create_model('staff', NULL, '{\"schema\": \"staff_m\", \"allow_ids\": [\"NA\", \"0\"]}'), journey.add_source('staff', 'staff') \\g /dev/null
SELECT rejected FROM journey.refresh('staff');
SELECT string_agg(person_id || ' ' || array_to_string(visitor_ids, '+'), ', ' ORDER BY person_id) FROM staff_m.profiles;
SELECT count(*) FROM journey.verify('staff', strict => true);
" 2>/dev/null | head -3 | paste -sd '|')" '0|user:u1 d1+d3+user:NA, visitor:0 0, visitor:d2 d2|0' 'allow_ids makes ids of values, as written'
ok "$(ask "SELECT string_agg(coalesce(user_id, '-'), ' ') FROM unnest(ARRAY['{}', '{\"allow_ids\": [\"guest\"]}']) AS o,
    journey.sessions('[{\"event_id\": \"a\", \"event_time\": \"2026-01-01T00:00:00Z\", \"user_id\": \"guest\"}]', options => o::jsonb)")" '- guest' 'in the functions on timelines too'
ok "$(ask "SELECT profiles FROM journey.forget('staff', 'NA')")" 1 'and who has one can be forgotten'
echo "1..$n"
