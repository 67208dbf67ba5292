"""sluice dlq: dead letters are shown, and go back to where they came from, once."""
import json
import subprocess

import confluent_kafka
import pytest
from conftest import BIN, payment

WAIT_S = 60
ORIGINAL_HEADERS = [("mine", b"1"), ("topic", b"the message's own")]


def letter_headers(topic, error="schema", offset=7):
    """As Sluice adds them to the message's own."""
    return [("error", error.encode()), ("error.detail", b"/amount is missing"),
            ("topic", topic.encode()), ("partition", b"0"), ("offset", str(offset).encode()),
            ("timestamp", b"1767614400000")]


class Topics:
    def __init__(self, kafka, name):
        self.kafka, self.name = kafka, name
        self.origin = kafka.create_topic(f"{name}-in")
        self.dead = kafka.create_topic(f"{name}-dead", 2)

    def bury(self, value, headers, key=b"k", partition=0, times=1):
        producer = confluent_kafka.Producer({"bootstrap.servers": self.kafka.bootstrap})
        for _ in range(times):
            producer.produce(self.dead, value, key, partition, headers=headers)
        assert producer.flush(WAIT_S) == 0

    def arrived(self, count):
        consumer = confluent_kafka.Consumer(
            {"bootstrap.servers": self.kafka.bootstrap, "group.id": f"{self.name}-reader",
             "auto.offset.reset": "earliest", "enable.auto.commit": False})
        consumer.subscribe([self.origin])
        messages = consumer.consume(count, WAIT_S)
        consumer.close()
        assert len(messages) == count
        return messages

    def dlq(self, *options, topic=None):
        return subprocess.run(
            [BIN, "dlq", "--ruleset", "r.yaml", "--kafka.brokers", self.kafka.bootstrap,
             "--kafka.group", self.name, "--kafka.dead_letters", topic or self.dead, *options],
            capture_output=True, text=True, timeout=WAIT_S * 2, check=False)


@pytest.fixture
def topics(kafka, request):
    return Topics(kafka, "dlq-" + str(abs(hash(request.node.name)) % 10**9))


def test_they_are_shown_with_where_they_stand_and_why(topics):
    topics.bury(b"{}", letter_headers(topics.origin), partition=1)
    topics.bury(b"not JSON", letter_headers(topics.origin, "bad_json", 8))
    done = topics.dlq()
    assert done.returncode == 0, done.stderr
    shown = {letter["error"]: letter for letter in map(json.loads, done.stdout.splitlines())}
    assert shown["bad_json"]["offset"] == "8" and shown["bad_json"]["topic"] == topics.origin
    assert shown["schema"]["detail"] == "/amount is missing" and shown["schema"]["goes_back"]
    assert shown["schema"]["letter"] == {"partition": 1, "offset": 0}
    assert "2 dead letters" in done.stderr and "schema 1" in done.stderr


def test_a_replay_sends_them_back_as_they_were_and_only_once(topics):
    topics.bury(b"{}", ORIGINAL_HEADERS + letter_headers(topics.origin))
    topics.bury(b"\x00\xff", letter_headers(topics.origin), key=None, partition=1)
    dry = topics.dlq("--replay", "--dry-run")
    assert "2 would be sent back" in dry.stderr
    done = topics.dlq("--replay")
    assert done.returncode == 0 and "2 sent back" in done.stderr
    again = topics.dlq("--replay")
    assert "0 dead letters; 0 sent back" in again.stderr
    assert "2 would be sent back" in topics.dlq("--from-beginning").stderr
    by_value = {m.value(): m for m in topics.arrived(2)}
    assert by_value[b"{}"].headers() == ORIGINAL_HEADERS and by_value[b"{}"].key() == b"k"
    assert by_value[b"\x00\xff"].key() is None and not by_value[b"\x00\xff"].headers()


def test_what_has_lost_its_value_stays(topics):
    topics.bury(b'{"left_out":"a card number stood in it in clear"}',
                letter_headers(topics.origin, "card_number"))
    topics.bury(b"{}", [("error", b"schema")])
    done = topics.dlq("--replay")
    assert done.returncode == 0 and "0 sent back, 2 cannot go back" in done.stderr


def test_nothing_is_committed_when_something_could_not_be_sent(topics):
    topics.bury(b"{}", letter_headers("no-such-topic-anywhere"))
    done = topics.dlq("--replay", "--kafka.properties", "topic.metadata.propagation.max.ms=0")
    assert done.returncode == 1 and "no-such-topic-anywhere" in done.stderr
    assert "1 would be sent back" in topics.dlq("--replay", "--dry-run").stderr


def test_more_than_the_client_librarys_queue_holds_goes_back(topics):
    topics.bury(b"{}", letter_headers(topics.origin), times=200)
    done = topics.dlq("--replay", "--kafka.properties", "queue.buffering.max.messages=10")
    assert done.returncode == 0 and "200 sent back" in done.stderr
    topics.arrived(200)


def test_a_topic_or_broker_that_is_not_there_is_said(topics):
    done = topics.dlq(topic="no-such-dead-letters")
    assert done.returncode == 1 and "Unknown topic" in done.stderr
    done = subprocess.run([BIN, "dlq", "--ruleset", "r.yaml"], capture_output=True, text=True,
                          timeout=WAIT_S, check=False)
    assert done.returncode == 1 and "kafka.brokers" in done.stderr


def test_what_is_mended_is_scored_after_a_replay(make_server, topics):
    """The whole way: refused, schema mended, sent back, decided."""
    decisions = topics.kafka.create_topic(f"{topics.name}-out")
    event = payment(1, terminal_id="m-" + "1" * 70)
    settings = {"kafka__brokers": topics.kafka.bootstrap, "kafka__group": topics.name,
                "kafka__transactions": topics.origin, "kafka__dead_letters": topics.dead,
                "kafka__decisions": decisions, "alerts__file": ""}
    server = make_server(**settings)
    producer = confluent_kafka.Producer({"bootstrap.servers": topics.kafka.bootstrap})
    producer.produce(topics.origin, json.dumps(event), b"a-1")
    assert producer.flush(WAIT_S) == 0
    reader = confluent_kafka.Consumer({"bootstrap.servers": topics.kafka.bootstrap,
                                       "group.id": f"{topics.name}-r",
                                       "auto.offset.reset": "earliest"})
    reader.subscribe([topics.dead, decisions])
    letter = reader.consume(1, WAIT_S)[0]
    assert dict(letter.headers())["error"] == b"schema"
    server.write("ruleset.yaml", (server.folder / "ruleset.yaml").read_text().replace(
        "terminal_id: {type: string, max: 64}", "terminal_id: {type: string, max: 128}"))
    server.signal(1)
    server.wait_log("ruleset loaded")
    assert "1 sent back" in topics.dlq("--replay").stderr
    decision = reader.consume(1, WAIT_S)[0]
    reader.close()
    assert decision.topic() == decisions
    assert json.loads(decision.value())["transaction_id"] == event["transaction_id"]
