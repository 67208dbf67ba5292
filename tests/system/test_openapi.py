"""openapi.yaml against the running service, both ways."""
import os
import re
import subprocess
import sys

import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from conftest import payment

with open("openapi.yaml", encoding="utf-8") as f:
    SPEC = yaml.safe_load(f)
with open("api/route.h", encoding="utf-8") as f:
    TABLE = re.findall(r'X\(METHOD_(\w+), "([^"]+)", [^)]*?(on_\w+),([^)]*)\)', f.read())
ROUTES = [(method, path) for method, path, _, _ in TABLE]


def schema_of(name):
    spec = Resource.from_contents(SPEC, default_specification=DRAFT202012)
    registry = Registry().with_resource("urn:spec", spec)
    return Draft202012Validator({"$ref": f"urn:spec#/components/schemas/{name}"}, registry=registry)


def test_every_route_is_documented_and_every_path_is_served():
    documented = {(method.upper(), path) for path, item in SPEC["paths"].items()
                  for method in item if method in ("get", "post", "put", "delete")}
    assert documented == set(ROUTES)


def test_every_query_parameter_is_documented():
    for method, path, _, query in TABLE:
        known = set(re.findall(r'"(\w+)"', query))
        documented = SPEC["paths"][path][method.lower()].get("parameters", [])
        named = [SPEC["components"]["parameters"][p["$ref"].split("/")[-1]] if "$ref" in p else p
                 for p in documented]
        assert {p["name"] for p in named if p["in"] == "query"} == known, path


@pytest.mark.parametrize("name", ["openapi.yaml", "asyncapi.yaml"])
def test_the_document_that_is_served_is_the_one_in_the_repository(server, name):
    reply = server.get(f"/{name}")
    assert reply.headers["Content-Type"] == "application/yaml"
    with open(name, "rb") as f:
        assert reply.body == f.read()


def test_answers_fit_their_schemas(server):
    for i in range(11):
        schema_of("Decision").validate(server.score(payment(i), "?explain=true").json())
    schema_of("Decision").validate(server.get("/v1/decisions/t-a-1-3").json())
    schema_of("Ruleset").validate(server.get("/v1/ruleset").json())
    schema_of("Entity").validate(server.entity("a-1").json())
    listed = server.get("/v1/alerts").json()
    assert len(listed["alerts"]) == 1
    schema_of("AlertList").validate(listed)
    label = {"kind": "label", "transaction_id": "t-a-1-1", "outcome": "fraud",
             "timestamp": "2026-01-05T12:30:00Z"}
    schema_of("Label").validate(label)
    schema_of("LabelAnswer").validate(server.label(label).json())
    schema_of("Problem").validate(server.score("{").json())
    schema_of("LineProblem").validate(server.batch(["{"]).lines()[0])


def test_examples_of_the_document_are_answered_as_it_says(server):
    example = SPEC["components"]["schemas"]["Transaction"]["examples"][0]
    assert server.score(example).status == 200
    assert server.label(SPEC["components"]["schemas"]["Label"]["examples"][0]).status == 200


def test_a_property_based_tester_finds_no_server_error_and_nothing_undocumented(server, tmp_path):
    pytest.importorskip("schemathesis")
    tester = os.path.join(os.path.dirname(sys.executable), "schemathesis")
    done = subprocess.run(
        [tester, "run", "openapi.yaml", "--url", f"http://127.0.0.1:{server.port}",
         "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,"
                     "response_schema_conformance",
         "--exclude-path", "/v1/alerts/stream",  # it has no end: test_alert_stream.py
         "--phases", "examples,coverage,fuzzing", "--max-examples", "100", "--seed", "1",
         "--generation-deterministic", "--no-color"],
        capture_output=True, text=True, timeout=300,
        env={**os.environ, "SCHEMATHESIS_HOOKS": "tests/system/schemathesis_hooks.py",
             "PYTHONPATH": ".", "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path / "hypothesis")})
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert server.get("/livez").status == 200
