"""A feature that is added while instances share one Redis: filled from all their journals."""
import random

from conftest import RULESET, payment, until
from test_http_redis import with_redis
from test_warm import explained, reload

# a key field, a longer window, a column, a filter, labels
AFTER = RULESET.replace("flag_at:", """\
  account_long: {by: account_id, aggregate: count, windows: [40d]}
  account_terminals: {by: account_id, aggregate: distinct, of: terminal_id, windows: [1d]}
  account_small: {by: account_id, aggregate: sum, of: amount, windows: [1d], where: amount < 20.0}
  account_declines: {by: account_id, aggregate: decline_count, windows: [1d]}
  terminal_amount: {by: terminal_id, aggregate: max, of: amount, windows: [1h, 1d]}
  terminal_frauds: {by: terminal_id, aggregate: fraud_count, windows: [1d]}
  currency_tx_count: {by: currency, aggregate: count, windows: [1h, 1d]}
  currency_frauds: {by: currency, aggregate: fraud_count, windows: [1d]}
flag_at:""")
RULES = "rules: []\n"


def stream(n, seed):
    """Payments and labels; some logs fold, most do not."""
    chance = random.Random(seed)
    events, ids = [], []
    for i in range(n):
        account = "a-hot" if chance.random() < 0.4 else f"a-{chance.randrange(30)}"
        events.append(payment(i, account=account, terminal_id=f"m-{chance.randrange(12)}",
                              currency=chance.choice(["EUR", "USD", "CHF"]),
                              amount=chance.randrange(100, 5000) / 100))
        ids.append(events[-1]["transaction_id"])
        if chance.random() < 0.1:
            events.append({"kind": "label", "outcome": chance.choice(["fraud", "declined"]),
                           "transaction_id": chance.choice(ids),
                           "timestamp": "2026-01-05T12:30:00Z"})
    return events


def deal(servers, events, seed):
    """Each event goes to one of the instances, which have answered it before the next one."""
    chance = random.Random(seed)
    for event in events:
        server = chance.choice(servers)
        if "kind" in event:
            assert server.label(event).status in (200, 202)
        else:
            assert server.score(event).status == 200


def always_there(make_server, events):
    server = make_server(start=False, name="always", state__exact_events=16)
    server.write("ruleset.yaml", AFTER)
    server.write("rules.yaml", RULES)
    server.start()
    deal([server], events, 0)
    return server


def covered(server):
    return server.get("/v1/ruleset").json()["covered_from"] == {}


def two(make_server, redis, **settings):
    return [with_redis(make_server, redis, name=name, state__exact_events=16, **settings)
            for name in ("one", "two")]


def reload_all(servers):
    for server in servers:
        reload(server, AFTER, RULES)


def until_covered(servers, numbers):
    """The others see it with an event of theirs."""
    def there():
        for server in servers:
            server.score(payment(next(numbers), account="a-other", terminal_id="m-other",
                                 currency="XXX"))
        return all(covered(server) for server in servers)
    until(there, 60)


def assert_equal_to_always(servers, always, first):
    for i in range(40):
        event = payment(first + i, account=f"a-{i}" if i else "a-hot", terminal_id=f"m-{i % 13}",
                        currency=["EUR", "USD", "CHF"][i % 3])
        answer = explained(servers[i % len(servers)], event)
        assert answer == explained(always, event)
        assert all("covered" not in f for f in answer["features"].values())


def test_what_is_added_equals_what_was_always_there_whoever_took_the_events(make_server, redis):
    servers = two(make_server, redis)
    events = stream(900, 1)
    deal(servers, events[:600], 2)
    reload_all(servers)
    deal(servers, events[600:], 3)
    until_covered(servers, iter(range(5000, 9000)))
    always = always_there(make_server, events)
    assert_equal_to_always(servers, always, 10000)


# ---- who fills in is killed ----

def session(redis):
    """Who fills in, or ''."""
    reply = redis.tell("GET", "sluice:fill")
    return "" if reply.startswith(b"$-1") else reply.split(b"\r\n")[1].decode()


def instance_of(server):
    return (server.folder / "journal" / "identity").read_text().split("\n")[0]


def test_who_fills_in_may_be_killed_while_events_come(make_server, redis):
    servers = two(make_server, redis, journal__fsync="always")
    events = stream(1500, 4)
    deal(servers, events[:1200], 5)
    reload_all(servers)
    until(lambda: session(redis) != "")
    filling = next(s for s in servers if session(redis).startswith(instance_of(s)))
    other = next(s for s in servers if s is not filling)
    filling.kill()
    deal([other], events[1200:1300], 6)
    assert not covered(other)
    filling.start()
    deal(servers, events[1300:], 7)
    until_covered(servers, iter(range(5000, 9000)))
    assert_equal_to_always(servers, always_there(make_server, events), 10000)


def test_what_a_killed_instance_may_have_lost_is_not_filled_in(make_server, redis):
    servers = two(make_server, redis)
    deal(servers, stream(50, 8), 9)
    servers[0].kill()
    servers[0].start()
    until(lambda: servers[0].get("/readyz").status == 200)
    reload_all(servers)
    until(lambda: any("do not reach back" in entry.get("why", "")
                      for server in servers for entry in server.log))
    seen = explained(servers[1], payment(100, currency="EUR"))["features"]["currency_tx_count_1d"]
    assert (seen["exact"], seen["covered"]) == (False, False)
