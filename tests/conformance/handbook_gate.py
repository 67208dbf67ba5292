#!/usr/bin/env python3
"""The gate on the handbook's stream: a candidate that flags 5 % more is refused at a bound of 4 %,
one that flags 3 % more passes.

    handbook_gate.py SLUICE RULESET EVENTS.ndjson FOLDER

A service with its state in memory and a journal accepts EVENTS, and flags what is over twice its
account's mean of 30 days. From the features in its decisions follows at which other multiple so
many more of the last JUDGED are flagged; that is offered by SIGHUP. What the gate says that it
counted, over the journal and from empty windows, must be those numbers to the last transaction.
"""
import http.client
import json
import os
import signal
import sys
import tempfile
import time

import handbook_batch
import procs

JUDGED = 50000
BOUND = 4  # percent
MULTIPLE = 2.0
OFFERED_S = 60

RULE = """\
rules:
  - id: unlike-the-account
    title: Far over what the account spends
    when: amount > {multiple} * account_avg_amount_30d
    score: 80
"""


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


class Service:
    def __init__(self, folder, ruleset):
        self.folder, self.port = folder, procs.free_port()
        with open(ruleset, encoding="utf-8") as f:
            write(f"{folder}/ruleset.yaml", f.read().replace("handbook-rules.yaml", "rules.yaml"))
        self.set_multiple(MULTIPLE)
        self.config = f"{folder}/sluice.yaml"
        write(self.config, f"listen: 127.0.0.1:{self.port}\n"
              f"ruleset: {folder}/ruleset.yaml\n"
              f"state: {{backend: memory}}\n"
              f"journal: {{dir: {folder}/journal}}\n"
              f"audit: {{file: {folder}/audit.ndjson}}\n"
              f"alerts: {{file: {folder}/alerts.ndjson}}\n"
              f"reload: {{watch: false, dir: {folder}/rulesets, gate_events: {JUDGED},\n"
              f"         gate_history: 1000000, gate_flag_rate: {BOUND}}}\n"
              f"deadline_ms: 10000\n"
              f"request_timeout_ms: 600000\n")

    def set_multiple(self, multiple):
        write(f"{self.folder}/rules.yaml", RULE.format(multiple=repr(multiple)))

    def active(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", "/v1/ruleset")
        return json.load(connection.getresponse())["ruleset"]

    def audit(self):
        with open(f"{self.folder}/audit.ndjson", encoding="utf-8") as f:
            return [json.loads(line) for line in f]

    def offer(self, process, multiple):
        """The audit log's entry of it, and how long it took."""
        before, began = len(self.audit()), time.monotonic()
        self.set_multiple(multiple)
        process.send_signal(signal.SIGHUP)
        while len(self.audit()) == before:
            if time.monotonic() > began + OFFERED_S or process.poll() is not None:
                sys.exit("    nothing came of SIGHUP")
            time.sleep(0.02)
        return self.audit()[-1], time.monotonic() - began


def read_decisions(answer, events):
    """Of each transaction (amount / mean, is flagged), in order."""
    with open(events, encoding="utf-8") as f:
        amounts = {e["transaction_id"]: e["amount"] for e in map(json.loads, f)
                   if "kind" not in e}
    decisions = (json.loads(line) for line in answer if b'"decision":' in line)
    return [(amounts[d["transaction_id"]] / d["features"]["account_avg_amount_30d"]["value"],
             d["decision"] == "flag") for d in decisions]


def multiple_of(ratios, count):
    """The middle between the last one flagged and the next, when `count` are flagged."""
    ratios = sorted(ratios, reverse=True)
    return (ratios[count - 1] + ratios[count]) / 2


def check(service, process, judged, percent_more):
    flagged = sum(is_flagged for _, is_flagged in judged)
    wanted = round(flagged * (1 + percent_more / 100))
    active = service.active()
    entry, took_s = service.offer(process, multiple_of([ratio for ratio, _ in judged], wanted))
    gate, refused = entry["gate"], percent_more > BOUND
    counts = (gate["transactions"], gate["flagged_before"], gate["flagged"])
    good = (entry["result"] == "gated") == gate["refused"] == refused
    good &= counts == (len(judged), flagged, wanted)
    good &= (service.active() == active) == refused
    print(f"    {flagged} flagged, {wanted} by a candidate: {entry['result']} in {took_s:.1f} s: "
          f"{gate['why']}{'' if good else '; NOT as it should be'}")
    return good


def run(sluice, ruleset, events, folder):
    service = Service(folder, ruleset)
    with procs.child([sluice, "serve", "-c", service.config], f"{folder}/serve.log") as process:
        procs.wait_until(process, lambda: handbook_batch.is_live(service.port), "sluice serve")
        began = time.monotonic()
        decisions = read_decisions(handbook_batch.post_batch(service.port, events), events)
        print(f"    {len(decisions)} transactions accepted in {time.monotonic() - began:.1f} s; "
              f"the last {JUDGED} are judged")
        judged = decisions[-JUDGED:]
        return all([check(service, process, judged, 5), check(service, process, judged, 3)])


def main():
    sluice, ruleset, events, parent = sys.argv[1:]
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        return 0 if run(sluice, ruleset, events, os.path.abspath(folder)) else 1


if __name__ == "__main__":
    sys.exit(main())
