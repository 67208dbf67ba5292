"""Reloads under load, half of them broken: no request fails, and no decision is of two rulesets.

Each good ruleset puts its own number into its rule's id, title, score and reason, so that a
decision tells by each of them which one made it.
"""
import http.client
import json
import random
import threading

from conftest import RULESET
from test_admin import TAR, bundle

RELOADS = 60  # half of them truncated at a random byte
CLIENTS = 6


def rules(number):
    return (f"rules:\n  - id: rule-{number}\n    title: title-{number}\n    when: amount > 0.0\n"
            f"    score: {number}\n    reason: reason-{number}\n")


def numbers(decision):
    """Every number that a decision shows; one ruleset shows one."""
    hit, = decision["reasons"]
    return {int(hit["rule"][5:]), int(hit["title"][6:]), int(hit["reason"][7:]),
            int(hit["score"]), int(decision["score"])}


class Load:
    """Clients that keep a connection each and score as fast as they are answered."""

    def __init__(self, port):
        self.port = port
        self.stop = threading.Event()
        self.faults, self.decisions = [], []
        self.threads = [threading.Thread(target=self.run, args=(n,)) for n in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def run(self, client):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        i = 0
        while not self.stop.is_set():
            i += 1
            body = json.dumps({"transaction_id": f"l-{client}-{i}", "account_id": f"a-{client}",
                               "amount": 1, "timestamp": "2026-01-05T12:00:00Z"})
            connection.request("POST", "/v1/score", body, {"Content-Type": "application/json"})
            reply = connection.getresponse()
            answer = reply.read()
            if reply.status != 200:
                self.faults.append((reply.status, answer))
            else:
                self.decisions.append(json.loads(answer))

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()


def test_no_request_fails_and_no_decision_mixes_two_rulesets(make_server):
    server = make_server(start=False)
    server.write("rules.yaml", rules(1))
    server.start()
    valid = {server.get("/v1/ruleset").json()["ruleset"]: 1}
    cut = random.Random(20260105)
    load = Load(server.port)
    for reload in range(2, RELOADS + 2):
        text = rules(reload)
        if reload % 2:
            text = text[:cut.randrange(len(text) - 1)]
        reply = server.request("PUT", "/v1/ruleset",
                               bundle({"ruleset.yaml": RULESET, "rules.yaml": text}), TAR)
        assert reply.status in (200, 422), reply.body
        report = reply.json() if reply.status == 200 else reply.json()["report"]
        if report["result"] == "loaded":
            # What is cut may be a ruleset still; then it may not show a number, and no decision's
            # reasons are looked at below that it made.
            valid[report["ruleset"]] = reload if text == rules(reload) else None
    load.end()
    assert load.faults == []
    assert len(load.decisions) > RELOADS
    seen = {d["ruleset"] for d in load.decisions}
    assert seen <= set(valid), "a hash that was never valid"
    assert len(seen) > RELOADS // 8, "the load did not meet the reloads"
    for decision in load.decisions:
        number = valid[decision["ruleset"]]
        if number is not None:
            assert numbers(decision) == {number}, decision
