#!/usr/bin/env bash
# The bench: see run.py, which does it. Exits 0 when it ran; the numbers are in build/bench.json.
set -eu
cd "$(dirname "$0")/../.."
make --no-print-directory -s build/sluice build/tests/bench/bare build/tests/bench/kafka_bare \
    build/tests/bench/cel build/tests/bench/lists build/tests/bench/explain \
    build/tests/bench/steady build/tests/bench/models
export PYTHONPATH=tests
exec build/venv/bin/python tests/bench/run.py "$@"
