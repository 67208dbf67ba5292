"""What the bench sends: the events that warm the state, and the bodies of the load."""
import datetime
import random

ACCOUNTS = 20_000
TERMINALS = 10_000
WARM_EACH = 40      # events of each account
WARM_DAYS = 29      # they spread over
COUNTRIES = ["BE"] * 16 + ["FR", "FR", "DE", "NL"]


def stamp(when):
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def fields(rng, account):
    """A body but for id and time: what stands before, between and behind them."""
    amount = f"{rng.uniform(5, 100):.2f}"
    middle = (f'","account_id":"a-{account}","terminal_id":"m-{rng.randrange(TERMINALS)}",'
              f'"device_id":"d-{account}","amount":{amount},"currency":"EUR","timestamp":"')
    return '{"transaction_id":"', middle, (
        f'","merchant":{{"country":"{rng.choice(COUNTRIES)}","category":"5411"}}}}')


def write_warm(path, now):
    """WARM_EACH events of each account, in order of time, until two hours ago."""
    rng = random.Random(1)
    total = ACCOUNTS * WARM_EACH
    start = now - datetime.timedelta(days=WARM_DAYS, hours=2)
    step_s = WARM_DAYS * 86400 / total
    order = list(range(ACCOUNTS))
    number = 0
    with open(path, "w", encoding="ascii") as f:
        for _ in range(WARM_EACH):
            rng.shuffle(order)
            for account in order:
                a, b, c = fields(rng, account)
                when = start + datetime.timedelta(seconds=number * step_s)
                f.write(f"{a}warm-{number:010d}{b}{stamp(when)}{c}\n")
                number += 1
    return total


def write_bodies(path):
    """One line for each account; load.lua puts id and time in."""
    rng = random.Random(2)
    order = list(range(ACCOUNTS))
    rng.shuffle(order)
    with open(path, "w", encoding="ascii") as f:
        for account in order:
            f.write("\t".join(fields(rng, account)) + "\n")


def bodies(run, count, now):
    """Whole bodies with ids of their own, for the open loop."""
    rng = random.Random(3)
    for number in range(count):
        a, b, c = fields(rng, rng.randrange(ACCOUNTS))
        when = now - datetime.timedelta(seconds=600 - number * 300 / count)
        yield f"{a}{run}-{number:010d}{b}{stamp(when)}{c}"
