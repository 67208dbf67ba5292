"""Serving with Redis: the same answers as with memory, and what happens when it goes away."""
import json
import random
import re
import signal
import socket
import threading
import time

from conftest import RULESET, payment, until


def with_redis(make_server, redis, workers=1, **settings):
    """One worker, unless a test is about several: each has a connection, and says of it alone
    whether it is ready."""
    server = make_server(state__backend="redis", state__redis=redis.url, journal__dir="journal",
                         deadline_ms=500, workers=workers, **settings)
    until(lambda: server.get("/readyz").status == 200)
    return server


def test_a_batch_is_answered_byte_for_byte_as_with_memory(make_server, redis):
    chance = random.Random(7)
    lines = []
    for i in range(3000):
        event = payment(i, account=f"a-{chance.randrange(40)}", terminal_id=f"m-{i % 9}")
        lines.append(event)
        if chance.random() < 0.05:
            lines.append(chance.choice(lines[-50:]))  # again, perhaps while the first is under way
        if chance.random() < 0.03:
            lines.append("{")
        if chance.random() < 0.05:
            lines.append({"kind": "label", "transaction_id": event["transaction_id"],
                          "outcome": "fraud", "timestamp": "2026-01-05T14:00:00Z"})
    memory = make_server(name="memory").batch(lines, "?explain=true&historic=true")
    server = with_redis(make_server, redis, name="redis-side")
    over_redis = server.batch(lines, "?explain=true&historic=true")
    assert over_redis.status == 200
    assert over_redis.body == memory.body


def test_without_redis_answers_are_degraded_and_it_catches_up(make_server, redis):
    server = with_redis(make_server, redis)
    for i in range(3):
        assert server.score(payment(i)).json()["degraded"] == []
    redis.kill()
    server.wait_log("Redis is away")
    until(lambda: server.get("/readyz").status == 503)
    begun = time.monotonic()
    away = [server.score(payment(i)) for i in range(3, 12)]
    assert time.monotonic() - begun < 9 * 2.0  # deadline_ms is 500
    assert all(r.status == 200 and r.json()["degraded"] == ["state"] for r in away)
    assert server.get("/livez").status == 200
    redis.start()
    server.wait_log("Redis serves")
    until(lambda: server.get("/readyz").status == 200)
    until(lambda: server.counts(12))
    again = server.score(payment(5))
    assert again.body == away[2].body and again.headers["Idempotent-Replayed"] == "true"


def test_a_redis_that_is_flushed_under_a_live_connection_is_filled_again(make_server, redis):
    server = with_redis(make_server, redis)
    for i in range(5):
        assert server.score(payment(i)).json()["degraded"] == []
    redis.tell("FLUSHALL")
    server.score(payment(5))  # finds that there is no beacon any more
    until(lambda: server.counts(6))
    until(lambda: server.get("/readyz").status == 200)
    again = server.score(payment(2))
    assert again.headers["Idempotent-Replayed"] == "true"
    assert redis.tell("EXISTS", "sluice:hash-key") == b":1\r\n"
    assert redis.tell("HLEN", "sluice:layouts") != b":0\r\n"


def test_a_flush_is_noticed_by_a_worker_that_had_no_event_yet(make_server, redis):
    server = with_redis(make_server, redis, workers=4)
    until(lambda: b"sluice_redis_connections 4" in server.get("/metrics").body)
    for i in range(5):
        assert server.score(payment(i)).json()["degraded"] == []
    redis.tell("FLUSHALL")
    for i in range(5, 9):  # each over a connection of its own: they come to several workers
        server.score(payment(i))
    until(lambda: server.counts(9))
    assert redis.tell("EXISTS", "sluice:hash-key") == b":1\r\n"


def test_logs_live_as_long_as_a_ruleset_that_was_loaded_since_asks(make_server, redis):
    server = make_server(start=False, state__backend="redis", state__redis=redis.url,
                         journal__dir="journal", deadline_ms=500, workers=1)
    short = RULESET.replace("[5m, 1d]", "[5m]").replace("[1d]", "[5m]").replace("[30d]", "[5m]")
    server.write("ruleset.yaml", short)
    server.start()
    until(lambda: server.get("/readyz").status == 200)
    server.score(payment(0))
    assert 0 < int(redis.tell("TTL", "sluice:e:account_id:a-1")[1:]) <= 360
    server.write("ruleset.yaml", RULESET)
    server.signal(signal.SIGHUP)
    server.wait_log("ruleset loaded")
    server.score(payment(1))
    assert int(redis.tell("TTL", "sluice:e:account_id:a-1")[1:]) > 30 * 86400


def test_a_paused_redis_does_not_hold_a_request_past_its_deadline(make_server, redis):
    server = with_redis(make_server, redis)
    assert server.score(payment(0)).json()["degraded"] == []
    redis.process.send_signal(signal.SIGSTOP)
    begun = time.monotonic()
    late = server.score(payment(1), **{"Sluice-Deadline-Ms": "100"})
    took = time.monotonic() - begun
    assert late.status == 200 and late.json()["degraded"] == ["state"]
    assert 0.09 < took < 5.0  # without deadlines it would be 15
    waited = re.fullmatch(r"state;dur=([\d.]+), total;dur=([\d.]+)", late.headers["Server-Timing"])
    assert 90 < float(waited[1]) <= float(waited[2])
    redis.process.send_signal(signal.SIGCONT)
    until(lambda: server.get("/readyz").status == 200)
    until(lambda: server.counts(2))
    assert server.score(payment(1)).body == late.body


def test_a_lookup_does_not_outlive_its_deadline_either(make_server, redis):
    server = with_redis(make_server, redis)
    server.score(payment(0))
    redis.process.send_signal(signal.SIGSTOP)
    begun = time.monotonic()
    assert server.get("/v1/decisions/t-a-1-0").status == 503
    assert server.entity("a-1").status == 503
    assert time.monotonic() - begun < 5.0  # deadline_ms is 500; Redis is given up after 15 s
    redis.process.send_signal(signal.SIGCONT)
    until(lambda: server.get("/v1/decisions/t-a-1-0").status == 200)


def test_a_slow_sender_does_not_use_up_the_time_of_the_state(make_server, redis):
    server = with_redis(make_server, redis)
    body = json.dumps(payment(0)).encode()
    with socket.create_connection(("127.0.0.1", server.port)) as peer:
        peer.sendall(b"POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                     b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:-1])
        time.sleep(0.8)  # deadline_ms is 500
        peer.sendall(body[-1:])
        reply = b"".join(iter(lambda: peer.recv(4096), b""))
    assert b'"degraded":[]' in reply, reply


def test_a_batch_that_gave_up_starts_no_line_more(make_server, redis):
    server = with_redis(make_server, redis, limits__batch_spool_bytes=1 << 20)
    # all of one account: each waits for the one before it, and is looked into while it does
    reply = server.batch([payment(i, account="b") for i in range(6000)], "?explain=true")
    assert reply.status == 507, reply.body[:200]
    took_effect = int(re.search(r"lines 1 to (\d+) took effect", reply.json()["detail"])[1])
    assert server.count("b", at="2026-01-05T23:00:00Z") == took_effect


def test_each_line_of_a_batch_may_wait_as_long_as_the_request_asks(make_server, redis):
    server = with_redis(make_server, redis)
    assert server.batch([payment(0)]).lines()[0]["degraded"] == []
    redis.process.send_signal(signal.SIGSTOP)
    resume = threading.Timer(1.0, redis.process.send_signal, [signal.SIGCONT])
    resume.start()
    found = server.batch([payment(0, account=f"b-{i}") for i in range(3)],
                         **{"Sluice-Deadline-Ms": "20000"})
    resume.join()
    assert [line["degraded"] for line in found.lines()] == [[], [], []]


def test_reject_answers_503_and_leaves_no_trace(make_server, redis):
    server = with_redis(make_server, redis, on_state_unavailable="reject")
    assert server.score(payment(0)).status == 200
    redis.kill()
    until(lambda: server.get("/readyz").status == 503)
    refused = server.score(payment(1))
    assert refused.status == 503 and refused.headers["Retry-After"] == "1"
    assert refused.json()["type"] == "urn:sluice:problem:state-unavailable"
    assert server.entity("a-1").status == 503
    assert server.get("/v1/decisions/t-a-1-0").status == 503
    redis.start()
    until(lambda: server.get("/readyz").status == 200)
    assert server.count() == 1


def test_a_degraded_start_serves_until_redis_is_there(make_server, redis):
    redis.kill()
    server = make_server(state__backend="redis", state__redis=redis.url, state__start="degraded",
                         journal__dir="journal", workers=1)
    assert server.score(payment(0)).json()["degraded"] == ["state"]
    assert server.get("/readyz").status == 503
    redis.start()
    until(lambda: server.get("/readyz").status == 200)
    until(lambda: server.counts(1))
    assert server.score(payment(1)).json()["degraded"] == []
    assert server.stop() == 0


def refused_start(make_server, url):
    """What a start that is refused says."""
    server = make_server(ready=False, state__backend="redis", state__redis=url)
    assert server.process.wait(30) == 1
    return server.stderr() + str(server.log)


def test_a_url_with_tls_is_refused_with_what_to_do(make_server):
    why = refused_start(make_server, "rediss://127.0.0.1:6379/0")
    assert "state.redis: rediss://" in why and "connect through a local TLS proxy" in why


def test_a_redis_that_evicts_is_refused_with_what_to_do(make_server, redis):
    for policy in ("allkeys-lru", "volatile-ttl"):
        redis.tell("CONFIG", "SET", "maxmemory-policy", policy)
        why = refused_start(make_server, redis.url)
        assert "maxmemory-policy must be noeviction" in why
        assert "CONFIG SET maxmemory-policy noeviction" in why


def test_why_a_redis_is_refused_is_logged_once_and_readyz_says_it(make_server, redis):
    server = with_redis(make_server, redis, workers=2)
    redis.tell("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    redis.tell("CLIENT", "KILL", "TYPE", "normal")
    until(lambda: b"maxmemory-policy must be noeviction" in server.get("/readyz").body)
    assert server.score(payment(0)).json()["degraded"] == ["state"]
    time.sleep(1)  # some attempts more, of both workers
    redis.tell("CONFIG", "SET", "maxmemory-policy", "noeviction")
    until(lambda: b'"account_tx_count_1d":{"value":1,' in server.entity("a-1").body)

    def messages():
        return [entry["message"] for entry in server.log]

    until(lambda: messages().count("Redis serves") == 2)  # the last worker's connection too
    told = [entry for entry in server.log if entry["message"].startswith("Redis ")]
    assert [entry["message"] for entry in told] == [
        "Redis serves", "Redis is away", "Redis refused", "Redis accepted again", "Redis serves"]
    assert told[2]["level"] == "error" and told[2]["why"] == told[3]["was"]
