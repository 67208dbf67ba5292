"""asyncapi.yaml: is it valid, and does it say what openapi.yaml and the configurations say?"""
import warnings

import jsonschema
import pytest
import yaml

import asyncapi_spec
from asyncapi_spec import SPEC

with warnings.catch_warnings():  # of its own names, at import
    warnings.simplefilter("ignore")
    from asyncapi3.models.asyncapi import AsyncAPI3

# Channel: the key of `kafka:` that names its topic.
TOPICS = {"transactions": "transactions", "labels": "labels", "decisions": "decisions",
          "alerts": "alerts", "deadLetters": "dead_letters"}


def load(path):
    with open(path, encoding="utf-8") as f:
        return yaml.safe_load(f)


def test_the_document_is_asyncapi_3():
    AsyncAPI3.model_validate(SPEC)


def test_every_reference_names_something():
    for reference in asyncapi_spec.references(SPEC):
        assert asyncapi_spec.resolve(reference) is not None, reference


@pytest.mark.parametrize("name", SPEC["components"]["schemas"])
def test_schemas_are_schemas_and_hold_their_examples(name):
    schema = SPEC["components"]["schemas"][name]
    jsonschema.Draft7Validator.check_schema(schema)
    for example in schema.get("examples", []):
        asyncapi_spec.validator(schema).validate(example)


def test_what_both_documents_describe_they_describe_alike():
    http = load("openapi.yaml")["components"]["schemas"]
    kafka = SPEC["components"]["schemas"]
    shared = set(http) & set(kafka)
    assert {"Transaction", "Label", "Decision"} <= shared
    for name in shared:
        assert kafka[name] == http[name], name


def test_every_channel_has_a_key_of_the_configuration_and_an_operation():
    assert set(SPEC["channels"]) == set(TOPICS)
    used = {operation["channel"]["$ref"] for operation in SPEC["operations"].values()}
    assert used == {f"#/channels/{name}" for name in TOPICS}


def test_what_comes_in_is_received_and_what_goes_out_is_sent():
    received = {operation["channel"]["$ref"].rsplit("/", 1)[1]
                for operation in SPEC["operations"].values() if operation["action"] == "receive"}
    assert received == {"transactions", "labels"}
