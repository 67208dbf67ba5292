"""What is flagged goes out as an alert, whatever is killed, away or full: none is lost, and one
that comes again has the same id and the same bytes.
"""
import collections
import hashlib
import http.client
import itertools
import json
import random
import signal
import struct
import threading
import time

import confluent_kafka
import pytest

from conftest import WAIT_S, payment, until

RULES = """\
rules:
  - {id: large, title: Large payment, when: amount > 900.0, score: 80, severity: high,
     reason: "of {amount}"}
"""
FILE = "alerts.ndjson"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def make(make_server, **settings):
    """A server that flags every payment() of the account it is of, and allows the cheap ones.

    At its deadline a transaction is answered before its decision, and alert, is kept: not here,
    however busy the machine is."""
    server = make_server(start=False, alerts__file=FILE, **{"deadline_ms": 30000, **settings})
    server.write("rules.yaml", RULES)
    return server


def alert_id(transaction_id):
    return hashlib.sha256(b"alert:" + transaction_id.encode()).hexdigest()[:32]


def flag(server, number, account="a-1", **more):
    reply = server.score(payment(number, account, **more))
    assert reply.status == 200 and reply.json()["decision"] == "flag", reply.body
    return reply.json()["transaction_id"]


def metric(server, name):
    rows = (line.split() for line in server.get("/metrics").body.decode().splitlines())
    return next(int(row[1]) for row in rows if row[0] == name)


# ---- the file --------------------------------------------------------------------------------


def in_files(*servers):
    """Whole lines of the servers' files; what a kill has left of another is none."""
    for server in servers:
        path = server.folder / FILE
        if path.is_file():
            yield from (line for line in path.read_bytes().split(b"\n")[:-1] if line)


def by_transaction(values):
    """The alerts of each transaction, checked: one that came again is the same."""
    found = collections.defaultdict(list)
    for value in values:
        alert = json.loads(value)
        assert alert["alert_id"] == alert_id(alert["transaction_id"])
        assert alert["transaction"]["transaction_id"] == alert["transaction_id"]
        found[alert["transaction_id"]].append(value)
    assert all(len(set(same)) == 1 for same in found.values())
    return found


def all_in_files(flagged, *servers):
    return flagged <= set(by_transaction(in_files(*servers)))


class Blocked:
    """A folder stands where the file should: nothing can be written. What was there is kept."""

    def __init__(self, server):
        self.path = server.folder / FILE
        self.aside = server.folder / "aside"

    def __enter__(self):
        self.path.rename(self.aside)
        self.path.mkdir()
        return self

    def __exit__(self, *_):
        self.path.rmdir()
        self.aside.rename(self.path)


# ---- load ------------------------------------------------------------------------------------


class Load:
    """Clients that score flagged payments until their server is gone; what was answered."""

    def __init__(self, server, numbers, clients=4):
        self.server, self.numbers = server, numbers
        self.flagged = set()
        self.threads = [threading.Thread(target=self._run) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def _run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        try:
            while True:
                number = next(self.numbers)
                event = payment(number, f"a-{number % 50}", seconds=0)
                connection.request("POST", "/v1/score", json.dumps(event),
                                   {"Content-Type": "application/json"})
                reply = connection.getresponse()
                body = json.loads(reply.read())
                assert reply.status == 200 and body["decision"] == "flag"
                self.flagged.add(body["transaction_id"])
        except (OSError, http.client.HTTPException, json.JSONDecodeError):
            pass  # killed
        finally:
            connection.close()

    def kill(self, after_s):
        """After at least one was answered; answers those that were."""
        until(lambda: self.flagged)
        time.sleep(after_s)
        self.server.kill()
        for thread in self.threads:
            thread.join()
        return self.flagged


# ---- a file, and the state in memory ---------------------------------------------------------


def test_an_alert_is_its_decision_with_its_transaction_and_an_allow_has_none(make_server):
    server = make(make_server).start()
    answer = server.score(payment(1)).json()
    assert server.score(payment(2, amount=10)).json()["decision"] == "allow"
    assert server.score(payment(1)).headers["Idempotent-Replayed"] == "true"
    assert server.stop() == 0
    lines = list(in_files(server))
    assert len(lines) == 1
    alert = json.loads(lines[0])
    assert alert.pop("alert_id") == alert_id("t-a-1-1")
    assert alert.pop("transaction") == payment(1)
    assert alert.pop("features")["account_tx_count_5m"] == {"value": 1, "exact": True}
    assert alert == answer


def test_kill_9_at_any_moment_loses_no_alert_of_an_answer(make_server):
    server = make(make_server, journal__dir="journal", journal__fsync="always")
    numbers, flagged = itertools.count(), set()
    for _ in range(8):
        server.start()
        flagged |= Load(server, numbers).kill(after_s=random.uniform(0, 0.4))
    server.start()
    until(lambda: all_in_files(flagged, server))
    assert server.stop() == 0
    assert all_in_files(flagged, server)


def test_kill_9_while_the_file_refuses_loses_none_and_they_come_in_order(make_server):
    server = make(make_server, journal__dir="journal", journal__fsync="always",
                  alerts__waiting=16)
    server.start()
    with Blocked(server):
        ids = [flag(server, i) for i in range(100)]
        assert metric(server, "sluice_alerts_left_total") == 84
        assert metric(server, "sluice_alerts_lost_total") == 0
        server.kill()
    server.start()
    until(lambda: all_in_files(set(ids), server))
    assert list(by_transaction(in_files(server))) == ids
    assert server.stop() == 0
    before = list(in_files(server))
    server.start()
    flag(server, 100)
    assert server.stop() == 0
    assert len(list(in_files(server))) == len(before) + 1  # what was acknowledged does not come


def test_a_file_that_refuses_and_then_takes_gets_all_in_order(make_server):
    server = make(make_server).start()
    first = flag(server, 0)
    until(lambda: all_in_files({first}, server))
    with Blocked(server):
        ids = [flag(server, i) for i in range(1, 40)]
        assert metric(server, "sluice_alerts_waiting") == 39
        until(lambda: metric(server, "sluice_alerts_retries_total") > 1)
    until(lambda: all_in_files(set(ids), server))
    assert list(by_transaction(in_files(server))) == [first, *ids]
    until(lambda: metric(server, "sluice_alerts_waiting") == 0)
    assert metric(server, "sluice_alerts_sent_total") == 40
    assert len([entry for entry in server.log
                if entry["message"] == "alerts cannot be written"]) == 1


def test_an_orderly_end_writes_all_that_waits(make_server):
    """Without a journal nothing survives; more than one turn of the loop writes."""
    server = make(make_server).start()
    with Blocked(server):
        batch = server.batch([payment(i, f"a-{i}") for i in range(1000)]).lines()
        flagged = {answer["transaction_id"] for answer in batch}
        assert len(flagged) == 1000
    assert server.stop() == 0
    assert all_in_files(flagged, server)


def test_a_mark_behind_the_journals_end_hides_no_alert(make_server):
    """As after a crash that lost the journal's end."""
    server = make(make_server, journal__dir="journal", journal__fsync="always").start()
    first = flag(server, 0)
    assert server.stop() == 0
    mark = 1000
    (server.folder / "journal" / "outbox").write_bytes(
        struct.pack("<QQ", mark, mark ^ 0xffffffffffffffff))
    server.start()
    with Blocked(server):
        second = flag(server, 1)
        server.kill()
    server.start()
    until(lambda: all_in_files({first, second}, server))
    assert struct.unpack("<QQ", (server.folder / "journal" / "outbox").read_bytes())[0] < mark


# ---- Redis -----------------------------------------------------------------------------------


def serve_redis(make_server, redis, name, **settings):
    server = make(make_server, name=name, state__backend="redis", state__redis=redis.url,
                  workers=2, **settings).start()
    until(lambda: server.get("/readyz").status == 200)
    return server


def forget_owners(redis):
    """As after REDIS_OWNER_ALIVE_MS; those that live say so again within a second."""
    redis.tell("EVAL", "for _, key in ipairs(redis.call('KEYS', '*alive:*')) do"
                       " redis.call('DEL', key) end", 0)


def stream_is_empty(redis):
    return redis.tell("EVAL", "local n = 0 for _, key in ipairs(redis.call('KEYS', '*outbox')) do"
                              " n = n + redis.call('XLEN', key) end return n", 0) == b":0\r\n"


def test_what_a_killed_instance_left_the_other_one_sends(make_server, redis):
    """Waits for as long as an owner is taken to live: 15 s."""
    one = serve_redis(make_server, redis, "one", journal__dir="journal")
    two = serve_redis(make_server, redis, "two", journal__dir="journal")
    numbers = itertools.count()
    others = Load(two, numbers, clients=1)
    with Blocked(one):  # so that some are left
        flagged = Load(one, numbers).kill(after_s=0.5)
    until(lambda: all_in_files(flagged, one, two))
    flagged |= others.flagged.copy()
    until(lambda: all_in_files(flagged, one, two))
    assert flagged & set(by_transaction(in_files(two))) - others.flagged
    others.kill(0)


def test_kill_9_with_redis_loses_no_alert_of_an_answer(make_server, redis):
    server = serve_redis(make_server, redis, "one", journal__dir="journal",
                         journal__fsync="always")
    numbers, flagged = itertools.count(), set()
    for _ in range(5):
        flagged |= Load(server, numbers).kill(after_s=random.uniform(0, 0.4))
        forget_owners(redis)
        server.start()
        until(lambda: server.get("/readyz").status == 200)
    until(lambda: all_in_files(flagged, server))
    until(lambda: stream_is_empty(redis))
    assert server.stop() == 0


def test_alerts_of_a_redis_outage_survive_a_crash_after_it(make_server, redis):
    """Flagged while Redis was away and the file refused, some without room in memory."""
    server = serve_redis(make_server, redis, "one", journal__dir="journal", alerts__waiting=16)
    with Blocked(server):
        redis.kill()
        ids = [flag(server, i) for i in range(60)]
        redis.start()
        until(lambda: server.get("/readyz").status == 200)
        assert metric(server, "sluice_alerts_lost_total") == 0
        server.kill()
    forget_owners(redis)
    server.start()
    until(lambda: all_in_files(set(ids), server))
    until(lambda: stream_is_empty(redis))
    assert server.stop() == 0


def test_alerts_of_a_redis_outage_survive_crashes_within_it(make_server, redis):
    server = serve_redis(make_server, redis, "one", journal__dir="journal",
                         journal__fsync="always", alerts__waiting=16, state__start="degraded")
    with Blocked(server):
        redis.kill()
        ids = [flag(server, i) for i in range(30)]
        server.kill()
    server.start()  # without Redis nobody knows that they were decided
    with Blocked(server):
        ids += [flag(server, i) for i in range(30, 60)]
        time.sleep(0.3)  # some looks at the mark
        server.kill()
    redis.start()
    server.start()
    until(lambda: all_in_files(set(ids), server))
    until(lambda: stream_is_empty(redis))
    assert server.stop() == 0


def test_an_emptied_redis_gets_no_alert_that_was_acknowledged(make_server, redis):
    server = serve_redis(make_server, redis, "one", journal__dir="journal")
    ids = {flag(server, i) for i in range(20)}
    until(lambda: all_in_files(ids, server))
    until(lambda: stream_is_empty(redis))
    assert server.stop() == 0
    redis.tell("FLUSHALL")
    server.start()
    until(lambda: server.get("/readyz").status == 200)
    until(lambda: server.counts(20))
    time.sleep(1.5)  # a taking
    assert server.stop() == 0
    assert len(list(in_files(server))) == 20


# ---- Kafka -----------------------------------------------------------------------------------


def serve_kafka(make_server, cluster, topic, **settings):
    return make(make_server, kafka__brokers=cluster.bootstrap, kafka__alerts=topic,
                **settings).start()


def consume(cluster, topic, ids):
    """Messages until each of `ids` came, and what has come besides by then."""
    consumer = confluent_kafka.Consumer(
        {"bootstrap.servers": cluster.bootstrap, "group.id": f"group-of-{topic}",
         "auto.offset.reset": "earliest", "enable.auto.commit": False})
    messages, missing = [], set(ids)
    end = time.monotonic() + WAIT_S
    try:
        consumer.subscribe([topic])
        while missing:
            assert time.monotonic() < end, f"{len(missing)} of {len(ids)} did not come"
            for message in consumer.consume(1000, 0.5):
                assert message.error() is None
                messages.append(message)
                missing.discard(message.key().decode())
    finally:
        consumer.close()
    assert set(by_transaction(m.value() for m in messages)) >= set(ids)
    return messages


def test_a_message_is_a_cloud_event_under_its_transactions_id(make_server, kafka):
    topic = kafka.create_topic("alerts-headers")
    server = serve_kafka(make_server, kafka, topic)
    answer = server.score(payment(1), traceparent=TRACE).json()
    message, = consume(kafka, topic, ["t-a-1-1"])
    assert message.key() == b"t-a-1-1"
    assert message.headers() == [
        ("content-type", b"application/json"), ("ce_specversion", b"1.0"),
        ("ce_id", alert_id("t-a-1-1").encode()), ("ce_source", b"sluice"),
        ("ce_type", b"sluice.alert.v1"), ("ce_subject", b"t-a-1-1"),
        ("ce_time", b"2026-01-05T12:00:01Z"), ("traceparent", TRACE.encode())]
    alert = json.loads(message.value())
    assert alert["transaction"] == payment(1)
    assert alert["reasons"] == answer["reasons"] and alert["decision"] == "flag"
    assert not (server.folder / FILE).exists() or not list(in_files(server))


def test_an_invalid_trace_begins_a_new_one_and_none_is_none(make_server, kafka):
    topic = kafka.create_topic("alerts-traces")
    server = serve_kafka(make_server, kafka, topic)
    sent = {"t-a-1-1": TRACE.replace("4bf9", "4BF9"), "t-a-1-2": "00-0-0-00",
            "t-a-1-3": TRACE.replace("00-", "cc-", 1) + "-later", "t-a-1-4": None, "t-a-1-5": ""}
    for number, header in enumerate(sent.values(), 1):
        more = {} if header is None else {"traceparent": header}
        assert server.score(payment(number), **more).status == 200
    got = {m.key().decode(): dict(m.headers()).get("traceparent")
           for m in consume(kafka, topic, sent)}
    for name in ("t-a-1-1", "t-a-1-2"):
        version, trace, parent, flags = got[name].decode().split("-")
        assert (version, len(trace), len(parent), flags) == ("00", 32, 16, "00")
        assert int(trace, 16) and int(parent, 16) and got[name].decode() != sent[name]
    assert got["t-a-1-1"] != got["t-a-1-2"]
    assert got["t-a-1-3"].decode() == sent["t-a-1-3"][:55]
    assert got["t-a-1-4"] is None and got["t-a-1-5"] is None


def test_answers_go_on_while_the_broker_is_dead_and_all_alerts_arrive(make_server, make_kafka):
    cluster = make_kafka()
    topic = cluster.create_topic("alerts")
    server = serve_kafka(make_server, cluster, topic)
    ids = [flag(server, i) for i in range(10)]
    cluster.nodes[0].kill()
    begun = time.monotonic()
    while time.monotonic() - begun < 5:
        ids += [flag(server, len(ids)) for _ in range(10)]
    cluster.nodes[0].start()
    ids += [flag(server, len(ids)) for _ in range(10)]
    consume(cluster, topic, ids)
    until(lambda: metric(server, "sluice_alerts_waiting") == 0)
    assert metric(server, "sluice_alerts_lost_total") == 0
    assert server.stop() == 0


def test_an_orderly_end_waits_for_a_broker_that_was_slow(make_server, make_kafka):
    """Without a journal; more than a producer is given at once."""
    cluster = make_kafka()
    topic = cluster.create_topic("alerts")
    server = serve_kafka(make_server, cluster, topic)
    cluster.nodes[0].pause()
    ids = [answer["transaction_id"]
           for answer in server.batch([payment(i, f"a-{i % 50}") for i in range(6000)]).lines()]
    assert len(ids) == 6000 and metric(server, "sluice_alerts_waiting") == 6000
    server.signal(signal.SIGTERM)
    cluster.nodes[0].resume()
    assert server.process.wait(WAIT_S) == 0
    assert len(consume(cluster, topic, ids)) == 6000


def test_with_room_for_16_and_the_broker_dead_none_of_500_is_lost(make_server, make_kafka):
    cluster = make_kafka()
    topic = cluster.create_topic("alerts")
    server = serve_kafka(make_server, cluster, topic, journal__dir="journal", alerts__waiting=16)
    cluster.nodes[0].kill()
    ids = [answer["transaction_id"]
           for answer in server.batch([payment(i, f"a-{i % 50}") for i in range(500)]).lines()]
    assert len(ids) == 500
    assert metric(server, "sluice_alerts_waiting") <= 16
    assert metric(server, "sluice_alerts_left_total") >= 484
    assert metric(server, "sluice_alerts_lost_total") == 0
    cluster.nodes[0].start()
    consume(cluster, topic, ids)
    until(lambda: metric(server, "sluice_alerts_waiting") == 0)
    assert server.stop() == 0


def test_kill_9_while_the_broker_is_dead_loses_none(make_server, make_kafka):
    cluster = make_kafka()
    topic = cluster.create_topic("alerts")
    server = serve_kafka(make_server, cluster, topic, journal__dir="journal",
                         journal__fsync="always")
    flagged = {flag(server, 1000)}
    cluster.nodes[0].kill()
    flagged |= Load(server, itertools.count()).kill(after_s=0.5)
    cluster.nodes[0].start()
    server.start()
    consume(cluster, topic, flagged)
    assert server.stop() == 0


def test_an_alert_too_large_for_the_topic_goes_to_the_file(make_server, kafka):
    topic = kafka.create_topic("alerts-small", max_message_bytes=2048)
    server = make(make_server, kafka__brokers=kafka.bootstrap, kafka__alerts=topic)
    server.write("ruleset.yaml", (server.folder / "ruleset.yaml").read_text().replace(
        "currency: {type: string, max: 3}", "currency: {type: string, max: 4000}"))
    server.start()
    large = flag(server, 1, currency=random.randbytes(2000).hex())  # also compressed
    until(lambda: all_in_files({large}, server))
    small = flag(server, 2)
    consume(kafka, topic, [small])
    assert metric(server, "sluice_alerts_refused_total") == 1
    assert list(by_transaction(in_files(server))) == [large]


@pytest.mark.parametrize("backend", ["memory", "redis"])
def test_the_order_of_one_client_is_the_order_of_its_alerts(make_server, kafka, redis, backend):
    topic = kafka.create_topic(f"alerts-order-{backend}")
    state = {"state__backend": "redis", "state__redis": redis.url} if backend == "redis" else {}
    server = serve_kafka(make_server, kafka, topic, **state)
    until(lambda: server.get("/readyz").status == 200)
    ids = [flag(server, i) for i in range(50)]
    assert [m.key().decode() for m in consume(kafka, topic, ids)] == ids
