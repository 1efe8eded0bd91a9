#!/usr/bin/env bash
# The laws of a model on some 130 random histories; test/check-laws runs others.
cd "$(dirname "$0")/../.." && exec test/check-laws --seeds "${SEEDS:-30}"
