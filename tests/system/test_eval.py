"""sluice eval: an expression tried by a person, with a transaction, and row by row."""
import json
import math
import os
import subprocess
import threading

import pytest
from conftest import BIN, RULES

TIMEOUT_S = 120
RULESET = """\
schema:
  transaction_id: {type: string, required: true}
  account_id: {type: string, required: true}
  amount: {type: decimal, required: true}
  timestamp: {type: timestamp, required: true}
  currency: {type: string, max: 3}
  merchant.country: {type: string, max: 2}
derived:
  is_large: amount > 1000.0
features:
  account_tx_count: {by: account_id, aggregate: count, windows: [5m]}
  account_spent: {by: account_id, aggregate: sum, of: amount, windows: [1d],
                  where: currency == "EUR"}
lists:
  home: [BE, NL]
flag_at: 70
rules: [rules.yaml]
"""
PAYMENT = {"transaction_id": "t1", "account_id": "a", "amount": 1200.5,
           "timestamp": "2026-01-05T12:00:10Z", "merchant": {"country": "BE"}}


def run(*options, stdin=b"", cwd=None):
    program = os.path.abspath(BIN)
    return subprocess.run([program, "eval", *options], input=stdin, capture_output=True,
                          timeout=TIMEOUT_S, check=False, cwd=cwd)


def value(*options, **how):
    done = run(*options, **how)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().removesuffix("\n")


def refused(*options, status=1, **how):
    done = run(*options, **how)
    assert done.returncode == status and done.stdout == b""
    return done.stderr.decode()


# ---- a person ----


@pytest.mark.parametrize("expr, variables, shown", [
    ("1 + 2", None, "3"),
    ("x * 2", {"x": 21}, "42"),
    ("x * 2.0", {"x": 1.5}, "3.0"),
    ("x * 2.0", {"x": 15e-1}, "3.0"),
    ("home.country == 'BE' && 5411 in mcc", {"home": {"country": "BE"}, "mcc": [5411]}, "true"),
    ("rows.map(r, r.name)", {"rows": [{"name": "a"}, {"name": "b"}]}, '["a", "b"]'),
    ("mixed[1] + '!'", {"mixed": [1, "two"]}, "two!"),
    ("type(deep.a[0])", {"deep": {"a": [1], "b": ["x"]}}, "int"),
    ("empty.size()", {"empty": []}, "0"),
    ("x", {"x": None}, "null"),
    ("-5", None, "-5"),
])
def test_an_expression_with_variables_prints_its_value(expr, variables, shown):
    options = [] if variables is None else ["--vars", json.dumps(variables)]
    assert value("--expr", expr, *options) == shown


def test_the_type_of_a_variable_is_as_precise_as_its_value():
    assert "does not work on int and double" in refused("--expr", "x + 1.0", "--vars", '{"x": 1}')
    assert "list(int)" in refused("--expr", "x + 1", "--vars", '{"x": [1, 2]}')
    assert "map(string, list(dyn))" in refused("--expr", "x + 1", "--vars",
                                               '{"x": {"a": [1], "b": ["c"]}}')


def test_what_is_wrong_is_shown_where_it_is():
    assert refused("--expr", "amuont > 1.0", "--vars", '{"amount": 2.5}') == (
        "--expr:1:1: unknown name 'amuont'\n"
        "    amuont > 1.0\n"
        "    ^\n"
        "did you mean 'amount'?\n")
    assert refused("--expr", "x", "--vars", '{"x": 1').startswith("--vars:1:7: not JSON")
    assert refused("--expr", "x", "--vars", "[1]").startswith("--vars:1:1: not an object")
    assert refused("--expr", "x", "--vars", '{"x": 1, "x": 2}').startswith("--vars:1:")


def test_what_fails_when_run_says_why():
    assert refused("--expr", "1 / x", "--vars", '{"x": 0}') == "sluice eval: division by zero\n"


def test_wrong_usage_is_told():
    assert "--expr is missing" in refused(status=2)
    assert "--jsonl stands alone" in refused("--jsonl", "--expr", "1", status=2)
    assert "a configuration is for --tx" in refused("--expr", "1", "-c", "x.yaml", status=2)
    assert "unknown option 'exrp'" in refused("--exrp", "1", status=2)


# ---- with a transaction ----


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "ruleset.yaml").write_text(RULESET)
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "sluice.yaml").write_text("ruleset: ruleset.yaml\n")
    (tmp_path / "tx.json").write_text(json.dumps(PAYMENT))
    return tmp_path


def on_tx(folder, expr, *options):
    return run("--expr", expr, "--tx", "tx.json", "-c", "sluice.yaml", *options, cwd=folder)


def test_a_transaction_brings_fields_derived_names_and_lists(folder):
    done = on_tx(folder, "is_large && tx.merchant.country in lists.home "
                         "&& timestamp.getHours() < 13")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"true\n", b"")


def test_a_feature_is_missing_until_it_is_given(folder):
    done = on_tx(folder, "account_tx_count_5m > 5")
    assert done.returncode == 1 and done.stdout == b""
    assert done.stderr.decode() == (
        "sluice eval: missing account_tx_count_5m\n"
        "missing: account_tx_count_5m\n"
        "features have no history here; give them: --vars '{\"account_tx_count_5m\": 6}'\n")
    done = on_tx(folder, "account_tx_count_5m > 5", "--vars", '{"account_tx_count_5m": 6}')
    assert (done.returncode, done.stdout, done.stderr) == (0, b"true\n", b"")
    done = on_tx(folder, "account_spent_1d", "--vars", '{"account_spent_1d": 6}')
    assert done.stdout == b"6.0\n"


def test_names_that_are_missing_are_said_also_where_the_answer_needs_none(folder):
    done = on_tx(folder, "is_large || currency == 'EUR'")
    assert (done.returncode, done.stdout) == (0, b"true\n")
    assert done.stderr == b"missing: currency\n"


def test_what_cannot_be_given_is_told(folder):
    for variables, why in [
        ('{"account_tx_cuont_5m": 6}', "did you mean 'account_tx_count_5m'?"),
        ('{"amount": 5.0}', "there is no feature 'amount'"),
        ('{"account_tx_count_5m": 6.5}', "is an int"),
        ('{"account_spent_1d": "6"}', "is a number"),
    ]:
        done = on_tx(folder, "is_large", "--vars", variables)
        assert done.returncode == 1 and why in done.stderr.decode()


MODEL = """\
model: linear
link: identity
intercept: 0.25
inputs:
  amount: {weight: 0.0}
  account_tx_count_5m: {weight: 0.125, missing: 0}
  currency: {categories: {EUR: 0.5}, other: 0, missing: 0}
"""


@pytest.fixture
def modelled(folder):
    (folder / "ruleset.yaml").write_text(RULESET + "models: {fraud: {file: fraud.yaml}}\n")
    (folder / "rules.yaml").write_text(RULES + "  - {id: m, when: models.fraud > 0.9, score: 1}\n")
    (folder / "fraud.yaml").write_text(MODEL)
    return folder


def test_a_model_scores_what_is_there_and_what_is_not_is_told(modelled):
    done = on_tx(modelled, "models.fraud")
    assert (done.returncode, done.stdout) == (0, b"0.25\n")
    assert done.stderr.decode() == (
        "models.fraud: 2 of 3 inputs are missing: account_tx_count_5m, currency\n"
        "features have no history here; give them: --vars '{\"account_tx_count_5m\": 6}'\n")
    done = on_tx(modelled, "models.fraud > 0.9", "--vars", '{"account_tx_count_5m": 6}')
    assert (done.returncode, done.stdout) == (0, b"true\n")
    assert done.stderr == b"models.fraud: 1 of 3 inputs is missing: currency\n"
    (modelled / "tx.json").write_text(json.dumps({**PAYMENT, "currency": "EUR"}))
    done = on_tx(modelled, "models.fraud", "--vars", '{"account_tx_count_5m": 6}')
    assert (done.stdout, done.stderr) == (b"1.5\n", b"")
    done = on_tx(modelled, "is_large")
    assert (done.stdout, done.stderr) == (b"true\n", b"")


def test_a_text_that_a_models_trees_do_not_know_is_told(modelled):
    """The starter's model, whose inputs may well be codes of currencies."""
    with open("rules/packs/starter/fraud.json", encoding="utf-8") as f:
        trees = f.read()
    names = json.loads(trees)["learner"]["feature_names"]
    bound = ", ".join(f"{name}: {'currency' if name == 'amount' else 'amount'}" for name in names)
    (modelled / "fraud.json").write_text(trees)
    (modelled / "ruleset.yaml").write_text(
        RULESET + f"models: {{fraud: {{file: fraud.json, inputs: {{{bound}}},\n"
        "  categories: {currency: [EUR, USD]}}}\n")
    for currency, told in (("EUR", ""), ("NOK", "models.fraud: 1 of 18 inputs is missing: "
                                                "currency, which is none of its categories\n")):
        (modelled / "tx.json").write_text(json.dumps({**PAYMENT, "currency": currency}))
        done = on_tx(modelled, "models.fraud < 2.0")
        assert (done.stdout, done.stderr.decode()) == (b"true\n", told)


def test_a_models_score_may_be_given(modelled):
    done = on_tx(modelled, "models.fraud > 0.9", "--vars", '{"models.fraud": 0.95}')
    assert (done.returncode, done.stdout, done.stderr) == (0, b"true\n", b"")
    done = on_tx(modelled, "is_large", "--vars", '{"models.fraud": "high"}')
    assert done.returncode == 1 and b"'models.fraud' is a number" in done.stderr


def test_a_transaction_that_is_refused_is_shown(folder):
    (folder / "tx.json").write_text('{"transaction_id": "t",\n "amount": "x"}')
    done = on_tx(folder, "is_large")
    assert done.returncode == 1 and b"tx.json:2:" in done.stderr and b"/amount" in done.stderr
    (folder / "tx.json").unlink()
    done = on_tx(folder, "is_large")
    assert done.returncode == 1 and b"tx.json: cannot read the file" in done.stderr


def test_a_transaction_may_come_from_stdin(folder):
    shown = value("--expr", "amount", "--tx", "-", "--ruleset", "ruleset.yaml",
                  stdin=json.dumps(PAYMENT).encode(), cwd=folder)
    assert shown == "1200.5"


# ---- row by row ----


def answers(*rows):
    lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    done = run("--jsonl", stdin=b"".join(line + b"\n" for line in lines))
    assert done.returncode == 0, done.stderr.decode()
    out = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(out) == len(lines)
    return out


def answer(**row):
    return answers(row)[0]


def test_rows_are_answered_in_order():
    assert answers(
        {"expr": "x + 1", "bindings": {"x": {"int": "2"}}},
        {"expr": "1 / 0"},
        {"expr": "[1]", "check_only": True},
        {"expr": "1 +"},
        {"expr": "true"},
    )[:3] == [{"value": {"int": "3"}}, {"error": "division by zero"}, {"type": {"list": "int"}}]


def test_a_value_comes_back_as_it_went_in():
    values = [
        {"int": "-9223372036854775808"}, {"uint": "18446744073709551615"}, {"bool": True},
        {"double": 0.1}, {"double": 5e-324}, {"double": "NaN"}, {"double": "-Infinity"},
        {"string": "\0\u00e9\U0001f600\"\\\n"}, {"bytes": "AP8="}, {"null": True},
        {"list": [{"int": "1"}, {"list": []}]}, {"map": [[{"string": "a"}, {"uint": "1"}]]},
        {"timestamp": "2026-01-05T12:00:10.000000001Z"}, {"duration": "-1.5s"}, {"type": "int"},
        {"optional": None}, {"optional": {"int": "1"}},
    ]
    got = answers(*[{"expr": "x", "bindings": {"x": v}} for v in values])
    assert got == [{"value": v} for v in values]
    zero = answer(expr="x", bindings={"x": {"double": -0.0}})["value"]["double"]
    assert isinstance(zero, float) and math.copysign(1, zero) == -1


def test_declared_types_containers_and_unchecked_rows():
    declared = [{"name": "a.b.x", "type": {"list": "int"}}]
    bindings = {"a.b.x": {"list": [{"int": "7"}]}}
    assert answer(expr="x[0]", container="a.b", type_env=declared, bindings=bindings) == {
        "value": {"int": "7"}}
    overload = {"params": [{"param": "T"}], "result": {"list": {"param": "T"}}, "receiver": False}
    env = [{"name": "f", "overloads": [overload]}]
    assert answer(expr="f(1u)", type_env=env, check_only=True) == {"type": {"list": "uint"}}
    assert answer(expr="f(1u)", type_env=env) == {"error": "no such overload"}
    assert answer(expr="1 + 'a'")["error"].startswith("1:3: ")
    assert answer(expr="1 + 'a'", disable_check=True) == {"error": "no such overload"}
    wrong = answer(expr="x[0]", type_env=declared, bindings={"a.b.x": {"list": [{"bool": True}]}})
    assert "not of the type that is declared" in wrong["error"]


def nested(key, depth):
    return b'{"expr":"x","bindings":{"x":' + key * depth + b'{"int":"1"}'


HOSTILE = [
    b"", b"   ", b"null", b"5", b"[]", b"{}", b"{", b"\x00", b"\xff\xfe", b"[" * 100000,
    b'{"expr":"1\x00"}', b'{"expr":"\xff"}', b'{"expr":"\\ud800"}', b'{"expr":null}',
    b'{"expr":"1","expr":"2"}', b'{"expr":"1"} x', b'{"a":' * 100000,
    *[b'{"expr":"x","bindings":' + b + b"}" for b in (
        b"5", b"[]", b'{"x":5}', b'{"x":{}}', b'{"x":{"object":{"type":"a.B"}}}',
        b'{"x":{"enum":"A"}}', b'{"x":{"int":"5","uint":"5"}}', b'{"x":{"int":"five"}}',
        b'{"x":{"int":99999999999999999999}}', b'{"x":{"double":1e999}}',
        b'{"x":{"uint":"-1"}}', b'{"x":{"bytes":"!"}}', b'{"x":{"list":5}}',
        b'{"x":{"map":[[1,2,3]]}}', b'{"x":{"map":[[{"null":true},{"null":true}]]}}',
        b'{"x":{"timestamp":"soon"}}', b'{"x":{"duration":5}}', b'{"y":{"int":"1"}}')],
    *[b'{"expr":"f(x)","type_env":' + t + b"}" for t in (
        b"5", b"[5]", b'[{"name":"x"}]', b'[{"name":5,"type":"int"}]',
        b'[{"name":"x","type":"foo"}]', b'[{"name":"x","type":{"message":"a.B"}}]',
        b'[{"name":"x","type":"int"}]', b'[{"name":"f","overloads":5}]',
        b'[{"name":"f","overloads":[{"params":["int","int","int","int","int"],"result":"int"}]}]',
        b'[{"name":"f","overloads":[{"params":[],"result":"int","receiver":true}]}]',
        b'[{"name":"f\\u0000","overloads":[]}]', b'[{"name":"x","type":'
        + b'{"list":' * 500 + b'"int"' + b"}" * 500 + b"}]")],
    b'{"expr":"x","container":5}', b'{"expr":"x","container":"' + b"a." * 100 + b'a"}',
    b'{"expr":"1","check_only":5}', b'{"expr":"1","disable_check":"no"}',
    b'{"expr":"' + b"(" * 9000 + b'"}', b'{"expr":"' + b"a" * 20000 + b'"}',
    nested(b'{"list":[', 400) + b"]}" * 400 + b"}}",
    json.dumps({"expr": "x", "bindings": {f"n{i}": {"int": "1"} for i in range(300)}}).encode(),
    json.dumps({"expr": "[1, 2].map(a, x).map(b, x).map(c, x).size()" + " + 1" * 5000}).encode(),
]


def test_every_row_is_answered_whatever_it_holds():
    good = b'{"expr":"1 + 1"}'
    rows = [line for hostile in HOSTILE for line in (hostile, good)]
    got = answers(*rows)
    for hostile, mistake, fine in zip(HOSTILE, got[::2], got[1::2]):
        assert list(mistake) == ["error"], hostile[:200]
        assert fine == {"value": {"int": "2"}}, hostile[:200]


def test_long_lines_are_answered():
    long = b"a" * 10_000_000
    got = answers(
        b'{"expr":"x","bindings":{"x":{"string":"' + long + b'"}}}',
        b'{"expr":"' + long + b'"}',
        long * 2,
        b'{"expr":"x.size()","bindings":{"x":{"list":[' + b'{"null":true},' * 500_000
        + b'{"null":true}]}}}',
        b'{"expr":"1"}',
    )
    assert [list(a)[0] for a in got] == ["value", "error", "error", "value", "value"]
    assert got[0]["value"]["string"] == long.decode()
    assert got[2] == {"error": "a line has at most 16 MiB"}


def test_what_would_not_end_is_an_error():
    numbers = {"list": [{"int": str(i)} for i in range(1000)]}
    loops = "x.all(a, x.all(b, x.all(c, a + b + c >= 0)))"
    doubled = "".join(f"cel.bind(a{i + 1}, [a{i}, a{i}], " for i in range(40))
    types = "".join(f"cel.bind(a{i + 1}, {{a{i}: a{i}}}, " for i in range(40))
    pair = {"params": [{"param": "T"}], "result": {"map": [{"param": "T"}, {"param": "T"}]}}
    got = answers(
        {"expr": loops, "bindings": {"x": numbers}},
        {"expr": f"cel.bind(a0, [0], {doubled}a40" + ")" * 41},
        {"expr": f"cel.bind(a0, 0, {types}1" + ")" * 41, "disable_check": True},
        {"expr": "f(" * 60 + "1" + ")" * 60, "type_env": [{"name": "f", "overloads": [pair]}]},
    )
    assert [list(a)[0] for a in got] == ["error", "error", "value", "error"]


def test_the_last_line_need_not_be_ended_and_nothing_is_no_row():
    assert run("--jsonl", stdin=b"").stdout == b""
    assert run("--jsonl", stdin=b'{"expr":"1"}').stdout == b'{"value":{"int":"1"}}\n'
    assert run("--jsonl", stdin=b"\n").stdout.count(b"\n") == 1


def test_each_answer_is_there_before_the_next_row():
    with subprocess.Popen([BIN, "eval", "--jsonl"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as process:
        limit = threading.Timer(TIMEOUT_S, process.kill)
        limit.start()
        for i in range(3):
            process.stdin.write(json.dumps({"expr": str(i)}).encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline()) == {"value": {"int": str(i)}}
        process.stdin.close()
        assert process.wait(TIMEOUT_S) == 0
        limit.cancel()
