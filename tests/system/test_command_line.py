"""What the verbs say to who asks wrongly: what, and what to do. 1 is refused, 2 asked wrongly."""
import os
import subprocess

import pytest

from conftest import BIN, RULES, RULESET

VERSION = "0123456789abcdef"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "ruleset.yaml").write_text(RULESET)
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "sluice.yaml").write_text("ruleset: ruleset.yaml\njournal: {dir: journal}\n")
    (tmp_path / "folder").mkdir()
    return tmp_path


@pytest.mark.parametrize("words, status, said", [
    ("check ruleset.yaml", 2, "a ruleset by --ruleset; unexpected 'ruleset.yaml'; see `sluice che"),
    ("check nowhere", 2, "unexpected argument 'nowhere'"),
    ("check -c ruleset.yaml", 1, "this is no configuration but a ruleset: name it with --ruleset"),
    ("check --ruleset rules.yaml", 1, "a file of rules is named by a ruleset"),
    ("reload", 2, "a Sluice loads its ruleset again when a file of it changes, and at SIGHUP"),
    ("diff folder", 2, "name two rulesets, each a folder, a file or the id of a version, not 1"),
    (f"diff -c sluice.yaml {VERSION} .", 2, f"no version {VERSION} is kept in reload.dir, which"),
    ("diff . nowhere", 2, "nowhere: cannot read the file"),
    ("replay -c sluice.yaml --events nowhere", 1, "cannot read nowhere: No such file"),
    ("replay -c sluice.yaml --events - --columns amount", 2, "--columns is of --features FILE"),
    ("replay -c sluice.yaml --events - --features out.csv --columns amuont", 1,
     "did you mean 'amount'?"),
    ("replay -c sluice.yaml --events folder", 1, "folder: it is a folder; name a file of events"),
    ("replay -c sluice.yaml --events sluice.yaml --decisions no/x", 1, "no/x: No such file"),
    ("backtest -c sluice.yaml --candidate . --events sluice.yaml", 1, "nothing was measured"),
    ("test rules.yaml --output no/x", 2, "cannot write no/x: No such file or directory"),
    ("score-file --rows sluice.yaml", 2, "--model FILE is needed"),
    ("score-file --model sluice.yaml", 1, "sluice.yaml: this is no model file"),
    ("score-file --model nowhere", 1, "nowhere: cannot read the file: No such file"),
    ("score-file --model sluice.yaml --format text", 2, "--format is csv or json, not 'text'"),
    ("rules --url http://127.0.0.1:1", 1, "is a Sluice running there?"),
    ("ruleset -c sluice.yaml --listen 127.0.0.1:1", 1, "is a Sluice running there?"),
])
def test_who_asks_wrongly_is_told_what_and_what_to_do(folder, words, status, said):
    done = subprocess.run([os.path.abspath(BIN), *words.split()], capture_output=True, text=True,
                          cwd=folder, stdin=subprocess.DEVNULL, timeout=60)
    assert said in done.stdout + done.stderr
    assert done.returncode == status, done.stderr
