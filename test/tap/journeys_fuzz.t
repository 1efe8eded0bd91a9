#!/usr/bin/env bash
# The cores of funnels, sequences, path_regex and statistics under random rows and patterns, built with sanitizers:
# with a fixed seed and one of today.
set -u
cd "$(dirname "$0")/../.."
skip() { echo "1..0 # SKIP $1"; exit 0; }

cc=${CC:-cc} pg_config=${PGJ_PG_CONFIG:-pg_config}
libdir=$("$pg_config" --pkglibdir) include=$("$pg_config" --includedir-server)
[ -e "$libdir/libpgcommon.a" ] || skip "$pg_config has no libpgcommon.a"
echo 'int main(void) { return 0; }' |
    $cc -x c -fsanitize=address,undefined -o /dev/null - 2>/dev/null || skip "$cc cannot build with sanitizers"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo 1..2
if ! $cc -std=gnu11 -g -O1 -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare \
    -Wno-missing-field-initializers -fsanitize=address,undefined -fno-sanitize-recover=all \
    -DFRONTEND -Isrc -I"$include" test/fuzz/journeys_fuzz.c \
    src/{funnel,sequence,path_regex,statistics,steps_sort}_core.c \
    -L"$libdir" -lpgcommon -lpgport -lm -o "$work/fuzz" >"$work/log" 2>&1; then
    sed 's/^/# /' "$work/log"
    echo "Bail out! the fuzzer does not build"
    exit 1
fi
n=0
for seed in 1 $(($(date +%s) / 86400)); do
    n=$((n + 1)) status=ok
    # what the cores allocate is the server's memory contexts' to free
    ASAN_OPTIONS=detect_leaks=0 "$work/fuzz" 20000 "$seed" >"$work/log" 2>&1 || { status="not ok"; sed 's/^/# /' "$work/log"; }
    echo "$status $n - 20000 rounds from seed $seed"
done
