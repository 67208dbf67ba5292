"""asyncapi.yaml as a judge of messages: which schemas a topic's keys, headers and values have."""
import json

import yaml
from jsonschema import Draft7Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

PATH = "asyncapi.yaml"
with open(PATH, encoding="utf-8") as f:
    SPEC = yaml.safe_load(f)
_registry = Registry().with_resource("urn:spec", Resource.from_contents(
    SPEC, default_specification=DRAFT7))


def resolve(reference):
    """What "#/a/b" names, whatever kind of object that is."""
    return _registry.resolver("urn:spec").lookup(reference).contents


def references(node):
    """Every $ref below `node`."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from references(child)


def validator(schema):
    """`schema` is a part of SPEC; its references are too."""
    absolute = json.loads(json.dumps(schema).replace('"$ref": "#/', '"$ref": "urn:spec#/'))
    return Draft7Validator(absolute, registry=_registry, format_checker=FormatChecker())


def message(name):
    return SPEC["components"]["messages"][name]


def headers_of(kafka_message):
    """As the specification sees them: text, and of a name that is there twice the last."""
    return {name: (value or b"").decode() for name, value in kafka_message.headers() or []}


def judge(name, kafka_message):
    """Raises where headers, key or value are not those of the message `name`. The value as JSON."""
    wanted = message(name)
    validator(wanted["headers"]).validate(headers_of(kafka_message))
    key = kafka_message.key()
    validator(wanted["bindings"]["kafka"]["key"]).validate(key and key.decode())
    if wanted.get("contentType") == "application/octet-stream":
        return None
    value = json.loads(kafka_message.value())
    validator(wanted["payload"]).validate(value)
    return value
