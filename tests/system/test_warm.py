"""A feature that is added while history is there already: bounded until it is covered."""
import signal
import threading

from conftest import RULESET, payment, until
from test_http_redis import with_redis

ADDED = RULESET.replace("flag_at:", """\
  currency_tx_count: {by: currency, aggregate: count, windows: [1d]}
flag_at:""")
ASKING = """\
rules:
  - {id: known, when: covered(account_tx_count_1d), score: 1}
  - {id: warm, when: covered(currency_tx_count_1d), score: 2}
  - {id: cold, when: '!covered(currency_tx_count_1d) && currency_tx_count_1d >= 1', score: 4}
"""


def reload(server, ruleset, rules):
    server.write("ruleset.yaml", ruleset)
    server.write("rules.yaml", rules)
    server.signal(signal.SIGHUP)
    assert server.wait_log("ruleset loaded")


def explained(server, event):
    return server.score(event, query="?explain=true").json()


def assert_bounded(server, event):
    seen = explained(server, event)
    feature = seen["features"]["currency_tx_count_1d"]
    assert (feature["exact"], feature["covered"]) == (False, False)
    assert feature["lo"] >= 1 and "hi" not in feature
    assert seen["features"]["account_tx_count_1d"]["exact"]
    assert seen["score"] == 5
    return server.get("/v1/ruleset").json()["covered_from"]


def test_a_new_key_field_is_not_covered_at_once_and_stays_so_over_a_restart(make_server):
    server = make_server(journal__dir="journal", state__fill_bytes=0)
    assert explained(server, payment(0))["decision"] == "allow"
    assert server.get("/v1/ruleset").json()["covered_from"] == {}
    reload(server, ADDED, ASKING)
    covered_from = assert_bounded(server, payment(1))
    assert list(covered_from) == ["currency_tx_count_1d"]
    assert server.stop() == 0
    server.start()
    assert assert_bounded(server, payment(2)) == covered_from


def test_what_was_never_without_it_is_covered(make_server):
    server = make_server(start=False)
    server.write("ruleset.yaml", ADDED)
    server.write("rules.yaml", ASKING)
    server.start()
    seen = explained(server, payment(0))
    assert seen["features"]["currency_tx_count_1d"] == {"value": 1, "exact": True}
    assert seen["score"] == 3


def test_instances_agree_by_the_state_they_share(make_server, redis):
    first = with_redis(make_server, redis, name="first", state__fill_bytes=0)
    explained(first, payment(0))
    reload(first, ADDED, ASKING)
    covered_from = assert_bounded(first, payment(1))
    second = make_server(start=False, name="second", state__backend="redis",
                         state__redis=redis.url, journal__dir="journal", deadline_ms=500, workers=1,
                         state__fill_bytes=0)
    second.write("ruleset.yaml", ADDED)
    second.write("rules.yaml", ASKING)
    second.start()
    until(lambda: second.get("/readyz").status == 200)
    assert assert_bounded(second, payment(2)) == covered_from


def test_what_is_added_gets_its_history_and_equals_what_was_always_there(make_server):
    added = make_server(name="added", journal__dir="journal")
    always = make_server(start=False, name="always", journal__dir="journal")
    always.write("ruleset.yaml", ADDED)
    always.write("rules.yaml", ASKING)
    always.start()
    for i in range(300):
        event = payment(i, account=f"a-{i % 7}", currency="EUR" if i % 3 else "USD")
        assert added.score(event).status == always.score(event).status == 200
    reload(added, ADDED, ASKING)
    told = added.wait_log("features filled in")
    assert (told["key_fields"], told["logs"]) == (1, 2)
    assert added.get("/v1/ruleset").json()["covered_from"] == {}
    for i in range(300, 320):
        event = payment(i, account=f"a-{i % 7}")
        assert explained(added, event) == explained(always, event)
    assert "sluice_features_uncovered 0" in added.get("/metrics").body.decode()


def test_a_restart_fills_what_a_reload_could_not(make_server):
    server = make_server(journal__dir="journal", state__fill_bytes=0)
    for i in range(5):
        explained(server, payment(i))
    reload(server, ADDED, ASKING)
    assert_bounded(server, payment(5))
    assert server.stop() == 0
    server.settings["state.fill_bytes"] = 1 << 30
    server.configure()
    server.start()
    assert server.wait_log("features filled in")
    assert explained(server, payment(6))["features"]["currency_tx_count_1d"] == {
        "value": 7, "exact": True}


# ---- instances of which one still has the older ruleset ----

def coverage_of(redis):
    key = redis.tell("KEYS", "*coverage").split(b"\r\n")[2].decode()
    return key, redis.tell("GET", key).split(b"\r\n", 1)[1].decode()[:-2]


def until_coverage(redis, server, numbers, holds):
    """Events come, one after the other, until what stands in Redis is so."""
    def there():
        explained(server, payment(next(numbers)))
        return holds(coverage_of(redis)[1])
    until(there)


def test_what_an_older_instance_does_not_write_is_not_covered_while_it_runs(make_server, redis):
    newer = with_redis(make_server, redis, name="newer", state__fill_bytes=0)
    older = with_redis(make_server, redis, name="older")
    numbers = iter(range(10000))
    explained(older, payment(next(numbers)))
    reload(newer, ADDED, ASKING)
    first = assert_bounded(newer, payment(next(numbers)))["currency_tx_count_1d"]
    explained(older, payment(next(numbers)))
    key, text = coverage_of(redis)
    known, added = text.split("key currency\n")
    # its ten minutes have passed
    overdue = added.replace(added.split()[2], "1767614400000")
    assert b"OK" in redis.tell("SET", key, f"{known}key currency\n{overdue}")
    until_coverage(redis, older, numbers, lambda text: "key currency" not in text)
    until_coverage(redis, newer, numbers, lambda text: "key currency" in text)
    assert newer.get("/v1/ruleset").json()["covered_from"]["currency_tx_count_1d"] > first


# ---- beside scoring ----

CURRENCIES = [f"{a}{b}X" for a in "ABCDE" for b in "KLMN"]


def send(server, events):
    for event in events:
        assert server.score(event).status == 200


def send_at_once(server, events, threads=4):
    senders = [threading.Thread(target=send, args=(server, events[i::threads]))
               for i in range(threads)]
    for sender in senders:
        sender.start()
    return senders


def test_what_is_filled_in_under_load_equals_a_replay_under_the_new_ruleset(make_server):
    events = [payment(i, account=f"a-{i % 37}", currency=CURRENCIES[i * 7 % 20])
              for i in range(3000)]
    loaded = make_server(name="loaded", journal__dir="journal", workers=4)
    send(loaded, events[:500])
    senders = send_at_once(loaded, events[500:])
    reload(loaded, ADDED, ASKING)
    assert loaded.wait_log("features filled in")["logs"] == 20
    for sender in senders:
        sender.join()
    always = make_server(start=False, name="always")
    always.write("ruleset.yaml", ADDED)
    always.write("rules.yaml", ASKING)
    always.start()
    assert always.batch(events, "?historic=true").status == 200
    for i, currency in enumerate(CURRENCIES):
        probe = payment(3000 + i, currency=currency)
        assert explained(loaded, probe) == explained(always, probe)


# ---- what is taken out ----

WIDE = RULESET.replace("flag_at:", """\
  account_terminals: {by: account_id, aggregate: distinct, of: terminal_id, windows: [1d]}
  account_spread: {by: account_id, aggregate: stddev, of: amount, windows: [1d]}
flag_at:""")


def log_bytes(redis):
    key = redis.tell("KEYS", "*account_id:a-1").split(b"\r\n")[2].decode()
    return int(redis.tell("STRLEN", key)[1:])


def test_what_a_reload_takes_out_leaves_the_logs_as_they_fold(make_server, redis):
    server = with_redis(make_server, redis, state__exact_events=16)
    server.write("ruleset.yaml", WIDE)
    server.signal(signal.SIGHUP)
    assert server.wait_log("ruleset loaded")
    events = [payment(i, terminal_id=f"terminal-{i % 100}") for i in range(960)]
    send(server, events[:480])
    wide = log_bytes(redis)
    reload(server, RULESET, "rules: []\n")
    send(server, events[480:])
    until(lambda: log_bytes(redis) < wide * 3 // 4)  # of twice as many events


def state_bytes(server):
    metrics = server.get("/metrics").body.decode()
    return int(next(line for line in metrics.splitlines()
                    if line.startswith("sluice_state_bytes ")).split()[1])


def test_what_a_reload_takes_out_frees_its_memory_without_any_traffic(make_server):
    wide = WIDE.replace("flag_at:", """\
  currency_tx_count: {by: currency, aggregate: count, windows: [30d]}
flag_at:""")
    server = make_server(start=False, state__compact_after="1s", state__exact_events=16)
    server.write("ruleset.yaml", wide)
    server.write("rules.yaml", "rules: []\n")
    server.start()
    send(server, [payment(i, account=f"a-{i % 5}", currency=f"C{i % 90:02}",
                          terminal_id=f"terminal-{i % 100}") for i in range(900)])
    before = state_bytes(server)

    def look():
        return server.get("/v1/entities/account_id/a-1?at=2026-01-05T12:15:00Z").json()["features"]

    reload(server, RULESET, "rules: []\n")
    seen = look()
    told = server.wait_log("state compacted")
    assert told["removed"] >= 90 and told["shortened"] >= 5
    assert state_bytes(server) < before
    assert look() == seen
