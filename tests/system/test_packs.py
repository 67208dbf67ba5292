"""The rule sets that ship, and the one of rules/README.md: they load without a warning, and score
their sample messages."""
import glob
import json
import os
import re
import subprocess

import pytest

SLUICE = os.environ.get("SLUICE_BIN", "build/san/sluice")
PACKS = {"starter": "tests/messages/starter.json", "pacs008": "tests/messages/pacs008.json"}
ALL_PACKS = sorted(os.path.basename(os.path.dirname(path))
                   for path in glob.glob("rules/packs/*/ruleset.yaml"))
REQUIRED = ("transaction_id", "account_id", "amount", "timestamp")


def run(*args, stdin=b""):
    return subprocess.run([SLUICE, *args], input=stdin, capture_output=True, timeout=60,
                          check=False)


def config_of(pack, folder):
    path = folder / "sluice.yaml"
    ruleset = os.path.abspath(f"rules/packs/{pack}/ruleset.yaml")
    path.write_text(f"ruleset: {ruleset}\nstate: {{backend: memory}}\n", encoding="utf-8")
    return str(path)


def source(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def write_example(folder):
    """The files that rules/README.md shows, each below its name."""
    shown = re.findall(r"^`(\S+)`:\n\n```\w*\n(.*?)^```$", source("rules/README.md"),
                       re.MULTILINE | re.DOTALL)
    for name, content in shown:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    return {name for name, _ in shown}


def read_message(pack):
    with open(PACKS[pack], encoding="utf-8") as f:
        return json.load(f)


def replay(pack, folder, messages):
    lines = "".join(json.dumps(m) + "\n" for m in messages).encode()
    out = folder / "decisions.ndjson"
    done = run("replay", "-c", config_of(pack, folder), "--events", "-", "--decisions", str(out),
               stdin=lines)
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


def test_each_pack_is_in_the_table_and_has_tests():
    page = source("rules/packs/README.md")
    for pack in ALL_PACKS:
        assert f"| [{pack}]({pack}/" in page
        assert os.path.exists(f"rules/packs/{pack}/ruleset_test.yaml")


@pytest.mark.parametrize("pack", ALL_PACKS)
def test_a_packs_tests_name_each_of_its_rules(pack):
    ids = {rule for path in glob.glob(f"rules/packs/{pack}/*.yaml")
           for rule in re.findall(r"^  - id: (\S+)$", source(path), re.MULTILINE)}
    said = set(re.findall(r"[a-z0-9][a-z0-9-]*", source(f"rules/packs/{pack}/ruleset_test.yaml")))
    assert ids and not ids - said


@pytest.mark.parametrize("pack", ALL_PACKS)
def test_a_pack_loads_without_a_warning(pack, tmp_path):
    done = run("check", "-c", config_of(pack, tmp_path))
    assert done.returncode == 0, done.stderr.decode()
    assert b"warning" not in done.stdout + done.stderr


def test_the_readmes_ruleset_loads_without_a_warning(tmp_path):
    assert {"ruleset.yaml", "rules.yaml", "ruleset_test.yaml"} <= write_example(tmp_path)
    done = run("check", "--state.backend", "memory", "--ruleset", str(tmp_path / "ruleset.yaml"))
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    assert b"warning" not in done.stdout + done.stderr


@pytest.mark.parametrize("path, pattern", [
    ("service/txn/schema.h", r'X\(FIELD_\w+, "(\w+)"\)'),
    ("service/state/window.h", r'X\(AGG_\w+, "(\w+)",'),
    ("rules/rule_file.h", r'X\(RULE_\w+, "(\w+)"\)'),
])
def test_the_readme_names_all_that_there_is(path, pattern):
    page = set(re.findall(r"\w+", source("rules/README.md")))
    names = set(re.findall(pattern, source(path)))
    assert names and not names - page


@pytest.mark.parametrize("path, limit, said", [
    ("service/txn/schema.h", "SCHEMA_FIELDS_MAX", "{} fields"),
    ("service/txn/schema.h", "SCHEMA_NAME_MAX", "joined by `.`, at most {} bytes"),
    ("service/txn/schema.h", "SCHEMA_STRING_MAX", "| {} |"),
    ("service/txn/schema.h", "SCHEMA_STRING_LIMIT", "1 to {}"),
    ("service/engine/snapshot.h", "SNAPSHOT_DERIVED_MAX", "| {} |"),
    ("service/engine/snapshot.h", "SNAPSHOT_RULE_FILES_MAX", "{} files"),
    ("service/engine/feature.h", "FEATURES_MAX", "{}, each window counted singly"),
    ("service/engine/feature.h", "FEATURE_KEY_FIELDS_MAX", "At most {} fields stand in `by:`"),
    ("service/engine/feature.h", "FEATURE_KEY_BYTES_MAX", "`string` of at most {} bytes"),
    ("service/state/plan.h", "PLAN_FEATURES_MAX", "{} features (windows counted singly)"),
    ("service/state/plan.h", "PLAN_LANES_MAX", "{} different combinations"),
    ("service/state/layout.h", "LAYOUT_TIERS_MAX", "{} different windows"),
    ("service/state/layout.h", "LAYOUT_FILTERS_MAX", "{} different `where:`"),
    ("service/state/record.h", "RECORD_COLUMNS_MAX", "{} fields in\n`of:`"),
    ("service/state/record.h", "RECORD_BITS_MAX", "{} of both together"),
    ("rules/lists.h", "LISTS_MAX", "| {} |"),
    ("rules/lists.h", "LIST_ITEM_MAX", "{} bytes an item"),
    ("rules/rule_file.h", "RULES_MAX", "{} rules"),
    ("rules/rule_file.h", "RULE_TITLE_MAX", "at most {} bytes"),
    ("rules/rule_file.h", "RULE_TAGS_MAX", "at most {}, "),
    ("rules/template.h", "TEMPLATE_RENDERED_MAX", "over {} bytes is cut"),
    ("rules/cel.h", "CEL_STEPS_MAX", "{} steps"),
])
def test_the_readmes_limits_are_those_of_the_headers(path, limit, said):
    (number,) = re.findall(rf"\b{limit} = (\d+)\b", source(path))
    assert said.format(number) in source("rules/README.md")


def test_the_readmes_rule_tests_pass(tmp_path):
    write_example(tmp_path)
    done = run("test", str(tmp_path / "ruleset_test.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == b"5 passed, 0 failed"


@pytest.mark.parametrize("pack", PACKS)
def test_the_sample_message_is_scored_as_it_is(pack, tmp_path):
    (decision,) = replay(pack, tmp_path, [read_message(pack)])
    assert decision["decision"] == "allow"
    assert decision["degraded"] == []


def test_the_pacs008_id_and_amount_are_read_by_their_paths(tmp_path):
    first = read_message("pacs008")
    one = first["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]
    later = json.loads(json.dumps(first))
    other = later["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]
    other["PmtId"]["TxId"] = "second"
    other["IntrBkSttlmAmt"]["amt"] = "2500.00"
    other["AccptncDtTm"] = "2026-01-06T12:00:10.123+01:00"
    other["CdtrAcct"]["Id"]["IBAN"] = "FR1420041010050500013M02606"
    decisions = replay("pacs008", tmp_path, [first, later])
    assert [d["transaction_id"] for d in decisions] == [one["PmtId"]["TxId"], "second"]
    assert [r["rule"] for r in decisions[1]["reasons"]] == ["new-creditor-large"]


def test_a_burst_is_flagged_when_only_the_required_fields_are_sent(tmp_path):
    sample = read_message("starter")
    bare = {key: sample[key] for key in REQUIRED}
    burst = [{**bare, "transaction_id": f"t-{i}"} for i in range(12)]
    decisions = replay("starter", tmp_path, burst)
    assert [d["decision"] for d in decisions] == ["allow"] * 10 + ["flag"] * 2
    assert decisions[10]["reasons"][0] == {
        "rule": "account-burst", "title": "Burst of payments", "score": 80, "severity": "high",
        "reason": "11 payments in 5 minutes"}


def test_the_generated_stream_flags_some_and_allows_most(tmp_path):
    stream = run("generate", "--transactions", "20000", "--seed", "5").stdout
    out = tmp_path / "decisions.ndjson"
    done = run("replay", "-c", config_of("starter", tmp_path), "--events", "-",
               "--decisions", str(out), stdin=stream)
    assert done.returncode == 0, done.stderr.decode()
    decisions = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    decided = [d for d in decisions if "decision" in d]
    flags = sum(d["decision"] == "flag" for d in decided)
    assert len(decided) == 20000
    assert 0 < flags < 1000
