"""A stream through Kafka, Sluice and Redis: as whole as through replay, and while all of them fail.

The same program runs the published data (make conformance) and longer faults (make chaos).
"""
import os
import shutil
import subprocess
import sys

import conftest
import kafka_broker
import pytest

TRANSACTIONS = 4000
RUN_S = 900

RULESET = conftest.RULESET
RULES = conftest.RULES.replace("account_tx_count_5m > 10", "account_tx_count_1d > 3")


@pytest.fixture(scope="module")
def stream(tmp_path_factory):
    """Generated events, and what replay makes of them."""
    try:
        kafka_broker.require()
    except kafka_broker.Unavailable as why:
        pytest.skip(str(why))
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    folder = tmp_path_factory.mktemp("stream")
    (folder / "ruleset.yaml").write_text(RULESET)
    (folder / "rules.yaml").write_text(RULES)
    (folder / "replay.yaml").write_text("ruleset: ruleset.yaml\nstate: {backend: memory}\n")
    with open(folder / "events.ndjson", "wb") as f:
        subprocess.run([conftest.BIN, "generate", "--transactions", str(TRANSACTIONS), "--seed",
                        "3", "--accounts", "200", "--terminals", "100"], stdout=f, check=True)
    subprocess.run([conftest.BIN, "replay", "-c", folder / "replay.yaml", "--events",
                    folder / "events.ndjson", "--decisions", folder / "decisions.ndjson",
                    "--final", folder / "final.csv"], check=True, stderr=subprocess.DEVNULL)
    return folder


def run(stream, folder, *options):
    done = subprocess.run(
        [sys.executable, "tests/system/kafka_stream.py", "--sluice", conftest.BIN, "--ruleset",
         stream / "ruleset.yaml", "--events", stream / "events.ndjson", "--decisions",
         stream / "decisions.ndjson", "--final", stream / "final.csv", *options, folder],
        env={**os.environ, "PYTHONPATH": "tests"}, capture_output=True, text=True, timeout=RUN_S,
        check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_one_partition_gives_replays_decisions_in_their_order(stream, tmp_path):
    run(stream, tmp_path, "--poison", "0.01")


def test_partitions_and_instances_share_the_stream(stream, tmp_path):
    run(stream, tmp_path, "--partitions", "4", "--instances", "2", "--poison", "0.01")


def test_faults_lose_nothing(stream, tmp_path):
    run(stream, tmp_path, "--partitions", "3", "--instances", "2", "--poison", "0.01",
        "--faults", "1")
