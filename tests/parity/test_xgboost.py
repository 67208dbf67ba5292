"""XGBoost's models score as in XGBoost."""
import pytest
import xgboost

import parity
from generated import stream  # noqa: F401

TREES = 40
CASES = {
    "binary, shallow": {"objective": "binary:logistic", "max_depth": 2},
    "binary, deep": {"objective": "binary:logistic", "max_depth": 10, "min_child_weight": 0.1},
    "margin": {"objective": "binary:logitraw", "max_depth": 6},
    "regression": {"objective": "reg:squarederror", "max_depth": 6, "base_score": 0.25},
    "logistic regression": {"objective": "reg:logistic", "max_depth": 4},
    "poisson": {"objective": "count:poisson", "max_depth": 4},
    "gamma": {"objective": "reg:gamma", "max_depth": 4},
    "tweedie": {"objective": "reg:tweedie", "max_depth": 4},
    "multiclass": {"objective": "multi:softprob", "num_class": 3, "max_depth": 4},
    "dart": {"objective": "binary:logistic", "booster": "dart", "rate_drop": 0.3, "max_depth": 5},
    "random forest": {"objective": "binary:logistic", "num_parallel_tree": 4, "subsample": 0.6},
    "categories": {"objective": "binary:logistic", "max_depth": 6, "max_cat_to_onehot": 2},
    "categories, one each": {"objective": "binary:logistic", "max_depth": 6,
                             "max_cat_to_onehot": 50},
}


@pytest.mark.parametrize("form", ["json", "ubj"])
@pytest.mark.parametrize("case", CASES)
def test_it_scores_as_the_library(stream, tmp_path, case, form):
    settings = {"nthread": 1, "seed": 1, **CASES[case]}
    data = stream.categorised if case.startswith("categories") else stream.numbers
    target = stream.classes if "num_class" in settings else stream.fraud
    if settings["objective"] in ("reg:gamma", "reg:tweedie"):
        target = stream.rows["account_tx_count_1d"].to_numpy()  # above zero
    matrix = xgboost.DMatrix(data, target, enable_categorical=True)
    model = xgboost.train(settings, matrix, TREES)
    path = tmp_path / f"fraud.{form}"
    model.save_model(path)
    parity.assert_scores(path, stream, model.predict(matrix))
    if form == "ubj":
        return  # the same trees
    first = xgboost.DMatrix(data.head(parity.EXPLAINED), enable_categorical=True)
    parity.assert_contributions(path, stream, model.predict(first, pred_contribs=True),
                                list(data.columns))
