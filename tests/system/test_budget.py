"""`sluice check` says what a ruleset costs: the same as a real Redis counts and keeps."""
import json
import os
import re
import subprocess

import pytest
from conftest import RULESET, payment, until

SLUICE = os.environ.get("SLUICE_BIN", "build/san/sluice")
COUNTED = ("multi", "exec", "set", "append", "getrange", "xadd", "expire")
# Windows whose tiles ten thousand events can fill; every kind of column, cell and map.
FULL = RULESET.replace("features:\n", """features:
  account_avg: {by: account_id, aggregate: stddev, of: amount, windows: [10m, 1h]}
  account_min: {by: account_id, aggregate: min, of: amount, windows: [10m], delay: 1h}
  account_terminals: {by: account_id, aggregate: distinct, of: terminal_id, windows: [1h]}
""").replace("windows: [1d]", "windows: [1h]").replace("windows: [5m, 1d]", "windows: [5m, 1h]") \
    .replace("windows: [30d]", "windows: [1h]")


def budget_of(folder, *options):
    done = subprocess.run([SLUICE, "check", "--ruleset", str(folder / "ruleset.yaml"), "--format",
                           "json", *options], capture_output=True, text=True, timeout=60,
                          check=True)
    return json.loads(done.stdout.splitlines()[0])["budget"]


@pytest.fixture(name="serve")
def serve_fixture(make_server, redis):
    def serve(ruleset, **settings):
        server = make_server(start=False, state__backend="redis", state__redis=redis.url,
                             workers=1, deadline_ms=5000, **settings)
        server.write("ruleset.yaml", ruleset)
        server.start()
        until(lambda: server.get("/readyz").status == 200)
        return server
    return serve


def counted(redis):
    """Calls of each command since the last reset."""
    stats = redis.tell("INFO", "commandstats").decode()
    calls = {name: int(n) for name, n in re.findall(r"cmdstat_(\w+):calls=(\d+)", stats)}
    return {name: calls.get(name, 0) for name in COUNTED}


def length_of(redis, key):
    return int(redis.tell("STRLEN", key)[1:])


def settled(redis, sets):
    """The calls once there are so many of SET, two a payment: an answer does not wait for the
    second, by which its claim is settled. Those after it are counted anew."""
    until(lambda: counted(redis)["set"] >= sets)
    calls = counted(redis)
    redis.tell("CONFIG", "RESETSTAT")
    return calls


def test_the_commands_are_those_that_redis_counts(serve, redis):
    server = serve(RULESET)
    budget = budget_of(server.folder)
    n_entities = len(budget["entities"])
    assert n_entities == 2
    redis.tell("CONFIG", "RESETSTAT")
    for i in range(5):  # then the logs and their expiry are there
        server.score(payment(i, terminal_id="m-1"))
    settled(redis, 10)
    for i in range(5, 9):
        assert server.score(payment(i, terminal_id="m-1")).json()["decision"] == "allow"
    allowed = settled(redis, 8)
    assert allowed == {"multi": 4, "exec": 4, "set": 8, "append": 8, "getrange": 8, "xadd": 0,
                       "expire": 0}
    assert sum(allowed.values()) == 4 * budget["redis_commands"]["allowed"]
    server.score(payment(9, terminal_id="m-1"))
    settled(redis, 2)
    assert server.score(payment(10, terminal_id="m-1")).json()["decision"] == "flag"
    until(lambda: counted(redis)["exec"] >= 2)  # that of the alert, behind its SET and XADD
    assert sum(settled(redis, 2).values()) == budget["redis_commands"]["flagged"]
    flagged = payment(11, terminal_id="m-2")  # a new entity: its expiry is set
    assert server.score(flagged).json()["decision"] == "flag"
    until(lambda: counted(redis)["exec"] >= 2)
    counts = settled(redis, 2)
    assert counts["expire"] == 2
    assert sum(counts.values()) <= budget["redis_commands"]["max"]


def test_the_bytes_are_those_that_redis_keeps(serve, redis):
    server = serve(FULL)
    account, terminal = budget_of(server.folder)["entities"]
    for i in range(60):  # no fold yet
        server.score(payment(i, terminal_id="m-1"))
    assert length_of(redis, "sluice:e:account_id:a-1") == 60 * account["record_bytes"]
    assert length_of(redis, "sluice:e:terminal_id:m-1") == 60 * terminal["record_bytes"]


def stream(seconds):
    """An event a second, and a label for each tenth."""
    for i in seconds:
        at = f"2026-01-05T{12 + i // 3600:02}:{i // 60 % 60:02}:{i % 60:02}Z"
        yield {"transaction_id": f"t-{i}", "account_id": "a-1", "amount": i % 97 - 40,
               "currency": "EUR", "timestamp": at, "terminal_id": f"m-{i % 200}"}
        if i % 10 == 0:
            yield {"kind": "label", "transaction_id": f"t-{i}", "outcome": "fraud", "timestamp": at}


def test_the_longest_log_is_nearly_as_long_as_is_said_and_never_longer(serve, redis):
    few = 64
    server = serve(FULL, state__exact_events=few)
    account = budget_of(server.folder, "--state.exact_events", str(few))["entities"][0]
    longest = 0
    for start in range(0, 5400, 60):  # past the longest window and its delay
        lines = list(stream(range(start, start + 60)))
        assert server.batch(lines, "?historic=true").status == 200
        longest = max(longest, length_of(redis, "sluice:e:account_id:a-1"))
    assert 0.8 * account["bytes_max"] < longest <= account["bytes_max"]


def test_a_ruleset_that_costs_more_than_its_limits_is_no_ruleset(server):
    before = server.get("/v1/ruleset").json()["ruleset"]
    server.write("ruleset.yaml", RULESET + "limits: {redis_commands: 5}\n")
    done = subprocess.run([SLUICE, "check", "--ruleset", str(server.folder / "ruleset.yaml")],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "limits: {redis_commands: 5}" in done.stdout and "are allowed here" in done.stdout
    assert server.get("/v1/ruleset").json()["ruleset"] == before
