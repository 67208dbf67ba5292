#!/usr/bin/env python3
"""The brokers away under load: does it show in the answers, and do all alerts arrive afterwards?

    outage.py [--rate 5000] [--minute 60] [--pairs 2] [--state memory|redis]

An open loop at a fixed rate over HTTP; one answer in twenty is a flag, with an alert to Kafka.
Minutes in which the broker is killed alternate with control minutes. Of each second its p99; the
median of the minutes with and without a broker are compared, and at the end the alerts counted.
"""
import argparse
import contextlib
import csv
import datetime
import os
import statistics
import subprocess
import sys
import tempfile
import time

import kafka_rounds
import procs
import run
import stream

RULESET = """\
schema:
  transaction_id: {type: string, required: true, max: 64}
  account_id: {type: string, required: true, max: 64}
  amount: {type: decimal, required: true}
  timestamp: {type: timestamp, required: true}
  terminal_id: {type: string, max: 64}
features:
  account_tx_count: {by: account_id, aggregate: count, windows: [5m, 1h, 1d]}
  account_avg_amount: {by: account_id, aggregate: avg, of: amount, windows: [1d]}
  terminal_tx_count: {by: terminal_id, aggregate: count, windows: [1h, 1d]}
flag_at: 70
rules: [rules.yaml]
"""
RULES = """\
rules:
  - {id: large, title: Large, when: amount > 95.25, score: 80, reason: "{amount} is large"}
"""
ARRIVE_S = 120


def write_config(folder, port, state, kafka):
    for name, text in (("ruleset.yaml", RULESET), ("rules.yaml", RULES)):
        with open(f"{folder}/{name}", "w", encoding="ascii") as f:
            f.write(text)
    with open(f"{folder}/outage.yaml", "w", encoding="ascii") as f:
        f.write(f"listen: 127.0.0.1:{port}\nruleset: ruleset.yaml\nstate: {state}\n"
                f"journal: {{dir: journal, fsync: everysec}}\nlog: {{level: error}}\n"
                f"alerts: {{file: \"\"}}\n"
                f"kafka: {{brokers: \"{kafka.bootstrap}\", alerts: outage-alerts}}\n")
    return f"{folder}/outage.yaml"


class Attack:
    """One open loop over all the minutes."""

    def __init__(self, server, rate, seconds, folder):
        self.results, self.targets = f"{folder}/vegeta.bin", f"{folder}/targets.json"
        run.write_targets(self.targets, server, f"q{os.getpid() % 10000:04d}", rate * seconds)
        self.stdin = open(self.targets, "rb")
        self.process = subprocess.Popen(
            [run.find_vegeta(), "attack", "-format=json", "-lazy", f"-rate={rate}",
             f"-duration={seconds}s", "-connections=256", "-workers=64", "-max-workers=256",
             f"-output={self.results}"], stdin=self.stdin, env={**os.environ, **run.VEGETA_ENV})

    def seconds(self):
        """[(status, latency_us)] of each second, from the first."""
        self.process.wait()
        self.stdin.close()
        rows = subprocess.run([run.find_vegeta(), "encode", "-to", "csv",
                               self.results], capture_output=True, text=True, check=True).stdout
        found, first = {}, None
        for row in csv.reader(rows.splitlines()):
            at, status, latency_ns = int(row[0]), int(row[1]), int(row[2])
            first = at if first is None else min(first, at)
            found.setdefault(at // 10**9, []).append((status, latency_ns / 1000))
        return [found[second] for second in sorted(found)]


def p99(second):
    latencies = sorted(latency for _, latency in second)
    return latencies[int(len(latencies) * 0.99)]


def report(seconds, minutes, minute):
    """Median p99 of each minute's seconds, but for the two at its edges."""
    found = {"control": [], "away": []}
    for number, kind in enumerate(minutes):
        inner = seconds[number * minute + 2:(number + 1) * minute - 2]
        found[kind].append(statistics.median(p99(second) for second in inner))
        print(f"  minute {number + 1}, broker {'away' if kind == 'away' else 'there'}: "
              f"median p99 of its seconds {found[kind][-1]:,.0f} us")
    ratio = statistics.median(found["away"]) / statistics.median(found["control"])
    print(f"away / there: {ratio:.2f}")
    return ratio


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sluice", default="build/sluice")
    parser.add_argument("--rate", type=int, default=5000)
    parser.add_argument("--minute", type=int, default=60)
    parser.add_argument("--pairs", type=int, default=2)
    parser.add_argument("--state", default="memory")
    args = parser.parse_args()
    os.makedirs(run.OUT, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=run.OUT) as folder, contextlib.ExitStack() as stack:
        folder = os.path.abspath(folder)
        kafka = kafka_rounds.kafka_broker.Cluster(f"{folder}/kafka").start()
        stack.callback(kafka.kill)
        kafka.create_topic("outage-alerts", kafka_rounds.PARTITIONS)
        path, redis = run.start_redis(stack, folder)
        state = "{backend: memory}" if args.state == "memory" else \
            f'{{backend: redis, redis: "redis+unix://{path}"}}'
        port = procs.free_port()
        config = write_config(folder, port, state, kafka)
        process = stack.enter_context(
            procs.child([args.sluice, "serve", "-c", config], f"{folder}/log"))
        procs.wait_until(process, lambda: procs.accepts(port), "sluice serve")
        server = run.Server("outage", port, process, redis)
        minutes = ["control", *["away", "control"] * args.pairs]
        attack = Attack(server, args.rate, len(minutes) * args.minute, folder)
        started = time.monotonic()
        for number, kind in enumerate(minutes):
            if kind == "away":
                kafka.nodes[0].kill()
            elif number > 0:
                kafka.nodes[0].start()
            time.sleep(max(0, started + (number + 1) * args.minute - time.monotonic()))
        seconds = attack.seconds()
        failed = sum(status != 200 for second in seconds for status, _ in second)
        asked = sum(len(second) for second in seconds)
        ratio = report(seconds, minutes, args.minute)
        flagged = sum(float(body.split('"amount":')[1].split(",")[0]) > 95.25 for body in
                      stream.bodies("count", asked, datetime.datetime.now(datetime.timezone.utc)))
        arrivals = kafka_rounds.Arrivals(kafka, "outage-alerts")
        end = time.monotonic() + ARRIVE_S
        while arrivals.count() < flagged and time.monotonic() < end:
            time.sleep(0.5)
        print(f"{asked:,} requests, {failed} failed; {flagged:,} flagged, "
              f"{arrivals.count():,} alerts on the topic")
        return 0 if arrivals.count() >= flagged and failed == 0 and ratio <= 1.25 else 1


if __name__ == "__main__":
    sys.exit(main())
