#!/usr/bin/env bash
# The core of segments under random definitions, rows and changes, built with sanitizers, against asking condition by
# condition: with a fixed seed and one of today.
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
    -DFRONTEND -D_GNU_SOURCE -Isrc -I"$include" test/fuzz/segments_fuzz.c \
    src/{segments,funnel,steps_sort,condition,definition,time}_core.c \
    -L"$libdir" -lpgcommon -lpgport -ljansson -lm -o "$work/fuzz" >"$work/log" 2>&1; then
    sed 's/^/# /' "$work/log"
    echo "Bail out! the fuzzer does not build"
    exit 1
fi
n=0
for seed in 1 $(($(date +%s) / 86400)); do
    n=$((n + 1)) status=ok
    # what the cores allocate is the server's memory contexts' to free
    ASAN_OPTIONS=detect_leaks=0 "$work/fuzz" 3000 "$seed" >"$work/log" 2>&1 || { status="not ok"; sed 's/^/# /' "$work/log"; }
    echo "$status $n - 3000 rounds from seed $seed"
done
