"""rules/COOKBOOK.md: its twenty rules load as they stand, and do what the page says."""
import os
import re
import subprocess
import sys

import pytest
import yaml

SLUICE = os.environ.get("SLUICE_BIN", "build/san/sluice")
FILES = {"rules": "rules.yaml", "ruleset": "ruleset_test.yaml", "defaults": "ruleset_test.yaml",
         "tests": "ruleset_test.yaml"}


def source(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", source(page), re.MULTILINE | re.DOTALL)


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
    done = subprocess.run(
        [sys.executable, "tests/rules/run_rule_tests.py", str(cookbook / "ruleset_test.yaml")],
        env={**os.environ, "SLUICE_BIN": SLUICE}, capture_output=True, text=True, timeout=300,
        check=False)
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
