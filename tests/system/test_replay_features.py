"""`sluice replay --features`: a file to train a model on, and what it says is what is served."""
import csv
import itertools
import json
import subprocess

import pytest
from conftest import BIN, RULES, RULESET, payment

LABELLED = RULESET.replace("features:", "  channel: {type: string}\nfeatures:")
DERIVED = "derived: {is_dear: amount > 50.0}\nmodels: {fraud: {file: fraud.yaml}}\n"
MODEL = """
model: linear
link: logit
inputs:
  amount: {weight: 0.01}
  is_dear: {weight: 1}
  timestamp: {weight: 0.1, mean: 1767614400}
  account_tx_count_5m: {weight: 0.1, missing: 50}
  channel: {categories: {pos: 0.3, web: 0.7}, other: 0.4, missing: 0.2}
"""

CHANNELS = [{"channel": name} for name in ("pos", "web", "atm", "")] + [{}]


def label(txn, outcome, seconds):
    return {"kind": "label", "transaction_id": txn["transaction_id"], "outcome": outcome,
            "timestamp": f"2026-01-07T00:00:{seconds:02}Z"}


@pytest.fixture(name="replayed")
def fixture_replayed(tmp_path):
    (tmp_path / "ruleset.yaml").write_text(LABELLED + DERIVED)
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "fraud.yaml").write_text(MODEL)
    (tmp_path / "sluice.yaml").write_text(f"ruleset: {tmp_path}/ruleset.yaml\n")

    def run(events, *words):
        (tmp_path / "events.ndjson").write_text("".join(json.dumps(e) + "\n" for e in events))
        done = subprocess.run([BIN, "replay", "-c", tmp_path / "sluice.yaml", "--events",
                               tmp_path / "events.ndjson", "--decisions",
                               tmp_path / "decisions.ndjson", "--features",
                               tmp_path / "features.csv", *words],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        with open(tmp_path / "features.csv", encoding="utf-8", newline="") as f:
            return list(csv.DictReader(f))
    return run


def stream():
    txns = [payment(i, account=f"a-{i % 3}", amount=20.25 * i, **channel)
            for i, channel in zip(range(9), itertools.cycle(CHANNELS))]
    return [*txns, label(txns[1], "fraud", 1), label(txns[2], "fraud", 1),
            label(txns[2], "legitimate", 2)]


def test_a_row_has_all_that_a_model_may_be_fed_with_and_its_label(replayed, tmp_path):
    rows = replayed(stream())
    decisions = [json.loads(line) for line in open(tmp_path / "decisions.ndjson")]
    assert [r["transaction_id"] for r in rows] == [d["transaction_id"] for d in decisions]
    for row, decision in zip(rows, decisions):
        for name, feature in decision["features"].items():
            wanted = "" if feature["value"] is None else str(feature["value"])
            assert row[name] == wanted or float(row[name]) == feature["value"]
    assert [r["is_dear"] for r in rows] == ["0"] * 3 + ["1"] * 6
    assert rows[3]["amount"] == "60.75" and rows[3]["account_id"] == "a-0"
    assert [r["outcome"] for r in rows[:4]] == ["", "fraud", "legitimate", ""]
    assert rows[2]["outcome_timestamp"] == "2026-01-07T00:00:02Z"


def test_a_model_scores_the_file_as_it_scored_the_stream(replayed, tmp_path):
    replayed(stream())
    done = subprocess.run([BIN, "score-file", "--model", tmp_path / "fraud.yaml", "--rows",
                           tmp_path / "features.csv", "--id", "transaction_id"],
                          capture_output=True, text=True, timeout=60, check=True)
    scored = {r["transaction_id"]: float(r["score"])
              for r in csv.DictReader(done.stdout.splitlines())}
    decisions = [json.loads(line) for line in open(tmp_path / "decisions.ndjson")]
    assert scored == {d["transaction_id"]: d["models"][0]["score"] for d in decisions}
    assert len(set(scored.values())) == 9


def test_the_file_is_the_same_over_redis_and_a_line_that_comes_twice_is_one_row(
        replayed, redis, tmp_path):
    whole = replayed(stream())
    over_redis = replayed([*stream(), stream()[0]], "--state", "redis", "--state.redis", redis.url)
    assert over_redis == whole


def test_columns_are_those_that_are_named(replayed):
    rows = replayed(stream(), "--columns", "outcome,amount,@derived")
    assert list(rows[0])[0] == "amount" and list(rows[0])[-1] == "outcome"
    assert "is_dear" in rows[0] and "account_id" not in rows[0]
