"""How far what a model is given is from what it was trained on: /v1/models, `sluice models`,
metrics and the log, beside an index computed by numpy from the same rows."""
import json
import pathlib
import subprocess
import tarfile

import numpy
import pytest
from conftest import BIN, RULES, RULESET, payment, until
from test_openapi import schema_of

REPOSITORY = pathlib.Path(__file__).parents[2]
STARTER = REPOSITORY / "rules/packs/starter/ruleset.yaml"
SCHEMA = RULESET.replace("features:", "  age: {type: number}\nfeatures:")
MODEL = """
model: linear
inputs:
  amount: {weight: 0.02}
  age: {weight: -0.05, missing: 40}
"""
WATCHED = """
models:
  fraud: {file: fraud.yaml, threshold: 0.5, baseline: fraud.baseline.json}
"""
ROWS = 2000


def draw(seed, n=ROWS, scale=1, missing=0.2):
    """amount, age and score of n transactions."""
    rng = numpy.random.default_rng(seed)
    amount = numpy.round(rng.lognormal(3.5, 0.8, n) * scale, 2)
    age = numpy.round(rng.uniform(18, 80, n), 3)
    age[rng.random(n) < missing] = numpy.nan
    margin = 0.02 * amount - 0.05 * numpy.where(numpy.isnan(age), 40, age)
    return {"amount": amount, "age": age, "score": 1 / (1 + numpy.exp(-margin))}


def distribution(values):
    there = values[~numpy.isnan(values)]
    edges = numpy.quantile(there, numpy.arange(1, 10) / 10)
    counts = numpy.histogram(there, [-numpy.inf, *edges, numpy.inf])[0]
    return {"edges": list(edges), "shares": list(counts / len(values)),
            "missing": 1 - len(there) / len(values)}


def baseline(rows):
    return json.dumps({"format": "sluice.baseline/1", "score": distribution(rows["score"]),
                       "inputs": {name: distribution(rows[name]) for name in ("amount", "age")}})


def psi(trained, values):
    """(population stability index, missing share)."""
    there = values[~numpy.isnan(values)]
    counts = numpy.histogram(there, [-numpy.inf, *trained["edges"], numpy.inf])[0]
    late = numpy.append(counts, len(values) - len(there)) / len(values)
    before = numpy.append(trained["shares"], trained["missing"])
    p, q = (numpy.maximum(shares, 1e-4) for shares in (before, late))
    return float(((q - p) * numpy.log(q / p)).sum()), float(late[-1])


def together(*draws):
    return {name: numpy.concatenate([d[name] for d in draws]) for name in draws[0]}


@pytest.fixture(name="watched")
def fixture_watched(make_server):
    def make(**settings):
        server = make_server(start=False, **settings)
        server.write("ruleset.yaml", SCHEMA + WATCHED)
        server.write("rules.yaml", RULES)
        server.write("fraud.yaml", MODEL)
        server.write("fraud.baseline.json", baseline(draw(seed=1)))
        return server.start()
    return make


def send(server, rows, name):
    """All of them, as transactions of different ids."""
    events = [payment(i, account=name, seconds=i, amount=float(amount),
                      **({} if numpy.isnan(age) else {"age": float(age)}))
              for i, (amount, age) in enumerate(zip(rows["amount"], rows["age"]))]
    answers = server.batch(events).lines()
    assert [a["decision"] for a in answers].count("allow") > 0 and len(answers) == len(events)


def drift_of(server):
    answer = server.get("/v1/models").json()
    schema_of("Models").validate(answer)
    return answer["models"][0]["drift"]


def inputs_of(drift):
    return {d["input"]: d for d in drift["inputs"]}


def check_by_numpy(drift, rows):
    trained = json.loads(baseline(draw(seed=1)))
    told = inputs_of(drift)
    assert drift["rows"] == len(rows["amount"])
    for name, of in (("amount", trained["inputs"]), ("age", trained["inputs"])):
        index, missing = psi(of[name], rows[name])
        assert told[name]["psi"] == pytest.approx(index, rel=1e-9)
        assert told[name]["missing"] == pytest.approx(missing)
        assert told[name]["missing_in_training"] == pytest.approx(of[name]["missing"])
    assert drift["score"]["psi"] == pytest.approx(psi(trained["score"], rows["score"])[0], rel=1e-9)


def metric(server, name, labels):
    for line in server.get("/metrics").body.decode().splitlines():
        if line.startswith(f"{name}{{{labels}}} "):
            return float(line.split()[-1])
    return None


def show(server):
    done = subprocess.run([BIN, "models", "--url", f"http://127.0.0.1:{server.port}"],
                          capture_output=True, text=True, timeout=60, check=True)
    return [line.split() for line in done.stdout.splitlines()]


def test_like_training_is_stable_and_what_has_shifted_is_told_once(watched):
    server = watched()
    input_labels = 'model="fraud",input="amount"'
    assert drift_of(server)["state"] == "unknown"
    same = draw(seed=2)
    send(server, same, "a-same")
    drift = drift_of(server)
    check_by_numpy(drift, same)
    assert drift["state"] == "stable" and drift["window_s"] == 86400
    assert all(d["psi"] < 0.1 for d in [drift["score"], *drift["inputs"]])
    assert metric(server, "sluice_model_window_rows", 'model="fraud"') == ROWS
    assert metric(server, "sluice_model_input_psi", input_labels) < 0.1

    shifted = draw(seed=3, scale=4)
    send(server, shifted, "a-shifted")
    told = server.wait_log("model drifts")
    drift = drift_of(server)
    check_by_numpy(drift, together(same, shifted))
    assert [d["input"] for d in drift["inputs"]] == ["amount", "age"]
    assert [d["state"] for d in drift["inputs"]] == ["drifted", "stable"]
    assert drift["state"] == "drifted"
    index = metric(server, "sluice_model_input_psi", input_labels)
    assert index == drift["inputs"][0]["psi"] > 0.25
    assert metric(server, "sluice_model_score_psi", 'model="fraud"') == drift["score"]["psi"]
    assert metric(server, "sluice_model_drifted_inputs", 'model="fraud"') == 1
    assert metric(server, "sluice_model_input_missing_ratio", 'model="fraud",input="age"') == \
        pytest.approx(inputs_of(drift)["age"]["missing"])
    assert told["level"] == "warning" and told["rows"] > ROWS and "amount psi" in told["passed"]
    assert "age" not in told["passed"]
    assert [e["message"] for e in server.log].count("model drifts") == 1
    rows = show(server)
    assert ["amount", f"{index:.3f}", "0.000", "0.000", "drifted"] in rows


def test_what_is_missing_more_than_in_training_has_drifted(watched):
    server = watched()
    rows = draw(seed=4, missing=0.5)
    send(server, rows, "a-gaps")
    drift = drift_of(server)
    check_by_numpy(drift, rows)
    assert drift["inputs"][0]["input"] == "age" and drift["inputs"][0]["state"] == "drifted"
    assert "missing 0.5" in server.wait_log("model drifts")["passed"]


def test_another_rule_keeps_the_window_and_another_model_begins_anew(watched):
    server = watched()
    rows = draw(seed=5)
    send(server, rows, "a-kept")
    before = server.get("/v1/models").json()
    server.write("rules.yaml", RULES.replace("> 10", "> 11"))
    until(lambda: server.get("/v1/models").json()["ruleset"] != before["ruleset"])
    drift = drift_of(server)
    check_by_numpy(drift, rows)
    server.score(payment(0, account="a-more", amount=20))
    assert drift_of(server)["rows"] == ROWS + 1
    assert server.get("/v1/models").json()["models"][0]["scored"] == 1  # of this ruleset

    server.write("fraud.yaml", MODEL.replace("0.02", "0.03"))
    until(lambda: drift_of(server)["rows"] == 0)
    server.score(payment(1, account="a-more", amount=20))
    drift = drift_of(server)
    assert drift["rows"] == 1 and drift["state"] == "unknown"
    assert drift["score"]["psi"] is None and drift["score"]["missing"] == 0
    assert metric(server, "sluice_model_score_psi", 'model="fraud"') is None


def test_duplicates_and_labels_are_no_rows(watched):
    server = watched()
    for _ in range(2):
        server.score(payment(0))
    server.label({"kind": "label", "transaction_id": "t-a-1-0", "outcome": "fraud",
                  "timestamp": "2026-01-06T12:00:00Z"})
    assert drift_of(server)["rows"] == 1


def test_an_outage_is_no_drift(watched):
    server = watched(state__backend="redis", state__start="degraded",
                     state__redis="redis://127.0.0.1:1/0")
    assert server.score(payment(0)).json()["degraded"] == ["state"]
    assert server.get("/v1/models").json()["models"][0]["scored"] == 1
    assert drift_of(server)["rows"] == 0


def test_a_baseline_goes_with_the_ruleset_and_diff_tells_it(watched, tmp_path):
    server = watched()
    server.score(payment(0))
    version = server.get("/v1/ruleset/versions").json()["versions"][0]["ruleset"]
    packed, kept = tmp_path / "bundle.tar.gz", tmp_path / "kept"
    packed.write_bytes(server.get(f"/v1/ruleset/versions/{version}").body)
    with tarfile.open(packed) as tar:
        tar.extractall(kept, filter="data")
    assert (kept / "fraud.baseline.json").read_text() == baseline(draw(seed=1))
    (kept / "fraud.baseline.json").write_text(baseline(draw(seed=6)))
    done = subprocess.run([BIN, "diff", "--format", "json", server.folder / "ruleset.yaml",
                           kept / "ruleset.yaml"], capture_output=True, text=True, timeout=60,
                          check=False)
    changes = [(c["name"], c["key"]) for c in json.loads(done.stdout)["changes"]]
    assert changes == [("fraud", "baseline_hash")]
    before = server.get("/v1/ruleset").json()["ruleset"]
    server.write("fraud.baseline.json", baseline(draw(seed=6)))  # it is watched
    until(lambda: server.get("/v1/ruleset").json()["ruleset"] != before)
    assert drift_of(server)["rows"] == 0


@pytest.mark.parametrize("scale, state", [(1, "stable"), (3, "drifted")])
def test_the_starters_model_is_watched(make_server, scale, state):
    done = subprocess.run([BIN, "generate", "--transactions", "1500", "--seed", "7"],
                          capture_output=True, text=True, timeout=120, check=True)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    for event in events:
        if "amount" in event:
            event["amount"] = round(event["amount"] * scale, 2)
    server = make_server(ruleset=str(STARTER))
    server.batch(events)
    drift = drift_of(server)
    assert drift["rows"] == 1500 and len(drift["inputs"]) == 18
    assert inputs_of(drift)["amount"]["state"] == state
    # Its windows are of 30 days, and empty as yet.
    assert inputs_of(drift)["account_tx_count_30d"]["state"] == "drifted"
