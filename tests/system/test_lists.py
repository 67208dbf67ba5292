"""Lists that are changed while the service runs."""
import json
import random
import re
import threading
import urllib.parse

import pytest
from conftest import payment, until

RULESET = """\
schema:
  transaction_id: {type: string, required: true, max: 64}
  account_id: {type: string, required: true, max: 64}
  amount: {type: decimal, required: true}
  timestamp: {type: timestamp, required: true}
  currency: {type: string, max: 3}
  device_id: {type: string, max: 64}
  ip: {type: string, max: 64}
lists:
  blocked: [d-1, d-2]
  muted: {redis: true, type: string}
  odd_amounts: [100, 9999]
  offices: {items: [10.0.0.0/8], type: network}
flag_at: 70
rules: [rules.yaml]
"""

RULES = """\
rules:
  - {id: blocked, when: device_id in lists.blocked, score: 80}
  - {id: muted, when: device_id in lists.muted, score: 81}
  - {id: office, when: ip in lists.offices, score: 82}
"""


def make(make_server, name="", **settings):
    server = make_server(start=False, name=name, **settings)
    server.write("ruleset.yaml", RULESET)
    server.write("rules.yaml", RULES)
    return server.start()


@pytest.fixture
def listed(make_server):
    return make(make_server, lists__file="lists.ndjson", workers=1)


def path_of(name, value):
    return f"/v1/lists/{name}/{urllib.parse.quote(value, safe='')}"


def put(server, name, value, **body):
    return server.request("PUT", path_of(name, value), json.dumps(body) if body else None)


def remove(server, name, value):
    return server.request("DELETE", path_of(name, value))


def item(server, name, value):
    return server.get(path_of(name, value)).json()


NUMBER = iter(range(1, 1 << 30))


def decided(server, **fields):
    reply = server.score(payment(next(NUMBER), account="a-9", **fields))
    assert reply.status == 200, reply.body
    return reply.json()


def flags(server, **fields):
    return [reason["rule"] for reason in decided(server, **fields)["reasons"]]


def test_a_change_counts_from_its_answer_on(listed):
    assert flags(listed, device_id="d-9") == []
    assert put(listed, "blocked", "d-9", note="chargeback 4711").status == 200
    assert flags(listed, device_id="d-9") == ["blocked"]
    assert remove(listed, "blocked", "d-9").status == 200
    assert flags(listed, device_id="d-9") == []


def test_an_item_of_the_file_is_taken_out_on_top_of_it(listed):
    reply = remove(listed, "blocked", "d-1").json()
    assert (reply["in"], reply["in_file"], reply["changed"]) == (False, True, True)
    assert flags(listed, device_id="d-1") == []
    assert flags(listed, device_id="d-2") == ["blocked"]
    assert put(listed, "blocked", "d-1").json()["in"]
    assert flags(listed, device_id="d-1") == ["blocked"]


def test_what_is_known_of_a_value_is_told(listed):
    put(listed, "muted", "d 7/ä", note="of a test", expires_at="2999-01-01T00:00:00Z")
    told = item(listed, "muted", "d 7/ä")
    assert told["value"] == "d 7/ä" and told["in"] and not told["in_file"]
    assert told["note"] == "of a test" and told["expires_at"] == "2999-01-01T00:00:00Z"
    assert told["by"] and told["since"] and told["version"] == 1
    assert not item(listed, "muted", "other")["in"]
    page = listed.get("/v1/lists/muted").json()
    assert page["items"] == page["changed"] == 1 and page["changes"][0]["value"] == "d 7/ä"


def test_pages_of_changes_have_all_of_them(listed):
    for i in range(25):
        put(listed, "muted", f"d-{i}")
    seen, place = [], 0
    while True:
        page = listed.get(f"/v1/lists/muted?from={place}&limit=10").json()
        assert len(page["changes"]) <= 10
        seen += [change["value"] for change in page["changes"]]
        place = page.get("next")
        if place is None:
            break
    assert sorted(seen) == sorted(f"d-{i}" for i in range(25))


def test_networks_have_addresses(listed):
    assert flags(listed, ip="10.2.3.4") == ["office"]
    assert flags(listed, ip="192.0.2.7") == []
    assert put(listed, "offices", "192.0.2.1/24").json()["value"] == "192.0.2.0/24"
    assert flags(listed, ip="192.0.2.7") == ["office"]
    remove(listed, "offices", "10.0.0.0/8")
    assert flags(listed, ip="10.2.3.4") == []


def test_an_address_is_in_while_a_network_has_it(listed):
    def told(reply):
        assert reply.status == 200, reply.body
        return reply.json()["in"], reply.json().get("covered_by")

    def asked(value):
        return told(listed.get(path_of("offices", value)))

    assert asked("10.2.3.4") == (True, "10.0.0.0/8")
    assert asked("10.2.0.0/16") == (True, "10.0.0.0/8")
    assert asked("10.0.0.0/8") == (True, None)
    assert asked("10.0.0.0/7") == asked("11.2.3.4") == asked("2001:db8::1") == (False, None)
    put(listed, "offices", "10.2.0.0/16")
    assert asked("10.2.3.4") == (True, "10.2.0.0/16")
    assert told(put(listed, "offices", "10.2.3.4")) == (True, None)
    assert told(remove(listed, "offices", "10.2.3.4")) == (True, "10.2.0.0/16")
    assert flags(listed, ip="10.2.3.4") == ["office"]
    assert told(remove(listed, "offices", "10.2.0.0/16")) == (True, "10.0.0.0/8")
    assert told(remove(listed, "offices", "10.0.0.0/8")) == (False, None)
    assert asked("10.2.3.4") == (False, None) and flags(listed, ip="10.2.3.4") == []


def test_the_decisions_name_covers_what_was_changed(listed):
    first = decided(listed)["ruleset"]
    assert first == listed.get("/v1/ruleset").json()["ruleset"]
    put(listed, "muted", "d-8")
    second = decided(listed)["ruleset"]
    put(listed, "muted", "d-9")
    third = decided(listed)["ruleset"]
    assert len({first, second, third}) == 3
    assert listed.get("/v1/lists").json()["decided_by"] == third
    remove(listed, "muted", "d-9")
    assert decided(listed)["ruleset"] == second
    remove(listed, "muted", "d-8")
    assert decided(listed)["ruleset"] == first


@pytest.mark.parametrize("method, name, value, body, status, said", [
    ("PUT", "nothing", "x", None, 404, "no list of this name"),
    ("GET", "nothing", "x", None, 404, "no list of this name"),
    ("PUT", "odd_amounts", "ten", None, 400, "which holds whole numbers such as 4711"),
    ("PUT", "offices", "10.0.0.0/33", None, 400, "which holds addresses and networks"),
    ("PUT", "muted", "4111 1111 1111 1111", None, 400, "card's number"),
    ("PUT", "muted", "x" * 4097, None, 400, "longer than 4096 bytes"),
    ("PUT", "muted", " a-9", None, 400, "begins or ends with a blank"),
    ("PUT", "muted", "a-9 ", None, 400, "begins or ends with a blank"),
    ("PUT", "muted", "x", b"[]", 400, "no JSON object"),
    ("PUT", "muted", "x", b"{\"note\"", 400, "no JSON object"),
    ("PUT", "muted", "x", b'{"note": "%s"}' % (b"n" * 257), 422, "at most 256 bytes"),
    ("PUT", "muted", "x", b'{"note": "of 4111111111111111"}', 422, "card's number"),
    ("PUT", "muted", "x", b'{"expires_in": "soon"}', 422, "a duration such as 30d"),
    ("PUT", "muted", "x", b'{"expires_in": "0s"}', 422, "of 1ms to 36500d"),
    ("PUT", "muted", "x", b'{"expires_in": "36501d"}', 422, "of 1ms to 36500d"),
    ("PUT", "muted", "x", b'{"expires_in": "1d", "expires_at": "2999-01-01T00:00:00Z"}', 422,
     "keep one of them"),
    ("PUT", "muted", "x", b'{"expires_at": "2001-01-01T00:00:00Z"}', 422, "in the past"),
    ("PUT", "muted", "x", b'{"expires": 1}', 422, "nothing else"),
])
def test_what_is_wrong_is_said(listed, method, name, value, body, status, said):
    reply = listed.request(method, path_of(name, value), body)
    assert reply.status == status, reply.body
    told = reply.json()
    assert said in json.dumps(told.get("errors", "")) + told.get("detail", "")
    assert listed.get("/v1/lists/muted").json()["changed"] == 0


def test_the_longest_value_and_note_are_taken(listed):
    assert put(listed, "muted", "x" * 4096, note="n" * 256).status == 200
    assert item(listed, "muted", "x" * 4096)["in"]


def test_an_item_that_expires_goes_by_itself(listed):
    assert put(listed, "muted", "d-5", expires_in="1s").json()["in"]
    until(lambda: not item(listed, "muted", "d-5")["changed"])
    assert flags(listed, device_id="d-5") == []


def test_changes_survive_the_process(listed):
    put(listed, "muted", "d-5", note="kept")
    remove(listed, "blocked", "d-1")
    put(listed, "muted", "d-6")
    remove(listed, "muted", "d-6")
    name = decided(listed)["ruleset"]
    listed.kill()
    with open(listed.folder / "lists.ndjson", "ab") as kept:
        kept.write(b'{"n":9,"list":"muted","type":"string","value":"torn')
    listed.start()
    assert item(listed, "muted", "d-5")["note"] == "kept"
    assert not item(listed, "muted", "d-6")["in"]
    assert flags(listed, device_id="d-1") == []
    assert decided(listed)["ruleset"] == name
    put(listed, "muted", "d-7")  # behind what was torn
    listed.kill()
    listed.start()
    assert item(listed, "muted", "d-7")["in"]


def test_a_file_that_is_no_file_of_changes_is_refused(make_server):
    server = make_server(start=False, lists__file="lists.ndjson")
    server.write("lists.ndjson", '{"n":1}\n')
    server.start(ready=False)
    assert server.process.wait(30) == 1
    assert "lists.ndjson:1: this is no change of a list" in json.dumps(server.log)


def test_a_reload_keeps_changes_of_lists_that_are_still_there(listed):
    put(listed, "muted", "d-5")
    put(listed, "blocked", "d-5")
    before = decided(listed)["ruleset"]
    listed.write("ruleset.yaml", RULESET.replace("[d-1, d-2]", "[1, 2]").replace(
        "device_id: {type: string, max: 64}", "device_id: {type: string, max: 64}\n"
        "  terminal: {type: integer}"))
    listed.write("rules.yaml", RULES.replace("device_id in lists.blocked",
                                             "terminal in lists.blocked"))
    listed.signal(1)
    until(lambda: decided(listed)["ruleset"] != before)
    assert flags(listed, device_id="d-5") == ["muted"]
    assert listed.get("/v1/lists/blocked").json()["changed"] == 0  # they were of strings
    listed.write("ruleset.yaml", RULESET)
    listed.write("rules.yaml", RULES)
    listed.signal(1)
    until(lambda: decided(listed)["ruleset"] == before)
    assert flags(listed, device_id="d-5") == ["blocked", "muted"]


def test_changes_are_in_the_audit_log(make_server):
    server = make(make_server, audit__file="audit.ndjson")
    put(server, "muted", "d-5")
    remove(server, "muted", "d-5")
    with open(server.folder / "audit.ndjson") as log:
        lines = [json.loads(line) for line in log]
    told = [(line["action"], line["list"], line["value"]) for line in lines
            if line["action"].startswith("list.")]
    assert told == [("list.put", "muted", "d-5"), ("list.remove", "muted", "d-5")]


def test_metrics_tell_of_lists(listed):
    put(listed, "blocked", "d-5")
    text = listed.get("/metrics").body.decode()
    assert 'sluice_list_entries{list="blocked"} 3\n' in text
    assert 'sluice_list_changes{list="blocked"} 1\n' in text
    assert re.search(r'sluice_list_bytes\{list="blocked"\} [1-9]', text)
    assert "sluice_lists_changes_total 1\n" in text


def test_no_transaction_sees_half_of_a_change(make_server):
    """Whoever is in one list is in the other, too: a name is put into `a` and taken out of `b` by
    turns, and each decision names the state of both."""
    server = make(make_server, lists__file="lists.ndjson", workers=2)
    names, stop = {}, threading.Event()

    def ask():
        while not stop.is_set():
            answer = decided(server, device_id="d-5", ip="192.0.2.7")
            fired = tuple(reason["rule"] for reason in answer["reasons"])
            names.setdefault(answer["ruleset"], set()).add(fired)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(15):
        put(server, "muted", "d-5")
        put(server, "offices", "192.0.2.0/24")
        remove(server, "muted", "d-5")
        remove(server, "offices", "192.0.2.0/24")
    stop.set()
    for thread in threads:
        thread.join()
    assert len(names) <= 4 and all(len(fired) == 1 for fired in names.values()), names


def test_every_decision_agrees_with_the_lists_its_name_stands_for(make_server):
    """One changes the lists, three ask: each name that a decision has stood for one content, which
    says whether the rules of the lists had to fire."""
    server = make(make_server, lists__file="lists.ndjson", workers=2)
    values, offices = [f"d-{i}" for i in range(5)], ["192.0.2.0/24", "192.0.0.0/16"]
    stood, seen, stop = {}, [], threading.Event()

    def note(content):
        name = server.get("/v1/lists").json()["decided_by"]
        assert stood.setdefault(name, content) == content

    def ask(seed):
        rng = random.Random(seed)
        while not stop.is_set():
            value = rng.choice(values)
            answer = decided(server, device_id=value, ip="192.0.2.7")
            fired = {reason["rule"] for reason in answer["reasons"]}
            seen.append((answer["ruleset"], value, "muted" in fired, "office" in fired))

    rng, content = random.Random(7), set()
    note(frozenset())
    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(150):
        value = rng.choice(values + offices)
        change = remove if value in content else put
        assert change(server, "offices" if "/" in value else "muted", value).status == 200
        content ^= {value}
        until(lambda: stood.get(server.get("/v1/lists").json()["decided_by"],
                                frozenset(content)) == content)
        note(frozenset(content))
    stop.set()
    for thread in threads:
        thread.join()
    assert len(seen) > 100 and len({name for name, *_ in seen}) > 10
    for name, value, is_muted, is_office in seen:
        assert name in stood
        assert is_muted == (value in stood[name])
        assert is_office == any(network in stood[name] for network in offices)


def test_what_decisions_name_is_shown_with_the_ruleset(listed):
    put(listed, "muted", "d-8")
    told, name = listed.get("/v1/ruleset").json(), decided(listed)["ruleset"]
    assert told["decided_by"] == name != told["ruleset"]
    assert (f'sluice_ruleset_info{{ruleset="{told["ruleset"]}",decided_by="{name}"}} 1\n'
            in listed.get("/metrics").body.decode())


def test_the_gate_sees_the_lists_as_they_are(make_server):
    """All that was decided is of one device, which is put into a list: rules that say the same
    otherwise change nothing, and without the list's rule nothing would be flagged."""
    server = make(make_server, lists__file="lists.ndjson", journal__dir="journal",
                  reload__watch=False,
                  reload__gate_events=200, reload__gate_flag_rate=5, reload__gate_floor=0)
    for _ in range(150):
        decided(server, device_id="d-5")
    put(server, "muted", "d-5")
    before = server.get("/v1/ruleset").json()["ruleset"]
    server.write("rules.yaml", RULES.replace("score: 80", "score: 79"))
    server.signal(1)
    until(lambda: server.get("/v1/ruleset").json()["ruleset"] != before)
    before = server.get("/v1/ruleset").json()["ruleset"]
    server.write("rules.yaml", RULES.replace("score: 81", "score: 1"))
    server.signal(1)
    until(lambda: 'sluice_ruleset_gate_total{result="refused"} 1\n'
          in server.get("/metrics").body.decode())
    assert server.get("/v1/ruleset").json()["ruleset"] == before


# ---- Redis ----


@pytest.fixture
def pair(make_server, redis):
    settings = {"state__backend": "redis", "state__redis": redis.url, "deadline_ms": 20000}
    return [make(make_server, name=name, **settings) for name in ("one", "two")]


def test_a_change_reaches_the_other_instance(pair):
    one, two = pair
    put(one, "muted", "d-5", note="from one")
    until(lambda: item(two, "muted", "d-5")["in"])
    assert item(two, "muted", "d-5")["note"] == "from one"
    assert flags(two, device_id="d-5") == ["muted"]
    remove(two, "blocked", "d-1")
    until(lambda: not item(one, "blocked", "d-1")["in"])
    until(lambda: decided(one)["ruleset"] == decided(two)["ruleset"])
    remove(two, "muted", "d-5")
    until(lambda: not item(one, "muted", "d-5")["in"])


def test_an_instance_that_was_down_catches_up_at_its_start(pair):
    one, two = pair
    two.stop()
    put(one, "muted", "d-5")
    put(one, "muted", "d-6")
    remove(one, "muted", "d-6")
    two.start()
    assert item(two, "muted", "d-5")["in"] and not item(two, "muted", "d-6")["in"]


def test_changes_come_back_into_a_redis_that_was_emptied(pair, redis):
    one, two = pair
    put(one, "muted", "d-5")
    until(lambda: item(two, "muted", "d-5")["in"])
    redis.tell("FLUSHALL")
    until(lambda: b"d-5" in redis.tell("HGETALL", "sluice:list:muted"))
    assert put(one, "muted", "d-6").status == 200
    until(lambda: item(two, "muted", "d-6")["in"])
    assert item(one, "muted", "d-5")["in"] and item(two, "muted", "d-5")["in"]


def test_who_missed_what_the_log_has_no_more_reads_all(pair, redis):
    one, two = pair
    put(one, "muted", "d-4")
    until(lambda: item(two, "muted", "d-4")["in"])
    two.signal(19)
    put(one, "muted", "d-5")
    put(one, "muted", "d-6")
    redis.tell("XTRIM", "sluice:lists:log", "MAXLEN", "0")
    two.signal(18)
    until(lambda: item(two, "muted", "d-5")["in"] and item(two, "muted", "d-6")["in"])


def test_without_redis_a_change_is_not_made(pair, redis):
    one, _ = pair
    put(one, "muted", "d-5")
    redis.kill()
    assert put(one, "muted", "d-6").status == 503
    assert not item(one, "muted", "d-6")["in"]
    assert item(one, "muted", "d-5")["in"]
    redis.start()
    until(lambda: put(one, "muted", "d-6").status == 200)


def test_what_expires_goes_from_redis_too(pair, redis):
    one, two = pair
    put(one, "muted", "d-5", expires_in="1s")
    until(lambda: not item(one, "muted", "d-5")["in"] and not item(two, "muted", "d-5")["in"])
    until(lambda: redis.tell("HLEN", "sluice:list:muted") == b":0\r\n")
