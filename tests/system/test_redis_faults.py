"""A Redis that refuses, lies or crawls: answered as configured, counted, and nothing is lost.

What a real server can be brought to is done with one; the rest is scripted (redis_between.py).
"""
import contextlib
import threading
import time

import pytest

from conftest import payment, until
from redis_between import CLOSE_AFTER, Between

DEADLINE_MS = 300
REDELIVERED = 'sluice_events_total{what="redelivered"}'
DEADLINES = 'sluice_events_total{what="deadlines"}'


@pytest.fixture
def between(tmp_path, redis):
    stand_in = Between(tmp_path, redis)
    yield stand_in
    stand_in.close()


def serve(make_server, redis, **settings):
    server = make_server(state__backend="redis", state__redis=redis.url, journal__dir="journal",
                         deadline_ms=DEADLINE_MS, workers=1, **settings)
    until(lambda: server.get("/readyz").status == 200)
    return server


def metric(server, name):
    rows = (line.split() for line in server.get("/metrics").body.decode().splitlines())
    return next(int(row[1]) for row in rows if row[0] == name)


def has_counted(server, n):
    """False also while a slow reply holds the state up."""
    reply = server.entity("a-1")
    return reply.status == 200 and reply.json()["features"]["account_tx_count_1d"]["value"] == n


# ---- faults of a real server -----------------------------------------------------------------


@contextlib.contextmanager
def full(redis):
    redis.tell("CONFIG", "SET", "maxmemory", "1mb")
    yield
    redis.tell("CONFIG", "SET", "maxmemory", "0")


@contextlib.contextmanager
def a_replica(redis):
    redis.tell("REPLICAOF", "127.0.0.1", "1")
    yield
    redis.tell("REPLICAOF", "NO", "ONE")


@contextlib.contextmanager
def busy_with_a_script(redis):
    redis.tell("CONFIG", "SET", "busy-reply-threshold", "1")
    script = threading.Thread(target=redis.tell, args=("EVAL", "while true do end", "0"))
    script.start()
    until(lambda: redis.tell("GET", "x").startswith(b"-BUSY"))
    yield
    redis.tell("SCRIPT", "KILL")
    script.join()


# ---- scripted ones ---------------------------------------------------------------------------


@contextlib.contextmanager
def scripted(between, fault):
    between.fault = fault
    yield
    between.fault = None


def loading(words, _):
    """As Redis does it: INFO and MULTI are taken, all else is not."""
    if words[0] in (b"INFO", b"AUTH"):
        return None
    if words[0] == b"MULTI":
        return b"+OK\r\n"
    if words[0] == b"EXEC":
        return b"-EXECABORT Transaction discarded because of previous errors.\r\n"
    return b"-LOADING Redis is loading the dataset in memory\r\n"


def cut_short(words, forward):
    """It has taken effect, and half of what it answers arrives."""
    if words[0] != b"EXEC":
        return None
    reply = forward()
    return CLOSE_AFTER + reply[:len(reply) // 2]


def of_another_type(words, forward):
    if words[0] != b"EXEC":
        return None
    forward()
    return b":1\r\n"


def too_short(words, forward):
    if words[0] != b"EXEC":
        return None
    forward()
    return b"*1\r\n$-1\r\n"


def elements_of_another_type(words, _):
    """It has not taken effect."""
    return b"*8\r\n" + 8 * b":1\r\n" if words[0] == b"EXEC" else None


def garbage(words, forward):
    if words[0] != b"EXEC":
        return None
    forward()
    return b"\xff\x00HTTP/1.1 400 Bad Request\r\n\r\n"


def late(words, forward):
    if words[0] == b"EXEC":
        time.sleep(2 * DEADLINE_MS / 1000)
    return forward()


def no_script(words, _):
    return b"-NOSCRIPT No matching script.\r\n" if words[0] == b"EVAL" else None


REAL = [(full, "sluice_redis_errors_oom_total"),
        (a_replica, "sluice_redis_errors_readonly_total"),
        (busy_with_a_script, "sluice_redis_errors_busy_total")]
SCRIPTED = [(loading, "sluice_redis_errors_loading_total"),
            (cut_short, "sluice_redis_disconnects_total"),
            (of_another_type, REDELIVERED),
            (too_short, REDELIVERED),
            (elements_of_another_type, REDELIVERED),
            (garbage, "sluice_redis_disconnects_total"),
            (late, DEADLINES)]


def all_are_answered_and_kept(server, fault, name):
    """While the fault lasts each answer is there in time; afterwards each payment is, once."""
    assert server.score(payment(0)).json()["degraded"] == []
    before = metric(server, name)
    with fault:
        begun = time.monotonic()
        away = [server.score(payment(i)) for i in range(1, 8)]
        assert time.monotonic() - begun < 7 * (DEADLINE_MS / 1000 + 1)
        assert all(r.status == 200 and r.json()["degraded"] == ["state"] for r in away)
        assert server.get("/livez").status == 200
    until(lambda: has_counted(server, 8))
    until(lambda: server.get("/readyz").status == 200)
    assert metric(server, name) > before
    for i, first in enumerate(away):
        again = server.score(payment(i + 1))
        assert again.body == first.body and again.headers["Idempotent-Replayed"] == "true"
    assert server.count() == 8


@pytest.mark.parametrize("fault, name", REAL, ids=[f.__name__ for f, _ in REAL])
def test_a_refusing_redis_degrades_and_is_counted(make_server, redis, fault, name):
    all_are_answered_and_kept(serve(make_server, redis), fault(redis), name)


@pytest.mark.parametrize("fault, name", SCRIPTED,
                         ids=[f.__name__ for f, _ in SCRIPTED])
def test_a_faulty_reply_degrades_and_is_counted(make_server, between, fault, name):
    all_are_answered_and_kept(serve(make_server, between), scripted(between, fault), name)


@pytest.mark.parametrize("fault", [loading, cut_short, of_another_type, garbage, late])
def test_under_reject_a_fault_is_503_and_a_retry_counts_once(make_server, between, fault):
    server = serve(make_server, between, on_state_unavailable="reject")
    assert server.score(payment(0)).status == 200
    with scripted(between, fault):
        for i in range(1, 5):
            refused = server.score(payment(i))
            assert refused.status == 503 and refused.headers["Retry-After"] == "1"
            assert refused.json()["type"] == "urn:sluice:problem:state-unavailable"
    until(lambda: server.get("/readyz").status == 200)
    for i in range(5):  # as a client does; late replies may stand before the first
        until(lambda event=payment(i): server.score(event).status == 200)
    until(lambda: has_counted(server, 5))


def test_a_label_that_no_script_can_park_is_503_and_not_lost(make_server, between):
    server = serve(make_server, between)
    label = {"kind": "label", "transaction_id": "t-a-1-0", "outcome": "fraud",
             "timestamp": "2026-01-05T12:30:00Z"}
    with scripted(between, no_script):
        assert server.label(label).status == 503
        assert metric(server, "sluice_redis_errors_other_total") > 0
    until(lambda: server.get("/readyz").status == 200)
    assert server.score(payment(0)).status == 200
    frauds = server.entity("a-1").json()["features"]["account_frauds_30d"]
    assert frauds == {"value": 1, "exact": True}


def test_a_redis_that_loads_at_the_start_is_waited_for(make_server, between):
    between.fault = loading
    server = make_server(state__backend="redis", state__redis=between.url, journal__dir="journal",
                         state__start="degraded", workers=1)
    first = server.score(payment(0))
    assert first.json()["degraded"] == ["state"]
    assert server.get("/readyz").status == 503
    between.fault = None
    until(lambda: server.get("/readyz").status == 200)
    until(lambda: has_counted(server, 1))
    assert server.score(payment(0)).body == first.body
