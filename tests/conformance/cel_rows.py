"""The CEL specification's conformance tests, through `sluice eval --jsonl`.

    cel_rows.py SLUICE FILE.jsonl

Prints each row that fails, what passed and failed by the suite's files, and at last
`N passed, N failed`. Numbers are compared exactly, NaN is NaN, -0.0 is not 0.0, the order of a
map's entries is free; of an error only that there is one. A row with expect_type is asked twice:
for its value, and for its type. Exit status: 0; 1 a row failed, or there was none.
"""
import collections
import json
import math
import subprocess
import sys

# Where we hold that the suite is wrong: "file/section/name" and the specification's paragraph. At
# most five; one of them that passes has failed, so that the list stays true.
DEVIATIONS = {}


def double_key(v):
    number = float(v)  # "NaN", "Infinity", "-Infinity" too
    return "NaN" if math.isnan(number) else (number, math.copysign(1, number))


def normal(value):
    """What two values that are the same have in common; it can be compared and hashed."""
    (kind, v), = value.items()
    if kind == "double":
        v = double_key(v)
    elif kind == "list":
        v = tuple(normal(item) for item in v)
    elif kind == "map":
        v = frozenset(collections.Counter((normal(k), normal(x)) for k, x in v).items())
    elif kind == "optional":
        v = v and normal(v)
    return kind, v


def normal_type(t):
    """Parameters that are left out are none."""
    if isinstance(t, dict) and "abstract" in t:
        t = {"params": [], **t}
    if isinstance(t, dict):
        return {k: [normal_type(x) for x in v] if isinstance(v, list) else
                v if k in ("abstract", "param") else normal_type(v) for k, v in t.items()}
    return t


def questions(row):
    """The rows to ask: for its type, when one is expected, and for its value."""
    if "expect_type" in row:
        yield {**row, "check_only": True}
    if not row.get("check_only"):
        yield row


def is_right(question, row, answer):
    if "expect_error" in row:
        return list(answer) == ["error"]
    if question.get("check_only"):
        return list(answer) == ["type"] and (
            "expect_type" not in row or
            normal_type(answer["type"]) == normal_type(row["expect_type"]))
    wanted = row.get("expect_value", {"bool": True})
    return list(answer) == ["value"] and normal(answer["value"]) == normal(wanted)


def wanted_of(question, row):
    if "expect_error" in row:
        return "an error"
    if question.get("check_only"):
        return f"type {json.dumps(row.get('expect_type'))}"
    return f"value {json.dumps(row.get('expect_value', {'bool': True}))}"


def ask(sluice, asked):
    """The answers, one for each question."""
    lines = "".join(json.dumps(question) + "\n" for question in asked)
    done = subprocess.run([sluice, "eval", "--jsonl"], input=lines.encode(), check=False,
                          stdout=subprocess.PIPE, timeout=600)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode != 0 or len(answers) != len(asked):
        sys.exit(f"{sluice} eval --jsonl: exit {done.returncode}, {len(answers)} answers to "
                 f"{len(asked)} rows")
    return answers


def show(name, question, row, answer):
    note = f" ({DEVIATIONS[name]}): it passes" if name in DEVIATIONS else ""
    print(f"FAILED {name}{note}\n    {row['expr']}\n    expected {wanted_of(question, row)}\n"
          f"    got      {json.dumps(answer)}")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[2], encoding="utf-8") as f:
        rows = [json.loads(line) for line in f]
    pairs = [(question, row) for row in rows for question in questions(row)]
    failed_rows, counts = set(), collections.defaultdict(lambda: [0, 0])
    for (question, row), answer in zip(pairs, ask(sys.argv[1], [q for q, _ in pairs])):
        name = f"{row['file']}/{row['section']}/{row['name']}"
        if is_right(question, row, answer) == (name in DEVIATIONS):
            failed_rows.add(id(row))
            show(name, question, row, answer)
    for row in rows:
        counts[row["file"]][id(row) in failed_rows] += 1
    for name, (passed, failed) in sorted(counts.items()):
        print(f"{name}: {passed} passed, {failed} failed")
    print(f"{len(rows) - len(failed_rows)} passed, {len(failed_rows)} failed")
    return bool(failed_rows) or not rows


if __name__ == "__main__":
    sys.exit(main())
