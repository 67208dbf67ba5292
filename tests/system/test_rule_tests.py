"""`sluice test`: exit status, reports for people, programs and CI. Its messages are pinned in
tests/messages/rule_tests.txt."""
import json
import os
import pty
import re
import subprocess
import xml.etree.ElementTree as ET

import pytest
from conftest import RULES, RULESET

SLUICE = os.environ.get("SLUICE_BIN", "build/san/sluice")
GOOD = """\
ruleset: ruleset.yaml
defaults: {account_id: a-1, amount: 5}
tests:
  - name: the eleventh is flagged
    events:
      - {at: 0s, every: 1s, times: 10, expect: {decision: allow}}
      - {at: 10s, expect: {decision: flag, reasons: {account-burst: 11 payments in 5 minutes}}}
  - name: the first is not
    events:
      - {at: 0s, expect: {decision: allow, fired: []}}
"""
BAD = GOOD.replace("{decision: allow, fired: []}", "{decision: flag, score: 80}")


@pytest.fixture(name="folder")
def folder_fixture(tmp_path):
    for name, text in (("ruleset.yaml", RULESET), ("rules.yaml", RULES), ("good_test.yaml", GOOD),
                       ("bad_test.yaml", BAD), ("broken_test.yaml", GOOD.replace("at:", "att:"))):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def run(folder, *arguments, env=None):
    return subprocess.run([os.path.abspath(SLUICE), "test", *arguments], cwd=folder, text=True,
                          capture_output=True, timeout=60, check=False,
                          env={**os.environ, **(env or {})})


@pytest.mark.parametrize("files, status, last", [
    (["good_test.yaml"], 0, "2 passed, 0 failed"),
    (["good_test.yaml", "bad_test.yaml"], 1, "3 passed, 1 failed"),
    (["bad_test.yaml", "broken_test.yaml"], 2, "1 passed, 1 failed, 1 file not run"),
    (["no_test.yaml", "good_test.yaml"], 2, "2 passed, 0 failed, 1 file not run"),
    (["good_test.yaml", "--run", "eleventh"], 0, "1 passed, 0 failed"),
    (["bad_test.yaml", "--run", "eleventh"], 0, "1 passed, 0 failed"),
])
def test_the_exit_status_says_what_became_of_all(folder, files, status, last):
    done = run(folder, *files)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (status, last), done.stderr


def test_files_are_found_from_anywhere_and_name_their_ruleset_beside_them(folder, tmp_path_factory):
    done = run(tmp_path_factory.mktemp("elsewhere"), str(folder / "good_test.yaml"))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("arguments, said", [
    ([], "name a file of tests"),
    (["-"], "tests are not read from stdin"),
    (["good_test.yaml", "--format", "xml"], "--format is text, json or junit"),
    (["good_test.yaml", "--run", "twelfth"], "no test has 'twelfth' in its name"),
    (["good_test.yaml", "--output", "no/such/folder"], "cannot write no/such/folder"),
    (["good_test.yaml", "--fromat", "json"], "unknown option 'fromat'"),
])
def test_what_is_asked_wrongly_is_told(folder, arguments, said):
    done = run(folder, *arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_settings_of_the_state_can_be_given(folder):
    (folder / "few_test.yaml").write_text("""\
ruleset: ruleset.yaml
defaults: {account_id: a-1, amount: 5}
tests:
  - name: past exact_events there are bounds
    events:
      - {at: 0s, every: 1s, times: 300}
      - {at: 400s, expect: {features: {account_tx_count_5m: {exact: false}}}}
""", encoding="utf-8")
    assert run(folder, "few_test.yaml", "--state.exact_events", "16").returncode == 0
    assert run(folder, "few_test.yaml", "--state.exact_events", "512").returncode == 1


# ---- JSON ----


def test_json_has_an_object_a_test_and_the_counts(folder):
    done = run(folder, "bad_test.yaml", "--format", "json")
    first, second, counts = [json.loads(line) for line in done.stdout.splitlines()]
    assert first["passed"] and first["failures"] == []
    (failure,) = second["failures"]
    assert (failure["line"], failure["event"], failure["transaction_id"]) == (10, 1, "t-1")
    assert [(d["kind"], d["expected"], d["actual"]) for d in failure["differences"]] == [
        ("decision", "flag", "allow"), ("score", "80", "0")]
    assert counts == {"passed": 1, "failed": 1, "files_not_run": 0}


def test_json_has_the_diagnostics_of_a_file_that_is_refused(folder):
    done = run(folder, "broken_test.yaml", "--format", "json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[0]["level"] == "error" and lines[0]["line"] == 6
    assert lines[-1] == {"passed": 0, "failed": 0, "files_not_run": 1}


# ---- JUnit ----

# The schema of JUnit's Ant task, the strictest in use: (attributes, children in their order).
JUNIT = {
    "testsuites": (set(), ["testsuite*"]),
    "testsuite": ({"name", "timestamp", "hostname", "tests", "failures", "errors", "time",
                   "package", "id"}, ["properties", "testcase*", "system-out", "system-err"]),
    "properties": (set(), []),
    "testcase": ({"name", "classname", "time"}, ["error?", "failure?"]),
    "failure": ({"type", "message"}, []),
    "error": ({"type", "message"}, []),
    "system-out": (set(), []),
    "system-err": (set(), []),
}


def assert_valid(element):
    attributes, children = JUNIT[element.tag]
    assert set(element.attrib) == attributes, element.tag
    form = "".join(f"(<{c.rstrip('*?')}>){c[-1] if c[-1] in '*?' else ''}" for c in children)
    assert re.fullmatch(form, "".join(f"<{child.tag}>" for child in element)), element.tag
    for child in element:
        assert_valid(child)


def suites(text):
    root = ET.fromstring(text)
    assert root.tag == "testsuites"
    assert_valid(root)
    for suite in root:
        cases = suite.findall("testcase")
        assert int(suite.get("tests")) == len(cases)
        assert int(suite.get("failures")) == len(suite.findall("testcase/failure"))
        assert int(suite.get("errors")) == len(suite.findall("testcase/error"))
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp"))
        assert all(float(case.get("time")) >= 0 for case in cases)
    return list(root)


def test_junit_is_valid_and_tells_each_test(folder):
    done = run(folder, "good_test.yaml", "bad_test.yaml", "broken_test.yaml", "--format", "junit")
    assert done.returncode == 2
    good, bad, broken = suites(done.stdout)
    assert [c.get("name") for c in good.iter("testcase")] == ["the eleventh is flagged",
                                                              "the first is not"]
    (failure,) = bad.iter("failure")
    assert failure.get("message") == "decision: expected flag, actual allow"
    assert "bad_test.yaml:8" in failure.text and "score     80        0" in failure.text
    (error,) = broken.iter("error")
    assert error.get("message") == "the schema has no field 'att'"
    assert "did you mean 'at'?" in error.text


def test_junit_escapes_what_xml_cannot_say(folder):
    name = "a <b> & \\\"c\\\" 'd' \\x01\\e \\uFFFE é\\n]]> end"
    text = BAD.replace("the first is not", f'"{name}"').replace("name: \"", 'name: "')
    (folder / "odd_test.yaml").write_text(text, encoding="utf-8")
    done = run(folder, "odd_test.yaml", "--format", "junit")
    (suite,) = suites(done.stdout)
    assert suite.findall("testcase")[1].get("name") == \
        "a <b> & \"c\" 'd' \ufffd\ufffd \ufffd é\n]]> end"
    shown = run(folder, "odd_test.yaml").stdout
    assert "\x1b" not in shown and "\x01" not in shown


@pytest.mark.parametrize("form", ["junit", "json"])
def test_reports_are_utf8_whatever_a_file_is_called_and_where_a_text_is_cut(folder, form):
    long = "a" + "é" * 450  # 600 bytes of it are shown, and the 600th is half a character
    text = BAD.replace("decision: flag, score: 80", f"reasons: {{account-burst: {long}}}")
    (folder / os.fsdecode(b"\xe9_test.yaml")).write_text(text, encoding="utf-8")
    done = subprocess.run([os.path.abspath(SLUICE), "test", b"\xe9_test.yaml", "--format", form],
                          cwd=folder, capture_output=True, timeout=60, check=False)
    assert done.returncode == 1, done.stderr
    said = done.stdout.decode("utf-8")
    assert "\ufffd_test.yaml" in said and "é" * 200 in said
    if form == "junit":
        assert len(suites(said)) == 1
    else:
        assert [json.loads(line) for line in said.splitlines()][-1]["failed"] == 1


def test_a_report_in_a_file_leaves_the_failures_on_stdout(folder):
    done = run(folder, "bad_test.yaml", "--format", "junit", "--output", "report.xml")
    assert done.stdout.splitlines()[-1] == "1 passed, 1 failed"
    assert "FAILED bad_test.yaml:8: the first is not" in done.stdout
    assert len(suites((folder / "report.xml").read_text(encoding="utf-8"))) == 1


# ---- colours ----


def on_a_terminal(folder, env):
    ours, theirs = pty.openpty()
    with subprocess.Popen([os.path.abspath(SLUICE), "test", "bad_test.yaml"], cwd=folder,
                          stdout=theirs, env={**os.environ, **env}) as child:
        os.close(theirs)
        out = b""
        try:
            while piece := os.read(ours, 4096):
                out += piece
        except OSError:  # the other end is closed
            pass
        child.wait(60)
    os.close(ours)
    return out.decode()


def test_colours_are_for_terminals_that_want_them(folder):
    assert "\x1b[31m" in on_a_terminal(folder, {"NO_COLOR": ""})
    assert "\x1b" not in on_a_terminal(folder, {"NO_COLOR": "1"})
    assert "\x1b" not in run(folder, "bad_test.yaml").stdout
