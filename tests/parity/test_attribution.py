"""What answers say each input moved is what XGBoost says: through ruleset, engine and JSON."""
import json
import shutil
import subprocess

import numpy
import pandas
import pytest
import xgboost

import parity
from generated import stream  # noqa: F401

EVENTS = 1000  # each is explained, which takes a sanitizer's build a while


@pytest.fixture(scope="module", name="replayed")
def fixture_replayed(stream, tmp_path_factory):
    """A model in the starter's ruleset; features and explained decisions of the first events."""
    folder = tmp_path_factory.mktemp("attribution")
    source = stream.path.parent
    shutil.copytree("rules/packs/starter", folder / "starter")
    with open(source / "events.ndjson", encoding="utf-8") as f:
        (folder / "events.ndjson").write_text("".join(f.readlines()[-EVENTS:]))
    with open("rules/packs/starter/fraud.card.json", encoding="utf-8") as f:
        numbers = stream.numbers[list(json.load(f)["inputs"])]
    model = xgboost.train({"objective": "binary:logistic", "max_depth": 6, "nthread": 1},
                          xgboost.DMatrix(numbers, stream.fraud), 40)
    model.save_model(folder / "starter/fraud.json")
    ruleset = (folder / "starter/ruleset.yaml").read_text()
    before, rest = ruleset.split("\nmodels:\n", 1)
    after = rest[rest.index("\nflag_at:"):]
    (folder / "starter/ruleset.yaml").write_text(
        f"{before}\nmodels:\n  fraud: {{file: fraud.json}}\n{after}")
    subprocess.run([parity.BIN, "replay", "-c", "sluice.yaml", "--state", "memory", "--ruleset",
                    folder / "starter/ruleset.yaml", "--events", folder / "events.ndjson",
                    "--decisions", folder / "decisions.ndjson", "--explain",
                    "--features", folder / "features.csv"], stderr=subprocess.DEVNULL, check=True)
    return folder, model, list(numbers.columns)


def test_contributions_of_answers_are_the_librarys(replayed):
    folder, model, names = replayed
    rows = pandas.read_csv(folder / "features.csv", dtype={"transaction_id": str})
    rows = rows.set_index("transaction_id")
    with open(folder / "decisions.ndjson", encoding="utf-8") as f:
        decisions = {d["transaction_id"]: d["models"][0] for d in map(json.loads, f)
                     if "decision" in d}
    assert len(decisions) > EVENTS / 2
    rows = rows.loc[list(decisions)][names].astype(float)
    wanted = model.predict(xgboost.DMatrix(rows), pred_contribs=True)
    ours = numpy.array([[d["contributions"][n] for n in names] + [d["base"]]
                        for d in decisions.values()])
    largest = numpy.abs(ours - wanted).max() / max(numpy.abs(wanted).max(), 1)
    print(f"{len(ours)} answers: contributions differ by {largest:.1e} at most")
    assert largest < parity.CONTRIBUTION_BOUND
    margins = numpy.array([d["margin"] for d in decisions.values()])
    assert numpy.abs(ours.sum(axis=1) - margins).max() < parity.CONTRIBUTION_BOUND
