"""LightGBM's models score as in LightGBM."""
import lightgbm
import pytest

import parity
from generated import stream  # noqa: F401

TREES = 40
CASES = {
    "binary, shallow": {"objective": "binary", "max_depth": 2, "num_leaves": 4},
    "binary, deep": {"objective": "binary", "num_leaves": 127, "min_data_in_leaf": 5},
    "binary, sigmoid and weights": {"objective": "binary", "sigmoid": 0.7, "is_unbalance": True},
    "regression": {"objective": "regression", "num_leaves": 63},
    "poisson": {"objective": "poisson"},
    "multiclass": {"objective": "multiclass", "num_class": 3},
    "multiclass, one against all": {"objective": "multiclassova", "num_class": 3},
    "zero is missing": {"objective": "binary", "zero_as_missing": True},
    "nothing is missing": {"objective": "binary", "use_missing": False},
    "dart": {"objective": "binary", "boosting": "dart", "drop_rate": 0.3},
    "random forest": {"objective": "binary", "boosting": "rf", "bagging_fraction": 0.6,
                      "bagging_freq": 1},
    "categories": {"objective": "binary", "min_data_per_group": 10, "cat_smooth": 1.0},
}


@pytest.mark.parametrize("case", CASES)
def test_it_scores_as_the_library(stream, tmp_path, case):
    settings = {"verbose": -1, "num_threads": 1, "seed": 1, **CASES[case]}
    data = stream.categorised if case == "categories" else stream.numbers
    target = stream.classes if "num_class" in settings else stream.fraud
    model = lightgbm.train(settings, lightgbm.Dataset(data, target), TREES)
    path = tmp_path / "fraud.txt"
    model.save_model(path)
    parity.assert_scores(path, stream, model.predict(data))
    explained = model.predict(data.head(parity.EXPLAINED), pred_contrib=True)
    if case == "random forest":
        explained /= TREES  # the margin averages the trees, its pred_contrib does not
    parity.assert_contributions(path, stream, explained, list(data.columns))
