#!/usr/bin/env python3
"""Train a model on what `sluice replay` saw, and write it with its card and its baseline.

    train.py --sluice build/sluice --config sluice.yaml --output build/train
             [--library xgboost|lightgbm] [--events FILE | --transactions N --seed S]
             [--inputs NAME,...] [--categories NAME,...]
             [--train-days N --delay-days N --test-days N]

Without --events a stream is generated. Into the folder of --output go

    fraud.json, fraud.txt  the model, as the library writes it (XGBoost, LightGBM)
    fraud.card.json        data, periods, parameters, metrics on the later period, hashes
    fraud.baseline.json    distribution of each input and of the score over the training rows

Inputs are columns of `sluice replay`, by the ruleset's names: the amount and every feature, unless
--inputs says otherwise; those of them that are texts, as merchant.category, are --categories. What
is trained on is what each transaction saw at its time, labels that were known then among it:
nothing else computes an input, so that training and scoring cannot differ.
"""
import argparse
import datetime
import hashlib
import importlib.metadata
import json
import pathlib
import subprocess
import sys

import pandas

import dataset
import measure

# Few and flat trees: a hundred of depth four tell a generated fraud as well as more do, and a
# decision stays well below a microsecond. Two threads or eight, the bytes are the same.
TREES, DEPTH, RATE, SEED = 100, 4, 0.1, 1

# Of each row, beside its inputs: whose it was, when, and what became of it.
BEFORE, BEHIND = ["transaction_id", "account_id", "timestamp"], ["outcome"]
OURS = ["day", "fraud", "score"]  # columns that are put beside those of the file


def train_xgboost(rows, inputs, path):
    import xgboost
    parameters = {"objective": "binary:logistic", "max_depth": DEPTH, "eta": RATE,
                  "subsample": 0.8, "colsample_bytree": 0.8, "seed": SEED, "tree_method": "hist"}
    data = xgboost.DMatrix(rows[inputs], rows["fraud"], enable_categorical=True)
    model = xgboost.train(parameters, data, TREES)
    model.save_model(path)
    return parameters, lambda wanted: model.predict(
        xgboost.DMatrix(wanted[inputs], enable_categorical=True))


def train_lightgbm(rows, inputs, path):
    import lightgbm
    parameters = {"objective": "binary", "max_depth": DEPTH, "num_leaves": 2 ** DEPTH,
                  "learning_rate": RATE, "bagging_fraction": 0.8, "bagging_freq": 1,
                  "feature_fraction": 0.8, "seed": SEED, "deterministic": True,
                  "force_row_wise": True, "verbose": -1}
    model = lightgbm.train(parameters, lightgbm.Dataset(rows[inputs], rows["fraud"]), TREES)
    model.save_model(path)
    return parameters, lambda wanted: model.predict(wanted[inputs])


LIBRARIES = {  # name: (package, file, how it trains)
    "xgboost": ("xgboost-cpu", "fraud.json", train_xgboost),
    "lightgbm": ("lightgbm", "fraud.txt", train_lightgbm),
}


def run(command, **more):
    done = subprocess.run(command, check=False, text=True, **more)
    if done.returncode != 0:
        sys.exit(f"train: {' '.join(map(str, command))}: exit {done.returncode}")
    return done


def generate(args, path):
    words = ["--transactions", str(args.transactions), "--seed", str(args.seed)]
    with open(path, "w", encoding="utf-8") as f:
        run([args.sluice, "generate", *words], stdout=f)
    return "sluice generate " + " ".join(words)


def replay(args, events, features):
    """The rows, and the names of the inputs."""
    columns = ",".join([*BEFORE, args.inputs, *BEHIND])
    run([args.sluice, "replay", "-c", args.config, "--state", "memory", "--events", events,
         "--features", features, "--columns", columns])
    header = pandas.read_csv(features, nrows=0).columns
    inputs = [c for c in header[len(BEFORE):] if c not in BEHIND]
    for name in OURS:
        if name in inputs:
            sys.exit(f"train: no input may be called {name}; derive one of another name")
    rows = dataset.load(features, args.categories)
    for name in inputs:
        is_number = pandas.api.types.is_numeric_dtype(rows[name])
        if not is_number and name not in args.categories:
            sys.exit(f"train: {name} is no number; --categories {name}, or derive one of it")
    return rows, inputs


def ruleset_id(args, events):
    """As a decision names it."""
    with open(events, encoding="utf-8") as f:
        first = next(line for line in f if '"kind"' not in line)
    done = run([args.sluice, "replay", "-c", args.config, "--state", "memory", "--events", "-",
                "--plain", "--decisions", "-"], input=first, stdout=subprocess.PIPE,
               stderr=subprocess.DEVNULL)
    return json.loads(done.stdout)["ruleset"]


def meanings(args, inputs):
    """What each input's name stands for in the ruleset: a hash of its definition."""
    done = run([args.sluice, "check", "-c", args.config, "--format", "json"],
               stdout=subprocess.PIPE)
    told = next(row["meanings"] for row in map(json.loads, done.stdout.splitlines())
                if "meanings" in row)
    return {name: told[name] for name in inputs}


def sha256(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def period(rows):
    when = rows["timestamp"]
    return {"from": when.min().isoformat(), "to": when.max().isoformat(),
            "transactions": len(rows), "frauds": int(rows["fraud"].sum())}


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def as_numbers(column):
    """As the model has them: of a category its code, in the order of its file."""
    return column.cat.codes.where(column.notna()) if column.dtype == "category" else column


def write_baseline(path, model, train, features):
    write_json(path, {"format": "sluice.baseline/1", "model_sha256": sha256(model),
                      "inputs": {name: {**measure.distribution(as_numbers(train[name])),
                                        "meaning": meaning}
                                 for name, meaning in features.items()},
                      "score": measure.distribution(train["score"])})


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sluice", default="build/sluice")
    parser.add_argument("--config", default="sluice.yaml")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("build/train"))
    parser.add_argument("--library", choices=LIBRARIES, default="xgboost")
    parser.add_argument("--events", help="your own, with labels; default: generated ones")
    parser.add_argument("--transactions", type=int, default=600000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--inputs", default="amount,@features", help="as of replay --columns")
    parser.add_argument("--categories", default=[], type=lambda names: names.split(","))
    parser.add_argument("--train-days", type=int, default=21)
    parser.add_argument("--delay-days", type=int, default=7)
    parser.add_argument("--test-days", type=int, default=7)
    return parser.parse_args()


def main():
    args = parse()
    args.output.mkdir(parents=True, exist_ok=True)
    package, name, train_with = LIBRARIES[args.library]
    events, features = args.events or args.output / "events.ndjson", args.output / "features.csv"
    source = args.events or generate(args, events)
    rows, inputs = replay(args, events, features)
    train, test = dataset.split(rows, args.train_days, args.delay_days, args.test_days)
    if train["fraud"].nunique() < 2 or test["fraud"].nunique() < 2:
        sys.exit("train: a period has no fraud, or nothing else; are labels among the events?")
    model = args.output / name
    parameters, predict = train_with(train, inputs, model)
    train, test = train.assign(score=predict(train)), test.assign(score=predict(test))
    features_of = meanings(args, inputs)
    card = {"model": name, "sha256": sha256(model),
            "trained": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "library": f"{args.library} {importlib.metadata.version(package)}",
            "parameters": {**parameters, "trees": TREES},
            "data": {"source": str(source), "ruleset": ruleset_id(args, events),
                     "train": period(train), "delay_days": args.delay_days, "test": period(test)},
            "inputs": features_of, "features_sha256": sha256(features),
            "metrics": measure.measures(test)}
    write_json(args.output / "fraud.card.json", card)
    write_baseline(args.output / "fraud.baseline.json", model, train, features_of)
    print(f"{model}: {model.stat().st_size} bytes, " +
          ", ".join(f"{k} {v:.4f}" for k, v in card["metrics"].items()))


if __name__ == "__main__":
    main()
