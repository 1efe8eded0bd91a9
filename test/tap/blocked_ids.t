#!/usr/bin/env bash
# The list of values that are no ids is the one that is compiled in, and has all that vendors document.
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

while IFS=$'\t' read -r value match case; do
    case $match in
        exact)  ok "$(ask "SELECT journey._blocked_id($(quoted "$value"))")" t "$value is no id"
                [ "$case" = yes ] && other=f || other=t
                swapped=$(tr 'a-zA-Z' 'A-Za-z' <<<"$value")
                [ "$swapped" = "$value" ] ||
                    ok "$(ask "SELECT journey._blocked_id($(quoted "$swapped"))")" $other "$swapped is ${other/f/one}" ;;
        domain) ok "$(ask "SELECT journey._clean_email($(quoted "a@$value")) IS NULL")" t "nor is an address at $value" ;;
    esac
done < <(grep -v '^#' $list | tail -n +2)

listed=$(grep -v '^#' $list | tail -n +2 | cut -f2 | grep -c '^exact$')
compiled=$(sed -n '/blocked_as_written\[\]/,/^};/p; /blocked_in_any_case\[\]/,/^};/p' src/identity_core.c | grep -o '"[^"]*"' | wc -l)
ok "$compiled" "$listed" "the compiled tables have no other value"

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
echo "1..$n"
