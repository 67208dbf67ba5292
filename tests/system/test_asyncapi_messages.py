"""Real messages of all five topics, judged by asyncapi.yaml."""
import hashlib
import json
import re

import confluent_kafka
import kafka_broker
import pytest

import asyncapi_spec
from asyncapi_spec import SPEC
from conftest import payment

WAIT_S = kafka_broker.START_S
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
LABEL = {"kind": "label", "outcome": "fraud", "timestamp": "2026-01-12T12:00:10Z"}
CARD = "4111111111111111"
# What can never be scored, and the word it gets.
POISON = [
    (b"{\"transaction_id\":", "bad_json"),
    (b"\xff\xfe not UTF-8", "bad_json"),
    (b"{}", "schema"),
    (json.dumps(payment(1, amount=1)).encode(), "conflict"),
    (b"", "empty"),
    (None, "empty"),
    (b"{\"x\":\"" + b"x" * (1 << 16) + b"\"}", "too_large"),
    (b"\0\0\0\0\7\x02avro", "framing"),
    (json.dumps(payment(50, terminal_id=CARD)).encode(), "card_number"),
]


def topics_of(kafka, run):
    return {name: kafka.create_topic(f"{run}-{channel['address']}")
            for name, channel in SPEC["channels"].items()}


def serve(make_server, kafka, topics, **settings):
    return make_server(kafka__brokers=kafka.bootstrap, kafka__group=topics["alerts"],
                       kafka__transactions=topics["transactions"], kafka__labels=topics["labels"],
                       kafka__decisions=topics["decisions"], kafka__alerts=topics["alerts"],
                       kafka__dead_letters=topics["deadLetters"], **settings)


class Wire:
    def __init__(self, kafka):
        self.bootstrap = kafka.bootstrap
        self.producer = confluent_kafka.Producer({"bootstrap.servers": kafka.bootstrap})

    def send(self, topic, *values, key="a-1"):
        for value in values:
            if isinstance(value, dict):
                value = json.dumps(value)
            self.producer.produce(topic, value, key, headers=[("traceparent", TRACE)])
        assert self.producer.flush(WAIT_S) == 0

    def take(self, topic, count):
        """The first `count` messages."""
        consumer = confluent_kafka.Consumer(
            {"bootstrap.servers": self.bootstrap, "group.id": f"reader-of-{topic}",
             "auto.offset.reset": "earliest"})
        try:
            consumer.subscribe([topic])
            found = consumer.consume(count, WAIT_S)
        finally:
            consumer.close()
        assert [m.error() for m in found] == [None] * count, (topic, found)
        return found


def ce_id(prefix, transaction_id):
    return hashlib.sha256(f"{prefix}:{transaction_id}".encode()).hexdigest()[:32]


@pytest.mark.parametrize("backend", ["memory", "redis"])
def test_messages_of_all_topics_are_what_the_document_says(kafka, make_server, request, backend):
    topics = topics_of(kafka, f"asyncapi-{backend}")
    wire = Wire(kafka)
    settings = {"state__backend": backend}
    if backend == "redis":
        settings["state__redis"] = request.getfixturevalue("redis").url
    server = serve(make_server, kafka, topics, **settings)
    payments = [payment(i) for i in range(1, 12)]
    wire.send(topics["transactions"], *payments)
    decisions = wire.take(topics["decisions"], len(payments))
    wire.send(topics["transactions"], {**LABEL, "transaction_id": "t-a-1-1"})
    wire.send(topics["labels"], {**LABEL, "transaction_id": "t-a-1-2"}, payment(60))
    wire.send(topics["transactions"], *[value for value, _ in POISON])

    for name in ("transactions", "labels"):
        for m in wire.take(topics[name], len(payments) + 1 if name == "transactions" else 1):
            is_label = json.loads(m.value()).get("kind") == "label"
            asyncapi_spec.judge("label" if is_label else "transaction", m)

    for m, sent in zip(decisions, payments):
        value = asyncapi_spec.judge("decision", m)
        headers = asyncapi_spec.headers_of(m)
        transaction_id = sent["transaction_id"]
        assert (m.key(), value["transaction_id"]) == (b"a-1", transaction_id)
        assert headers["ce_id"] == ce_id("decision", transaction_id)
        assert (headers["ce_subject"], headers["traceparent"]) == (transaction_id, TRACE)

    (alert,) = wire.take(topics["alerts"], 1)
    value = asyncapi_spec.judge("alert", alert)
    headers = asyncapi_spec.headers_of(alert)
    assert alert.key() == b"t-a-1-11" == headers["ce_subject"].encode()
    assert value["alert_id"] == headers["ce_id"] == ce_id("alert", "t-a-1-11")
    assert (headers["ce_time"], headers["traceparent"]) == (payments[-1]["timestamp"], TRACE)
    assert value["transaction"] == {**payments[-1]}
    decided = json.loads(decisions[-1].value())
    assert {name: value[name] for name in ("decision", "score", "reasons", "features", "ruleset")
            } == {name: decided[name] for name in ("decision", "score", "reasons", "features",
                                                   "ruleset")}

    letters = wire.take(topics["deadLetters"], len(POISON) + 1)
    for m in letters:
        asyncapi_spec.judge("deadLetter", m)
        headers = asyncapi_spec.headers_of(m)
        assert (m.key(), headers["traceparent"]) == (b"a-1", TRACE)
        assert CARD not in (m.value() or b"").decode(errors="replace") + headers["error.detail"]
    mine = {topic: [m for m in letters if asyncapi_spec.headers_of(m)["topic"] == topic]
            for topic in (topics["transactions"], topics["labels"])}
    assert len(mine[topics["labels"]]) == 1
    for m, (value, word) in zip(mine[topics["transactions"]], POISON, strict=True):
        headers = asyncapi_spec.headers_of(m)
        assert headers["error"] == word, headers
        assert headers["partition"] == "0"
        if word != "card_number":
            assert m.value() == value
    offsets = [int(asyncapi_spec.headers_of(m)["offset"]) for m in mine[topics["transactions"]]]
    assert offsets == list(range(len(payments) + 1, len(payments) + 1 + len(POISON)))
    assert server.stop() == 0


def test_a_label_whose_transaction_never_came_is_a_dead_letter(kafka, make_server):
    topics = topics_of(kafka, "asyncapi-unmatched")
    wire = Wire(kafka)
    server = serve(make_server, kafka, topics, label_wait="1s")
    label = {**LABEL, "transaction_id": "t-never"}
    wire.send(topics["labels"], label)
    (letter,) = wire.take(topics["deadLetters"], 1)
    asyncapi_spec.judge("deadLetter", letter)
    headers = asyncapi_spec.headers_of(letter)
    assert (headers["error"], headers["topic"]) == ("unmatched", topics["labels"])
    assert json.loads(letter.value()) == label
    assert [json.loads(line) for line in open(server.folder / "dead.ndjson")] == [label]


def test_the_words_of_dead_letters_are_those_of_the_source():
    with open("service/io/letter.h", encoding="utf-8") as f:
        words = re.findall(r'X\(LETTER_\w+, "(\w+)",', f.read())
    schema = SPEC["components"]["schemas"]["DeadLetterHeaders"]
    assert words and schema["properties"]["error"]["enum"] == words
