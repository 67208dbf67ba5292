#!/usr/bin/env bash
# Chaos: the handbook's stream through Kafka, with poison in it, while instances and the broker are
# killed, Redis is paused, and an instance comes and goes, each FAULTS times (default 20).
#
# The data is read in place from $SHARED. The report says what was counted; the last line is
# `all holds` or what does not.
set -eu
cd "$(dirname "$0")/../.."

export SHARED=${SHARED:-../shared}
export PYTHONPATH=tests
SLUICE=${SLUICE_BIN:-build/sluice}
HERE=tests/conformance
OUT=build/chaos
COUNT=${COUNT:-500000}

rm -rf "$OUT"
mkdir -p "$OUT"
cp $HERE/handbook-ruleset.yaml $HERE/handbook.yaml "$OUT"
# One transaction in fifty becomes an alert.
sed 's/amount > 220/amount > 130/' $HERE/handbook-rules.yaml >"$OUT/handbook-rules.yaml"
python3 $HERE/handbook_events.py --count "$COUNT" >"$OUT/events.ndjson"
"$SLUICE" replay -c "$OUT/handbook.yaml" --events "$OUT/events.ndjson" \
    --decisions "$OUT/decisions.ndjson" --final "$OUT/final.csv"
build/venv/bin/python tests/system/kafka_stream.py --sluice "$SLUICE" \
    --ruleset "$OUT/handbook-ruleset.yaml" --events "$OUT/events.ndjson" \
    --decisions "$OUT/decisions.ndjson" --final "$OUT/final.csv" --poison 0.01 \
    --partitions "${PARTITIONS:-6}" --instances 2 --workers 1 --faults "${FAULTS:-20}" \
    --seed "${SEED:-1}" "$OUT/run"
rm -rf "$OUT"
echo "all holds"
