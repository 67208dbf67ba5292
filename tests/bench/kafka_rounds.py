"""The Kafka half of the bench: from a topic to the topic of decisions.

    bare       librdkafka alone: consumes and produces the same messages, with the same settings
    memory     sluice serve, memory state, journal with fsync everysec
    redis      the same with Redis on a unix socket
    explained  memory, with kafka.explain: decisions that tell features and rules

One broker (on the same cores), one topic of messages; each round every one of them reads it as a
group of its own, into a topic of its own, one after the other. Counted from when a twentieth has
arrived until all have.
"""
import contextlib
import datetime
import os
import shutil
import statistics
import sys
import time

import procs
import stream

sys.path.insert(0, "tests/system")
import kafka_broker

HERE = "tests/bench"
BARE = "build/tests/bench/kafka_bare"
PARTITIONS = 2
ROUND_S = 300
MIN_SHARE = 0.05  # what arrives while a process starts does not count


def say(text):
    print(text, file=sys.stderr, flush=True)


def fill(kafka, topic, count):
    """`count` messages, keyed by account."""
    import confluent_kafka
    producer = confluent_kafka.Producer({"bootstrap.servers": kafka.bootstrap, "linger.ms": 50,
                                         "queue.buffering.max.messages": 1_000_000})
    now = datetime.datetime.now(datetime.timezone.utc)
    for body in stream.bodies("k", count, now):
        at = body.index('"account_id":"') + 14
        producer.produce(topic, body, body[at:body.index('"', at)])
    if producer.flush(ROUND_S) != 0:
        raise SystemExit("bench: the broker did not take the messages")


class Arrivals:
    """How many messages a topic has."""

    def __init__(self, kafka, topic):
        import confluent_kafka
        self.partitions = [confluent_kafka.TopicPartition(topic, i) for i in range(PARTITIONS)]
        self.consumer = confluent_kafka.Consumer({"bootstrap.servers": kafka.bootstrap,
                                                  "group.id": "bench-arrivals", "log_level": 0})

    def count(self):
        return sum(self.consumer.get_watermark_offsets(p, 10)[1] for p in self.partitions)

    def wait(self, process, count):
        """Until so many are there: (how many, when, CPU of the process until then)."""
        end = time.monotonic() + ROUND_S
        while time.monotonic() < end and process.poll() is None:
            found = self.count()
            if found >= count:
                return found, time.monotonic(), procs.cpu_s(process.pid)
            time.sleep(0.02)
        raise SystemExit(f"bench: {self.count()} of {count} messages arrived")


def write_config(folder, name, kafka, topics, state):
    path = f"{folder}/kafka-{name}.yaml"
    shutil.rmtree(f"{folder}/kafka-journal-{name}", ignore_errors=True)
    with open(path, "w", encoding="ascii") as f:
        f.write(f"listen: 127.0.0.1:{procs.free_port()}\n"
                f"ruleset: {os.path.abspath(HERE)}/ruleset.yaml\nstate: {state}\n"
                f"journal: {{dir: {folder}/kafka-journal-{name}, fsync: everysec}}\n"
                f"log: {{level: warning}}\nalerts: {{file: \"\"}}\n"
                f"kafka: {{brokers: \"{kafka.bootstrap}\", group: {topics[1]}, "
                f"transactions: {topics[0]}, decisions: {topics[1]}, dead_letters: bench-dead, "
                f"explain: {'true' if name == 'explained' else 'false'}}}\n")
    return path


def command_of(name, args, folder, kafka, topics, redis_path):
    if name == "bare":
        return [BARE, kafka.bootstrap, topics[1], topics[0], topics[1], str(os.cpu_count())]
    state = "{backend: memory}"
    if name == "redis":
        state = f'{{backend: redis, redis: "redis+unix://{redis_path}"}}'
    return [args.sluice, "serve", "-c", write_config(folder, name, kafka, topics, state)]


def one(name, number, args, folder, kafka, redis):
    """One reading of the whole topic."""
    topics = ("bench-in", f"bench-{name}-{number}")
    kafka.create_topic(topics[1], PARTITIONS)
    arrivals = Arrivals(kafka, topics[1])
    path, redis_process = redis
    command = command_of(name, args, folder, kafka, topics, path)
    with procs.child(command, f"{folder}/kafka-{name}.log") as process:
        first = arrivals.wait(process, args.messages * MIN_SHARE)
        redis_before = procs.cpu_s(redis_process.pid)
        last = arrivals.wait(process, args.messages)
        redis_s = procs.cpu_s(redis_process.pid) - redis_before
    n = last[0] - first[0]
    row = {"tps": n / (last[1] - first[1]), "cpu_us": (last[2] - first[2]) * 1e6 / n}
    if name == "redis":
        row["redis_cpu_us"] = redis_s * 1e6 / n
    return row


def rounds(args, folder, redis, flush_redis):
    """{"bare": {"tps", "cpu_us"}, ...}: medians; or why there are none."""
    try:
        kafka_broker.require()
    except kafka_broker.Unavailable as why:
        return {"skipped": str(why)}
    names = ("bare", "memory", "redis", "explained")
    found = {name: [] for name in names}
    with contextlib.ExitStack() as stack:
        kafka = kafka_broker.Cluster(f"{folder}/kafka").start()
        stack.callback(kafka.kill)
        kafka.create_topic("bench-in", PARTITIONS)
        kafka.create_topic("bench-dead")
        fill(kafka, "bench-in", args.messages)
        for number in range(args.rounds):
            for name in names:
                flush_redis()
                row = one(name, number, args, folder, kafka, redis)
                found[name].append(row)
                say(f"  round {number + 1}: {name:9} {row['tps']:9,.0f}/s, "
                    f"{row['cpu_us']:.1f} us of CPU a message")
    result = {name: {key: round(statistics.median(row[key] for row in rows), 1)
                     for key in rows[0]} for name, rows in found.items()}
    for row in result.values():
        row["cpu_of_bare"] = round(row["cpu_us"] / result["bare"]["cpu_us"], 2)
    return result


def print_table(result):
    if "skipped" in result:
        print(f"Kafka: skipped: {result['skipped']}")
        return
    print(f"{'Kafka':10}{'msg/s':>10}{'cpu us':>8}{'of bare':>9}{'redis us':>10}")
    for name, row in result.items():
        print(f"{name:10}{row['tps']:10,.0f}{row['cpu_us']:8.1f}{row['cpu_of_bare']:9.2f}"
              f"{row.get('redis_cpu_us', 0):10.1f}")
