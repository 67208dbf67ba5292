"""What `make train` makes of its rows is what the service sees of the same rows."""
import argparse
import json
import pathlib
import sys

import numpy
import pytest
import xgboost

import parity
from generated import stream  # noqa: F401

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "models/train"))
import dataset
import measure
import train


def shares(distribution, values):
    bins = numpy.searchsorted(distribution["edges"], values)
    return numpy.bincount(bins, minlength=len(distribution["shares"])) / len(values)


def test_rows_of_one_score_are_in_one_bin_of_the_baseline(stream, tmp_path):
    """Few trees over a count: a decile is a score that a tenth of all rows have, in float32."""
    inputs = stream.numbers[["account_tx_count_1d"]]
    rows = xgboost.DMatrix(inputs, stream.fraud)
    model = xgboost.train({"objective": "binary:logistic", "max_depth": 3, "nthread": 1}, rows, 20)
    model.save_model(tmp_path / "fraud.json")
    trained = measure.distribution(model.predict(rows))
    inputs.to_csv(tmp_path / "rows.csv", index=False)
    ours = parity.score_file(tmp_path / "fraud.json", tmp_path / "rows.csv")["score"].to_numpy()
    assert len(trained["edges"]) > 1 and max(trained["shares"]) > 0.1
    assert list(shares(trained, ours)) == trained["shares"]


def test_a_category_is_missing_where_its_cell_is_empty_alone(tmp_path):
    path = tmp_path / "features.csv"
    path.write_text("transaction_id,account_id,timestamp,amount,merchant.country,outcome\n"
                    "t-1,null,2026-01-05T12:00:00Z,1.5,NA,fraud\n"
                    "t-2,a-2,2026-01-06T12:00:00Z,,,\n", encoding="utf-8")
    rows = dataset.load(path, ["merchant.country"])
    assert list(rows["merchant.country"].cat.categories) == ["NA"]
    assert list(rows["merchant.country"].isna()) == list(rows["amount"].isna()) == [False, True]
    assert list(rows["account_id"]) == ["null", "a-2"]
    assert list(rows["day"]) == [0, 1] and list(rows["fraud"]) == [True, False]


def test_an_input_that_is_called_as_a_column_of_ours_is_refused(tmp_path):
    (tmp_path / "ruleset.yaml").write_text("""
schema:
  transaction_id: {type: string, required: true}
  account_id: {type: string, required: true}
  amount: {type: decimal, required: true}
  timestamp: {type: timestamp, required: true}
derived: {day: timestamp.getDayOfMonth(), hour: timestamp.getHours()}
flag_at: 70
rules: [rules.yaml]
""")
    (tmp_path / "rules.yaml").write_text("rules: [{id: r, when: amount > 5.0, score: 1}]\n")
    (tmp_path / "sluice.yaml").write_text("ruleset: ruleset.yaml\n")
    (tmp_path / "events.ndjson").write_text(json.dumps(
        {"transaction_id": "t-1", "account_id": "a", "amount": 1,
         "timestamp": "2026-01-05T12:00:00Z"}) + "\n")
    args = argparse.Namespace(sluice=parity.BIN, config=tmp_path / "sluice.yaml", categories=[],
                              inputs="amount,@derived")
    with pytest.raises(SystemExit, match="no input may be called day"):
        train.replay(args, tmp_path / "events.ndjson", tmp_path / "features.csv")
    args.inputs = "amount,hour"
    _, inputs = train.replay(args, tmp_path / "events.ndjson", tmp_path / "features.csv")
    assert inputs == ["amount", "hour"]
