"""rules/README.md: each example of the language is what the page says, and none is left out.
rules/COOKBOOK.md: its twenty rules load as they stand, and do what the page says."""
import glob
import json
import os
import re
import subprocess

import pytest
import yaml
from test_packs import write_example

SLUICE = os.environ.get("SLUICE_BIN", "build/san/sluice")
# A row of a table of functions, or the macro that rows of a kind are written with.
FUNCTION = r'\b[A-Z_]+\((?:\w+, \w+, )?"([a-zA-Z][\w.]*)",|\.name = "([a-zA-Z][\w.]*)"'
MACRO = r'^    \{"(\w+)", (?:ALONE|METHOD|"\w+"), '
FILES = {"rules": "rules.yaml", "ruleset": "ruleset_test.yaml", "defaults": "ruleset_test.yaml",
         "tests": "ruleset_test.yaml"}


def source(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", source(page), re.MULTILINE | re.DOTALL)


# ---- the language ----


def examples():
    """[(expression, what is said of it)] of all blocks of the page."""
    lines = "".join(blocks("rules/README.md", "cel")).splitlines()
    return [tuple(part.strip() for part in line.rsplit(" // ", 1)) for line in lines]


def answers(expressions):
    rows = "".join(json.dumps({"expr": e}) + "\n" for e in expressions)
    done = subprocess.run([SLUICE, "eval", "--jsonl"], input=rows, capture_output=True, text=True,
                          timeout=60, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def agrees(answer, said, wanted):
    error = answer.get("error", "")
    if said == "refused":
        return re.match(r"\d+:\d+: ", error) is not None
    if said.startswith("error: "):
        return error.startswith(said.removeprefix("error: "))
    return answer == wanted and not error


def test_each_example_of_the_language_is_what_the_page_says():
    shown = examples()
    got, wanted = answers([e for e, _ in shown]), answers([said for _, said in shown])
    assert [] == [(e, said, a) for (e, said), a, w in zip(shown, got, wanted)
                  if not agrees(a, said, w)]


@pytest.mark.parametrize("path, pattern", [
    *((path, FUNCTION) for path in sorted(glob.glob("rules/cel_lib_*.c"))),
    ("rules/cel_macro.c", MACRO),
])
def test_each_function_and_macro_has_an_example(path, pattern):
    code = "\n".join(expression for expression, _ in examples())
    names = {next(filter(None, m.groups()))
             for m in re.finditer(pattern, source(path), re.MULTILINE)}
    assert names
    assert [] == [name for name in names if not re.search(rf"\b{re.escape(name)}\(", code)]


def test_the_page_names_each_operator_and_error():
    page = source("rules/README.md")
    signs = re.findall(r'X\(CEL_TOK_\w+, "(.+?)"\)', source("rules/cel_lex.h"))
    errors = re.findall(r'X\(CEL_ERR_\w+, "(.+?)"\)', source("rules/cel_value.h"))
    (table,) = re.findall(r"reserved\[\] = \{(.*?)\};", source("rules/cel_lex.c"), re.DOTALL)
    reserved = re.findall(r'"(\w+)"', table)
    assert signs and errors and reserved
    flat = page.replace("\\|", "|").replace("\n", " ")
    assert not [word for word in signs + errors + reserved if word not in flat]


@pytest.mark.parametrize("path, limit, said", [
    ("rules/cel.h", "CEL_DEPTH_MAX", "| nesting | {} deep |"),
    ("rules/cel.h", "CEL_COST_MAX", "| estimated cost | {} steps |"),
    ("rules/cel.h", "CEL_STEPS_MAX", "| a run | {} steps"),
    ("rules/cel_func.h", "CEL_ARGS_MAX", "| arguments of a function | {} |"),
    ("rules/cel_format.h", "CEL_PRECISION_MAX", "| digits of `%.2f` | {} |"),
    ("rules/cel_lib_fraud.c", "SIMILAR_MAX", "`jaro_winkler` compares | {} of each |"),
    ("rules/cel_lib_fraud.c", "EMAIL_MAX", "| an e-mail address | {} bytes"),
    ("rules/cel_lib_fraud.c", "EMAIL_LOCAL_MAX", "{} before the `@` |"),
    ("rules/cel_lib_fraud.c", "NETWORKS_MAX", "| networks of a list | {} |"),
    ("rules/cel.h", "CEL_SOURCE_MAX", "| its length | {} bytes |"),
    ("rules/cel_regex.h", "REGEX_LOAD_BYTES", "{} bytes made at load"),
    ("rules/cel_regex.h", "REGEX_RUN_BYTES", "{} bytes in a run"),
    ("rules/cel_cost.h", "COST_CALL", "a function counts as {}"),
    ("rules/cel_cost.h", "COST_ELEMENTS", "only a run knows counts as {}"),
    ("rules/template.h", "TEMPLATE_PIECES_MAX", "{} parts |"),
    ("rules/template_format.h", "TEMPLATE_DECIMALS_MAX", "decimals of a number in a reason | {} |"),
    ("rules/rules.h", "RULES_SHOWN_MAX", "| reasons of a decision | {} |"),
])
def test_the_languages_limits_are_those_of_the_code(path, limit, said):
    ((number, shift),) = re.findall(rf"\b{limit} = (\d+)(?: << (\d+))?", source(path))
    page = source("rules/README.md").replace("\n", " ")
    assert said.format(int(number) << int(shift or 0)) in page


def check_reason(folder, reason):
    """What is said of a rule with this reason."""
    rule = {"id": "r", "when": "amount > 0", "score": 1, "reason": reason}
    (folder / "rules.yaml").write_text(yaml.safe_dump({"rules": [rule]}))
    done = subprocess.run([SLUICE, "check", "--state.backend", "memory", "--ruleset",
                           folder / "ruleset.yaml"], capture_output=True, text=True, timeout=60,
                          check=False)
    return done.stdout + done.stderr


def test_each_reason_is_what_the_page_says(tmp_path):
    lines = "".join(blocks("rules/README.md", "reason")).splitlines()
    shown = [tuple(part.strip() for part in line.rsplit(" // ", 1)) for line in lines]
    (tmp_path / "ruleset.yaml").write_text(
        "schema:\n" + "".join(f"  {name}: {{type: {kind}, required: true}}\n" for name, kind in (
            ("transaction_id", "string"), ("account_id", "string"), ("amount", "decimal"),
            ("timestamp", "timestamp"), ("currency", "string"))) +
        "flag_at: 70\nrules: [rules.yaml]\n")
    refused = [reason for reason, said in shown if said == "refused"]
    taken = {f"r{i}": pair for i, pair in enumerate(shown) if pair[1] != "refused"}
    assert refused and taken
    assert [] == [r for r in refused if "no format" not in check_reason(tmp_path, r)
                  and "a format is for numbers" not in check_reason(tmp_path, r)]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"rules": [
        {"id": rule, "when": "amount > 0", "score": 1, "reason": reason}
        for rule, (reason, _) in taken.items()]}))
    expect = {"reasons": {rule: said for rule, (_, said) in taken.items()}}
    (tmp_path / "ruleset_test.yaml").write_text(yaml.safe_dump({
        "ruleset": "ruleset.yaml", "tests": [{"name": "the page", "events": [
            {"at": "0s", "account_id": "a", "amount": 950.5, "currency": "EUR",
             "expect": expect}]}]}))
    done = subprocess.run([SLUICE, "test", tmp_path / "ruleset_test.yaml"], capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def run_in(folder, block):
    """A block of `$ command` and output, run anew: the same text."""
    commands = [line[2:] for line in block.splitlines() if line.startswith("$ ")]
    script = "".join(f"{c} 2>&1\necho '\036'\n" for c in commands)
    script = script.replace("build/sluice", os.path.abspath(SLUICE))
    done = subprocess.run(["sh", "-c", script], cwd=folder, stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "SLUICE_BIN": os.path.abspath(SLUICE)}, timeout=120,
                          check=False)
    said = "".join(f"$ {command}\n{output}"
                   for command, output in zip(commands, done.stdout.split("\036\n")))
    return re.sub(r"^ruleset [0-9a-f]{16}:", "ruleset …:", said, flags=re.MULTILINE)


@pytest.mark.parametrize("block", blocks("rules/README.md", "console"))
def test_the_pages_commands_print_what_it_shows(block, tmp_path):
    write_example(tmp_path)
    (tmp_path / "sluice.yaml").write_text(source("sluice.yaml"), encoding="utf-8")
    assert run_in(tmp_path, block) == block


# ---- the cookbook ----


def write_cookbook(folder):
    """The page's files: what stands below a key anywhere is put together below one."""
    parts = {}
    for block in blocks("rules/COOKBOOK.md", "yaml"):
        for key, rest in re.findall(r"^(\w+):(.*\n(?:(?!\w).*\n)*)", block, re.MULTILINE):
            listed = rest.startswith("\n")
            name = FILES.get(key, "ruleset.yaml") if listed or key != "rules" else "ruleset.yaml"
            parts.setdefault((name, key), []).append(rest)
    for name in set(name for name, _ in parts):
        with open(folder / name, "w", encoding="utf-8") as f:
            for (of, key), rests in parts.items():
                if of == name:
                    f.write(f"{key}:" + "".join([rests[0], *(r.lstrip("\n") for r in rests[1:])]))


@pytest.fixture(name="cookbook", scope="module")
def cookbook_fixture(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cookbook")
    write_cookbook(folder)
    return folder


def test_the_cookbook_loads_without_a_warning(cookbook):
    done = subprocess.run([SLUICE, "check", "--state.backend", "memory", "--ruleset",
                           str(cookbook / "ruleset.yaml")],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in done.stdout + done.stderr


def test_the_cookbooks_rule_tests_pass(cookbook):
    done = subprocess.run([SLUICE, "test", str(cookbook / "ruleset_test.yaml")],
                          capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_of_the_twenty_fires_in_one_event_and_not_in_another(cookbook):
    rules = [r["id"] for r in yaml.safe_load((cookbook / "rules.yaml").read_text())["rules"]]
    tests = yaml.safe_load((cookbook / "ruleset_test.yaml").read_text())["tests"]
    expects = [e["expect"] for t in tests for e in t["events"] if "expect" in e]
    assert len(rules) == 20
    for key in ("fired", "not_fired"):
        assert set(rules) == {rule for e in expects for rule in e.get(key, [])}


def test_the_cookbooks_table_leads_to_each_rule():
    page = source("rules/COOKBOOK.md")
    headings = re.findall(r"^## (\d+\. .*)$", page, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}
    links = re.findall(r"\[([\w-]+)\]\(#([\w-]+)\)", page)
    assert {anchor for _, anchor in links} == anchors
    assert [rule for rule, _ in links] == re.findall(r"^  - id: (.*)$", page, re.MULTILINE)
