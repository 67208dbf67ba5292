#!/usr/bin/env python3
"""Generated expressions, answered by us and by cel-go: where do they differ?

    python3 tests/differential/run.py --count 1000000 --seed 1

Expressions are typed trees over everything in signatures.py, with edge values among them
(generate.py). Both sides read the same rows: `sluice eval --jsonl` and tests/celgo/answer. They
have to agree on the value to its last bit, on whether there is one, on whether the expression is
refused when it is compiled, and, of every tenth, on its type. What differs is made smaller and
printed, unless explained.py says why it stays.

Expression n of a seed is always the same: --first N --count 1 --seed S repeats one, and shards are
--first 0 --count 250000, --first 250000 ... . The last line is `N agree, N differ, N explained`.
Exit status: 0; 1 they differ, fewer than half of the expressions have a value, or something of
signatures.py occurs less than once in a thousand expressions; 77 cel-go cannot be built here.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import shutil
import subprocess
import sys
import tempfile

import compare
import explained
import generate
import shrink

CELGO = "build/celgo/answer"
CHUNK = 20_000         # expressions in memory at once
TYPES_EVERY = 10       # of these the type is compared too
RUN_TIMEOUT_S = 600    # of one chunk
SKIPPED = 77           # as automake's tests have it


def say(text):
    print(text, flush=True)


def build_celgo():
    """False: there is no cel-go here, and why is said."""
    if not shutil.which("go"):
        say("SKIPPED: the second implementation, cel-go, needs Go, which is not installed")
        return False
    done = subprocess.run(["go", "build", "-o", os.path.abspath(CELGO), "./answer"],
                          cwd="tests/celgo", capture_output=True, text=True, check=False)
    if done.returncode != 0:
        say(f"SKIPPED: cel-go does not build: {done.stderr.strip()[-300:]}")
    return done.returncode == 0


# ---- both sides ----

def run_one(command, rows):
    """A line of answer for each row; an error of that side is one of the bench itself."""
    with tempfile.TemporaryFile() as stdin:
        stdin.write("".join(rows).encode())
        stdin.seek(0)
        done = subprocess.run(command, stdin=stdin, capture_output=True, check=False,
                              timeout=RUN_TIMEOUT_S)
    lines = done.stdout.decode().split("\n")[:-1]
    if done.returncode != 0 or len(lines) != len(rows):
        raise SystemExit(f"differential: {command[0]} answered {len(lines)} of {len(rows)} rows, "
                         f"exit status {done.returncode}: {done.stderr.decode()[-1000:]}")
    return [compare.answer_of(line) for line in lines]


class Sides:
    def __init__(self, sluice):
        self.commands = [[sluice, "eval", "--jsonl"], [CELGO]]
        self.pool = concurrent.futures.ThreadPoolExecutor(2)

    def answers(self, rows):
        lines = [json.dumps(row) + "\n" for row in rows]
        return list(self.pool.map(lambda command: run_one(command, lines), self.commands))

    def ask(self, trees, seed, all_types=False):
        """Cases of (number, tree), with what both sides say."""
        cases = [compare.Case(number, tree, generate.row_of(tree, seed, number))
                 for number, tree in trees]
        for case, ours, theirs in zip(cases, *self.answers([c.row for c in cases])):
            case.ours, case.theirs = ours, theirs
        typed = [c for c in cases
                 if all_types or c.needs_type() or c.number % TYPES_EVERY == 0]
        rows = [{**c.row, "check_only": True} for c in typed]
        for case, ours, theirs in zip(typed, *self.answers(rows)):
            case.our_type, case.their_type = ours, theirs
        return cases


# ---- the count ----

class Count:
    def __init__(self):
        self.done = self.values = self.differ = 0
        self.explained = collections.Counter()
        self.features = collections.Counter()

    def add(self, case):
        self.done += 1
        self.values += case.theirs[0] == "value"
        for node in case.node.walk():
            self.features.update(node.names)
        fault = case.fault()
        name = explained.explanation(case) if fault else None
        if name:
            self.explained[name] += 1
        elif fault:
            self.differ += 1
        return fault if not name else None

    def rare(self):
        return sorted(name for name in generate.features()
                      if self.features[name] < self.done // 1000)

    def report(self, with_features):
        if with_features:
            for name in sorted(generate.features()):
                say(f"{self.features[name]:9} {name}")
        for name in self.rare():
            say(f"RARE: {name} occurs {self.features[name]} times in {self.done}")
        share = 100 * self.values / max(self.done, 1)
        say(f"{self.done} expressions, {share:.1f}% with a value")
        for name, holds, why in explained.EXPLAINED:
            say(f"explained, {self.explained[name]}: {name}: {why}")
        stay = sum(self.explained.values())
        say(f"{self.done - self.differ - stay} agree, {self.differ} differ, {stay} explained")
        return self.differ == 0 and not self.rare() and share >= 50


def show(case, fault, sides, args):
    if args.shrink:
        case = shrink.shrink(case, sides.ask, args.seed)
    say(f"DIFFER in {fault}: --seed {args.seed} --first {case.number} --count 1\n{case}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sluice", default="build/sluice")
    parser.add_argument("--show", type=int, default=50, help="differences to print at most")
    parser.add_argument("--no-shrink", dest="shrink", action="store_false")
    parser.add_argument("--features", action="store_true", help="print how often each occurs")
    args = parser.parse_args()
    if not build_celgo():
        sys.exit(SKIPPED)
    sides, count, shown = Sides(args.sluice), Count(), 0
    for first in range(args.first, args.first + args.count, CHUNK):
        last = min(first + CHUNK, args.first + args.count)
        trees = [(n, generate.expression(args.seed, n)) for n in range(first, last)]
        for case in sides.ask(trees, args.seed):
            fault = count.add(case)
            if fault and shown < args.show:
                shown += 1
                show(case, fault, sides, args)
    sys.exit(0 if count.report(args.features or args.count >= 1_000_000) else 1)


if __name__ == "__main__":
    main()
