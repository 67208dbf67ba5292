"""The models that the bench times, as the libraries write them; run with build/bench/venv's Python.

    model_train.py FOLDER    into it: xgboost.json, lightgbm.txt, compiled/*.c, rows.f32; the same
                             of `_categories`; isolation.json; rows.csv, many of them; libraries:
                             the paths of the two shared libraries, a line each

Generated data of 24 features, a few in a hundred missing, and so unclear a truth that every tree
grows to its full depth: 200 of 64 leaves. Of both libraries the same shape, for ours to be timed
with each one's own. Where there are categories, they are four of the 24, of 30 each.
"""
import os
import pathlib
import sys

import lightgbm
import numpy
import tl2cgen
import treelite
import xgboost
from sklearn.ensemble import IsolationForest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "models" / "train"))
from export_isolation import export_isolation

TREES, DEPTH, FEATURES = 200, 6, 24
TRAINED, TIMED, IN_FILE = 50_000, 1024, 200_000
CATEGORICAL, CODES = 4, 30
MISSING = 0.03
NAMES = [f"f{i}" for i in range(FEATURES)]


def make_data(rng, count):
    x = rng.normal(size=(count, FEATURES)).astype(numpy.float32)
    truth = x[:, 0] * x[:, 1] + numpy.sin(2 * x[:, 2:12]).sum(axis=1) + x[:, 12:].sum(axis=1) / 2
    y = (truth + 3 * rng.normal(size=count) > 1).astype(numpy.float32)
    x[rng.random(x.shape) < MISSING] = numpy.nan
    return x, y


def with_categories(x):
    """The first four are codes."""
    x = x.copy()
    x[:, :CATEGORICAL] = numpy.floor(numpy.clip(x[:, :CATEGORICAL] * 5 + CODES / 2, 0, CODES - 1))
    return x


def train_xgboost(x, y, categorical=0):
    types = ["c"] * categorical + ["q"] * (FEATURES - categorical)
    data = xgboost.DMatrix(x, label=y, feature_names=NAMES, feature_types=types,
                           enable_categorical=True)
    params = {"objective": "binary:logistic", "max_depth": DEPTH, "eta": 0.05,
              "min_child_weight": 0, "lambda": 1, "tree_method": "hist", "nthread": 1}
    return xgboost.train(params, data, num_boost_round=TREES)


def train_lightgbm(x, y, categorical=0):
    params = {"objective": "binary", "max_depth": DEPTH, "num_leaves": 2**DEPTH,
              "learning_rate": 0.05, "min_data_in_leaf": 1, "min_sum_hessian_in_leaf": 0,
              "num_threads": 1, "verbose": -1}
    data = lightgbm.Dataset(x, label=y, feature_name=NAMES,
                            categorical_feature=NAMES[:categorical])
    return lightgbm.train(params, data, num_boost_round=TREES)


def main():
    folder = sys.argv[1]
    rng = numpy.random.default_rng(20260101)
    x, y = make_data(rng, TRAINED)
    train_xgboost(x, y).save_model(f"{folder}/xgboost.json")
    train_lightgbm(x, y).save_model(f"{folder}/lightgbm.txt")
    timed = make_data(rng, TIMED)[0]
    timed.tofile(f"{folder}/rows.f32")
    coded = with_categories(x)
    train_xgboost(coded, y, CATEGORICAL).save_model(f"{folder}/xgboost_categories.json")
    train_lightgbm(coded, y, CATEGORICAL).save_model(f"{folder}/lightgbm_categories.txt")
    with_categories(timed).tofile(f"{folder}/rows_categories.f32")
    isolation = IsolationForest(n_estimators=100, random_state=1).fit(numpy.nan_to_num(x))
    export_isolation(isolation, f"{folder}/isolation.json", NAMES)
    numpy.savetxt(f"{folder}/rows.csv", make_data(rng, IN_FILE)[0], delimiter=",", fmt="%.9g",
                  header=",".join(NAMES), comments="")
    model = treelite.frontend.load_xgboost_model(f"{folder}/xgboost.json")
    tl2cgen.generate_c_code(model, dirpath=f"{folder}/compiled",
                            params={"parallel_comp": 8, "quantize": 1})
    with open(f"{folder}/libraries", "w", encoding="utf-8") as f:
        for package, library in ((xgboost, "libxgboost.so"), (lightgbm, "lib_lightgbm.so")):
            f.write(os.path.join(os.path.dirname(package.__file__), "lib", library) + "\n")


if __name__ == "__main__":
    main()
