#!/usr/bin/env python3
"""Rule tests: what a ruleset decides about simulated events, with simulated time.

    run_rule_tests.py [FILE_test.yaml ...]      (default: every rules/packs/*/*_test.yaml)

A file holds `ruleset:`, `defaults:` and `tests:`. A test has `name`, `start`, its own
`defaults`, and `events` in order of arrival. An event has `at` (after start: 90s, 5m, 7d1h,
1500ms), perhaps `every` and `times`, fields of the schema, and `expect`:

    decision, score     equal
    fired, not_fired    ids of live rules; `fired: []` says that none fired
    shadow              ids of shadow rules that fired, in any order, no others
    features            name: value (null: missing)

The program knows these keys (`sluice schema tests`), and a file with others is not run; nor is one
that names a field, or a rule, that the ruleset has not.

A field is named as in the schema and put where its path says: `merchant.country: BE` is sent as
{"merchant": {"country": "BE"}}. Ids are generated where none is given. `kind: label` with
`transaction_id` and `outcome` makes a label. Each test is one `sluice replay` over an empty memory
state. SLUICE_BIN names the program (default: build/san/sluice, else build/sluice). Prints `N
passed, N failed`; exits 1 when a test failed, 2 when a file cannot be read.
"""
import csv
import datetime
import difflib
import glob
import json
import math
import os
import re
import subprocess
import sys
import tempfile

import jsonschema
import yaml

BUILT = "build/san/sluice" if os.path.exists("build/san/sluice") else "build/sluice"
SLUICE = os.environ.get("SLUICE_BIN", BUILT)
TIMEOUT_S = 60
UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
OWN_KEYS = {"at", "every", "times", "expect"}
RULE_KEYS = ("fired", "not_fired", "shadow")
LABEL_KEYS = {"kind", "transaction_id", "outcome", "timestamp", "transaction_timestamp"}


class BadTest(Exception):
    """The test file itself cannot be meant."""


def duration_ms(text):
    parts = re.findall(r"(\d+)(ms|s|m|h|d)", str(text))
    if not parts or "".join(n + u for n, u in parts) != str(text):
        raise BadTest(f"not a duration: {text!r} (90s, 5m, 7d1h, 1500ms)")
    return sum(int(n) * UNITS_MS[u] for n, u in parts)


def start_of(test):
    start = test.get("start", "2026-01-05T12:00:00Z")
    if not isinstance(start, datetime.datetime):
        start = datetime.datetime.fromisoformat(str(start).replace("Z", "+00:00"))
    return start if start.tzinfo else start.replace(tzinfo=datetime.timezone.utc)


def put(message, steps, value):
    """Set the value at a path of keys; a step that is a number is an array's index."""
    here = message
    for i, step in enumerate(steps):
        last = i == len(steps) - 1
        if isinstance(here, list):
            step = int(step)
            while len(here) <= step:
                here.append({})
        if last:
            here[step] = value
            return
        empty = [] if steps[i + 1].isdigit() else {}
        if isinstance(here, list):
            here[step] = here[step] or empty
        else:
            here.setdefault(step, empty)
        here = here[step]


def steps_of(schema, name):
    field = schema.get(name) or {}
    if "path" in field:
        steps = field["path"].split("/")[1:]
        return [s.replace("~1", "/").replace("~0", "~") for s in steps]
    return name.split(".")


def message_of(schema, fields):
    if fields.get("kind") == "label":
        return {k: v for k, v in fields.items() if k in LABEL_KEYS}
    message = {}
    for name, value in fields.items():
        put(message, steps_of(schema, name), value)
    return message


def repeated(event):
    """(milliseconds after start) of each of an event's times."""
    at, times = duration_ms(event.get("at", "0s")), int(event.get("times", 1))
    step = duration_ms(event["every"]) if "every" in event else 0
    return [at + i * step for i in range(times)]


def expand(schema, defaults, test):
    """The test's messages, in order of arrival, and what is expected: {transaction id: expect}."""
    messages, expected = [], {}
    defaults = {**defaults, **test.get("defaults", {})}
    start = start_of(test)
    for event in test["events"]:
        given = {k: v for k, v in event.items() if k not in OWN_KEYS}
        for after_ms in repeated(event):
            when = start + datetime.timedelta(milliseconds=after_ms)
            stamp = when.astimezone(datetime.timezone.utc).isoformat(timespec="milliseconds")
            fields = {"transaction_id": f"t-{len(messages) + 1}", **defaults, **given}
            fields["timestamp"] = stamp.replace("+00:00", "Z")
            messages.append(message_of(schema, fields))
            if "expect" in event:
                expected[fields["transaction_id"]] = event["expect"]
    return messages, expected


def str_of_time(value):
    """YAML reads 2026-01-05T12:00:00Z as a time where it stands without quotes."""
    if isinstance(value, datetime.datetime):
        return (value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)).isoformat()
    raise BadTest(f"no value of a field: {value!r} (a text is written in quotes)")


def replay(ruleset, messages, folder):
    """Run the program; {id: decision}, {id: {feature: text}}."""
    paths = {n: os.path.join(folder, n) for n in ("sluice.yaml", "events", "decisions", "features")}
    with open(paths["sluice.yaml"], "w", encoding="utf-8") as f:
        f.write(f"ruleset: {json.dumps(os.path.abspath(ruleset))}\nstate: {{backend: memory}}\n")
    with open(paths["events"], "w", encoding="utf-8") as f:
        f.writelines(json.dumps(m, default=str_of_time) + "\n" for m in messages)
    done = subprocess.run(
        [SLUICE, "replay", "-c", paths["sluice.yaml"], "--events", paths["events"],
         "--decisions", paths["decisions"], "--features", paths["features"]],
        capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise BadTest(f"sluice replay exits {done.returncode}: {done.stderr.strip()}")
    with open(paths["decisions"], encoding="utf-8") as f:
        decisions = [json.loads(line) for line in f]
    with open(paths["features"], encoding="utf-8", newline="") as f:
        features = {row["transaction_id"]: row for row in csv.DictReader(f)}
    return {d["transaction_id"]: d for d in decisions if "decision" in d}, features


def same_number(text, wanted):
    if wanted is None or text in (None, ""):
        return wanted is None and text == ""
    return math.isclose(float(text), float(wanted), rel_tol=1e-9, abs_tol=1e-9)


def differences(expect, decision, features):
    """One sentence for each expectation that does not hold."""
    fired = [r["rule"] for r in decision["reasons"]]
    shadow = sorted(r["rule"] for r in decision.get("shadow", []))
    for key in ("decision", "score"):
        if key in expect and decision[key] != expect[key]:
            yield f"{key} is {decision[key]}, not {expect[key]} (fired: {fired})"
    if expect.get("fired") == [] and fired:
        yield f"fired are {fired}, not none"
    for rule in expect.get("fired", []):
        if rule not in fired:
            yield f"{rule} did not fire (fired: {fired})"
    for rule in expect.get("not_fired", []):
        if rule in fired:
            yield f"{rule} fired"
    if "shadow" in expect and shadow != sorted(expect["shadow"]):
        yield f"shadow rules that fired are {shadow}"
    for name, wanted in expect.get("features", {}).items():
        if name not in features:
            yield f"there is no feature {name}"
        elif not same_number(features[name], wanted):
            yield f"{name} is {features[name] or 'missing'}, not {wanted}"


def run_test(ruleset, schema, defaults, test):
    with tempfile.TemporaryDirectory(prefix="sluice-rules-") as folder:
        messages, expected = expand(schema, defaults, test)
        decisions, features = replay(ruleset, messages, folder)
    faults = []
    for txn, expect in expected.items():
        if txn not in decisions:
            faults.append(f"{txn}: no decision")
            continue
        faults += [f"{txn}: {d}" for d in differences(expect, decisions[txn], features[txn])]
    return faults


def plain(value):
    """As JSON has it: YAML makes an instant of 2026-01-05T12:00:00Z."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return value.isoformat() if isinstance(value, (datetime.date, datetime.time)) else value


def misshapen(book):
    """One sentence for each thing that may not stand in the file."""
    done = subprocess.run([SLUICE, "schema", "tests"], capture_output=True, text=True,
                          timeout=TIMEOUT_S, check=True)
    validator = jsonschema.Draft7Validator(json.loads(done.stdout))
    for fault in validator.iter_errors(plain(book)):
        where = fault.json_path.removeprefix("$").removeprefix(".")
        yield f"{where}: {fault.message}" if where else fault.message


def like(name, names):
    near = difflib.get_close_matches(name, names, 1)
    return f"; did you mean '{near[0]}'?" if near else ""


def ids_of(folder, ruleset):
    """Of the rules in all files of a ruleset."""
    ids = set()
    for name in ruleset.get("rules") or []:
        with open(os.path.join(folder, name), encoding="utf-8") as f:
            ids |= {rule.get("id") for rule in (yaml.safe_load(f) or {}).get("rules") or []}
    return ids


def misnamed(book, schema, ids):
    """One sentence for each field and rule that is named and is not there."""
    places = [("defaults", book.get("defaults", {}))]
    for test in book["tests"]:
        places.append((test["name"], test.get("defaults", {})))
        places += [(test["name"], event) for event in test["events"]]
    fields = set(schema) | LABEL_KEYS
    for where, given in places:
        for name in given.keys() - OWN_KEYS - fields:
            yield f"{where}: there is no field '{name}'{like(name, fields | OWN_KEYS)}"
        expect = given.get("expect") or {}
        for rule in {r for key in RULE_KEYS for r in expect.get(key) or []} - ids:
            yield f"{where}: there is no rule '{rule}'{like(rule, ids)}"


def run_file(path):
    """(passed, failed) of one file; prints what fails."""
    with open(path, encoding="utf-8") as f:
        book = yaml.safe_load(f)
    faults = list(misshapen(book))
    if not faults:
        ruleset = os.path.join(os.path.dirname(path), book["ruleset"])
        with open(ruleset, encoding="utf-8") as f:
            whole = yaml.safe_load(f)
        schema = whole["schema"]
        faults = list(misnamed(book, schema, ids_of(os.path.dirname(ruleset), whole)))
    for fault in faults:
        print(f"FAILED {path}: {fault}")
    if faults:
        return 0, len(faults)
    passed = failed = 0
    for test in book["tests"]:
        try:
            faults = run_test(ruleset, schema, book.get("defaults", {}), test)
        except (BadTest, subprocess.TimeoutExpired) as e:
            faults = [str(e)]
        passed, failed = passed + (not faults), failed + bool(faults)
        for fault in faults:
            print(f"FAILED {path}: {test['name']}\n    {fault}")
    return passed, failed


def main(paths):
    if "--help" in paths or "-h" in paths:
        print(__doc__.strip())
        return 0
    paths = paths or sorted(glob.glob("rules/packs/*/*_test.yaml"))
    try:
        results = [run_file(path) for path in paths]
    except OSError as e:
        print(f"{e.filename}: {e.strerror}", file=sys.stderr)
        return 2
    passed, failed = sum(r[0] for r in results), sum(r[1] for r in results)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
