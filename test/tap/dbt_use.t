#!/usr/bin/env bash
# The other half of dbt.t: a week of work with the package, reports, documents.
exec bash "$(dirname "$0")/dbt.t" use
