"""Expressions: nanoseconds an evaluation, beside cel-go in the same run.

Both programs hold the same rows and expressions (build/bench/cel.json) and wait on a pipe; they
are asked in turn, a round of each, on one core, and the median of the rounds counts. Before
anything is timed both have to give the same answers. cel-go: a typed environment, optimised
programs made once, and the quickest of four ways to hand it a row (tests/celgo/bench); it is
pinned there, and skipped, loudly, where Go is missing.

Every evaluation is of another row than the one before it, 128 in all, which fit a first-level
cache, as the row of a transaction in flight does.
"""
import contextlib
import json
import os
import random
import shutil
import statistics
import subprocess
import sys

OUT = "build/bench"
OURS = "build/tests/bench/cel"
THEIRS = "build/celgo/bench"
THEIR_WAYS = 4
ROWS = 128
RULES = 1000
ROUND_S = 0.05

# (what the table calls it, expression, times as quick as cel-go that it should be)
EXPRESSIONS = [
    ("amount > 1000.0", "amount > 1000.0", 5),
    ("&& over double, string, int", 'amount > 500.0 && currency == "EUR" && count >= 3', 5),
    ("mcc in [...] && amount > 100.0",
     "mcc in [5411, 5812, 5999, 7995] && amount > 100.0", 5),
    ("has, four terms, nested map",
     'has(merchant.country) && merchant.country != "BE" && has(merchant.risk) && '
     "merchant.risk > 0.7", 5),
    ("exists over ten, none does", "recent.exists(x, x > 1000.0)", 5),
    ("exists over ten, the last does", "recent.exists(x, x >= 999.0)", 5),
    ("matches, anchored", 'card.matches("^[A-Z]{2}[0-9]{6}$")', 2),
    ("sum of four ternaries >= 70",
     '(amount > 1000.0 ? 40 : 0) + (currency != "EUR" ? 20 : 0) + (count > 5 ? 30 : 0) + '
     "(mcc == 7995 ? 25 : 0) >= 70", 5),
]
FIRST_NS_MAX = 10  # of amount > 1000.0
MCCS = [5411, 5812, 5999, 7995, 4829, 6011, 5732, 5944]
COUNTRIES = ["BE", "FR", "NL", "US", "BR"]


def say(text):
    print(text, file=sys.stderr, flush=True)


# ---- what is evaluated ----

def make_row(rng):
    merchant = {"id": f"m-{rng.randrange(1000)}", "country": rng.choice(COUNTRIES),
                "risk": round(rng.random(), 3)}
    row = {"amount": round(rng.lognormvariate(6, 1.2), 2), "mcc": rng.choice(MCCS),
           "currency": rng.choice(["EUR", "EUR", "EUR", "USD", "GBP"]), "count": rng.randrange(9),
           "card": rng.choice(["AB123456", "ZZ999999", "AB12345", "ab123456"]),
           "merchant": merchant,
           "recent": [round(rng.uniform(1, 900), 2) for _ in range(9)] + [999.0]}
    if rng.random() < 0.1:
        del merchant["risk"]
    return row


def make_rules(rng, alike):
    """Conditions of the kinds above. `alike`: out of the handful of thresholds that a desk uses, so
    that terms occur again and again; else each has thresholds of its own."""
    def number(*usual):
        return f"{rng.choice(usual) if alike else round(rng.uniform(usual[0], usual[-1]), 2):.2f}"

    def count(*usual):
        return rng.choice(usual) if alike else rng.randrange(usual[0], 1000 * usual[-1])

    def mccs():
        if alike:
            return rng.choice(["[5411, 5812]", "[7995, 4829, 6011]", "[5411, 5812, 5999, 7995]"])
        return str([rng.choice(MCCS)] + rng.sample(range(1000, 9999), 3))

    def rule(kind):
        amount, risk = number(1000, 2000, 3000, 5000, 9000), number(.7, .8, .9, .95)
        return [
            lambda: f"amount > {amount}",
            lambda: f'amount > {number(500, 1000, 2000)} && currency == "USD" && '
                    f"count >= {count(5, 6, 7)}",
            lambda: f"mcc in {mccs()} && amount > {amount}",
            lambda: f'has(merchant.country) && merchant.country == "{rng.choice(COUNTRIES)}" && '
                    f"has(merchant.risk) && merchant.risk > {risk}",
            lambda: f"recent.exists(x, x > {number(1000, 1500, 2000)})",
            lambda: f'card.matches("^[A-Z]{{2}}{rng.randrange(10)}[0-9]{{5}}$") && '
                    f"amount > {amount}",
            lambda: f'(amount > {amount} ? 40 : 0) + (currency != "EUR" ? 20 : 0) + '
                    f"(count > {count(5, 6, 7)} ? 30 : 0) + (mcc == 7995 ? 25 : 0) >= 70",
        ][kind % 7]()

    return [rule(kind) for kind in range(RULES)]


def write_rules(path, rules):
    with open(path, "w", encoding="ascii") as f:
        f.write("rules:\n")
        for number, rule in enumerate(rules):
            f.write(f"  - id: r{number}\n    when: '{rule}'\n    score: 1\n")


def write_task():
    """The file for both, and those of rules for ours; returns the latter's paths."""
    rng = random.Random(4)
    rules = [make_rules(rng, False), make_rules(rng, True)]
    paths = [f"{OUT}/rules-unlike.yaml", f"{OUT}/rules-alike.yaml"]
    for path, conditions in zip(paths, rules):
        write_rules(path, conditions)
    with open(f"{OUT}/cel.json", "w", encoding="ascii") as f:
        json.dump({"expressions": [e for _, e, _ in EXPRESSIONS], "rules": rules,
                   "rows": [make_row(rng) for _ in range(ROWS)]}, f)
    return paths


# ---- the two programs ----

class Evaluator:
    def __init__(self, stack, args):
        pinned = ["taskset", "-c", str(max(os.sched_getaffinity(0)))]
        self.process = stack.enter_context(subprocess.Popen(
            pinned + args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        stack.callback(self.process.stdin.close)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"bench: an evaluator ended at '{line}'")
        return answer.strip()

    def ns(self, target, count, way):
        return int(self.ask(f"run {target} {count} {way}")) / count

    def count_for(self, target, way):
        """How many evaluations a round takes, so that it lasts ROUND_S."""
        count = 1
        while True:
            ns = max(self.ns(target, count, way), 0.1)
            if count * ns > ROUND_S * 1e8:
                return max(1, int(ROUND_S * 1e9 / ns))
            count *= 4


def build_theirs():
    """cel-go's program, or None with the reason said."""
    if not shutil.which("go"):
        say("bench: SKIPPED: cel-go beside ours: Go is not installed")
        return None
    say("  building cel-go's side")
    done = subprocess.run(["go", "build", "-o", os.path.abspath(THEIRS), "./bench"],
                          cwd="tests/celgo", capture_output=True, text=True, check=False,
                          timeout=600)
    if done.returncode != 0:
        say(f"bench: SKIPPED: cel-go beside ours: it does not build: {done.stderr.strip()[-300:]}")
        return None
    return [THEIRS, f"{OUT}/cel.json"]


# ---- the rounds ----

def check(target, name, ours, theirs):
    for way in range(THEIR_WAYS):
        want, got = theirs.ask(f"check {target} {way}"), ours.ask(f"check {target}")
        if want != got:
            raise SystemExit(f"bench: {name}: ours and cel-go's answers differ\n{got}\n{want}")


def quickest_way(target, theirs):
    """The way for cel-go that is, over three short runs of each, the best."""
    def best(way):
        count = theirs.count_for(target, way)
        return min(theirs.ns(target, count, way) for _ in range(3))
    return min(range(THEIR_WAYS), key=best)


def measure(target, name, ours, theirs, rounds):
    if theirs is None:
        count = ours.count_for(target, 0)
        return {"ours": statistics.median(ours.ns(target, count, 0) for _ in range(rounds))}
    check(target, name, ours, theirs)
    way = quickest_way(target, theirs)
    counts = ours.count_for(target, 0), theirs.count_for(target, way)
    pairs = []
    for number in range(rounds):
        pair = [(ours, counts[0], 0), (theirs, counts[1], way)]
        took = [who.ns(target, count, w) for who, count, w in pair[::-1 if number % 2 else 1]]
        pairs.append(took[::-1] if number % 2 else took)
    return {"ours": statistics.median(a for a, _ in pairs),
            "celgo": statistics.median(b for _, b in pairs),
            "ratio": statistics.median(b / a for a, b in pairs), "way": way}


def rounds(number):
    paths = write_task()
    theirs = build_theirs()
    names = [name for name, _, _ in EXPRESSIONS] + [
        f"{RULES:,} rules, unlike each other", f"{RULES:,} rules, terms shared"]
    result = {}
    with contextlib.ExitStack() as stack:
        ours = Evaluator(stack, [OURS, f"{OUT}/cel.json", *paths])
        theirs = theirs and Evaluator(stack, theirs)
        for target, name in enumerate(names):
            result[name] = measure(target, name, ours, theirs, number)
            say(f"  {name}: " + ", ".join(f"{k} {v:.1f}" for k, v in result[name].items()))
    return result


def print_table(result):
    asked = {name: times for name, _, times in EXPRESSIONS}
    print(f"{'an evaluation, on one core':34}{'ours':>12}{'cel-go':>12}{'times':>8}{'asked':>8}")
    for name, row in result.items():
        scale, unit = (1000, "us") if name not in asked else (1, "ns")
        times, want = row.get("ratio"), asked.get(name)
        print(f"{name:34}{row['ours'] / scale:9.1f} {unit}"
              + (f"{row['celgo'] / scale:9.1f} {unit}{times:8.1f}" if times else f"{'skipped':>12}")
              + (f"{want:>8}" if want else ""))
    first = next(iter(result.values()))["ours"]
    print(f"amount > 1000.0 takes {first:.1f} ns; at most {FIRST_NS_MAX} is asked")
