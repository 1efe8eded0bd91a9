#!/usr/bin/env bash
# Funnels, sequences, paths and retention against brute force, test/oracle/journeys.py, on random stories.
set -u
cd "$(dirname "$0")/../.."
python=$(command -v python3) || { echo "1..0 # SKIP python3 is not installed"; exit 0; }
psql -qX -c 'CREATE EXTENSION pg_journey' >/dev/null || exit 1
exec "$python" test/oracle/journeys_check.py
