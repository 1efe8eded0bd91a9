#!/usr/bin/env bash
# Attribution against published figures and independent calculations: test/attribution/run.py, in a venv with
# the pinned numpy, which is kept in tmp_check/. Without numpy the rest runs.
set -u
cd "$(dirname "$0")/../.."
skip() { echo "1..0 # SKIP $1"; exit 0; }

python=$(command -v python3) || skip "python3 is not installed"
pins=test/attribution/requirements.txt
venv=$PWD/tmp_check/attribution-venv-$({ cat $pins; "$python" --version; } | md5sum | cut -c1-12)
if [ ! -e "$venv/ready" ]; then
    rm -rf "$venv"
    mkdir -p tmp_check
    log=$PGJ_WORK/pip.log
    { "$python" -m venv "$venv" && "$venv/bin/pip" install -q -r $pins && touch "$venv/ready"; } >"$log" 2>&1 ||
        { sed 's/^/# /' "$log" | tail -n 5; }
fi
[ ! -e "$venv/ready" ] || python=$venv/bin/python
exec "$python" test/attribution/run.py
