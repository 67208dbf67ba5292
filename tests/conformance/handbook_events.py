#!/usr/bin/env python3
"""The published transactions as an events file on stdout, with their labels.

    handbook_events.py [--count N] [--shuffle MINUTES --duplicates SHARE --seed S]

A fraud is labelled seven days after its transaction; a label stands before the transactions
of its second. --count takes the first N transactions and the labels that are due by then.
--shuffle delays each line by up to MINUTES, so that lines change places; --duplicates sends
a share of the lines once more, as late.
"""
import argparse
import collections
import datetime
import heapq
import random
import sys

from handbook_data import START, WEEK_S, transactions


def stamp(seconds):
    when = START + datetime.timedelta(seconds=seconds)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def transaction_line(t):
    return (f'{{"transaction_id":"{t.id}","account_id":"{t.account}","terminal_id":"{t.terminal}",'
            f'"amount":{t.cents // 100}.{t.cents % 100:02d},"timestamp":"{stamp(t.seconds)}"}}\n')


def label_line(txn_id, seconds):
    return (f'{{"kind":"label","transaction_id":"{txn_id}","outcome":"fraud",'
            f'"timestamp":"{stamp(seconds)}"}}\n')


def in_order(count):
    """(seconds, line) in order of arrival."""
    waiting = collections.deque()
    for t in transactions(count):
        while waiting and waiting[0][1] <= t.seconds:
            txn_id, due = waiting.popleft()
            yield due, label_line(txn_id, due)
        yield t.seconds, transaction_line(t)
        if t.fraud:
            waiting.append((t.id, t.seconds + WEEK_S))
    if count is None:
        for txn_id, due in waiting:
            yield due, label_line(txn_id, due)


def shuffled(events, within_s, share, seed):
    """Each line at a random moment within `within_s` after its own; some of them twice."""
    rng = random.Random(seed)
    heap, number = [], 0
    for seconds, line in events:
        while heap and heap[0][0] <= seconds:
            yield heapq.heappop(heap)[2]
        for _ in range(2 if rng.random() < share else 1):
            number += 1
            heapq.heappush(heap, (seconds + rng.uniform(0, within_s), number, line))
    while heap:
        yield heapq.heappop(heap)[2]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int)
    parser.add_argument("--shuffle", type=float, default=0, metavar="MINUTES")
    parser.add_argument("--duplicates", type=float, default=0, metavar="SHARE")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    events = in_order(args.count)
    if args.shuffle:
        sys.stdout.writelines(shuffled(events, args.shuffle * 60, args.duplicates, args.seed))
    else:
        sys.stdout.writelines(line for _, line in events)


if __name__ == "__main__":
    main()
