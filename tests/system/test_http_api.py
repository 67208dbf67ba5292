"""What each path answers when all is well."""
import json
import os
import re
import threading
import time
import urllib.parse

import pytest

from conftest import RULESET, payment

FRAUD = {"kind": "label", "transaction_id": "t-a-1-0", "outcome": "fraud",
         "timestamp": "2026-01-05T12:30:00Z"}


def test_the_first_payments_are_allowed_and_a_burst_is_flagged(server):
    for i in range(10):
        reply = server.score(payment(i))
        assert reply.status == 200 and reply.headers["Content-Type"] == "application/json"
        assert reply.json()["decision"] == "allow"
        assert "total;dur=" in reply.headers["Server-Timing"]
    flagged = server.score(payment(10)).json()
    assert flagged["decision"] == "flag" and flagged["score"] == 80
    assert flagged["reasons"] == [{"rule": "account-burst", "title": "Burst of payments",
                                   "score": 80, "severity": "high",
                                   "reason": "11 payments in 5 minutes"}]
    assert flagged["degraded"] == [] and "features" not in flagged
    assert list(flagged) == ["transaction_id", "decision", "score", "reasons", "ruleset",
                             "degraded"]


def test_explain_shows_every_feature(server):
    found = server.score(payment(0), "?explain=true").json()
    assert found["features"]["account_tx_count_5m"] == {"value": 1, "exact": True}
    assert found["features"]["terminal_tx_count_1d"]["value"] is None
    assert found["features"]["account_amount_1d"]["value"] == 950
    assert server.score(payment(1), "?explain=maybe").status == 400
    assert server.count() == 1


def test_explain_tells_a_missing_value_from_an_error(make_server):
    server = make_server(start=False)
    server.write("rules.yaml", """\
rules:
  - {id: at-terminal, when: terminal_id == 'm-1', score: 10}
  - {id: wrong, when: "true", score: 1 / (size(account_id) - size(account_id))}
""")
    server.start()
    found = server.score(payment(0), "?explain=true").json()
    assert found["rules"] == [
        {"rule": "at-terminal", "result": "missing", "missing": "terminal_id",
         "values": {"terminal_id": None}},
        {"rule": "wrong", "result": "error", "error": "division by zero", "values": {}}]
    assert found["decision"] == "allow" and found["reasons"] == []


def test_explain_tells_what_would_have_turned_it(server):
    allowed = server.score(payment(0), "?explain=true").json()
    assert allowed["rules"][0]["values"] == {"account_tx_count_5m": 1}
    assert allowed["counterfactual"] == [{
        "name": "account_tx_count_5m", "value": 1, "would_flag": ">= 11",
        "text": "flagged if account_tx_count_5m >= 11 (it is 1)"}]
    for i in range(1, 12):
        flagged = server.score(payment(i), "?explain=true").json()
    assert [c["text"] for c in flagged["counterfactual"]] == [
        "allowed if account_tx_count_5m <= 10 (it is 12)"]
    assert "counterfactual" not in server.score(payment(12)).json()


def test_near_misses_are_counted_and_explained(make_server):
    server = make_server(start=False)
    server.write("rules.yaml", """\
rules:
  - {id: large, when: amount > 1000.0, score: 80}
  - {id: larger, when: amount > 5000.0, score: 80}
  - {id: here, when: terminal_id == 'm-1', score: 10}
""")
    server.start()
    found = server.score(payment(0), "?explain=true").json()
    assert [(r["rule"], r.get("near_miss", False)) for r in found["rules"]] == [
        ("large", True), ("larger", False), ("here", False)]
    text = server.get("/metrics").body.decode()
    assert re.findall(r"^sluice_rule_near_misses_total.*$", text, re.MULTILINE) == [
        'sluice_rule_near_misses_total{rule="large"} 1',
        'sluice_rule_near_misses_total{rule="larger"} 0']


def test_a_retry_gets_the_first_answer_again(server):
    first = server.score(payment(0))
    reordered = json.dumps(dict(reversed(payment(0).items())), indent=3).replace("950.0", "9.50e2")
    again = server.score(reordered)
    assert again.body == first.body
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert server.count() == 1


def test_a_decision_can_be_asked_for_again(server):
    odd = payment(0) | {"transaction_id": "t/ü %"}
    first = server.score(odd)
    assert server.get("/v1/decisions/t%2F%C3%BC%20%25").body == first.body
    assert server.get("/v1/decisions/nobody").status == 404
    assert server.get("/v1/decisions/%zz").status == 400


def test_an_entity_shows_its_features_as_of_a_time(server):
    for i in range(3):
        server.score(payment(i * 600, terminal_id="m-1"))
    assert server.count() == 3
    assert server.count(at="2026-01-05T12:10:00Z") == 2
    assert server.count(at="2026-01-05T12:09:59.999Z") == 1
    assert server.count(at="2026-01-05T14:10:00+02:00") == 2
    found = server.entity("m-1", field="terminal_id").json()
    assert found["field"] == "terminal_id" and found["value"] == "m-1"
    assert found["at"] == "2026-01-05T13:00:00Z"
    assert found["features"] == {"terminal_tx_count_1d": {"value": 3, "exact": True}}
    assert server.count("never seen") == 0
    assert server.entity("x", field="nothing").status == 404
    assert server.get("/v1/entities/account_id/a-1?at=yesterday").status == 400
    assert server.get("/v1/entities/account_id/a-1").status == 200


KEYS = """\
schema:
  transaction_id: {type: string, required: true, max: 64}
  account_id: {type: string, required: true, max: 64}
  amount: {type: decimal, required: true}
  timestamp: {type: timestamp, required: true}
  pan: {type: string, max: 24, card: true}
  address: {type: ip}
  branch: {type: integer}
features:
  account_tx_count: {by: account_id, aggregate: count, windows: [1d]}
  pan_count: {by: pan, aggregate: count, windows: [1d]}
  address_count: {by: address, aggregate: count, windows: [1d]}
  branch_count: {by: branch, aggregate: count, windows: [1d]}
flag_at: 70
"""


@pytest.mark.parametrize("field, sent, asked, shown", [
    ("pan", "4111 1111 1111 1111", "4111111111111111", "card:"),
    ("address", "2001:DB8::1", "2001:db8:0::1", "2001:db8::1"),
    ("branch", 7, "7.0e0", "7"),
])
def test_an_entity_has_any_spelling_of_its_value(make_server, field, sent, asked, shown):
    server = make_server(start=False, journal__dir="journal")
    server.write("ruleset.yaml", KEYS)
    server.start()
    assert server.score(payment(0, **{field: sent})).status == 200
    found = server.entity(asked, field=field).json()
    assert found["features"][f"{field}_count_1d"] == {"value": 1, "exact": True}
    assert found["value"].startswith(shown) and "1111" not in found["value"]
    asked = urllib.parse.quote(asked, safe="")
    assert server.request("DELETE", f"/v1/entities/{field}/{asked}").status == 204
    gone = server.entity(found["value"], field=field).json()  # the shown form is one, too
    assert gone["features"][f"{field}_count_1d"]["value"] == 0
    server.stop()
    for name in (server.folder / "journal").iterdir():
        assert b"4111" not in name.read_bytes(), name


@pytest.mark.parametrize("field, value, told", [
    ("account_id", "4111111111111111", "looks like a card number"),
    ("account_id", "x" * 65, "is longer than the 64 bytes that the schema allows"),
    ("address", "10.0.0.256", "must be an IPv4 or IPv6 address"),
    ("branch", "seven", "must be an integer"),
    ("branch", "7.5", "must be an integer"),
])
def test_an_entity_that_no_event_can_have_is_refused(make_server, field, value, told):
    server = make_server(start=False)
    server.write("ruleset.yaml", KEYS)
    server.start()
    for reply in (server.entity(value, field=field),
                  server.request("DELETE", f"/v1/entities/{field}/{value}")):
        assert reply.status == 400 and told in reply.json()["detail"]
        assert value not in reply.body.decode()


@pytest.mark.parametrize("sent, shown", [
    ("123456789012345", "123456789012345"), ('"99999999999999.99"', "99999999999999.98"),
    ("9007199254741", "9007199254741"), ("-0.0001", "-0.0001"),
])
def test_a_large_amount_is_the_nearest_double(make_server, sent, shown):
    server = make_server(start=False)
    server.write("ruleset.yaml", RULESET)
    server.write("rules.yaml", 'rules:\n  - {id: any, when: "amount != 0.5", score: 1, '
                               'reason: "{amount}", mode: live}\n')
    server.start()
    body = json.dumps(payment(0, amount=None)).replace("null", sent)
    assert server.score(body).json()["reasons"][0]["reason"] == shown


def test_a_share_of_fraud_is_never_more_than_all(make_server):
    server = make_server(start=False)
    server.write("ruleset.yaml", RULESET.replace(
        "flag_at",
        "  account_share: {by: account_id, aggregate: fraud_rate, windows: [30d]}\nflag_at"))
    server.start()
    for i in range(3):
        server.score(payment(i))
    server.request("DELETE", "/v1/entities/account_id/a-1")
    for i in range(3):
        assert server.label({**FRAUD, "transaction_id": f"t-a-1-{i}"}).status == 200
    server.score(payment(3))
    share = server.entity("a-1").json()["features"]["account_share_30d"]
    assert share["value"] == share["hi"] == 1 and not share["exact"]
    assert 0.74 < share["lo"] <= 0.75


def test_a_plus_that_was_not_escaped_is_told(server):
    path = "/v1/entities/account_id/a-1?at="
    wrong = server.get(path + "2026-01-05T12:00:00+01:00")
    assert wrong.status == 400
    assert wrong.json()["detail"].endswith("an offset, and its + is written %2B")
    assert server.get(path + "2026-01-05T12:00:00%2B01:00").json()["at"] == "2026-01-05T11:00:00Z"
    assert "%2B" not in server.get(path + "2026-01-05T12:00:00").json()["detail"]


def test_an_entity_can_be_erased_and_the_log_says_so(server):
    server.score(payment(0))
    reply = server.request("DELETE", "/v1/entities/account_id/a-1")
    assert reply.status == 204 and reply.body == b""
    assert server.count() == 0
    audit = server.wait_log("entity erased")
    assert audit["field"] == "account_id" and "a-1" not in json.dumps(audit)


def test_an_erasure_may_be_retried(server):
    server.score(payment(0))
    for value in ("a-1", "a-1", "never-seen"):
        assert server.request("DELETE", f"/v1/entities/account_id/{value}").status == 204
    assert server.request("DELETE", "/v1/entities/nothing/a-1").status == 404
    assert server.request("DELETE", "/v1/entities/currency/EUR").status == 404  # no key field


def test_labels_are_recorded_once_and_count(server):
    server.score(payment(0))
    first, again = server.label(FRAUD), server.label(FRAUD)
    assert first.status == 200
    assert first.json() == {"transaction_id": "t-a-1-0", "outcome": "fraud", "status": "recorded"}
    assert again.status == 200 and again.json()["status"] == "duplicate"
    features = server.entity("a-1").json()["features"]
    assert features["account_frauds_30d"]["value"] == 1
    assert features["account_tx_count_1d"]["value"] == 1


def test_a_label_before_its_transaction_is_parked(server):
    reply = server.label(FRAUD)
    assert reply.status == 202 and reply.json()["status"] == "parked"
    server.score(payment(0))
    assert server.entity("a-1").json()["features"]["account_frauds_30d"]["value"] == 1


@pytest.mark.parametrize("change", [{"outcome": "guilty"}, {"timestamp": "2126-01-01T00:00:00Z"},
                                    {"timestamp": "2026-01-05T11:00:00Z"}, {"kind": "transaction"},
                                    {"transaction_id": None}])
def test_a_wrong_label_is_422(server, change):
    server.score(payment(0))
    assert server.label(FRAUD | change).status == 422
    assert server.entity("a-1").json()["features"]["account_frauds_30d"]["value"] == 0


def test_a_batch_takes_effect_in_line_order(server):
    lines = [payment(i) for i in range(11)] + [FRAUD, payment(3), payment(11)]
    reply = server.batch(lines, "?explain=true")
    assert reply.status == 200 and reply.headers["Content-Type"] == "application/x-ndjson"
    answers = reply.lines()
    assert [a.get("decision") for a in answers] == ["allow"] * 10 + ["flag", None, "allow", "flag"]
    assert answers[11]["status"] == "recorded"
    assert answers[12] == answers[3]
    assert answers[13]["features"]["account_tx_count_5m"]["value"] == 12
    assert server.batch([]).body == b""
    assert server.request("POST", "/v1/score/batch", json.dumps(payment(12)),
                          {"Content-Type": "application/x-ndjson"}).lines()[0]["decision"] == "flag"


def test_history_may_be_dated_ahead_only_when_it_says_so(server):
    ahead = payment(0) | {"timestamp": "2126-01-05T12:00:00Z"}
    assert server.batch([ahead]).lines()[0]["status"] == 422
    assert server.batch([ahead], "?historic=true").lines()[0]["decision"] == "allow"


def test_a_long_batch_does_not_need_memory_for_its_lines(make_server):
    """SLUICE_BATCH_LINES=1000000 for the long one."""
    n = int(os.environ.get("SLUICE_BATCH_LINES", "60000"))
    server = make_server()
    server.batch([payment(i, account=f"w-{i % 50}") for i in range(2000)], "?historic=true")
    peak, stop = [server.rss_kib()], threading.Event()

    def watch():
        while not stop.wait(0.1):
            peak.append(server.rss_kib())

    watcher = threading.Thread(target=watch)
    watcher.start()
    # Wrong lines: they are answered at length, and leave no state that would grow.
    body = (b'{"transaction_id":"x","account_id":"a-1","amount":"none"}\n' * n)
    begun = time.monotonic()
    reply = server.request("POST", "/v1/score/batch", body,
                           {"Content-Type": "application/x-ndjson"}, timeout=600)
    took = time.monotonic() - begun
    stop.set()
    watcher.join()
    assert reply.status == 200 and reply.body.count(b"\n") == n
    assert json.loads(reply.body.splitlines()[-1])["line"] == n
    print(f"{n} lines, {len(reply.body)} bytes of answers, {took:.1f} s, "
          f"{peak[0]} KiB before, {max(peak)} KiB at most")
    assert max(peak) - peak[0] < 16 << 10


def test_a_batch_whose_answers_have_no_room_says_how_far_it_came(make_server):
    server = make_server(limits__batch_spool_bytes=1 << 20)
    reply = server.batch(["{"] * 20000)
    assert reply.status == 507 and "took effect" in reply.json()["detail"]
    assert server.get("/livez").status == 200


def test_a_deadline_of_the_request_must_be_a_sane_number(server):
    for wrong in ("0", "60001", "-1", "soon", "1.5", ""):
        assert server.score(payment(0), **{"Sluice-Deadline-Ms": wrong}).status == 400, wrong
        assert server.batch([payment(0)], **{"Sluice-Deadline-Ms": wrong}).status == 400, wrong
    assert server.count() == 0
    assert server.score(payment(0), **{"Sluice-Deadline-Ms": "60000"}).status == 200
    assert server.batch([payment(1)], **{"Sluice-Deadline-Ms": "1"}).status == 200


@pytest.mark.parametrize("query, told", [
    ("?explian=true", "'explian' here; did you mean 'explain'?"),
    ("?explain=true&dry_run=true", "'dry_run' here"),
    ("?Explain=true", "did you mean 'explain'?"),
    ("?explain=maybe", "explain must be true or false"),
    ("?explain=TRUE", "explain must be true or false"),
    ("?explain=", "explain must be true or false"),
    ("?explain", "explain must be true or false"),
    ("?%FF=1", "a name that is not known"),
    ("?explain=true&explain=false", "'explain' stands here twice"),
    ("?explain=true&explain=true", "'explain' stands here twice"),
    ("?explain=true&explain", "'explain' stands here twice"),
])
def test_a_query_parameter_that_is_not_understood_is_400_and_nothing_is_scored(server, query, told):
    reply = server.score(payment(0), query)
    assert reply.status == 400 and reply.headers["Content-Type"] == "application/problem+json"
    assert reply.json()["type"] == "urn:sluice:problem:parameter"
    assert told in reply.json()["detail"]
    assert server.count() == 0


def test_each_path_knows_its_own_parameters_and_probes_may_bring_theirs(server):
    wrong = server.batch([payment(0)], "?explain=true&historical=true")
    assert wrong.status == 400 and "did you mean 'historic'?" in wrong.json()["detail"]
    wrong = server.batch([payment(0)], "?historic=1")
    assert wrong.status == 400 and wrong.json()["detail"] == "historic must be true or false"
    for path in ("/v1/decisions/t-1", "/v1/entities/account_id/a-1", "/v1/ruleset"):
        assert server.get(path + "?explain=true").status == 400, path
    assert server.request("DELETE", "/v1/entities/account_id/a-1?at=now").status == 400
    for path in ("/livez", "/readyz", "/metrics", "/openapi.yaml"):
        assert server.get(path + "?probe=1&probe=2").status == 200, path
    wrong = server.get("/v1/entities/account_id/a-1?at=2026-01-05T12:00:00Z&at=now")
    assert wrong.status == 400 and "'at' stands here twice" in wrong.json()["detail"]
    assert server.count() == 0


def test_other_methods_and_paths(server):
    assert server.get("/").status == 404
    assert server.get("/v1/score/").status == 404
    wrong = server.get("/v1/score")
    assert wrong.status == 405 and wrong.headers["Allow"] == "POST"
    options = server.request("OPTIONS", "/v1/entities/account_id/a-1")
    assert options.status == 405 and options.headers["Allow"] == "GET, HEAD, DELETE"
    for path in ("/livez", "/readyz", "/metrics", "/openapi.yaml", "/v1/ruleset"):
        head, full = server.request("HEAD", path), server.get(path)
        assert (head.status, head.body) == (200, b""), path
        assert full.status == 200 and full.body, path
        assert head.headers["Content-Type"] == full.headers["Content-Type"]


def test_what_is_not_served_is_told_what_is(server):
    found = {path: server.get(path).json()["detail"] for path in ("/v1/scores", "/v1/score/", "/x")}
    assert found == {
        "/v1/scores": "nothing is served at this path; did you mean '/v1/score'?",
        "/v1/score/": "nothing is served at this path; did you mean '/v1/score'?",
        "/x": "nothing is served at this path; /openapi.yaml tells what is"}
    assert server.get("/v1/score").json()["detail"] == "this path takes POST"
    options = server.request("OPTIONS", "/v1/entities/account_id/a-1")
    assert options.json()["detail"] == "this path takes GET, HEAD, DELETE"


def test_the_ruleset_tells_its_names(server):
    found = server.get("/v1/ruleset").json()
    decided = server.score(payment(0)).json()
    assert found["ruleset"] == decided["ruleset"]
    assert found["features"][0] == "account_tx_count_5m" and len(found["features"]) == 5
    assert found["rules"] == [{"id": "account-burst", "title": "Burst of payments",
                               "severity": "high", "mode": "live"}]
    assert found["fields"][:4] == ["transaction_id", "account_id", "amount", "timestamp"]


def test_a_rollout_is_told_where_rules_are(make_server):
    server = make_server(start=False)
    server.write("rules.yaml", """\
rules:
  - {id: nobody, when: amount > 1.0, score: 100, rollout: 0%}
  - {id: some, when: amount > 1000.0, score: 100, rollout: 12.5%}
  - {id: all, when: amount > 1.0, score: 1, rollout: 100%}
""")
    server.start()
    shown = {rule["id"]: rule.get("rollout") for rule in server.get("/v1/ruleset").json()["rules"]}
    assert shown == {"nobody": "0%", "some": "12.5%", "all": None}
    found = server.score(payment(0)).json()
    assert (found["decision"], [r["rule"] for r in found["shadow"]]) == ("allow", ["nobody"])
    text = server.get("/metrics").body.decode()
    assert 'sluice_rule_fired_total{rule="nobody",mode="live"} 0' in text
    assert 'sluice_rule_fired_total{rule="nobody",mode="shadow"} 1' in text


def test_metrics_count_and_carry_no_ids(server):
    for i in range(11):
        server.score(payment(i, account="secret-account"))
    server.score("{")
    text = server.get("/metrics").body.decode()
    samples = {}
    for line in text.splitlines():
        assert line.startswith("# ") or " " in line
        if not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            assert name not in samples, name
            samples[name] = float(value)
    score = 'method="POST",route="/v1/score"'
    assert samples[f'sluice_http_requests_total{{{score},status="2xx"}}'] == 11
    assert samples[f'sluice_http_requests_total{{{score},status="4xx"}}'] == 1
    assert samples['sluice_decisions_total{decision="allow"}'] == 10
    assert samples['sluice_decisions_total{decision="flag"}'] == 1
    assert samples[f"sluice_http_request_duration_seconds_count{{{score}}}"] == 12
    assert samples['sluice_rule_fired_total{rule="account-burst",mode="live"}'] == 1
    assert "secret-account" not in text and "t-secret" not in text
    helps = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(helps) == len(set(helps))
