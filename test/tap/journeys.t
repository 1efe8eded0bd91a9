#!/usr/bin/env bash
# Funnels, sequences, paths and retention against brute force, test/oracle/journeys.py, on random stories.
# JOURNEYS_PEERS=1 asks ClickHouse and SciPy too, in a venv that is kept in tmp_check/.
set -u
cd "$(dirname "$0")/../.."
skip() { echo "1..0 # SKIP $1"; exit 0; }

python=$(command -v python3) || skip "python3 is not installed"
if [ -n "${JOURNEYS_PEERS:-}" ]; then
    pins=test/oracle/requirements.txt
    venv=$PWD/tmp_check/journeys-venv-$({ cat $pins; "$python" --version; } | md5sum | cut -c1-12)
    if [ ! -e "$venv/ready" ]; then
        rm -rf "$venv"
        mkdir -p tmp_check
        log=$PGJ_WORK/pip.log
        { "$python" -m venv "$venv" && "$venv/bin/pip" install -q -r $pins && touch "$venv/ready"; } >"$log" 2>&1 ||
            { sed 's/^/# /' "$log" | tail -n 5; skip "pip cannot install ClickHouse and SciPy here"; }
    fi
    python=$venv/bin/python
fi
psql -qX -c 'CREATE EXTENSION pg_journey' >/dev/null || exit 1
exec "$python" test/oracle/journeys_check.py
