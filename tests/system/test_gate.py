"""The gate before a reload, and the drift monitor behind it, on a running service."""
import json
import re
import time

import pytest

from conftest import payment
from test_admin import bundle, put

RULES = """\
rules:
  - id: large
    title: A large payment
    when: amount > {limit}
    score: 80
"""
LOADED_S = 60


def rules(limit):
    return RULES.format(limit=limit)


def active(server):
    return server.get("/v1/ruleset").json()["ruleset"]


def metric(server, name):
    return float(re.search(rf"^{re.escape(name)} (\S+)$", server.get("/metrics").body.decode(),
                           re.M)[1])


def audit(server):
    return [json.loads(line) for line in (server.folder / "audit.ndjson").open()]


def send(server, first, count, amount=lambda i: i % 100, account="a-1"):
    events = [payment(i, account=account, amount=amount(i)) for i in range(first, first + count)]
    answers = server.batch(events).lines()
    assert len(answers) == count and all("decision" in a for a in answers), answers[:3]
    return answers


def offer(server, limit):
    """By SIGHUP; answers the log line that came of it."""
    server.write("rules.yaml", rules(limit))
    server.signal(1)
    end = time.monotonic() + LOADED_S
    while time.monotonic() < end:
        for entry in server.log:
            if entry["message"] in ("ruleset loaded", "ruleset refused by the gate") and \
                    entry.get("from") == "SIGHUP" and not entry.get("seen"):
                entry["seen"] = True
                return entry
        time.sleep(0.05)
    raise AssertionError(f"no answer to SIGHUP: {server.log}")


@pytest.fixture
def gated(make_server, tmp_path):
    """Of each hundred payments, forty are over 59.5: 600 of them are in the journal."""
    server = make_server(start=False, reload__watch=False, reload__gate_events=500,
                         reload__gate_flag_rate=4, reload__gate_rule_rate=4,
                         reload__gate_floor=5, journal__dir=str(tmp_path / "journal"))
    server.write("rules.yaml", rules(59.5))
    server.start()
    send(server, 0, 600)
    return server


def test_one_that_flags_five_percent_more_is_refused(gated):
    before = active(gated)
    refused = offer(gated, 57.5)
    assert refused["message"] == "ruleset refused by the gate"
    assert refused["why"].startswith(
        "flags 42.0 % of the last 500 transactions, the running ruleset 40.0 %: +5 %, the bound "
        "is 4 %")
    assert active(gated) == before
    entry = audit(gated)[-1]
    assert entry["result"] == "gated" and entry["gate"]["refused"] is True
    assert (entry["gate"]["flagged_before"], entry["gate"]["flagged"]) == (200, 210)
    assert metric(gated, 'sluice_ruleset_gate_total{result="refused"}') == 1
    assert metric(gated, "sluice_ruleset_gate_change") == 0.05


def test_one_that_is_forced_is_told_as_forced_and_so_is_what_comes_behind_it(gated):
    ruleset = (gated.folder / "ruleset.yaml").read_text()
    forced = put(gated, bundle({"ruleset.yaml": ruleset, "rules.yaml": rules(97.5)}),
                 "?force=true")
    assert forced.status == 200 and forced.json()["gate"]["refused"] is True
    told = gated.wait_log("the ruleset was forced past the gate")
    assert told["ruleset"] == forced.json()["ruleset"] and told["why"].startswith("flags 2.0 %")
    entry = audit(gated)[-1]
    assert entry["result"] == "loaded" and entry["forced"] is True
    assert entry["gate"]["refused"] is True
    refused = offer(gated, 58.5)
    assert refused["why"].endswith(
        "; beyond its bound is also rule large (+1950 %); the running ruleset was itself "
        "forced past the gate: roll back to the one before it, or force this one, too")


def test_one_within_the_bounds_passes_and_is_watched(gated):
    before = active(gated)
    loaded = offer(gated, 58.5)
    assert loaded["message"] == "ruleset loaded" and active(gated) != before
    assert audit(gated)[-1]["gate"]["why"].endswith("+2.5 %, the bound is 4 %")
    assert metric(gated, 'sluice_ruleset_gate_total{result="passed"}') == 1
    assert metric(gated, "sluice_ruleset_drift_watched") == 1


def test_live_traffic_as_predicted_changes_nothing(gated):
    offer(gated, 58.5)
    now = active(gated)
    send(gated, 600, 2000)
    time.sleep(2.5)  # it is looked at each second
    assert active(gated) == now and metric(gated, "sluice_ruleset_drift_watched") == 1


def test_live_traffic_that_changes_brings_the_one_before_back(gated):
    before = active(gated)
    offer(gated, 58.5)
    assert active(gated) != before
    send(gated, 600, 2000, amount=lambda i: 99)
    drifted = gated.wait_log("live traffic is not as the gate predicted")
    assert drifted["why"].startswith("flags ")
    assert "the gate predicted 41 %; the bound is 50 % more or less" in drifted["why"]
    loaded = gated.wait_log("ruleset loaded")
    while loaded["from"] != "drift":
        loaded = gated.wait_log("ruleset loaded")
    assert loaded["ruleset"] == before == active(gated)
    entry = audit(gated)[-1]
    assert (entry["from"], entry["who"], entry["ruleset"]) == ("drift", "local", before)
    assert entry["why"] == drifted["why"]
    assert metric(gated, "sluice_ruleset_drift_total") == 1
    assert metric(gated, "sluice_ruleset_drift_watched") == 0


def test_without_enough_history_nothing_is_refused(make_server, tmp_path):
    server = make_server(start=False, reload__watch=False, reload__gate_events=500,
                         journal__dir=str(tmp_path / "journal"))
    server.write("rules.yaml", rules(59.5))
    server.start()
    send(server, 0, 50)
    assert offer(server, 1.0)["message"] == "ruleset loaded"
    gate = audit(server)[-1]["gate"]
    assert gate == {"judged": False, "refused": False,
                    "why": "not judged: the journal has 50 transactions, 100 at least are needed"}
    assert metric(server, 'sluice_ruleset_gate_total{result="unjudged"}') == 1
    assert metric(server, "sluice_ruleset_drift_watched") == 0
