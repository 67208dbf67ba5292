"""Transactions and labels out of Kafka, decisions and dead letters into it: nothing lost, nothing
decided otherwise than `sluice replay` decides it, whatever is killed."""
import collections
import http.client
import json
import random
import signal
import subprocess
import threading
import time
import uuid

import confluent_kafka
import kafka_broker
import pytest
from conftest import BIN, payment

WAIT_S = kafka_broker.START_S
CARD = "4111111111111111"  # a test number of a card scheme
# A killed member's partitions are another's after this.
SESSION = {"session.timeout.ms": "2000", "heartbeat.interval.ms": "500"}
TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Topics:
    """Topics of one test, and what goes through them."""

    def __init__(self, kafka, partitions=1, **of_dead_letters):
        self.kafka = kafka
        stem = uuid.uuid4().hex[:8]
        self.transactions = kafka.create_topic(f"transactions-{stem}", partitions)
        self.labels = kafka.create_topic(f"labels-{stem}")
        self.decisions = kafka.create_topic(f"decisions-{stem}")
        self.dead_letters = kafka.create_topic(f"dlq-{stem}", **of_dead_letters)
        self.group = f"sluice-{stem}"
        self.partitions = partitions

    def settings(self, **more):
        settings = {"brokers": self.kafka.bootstrap, "group": self.group,
                    "transactions": self.transactions, "labels": self.labels,
                    "decisions": self.decisions, "dead_letters": self.dead_letters, **more}
        return {"alerts__file": "", **{f"kafka__{key}": value for key, value in settings.items()}}

    def send(self, events, topic=None):
        """Events are objects, bytes or (key, value, headers); all are there when this returns."""
        failed = []
        producer = confluent_kafka.Producer({
            "bootstrap.servers": self.kafka.bootstrap, "acks": "all", "linger.ms": 5,
            "partitioner": "murmur2_random"})
        for event in events:
            key, value, headers = message_of(event)
            producer.produce(topic or self.transactions, value, key, headers=headers,
                             on_delivery=lambda e, _: failed.append(e) if e else None)
            producer.poll(0)
        assert producer.flush(WAIT_S) == 0 and not failed, failed

    def read(self, topic, until):
        """Messages from the beginning on, until `until` says of all of them that it is enough."""
        consumer = confluent_kafka.Consumer({
            "bootstrap.servers": self.kafka.bootstrap, "group.id": uuid.uuid4().hex,
            "auto.offset.reset": "earliest", "enable.auto.commit": False})
        found, end = [], time.monotonic() + WAIT_S
        try:
            consumer.assign([confluent_kafka.TopicPartition(topic, 0, 0)])
            while not until(found):
                assert time.monotonic() < end, f"{len(found)} messages of {topic}"
                found += [m for m in consumer.consume(1000, 0.2) if not m.error()]
            return found
        finally:
            consumer.close()

    def read_decisions(self, ids):
        """Until each of `ids` has one; answers the bytes by id."""
        by_id = collections.defaultdict(list)

        def all_there(found):
            by_id.clear()
            for m in found:
                by_id[dict(m.headers())["ce_subject"].decode()].append(m.value())
            return all(i in by_id for i in ids)

        self.read(self.decisions, all_there)
        return by_id

    def read_letters(self, count):
        return self.read(self.dead_letters, lambda found: len(found) >= count)

    def committed(self):
        consumer = confluent_kafka.Consumer({"bootstrap.servers": self.kafka.bootstrap,
                                             "group.id": self.group})
        try:
            return [p.offset for p in consumer.committed(
                [confluent_kafka.TopicPartition(self.transactions, i)
                 for i in range(self.partitions)], timeout=WAIT_S)]
        finally:
            consumer.close()

    def lines(self):
        """What stands in the first partition of the transactions, in order."""
        consumer = confluent_kafka.Consumer({
            "bootstrap.servers": self.kafka.bootstrap, "group.id": uuid.uuid4().hex,
            "enable.auto.commit": False})
        try:
            at = confluent_kafka.TopicPartition(self.transactions, 0, 0)
            _, high = consumer.get_watermark_offsets(at, timeout=WAIT_S)
            consumer.assign([at])
            found = []
            while len(found) < high:
                found += consumer.consume(1000, 1)
            return [m.value() for m in found]
        finally:
            consumer.close()


def message_of(event):
    if isinstance(event, tuple):
        return event
    if isinstance(event, dict):
        return event.get("account_id"), json.dumps(event), None
    return None, event, None


def at_second(second):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1767614400 + second))


def stream(count, seed, labels=True):
    """Payments of 60 accounts at 60 terminals, labels among them, and some of them twice. No log
    gets so long that it folds: what comes again of a folded event may make features inexact by
    one."""
    rng = random.Random(seed)
    events, sent = [], []
    for i in range(count):
        event = payment(i, f"a-{rng.randrange(60)}", seconds=i * 7,
                        terminal_id=f"terminal-{rng.randrange(60)}",
                        amount=rng.randrange(100, 100000) / 100)
        events.append(event)
        sent.append(event)
        if labels and rng.random() < 0.05:
            events.append({"kind": "label", "transaction_id": rng.choice(sent)["transaction_id"],
                           "outcome": "fraud", "timestamp": at_second(i * 7)})
        if rng.random() < 0.02:
            events.append(rng.choice(sent))
    return events


def transactions_of(events):
    return [e for e in events if "kind" not in e]


def ids_of(events):
    return {e["transaction_id"] for e in transactions_of(events)}


def replay(server, lines):
    """The decisions of `sluice replay` over the same lines, with a state of its own."""
    (server.folder / "events.ndjson").write_bytes(b"\n".join(lines) + b"\n")
    done = subprocess.run(
        [BIN, "replay", "-c", str(server.folder / "sluice.yaml"), "--events",
         str(server.folder / "events.ndjson"), "--decisions",
         str(server.folder / "decisions.ndjson"), "--state", "memory"],
        capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return (server.folder / "decisions.ndjson").read_bytes().splitlines()


def metric(server, name):
    for line in server.get("/metrics").body.decode().splitlines():
        if line.startswith(name + " "):
            return float(line.split()[-1])
    raise AssertionError(f"no metric {name}")


def wait_for(what, holds, timeout=WAIT_S):
    end = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def wait_begun(server):
    wait_for("it has begun", lambda: metric(server, "sluice_kafka_decisions_total") > 0)


def wait_paused(server):
    wait_for("it is paused", lambda: metric(server, "sluice_kafka_paused") == 1)


def assert_each_decided_as_replayed(topics, server):
    """Each transaction has a decision, and all that it has are the same bytes as replay's."""
    wanted = {json.loads(line)["transaction_id"]: line for line in replay(server, topics.lines())}
    found = topics.read_decisions(wanted.keys())
    assert found.keys() == wanted.keys()
    for transaction_id, values in found.items():
        assert set(values) == {wanted[transaction_id]}, transaction_id


def kept(tmp_path, backend, redis):
    """Settings of a state that outlives the process."""
    settings = {"journal__dir": str(tmp_path / "journal"), "journal__fsync": "everysec"}
    if backend == "redis":
        settings.update(state__backend="redis", state__redis=redis.url)
    return settings


@pytest.fixture(params=["memory", "redis"])
def backend(request):
    return request.param


# ---- in and out ------------------------------------------------------------------------------


def test_decisions_are_replays_byte_for_byte_and_in_its_order(
        kafka, make_server, redis, backend, tmp_path):
    topics = Topics(kafka)
    events = stream(2000, seed=1)
    topics.send(events)
    server = make_server(workers=1, **topics.settings(), **kept(tmp_path, backend, redis))
    count = len(transactions_of(events))
    found = topics.read(topics.decisions, lambda all: len(all) >= count)
    assert [m.value() for m in found] == replay(server, topics.lines())
    assert server.stop() == 0
    assert topics.committed() == [len(events)]


def test_a_decision_has_the_key_and_trace_of_its_transaction(kafka, make_server):
    topics = Topics(kafka)
    make_server(**topics.settings(explain=False))
    topics.send([(b"a key", json.dumps(payment(1)), [("traceparent", TRACE), ("other", b"x")]),
                 (None, json.dumps(payment(2)), [("traceparent", b"not one")])])
    first, second = topics.read(topics.decisions, lambda all: len(all) >= 2)
    headers = dict(first.headers())
    assert first.key() == b"a key" and second.key() == b"a-1"
    assert headers == {
        "content-type": b"application/json", "ce_specversion": b"1.0", "ce_source": b"sluice",
        "ce_type": b"sluice.decision.v1", "ce_subject": b"t-a-1-1", "ce_id": headers["ce_id"],
        "traceparent": TRACE}
    assert len(headers["ce_id"]) == 32
    assert dict(second.headers())["traceparent"] != b"not one"
    assert "features" not in json.loads(first.value())


def test_labels_may_have_a_topic_of_their_own_and_nothing_else_may_stand_there(kafka, make_server):
    topics = Topics(kafka)
    server = make_server(**topics.settings())
    topics.send([payment(1)])
    topics.read_decisions({"t-a-1-1"})
    topics.send([{"kind": "label", "transaction_id": "t-a-1-1", "outcome": "fraud",
                  "timestamp": "2026-01-05T12:30:00Z"}, payment(2)], topics.labels)
    letter = topics.read_letters(1)[0]
    assert dict(letter.headers())["error"] == b"schema"
    assert dict(letter.headers())["topic"].decode() == topics.labels
    wait_for("the fraud is counted", lambda: server.entity("a-1").json()["features"]
             ["account_frauds_30d"]["value"] == 1)


def test_readyz_and_metrics_tell_of_the_source(kafka, make_server):
    topics = Topics(kafka, partitions=3)
    server = make_server(workers=1, **topics.settings())
    wait_for("assigned", lambda: server.get("/readyz").status == 200)
    assert server.get("/readyz").body == b"ready\nkafka: 4 partitions\n"
    topics.send([payment(i, f"a-{i}") for i in range(30)])
    topics.read_decisions({f"t-a-{i}-{i}" for i in range(30)})
    name = f'sluice_kafka_messages_total{{topic="{topics.transactions}"}}'
    wait_for("all are counted", lambda: metric(server, name) == 30
             and metric(server, "sluice_kafka_delivery_seconds_count") == 30)
    assert metric(server, "sluice_kafka_partitions") == 4
    wait_for("no lag is left", lambda: all(
        f'sluice_kafka_lag{{topic="{topics.transactions}",partition="{i}"}} 0\n'
        in server.get("/metrics").body.decode() for i in range(3)))


def test_without_brokers_http_is_served_and_the_source_joins_when_they_come(
        make_kafka, make_server):
    kafka = make_kafka()
    topics = Topics(kafka)
    topics.send([payment(1)])
    kafka.nodes[0].kill()
    server = make_server(workers=1, **topics.settings())
    assert server.score(payment(2)).status == 200
    reply = server.get("/readyz")
    assert reply.status == 503 and "not assigned" in reply.json()["detail"]
    kafka.nodes[0].start()
    topics.read_decisions({"t-a-1-1"})
    wait_for("assigned", lambda: server.get("/readyz").status == 200)


def test_a_topic_that_is_missing_is_told_once_and_read_when_it_is_there(kafka, make_server):
    topics = Topics(kafka)
    late = topics.transactions + "-late"
    server = make_server(workers=1, **topics.settings(
        transactions=late, properties={"topic.metadata.refresh.interval.ms": "500"}))
    server.wait_log("Kafka consumer")
    kafka.create_topic(late)
    topics.send([payment(1)], late)
    topics.read_decisions({"t-a-1-1"})
    told = [line for line in server.log if line["message"] == "Kafka consumer"]
    assert [line["error"] for line in told] == ["UNKNOWN_TOPIC_OR_PART"]


# ---- what can never be scored ----------------------------------------------------------------

POISON = {
    "bad_json": [b'{"transaction_id":"t-', b"not JSON", b'{"a":"\xff\xfe"}', b"[1]", b"\0\0",
                 json.dumps(payment(1))[:-5].encode()],
    "schema": [b"{}", json.dumps(payment(2, amount="a lot")).encode(),
               json.dumps({**payment(3), "timestamp": "yesterday"}).encode(),
               json.dumps({**payment(4), "timestamp": "2199-01-01T00:00:00Z"}).encode()],
    "too_large": [json.dumps(payment(5, more="x" * 70000)).encode(), b"[" * 500000],
    "empty": [b"", None],
    "framing": [b"\0\0\0\0\7\2Obj"],
    "conflict": [json.dumps({**payment(1), "amount": 1}).encode()],
}


def test_poison_goes_to_the_dead_letters_and_all_else_is_scored(kafka, make_server, redis, backend,
                                                                tmp_path):
    topics = Topics(kafka)
    good = [payment(i) for i in range(1, 200)]
    messages = list(good)
    framed = b"\0\0\0\0\7" + json.dumps(payment(500)).encode()
    bad = [(b"key\xff", value, [("h", b"\xff\0"), ("h", None), ("error", b"mine")])
           for values in POISON.values() for value in values]
    for i, letter in enumerate(bad):
        messages.insert(5 + 9 * i, letter)
    topics.send([*messages, framed])
    make_server(**topics.settings(), **kept(tmp_path, backend, redis))
    letters = topics.read_letters(len(bad))
    words = [(m.headers()[3][1].decode(), m.value()) for m in letters]
    assert words == [(word, value) for word, values in POISON.items() for value in values]
    for letter in letters:
        names = [name for name, _ in letter.headers()]
        at = dict(letter.headers())
        assert letter.key() == b"key\xff" and letter.headers()[:3] == bad[0][2]
        assert names[3:] == ["error", "error.detail", "topic", "partition", "offset", "timestamp"]
        assert at["topic"].decode() == topics.transactions and at["partition"] == b"0"
        assert messages[int(at["offset"])][1] == letter.value()
    found = topics.read_decisions(ids_of(good) | {"t-a-1-500"})
    assert all(len(values) == 1 for values in found.values())


def test_a_card_number_in_clear_does_not_leave(kafka, make_server):
    topics = Topics(kafka)
    server = make_server(**topics.settings())
    topics.send([
        (CARD, json.dumps(payment(1, terminal_id=CARD)), [("pan", CARD.encode()), ("h", b"x")]),
        (b"k", f'{{"bad": "{CARD}"'.encode(), None), payment(3)])
    letters = topics.read_letters(2)
    topics.read_decisions({"t-a-1-3"})
    for letter in letters:
        assert CARD not in repr((letter.key(), letter.value(), letter.headers()))
        assert b"left_out" in letter.value()
    assert dict(letters[0].headers())["error"] == b"card_number"
    assert dict(letters[0].headers())["h"] == b"x" and letters[1].key() == b"k"
    assert CARD not in str(server.log) + server.stderr()


def test_what_a_topic_never_takes_does_not_hold_up_the_rest(kafka, make_server):
    topics = Topics(kafka, max_message_bytes=2000)
    server = make_server(**topics.settings())
    topics.send([b"x" + random.Random(1).randbytes(5000), payment(1)])  # which no codec makes less
    letter = topics.read_letters(1)[0]
    assert dict(letter.headers())["error"] == b"bad_json"
    assert b"left_out" in letter.value() and len(letter.value()) < 1000
    topics.read_decisions({"t-a-1-1"})
    assert metric(server, "sluice_kafka_undeliverable_total") == 1


def has_ended_or_is_through(server):
    """It may crash while it is asked."""
    try:
        return metric(server, 'sluice_kafka_dead_letters_total{error="crashed"}') == 1
    except (OSError, http.client.HTTPException):
        return server.process.wait(WAIT_S) is not None


@pytest.mark.parametrize("moment", ["START", "END"])
def test_a_message_that_crashes_us_three_times_is_a_dead_letter(
        kafka, make_server, redis, backend, moment, tmp_path):
    topics = Topics(kafka)
    crasher = payment(1000, currency="XXX")
    topics.send([payment(i) for i in range(100)] + [crasher]
                + [payment(i) for i in range(100, 200)])
    server = make_server(
        start=False, workers=1, env={f"SLUICE_CRASH_AT_{moment}": "XXX"},
        **topics.settings(properties=SESSION),
        **kept(tmp_path, backend, redis))
    for starts in range(1, 10):
        server.start()
        wait_for("it crashes, or is through", lambda: has_ended_or_is_through(server))
        if server.process.poll() is None:
            break
        assert server.process.poll() == -signal.SIGABRT
    assert starts in (4, 5)  # once it may not be known what it was
    letter = topics.read_letters(1)[0]
    assert dict(letter.headers())["error"] == b"crashed"
    assert dict(letter.headers())["offset"] == b"100"
    assert letter.value() == json.dumps(crasher).encode()
    found = topics.read_decisions({f"t-a-1-{i}" for i in range(200)})
    assert "t-a-1-1000" not in found
    assert server.stop() == 0
    assert (tmp_path / "journal" / "crashed").read_bytes() == b""


def test_a_letter_too_large_by_key_and_headers_says_at_least_where_it_stands(kafka, make_server):
    topics = Topics(kafka, max_message_bytes=2000)
    server = make_server(**topics.settings())
    noise = random.Random(2).randbytes(5000)
    topics.send([(noise, b"not JSON", [("mine", noise)]), payment(1)])
    letter = topics.read_letters(1)[0]
    headers = dict(letter.headers())
    assert headers["error"] == b"bad_json" and "mine" not in headers and letter.key() is None
    assert b"left_out" in letter.value()
    topics.read_decisions({"t-a-1-1"})
    assert metric(server, 'sluice_kafka_dead_letters_total{error="bad_json"}') == 1


def test_a_decision_that_no_broker_takes_leaves_a_letter_that_does_not_go_back(kafka, make_server):
    topics = Topics(kafka)
    topics.decisions = kafka.create_topic(f"tiny-{topics.decisions}", max_message_bytes=100)
    make_server(workers=1, **topics.settings())
    topics.send([payment(1)])
    letter = topics.read_letters(1)[0]
    assert dict(letter.headers())["error"] == b"undelivered"
    assert json.loads(letter.value()).keys() == {"left_out"}


def test_what_is_too_large_only_as_a_batch_is_sent_all_the_same(kafka, make_server):
    topics = Topics(kafka)
    topics.decisions = kafka.create_topic(f"small-{topics.decisions}", max_message_bytes=3000)
    events = [payment(i, f"a-{i}") for i in range(300)]
    topics.send(events)
    server = make_server(workers=1, **topics.settings(properties={"compression.type": "none"}))
    topics.read_decisions(ids_of(events))
    assert metric(server, "sluice_kafka_producer_retries_total") > 0
    assert metric(server, "sluice_kafka_undeliverable_total") == 0


# ---- what is away for a while ----------------------------------------------------------------


def test_while_redis_is_stopped_nothing_is_given_up(kafka, make_server, redis, tmp_path):
    topics = Topics(kafka)
    events = stream(3000, seed=2)
    server = make_server(workers=1, **topics.settings(), **kept(tmp_path, "redis", redis))
    topics.send(events[:1500])
    wait_begun(server)
    redis.process.send_signal(signal.SIGSTOP)
    topics.send(events[1500:])
    wait_paused(server)
    time.sleep(2)
    redis.process.send_signal(signal.SIGCONT)
    assert_each_decided_as_replayed(topics, server)
    assert metric(server, 'sluice_kafka_dead_letters_total{error="schema"}') == 0
    assert server.stop() == 0
    assert topics.committed() == [len(events)]


def test_when_redis_is_killed_messages_are_scored_again(kafka, make_server, redis, tmp_path):
    topics = Topics(kafka)
    events = stream(4000, seed=3)
    server = make_server(workers=1, **topics.settings(), **kept(tmp_path, "redis", redis))
    topics.send(events[:2000])
    wait_begun(server)
    redis.kill()
    topics.send(events[2000:])
    wait_paused(server)
    redis.start()
    assert_each_decided_as_replayed(topics, server)
    assert server.stop() == 0
    assert topics.committed() == [len(events)]


def test_however_much_waits_for_redis_the_group_keeps_its_member(kafka, make_server, redis,
                                                                tmp_path):
    topics = Topics(kafka)
    events = [payment(i, f"a-{i % 50}") for i in range(20000)]
    settings = topics.settings(in_flight=1024, properties={
        "max.poll.interval.ms": "6000", "session.timeout.ms": "6000"})
    server = make_server(workers=1, **settings, **kept(tmp_path, "redis", redis))
    topics.send(events)
    wait_begun(server)
    redis.process.send_signal(signal.SIGSTOP)
    wait_for("all are under way", lambda: metric(server, "sluice_kafka_in_flight") == 1024)
    redis.kill()
    wait_for("all came back", lambda: metric(server, "sluice_kafka_in_flight") == 0 and
             metric(server, "sluice_kafka_backlog") > 512)  # some had their answer before the stop
    time.sleep(8)
    assert not [entry for entry in server.log if entry.get("facility") == "MAXPOLL"]
    redis.start()
    topics.read_decisions(ids_of(events))


def test_a_broker_that_is_killed_and_comes_back_loses_nothing(make_kafka, make_server):
    kafka = make_kafka()
    topics = Topics(kafka)
    events = stream(6000, seed=4)
    topics.send(events)
    server = make_server(workers=1, **topics.settings())
    wait_begun(server)
    for number in range(2):
        kafka.nodes[0].kill()
        time.sleep(1)
        assert server.score(payment(number, "a-http")).status == 200
        kafka.nodes[0].start()
        time.sleep(1)
    assert_each_decided_as_replayed(topics, server)
    wait_for("all is committed", lambda: topics.committed() == [len(events)])
    assert server.stop() == 0


def test_a_full_queue_of_the_client_library_loses_nothing(make_kafka, make_server):
    kafka = make_kafka()
    topics = Topics(kafka)
    topics.send(stream(8000, seed=5))
    server = make_server(workers=1, **topics.settings(
        unsettled=6000, properties={"queue.buffering.max.messages": "2000", "linger.ms": "1000"}))
    wait_for("the library's queue is full",
             lambda: metric(server, "sluice_kafka_producer_waiting") > 0)
    kafka.nodes[0].pause()
    time.sleep(1)
    kafka.nodes[0].resume()
    assert_each_decided_as_replayed(topics, server)


def test_what_is_not_acknowledged_is_bounded(make_kafka, make_server):
    kafka = make_kafka()
    topics = Topics(kafka)
    events = [payment(i, f"a-{i % 50}") for i in range(1500)]
    topics.send(events)
    server = make_server(workers=1, **topics.settings(
        unsettled=300, properties={"linger.ms": "1000"}))
    wait_for("paused", lambda: metric(server, "sluice_kafka_pauses_total") > 0)
    assert metric(server, "sluice_kafka_unsettled") <= 300
    topics.read_decisions(ids_of(events))


# ---- members come and go ---------------------------------------------------------------------


class Trickle(threading.Thread):
    """Sends payments, some of them twice, until it is told to stop."""

    def __init__(self, topics):
        super().__init__(daemon=True)
        self.topics, self.events, self.is_over = topics, [], False
        self.start()

    def run(self):
        while not self.is_over:
            n = len(self.events)
            some = [payment(i, f"a-{i % 97}", seconds=i) for i in range(n, n + 50)]
            some += self.events[-3:]
            self.topics.send(some)
            self.events += some
            time.sleep(0.1)

    def stop(self):
        self.is_over = True
        self.join()
        return self.events


@pytest.mark.parametrize("strategy", ["range,roundrobin", "cooperative-sticky"])
def test_instances_come_and_go_and_every_transaction_is_decided(
        kafka, make_server, redis, tmp_path, strategy):
    topics = Topics(kafka, partitions=6)

    def instance(name):
        server = make_server(name=name, workers=1, **topics.settings(
            properties={"partition.assignment.strategy": strategy,
                        **SESSION}), **kept(tmp_path / name, "redis", redis))
        wait_begun(server)
        return server

    trickle = Trickle(topics)
    first, second = instance("one"), instance("two")
    third = instance("three")
    assert first.stop() == 0
    second.kill()
    fourth = instance("four")
    events = trickle.stop()
    found = topics.read_decisions(ids_of(events))
    assert {i for i, values in found.items() if len(set(values)) > 1} == set()
    wait_for("all is committed", lambda: sum(topics.committed()) == len(events))
    once = {e["transaction_id"]: e for e in events}.values()
    for account, count in collections.Counter(e["account_id"] for e in once).items():
        assert third.count(account, at=at_second(len(events))) == count
    assert third.stop() == 0 and fourth.stop() == 0


# ---- our own end -----------------------------------------------------------------------------


def test_sigkill_at_any_moment_loses_no_decision_and_changes_none(
        kafka, make_server, redis, backend, tmp_path):
    topics = Topics(kafka)
    events = stream(6000, seed=7)
    topics.send(events)
    server = make_server(workers=1, **topics.settings(properties=SESSION),
                         **kept(tmp_path, backend, redis))
    rng = random.Random(8)
    for _ in range(4):
        wait_for("assigned", lambda: server.get("/readyz").status == 200)
        time.sleep(rng.uniform(0, 0.5))
        server.kill()
        server.start()
    assert_each_decided_as_replayed(topics, server)
    wait_for("all is committed", lambda: topics.committed() == [len(events)])
    assert server.stop() == 0


def test_sigterm_finishes_what_it_took_commits_and_leaves(kafka, make_server, redis, backend,
                                                          tmp_path):
    topics = Topics(kafka)
    events = stream(6000, seed=9)
    topics.send(events)
    server = make_server(workers=1, **topics.settings(), **kept(tmp_path, backend, redis))
    wait_begun(server)
    assert server.stop() == 0
    committed = topics.committed()[0]
    taken = [json.loads(line) for line in topics.lines()[:committed]]
    found = topics.read_decisions(ids_of(taken))
    # What was read again would be there twice: all that was decided is committed.
    times = collections.Counter(e["transaction_id"] for e in transactions_of(taken))
    assert {i: len(values) for i, values in found.items()} == times
    server.start()
    assert_each_decided_as_replayed(topics, server)
    assert server.stop() == 0


def test_sigterm_with_the_broker_away_ends_when_its_time_is_up(make_kafka, make_server):
    kafka = make_kafka()
    topics = Topics(kafka)
    events = [payment(i, f"a-{i % 50}") for i in range(20000)]
    topics.send(events)
    server = make_server(workers=1, drain_timeout_ms=2000, **topics.settings(
        properties=SESSION))  # librdkafka may wait so long for the group
    wait_begun(server)
    kafka.nodes[0].kill()
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 15


# ---- the configuration -----------------------------------------------------------------------


def test_a_property_that_librdkafka_does_not_know_is_refused(make_server):
    server = make_server(start=False, kafka__brokers="127.0.0.1:1", kafka__transactions="t",
                         kafka__dead_letters="d", alerts__file="",
                         kafka__properties={"sesion.timeout.ms": "6000"})
    server.configure()
    done = subprocess.run([BIN, "check", "-c", str(server.folder / "sluice.yaml")],
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == 1
    assert b"no setting 'sesion.timeout.ms'" in done.stdout
    assert b"did you mean 'session.timeout.ms'?" in done.stdout
