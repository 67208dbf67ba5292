"""Two instances and one Redis: a published ruleset decides on both, and on one that was down."""
import json
import os
import re
import subprocess
import threading
import time

import pytest

from conftest import BIN, RULES, RULESET, payment
from test_admin import TAR, bundle, rules, ruleset

CONVERGE_S = 20  # two seconds, on a machine that does nothing else


def active(server):
    return server.get("/v1/ruleset").json()["ruleset"]


def sluice(*args):
    return subprocess.run([os.path.abspath(BIN), *args], capture_output=True, text=True, timeout=60)


def until(is_true, why):
    end = time.monotonic() + CONVERGE_S
    while not is_true():
        assert time.monotonic() < end, why
        time.sleep(0.05)


@pytest.fixture
def make_node(make_server, redis):
    def make(name, **settings):
        return make_server(name=name, state__backend="redis", state__redis=redis.url, **settings)
    return make


@pytest.fixture
def pair(make_node):
    return make_node("one"), make_node("two")


def config_of(server):
    """As an operator's: the port that was free is known by now."""
    text = (server.folder / "sluice.yaml").read_text()
    path = server.folder / "operator.yaml"
    path.write_text(text.replace("127.0.0.1:0", f"127.0.0.1:{server.port}"))
    return str(path)


def next_rules(folder, threshold):
    new = folder / f"next-{threshold}"
    new.mkdir()
    (new / "ruleset.yaml").write_text(RULESET)
    (new / "rules.yaml").write_text(rules(threshold))
    return str(new)


def test_what_is_published_decides_on_all_and_on_who_comes_later(pair, make_node, tmp_path):
    one, two = pair
    before = active(one)
    done = sluice("publish", "-c", config_of(one), next_rules(tmp_path, 1))
    assert done.returncode == 0, done.stderr
    published = re.fullmatch(r"published ([0-9a-f]{16})\n", done.stdout)[1]
    until(lambda: active(one) == active(two) == published != before, "they do not converge")
    shown = two.get("/v1/ruleset").json()
    assert shown["from"] == "redis" and re.fullmatch(r"[^@]+@[^@]+", shown["who"])
    assert [two.score(payment(i)).json()["decision"] for i in range(2)] == ["allow", "flag"]
    three = make_node("three")
    assert active(three) == published  # from its first answer on, whatever its file says


def test_one_that_was_down_converges_at_its_start(pair, tmp_path):
    one, two = pair
    two.kill()
    sent = one.request("PUT", "/v1/ruleset", ruleset(3), TAR).json()
    assert sent["published"] is True
    two.start()
    assert active(two) == sent["ruleset"]


def test_a_put_and_a_rollback_on_one_reach_the_other(pair):
    one, two = pair
    first = active(one)
    second = one.request("PUT", "/v1/ruleset", ruleset(2), TAR).json()["ruleset"]
    until(lambda: active(two) == second, "the PUT does not reach the other")
    assert two.request("POST", "/v1/ruleset/rollback").json()["ruleset"] == first
    until(lambda: active(one) == first, "the rollback does not reach the first")
    audit = one.folder / "audit.ndjson"
    until(lambda: audit.read_text().count("\n") == 2, "it is not told")  # once it decides
    lines = [json.loads(line) for line in audit.open()]
    assert [(e["from"], e["ruleset"]) for e in lines] == [("PUT", second), ("redis", first)]
    assert [e["who"] for e in lines] == ["anonymous@127.0.0.1"] * 2


def test_what_is_sent_to_both_at_once_ends_as_one(pair):
    replies = {}
    for i in range(4):
        threads = [threading.Thread(target=lambda n=n, s=s: replies.__setitem__(
            n, s.request("PUT", "/v1/ruleset", ruleset(2 * i + n + 2), TAR)))
                   for n, s in enumerate(pair)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        sent = {r.json()["ruleset"] for r in replies.values() if r.status == 200}
        assert sent and {r.status for r in replies.values()} <= {200, 503}
        until(lambda: active(pair[0]) == active(pair[1]), "they do not agree")
        assert active(pair[0]) in sent


def test_a_published_one_that_is_broken_changes_nothing_and_is_told(pair, redis):
    one, two = pair
    before = active(one)
    redis.tell("HSET", "sluice:ruleset", "id", "0123456789abcdef", "who", "x", "judged", "1",
               "bundle", "no tar")
    redis.tell("HINCRBY", "sluice:ruleset", "seq", "1")
    for server in pair:
        server.wait_log("ruleset refused")
        metrics = server.get("/metrics").body.decode()
        assert 'reloads_total{result="refused",source="redis"} 1\n' in metrics
        assert active(server) == before
    good = one.request("PUT", "/v1/ruleset", ruleset(2), TAR).json()["ruleset"]
    until(lambda: active(two) == good, "a good one does not follow a broken one")


def test_what_is_sent_while_redis_is_away_is_active_here_alone_and_says_so(pair, redis):
    one, two = pair
    before = active(two)
    redis.kill()
    report = one.request("PUT", "/v1/ruleset", ruleset(2), TAR).json()
    assert (report["result"], report["published"]) == ("loaded", False)
    assert "active here alone: Redis: " in report["notes"][0]
    assert active(one) == report["ruleset"] and active(two) == before
    redis.start()
    until(lambda: active(two) == report["ruleset"], "it is not sent again when Redis is back")
    again = one.request("PUT", "/v1/ruleset", ruleset(3), TAR).json()
    assert again["published"] is True
    until(lambda: active(two) == again["ruleset"], "it does not converge after Redis is back")


def test_what_waits_for_redis_gives_way_to_what_decides_by_then(pair, redis):
    one, two = pair
    redis.kill()
    assert one.request("PUT", "/v1/ruleset", ruleset(2), TAR).json()["published"] is False
    later = one.request("PUT", "/v1/ruleset", ruleset(3), TAR).json()["ruleset"]
    redis.start()
    until(lambda: active(two) == later, "what was sent last does not reach the other")
    assert active(one) == later
    reloads = one.get("/metrics").body.decode() + two.get("/metrics").body.decode()
    assert 'result="loaded",source="redis"} 1\n' in reloads


def test_what_is_sent_again_once_redis_is_back_reaches_all(pair, redis):
    one, two = pair
    redis.kill()
    assert one.request("PUT", "/v1/ruleset", ruleset(2), TAR).json()["published"] is False
    redis.start()
    again = one.request("PUT", "/v1/ruleset", ruleset(2), TAR).json()
    assert (again["result"], again["published"]) == ("unchanged", True)
    until(lambda: active(two) == again["ruleset"], "what was sent again does not reach the other")
    last = json.loads((one.folder / "audit.ndjson").read_text().splitlines()[-1])
    assert (last["from"], last["result"]) == ("PUT", "unchanged")


def test_the_first_publishing_after_a_redis_that_restarted_is_not_lost(pair, redis):
    one, two = pair
    assert one.request("PUT", "/v1/ruleset", ruleset(2), TAR).json()["published"] is True
    redis.kill()  # and what stands in it
    redis.start()
    sent = one.request("PUT", "/v1/ruleset", ruleset(3), TAR).json()
    assert sent["published"] is True, sent["notes"]  # though its connection had ended
    until(lambda: active(two) == sent["ruleset"], "it does not converge")


def test_a_number_that_comes_again_from_an_emptied_redis_is_not_taken_for_seen(pair, redis):
    one, two = pair
    first = one.request("PUT", "/v1/ruleset", ruleset(2), TAR).json()["ruleset"]
    until(lambda: active(two) == first, "the PUT does not reach the other")
    redis.tell("DEL", "sluice:ruleset")
    second = one.request("PUT", "/v1/ruleset", ruleset(3), TAR).json()["ruleset"]
    assert redis.tell("HGET", "sluice:ruleset", "seq") == b"$1\r\n1\r\n"
    until(lambda: active(two) == second, "the same number keeps another ruleset away")


def test_who_published_may_have_any_name(pair, tmp_path):
    one, two = pair
    env = dict(os.environb, USER=b"J\xf6rg")
    done = subprocess.run([os.path.abspath(BIN), "publish", "-c", config_of(one),
                           next_rules(tmp_path, 1)], capture_output=True, timeout=60, env=env)
    assert done.returncode == 0, done.stderr
    for server in pair:
        until(lambda s=server: s.get("/v1/ruleset").json()["who"].startswith("J?rg@"), "not there")


def test_a_published_one_that_is_not_what_it_is_named_is_not_started_with(pair, redis):
    one, two = pair
    before = active(two)
    two.stop()
    one.request("PUT", "/v1/ruleset", ruleset(2), TAR)
    redis.tell("HSET", "sluice:ruleset", "id", "0123456789abcdef")
    two.start()
    assert active(two) == before
    assert "the published ruleset cannot be loaded" in {e["message"] for e in two.log}


def test_all_nodes_say_what_they_decide_by_and_versions_are_shown(pair):
    one, two = pair
    sent = one.request("PUT", "/v1/ruleset", ruleset(2), TAR).json()["ruleset"]

    def nodes():
        return json.loads(sluice("ruleset", "-c", config_of(one), "--all", "--format",
                                 "json").stdout)

    until(lambda: [n["ruleset"] for n in nodes()] == [sent, sent], "the nodes do not say so")
    ports = sorted(int(n["node"].rsplit(":", 1)[1]) for n in nodes())
    assert ports == sorted([one.port, two.port])
    table = sluice("ruleset", "-c", config_of(one), "--all").stdout.splitlines()
    assert table[0].split() == ["NODE", "RULESET", "WITH", "LISTS", "SINCE", "FROM", "WHO"]
    assert len(table) == 3 and sent in table[1]
    versions = sluice("ruleset", "-c", config_of(one)).stdout.splitlines()
    assert versions[1].startswith(f"* {sent}  ") and "PUT" in versions[1]
    back = sluice("ruleset", "-c", config_of(one), "--rollback")
    assert back.returncode == 0 and f"and {sent} did before" in back.stdout
    until(lambda: active(two) == active(one) != sent, "the rollback does not reach the other")
    two.stop()
    until(lambda: len(nodes()) == 1, "a node that ended is still there")
    assert sluice("ruleset", "-c", config_of(one), "--rollback", "--to", "xyz").returncode == 1
    assert sluice("ruleset", "-c", config_of(one), "--to", sent).returncode == 2


def test_an_instance_may_stay_with_its_file(make_node, tmp_path):
    one, alone = make_node("one"), make_node("alone", reload__published=False)
    before = active(alone)
    sent = one.request("PUT", "/v1/ruleset", ruleset(2), TAR).json()["ruleset"]
    third = make_node("third")
    assert active(third) == sent
    assert alone.request("PUT", "/v1/ruleset", ruleset(5), TAR).json()["published"] is False
    assert active(one) == sent and before != sent


def test_a_file_of_one_instance_is_its_own_and_the_split_is_told(pair):
    one, two = pair
    before = active(two)
    one.write("rules.yaml", rules(1))
    note = one.wait_log("ruleset loaded, but")["why"]
    assert "came from a file of this instance" in note
    assert active(two) == before != active(one)
    until(lambda: "they do not decide by one ruleset" in
          sluice("ruleset", "-c", config_of(one), "--all").stdout, "the split is not told")


def test_publish_refuses_what_is_broken_or_goes_nowhere(make_node, server, tmp_path):
    one = make_node("one")
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "ruleset.yaml").write_text(RULESET)
    (broken / "rules.yaml").write_text(RULES.replace("tx_count", "tx_cuont"))
    done = sluice("publish", "-c", config_of(one), str(broken))
    assert done.returncode == 1 and "rules.yaml:4:11" in done.stderr
    alone = sluice("publish", "-c", config_of(server), str(broken))
    assert alone.returncode == 1 and "PUT /v1/ruleset" in alone.stderr
    assert bundle({}) and active(one)
