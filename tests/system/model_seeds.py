"""One small model of each kind that may come in a file, by the library that writes it.

Inputs are what payments of conftest.py have: an amount, two features, and a text by category.
"""
import hashlib
import json
import os
import sys

import lightgbm
import numpy
import pandas
import sklearn.ensemble
import xgboost

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "models", "train"))
from export_isolation import isolation_model  # noqa: E402

ROWS = 400
NUMBERS = ["amount", "account_tx_count_5m", "terminal_tx_count_1d"]
LINEAR = """\
model: linear
intercept: -1
inputs:
  amount: {weight: 0.002, mean: 100, scale: 40, missing: 18}
  account_tx_count_5m: {bins: [{below: 2, points: 0.25}, {below: 5, points: 0.5}, {points: 1}]}
  currency: {categories: {EUR: 0.25, USD: 1.5}, other: 2, missing: 3, neutral: 1}
"""
SCORECARD = """\
model: scorecard
base_points: 20
probability: {points: 40, odds: 0.25, pdo: -15}
inputs:
  amount: {bins: [{below: 18, points: 20}, {below: 900, points: 12}, {points: 5}], missing: 7}
  account_tx_count_5m: {bins: [{below: 3, points: 2}, {points: 9}], missing: 2, neutral: 4}
"""


class Seed:
    """A file to change. Its form is that of mutants.py, which writes UBJSON from JSON itself."""

    def __init__(self, name, form, content, more="", baseline=None):
        self.name = name
        self.form = form
        self.content = content if isinstance(content, bytes) else content.encode()
        self.more = more          # what the ruleset says of the model besides
        self.baseline = baseline  # the model whose baseline this is


def rows(with_categories):
    chance = numpy.random.default_rng(6)
    data = pandas.DataFrame({
        "amount": chance.exponential(100, ROWS).round(2),
        "account_tx_count_5m": chance.integers(0, 9, ROWS).astype(float),
        "terminal_tx_count_1d": chance.integers(0, 40, ROWS).astype(float)})
    data.loc[chance.random(ROWS) < 0.1, "amount"] = numpy.nan
    if with_categories:
        data["currency"] = pandas.Categorical(chance.choice(["EUR", "GBP", "USD", "NOK"], ROWS))
    fraud = (data["account_tx_count_5m"] > 4) ^ (data["amount"].fillna(500) > 150)
    return data, fraud.astype(int) + (data["terminal_tx_count_1d"] > 30)


def xgboost_json(classes=2, with_categories=False, **parameters):
    data, labels = rows(with_categories)
    matrix = xgboost.DMatrix(data, labels.clip(upper=classes - 1), enable_categorical=True)
    objective = {"objective": "binary:logistic"} if classes == 2 else {
        "objective": "multi:softprob", "num_class": classes}
    booster = xgboost.train({"max_depth": 3, "nthread": 1, "seed": 1, **objective, **parameters},
                            matrix, 4)
    return bytes(booster.save_raw("json"))


def lightgbm_text(classes=2, **parameters):
    data, labels = rows(True)
    objective = {"objective": "binary"} if classes == 2 else {"objective": "multiclass",
                                                              "num_class": classes}
    booster = lightgbm.train({"num_leaves": 6, "num_threads": 1, "verbose": -1, "seed": 1,
                              "min_data_in_leaf": 5, "min_data_per_group": 5, **objective,
                              **parameters},
                             lightgbm.Dataset(data, labels.clip(upper=classes - 1)), 4)
    return booster.model_to_string()


def isolation_json():
    data, _ = rows(False)
    forest = sklearn.ensemble.IsolationForest(n_estimators=4, max_samples=64, random_state=1)
    return json.dumps(isolation_model(forest.fit(data)))


def baseline_json(model, inputs):
    deciles = {"edges": [1.5, 3, 900], "shares": [0.25, 0.25, 0.25, 0.125], "missing": 0.125}
    return json.dumps({"format": "sluice.baseline/1",
                       "model_sha256": hashlib.sha256(model.encode()).hexdigest(),
                       "inputs": {name: deciles for name in inputs}, "score": deciles})


def seeds():
    categories = {"with_categories": True, "max_cat_to_onehot": 1, "tree_method": "hist"}
    dart = {"booster": "dart", "rate_drop": 0.5, "one_drop": 1}
    return [
        Seed("xgboost.json", "json", xgboost_json()),
        Seed("xgboost.ubj", "ubjson", xgboost_json()),
        Seed("dart.json", "json", xgboost_json(**dart)),
        Seed("categories.json", "json", xgboost_json(**categories)),
        Seed("categories.ubj", "ubjson", xgboost_json(**categories)),
        Seed("classes.json", "json", xgboost_json(classes=3), "class: 1"),
        Seed("lightgbm.txt", "text", lightgbm_text()),
        Seed("forest.txt", "text", lightgbm_text(boosting="rf", bagging_fraction=0.5,
                                                  bagging_freq=1, zero_as_missing=True)),
        Seed("classes.txt", "text", lightgbm_text(classes=3), "class: 2"),
        Seed("linear.yaml", "text", LINEAR),
        Seed("scorecard.yaml", "text", SCORECARD),
        Seed("odd.forest.json", "json", isolation_json()),
        Seed("scorecard.baseline.json", "json", baseline_json(SCORECARD, NUMBERS[:2]),
             baseline=SCORECARD),
    ]
