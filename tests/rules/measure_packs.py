#!/usr/bin/env python3
"""What the rule packs find on a generated bank, whose frauds are known: `make packs`.

    measure_packs.py [--transactions N] [--accounts N] [--seed S] [--write] [PACK ...]

Generates one stream with all six frauds, replays each pack over it and prints, as Markdown (and
with --write puts below "## Measured" of the packs' pages):

    precision     of what is flagged, how much is fraud: of whichever kind; the pack's own
    recall        of the pack's own frauds, how many are flagged: transactions, cases, money
    flagged       per 10,000 transactions of the stream

then the same by rule (fired, how much of it fraud, cases that it alone would have met), and what
was flagged and is honest, by what it was. Nothing is cut off at the start, where windows are
empty and half of the packs is blind. Standard library only.
"""
import argparse
import collections
import json
import os
import subprocess
import sys
import tempfile

PACKS = ("card_testing", "account_takeover", "impossible_travel", "mule_accounts", "structuring",
         "merchant_bust_out")
SLUICE = os.environ.get("SLUICE_BIN", "build/sluice")
TIMEOUT_S = 600


class Truth:
    """What each transaction of a stream is."""

    def __init__(self, path):
        self.scenario, self.case, self.amount = {}, {}, {}
        with open(path, encoding="utf-8") as f:
            for line in f:
                event = json.loads(line)
                if "scenario" not in event:
                    continue
                txn = event["transaction_id"]
                self.scenario[txn] = event["scenario"]
                self.case[txn] = event.get("case")
                self.amount[txn] = event["amount"]

    def of(self, scenario):
        return {txn for txn, name in self.scenario.items() if name == scenario}

    def is_fraud(self, txn):
        return self.case[txn] is not None or self.scenario[txn].startswith("handbook-")

    def cases(self, txns):
        return {self.case[txn] for txn in txns}


class Measure:
    """What one pack made of it. `fired`: rule -> transactions; shadow rules are marked so."""

    def __init__(self, pack, truth, decisions):
        self.truth, self.own = truth, truth.of(pack.replace("_", "-"))
        self.flagged, self.fired, self.shadow = set(), collections.defaultdict(set), set()
        with open(decisions, encoding="utf-8") as f:
            for line in f:
                self.read(json.loads(line))

    def read(self, decision):
        if "decision" not in decision:
            return
        txn = decision["transaction_id"]
        if decision["decision"] == "flag":
            self.flagged.add(txn)
        for reason in decision["reasons"]:
            self.fired[reason["rule"]].add(txn)
        for reason in decision.get("shadow", []):
            self.fired[reason["rule"]].add(txn)
            self.shadow.add(reason["rule"])

    def precision(self, txns=None):
        txns = self.flagged if txns is None else txns
        return share(sum(map(self.truth.is_fraud, txns)), len(txns))

    def precision_of_own(self):
        return share(len(self.flagged & self.own), len(self.flagged))

    def recall(self):
        return share(len(self.flagged & self.own), len(self.own))

    def recall_of_cases(self, txns=None):
        found = self.truth.cases((self.flagged if txns is None else txns) & self.own)
        return share(len(found), len(self.truth.cases(self.own)))

    def recall_of_money(self):
        def money(txns):
            return sum(self.truth.amount[txn] for txn in txns)
        return share(money(self.flagged & self.own), money(self.own))

    def flagged_per_10000(self, txns=None):
        txns = self.flagged if txns is None else txns
        return 10000 * share(len(txns), len(self.truth.scenario))

    def honest_flagged(self):
        """What was flagged and is no fraud: [(what it was, how often)], the most first."""
        told = (self.truth.scenario[t] for t in self.flagged if not self.truth.is_fraud(t))
        return collections.Counter(told).most_common()


def share(part, whole):
    return part / whole if whole else 0.0


def generate(path, transactions, accounts, seed):
    with open(path, "wb") as out:
        subprocess.run([SLUICE, "generate", "--transactions", str(transactions), "--seed",
                        str(seed), "--accounts", str(accounts), "--terminals", str(2 * accounts),
                        "--frauds", "all"], stdout=out, check=True, timeout=TIMEOUT_S)
    return Truth(path)


def measure(pack, events, truth, folder):
    config = os.path.join(folder, f"{pack}.yaml")
    decisions = os.path.join(folder, f"{pack}.ndjson")
    with open(config, "w", encoding="utf-8") as f:
        ruleset = os.path.abspath(f"rules/packs/{pack}/ruleset.yaml")
        f.write(f"ruleset: {json.dumps(ruleset)}\nstate: {{backend: memory}}\n")
    subprocess.run([SLUICE, "replay", "-c", config, "--events", events, "--plain", "--decisions",
                    decisions], check=True, timeout=TIMEOUT_S, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    return Measure(pack, truth, decisions)


TOLD = """\
Over {args.transactions} transactions of {args.accounts} accounts
(`sluice generate --seed {args.seed} --frauds all`), by `make packs`. *Its own* is the share of the
pack's own fraud in what is flagged, *of cases* how many cases had a transaction flagged,
*cases met* those in which the rule fired."""
HEAD = ("| precision | its own | recall | of cases | of money | flagged per 10,000 |",
        "| --- | --- | --- | --- | --- | --- |")


def cells(m):
    return (f"{m.precision():.2f} | {m.precision_of_own():.2f} | {m.recall():.2f} | "
            f"{m.recall_of_cases():.2f} | {m.recall_of_money():.2f} | "
            f"{m.flagged_per_10000():.1f} |")


def rows_of_rules(m):
    for rule, txns in sorted(m.fired.items(), key=lambda item: -len(item[1])):
        mark = " (shadow)" if rule in m.shadow else ""
        yield (f"| {rule}{mark} | {len(txns)} | {m.flagged_per_10000(txns):.2f} | "
               f"{m.precision(txns):.2f} | {m.recall_of_cases(txns):.2f} |")


def report(m, told):
    honest = ", ".join(f"{what} {n}" for what, n in m.honest_flagged())
    return "\n".join([told, "", *HEAD, f"| {cells(m)}", "",
                      "| rule | fired | per 10,000 | of it fraud | cases met |",
                      "| --- | --- | --- | --- | --- |", *rows_of_rules(m), "",
                      f"Honest and flagged: {honest or 'none'}."])


def summary(measures, told):
    """Of all packs, a row each."""
    rows = [f"| {pack} | {cells(m)}" for pack, m in measures.items()]
    return "\n".join([told, "", f"| pack {HEAD[0]}", f"| --- {HEAD[1]}", *rows])


def write(path, text):
    """Put a text below the last heading of a page."""
    with open(path, encoding="utf-8") as f:
        page = f.read()
    kept = page[:page.index("## Measured\n")]
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"{kept}## Measured\n\n{text}\n")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--transactions", type=int, default=600000)
    parser.add_argument("--accounts", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("packs", nargs="*", metavar="PACK")
    return parser.parse_args()


def main():
    args = arguments()
    measures = {}
    with tempfile.TemporaryDirectory(prefix="sluice-packs-") as folder:
        events = os.path.join(folder, "events.ndjson")
        truth = generate(events, args.transactions, args.accounts, args.seed)
        told = TOLD.format(args=args)
        for pack in args.packs or PACKS:
            measures[pack] = measure(pack, events, truth, folder)
            print(f"## {pack}\n\n{report(measures[pack], told)}\n", flush=True)
            if args.write:
                write(f"rules/packs/{pack}/README.md", report(measures[pack], told))
    if args.write and not args.packs:
        write("rules/packs/README.md", summary(measures, told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
