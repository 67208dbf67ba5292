"""The JSON Schemas of a ruleset's files take what ships, and refuse what the loader refuses."""
import copy
import datetime
import glob
import json
import os
import re
import subprocess

import jsonschema
import pytest
import yaml

SLUICE = os.environ.get("SLUICE_BIN", "build/san/sluice")
SHIPPED = sorted(glob.glob("rules/packs/*/*.yaml") + glob.glob("tests/conformance/handbook-r*.yaml")
                 + glob.glob("tests/bench/rule*.yaml"))
RULESET = """
schema:
  transaction_id: {type: string, required: true}
  account_id: {type: string, required: true, max: 64}
  amount: {type: decimal, required: true}
  timestamp: {type: timestamp, required: true}
  card: {type: string, path: /payment/card, card: true, private: true}
derived: {is_large: amount > 1000.0}
features:
  spent: {by: account_id, aggregate: sum, of: amount, where: is_large, windows: [1d], delay: 1h}
  seen: {by: account_id, aggregate: count, windows: [5m, 1h]}
lists: {codes: [1, 2], cards: {file: cards.txt, type: string}}
flag_at: 70
rules: [rules.yaml]
"""
RULES = """
engine: 0.1
rules:
  - id: burst
    title: Burst
    description: Many at once.
    when: seen_5m > 5
    score: 80
    reason: "{seen_5m} payments"
    severity: high
    tags: [velocity]
    mode: live
  - {id: trusted, when: account_id == "a", decision: allow, override: true}
"""
LINEAR = """
model: linear
link: log
intercept: -4.2
inputs:
  amount: {weight: 0.3, mean: 54.1, scale: 41.9, missing: 54.1}
  seen_5m: {bins: [{below: 1, points: 60}, {below: 30, points: 25.5}, {points: 5}], neutral: 9}
  account_id: {categories: {a: 0.2, b: 1.5}, other: 0, missing: 0}
"""
SCORECARD = """
model: scorecard
base_points: 20
probability: {points: 100, odds: 0.05, pdo: -20}
inputs:
  amount: {bins: [{below: 1, points: 60}, {points: 5}], missing: 3, neutral: 9}
"""
WITH_MODEL = RULESET + "models: {m: {file: m.yaml}}\n"
# What may stand where something else does.
STRANGERS = (True, 7, -1, 1.5, "x", "5m", [], ["x"], {}, {"x": 1}, None)


def as_json(value):
    """As JSON has it: YAML makes an instant of 2026-01-05T12:00:00Z."""
    if isinstance(value, dict):
        return {str(k): as_json(v) for k, v in value.items()}
    if isinstance(value, list):
        return [as_json(v) for v in value]
    return value.isoformat() if isinstance(value, (datetime.date, datetime.time)) else value


def schema(kind):
    done = subprocess.run([SLUICE, "schema", kind], capture_output=True, timeout=60, check=True)
    return jsonschema.Draft7Validator(json.loads(done.stdout))


@pytest.fixture(scope="module", name="schemas")
def fixture_schemas():
    return {kind: schema(kind) for kind in ("ruleset", "rules", "tests", "model")}


@pytest.fixture(scope="module", name="plain")
def fixture_plain():
    return as_json


def kind_of(document):
    kinds = {"tests": "tests", "schema": "ruleset", "model": "model"}
    return next((kind for key, kind in kinds.items() if key in document), "rules")


def loads(folder, ruleset, rules, model=LINEAR):
    """(does the program take them?, what it says)"""
    (folder / "m.yaml").write_text(model, encoding="utf-8")
    (folder / "cards.txt").write_text("c-1\n", encoding="utf-8")
    (folder / "ruleset.yaml").write_text(ruleset, encoding="utf-8")
    (folder / "rules.yaml").write_text(rules, encoding="utf-8")
    done = subprocess.run([SLUICE, "check", "--state.backend", "memory", "--ruleset",
                           str(folder / "ruleset.yaml")], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode == 0, done.stdout + done.stderr


def places(value, path=()):
    """Paths to all that stands in a document, its keys and items."""
    children = value.items() if isinstance(value, dict) else \
        enumerate(value) if isinstance(value, list) else ()
    for step, child in children:
        yield (*path, step)
        yield from places(child, (*path, step))


def changed(document, path, change):
    """A copy in which change(container, step) was made at `path`."""
    out = copy.deepcopy(document)
    here = out
    for step in path[:-1]:
        here = here[step]
    change(here, path[-1])
    return out


def as_text(document):
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def test_a_schema_is_one_itself(schemas):
    for validator in schemas.values():
        jsonschema.Draft7Validator.check_schema(validator.schema)


@pytest.mark.parametrize("path", SHIPPED)
def test_a_shipped_file_is_valid(path, schemas, plain):
    with open(path, encoding="utf-8") as f:
        document = plain(yaml.safe_load(f))
    assert not list(schemas[kind_of(document)].iter_errors(document))


def test_the_files_of_the_readme_are_valid(schemas, plain):
    with open("rules/README.md", encoding="utf-8") as f:
        shown = re.findall(r"^`(\S+\.yaml)`:\n\n```yaml\n(.*?)^```$", f.read(),
                           re.MULTILINE | re.DOTALL)
    assert len(shown) >= 3
    for _, content in shown:
        document = plain(yaml.safe_load(content))
        assert not list(schemas[kind_of(document)].iter_errors(document))


def misspelt():
    """Each key that is ours, wrong by one letter: (file, path)."""
    ours = ("schema", "derived", "features", "lists", "flag_at", "rules", "engine", "type",
            "required", "max", "path", "card", "private", "by", "aggregate", "of", "where",
            "windows", "delay", "file", "id", "title", "description", "when", "score", "reason",
            "severity", "tags", "mode", "decision", "rollout", "override")
    for name, text in (("ruleset", RULESET), ("rules", RULES)):
        for path in places(yaml.safe_load(text)):
            if path[-1] in ours and path[:-1] != ("schema",):
                yield name, path


@pytest.mark.parametrize("name, path", list(misspelt()), ids=lambda v: v if isinstance(v, str) else
                         "-".join(map(str, v)))
def test_a_misspelt_key_is_refused_by_both(name, path, schemas, tmp_path):
    texts = {"ruleset": RULESET, "rules": RULES}

    def misspell(container, step):
        container[f"{step}x"] = container.pop(step)
    wrong = changed(yaml.safe_load(texts[name]), path, misspell)
    assert list(schemas[name].iter_errors(wrong))
    taken, said = loads(tmp_path, **{**texts, name: as_text(wrong)})
    assert not taken
    assert f"unknown key '{path[-1]}x'" in said and f"did you mean '{path[-1]}'" in said


@pytest.mark.parametrize("name, model", [("ruleset", LINEAR), ("rules", LINEAR), ("model", LINEAR),
                                         ("model", SCORECARD)])
def test_what_the_loader_takes_the_schema_takes(name, model, schemas, tmp_path):
    texts = {"ruleset": WITH_MODEL if name == "model" else RULESET, "rules": RULES, "model": model}
    document = yaml.safe_load(texts[name])
    assert not list(schemas[name].iter_errors(document))
    taken, said = loads(tmp_path, **texts)
    assert taken, said
    taken = 0
    for path in places(document):
        def drop(container, step):
            del container[step]
        wrong = [changed(document, path, drop)]
        for i, stranger in enumerate(STRANGERS):
            if (len(path) + i + len(str(path))) % 3 == 0:  # a third of them, the same each time
                wrong.append(changed(document, path, lambda c, s, v=stranger: c.update({s: v})
                                     if isinstance(c, dict) else c.__setitem__(s, v)))
        for other in wrong:
            good, _ = loads(tmp_path, **{**texts, name: as_text(other)})
            taken += good
            assert not good or not list(schemas[name].iter_errors(other)), as_text(other)
    assert taken > 10


@pytest.mark.parametrize("path, value", [
    (("rules", 0, "severity"), "hihg"), (("rules", 0, "mode"), "on"),
    (("rules", 0, "id"), "Burst of payments"), (("rules", 0, "tags"), "velocity"),
    (("rules", 0, "title"), "x" * 257), (("rules", 1, "override"), "yes"), (("rules",), {}),
    (("engine",), "new"),
])
def test_a_wrong_value_in_rules_is_refused_by_both(path, value, schemas, tmp_path):
    wrong = changed(yaml.safe_load(RULES), path, lambda c, s: c.update({s: value}))
    assert list(schemas["rules"].iter_errors(wrong))
    assert not loads(tmp_path, RULESET, as_text(wrong))[0]


@pytest.mark.parametrize("path, value", [
    (("schema", "card", "type"), "text"), (("schema", "card", "max"), 5000),
    (("schema", "amount", "max"), 8), (("schema", "amount", "card"), True),
    (("schema", "card", "path"), "payment"), (("features", "seen", "aggregate"), "cuont"),
    (("features", "seen", "of"), "amount"), (("features", "seen", "windows"), []),
    (("features", "spent", "windows"), ["5 minutes"]), (("features", "5m"), {}),
    (("lists", "cards", "type"), "text"), (("lists", "a-b"), [1]), (("flag_at",), "high"),
])
def test_a_wrong_value_in_a_ruleset_is_refused_by_both(path, value, schemas, tmp_path):
    wrong = changed(yaml.safe_load(RULESET), path, lambda c, s: c.update({s: value}))
    assert list(schemas["ruleset"].iter_errors(wrong))
    assert not loads(tmp_path, as_text(wrong), RULES)[0]


def test_a_needed_key_that_is_not_there_is_refused_by_both(schemas, tmp_path):
    for name, path in (("rules", ("rules", 0, "when")), ("rules", ("rules", 0, "id")),
                       ("rules", ("rules", 1, "decision")), ("ruleset", ("flag_at",)),
                       ("ruleset", ("schema", "amount")), ("ruleset", ("schema", "card", "type")),
                       ("ruleset", ("features", "spent", "of")),
                       ("ruleset", ("features", "seen", "windows")),
                       ("ruleset", ("lists", "cards", "file"))):
        texts = {"ruleset": RULESET, "rules": RULES}
        wrong = changed(yaml.safe_load(texts[name]), path, lambda c, s: c.pop(s))
        assert list(schemas[name].iter_errors(wrong)), path
        assert not loads(tmp_path, **{**texts, name: as_text(wrong)})[0], path


@pytest.mark.parametrize("model, path", [
    (LINEAR, ("link",)), (LINEAR, ("intercept",)), (LINEAR, ("inputs", "amount", "weight")),
    (LINEAR, ("inputs", "amount", "scale")), (LINEAR, ("inputs", "seen_5m", "bins", 0, "below")),
    (LINEAR, ("inputs", "account_id", "other")), (SCORECARD, ("base_points",)),
    (SCORECARD, ("probability", "pdo")), (SCORECARD, ("inputs",)),
])
def test_a_misspelt_key_of_a_model_is_refused_by_both(model, path, schemas, tmp_path):
    wrong = changed(yaml.safe_load(model), path, lambda c, s: c.update({f"{s}x": c.pop(s)}))
    assert list(schemas["model"].iter_errors(wrong))
    assert not loads(tmp_path, WITH_MODEL, RULES, as_text(wrong))[0]


def test_another_kind_of_file_is_told():
    done = subprocess.run([SLUICE, "schema", "rulez"], capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == 2 and "ruleset|rules|tests|model" in done.stderr
