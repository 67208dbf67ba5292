"""`sluice score-file`: the rows of a CSV file through a model file, as a user calls it."""
import json
import math
import subprocess

import pytest

from conftest import BIN

MODEL = """\
model: linear
link: logit
intercept: -1
inputs:
  amount: {weight: 2, mean: 10, scale: 4, missing: 10}
  country: {categories: {BE: 0.5, FR: 1}, other: 0, missing: 0}
"""
ROWS = "id,country,amount,note\nt-1,BE,14,\"a, b\"\nt-2,,,\n"
SCORES = [1 / (1 + math.exp(-1.5)), 1 / (1 + math.exp(1))]


@pytest.fixture
def score(tmp_path):
    (tmp_path / "fraud.yaml").write_text(MODEL)

    def run(*words, rows=ROWS):
        (tmp_path / "rows.csv").write_text(rows)
        return subprocess.run([BIN, "score-file", "--model", tmp_path / "fraud.yaml", *words],
                              capture_output=True, text=True, timeout=60,
                              stdin=open(tmp_path / "rows.csv"))
    return run


def test_a_line_for_each_row_of_stdin(score):
    done = score("--id", "id")
    header, *lines = done.stdout.splitlines()
    assert done.returncode == 0 and header == "id,score"
    assert [line.split(",")[0] for line in lines] == ["t-1", "t-2"]
    assert [float(line.split(",")[1]) for line in lines] == pytest.approx(SCORES, rel=1e-15)
    assert done.stderr.startswith("2 rows by model ")


def test_json_is_an_object_a_line(score):
    lines = [json.loads(line) for line in score("--id", "id", "--format=json").stdout.splitlines()]
    assert [line["id"] for line in lines] == ["t-1", "t-2"]
    assert [line["score"] for line in lines] == pytest.approx(SCORES, rel=1e-15)


def test_files_are_named(score, tmp_path):
    (tmp_path / "in.csv").write_text(ROWS)
    done = score("--rows", tmp_path / "in.csv", "--output", tmp_path / "out.csv", rows="")
    assert done.returncode == 0 and done.stdout == ""
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 3
    done = score("--rows", tmp_path / "no.csv")
    assert done.returncode == 1 and "no.csv: No such file or directory" in done.stderr
    done = score("--output", "/dev/full")
    assert done.returncode == 1 and "cannot write /dev/full: No space left" in done.stderr


def test_what_is_wrong_is_said_with_line_and_column(score):
    done = score(rows="id,country,amount\nt-1,BE,1\nt-2,BE,1.0.0\n")
    assert done.returncode == 1
    assert "stdin:3:8: 'amount' is '1.0.0', which is no number\n" in done.stderr
    assert "1 rows are refused, and have no score\n" in done.stderr
    assert len(done.stdout.splitlines()) == 3 and done.stdout.endswith("\n\n")  # an empty cell
    done = score(rows="id,county,amount\n")
    assert "stdin:1:1: there is no column 'country', which the model asks for\n" in done.stderr
    assert "the nearest column is 'county'\n" in done.stderr


def test_a_class_that_the_model_has_not_is_refused(score):
    done = score("--class", "1")
    assert done.returncode == 1
    assert "the model has classes 0 to 0, and --class is '1'" in done.stderr


def test_a_name_that_the_model_has_not_seen_is_counted(score):
    done = score(rows="country,amount\nZZ,1\n")
    assert done.returncode == 0


RULESET = """\
schema:
  transaction_id: {type: string, required: true}
  account_id: {type: string, required: true}
  amount: {type: decimal, required: true}
  timestamp: {type: timestamp, required: true}
  land: {type: string}
models:
  fraud:
    file: fraud.yaml
    inputs: {country: land}
    calibration: {platt: {a: -1, b: -0.5}}
flag_at: 70
rules: [rules.yaml]
"""


@pytest.fixture
def bound(tmp_path):
    (tmp_path / "fraud.yaml").write_text(MODEL)
    (tmp_path / "ruleset.yaml").write_text(RULESET)
    (tmp_path / "rules.yaml").write_text("rules: [{id: r, when: models.fraud > 0.5, score: 1}]\n")

    def run(*words, rows="land,amount\nBE,14\n,\n"):
        return subprocess.run([BIN, "score-file", "--ruleset", tmp_path / "ruleset.yaml", *words],
                              capture_output=True, text=True, timeout=60, input=rows)
    return run


def test_a_rulesets_model_has_its_names_and_its_calibration(bound):
    done = bound("--model", "fraud")
    assert done.returncode == 0, done.stderr
    scores = [float(line) for line in done.stdout.splitlines()[1:]]
    assert scores == pytest.approx([1 / (1 + math.exp(-s - 0.5)) for s in SCORES], rel=1e-12)


def test_who_asks_a_ruleset_wrongly_is_told(bound):
    assert "did you mean 'fraud'?" in bound("--model", "frau").stderr
    done = bound("--model", "fraud", "--class", "0")
    assert done.returncode == 1 and "the ruleset says which is the score" in done.stderr
    done = bound("--model", "fraud", rows="country,amount\n")
    assert done.returncode == 1 and "there is no column 'land'" in done.stderr
