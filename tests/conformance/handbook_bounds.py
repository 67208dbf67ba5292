#!/usr/bin/env python3
"""Check that inexact features are honest: decisions with features on stdin, `exact_events` small.

Each published value lies inside [lo, hi]; what is called exact is equal; and a count's hi - lo is
at most the number of the entity's events in the tiles that the window's edges cut. A tile of a
window W holds the times of one multiple of W/64 (service/state/tiles.h).
"""
import bisect
import collections
import json
import sys

from handbook_data import COLUMNS, START, WEEK_S, WINDOW_S, Ties, published, transactions

TOLERANCE = 1e-6
TILES = 64
SHOWN_MAX = 10
START_S = int(START.timestamp())


class Entities:
    """Of each account and terminal: the times of its transactions, ascending."""

    def __init__(self, count):
        self.times = collections.defaultdict(list)
        self.of = {}
        for t in transactions(count):
            self.times["account", t.account].append(t.seconds)
            self.times["terminal", t.terminal].append(t.seconds)
            self.of[t.id] = t

    def in_tile(self, kind, txn, edge_s, window_s):
        """How many events stand in the tile that holds the edge. Times are whole seconds, edges
        too; a grain may be half a second off, so compare in milliseconds."""
        grain_ms = window_s * 1000 // TILES
        first_ms = (edge_s + START_S) * 1000 // grain_ms * grain_ms
        low = -(-first_ms // 1000) - START_S
        high = -(-(first_ms + grain_ms) // 1000) - START_S
        times = self.times[kind, getattr(txn, kind)]
        return bisect.bisect_left(times, high) - bisect.bisect_left(times, low)

    def width_max(self, name, txn_id):
        """Of a count."""
        txn, kind = self.of[txn_id], name.split("_")[0]
        window_s = WINDOW_S[name.rsplit("_", 1)[1]]
        delay_s = WEEK_S if kind == "terminal" else 0
        width = self.in_tile(kind, txn, txn.seconds - delay_s - window_s, window_s)
        return width + (self.in_tile(kind, txn, txn.seconds - delay_s, window_s) if delay_s else 0)


def faults(name, feature, theirs, entities, txn_id):
    """One sentence for each promise that is broken."""
    value, exact = feature["value"], feature["exact"]
    if exact:
        if value is None or abs(value - theirs) > TOLERANCE:
            yield f"{name} says exactly {value}, published is {theirs}"
        return
    low, high = feature.get("lo"), feature.get("hi")
    if low is None or high is None:
        yield f"{name} has no bounds"
    elif not low - TOLERANCE <= theirs <= high + TOLERANCE:
        yield f"{name} is in [{low}, {high}], published is {theirs}"
    elif "_tx_count_" in name and high - low > entities.width_max(name, txn_id):
        yield (f"{name} is in [{low}, {high}], but the cut tiles hold "
               f"{entities.width_max(name, txn_id)}")


def main():
    wanted = dict(published())
    count = max(map(int, wanted)) + 1
    ties, entities = Ties(count), Entities(count)
    for txn_id in set(wanted) & set(ties.groups):  # judged in the file's order
        wanted[txn_id][:6] = ties.account_values(txn_id, False)
    rows = values = inexact = broken = 0
    for line in sys.stdin:
        txn_id = line[19:line.index('"', 19)] if line.startswith('{"transaction_id":"') else ""
        if txn_id not in wanted or '"decision"' not in line:
            continue
        features, theirs = json.loads(line)["features"], wanted.pop(txn_id)
        rows += 1
        for name, their in zip(COLUMNS, theirs):
            values += 1
            inexact += not features[name]["exact"]
            for fault in faults(name, features[name], their, entities, txn_id):
                broken += 1
                if broken <= SHOWN_MAX:
                    print(f"    {txn_id}: {fault}")
    print(f"    {rows} rows, {values} values of which {inexact} are inexact; {broken} broken "
          f"promises, {len(wanted)} rows not there")
    return 1 if broken or wanted or not inexact else 0


if __name__ == "__main__":
    sys.exit(main())
