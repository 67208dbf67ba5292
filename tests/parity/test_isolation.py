"""Isolation forests of scikit-learn, as export_isolation.py writes them."""
import os
import sys

import pytest
from sklearn.ensemble import IsolationForest

import parity
from generated import stream  # noqa: F401

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "models", "train"))
from export_isolation import export_isolation  # noqa: E402

CASES = {
    "as it comes": {},
    "two rows a tree": {"max_samples": 2},
    "some columns": {"max_features": 0.4},
    "with replacement": {"max_samples": 2000, "max_features": 0.7, "bootstrap": True},
}


@pytest.mark.parametrize("case", CASES)
def test_it_scores_as_the_library(stream, tmp_path, case):
    data = stream.numbers.dropna(axis="columns", how="all")
    forest = IsolationForest(n_estimators=50, random_state=1, **CASES[case]).fit(data)
    path = tmp_path / "odd.forest.json"
    export_isolation(forest, path)
    parity.assert_scores(path, stream, -forest.score_samples(data))
