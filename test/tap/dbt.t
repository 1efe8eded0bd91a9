#!/usr/bin/env bash
# The dbt package: test/dbt/run.py in a venv with the pinned dbt, which is kept in tmp_check/. With DBT=1.10, or another
# release, the last of that; with DBT=newest the newest that pip can install from wheels: see test/check-dbt. The other half
# of it is dbt_use.t, so that two servers share the time.
set -u
cd "$(dirname "$0")/../.."
part=${1:-model}
skip() { echo "1..0 # SKIP $1"; exit 0; }

python=$(command -v python3) || skip "python3 is not installed"
"$python" -c 'import ensurepip, venv' 2>/dev/null || skip "python3-venv is not installed"
command -v git >/dev/null || skip "git is not installed"

case ${DBT:-} in
    '')     pins=(-r test/dbt/requirements.txt)
            name=$({ cat test/dbt/requirements.txt; "$python" --version; } | md5sum | cut -c1-12) ;;
    newest) pins=(--only-binary :all: dbt-core dbt-postgres) name=newest ;;
    *)      pins=("dbt-core~=$DBT.0" dbt-postgres) name=$DBT ;;
esac
venv=$PWD/tmp_check/dbt-venv-$name
mkdir -p tmp_check
exec 9>"tmp_check/dbt-venv.lock"
flock 9
if [ ! -e "$venv/ready" ]; then
    rm -rf "$venv"
    log=$PGJ_WORK/pip.log
    { "$python" -m venv "$venv" && "$venv/bin/pip" install -q "${pins[@]}" && touch "$venv/ready"; } >"$log" 2>&1 ||
        { sed 's/^/# /' "$log" | tail -n 5; skip "pip cannot install dbt ${DBT:-} here"; }
fi
exec 9>&-
exec "$venv/bin/python" test/dbt/run.py "$part"
