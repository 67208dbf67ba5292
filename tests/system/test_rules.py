"""What labels say of the rules: GET /v1/rules, `sluice rules` and the metrics of it; with memory
through a kill, and with a Redis that two instances share."""
import os
import re
import subprocess

import pytest
from conftest import BIN, RULES, RULESET, payment, until

FRAUD, LEGITIMATE = "fraud", "legitimate"


def label(number, outcome, day=12, account="a-1"):
    return {"kind": "label", "transaction_id": f"t-{account}-{number}", "outcome": outcome,
            "timestamp": f"2026-01-{day:02}T12:00:00Z"}


def rules(server):
    answer = server.get("/v1/rules")
    assert answer.status == 200
    return answer.json()


def burst_of(server):
    return next(r for r in rules(server)["rules"] if r["rule"] == "account-burst")


def score_a_burst(server, account="a-1"):
    """Payments 10 and 11 of these are flagged by account-burst."""
    flagged = [server.score(payment(i, account=account)).json()["decision"] for i in range(12)]
    assert flagged == ["allow"] * 10 + ["flag"] * 2


def recorded(server, event):
    answer = server.label(event)
    assert answer.status == 200
    return answer.json()["status"]


def check_sums(answer):
    """Of the burst one is fraud and one legitimate; of the others one is fraud."""
    burst = next(r for r in answer["rules"] if r["rule"] == "account-burst")
    assert burst["live"] == {"fraud": 1, "legitimate": 1, "amounts": [
        {"currency": "EUR", "fraud": 950, "legitimate": 950}]}
    assert burst["shadow"] == {"fraud": 0, "legitimate": 0, "amounts": []}
    labels = answer["labels"]
    assert (labels["flagged"]["fraud"], labels["flagged"]["legitimate"]) == (1, 1)
    assert (labels["allowed"]["fraud"], labels["allowed"]["legitimate"]) == (1, 0)


def label_the_burst(server):
    for event in [label(0, FRAUD), label(10, FRAUD), label(11, FRAUD),
                  label(11, LEGITIMATE, day=13)]:
        assert recorded(server, event) == "recorded"
    assert recorded(server, label(10, FRAUD)) == "duplicate"


def test_labels_count_once_and_move_and_survive_a_kill(make_server):
    server = make_server(journal__dir="journal", journal__fsync="always")
    score_a_burst(server)
    label_the_burst(server)
    check_sums(rules(server))
    assert burst_of(server)["fired"] == 2 and rules(server)["transactions"] == 12
    server.kill()
    server.start()
    check_sums(rules(server))
    assert burst_of(server)["fired"] == 0  # of this process
    assert recorded(server, label(10, FRAUD)) == "duplicate"
    assert recorded(server, label(10, LEGITIMATE, day=14)) == "recorded"
    assert burst_of(server)["live"]["legitimate"] == 2
    assert server.stop() == 0
    server.start()
    assert burst_of(server)["live"] == {"fraud": 0, "legitimate": 2, "amounts": [
        {"currency": "EUR", "fraud": 0, "legitimate": 1900}]}


def test_a_rule_in_rollout_is_told_live_and_as_a_shadow(make_server):
    server = make_server(start=False)
    server.write("rules.yaml", RULES.replace("mode: live", "mode: live\n    rollout: 0%"))
    server.start()
    for i in range(12):
        server.score(payment(i))
    for event in (label(10, FRAUD), label(11, LEGITIMATE)):
        recorded(server, event)
    told = burst_of(server)
    assert (told["mode"], told["rollout"]) == ("live", "0%")
    assert (told["fired"], told["shadow_fired"]) == (0, 2)
    *_, head, first, second = sluice_rules("--url",
                                           f"http://127.0.0.1:{server.port}").stdout.splitlines()
    assert first.split() == "account-burst live 0% high 0 0.0 1 0 0 - - - - 6d 23h".split()
    assert second.split() == "shadow 2 1666.7 1 1 EUR 950.00 EUR 950.00".split()
    assert second.index("shadow") == first.index("live") == head.index("MODE")


def test_a_label_may_come_before_its_transaction(make_server):
    server = make_server()
    assert server.label(label(10, FRAUD)).json()["status"] == "parked"
    score_a_burst(server)
    until(lambda: burst_of(server)["live"]["fraud"] == 1)


def test_a_label_of_nobody_is_unattributed(make_server):
    server = make_server(start=False)
    filtered = """, windows: [1d],
                   where: "currency == 'EUR'"}"""  # which a label alone cannot answer
    server.write("ruleset.yaml", RULESET.replace(filtered, ", windows: [1d]}"))
    server.start()
    own = {**label(99, FRAUD), "transaction_timestamp": "2026-01-05T12:00:00Z", "account_id": "a-1"}
    assert recorded(server, own) == "recorded"
    assert rules(server)["labels"]["unattributed"] == 1
    assert b'sluice_events_total{what="labels_unattributed"} 1' in server.get("/metrics").body


@pytest.fixture
def pair(make_server, redis):
    """Two instances and one Redis."""
    def one(name):
        server = make_server(name=name, state__backend="redis", state__redis=redis.url,
                             deadline_ms=2000, workers=1)
        until(lambda: server.get("/readyz").status == 200)
        return server
    return one("one"), one("two")


def test_two_instances_share_what_labels_say(pair):
    one, two = pair
    score_a_burst(one)
    label_the_burst(two)
    check_sums(rules(one))
    check_sums(rules(two))
    assert recorded(one, label(11, LEGITIMATE, day=13)) == "duplicate"
    assert recorded(one, label(11, FRAUD)) == "duplicate"  # known before
    one.kill()
    one.start()
    until(lambda: one.get("/readyz").status == 200)
    check_sums(rules(one))


def test_without_redis_the_table_says_so_and_metrics_go_without(pair, redis):
    one, _ = pair
    score_a_burst(one)
    label_the_burst(one)
    assert b"sluice_rule_labelled{" in one.get("/metrics").body
    redis.kill()
    until(lambda: one.get("/readyz").status == 503)
    assert one.get("/v1/rules").status == 503
    answer = one.get("/metrics")
    assert answer.status == 200 and b"sluice_rule_labelled{" not in answer.body


def test_metrics_tell_labels_by_rule(make_server):
    server = make_server()
    score_a_burst(server)
    label_the_burst(server)
    text = server.get("/metrics").body.decode()
    for line in [
        'sluice_labelled{decision="allow",outcome="fraud"} 1',
        'sluice_rule_labelled{rule="account-burst",mode="live",outcome="fraud"} 1',
        'sluice_rule_labelled{rule="account-burst",mode="live",outcome="legitimate"} 1',
        'sluice_rule_labelled_amount{rule="account-burst",mode="live",currency="EUR",'
        'outcome="fraud"} 950',
        'sluice_label_lag_seconds_bucket{le="604800"} 3',
        'sluice_label_lag_seconds_count 4',
    ]:
        assert line + "\n" in text, line


# ---- the verb ----

def sluice_rules(*arguments):
    return subprocess.run([BIN, "rules", *arguments], capture_output=True, text=True, timeout=60)


def test_the_verb_prints_the_table(make_server):
    server = make_server()
    score_a_burst(server)
    label_the_burst(server)
    done = sluice_rules("--url", f"http://127.0.0.1:{server.port}")
    assert done.returncode == 0 and done.stderr == ""
    first, second, _, head, row = done.stdout.splitlines()
    assert re.fullmatch(r"ruleset [0-9a-f]{16} since \S+: 12 transactions of this process", first)
    assert second == ("labels: 2 fraud, 1 of them flagged; 1 legitimate, 1 of them flagged; "
                      "precision -, recall -; 0 unattributed")
    assert head.split() == ("RULE MODE SEVERITY FIRED PER 10K NEAR FRAUD LEGIT PRECISION RECALL "
                            "CAUGHT FALSE POSITIVES LAG HINT").split()
    assert row.split() == ("account-burst live high 2 1666.7 1 1 1 - - "
                           "EUR 950.00 EUR 950.00 7d 11h").split()
    as_json = sluice_rules("--url", f"http://127.0.0.1:{server.port}/", "--format", "json")
    assert as_json.stdout == server.get("/v1/rules").body.decode() + "\n"


def test_the_verb_asks_where_the_configuration_listens(make_server):
    server = make_server()
    config = os.path.join(server.folder, "sluice.yaml")
    done = sluice_rules("-c", config, "--listen", f"127.0.0.1:{server.port}")
    assert done.returncode == 0 and "account-burst" in done.stdout


def test_the_verb_goes_where_admins_go_with_their_key(make_server):
    key = "a-token-of-many-characters"
    server = make_server(admin__keys={"alice": key}, admin__listen="127.0.0.1:0")
    port = next(e for e in server.log if "admin_port" in e)["admin_port"]
    config = os.path.join(server.folder, "sluice.yaml")
    done = sluice_rules("-c", config, "--admin.listen", f"127.0.0.1:{port}")
    assert done.returncode == 0 and "account-burst" in done.stdout
    without = sluice_rules("--url", f"http://127.0.0.1:{port}")
    assert without.returncode == 1 and "it answers with status 401: " in without.stderr


@pytest.mark.parametrize("arguments, why", [
    (["--url", "http://127.0.0.1:1"], "Failed to connect to 127.0.0.1 port 1"),
    (["--url", "ftp://127.0.0.1"], "'ftp://127.0.0.1' is no address such as"),
    (["--url", "http://127.0.0.1:x"], "'http://127.0.0.1:x' is no address such as"),
])
def test_the_verb_says_why_it_cannot_ask(arguments, why):
    done = sluice_rules(*arguments)
    assert done.returncode == 1 and why in done.stderr and done.stdout == ""


def test_the_verb_knows_two_formats():
    done = sluice_rules("--url", "http://127.0.0.1:1", "--format", "xml")
    assert done.returncode == 2 and "text or json, not 'xml'" in done.stderr
