#!/usr/bin/env python3
"""Send events through Kafka and Sluice with a real broker and a real Redis; compare with replay.

    kafka_stream.py --sluice BIN --ruleset FILE --events FILE
                      --decisions REPLAYED --final REPLAYED [--partitions N] [--instances N]
                      [--faults N] [--poison SHARE] [--seed S] FOLDER

With one partition and without faults the topic of decisions must equal replay's file byte for byte.
Always: every transaction has its decision, and the same bytes each time it comes; every flagged one
has an alert, and repeats of it have the same id; what cannot be scored is a dead letter with its
reason, and nothing else is; and every entity's windows at the end are those of replay.

--faults does each of these so often, at random moments while the events come in: SIGKILL of an
instance, SIGKILL of the broker, SIGSTOP of Redis for 5 s, one more instance that joins and leaves.
The broker, Redis and all instances are its own, and end with it. tests/ is in PYTHONPATH.
"""
import argparse
import collections
import contextlib
import csv
import hashlib
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

import confluent_kafka
import kafka_broker
import procs

SILENCE_S = 120      # nothing arrives any more
REDIS_PAUSE_S = 5
TOPICS = ("transactions", "decisions", "alerts", "dead")
POISONS = ("truncated", "types", "huge", "utf8", "json", "framing", "empty")
SHOWN_MAX = 3


def say(text):
    print(f"    {text}", flush=True)


# ---- the instances ----

class Instance:
    """A `sluice serve` with a folder of its own."""

    def __init__(self, args, folder, name, kafka, redis_url):
        self.sluice, self.folder = args.sluice, os.path.join(folder, name)
        self.port, self.process = procs.free_port(), None
        os.makedirs(self.folder, exist_ok=True)
        with open(f"{self.folder}/sluice.yaml", "w", encoding="utf-8") as f:
            f.write(f"listen: 127.0.0.1:{self.port}\nruleset: {os.path.abspath(args.ruleset)}\n"
                    f'state: {{backend: redis, redis: "{redis_url}", start: degraded}}\n'
                    f"journal: {{dir: journal}}\nworkers: {args.workers}\n"
                    f'alerts: {{file: ""}}\ndead_letters: {{file: ""}}\n'
                    f"kafka: {{brokers: \"{kafka.bootstrap}\", group: g, transactions: "
                    f"transactions, decisions: decisions, alerts: alerts, dead_letters: dead, "
                    f"properties: {{session.timeout.ms: 6000}}}}\n")

    def start(self):
        with open(f"{self.folder}/log", "ab") as log:
            self.process = subprocess.Popen(
                [self.sluice, "serve", "-c", f"{self.folder}/sluice.yaml"], stdout=log, stderr=log)

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self):
        """The orderly end."""
        self.process.terminate()
        status = self.process.wait(60)
        if status != 0:
            raise SystemExit(f"    an instance ended with {status}: {self.folder}/log")

    def get(self, connection, path):
        connection.request("GET", path)
        reply = connection.getresponse()
        return reply.status, reply.read()

    def is_ready(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            return self.get(connection, "/readyz")[0] == 200
        except OSError:
            return False
        finally:
            connection.close()


# ---- what goes in ----

def accounts_of(path):
    """Lines with the account each belongs to: labels go where their transaction went."""
    accounts = {}
    with open(path, "rb") as f:
        for line in f:
            event = json.loads(line)
            account = event.get("account_id") or accounts[event["transaction_id"]]
            accounts[event["transaction_id"]] = account
            yield account, line.rstrip(b"\n")


def poison(kind, number):
    """A message that can never be scored."""
    good = {"transaction_id": f"poison-{number}", "account_id": "0", "amount": 1,
            "timestamp": "2018-04-01T00:00:00Z"}
    text = json.dumps(good).encode()
    return {"truncated": text[:-5], "types": json.dumps({**good, "amount": "much"}).encode(),
            "huge": json.dumps({**good, "note": "x" * 70000}).encode(),
            "utf8": text.replace(b"poison", b"p\xff\xfe"), "json": b"<pain.001/>",
            "framing": b"\x00\x00\x00\x00\x07\x02\x04", "empty": b""}[kind]


class Feeder:
    """Produces the events in order, each account's into one partition, poison among them."""

    def __init__(self, kafka, args, chance):
        self.args, self.chance = args, chance
        self.producer = confluent_kafka.Producer(
            {"bootstrap.servers": kafka.bootstrap, "log_level": 0, "linger.ms": 20,
             "enable.idempotence": True,
             "message.timeout.ms": 0, "queue.buffering.max.messages": 2_000_000,
             "queue.buffering.max.kbytes": 2_000_000})
        self.poisoned = collections.Counter()
        self.events = 0

    def partition(self, account):
        return int(hashlib.sha256(account.encode()).hexdigest(), 16) % self.args.partitions

    def send(self, key, value, partition):
        self.producer.produce("transactions", value, key, partition)
        if self.events % 1000 == 0:
            self.producer.poll(0)

    def feed(self, source, count):
        """The next `count` events; false at the end."""
        for _ in range(count):
            account, line = next(source, (None, None))
            if account is None:
                return False
            self.events += 1
            self.send(account, line, self.partition(account))
            if self.chance.random() < self.args.poison:
                kind = POISONS[sum(self.poisoned.values()) % len(POISONS)]
                self.poisoned[kind] += 1
                self.send(f"poison-{kind}", poison(kind, self.events),
                          self.chance.randrange(self.args.partitions))
        return True


# ---- what comes out ----

class Collector(threading.Thread):
    """Everything of the three topics, in the order of each partition."""

    def __init__(self, kafka):
        super().__init__(daemon=True)
        self.consumer = confluent_kafka.Consumer(
            {"bootstrap.servers": kafka.bootstrap, "log_level": 0, "group.id": "collector",
             "auto.offset.reset": "earliest", "enable.auto.commit": False})
        self.consumer.assign([confluent_kafka.TopicPartition(t, 0, confluent_kafka.OFFSET_BEGINNING)
                              for t in TOPICS[1:]])
        self.decisions = {}                 # id -> bytes of the first
        self.order = []                     # bytes, as they came
        self.differing, self.repeated = [], 0
        self.alerts = collections.defaultdict(set)  # transaction id -> ce_ids
        self.alerts_seen = 0
        self.dead = collections.Counter()   # reason
        self.dead_keys = collections.Counter()
        self.moved = time.monotonic()
        self.stopped = False

    def run(self):
        while not self.stopped:
            for message in self.consumer.consume(10000, 0.2):
                if not message.error():
                    self.moved = time.monotonic()
                    getattr(self, "take_" + message.topic())(message)

    def take_decisions(self, message):
        value = message.value()
        txn_id = dict(message.headers())["ce_subject"].decode()
        self.order.append(value)
        first = self.decisions.setdefault(txn_id, value)
        self.repeated += first is not value
        if first != value:
            self.differing.append(txn_id)

    def take_alerts(self, message):
        headers = dict(message.headers())
        self.alerts_seen += 1
        self.alerts[headers["ce_subject"].decode()].add(headers["ce_id"])

    def take_dead(self, message):
        self.dead[dict(message.headers())["error"].decode()] += 1
        self.dead_keys[message.key().decode()] += 1

    def wait(self, decisions, dead):
        """Until all of them are there, or nothing comes any more."""
        while len(self.decisions) < decisions or sum(self.dead_keys.values()) < dead:
            if time.monotonic() - self.moved > SILENCE_S:
                return False
            time.sleep(0.2)
        return True


# ---- faults ----

class Faults:
    """Each kind `count` times, in a random order; `between` runs after each."""

    def __init__(self, args, chance, kafka, redis, instances, make_instance):
        self.chance, self.kafka, self.redis = chance, kafka, redis
        self.instances, self.make_instance = instances, make_instance
        self.kinds = [kind for kind in (self.kill_instance, self.kill_broker, self.pause_redis,
                                        self.join_and_leave) for _ in range(args.faults)]
        chance.shuffle(self.kinds)
        self.done = collections.Counter()

    def pause(self, least=0.1, most=2.0):
        time.sleep(self.chance.uniform(least, most))

    def kill_instance(self):
        instance = self.chance.choice(self.instances)
        instance.kill()
        self.pause(0, 1)
        instance.start()

    def kill_broker(self):
        node = self.kafka.nodes[0]
        node.kill()
        self.pause(0, 2)
        node.start()

    def pause_redis(self):
        self.redis.send_signal(signal.SIGSTOP)
        time.sleep(REDIS_PAUSE_S)
        self.redis.send_signal(signal.SIGCONT)

    def join_and_leave(self):
        guest = self.make_instance(f"guest-{self.done['join_and_leave']}")
        guest.start()
        self.pause(1, 4)
        guest.stop()

    def run_all(self, between):
        for kind in self.kinds:
            between()
            self.pause()
            kind()
            self.done[kind.__name__] += 1


# ---- what must hold ----

class Checks:
    def __init__(self):
        self.failed = 0

    def holds(self, what, ok):
        say(f"{'ok    ' if ok else 'FAILED'} {what}")
        self.failed += not ok


def replayed_decisions(path):
    with open(path, "rb") as f:
        return [line.rstrip(b"\n") for line in f]


def check_decisions(checks, args, collector, replayed):
    ids = [json.loads(line)["transaction_id"] for line in replayed]
    missing = [i for i in ids if i not in collector.decisions]
    checks.holds(f"{len(collector.decisions):,} of {len(ids):,} transactions have a decision",
                 not missing and len(collector.decisions) == len(ids))
    checks.holds(f"{collector.repeated:,} repeated decisions, {len(collector.differing)} of them "
                 f"with other bytes", not collector.differing)
    same = sum(collector.decisions.get(i) == line for i, line in zip(ids, replayed))
    what = f"{same:,} of {len(ids):,} decisions are replay's byte for byte"
    if args.partitions > 1:
        say(f"       {what} (the order of partitions decides)")
        return
    checks.holds(what, same == len(ids))
    if not args.faults:
        checks.holds("and come in its order", collector.order == replayed)
    for i, line in zip(ids, replayed):
        if collector.decisions.get(i) != line:
            say(f"replay {line[:500]!r}")
            say(f"topic  {(collector.decisions.get(i) or b'')[:500]!r}")
            break


def check_alerts(checks, collector):
    flagged = {i for i, line in collector.decisions.items() if b'"decision":"flag"' in line}
    wrong = [i for i, ids in collector.alerts.items()
             if ids != {hashlib.sha256(b"alert:" + i.encode()).hexdigest()[:32].encode()}]
    checks.holds(f"{len(flagged):,} flagged, {len(flagged & set(collector.alerts)):,} of them with "
                 f"an alert, {len(set(collector.alerts) - flagged)} alerts of others",
                 flagged == set(collector.alerts))
    checks.holds(f"{collector.alerts_seen - len(collector.alerts):,} repeated alerts, {len(wrong)} "
                 f"under another id", not wrong)


def check_dead(checks, collector, feeder):
    expected = collections.Counter({f"poison-{k}": n for k, n in feeder.poisoned.items()})
    lost = expected - collector.dead_keys
    strangers = set(collector.dead_keys) - set(expected)
    checks.holds(f"{sum(expected.values()):,} poison messages, {sum(lost.values())} without a dead "
                 f"letter; reasons {dict(collector.dead)}; others in the dead letters: "
                 f"{sorted(strangers)[:SHOWN_MAX]}", not lost and not strangers)


def entity_at(instance, connection, field, value, at):
    end = time.monotonic() + SILENCE_S
    while True:
        status, body = instance.get(connection, f"/v1/entities/{field}/{value}?at={at}")
        if status == 200:
            break
        if status != 503 or time.monotonic() > end:  # 503: Redis was slower than deadline_ms
            raise SystemExit(f"    /v1/entities/{field}/{value}: {status} {body[:300]!r}")
    return json.loads(body)["features"]


def check_windows(checks, args, instance, at):
    """Each entity's features by the HTTP API, against the rows of `replay --final`."""
    connection = http.client.HTTPConnection("127.0.0.1", instance.port, timeout=30)
    rows = different = 0
    with open(args.final, encoding="utf-8", newline="") as f:
        for row in csv.DictReader(f):
            rows += 1
            found = entity_at(instance, connection, row["field"], row["value"], at)
            wanted = {k: v for k, v in row.items() if k in found}
            got = {k: "" if v["value"] is None else v["value"] for k, v in found.items()}
            equal = all(wanted[k] == "" and got[k] == "" or
                        wanted[k] != "" and got[k] != "" and float(wanted[k]) == float(got[k])
                        for k in got)
            different += not equal
            if not equal and different <= SHOWN_MAX:
                say(f"replay {wanted}")
                say(f"here   {got}")
    checks.holds(f"{rows - different:,} of {rows:,} entities have replay's windows at the end",
                 different == 0 and rows > 0)


def last_time(path):
    newest = ""
    with open(path, "rb") as f:
        for line in f:
            newest = max(newest, json.loads(line)["timestamp"])
    return newest


# ---- the run ----

def create_topics(kafka, args):
    kafka.create_topic("transactions", args.partitions)
    for name in TOPICS[1:]:
        kafka.create_topic(name)


def show_group(kafka, args, instances):
    """Where the group stands, for whoever looks for what is missing."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "g",
                                         "enable.auto.commit": False})
    parts = [confluent_kafka.TopicPartition("transactions", i) for i in range(args.partitions)]
    for part in consumer.committed(parts, 30):
        low, high = consumer.get_watermark_offsets(part, 30)
        say(f"partition {part.partition}: committed {part.offset} of {low}..{high}")
    for instance in instances:
        connection = http.client.HTTPConnection("127.0.0.1", instance.port, timeout=30)
        say(f"{instance.folder}: {instance.get(connection, '/readyz')}")
        _, body = instance.get(connection, "/metrics")
        for line in body.decode().splitlines():
            if line.startswith("sluice_kafka_") and "bucket" not in line:
                say(f"  {line}")


def run(args, stack):
    folder, chance, checks = os.path.abspath(args.folder), random.Random(args.seed), Checks()
    os.makedirs(folder, exist_ok=True)
    socket = f"{folder}/redis.sock"
    redis = stack.enter_context(procs.child(
        ["redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no",
         "--dir", folder], f"{folder}/redis.log"))
    stack.callback(redis.send_signal, signal.SIGCONT)
    kafka = kafka_broker.Cluster(f"{folder}/kafka").start()
    stack.callback(kafka.kill)
    create_topics(kafka, args)

    def make_instance(name):
        instance = Instance(args, folder, name, kafka, f"redis+unix://{socket}")
        stack.callback(instance.kill)
        return instance

    instances = [make_instance(f"instance-{i}") for i in range(args.instances)]
    collector, feeder = Collector(kafka), Feeder(kafka, args, chance)
    collector.start()
    for instance in instances:
        instance.start()
    started, source = time.monotonic(), accounts_of(args.events)
    if args.faults:
        faults = Faults(args, chance, kafka, redis, instances, make_instance)
        share = args.lines // len(faults.kinds) + 1
        faults.run_all(lambda: feeder.feed(source, share))
        say(f"faults: {dict(faults.done)}")
    while feeder.feed(source, 10000):
        pass
    if feeder.producer.flush(SILENCE_S) != 0:
        raise SystemExit("    the broker did not take all events")
    collector.moved = time.monotonic()
    replayed = replayed_decisions(args.decisions)
    poisoned = sum(feeder.poisoned.values())
    came = collector.wait(len(replayed), poisoned)
    checks.holds("everything has come out", came)
    if not came:
        show_group(kafka, args, instances)
    say(f"{feeder.events:,} events and {poisoned:,} poison messages in "
        f"{time.monotonic() - started:.0f} s")
    while time.monotonic() - collector.moved < args.settle:
        time.sleep(0.2)  # alerts of whoever was killed are another's after 15 s
    check_decisions(checks, args, collector, replayed)
    check_alerts(checks, collector)
    check_dead(checks, collector, feeder)
    check_windows(checks, args, instances[0], last_time(args.events))
    for instance in instances:
        instance.stop()
    collector.stopped = True
    collector.join()
    return checks.failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("sluice", "ruleset", "events", "decisions", "final"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--partitions", type=int, default=1)
    parser.add_argument("--instances", type=int, default=1)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--faults", type=int, default=0)
    parser.add_argument("--poison", type=float, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("folder")
    args = parser.parse_args()
    args.settle = 25 if args.faults else 2
    with open(args.events, "rb") as f:
        args.lines = sum(1 for _ in f)
    kafka_broker.require()
    with contextlib.ExitStack() as stack:
        failed = run(args, stack)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
