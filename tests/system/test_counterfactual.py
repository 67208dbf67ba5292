"""What is told of a decision that a model moved is so: the transaction with that value is decided
the other way, and with none of some values that are nearer."""
import random

import lightgbm
import numpy
import pandas
import pytest
import xgboost
from conftest import payment

RULESET = """
schema:
  transaction_id: {type: string, required: true}
  account_id:     {type: string, required: true}
  amount:         {type: decimal, required: true}
  timestamp:      {type: timestamp, required: true}
  items:          {type: integer}
  ratio:          {type: number}
  channel:        {type: string}
  is_new:         {type: bool}
derived:
  each: amount / double(items)
models:
  fraud: {file: fraud, threshold: 0.5}
flag_at: 70
rules: [rules.yaml]
"""
RULES = """
rules:
  - {id: by-model, when: models.fraud > 0.5, score: 80}
"""
COMPUTED = """
rules:
  - {id: by-model, when: items > 0, score: models.fraud * 140.0}
"""
CHANNELS = ["pos", "atm", "online", "phone"]


def rows_of(rng, count):
    rows = pandas.DataFrame({
        "amount": numpy.round(rng.lognormal(4, 1, count), 2),
        "items": rng.integers(1, 12, count),
        "ratio": rng.normal(size=count),
        "is_new": rng.integers(0, 2, count),
        "channel": pandas.Categorical(rng.choice(CHANNELS, count), categories=CHANNELS)})
    rows.insert(0, "each", rows["amount"] / rows["items"])
    return rows


def trained():
    rng = numpy.random.default_rng(5)
    rows = rows_of(rng, 4000)
    truth = ((rows["each"] > 25) * 1.0 + (rows["channel"] == "online") + rows["ratio"]
             + rows["is_new"] * (rows["amount"] > 60) + rng.normal(size=4000) > 2.2)
    return rows, truth


def train_xgboost(path):
    rows, truth = trained()
    data = xgboost.DMatrix(rows, truth, enable_categorical=True)
    xgboost.train({"objective": "binary:logistic", "max_depth": 4, "max_cat_to_onehot": 1}, data,
                  30).save_model(path)


def train_lightgbm(path):
    rows, truth = trained()
    data = lightgbm.Dataset(rows, truth)
    lightgbm.train({"objective": "binary", "num_leaves": 15, "verbose": -1}, data,
                   30).save_model(path)


@pytest.fixture(name="trained_server", params=[
    (train_xgboost, "fraud.json", RULES), (train_xgboost, "fraud.json", COMPUTED),
    (train_lightgbm, "fraud.txt", RULES)], ids=["xgboost", "computed", "lightgbm"])
def fixture_trained_server(make_server, request):
    train, name, rules = request.param
    server = make_server(start=False)
    train(server.folder / name)
    server.write("ruleset.yaml", RULESET.replace("file: fraud", f"file: {name}"))
    server.write("rules.yaml", rules)
    return server.start()


class Sender:
    """Transactions, of which each has an id of its own."""

    def __init__(self, server):
        self.server, self.sent = server, 0

    def __call__(self, fields, query=""):
        self.sent += 1
        answer = self.server.score(payment(self.sent, **fields), query)
        assert answer.status == 200
        return answer.json()


def value_of(text):
    if text in ("true", "false"):
        return text == "true"
    if text.startswith('"'):
        return text[1:-1]
    return float(text) if "." in text or "e" in text else int(text)


def between(rng, name, a, b):
    """Something nearer to `a` than `b` is, as the field may be."""
    if name == "items":
        return rng.randint(min(a, b), max(a, b))
    v = a + (b - a) * rng.uniform(0, 0.999)
    return round(v, 4) if name == "amount" else v


def check_one(send, rng, fields, decision, told):
    name = told["name"]
    turned = told.get("would_allow") or told.get("would_flag")
    sign, _, text = turned.partition(" ")
    value = value_of(text)
    assert ("would_allow" in told) == (decision == "flag")
    assert told["value"] == fields[name] and value != fields[name]
    assert send({**fields, name: value})["decision"] != decision, told
    if isinstance(value, (bool, str)):
        return
    if sign != "=":
        far = value + int(1e6) * (1 if sign == ">=" else -1)
        assert send({**fields, name: far})["decision"] != decision, (told, far)
    for _ in range(4):
        nearer = between(rng, name, fields[name], value)
        if nearer != value:
            assert send({**fields, name: nearer})["decision"] == decision, (told, nearer)


def test_each_value_that_is_told_turns_the_decision_and_none_nearer_does(trained_server):
    send, rng = Sender(trained_server), random.Random(3)
    rows = rows_of(numpy.random.default_rng(8), 120)
    names, decisions = [], []
    for row in rows.to_dict("records"):
        fields = {"amount": row["amount"], "items": row["items"], "ratio": row["ratio"],
                  "is_new": bool(row["is_new"]), "channel": row["channel"]}
        answer = send(fields, "?explain=true")
        assert "counterfactual_incomplete" not in answer
        decisions.append(answer["decision"])
        for told in answer["counterfactual"]:
            names.append(told["name"])
            check_one(send, rng, fields, answer["decision"], told)
    assert set(decisions) == {"allow", "flag"}
    assert set(names) == {"amount", "items", "ratio", "is_new", "channel"}


def test_it_reads_as_a_sentence(make_server):
    server = make_server(start=False)
    server.write("ruleset.yaml", RULESET.replace("file: fraud", "file: fraud.yaml"))
    server.write("rules.yaml", RULES)
    server.write("fraud.yaml", """
model: scorecard
probability: {points: 0, odds: 1, pdo: 10}
inputs:
  amount: {bins: [{below: 100, points: -20}, {below: 500, points: 0}, {points: 5}]}
  channel: {categories: {'say "hello"': 1, atm: 2, pos: -9}, other: 0}
""")
    server.start()
    answer = server.score(payment(1, channel='say "hello"'), "?explain=true").json()
    assert answer["counterfactual"] == [
        {"name": "amount", "value": 950, "would_allow": "<= 99.9999",
         "text": "allowed if amount <= 99.9999 (it is 950)"},
        {"name": "channel", "value": 'say "hello"', "would_allow": '= "pos"',
         "text": 'allowed if channel were "pos" (it is "say "hello"")'}]
