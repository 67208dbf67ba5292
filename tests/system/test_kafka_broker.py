"""The Kafka that other tests stand on: a real one, and its faults are real too."""
import time

import confluent_kafka
import kafka_broker
import pytest

WAIT_S = kafka_broker.START_S
KEY = bytes(range(256))
VALUE = b"\0\xff not UTF-8 \r\n" + KEY * 4
HEADERS = [("id", b"\0\x01\xff"), ("empty", b""), ("id", b"again"), ("null", None)]


def produce(kafka, topic, values, headers=None, **settings):
    """Each value is with the brokers when this returns."""
    failed = []
    producer = confluent_kafka.Producer(
        {"bootstrap.servers": kafka.bootstrap, "acks": "all", "linger.ms": 0, **settings})
    for value in values:
        producer.produce(topic, value, KEY, headers=headers,
                         on_delivery=lambda error, _: failed.append(error) if error else None)
    left = producer.flush(WAIT_S)
    assert left == 0 and not failed, (left, failed)


def consume(kafka, topic, count):
    consumer = confluent_kafka.Consumer(
        {"bootstrap.servers": kafka.bootstrap, "group.id": f"group-of-{topic}",
         "auto.offset.reset": "earliest", "enable.auto.commit": False})
    try:
        consumer.subscribe([topic])
        messages = consumer.consume(count, WAIT_S)
        assert len(messages) == count
        assert not [m.error() for m in messages if m.error()]
        return messages
    finally:
        consumer.close()


def values_of(messages):
    return [m.value() for m in messages]


def test_a_message_goes_in_and_comes_out_byte_for_byte(kafka):
    topic = kafka.create_topic("bytes")
    produce(kafka, topic, [VALUE, b""], HEADERS)
    first, second = consume(kafka, topic, 2)
    assert (first.key(), first.value(), first.headers()) == (KEY, VALUE, HEADERS)
    assert (second.value(), second.offset(), second.partition()) == (b"", 1, 0)


def test_a_topic_has_the_partitions_and_settings_it_was_created_with(kafka):
    topic = kafka.create_topic("settings", 3, max_message_bytes=4096)
    found = kafka.admin().list_topics(topic, timeout=WAIT_S).topics[topic].partitions
    assert sorted(found) == [0, 1, 2]
    with pytest.raises(AssertionError, match="MSG_SIZE_TOO_LARGE"):
        produce(kafka, topic, [b"x" * 8192])


def test_what_was_acknowledged_outlives_kill_9_and_an_orderly_stop(make_kafka):
    kafka = make_kafka()
    node = kafka.nodes[0]
    topic = kafka.create_topic("kept")
    produce(kafka, topic, [b"before the kill"], HEADERS)
    node.kill()
    assert node.pid() is None and not kafka_broker.answers_api_versions(node.port)
    node.start()
    produce(kafka, topic, [b"before the stop"])
    node.stop()
    assert node.pid() is None
    node.start()
    messages = consume(kafka, topic, 2)
    assert values_of(messages) == [b"before the kill", b"before the stop"]
    assert messages[0].headers() == HEADERS


def test_a_broker_that_is_paused_says_nothing_and_goes_on_when_resumed(make_kafka):
    kafka = make_kafka()
    topic = kafka.create_topic("paused")
    kafka.nodes[0].pause()
    assert not kafka_broker.answers_api_versions(kafka.nodes[0].port)
    kafka.nodes[0].resume()
    kafka.nodes[0].wait_ready(time.monotonic() + WAIT_S)
    produce(kafka, topic, [b"after"])
    assert values_of(consume(kafka, topic, 1)) == [b"after"]


def test_three_brokers_elect_a_leader_when_theirs_is_killed(make_kafka):
    kafka = make_kafka(3)
    topic = kafka.create_topic("elected")
    produce(kafka, topic, [b"one"])
    dead = kafka.wait_leader(topic)
    dead.kill()
    assert kafka.wait_leader(topic, other_than=dead).pid() is not None
    produce(kafka, topic, [b"two"])
    assert values_of(consume(kafka, topic, 2)) == [b"one", b"two"]
    dead.start()
    assert kafka.runs() == 3


def test_a_port_that_is_taken_is_refused(kafka, tmp_path):
    other = kafka_broker.Cluster(tmp_path, port=kafka.port)
    with pytest.raises(kafka_broker.PortTaken, match=f"^port {kafka.port} is taken$"):
        other.start()
    assert other.runs() == 0
