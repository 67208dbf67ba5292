"""From first byte to queued reply our own code asks nobody for memory.

A library that is loaded before all others (alloc_count.c) counts who calls malloc and its like;
calls that libmicrohttpd, hiredis and libuv make for themselves are theirs.
"""
import collections
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from conftest import payment

BUILD = os.environ.get("BUILD", "build")
COUNTER = os.path.abspath(f"{BUILD}/tests/system/alloc_count.so")
PROGRAM = os.path.abspath(f"{BUILD}/sluice")  # sanitizers have a malloc of their own
REQUESTS = 3000
TABLE = re.compile(r"\((state_table|blocks)\.c:")
JSON_TYPE = {"Content-Type": "application/json"}


def serve(make_server, folder, **settings):
    if not os.path.exists(COUNTER):
        pytest.skip(f"{COUNTER} is not built (make test-build)")
    counts = folder / "counts"
    server = make_server(start=False, workers=1, state__exact_events=16, deadline_ms=2000,
                         journal__dir="journal",
                         env={"LD_PRELOAD": COUNTER, "ALLOC_COUNT_FILE": str(counts)}, **settings)
    server.program = PROGRAM
    server.counts = counts
    server.start()
    end = time.monotonic() + 20
    while server.get("/readyz").status != 200:
        assert time.monotonic() < end
        time.sleep(0.05)
    server.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    return server


def callers(server):
    """How often each place of the program has asked so far, by its address."""
    server.counts.unlink(missing_ok=True)
    server.signal(signal.SIGUSR2)
    end = time.monotonic() + 10
    while not server.counts.exists():
        assert time.monotonic() < end
        time.sleep(0.01)
    rows = (line.split() for line in server.counts.read_text().splitlines())
    return collections.Counter({address: int(n) for address, n in rows})


def named(asked):
    """Addresses as functions with file and line, where addr2line is at hand."""
    try:
        shown = subprocess.run(["addr2line", "-s", "-f", "-e", PROGRAM, *asked], check=True,
                               capture_output=True, text=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        return dict(asked)
    return {f"{name} ({place})": n
            for name, place, n in zip(shown[::2], shown[1::2], asked.values())}


def send(server, method, path, event=None):
    body = None if event is None else json.dumps(event)
    server.connection.request(method, path, body, {} if body is None else JSON_TYPE)
    reply = server.connection.getresponse()
    reply.read()
    return reply.status


def label_of(event):
    return {"kind": "label", "transaction_id": event["transaction_id"], "outcome": "fraud",
            "timestamp": "2026-01-12T12:00:00Z"}


def run(server, numbers):
    """Every way a payment or a label may take: first, again, in conflict, flagged, parked."""
    for i in numbers:
        event = payment(i, account=f"a-{i % 10}", seconds=i // 2, terminal_id=f"m-{i % 7}")
        if i % 19 == 0:
            assert send(server, "POST", "/v1/labels", label_of(event)) == 202
        query = "?explain=true" if i % 10 == 0 else ""
        assert send(server, "POST", "/v1/score" + query, event) == 200
        if i % 5 == 0:
            assert send(server, "POST", "/v1/score", event) == 200
        if i % 11 == 0:
            assert send(server, "POST", "/v1/score", dict(event, amount=1)) == 422
        if i % 13 == 0:
            assert send(server, "POST", "/v1/labels", label_of(event)) == 200
        if i % 17 == 0:
            assert send(server, "GET", f"/v1/entities/account_id/a-{i % 10}") == 200


def asked_while_running(server):
    """Past a first run, in which tables and buffers find their size."""
    run(server, range(REQUESTS))
    before = callers(server)
    assert before, "nothing is counted: what the start asked for must have been seen"
    run(server, range(REQUESTS, 2 * REQUESTS))
    return named(callers(server) - before)


def test_nothing_is_asked_for_with_redis(make_server, redis, tmp_path):
    server = serve(make_server, tmp_path, state__backend="redis", state__redis=redis.url)
    assert asked_while_running(server) == {}


def test_with_memory_only_the_table_asks_when_it_grows(make_server, tmp_path):
    asked = asked_while_running(serve(make_server, tmp_path))
    if shutil.which("addr2line") is None:
        pytest.skip("addr2line is not installed")
    assert [place for place in asked if not TABLE.search(place)] == []
    assert sum(asked.values()) < REQUESTS / 4  # 256 shards double at different times
