"""Recent alerts, and their stream as Server-Sent Events (WHATWG HTML, 9.2)."""
import http.client
import json
import signal
import socket
import time

import pytest

from conftest import RULES, RULESET, payment, until

FLAG_ALL = RULES.replace("account_tx_count_5m > 10", "amount > 0")
# Thirty reasons of 500 bytes: an alert of some 20 KB.
FLAG_AT_LENGTH = "rules:\n" + "".join(
    f"  - {{id: r{i}, when: 'amount > 0', score: 80, title: {'t' * 100}, reason: {'r' * 500}}}\n"
    for i in range(30))


@pytest.fixture
def make_flagging(make_server):
    """A server that flags all, with settings."""
    def make(rules=FLAG_ALL, name="", **settings):
        server = make_server(start=False, name=name, alerts__file="alerts.ndjson", **settings)
        server.write("ruleset.yaml", RULESET)
        server.write("rules.yaml", rules)
        return server.start()

    return make


def flag(server, numbers):
    """Flagged payments of these numbers; answers their ids."""
    ids = []
    for number in numbers:
        reply = server.score(payment(number))
        assert reply.status == 200 and reply.json()["decision"] == "flag", reply.body
        ids.append(reply.json()["transaction_id"])
    return ids


def alerts(server, query=""):
    reply = server.get("/v1/alerts" + query)
    assert reply.status == 200, reply.body
    return reply.json()


def names(items):
    return [item["alert"]["transaction_id"] for item in items]


def metric(server, name):
    text = server.get("/metrics").body.decode()
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith(name + " ")))


class Stream:
    """A reader of /v1/alerts/stream."""

    def __init__(self, server, last=None, receive_bytes=None, timeout=10):
        self.socket = socket.socket()
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(timeout)
        self.socket.connect(("127.0.0.1", server.port))
        header = "" if last is None else f"Last-Event-ID: {last}\r\n"
        self.socket.sendall(
            f"GET /v1/alerts/stream HTTP/1.1\r\nHost: a\r\n{header}\r\n".encode())
        self.reply = None

    def open(self):
        """The header has come, and the first lines."""
        self.reply = http.client.HTTPResponse(self.socket)
        self.reply.begin()
        assert self.reply.status == 200, self.reply.read()
        assert self.event() == {"retry": "2000"}
        return self

    def event(self):
        """The next block as a dictionary, a comment under ""; None at the end."""
        fields = {}
        while line := self.reply.readline():
            if not line.endswith(b"\n"):
                raise http.client.IncompleteRead(line)
            if line == b"\n":
                return fields
            name, _, value = line.decode().rstrip("\n").partition(":")
            assert name not in fields
            fields[name] = value.removeprefix(" ")
        return None

    def alert(self):
        """The id and the transaction of the next event, which is an alert."""
        event = self.event()
        while event is not None and "" in event:
            event = self.event()
        if event is None:
            raise EOFError
        assert set(event) == {"id", "event", "data"} and event["event"] == "alert", event
        return int(event["id"]), json.loads(event["data"])["transaction_id"]

    def close(self):
        if self.reply is not None:
            self.reply.close()
        self.socket.close()


# ---- the list ----


def test_recent_alerts_come_oldest_first_and_next_goes_on_from_there(make_flagging):
    server = make_flagging()
    none = alerts(server)
    assert none["alerts"] == [] and "truncated" not in none
    assert alerts(server, "?since=" + none["next"]) == none
    ids = flag(server, range(5))
    all_of_them = alerts(server)
    assert names(all_of_them["alerts"]) == ids
    assert names(alerts(server, "?limit=2")["alerts"]) == ids[3:]
    seen, cursor = [], none["next"]
    while found := alerts(server, f"?since={cursor}&limit=2"):
        if not found["alerts"]:
            break
        seen += names(found["alerts"])
        cursor = found["next"]
        assert cursor == found["alerts"][-1]["id"] and "truncated" not in found
    assert seen == ids and cursor == all_of_them["next"]
    numbers = [int(item["id"]) for item in all_of_them["alerts"]]
    assert numbers == sorted(set(numbers))
    assert abs(numbers[-1] / 1e6 - time.time()) < 60
    assert server.get("/v1/alerts").headers["Cache-Control"] == "no-store"


def test_an_alert_tells_the_transaction_and_the_decision(make_flagging):
    server = make_flagging()
    decision = server.score(payment(1)).json()
    (item,) = alerts(server)["alerts"]
    alert = item["alert"]
    assert len(alert["alert_id"]) == 32
    assert alert["transaction"]["account_id"] == "a-1"
    for name in ("transaction_id", "decision", "score", "reasons", "ruleset", "degraded"):
        assert alert[name] == decision[name]


def test_what_is_allowed_and_what_is_answered_again_is_no_alert(server):
    assert server.score(payment(1)).json()["decision"] == "allow"
    assert alerts(server)["alerts"] == []
    ids = [server.score(payment(n)).json()["transaction_id"] for n in range(2, 12)]
    assert names(alerts(server)["alerts"]) == ids[-1:]
    again = server.score(payment(11))
    assert again.headers["Idempotent-Replayed"] == "true"
    assert names(alerts(server)["alerts"]) == ids[-1:]


def test_what_is_gone_is_told(make_flagging):
    server = make_flagging(alerts__recent=3)
    start = alerts(server)["next"]
    ids = flag(server, range(5))
    found = alerts(server, "?since=" + start)
    assert names(found["alerts"]) == ids[2:] and found["truncated"] is True
    assert "truncated" not in alerts(server, "?since=" + found["alerts"][0]["id"])
    assert names(alerts(server, "?since=0")["alerts"]) == ids[2:]
    ahead = str(2**64 - 1)  # of another clock: what comes from now on
    assert alerts(server, "?since=" + ahead) == {"alerts": [], "next": found["next"]}


def test_an_answer_is_bounded_and_the_client_goes_on(make_flagging):
    server = make_flagging(FLAG_AT_LENGTH)
    cursor = alerts(server)["next"]
    ids = flag(server, range(80))
    reply = server.get("/v1/alerts?limit=1000&since=" + cursor)
    assert 900_000 < len(reply.body) <= 1 << 20
    seen = names(reply.json()["alerts"])
    assert 10 < len(seen) < 80
    seen += names(alerts(server, "?limit=1000&since=" + reply.json()["next"])["alerts"])
    assert seen == ids


def test_parameters_that_are_none_are_refused(server):
    for query in ("?limit=0", "?limit=1001", "?limit=", "?limit=-1", "?since=abc", "?since=",
                  "?since=1&since=2", "?after=1", "?since=18446744073709551616"):
        reply = server.get("/v1/alerts" + query)
        assert reply.status == 400, query
        assert reply.json()["type"] == "urn:sluice:problem:parameter"
    reply = server.get("/v1/alerts/stream", **{"Last-Event-ID": "abc"})
    assert reply.status == 400 and "Last-Event-ID" in reply.json()["detail"]
    assert server.get("/v1/alerts/stream?since=1").status == 400


# ---- the stream ----


def test_a_stream_brings_what_comes_from_now_on_in_order(make_flagging):
    server = make_flagging()
    flag(server, range(3))
    stream = Stream(server).open()
    assert stream.reply.headers["Content-Type"] == "text/event-stream"
    assert stream.reply.headers["Cache-Control"] == "no-store"
    ids = flag(server, range(3, 203))
    begun = time.monotonic()
    got = [stream.alert() for _ in ids]
    assert [name for _, name in got] == ids
    numbers = [number for number, _ in got]
    assert numbers == sorted(set(numbers))
    assert time.monotonic() - begun < 5
    stream.close()


def test_a_reader_goes_on_where_it_was(make_flagging):
    server = make_flagging()
    stream = Stream(server).open()
    ids = flag(server, range(10))
    for _ in range(4):
        last, _ = stream.alert()
    stream.close()
    ids += flag(server, range(10, 15))
    stream = Stream(server, last).open()
    assert [stream.alert()[1] for _ in range(11)] == ids[4:]
    newest = alerts(server)["next"]
    stream.close()
    # Nothing was missed; or a clock that is ahead of ours.
    for number, start in enumerate((newest, 2**64 - 1)):
        stream = Stream(server, start).open()
        (name,) = flag(server, [100 + number])
        assert stream.alert()[1] == name
        stream.close()


def test_an_event_that_is_longer_than_the_buffers_of_a_connection_is_whole(make_flagging):
    server = make_flagging(FLAG_AT_LENGTH)
    stream = Stream(server, receive_bytes=2048).open()
    ids = flag(server, range(20))
    for name in ids:
        event = stream.event()
        assert len(event["data"]) > 15000
        assert json.loads(event["data"])["transaction_id"] == name
    stream.close()


def test_who_was_away_for_too_long_is_told_of_the_gap(make_flagging):
    server = make_flagging(alerts__recent=4)
    stream = Stream(server).open()
    flag(server, [0])
    last, _ = stream.alert()
    stream.close()
    ids = flag(server, range(1, 8))
    stream = Stream(server, last).open()
    gap = stream.event()
    assert gap["event"] == "gap" and "id" not in gap
    assert int(json.loads(gap["data"])["after"]) == last
    assert int(json.loads(gap["data"])["from"]) > last
    assert [stream.alert()[1] for _ in range(4)] == ids[3:]
    stream.close()


def test_ids_grow_over_a_restart_which_is_a_gap(make_flagging):
    server = make_flagging()
    flag(server, range(3))
    last = int(alerts(server)["next"])
    assert server.stop() == 0
    server.start()
    stream = Stream(server, last).open()
    assert stream.event()["event"] == "gap"
    (name,) = flag(server, [50])
    number, got = stream.alert()
    assert got == name and number > last
    stream.close()


def test_silence_is_broken_by_heartbeats_and_no_deadline_ends_it(make_flagging):
    server = make_flagging(alerts__heartbeat="400ms", request_timeout_ms=300, idle_timeout_ms=300)
    stream = Stream(server).open()
    begun = time.monotonic()
    for _ in range(5):
        assert stream.event() == {"": "heartbeat"}
    assert 1.5 < time.monotonic() - begun < 10
    (name,) = flag(server, [1])
    assert stream.alert()[1] == name
    stream.close()


def test_a_head_and_a_client_of_http_1_0_are_answered(make_flagging):
    server = make_flagging(alerts__heartbeat="200ms", limits__streams=1)
    for _ in range(3):
        head = server.request("HEAD", "/v1/alerts/stream")
        assert head.status == 200 and head.body == b""
        assert head.headers["Content-Type"] == "text/event-stream"
    assert server.request("HEAD", "/v1/alerts").status == 200
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as s:
        s.sendall(b"GET /v1/alerts/stream HTTP/1.0\r\n\r\n")
        got = b""
        while got.count(b": heartbeat\n\n") < 2:
            got += s.recv(4096)
    head, body = got.split(b"\r\n\r\n", 1)
    assert b"chunked" not in head and body.startswith(b"retry: 2000\n\n: heartbeat\n\n")


# ---- bounds ----


def test_a_reader_that_falls_out_of_the_ring_is_dropped_and_no_one_else(make_flagging):
    server = make_flagging(FLAG_AT_LENGTH, alerts__recent=16, request_timeout_ms=60000)
    slow = Stream(server, receive_bytes=2048)
    quick = Stream(server, timeout=30).open()
    until(lambda: metric(server, "sluice_alert_streams") == 2)
    times = []
    for number in range(100):  # 2 MB, more than the kernel keeps for the slow one
        begun = time.monotonic()
        (name,) = flag(server, [number])
        times.append(time.monotonic() - begun)
        assert quick.alert()[1] == name
    assert sorted(times)[50] < 1
    slow.open()
    last = None
    with pytest.raises((http.client.IncompleteRead, ConnectionError, EOFError)):
        while True:
            last, _ = slow.alert()
    until(lambda: metric(server, "sluice_alert_streams_dropped_total") == 1)
    slow.close()
    slow = Stream(server, last).open()  # as an EventSource does
    assert slow.event()["event"] == "gap"
    recent = names(alerts(server)["alerts"])  # fewer than 16: they are long
    assert len(recent) > 8 and [slow.alert()[1] for _ in recent] == recent
    slow.close()
    quick.close()


def test_a_reader_that_takes_nothing_is_dropped(make_flagging):
    server = make_flagging(FLAG_AT_LENGTH, request_timeout_ms=1000)
    slow = Stream(server, receive_bytes=2048)
    until(lambda: metric(server, "sluice_alert_streams") == 1)
    number = 0
    while metric(server, "sluice_alert_streams_dropped_total") == 0:
        flag(server, [number])
        number += 1
        assert number < 500
        time.sleep(0.02)
    until(lambda: metric(server, "sluice_alert_streams") == 0)
    assert len(alerts(server, "?limit=1000")["alerts"]) > 10
    slow.close()


def test_three_hundred_readers_get_every_alert_and_one_more_is_refused(make_flagging):
    server = make_flagging(limits__streams=300)
    streams = [Stream(server, timeout=30) for _ in range(300)]
    for stream in streams:
        stream.open()
    assert metric(server, "sluice_alert_streams") == 300
    refused = server.get("/v1/alerts/stream")
    assert refused.status == 503 and refused.json()["detail"] == "too many streams"
    assert metric(server, "sluice_alert_streams_refused_total") == 1
    ids = flag(server, range(20))
    for stream in streams:
        assert [stream.alert()[1] for _ in ids] == ids
    for stream in streams:
        stream.close()
    until(lambda: metric(server, "sluice_alert_streams") == 0)
    Stream(server).open().close()


def test_a_reader_that_leaves_in_silence_makes_room_at_once(make_flagging):
    server = make_flagging(limits__streams=1, alerts__heartbeat="1h")
    for _ in range(2):
        stream = Stream(server).open()
        assert server.get("/v1/alerts/stream").status == 503
        stream.close()
        until(lambda: metric(server, "sluice_alert_streams") == 0)


def test_streams_do_not_hold_up_the_end(make_flagging):
    server = make_flagging(FLAG_AT_LENGTH, drain_timeout_ms=60000, request_timeout_ms=60000)
    idle = [Stream(server).open() for _ in range(20)]
    stuck = Stream(server, receive_bytes=2048)
    until(lambda: metric(server, "sluice_alert_streams") == 21)
    ids = flag(server, range(60))
    for stream in idle:
        assert [stream.alert()[1] for _ in ids] == ids
    begun = time.monotonic()
    server.signal(signal.SIGTERM)
    for stream in idle:
        assert stream.event() is None  # an orderly end: not a chunk is cut
    assert time.monotonic() - begun < 5
    assert server.process.wait(20) == 0
    assert time.monotonic() - begun < 10
    stuck.close()
