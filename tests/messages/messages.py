#!/usr/bin/env python3
"""What `sluice check` says about mistakes, word for word.

    messages.py [--update] [FILE.txt ...]       (default: every tests/messages/*.txt)

A file holds cases. What a case changes in the ruleset below stands between `---` lines; the last
part is all that the program prints. A line that begins with `#` before the first case is a comment.

    === a field that is misspelt
    --- when:
    amuont > 100
    --- says:
    rules.yaml:5:7: unknown name 'amuont'
              amuont > 100
              ^
    did you mean 'amount'?

    when, score       an expression of the one rule in rules.yaml
    reason            its text, in double quotes
    rules.yaml        that whole file
    schema, derived, features, lists, models, limits, flag_at, rules
                      what stands behind that key in ruleset.yaml; `none` leaves the key out
    fraud.yaml, fraud.baseline.json
                      a file beside it
    ruleset.yaml      that whole file
    tests             what stands behind `tests:` in a file of rule tests, which is then run
    ruleset_test.yaml that whole file, likewise
    NAME.yaml         another file beside them, as a model's

A ruleset that is accepted says `fine`, below its warnings. With --update each case gets what the
program says now: read the diff as a newcomer would before it is committed.

SLUICE_BIN names the program (default build/san/sluice). Exit 1: a message differs.
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

SLUICE = os.path.abspath(os.environ.get("SLUICE_BIN", "build/san/sluice"))
FOLDER = os.path.dirname(os.path.abspath(__file__))
TIMEOUT_S = 60

RULESET = {
    "schema": """
  transaction_id: {type: string, required: true, max: 64}
  account_id: {type: string, required: true, max: 64}
  amount: {type: decimal, required: true}
  timestamp: {type: timestamp, required: true}
  currency: {type: string, max: 3}
  device_id: {type: string, max: 64}
  ip: {type: ip}
  location: {type: geo}
  card_present: {type: bool}
  merchant.country: {type: string, max: 2}
  merchant.mcc: {type: integer}
  risk_score: {type: number}
""",
    "derived": """
  is_night: timestamp.getHours() < 6
  hour: timestamp.getHours("Europe/Brussels")
""",
    "features": """
  account_count: {by: account_id, aggregate: count, windows: [5m, 1d]}
  account_spent: {by: account_id, aggregate: sum, of: amount, where: currency == "EUR",
                  windows: [1d]}
  account_countries: {by: account_id, aggregate: distinct, of: merchant.country, windows: [7d]}
  account_new_device: {by: account_id, aggregate: is_new, of: device_id, windows: [30d]}
  account_last: {by: account_id, aggregate: since_last, windows: [1h]}
  device_risk: {by: device_id, aggregate: fraud_rate, windows: [30d], delay: 7d}
""",
    "lists": """
  home: [BE, NL, LU]
  three_letters: [BEL, NLD]
  odd_amounts: [100, 9999]
""",
    "models": "none",
    "limits": "none",
    "flag_at": "70\n",
    "rules": "[rules.yaml]\n",
}

# What is said of a ruleset that is accepted: its size and what it costs.
COSTS = re.compile(r"^ruleset .*\n(?:model .*\n)*"
                   r"(?:(?:a transaction costs|an entity keeps)\n(?:  .*\n)+)*", re.MULTILINE)
DEFAULTS = "defaults: {account_id: a-1, amount: 250.00}\n"
# They begin below their key.
MAPPINGS = ("schema", "derived", "features", "lists", "models", "limits", "tests")
RULE = {"when": "\"true\"", "score": "50", "reason": "why"}


def block(text):
    """As YAML's block, in which no character means anything to YAML."""
    return "|-\n" + "".join(f"      {line}\n".rstrip(" ") for line in text.splitlines())


def rules_yaml(case):
    lines = ["rules:\n", "  - id: a\n"]
    for key in ("score", "when"):
        lines.append(f"    {key}: {block(case[key]) if key in case else RULE[key] + chr(10)}")
    if "reason" in case:
        lines.append(f"    reason: \"{case['reason'].strip()}\"\n")
    return "".join(lines)


def ruleset_yaml(case):
    parts = []
    for key, text in RULESET.items():
        text = case.get(key, text)
        if text.strip() != "none":
            parts.append(f"{key}:{'' if text.startswith(chr(10)) else ' '}{text}")
    return "".join(parts)


def files_of(case):
    files = {"ruleset.yaml": ruleset_yaml(case), "rules.yaml": rules_yaml(case)}
    if "tests" in case:
        files["ruleset_test.yaml"] = f"ruleset: ruleset.yaml\n{DEFAULTS}tests:{case['tests']}"
    files.update({name: text for name, text in case.items() if name.endswith((".yaml", ".json"))})
    return files


def said(case):
    """What the program prints about a case."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files_of(case).items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
                f.write(text)
        with open(os.path.join(folder, "sluice.yaml"), "w", encoding="utf-8") as f:
            f.write("ruleset: ruleset.yaml\nstate: {backend: memory}\n")
        told = ["test", "ruleset_test.yaml"] if "ruleset_test.yaml" in files_of(case) else \
            ["check", "-c", "sluice.yaml"]
        done = subprocess.run([SLUICE, *told], cwd=folder, check=False,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S)
    text = done.stdout.decode("utf-8", "replace") + done.stderr.decode("utf-8", "replace")
    if done.returncode == 0:
        return COSTS.sub("", text) + "fine\n"
    return text if done.returncode == 1 else f"{text}exit {done.returncode}\n"


def parse(text):
    """Comment lines, and the cases: (name, {part: text})."""
    head, cases, part = "", [], None
    for line in text.splitlines(True):
        if line.startswith("=== "):
            cases.append((line[4:].strip(), {}))
            part = None
        elif line.startswith("--- ") and cases:
            part = line[4:].strip().rstrip(":")
            cases[-1][1][part] = "\n" if part in MAPPINGS else ""
        elif part is not None:
            cases[-1][1][part] += line
        elif not cases:
            head += line
    for _, case in cases:
        for part in case:
            case[part] = case[part].rstrip("\n") + "\n"
    return head, cases


def write(head, cases):
    out = [head.rstrip("\n") + "\n" if head.strip() else ""]
    for name, case in cases:
        out.append(f"\n=== {name}\n")
        out += [f"--- {part}:\n{text.lstrip(chr(10))}" for part, text in case.items()]
    return "".join(out).lstrip("\n")


def read(path):
    with open(path, encoding="utf-8") as f:
        return parse(f.read())


def all_files():
    return sorted(glob.glob(os.path.join(FOLDER, "*.txt")))


def update(path):
    head, cases = read(path)
    for _, case in cases:
        case["says"] = said(case)
    with open(path, "w", encoding="utf-8") as f:
        f.write(write(head, cases))
    return len(cases)


def compare(path):
    differ = 0
    for name, case in read(path)[1]:
        now = said(case)
        if now != case.get("says"):
            differ += 1
            print(f"{os.path.basename(path)}: {name}\n-- expected\n{case.get('says')}-- got\n{now}")
    return differ


def main():
    arguments = [a for a in sys.argv[1:] if a != "--update"]
    if any(a.startswith("-") for a in arguments):
        print(__doc__)
        return 2
    paths = arguments or all_files()
    if "--update" in sys.argv:
        print(f"{sum(update(p) for p in paths)} messages written")
        return 0
    differ = sum(compare(p) for p in paths)
    total = sum(len(read(p)[1]) for p in paths)
    print(f"{total - differ} passed, {differ} failed")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
