"""Several instances on one Redis, killed at random moments: no payment is lost or counted twice.

The reference is the set of accepted ids, each counted once, however often it was sent.
"""
import concurrent.futures
import decimal
import http.client
import json
import os
import random
import signal
import threading
import time

from conftest import payment, until

SEED = int(os.environ.get("STRESS_SEED", "7"))
PAYMENTS = int(os.environ.get("STRESS_PAYMENTS", "6000"))
INSTANCES, ACCOUNTS, TERMINALS, KILLS, SENDERS = 3, 30, 20, 10, 6
SPAN_S = 3000  # of event time; all within the windows of a day
END = "2026-01-05T13:00:00Z"
GIVE_UP_S = 50
DEADLINE_MS = 2000


def ready(server):
    try:
        return server.get("/readyz").status == 200
    except (OSError, http.client.HTTPException):
        return False


def instance(make_server, redis, name, start=True, **settings):
    settings = {"deadline_ms": DEADLINE_MS, **settings}
    server = make_server(name=name, start=start, state__backend="redis", state__redis=redis.url,
                         state__exact_events=16, journal__dir="journal", **settings)
    if start:
        until(lambda: ready(server))
    return server


def make_stream(chance, payments=PAYMENTS, conflicts=0.02):
    """Payments, a tenth of them again later, some of those with another body; minutes late."""
    order = []
    for i in range(payments):
        event = payment(i, account=f"a-{chance.randrange(ACCOUNTS)}",
                        seconds=i * SPAN_S // payments,
                        terminal_id=f"m-{chance.randrange(TERMINALS)}")
        event["amount"] = chance.randrange(1, 100000) / 100
        order.append((i + chance.uniform(0, 200), event))
        draw = chance.random()
        if draw < 0.12:
            again = dict(event)
            if draw < conflicts:  # a conflict: the same id, another amount
                again["amount"] = event["amount"] + 1
            order.append((i + chance.uniform(0, 400), again))
    order.sort(key=lambda entry: entry[0])
    return [event for _, event in order]


class Driver:
    """Sends each payment until an instance answers; remembers the first accepted body of each."""

    def __init__(self, servers, chance):
        self.servers = servers
        self.seeds = [chance.random() for _ in range(SENDERS)]
        self.accepted = {}  # id -> bodies that were answered with 200
        self.lock = threading.Lock()
        self.conflicts = self.retries = 0
        self.end = time.monotonic() + GIVE_UP_S

    def send(self, event, chance):
        while True:
            assert time.monotonic() < self.end, "an instance does not come back"
            try:
                reply = chance.choice(self.servers).score(event)
            except (OSError, http.client.HTTPException):
                with self.lock:
                    self.retries += 1
                time.sleep(0.02)
                continue
            if reply.status != 503:
                return reply
            time.sleep(0.02)

    def run(self, number, events):
        chance = random.Random(self.seeds[number])
        for event in events:
            reply = self.send(event, chance)
            with self.lock:
                if reply.status == 200:
                    self.accepted.setdefault(event["transaction_id"], []).append(event)
                else:
                    assert reply.status == 422, reply.body
                    self.conflicts += 1


def kill_one(servers, chance):
    victim = chance.choice(servers)
    victim.kill()
    time.sleep(chance.uniform(0, 0.2))
    victim.lines.queue.clear()  # the old process's "listening" is not the new one's
    victim.start()


def check_value(feature, expected):
    if feature.get("exact", True):
        return decimal.Decimal(str(feature["value"])) == expected
    low, high = (decimal.Decimal(str(feature[side])) for side in ("lo", "hi"))
    return low <= expected <= high


def reference(accepted):
    """What each entity's features must be, by (field, value): each accepted id once."""
    sums = {}
    for bodies in accepted.values():
        body = bodies[0]
        account = sums.setdefault(("account_id", body["account_id"]),
                                  {"account_tx_count_1d": 0, "account_amount_1d": 0})
        account["account_tx_count_1d"] += 1
        account["account_amount_1d"] += decimal.Decimal(str(body["amount"]))
        if "terminal_id" in body:
            terminal = sums.setdefault(("terminal_id", body["terminal_id"]),
                                       {"terminal_tx_count_1d": 0})
            terminal["terminal_tx_count_1d"] += 1
    return sums


def features_of(server, field, value):
    """Asked until a worker answers whose connection is back."""
    end = time.monotonic() + 30
    while True:
        reply = server.entity(value, field=field, at=END)
        if reply.status == 200:
            return reply.json()["features"]
        assert time.monotonic() < end, reply.body
        time.sleep(0.05)


def wrong_entities(server, accepted):
    wrong = []
    for (field, value), expected in sorted(reference(accepted).items()):
        features = features_of(server, field, value)
        wrong += [(field, value, name, str(number), features[name])
                  for name, number in expected.items() if not check_value(features[name], number)]
    return wrong


def settled_wrong(servers, accepted, limit_s=20):
    """What is still wrong after the journals had time to be delivered."""
    end = time.monotonic() + limit_s
    while True:
        wrong = wrong_entities(servers[0], accepted)
        if not wrong or time.monotonic() > end:
            return wrong
        time.sleep(0.3)


def test_killed_instances_lose_no_payment_and_count_none_twice(make_server, redis):
    print(f"STRESS_SEED={SEED}")
    chance = random.Random(SEED)
    servers = [instance(make_server, redis, f"i{n}") for n in range(INSTANCES)]
    stream = make_stream(chance)
    driver = Driver(servers, chance)
    with concurrent.futures.ThreadPoolExecutor(SENDERS) as pool:
        runs = [pool.submit(driver.run, n, stream[n::SENDERS]) for n in range(SENDERS)]
        kills = 0
        while kills < KILLS and not all(run.done() for run in runs):
            time.sleep(chance.uniform(0.1, 0.6))
            kill_one(servers, chance)
            kills += 1
        for run in runs:
            run.result()
    print(f"kills {kills}, retries {driver.retries}, conflicts {driver.conflicts}")
    assert kills > 0 and len(driver.accepted) == PAYMENTS
    for bodies in driver.accepted.values():
        assert all(body == bodies[0] for body in bodies), "both bodies of one id were accepted"
    until(lambda: all(ready(server) for server in servers))
    wrong = settled_wrong(servers, driver.accepted)
    assert not wrong, (len(wrong), wrong[:3])


def forget(redis):
    """What a server that is down has kept is gone."""
    for name in redis.folder.rglob("*"):
        if name.is_file():
            name.unlink()


def test_an_emptied_redis_is_filled_again_from_the_journal(make_server, redis):
    server = instance(make_server, redis, "one", workers=1)
    for i in range(40):
        assert server.score(payment(i)).status == 200
    redis.kill()
    until(lambda: not ready(server))
    for i in range(40, 60):
        assert server.score(payment(i)).json()["degraded"] == ["state"]
    forget(redis)
    redis.start()
    until(lambda: ready(server))
    accepted = {f"t-a-1-{i}": [payment(i)] for i in range(60)}
    wrong = settled_wrong([server], accepted)
    assert not wrong, wrong


def send_all(servers, stream, accepted, chance):
    """Each event to any instance; with Redis away it is scored without its windows."""
    for event in stream:
        reply = chance.choice(servers).score(event)
        assert reply.status == 200, reply.body
        accepted.setdefault(event["transaction_id"], []).append(event)


def test_several_instances_fill_an_emptied_redis_each_with_its_own(make_server, redis):
    """Duplicates may stand in two journals, in the one as the first and in the other as again."""
    print(f"STRESS_SEED={SEED}")
    chance, accepted = random.Random(SEED), {}
    servers = [instance(make_server, redis, f"e{n}") for n in range(INSTANCES)]
    stream = make_stream(chance, 900, conflicts=0)
    for part in range(3):
        send_all(servers, stream[part::3], accepted, chance)
        redis.kill()
        until(lambda: not any(ready(server) for server in servers))
        send_all(servers, stream[part + 1::30], accepted, chance)
        forget(redis)
        redis.start()
        until(lambda: all(ready(server) for server in servers))
    wrong = settled_wrong(servers, accepted)
    assert not wrong, (len(wrong), wrong[:3])


def test_a_refused_body_that_is_delivered_first_takes_nothing_out(make_server, redis):
    """Redis is emptied; the instance that refused a second body delivers before the other one."""
    one, other = (instance(make_server, redis, name) for name in ("one", "other"))
    assert one.score(payment(1)).status == 200
    assert other.score(dict(payment(1), amount=1)).status == 422
    one.kill()
    redis.kill()
    until(lambda: not ready(other))
    forget(redis)
    redis.start()
    until(lambda: ready(other))
    one.lines.queue.clear()
    one.start()
    until(lambda: ready(one))
    wrong = settled_wrong([one], {"t-a-1-1": [payment(1)]})
    assert not wrong, wrong


def test_a_strict_start_without_redis_is_refused_with_an_error(make_server, redis):
    redis.kill()
    server = instance(make_server, redis, "strict", start=False, state__start="strict")
    server.start(ready=False)
    assert server.process.wait(30) == 1
    until(lambda: "cannot connect" in server.stderr() + json.dumps(server.log), 5)


def test_each_answer_keeps_its_deadline_while_redis_is_paused(make_server, redis):
    server = instance(make_server, redis, "paused", deadline_ms=100, workers=1)
    assert server.score(payment(0)).status == 200
    redis.process.send_signal(signal.SIGSTOP)
    took, end, i = [], time.monotonic() + 3, 1
    while time.monotonic() < end:
        begun = time.monotonic()
        assert server.score(payment(i)).json()["degraded"] == ["state"]
        took.append(time.monotonic() - begun)
        i += 1
        time.sleep(0.01)  # else thousands are answered at once, and END is passed
    redis.process.send_signal(signal.SIGCONT)
    # the machine may stop us for a while; without deadlines each would take seconds
    assert sorted(took)[len(took) // 2] < 0.150 and max(took) < 1.5, max(took)
    until(lambda: ready(server))
    wrong = settled_wrong([server], {f"t-a-1-{n}": [payment(n)] for n in range(i)})
    assert not wrong, wrong
