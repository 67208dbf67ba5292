#!/usr/bin/env python3
"""The handbook's tree of depth two over its test week, from `sluice backtest`.

    handbook_backtest.py REPORT.json DECISIONS.ndjson

REPORT is over all of the week: what it says of the score's curve is compared with the same areas
over DECISIONS. Then the handbook's own number: it leaves out the customers who are known to be
defrauded by then, those of a fraud of the training week, or of a later day whose frauds are known
after the delay of a week. AUC ROC is 0.763 and average precision 0.496, to the last digit.
"""
import collections
import json
import sys

from handbook_data import DAY_S, transactions

TRAIN, TEST = 115, 129  # 2018-07-25 and 2018-08-08, in days since the first
WEEK = 7
PUBLISHED = {"auc_roc": 0.763, "average_precision": 0.496}


def areas(scored):
    """AUC ROC and average precision of [(score, is fraud)], ties in one step."""
    steps = collections.defaultdict(lambda: [0, 0])
    for score, fraud in scored:
        steps[score][fraud] += 1
    frauds = sum(fraud for _, fraud in steps.values())
    others = sum(other for other, _ in steps.values())
    seen = caught = 0
    auc = precision = 0.0
    for score in sorted(steps, reverse=True):
        other, fraud = steps[score]
        auc += other * (caught + fraud / 2)
        caught, seen = caught + fraud, seen + other + fraud
        precision += fraud * caught / seen
    return {"auc_roc": auc / (frauds * others), "average_precision": precision / frauds}


def known_by_day():
    """For each day of the test week, the accounts left out; and its transactions."""
    defrauded, week = collections.defaultdict(set), collections.defaultdict(list)
    for t in transactions():
        day = t.seconds // DAY_S
        if t.fraud:
            defrauded[day].add(t.account)
        if TEST <= day < TEST + WEEK:
            week[day - TEST].append(t)
        if day >= TEST + WEEK:
            break
    known = set().union(*(defrauded[TRAIN + day] for day in range(WEEK)))
    for day in range(WEEK):
        known |= defrauded[TRAIN + WEEK + day - 1]
        yield set(known), week[day]


def say(what, got, wanted, tolerance):
    good = all(abs(got[name] - wanted[name]) <= tolerance for name in wanted)
    numbers = ", ".join(f"{name} {got[name]:.6f} ({wanted[name]:.6g})" for name in wanted)
    print(f"    {what}: {numbers}")
    return good


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        report = json.load(f)
    with open(sys.argv[2], encoding="utf-8") as f:
        scores = {d["transaction_id"]: d["score"] for d in map(json.loads, f)}
    days = list(known_by_day())
    whole = [(scores[t.id], t.fraud) for _, day in days for t in day]
    shown = [(scores[t.id], t.fraud) for known, day in days for t in day if t.account not in known]
    print(f"    {len(whole)} transactions, {sum(f for _, f in whole)} frauds; without known "
          f"customers {len(shown)}, {sum(f for _, f in shown)}; the backtest took "
          f"{report['history']['seconds']} s")
    ours = {name: report["candidate"][name] for name in PUBLISHED}
    good = len(whole) == len(scores) == report["candidate"]["transactions"]
    good &= say("the report's areas (computed here)", ours, areas(whole), 1e-9)
    good &= say("the handbook's (published)", areas(shown), PUBLISHED, 0.0005)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
