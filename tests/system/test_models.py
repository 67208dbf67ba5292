"""A ruleset with models: what a decision says of them, what rules make of their scores, and what
becomes of it when a file is another."""
import json
import math
import subprocess

import pytest
from conftest import BIN, RULES, RULESET, payment, until
from test_openapi import schema_of

MODELS = """
models:
  fraud: {file: models/fraud.yaml, threshold: 0.5}
  next:  {file: models/next.yaml, role: challenger, threshold: 0.5}
"""
FRAUD = """
model: linear
link: identity
inputs:
  amount: {weight: 0.001}
  account_tx_count_5m: {weight: 0.01, missing: 50}
"""
RULE = """
  - {id: by-model, when: models.fraud > 0.969, score: 90, reason: "it says {models.fraud}"}
  - {id: by-next, title: The next model, when: models.next > 0.969, score: 90, mode: shadow}
"""


@pytest.fixture(name="modelled")
def fixture_modelled(make_server):
    def make(**settings):
        server = make_server(start=False, **settings)
        (server.folder / "models").mkdir()
        server.write("ruleset.yaml", RULESET + MODELS)
        server.write("rules.yaml", RULES + RULE)
        server.write("models/fraud.yaml", FRAUD)
        server.write("models/next.yaml", FRAUD.replace("0.001", "0.002"))
        return server
    return make


def models_of(answer):
    return {m["name"]: m for m in answer["models"]}


def hashes(server):
    return {m["name"]: m["hash"] for m in server.get("/v1/ruleset").json()["models"]}


def test_a_rule_flags_by_a_models_score_and_the_record_names_each_model(modelled):
    server = modelled().start()
    first, second = (server.score(payment(i)).json() for i in range(2))
    assert (first["decision"], second["decision"]) == ("allow", "flag")
    assert [r["rule"] for r in second["reasons"]] == ["by-model"]
    assert second["reasons"][0]["reason"] .startswith("it says 0.97")
    fraud, challenger = (models_of(second)[name] for name in ("fraud", "next"))
    assert fraud == {"name": "fraud", "hash": hashes(server)["fraud"], "role": "champion",
                     "score": pytest.approx(0.97), "above": True}
    assert challenger["score"] == pytest.approx(1.92) and challenger["role"] == "challenger"
    assert [r["rule"] for r in first["shadow"]] == ["by-next"]
    kept = server.get(f"/v1/decisions/{second['transaction_id']}").json()
    assert kept["models"] == second["models"]
    alert = server.get("/v1/alerts").json()["alerts"][0]["alert"]
    reasons = alert["models"][0].pop("reasons")
    assert alert["models"] == second["models"]
    assert reasons == [{"input": "amount", "share": pytest.approx(0.9794), "contribution": 0.95,
                        "reason": "amount is 950"}]


# Which terminals had frauds, and why a transaction there was flagged: the ruleset's own words.
TERMINAL_RULESET = """
schema:
  transaction_id: {type: string, required: true}
  account_id:     {type: string, required: true}
  amount:         {type: decimal, required: true}
  timestamp:      {type: timestamp, required: true}
  terminal_id:    {type: string}
  holder:         {type: string, private: true, max: 1000}
  age:            {type: number, private: true}
features:
  terminal_risk: {by: terminal_id, aggregate: fraud_rate, windows: [7d]}
flag_at: 70
rules: [rules.yaml]
models:
  fraud:
    file: fraud.yaml
    reasons:
      terminal_risk_7d: "terminal {terminal_id} had {terminal_risk_7d:%} fraud"
      amount: "{amount:.2f} by {holder}"
  next: {file: fraud.yaml, role: challenger}
"""
TERMINAL_MODEL = """
model: linear
intercept: -3
inputs:
  amount: {weight: 0.001}
  age: {weight: 0.01, missing: 0}
  terminal_risk_7d: {weight: 10, missing: 0}
"""
TERMINAL_RULES = """
rules:
  - {id: by-model, when: models.fraud > 0.5, score: 90, reason: "{models.fraud:.1%} sure"}
"""


def at_terminal(number, **more):
    return {"transaction_id": f"t-{number}", "account_id": f"a-{number}", "amount": 950,
            "timestamp": f"2026-01-05T12:00:{number:02d}Z", "terminal_id": "m-9", **more}


@pytest.fixture(name="at_risk", params=["memory", "redis"])
def fixture_at_risk(request, make_server):
    """A terminal at which one of two payments was a fraud."""
    more = {}
    if request.param == "redis":
        redis = request.getfixturevalue("redis")
        more = {"state__backend": "redis", "state__redis": redis.url}
    server = make_server(start=False, **more)
    server.write("ruleset.yaml", TERMINAL_RULESET)
    server.write("rules.yaml", TERMINAL_RULES)
    server.write("fraud.yaml", TERMINAL_MODEL)
    server.start()
    until(lambda: server.get("/readyz").status == 200)
    for number in range(2):
        server.score(at_terminal(number))
    label = {"kind": "label", "transaction_id": "t-0", "outcome": "fraud",
             "timestamp": "2026-01-05T12:00:02Z"}
    until(lambda: server.label(label).status == 200)
    return server


def test_an_alert_says_why_in_the_rulesets_words(at_risk):
    answer = at_risk.score(at_terminal(3)).json()
    assert answer["decision"] == "flag" and "reasons" not in models_of(answer)["fraud"]
    until(lambda: at_risk.get("/v1/alerts").json()["alerts"])
    alert = at_risk.get("/v1/alerts").json()["alerts"][0]["alert"]
    reasons = models_of(alert)["fraud"]["reasons"]
    assert [r["reason"] for r in reasons] == ["terminal m-9 had 33.3 % fraud", "950.00 by ?"]
    assert sum(r["share"] for r in reasons) == pytest.approx(1, abs=2e-4)
    assert "reasons" not in models_of(alert)["next"]
    again = at_risk.score(at_terminal(3))
    assert again.json() == answer
    assert len(at_risk.get("/v1/alerts").json()["alerts"]) == 1


def test_explained_contributions_and_base_sum_to_the_margin(at_risk):
    answer = at_risk.score(at_terminal(3, age=40), "?explain=true").json()
    for model in answer["models"]:
        assert set(model["contributions"]) == {"amount", "terminal_risk_7d"}
        parts = [*model["contributions"].values(), model["base"], model["private"]]
        assert sum(parts) == pytest.approx(model["margin"])
        assert model["private"] == pytest.approx(0.4)
        assert model["score"] == pytest.approx(1 / (1 + math.exp(-model["margin"])))
        assert model["reasons"][0]["input"] == "terminal_risk_7d"


def test_a_long_reason_is_cut_and_a_private_field_says_nothing_of_itself(at_risk):
    at_risk.score(at_terminal(3, holder="x" * 900, age=12.125))
    until(lambda: at_risk.get("/v1/alerts").json()["alerts"])
    alert = at_risk.get("/v1/alerts").json()["alerts"][0]["alert"]
    reasons = {r["input"]: r["reason"] for r in models_of(alert)["fraud"]["reasons"]}
    assert set(reasons) == {"terminal_risk_7d", "amount"}
    assert len(reasons["amount"]) == 512
    assert "12.125" not in json.dumps(alert)


def test_metrics_count_scores_and_whether_two_agree(modelled):
    server = modelled().start()
    for number, amount in enumerate([950, 300, 100]):
        server.score(payment(number, amount=amount))
    metrics = server.get("/metrics").body.decode()
    of = hashes(server)
    pair = 'sluice_model_agreement_total{champion="fraud",challenger="next",agree='
    for line in (f'sluice_model_scored_total{{model="next",hash="{of["next"]}"}} 3',
                 f'sluice_model_above_total{{model="next",hash="{of["next"]}"}} 2',
                 f'sluice_model_missing_total{{model="fraud",hash="{of["fraud"]}"}} 0',
                 pair + '"true"} 2', pair + '"false"} 1'):
        assert line + "\n" in metrics


def test_scores_are_a_histogram_of_each_model(modelled):
    server = modelled().start()
    for number, amount in enumerate([40, 240, 290, 600]):  # and 0.01 for each payment so far
        server.score(payment(number, amount=amount))
    lines = server.get("/metrics").body.decode().splitlines()
    of = hashes(server)

    def told(name, model, role):
        labels = f'{{model="{model}",hash="{of[model]}",role="{role}"'
        return [line.removeprefix(f"sluice_model_score{name}" + labels) for line in lines
                if line.startswith(f"sluice_model_score{name}{labels}")]
    buckets = dict(part.removeprefix(',le="').split('"} ') for part in
                   told("_bucket", "fraud", "champion"))
    assert list(buckets) == [f"{step / 20:g}" for step in range(1, 21)] + ["+Inf"]
    assert [int(buckets[le]) for le in ("0.05", "0.25", "0.3", "0.35", "0.6", "0.65", "1", "+Inf")
            ] == [1, 1, 2, 3, 3, 4, 4, 4]
    assert told("_count", "fraud", "champion") == ["} 4"]
    assert float(told("_sum", "fraud", "champion")[0].removeprefix("} ")) == pytest.approx(1.27)
    beyond = dict(part.removeprefix(',le="').split('"} ') for part in
                  told("_bucket", "next", "challenger"))
    assert (beyond["1"], beyond["+Inf"]) == ("3", "4")  # the last is 1.24, no probability
    assert lines.count("# TYPE sluice_model_score histogram") == 1


def test_a_score_that_is_infinite_flags_and_leaves_metrics_that_can_be_read(modelled):
    server = modelled()
    age = "  age: {type: number}\nfeatures:"
    server.write("ruleset.yaml", (RULESET + MODELS).replace("features:", age, 1))
    server.write("models/fraud.yaml", FRAUD.replace("identity", "log").replace("0.001", "1"))
    server.write("models/next.yaml", FRAUD + "  age: {weight: 1.0e+15, missing: 0}\n")
    server.start()
    answer = server.score(payment(0, amount=950, age=1e300), "?explain=true").json()
    assert answer["decision"] == "flag"
    for model in models_of(answer).values():
        assert model["score"] is None and model["above"]
    assert models_of(answer)["next"]["margin"] is None
    schema_of("Decision").validate(answer)
    lines = server.get("/metrics").body.decode().splitlines()
    assert math.isinf(sum(float(line.rsplit(" ", 1)[1]) for line in lines if line[0] != "#"))
    assert sum(line.startswith("sluice_model_score_sum") and line.endswith("} +Inf")
               for line in lines) == 2


# Over 0.5 and below it: the champion weighs the amount 0.001, the challenger 0.002.
AMOUNTS = [950, 300, 100]
LABELLED = """\
sluice_model_labelled{{model="fraud",hash="{fraud}",above="true",outcome="fraud"}} {0}
sluice_model_labelled{{model="fraud",hash="{fraud}",above="true",outcome="legitimate"}} {1}
sluice_model_labelled{{model="fraud",hash="{fraud}",above="false",outcome="fraud"}} {2}
sluice_model_labelled{{model="fraud",hash="{fraud}",above="false",outcome="legitimate"}} {3}
sluice_model_labelled{{model="next",hash="{next}",above="true",outcome="fraud"}} {4}
sluice_model_labelled{{model="next",hash="{next}",above="true",outcome="legitimate"}} {5}
sluice_model_labelled{{model="next",hash="{next}",above="false",outcome="fraud"}} {6}
sluice_model_labelled{{model="next",hash="{next}",above="false",outcome="legitimate"}} {7}
"""


def label(number, outcome, day=12):
    return {"kind": "label", "transaction_id": payment(number)["transaction_id"],
            "outcome": outcome, "timestamp": f"2026-01-{day:02}T12:00:00Z"}


def check_labelled(server, *counts):
    text = server.get("/metrics").body.decode()
    told = [line for line in text.splitlines() if line.startswith("sluice_model_labelled{")]
    assert "\n".join(told) + "\n" == LABELLED.format(*counts, **hashes(server))


def score_and_label(server, outcomes):
    for number, amount in enumerate(AMOUNTS):
        server.score(payment(number, amount=amount))
    for number, outcome in enumerate(outcomes):
        assert server.label(label(number, outcome)).json()["status"] == "recorded"


def test_labels_say_how_each_model_does_at_its_threshold(modelled):
    server = modelled(journal__dir="journal", journal__fsync="always").start()
    answer = server.score(payment(0, amount=950)).json()
    assert {m["name"]: m["above"] for m in answer["models"]} == {"fraud": True, "next": True}
    score_and_label(server, ["fraud", "fraud", "legitimate"])
    check_labelled(server, 1, 0, 1, 1, 2, 0, 0, 1)
    assert server.label(label(1, "fraud")).json()["status"] == "duplicate"
    assert server.label(label(1, "legitimate", day=13)).json()["status"] == "recorded"
    check_labelled(server, 1, 0, 0, 2, 1, 1, 0, 1)
    server.kill()
    server.start()
    check_labelled(server, 1, 0, 0, 2, 1, 1, 0, 1)
    text = server.get("/metrics").body.decode()
    assert (f'sluice_model_labelled_amount{{model="next",hash="{hashes(server)["next"]}",'
            'above="true",currency="EUR",outcome="fraud"} 950\n') in text


def test_the_table_of_models_tells_what_labels_say(modelled):
    server = modelled().start()
    score_and_label(server, ["fraud", "fraud", "legitimate"])
    fraud, challenger = server.get("/v1/models").json()["models"]

    def money(fraud, legitimate):
        return [{"currency": "EUR", "fraud": fraud, "legitimate": legitimate}]
    assert fraud["labels"] == {
        "above": {"fraud": 1, "legitimate": 0, "amounts": money(950, 0)},
        "below": {"fraud": 1, "legitimate": 1, "amounts": money(300, 100)}}
    assert challenger["labels"]["above"]["fraud"] == 2
    assert (fraud["precision"], fraud["recall"]) == (None, None)
    for number in range(3, 45):
        server.score(payment(number, amount=950 if number % 2 else 10))
        server.label(label(number, "fraud" if number % 3 else "legitimate"))
    fraud = server.get("/v1/models").json()["models"][0]
    above, below = fraud["labels"]["above"], fraud["labels"]["below"]
    assert fraud["precision"] == above["fraud"] / (above["fraud"] + above["legitimate"])
    assert fraud["recall"] == above["fraud"] / (above["fraud"] + below["fraud"])
    shown = subprocess.run([BIN, "models", "--url", f"http://127.0.0.1:{server.port}"],
                           capture_output=True, text=True, timeout=60, check=True).stdout
    assert f"{fraud['precision']:.3f}" in shown and f"{fraud['recall']:.3f}" in shown


def test_a_label_before_its_transaction_counts_for_models_too(modelled):
    server = modelled().start()
    assert server.label(label(0, "fraud")).json()["status"] == "parked"
    server.score(payment(0, amount=950))
    until(lambda: f'above="true",outcome="fraud"}} 1\n' in server.get("/metrics").body.decode())
    check_labelled(server, 1, 0, 0, 0, 1, 0, 0, 0)


def test_another_file_begins_anew_and_the_old_one_is_remembered(modelled):
    server = modelled().start()
    score_and_label(server, ["fraud", "fraud", "legitimate"])
    before = hashes(server)
    server.write("models/fraud.yaml", FRAUD.replace("0.001", "0.003"))
    until(lambda: hashes(server)["fraud"] != before["fraud"])
    check_labelled(server, 0, 0, 0, 0, 2, 0, 0, 1)
    server.write("models/fraud.yaml", FRAUD)
    until(lambda: hashes(server) == before)
    check_labelled(server, 1, 0, 1, 1, 2, 0, 0, 1)


def test_with_redis_instances_share_what_labels_say_of_models(modelled, redis):
    server = modelled(state__backend="redis", state__redis=redis.url, deadline_ms=2000).start()
    until(lambda: server.get("/readyz").status == 200)
    score_and_label(server, ["fraud", "fraud", "legitimate"])
    assert server.label(label(1, "legitimate", day=13)).json()["status"] == "recorded"
    check_labelled(server, 1, 0, 0, 2, 1, 1, 0, 1)
    server.kill()
    server.start()
    until(lambda: server.get("/readyz").status == 200)
    check_labelled(server, 1, 0, 0, 2, 1, 1, 0, 1)


def test_explain_shows_the_score_that_a_rule_read(modelled):
    server = modelled().start()
    rules = server.score(payment(0), "?explain=true").json()["rules"]
    by_model = next(r for r in rules if r["rule"] == "by-model")
    assert by_model == {"rule": "by-model", "result": "not_fired", "near_miss": True,
                        "values": {"models.fraud": pytest.approx(0.96)}}


def test_without_state_the_windows_are_missing_to_the_model(modelled):
    server = modelled(state__backend="redis", state__start="degraded",
                      state__redis="redis://127.0.0.1:1/0").start()
    answer = server.score(payment(0)).json()
    assert answer["degraded"] == ["state"]
    fraud = models_of(answer)["fraud"]
    assert fraud["missing"] == 1 and fraud["score"] == pytest.approx(0.95 + 0.5)
    assert answer["decision"] == "flag"


def test_another_file_is_another_ruleset_that_takes_over_when_it_changes(modelled):
    server = modelled().start()
    before = hashes(server)
    server.score(payment(0))
    server.write("models/fraud.yaml", FRAUD.replace("0.001", "0.0001"))
    until(lambda: hashes(server)["fraud"] != before["fraud"])
    assert hashes(server)["next"] == before["next"]
    answer = server.score(payment(1)).json()
    assert models_of(answer)["fraud"]["hash"] == hashes(server)["fraud"]
    assert answer["decision"] == "allow"
    server.write("models/fraud.yaml", "model: linear\n")
    now = hashes(server)
    server.wait_log("ruleset refused")
    assert hashes(server) == now


def test_a_bundle_has_its_models(modelled, tmp_path):
    server = modelled().start()
    server.score(payment(0))
    versions = server.get("/v1/ruleset/versions").json()
    bundle = server.get(f"/v1/ruleset/versions/{versions['versions'][0]['ruleset']}")
    packed = tmp_path / "bundle.tar.gz"
    packed.write_bytes(bundle.body)
    names = subprocess.run(["tar", "tzf", packed], capture_output=True, text=True, check=True)
    assert {"models/fraud.yaml", "models/next.yaml"} <= set(names.stdout.split())


def test_check_counts_them_and_diff_tells_what_is_another(modelled):
    server = modelled()
    server.configure()
    checked = subprocess.run([BIN, "check", "-c", server.folder / "sluice.yaml"],
                             capture_output=True, text=True, timeout=60, check=True)
    assert "champion, linear identity, 2 inputs" in checked.stdout
    assert "4 steps of models: fraud 2, next 2" in checked.stdout
    told = subprocess.run([BIN, "check", "--format", "json", "-c", server.folder / "sluice.yaml"],
                          capture_output=True, text=True, timeout=60, check=True)
    said = {key: what for line in told.stdout.splitlines()
            for key, what in json.loads(line).items()}
    assert [(m["name"], m["format"], m["role"], m["steps"]) for m in said["models"]] == [
        ("fraud", "linear", "champion", 2), ("next", "linear", "challenger", 2)]
    assert said["budget"]["model_steps"] == 4
    other = server.folder / "other"
    (other / "models").mkdir(parents=True)
    for name in ("rules.yaml", "models/fraud.yaml", "models/next.yaml"):
        (other / name).write_text((server.folder / name).read_text())
    ruleset = (server.folder / "ruleset.yaml").read_text()
    (other / "ruleset.yaml").write_text(ruleset.replace("threshold: 0.5}", "threshold: 0.6}", 1))
    (other / "models/next.yaml").write_text(FRAUD)
    done = subprocess.run([BIN, "diff", "--format", "json", server.folder / "ruleset.yaml",
                           other / "ruleset.yaml"], capture_output=True, text=True, timeout=60,
                          check=False)
    changes = [(c["name"], c["key"]) for c in json.loads(done.stdout)["changes"]]
    assert changes == [("fraud", "threshold"), ("next", "hash")]
