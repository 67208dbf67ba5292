"""The models that the bench times, as the libraries write them; run with build/bench/venv's Python.

    model_train.py FOLDER    into it: xgboost.json, lightgbm.txt, compiled/*.c, rows.f32; libraries:
                             the paths of the two shared libraries, a line each

Generated data of 24 features, a few in a hundred missing, and so unclear a truth that every tree
grows to its full depth: 200 of 64 leaves. Of both libraries the same shape, for ours to be timed
with each one's own.
"""
import os
import sys

import lightgbm
import numpy
import tl2cgen
import treelite
import xgboost

TREES, DEPTH, FEATURES = 200, 6, 24
TRAINED, TIMED = 50_000, 1024
MISSING = 0.03
NAMES = [f"f{i}" for i in range(FEATURES)]


def make_data(rng, count):
    x = rng.normal(size=(count, FEATURES)).astype(numpy.float32)
    truth = x[:, 0] * x[:, 1] + numpy.sin(2 * x[:, 2:12]).sum(axis=1) + x[:, 12:].sum(axis=1) / 2
    y = (truth + 3 * rng.normal(size=count) > 1).astype(numpy.float32)
    x[rng.random(x.shape) < MISSING] = numpy.nan
    return x, y


def train_xgboost(x, y):
    data = xgboost.DMatrix(x, label=y, feature_names=NAMES)
    params = {"objective": "binary:logistic", "max_depth": DEPTH, "eta": 0.05,
              "min_child_weight": 0, "lambda": 1, "tree_method": "hist", "nthread": 1}
    return xgboost.train(params, data, num_boost_round=TREES)


def train_lightgbm(x, y):
    params = {"objective": "binary", "max_depth": DEPTH, "num_leaves": 2**DEPTH,
              "learning_rate": 0.05, "min_data_in_leaf": 1, "min_sum_hessian_in_leaf": 0,
              "num_threads": 1, "verbose": -1}
    return lightgbm.train(params, lightgbm.Dataset(x, label=y, feature_name=NAMES),
                          num_boost_round=TREES)


def main():
    folder = sys.argv[1]
    rng = numpy.random.default_rng(20260101)
    x, y = make_data(rng, TRAINED)
    train_xgboost(x, y).save_model(f"{folder}/xgboost.json")
    train_lightgbm(x, y).save_model(f"{folder}/lightgbm.txt")
    make_data(rng, TIMED)[0].tofile(f"{folder}/rows.f32")
    model = treelite.frontend.load_xgboost_model(f"{folder}/xgboost.json")
    tl2cgen.generate_c_code(model, dirpath=f"{folder}/compiled",
                            params={"parallel_comp": 8, "quantize": 1})
    with open(f"{folder}/libraries", "w", encoding="utf-8") as f:
        for package, library in ((xgboost, "libxgboost.so"), (lightgbm, "lib_lightgbm.so")):
            f.write(os.path.join(os.path.dirname(package.__file__), "lib", library) + "\n")


if __name__ == "__main__":
    main()
