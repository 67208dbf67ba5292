#!/usr/bin/env python3
"""Compare `sluice replay --features` with the published features.

    handbook_compare.py FEATURES.csv

Counts must be equal, averages and risks agree to 1e-6. A row that differs is accepted only when
its transaction shares account and second with another, and the other order of the two gives
exactly the published numbers; each of these is listed.
"""
import csv
import sys

from handbook_data import COLUMNS, Ties, published

TOLERANCE = 1e-6
SHOWN_MAX = 10


def agrees(name, ours, theirs):
    return ours == theirs if "_tx_count_" in name else abs(ours - theirs) <= TOLERANCE


def all_agree(ours, theirs):
    return all(agrees(n, o, t) for n, o, t in zip(COLUMNS, ours, theirs))


def our_rows(path):
    """{transaction id: numbers in the order of COLUMNS}; missing is None."""
    with open(path, encoding="utf-8", newline="") as f:
        rows = csv.reader(f)
        header = next(rows)
        places = [header.index(name) for name in COLUMNS]
        for row in rows:
            yield row[0], [row[i] for i in places]


def compare(path):
    wanted = dict(published())
    differing, compared = [], 0
    for txn_id, texts in our_rows(path):
        theirs = wanted.pop(txn_id, None)
        if theirs is None:
            continue
        compared += 1
        ours = [float(t) if t else float("nan") for t in texts]
        if not all_agree(ours, theirs):
            differing.append((txn_id, ours, theirs))
    return compared, list(wanted), differing


def explained(ties, txn_id, ours, theirs):
    """Ours is the file's order, theirs the other one, and nothing else differs."""
    if txn_id not in ties.groups:
        return False
    return (all_agree(ties.account_values(txn_id, False) + ours[6:], ours)
            and all_agree(ties.account_values(txn_id, True) + ours[6:], theirs))


def describe(txn_id, ours, theirs):
    parts = [f"{n} {o:.9g} (published {t:.9g})" for n, o, t in zip(COLUMNS, ours, theirs)
             if not agrees(n, o, t)]
    return f"    {txn_id}: " + ", ".join(parts)


def main():
    compared, absent, differing = compare(sys.argv[1])
    ties = Ties(900_000) if differing else None  # the first 91 days hold 872,794
    bad = 0
    for txn_id, ours, theirs in differing:
        if explained(ties, txn_id, ours, theirs):
            others = ", ".join(t.id for t in ties.groups[txn_id] if t.id != txn_id)
            print(f"    {txn_id} and {others}: same account, same second, the other order")
        else:
            bad += 1
            if bad <= SHOWN_MAX:
                print(describe(txn_id, ours, theirs))
    print(f"    {compared} rows compared, {compared - len(differing)} agree, "
          f"{len(differing) - bad} same-second ties, {bad} differ, {len(absent)} not there")
    return 1 if bad or absent or not compared else 0


if __name__ == "__main__":
    sys.exit(main())
