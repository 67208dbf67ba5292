"""A feature that is added while history is there already: bounded until it is covered."""
import signal

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
    first = with_redis(make_server, redis, name="first")
    explained(first, payment(0))
    reload(first, ADDED, ASKING)
    covered_from = assert_bounded(first, payment(1))
    second = make_server(start=False, name="second", state__backend="redis",
                         state__redis=redis.url, journal__dir="journal", deadline_ms=500, workers=1)
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
