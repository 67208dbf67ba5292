"""`make run KAFKA=1`: what it starts, what is there then, and that nothing is left of it."""
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import kafka_broker
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

import run_kafka
from asyncapi_spec import SPEC
from conftest import BIN

WAIT_S = kafka_broker.START_S
with open("README.md", encoding="utf-8") as f:
    SECTION = re.search(r"^## Kafka\n(.*?)^## ", f.read(), re.M | re.S)[1]
BLOCKS = [re.sub("^    ", "", block, flags=re.M)
          for block in re.findall(r"(?:^    .*\n|^\n(?=    ))+", SECTION, re.M)]


class Run:
    """The command, on ports of its own."""

    def __init__(self, folder):
        self.kafka_port = kafka_broker.free_ports(3)  # and the next is the controller's
        self.redis_port = self.kafka_port + 2
        self.bootstrap = f"127.0.0.1:{self.kafka_port}"
        self.lines = queue.Queue()
        self.process = subprocess.Popen(
            [sys.executable, "tests/system/run_kafka.py", "--program", BIN, "--folder", folder,
             "--partitions", "3", "--kafka-port", str(self.kafka_port),
             "--redis-port", str(self.redis_port)],
            env={**os.environ, "SLUICE_LISTEN": "127.0.0.1:0",
                 "SLUICE_JOURNAL_DIR": str(folder / "journal"), "SLUICE_WORKERS": "1"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put("")

    def wait(self, pattern):
        said = ""
        while not re.search(pattern, said):
            line = self.lines.get(timeout=2 * WAIT_S)
            assert line, said
            said += line
        return said

    def interrupt(self):
        """Ctrl-C; answers the exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(WAIT_S)

    def is_up(self):
        return (kafka_broker.answers_api_versions(self.kafka_port),
                run_kafka.redis_answers(self.redis_port))


@pytest.fixture
def make_run():
    """Of a folder: the command in it, once Sluice listens."""
    try:
        kafka_broker.require()
    except kafka_broker.Unavailable as why:
        pytest.skip(str(why))
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    runs = []

    def make(folder):
        runs.append(Run(folder))
        runs[-1].said = runs[-1].wait(r'"listening"')
        return runs[-1]

    yield make
    for run in runs:
        if run.process.poll() is None:
            assert run.interrupt() == 0


def test_one_command_starts_all_of_it_and_ctrl_c_ends_all_of_it(make_run, tmp_path):
    run = make_run(tmp_path)
    assert run.is_up() == (True, True)
    assert f"kcat -P -b {run.bootstrap} -t transactions" in run.said
    topics = AdminClient({"bootstrap.servers": run.bootstrap}).list_topics(timeout=WAIT_S).topics
    for channel in SPEC["channels"].values():
        assert len(topics[channel["address"]].partitions) == 3
    assert run.interrupt() == 0
    assert run.is_up() == (False, False)
    again = make_run(tmp_path)  # on the data there is, with topics that exist
    assert again.interrupt() == 0


def test_what_runs_already_is_used_and_left_running(tmp_path, kafka):
    port = kafka_broker.free_ports(1)
    other = run_kafka.start_redis(tmp_path / "other", port)
    try:
        assert run_kafka.start_redis(tmp_path / "not", port) is None
        assert run_kafka.start_kafka(tmp_path / "not", kafka.port) is None
        assert not (tmp_path / "not").exists()
    finally:
        other.kill()
        other.wait()


def test_a_topic_that_cannot_be_created_is_named(kafka):
    with pytest.raises(run_kafka.Failed, match="^Kafka does not create the topic transactions: "):
        run_kafka.create_topics(kafka.port, -5)


def test_the_consumer_of_the_readme_drops_repeats_by_their_id(kafka, tmp_path):
    text = next(block for block in BLOCKS if "import confluent_kafka" in block)
    assert len(text.strip().splitlines()) == 10
    topic = kafka.create_topic("alerts-of-the-readme")
    text = text.replace('"alerts"', f'"{topic}"').replace("127.0.0.1:9092", kafka.bootstrap)
    (tmp_path / "consumer.py").write_text(text)
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for ce_id, value in [("1", "a"), ("2", "b"), ("1", "a"), ("2", "b"), ("3", "c")]:
        producer.produce(topic, value, headers=[("ce_id", ce_id)])
    assert producer.flush(WAIT_S) == 0
    with subprocess.Popen([sys.executable, tmp_path / "consumer.py"], stdout=subprocess.PIPE,
                          text=True) as consumer:
        assert [consumer.stdout.readline() for _ in range(3)] == ["1 a\n", "2 b\n", "3 c\n"]
        consumer.kill()


def shell(commands):
    return subprocess.run(["bash", "-euc", commands], stdout=subprocess.PIPE, text=True, check=True,
                          timeout=WAIT_S).stdout


def try_out(run, block, wanted):
    """A block of the README: its producers once, its consumers until they show what is wanted."""
    commands = re.split(r"\n\n\{", block)[0].replace("127.0.0.1:9092", run.bootstrap)
    first, consumer = re.split(r"^(?=kcat -C)", commands, flags=re.M)
    shell(first)
    end = time.monotonic() + WAIT_S
    while not re.search(wanted, said := shell(consumer)):
        assert time.monotonic() < end, (consumer, said)
        time.sleep(0.1)
    return said


def test_what_the_readme_shows_with_kcat_works(make_run, tmp_path):
    if shutil.which("kcat") is None:
        pytest.skip("kcat is not installed")
    run = make_run(tmp_path)
    one, ten, other = [block for block in BLOCKS if "kcat -P" in block]
    shown = re.search(r"^\{.*(?=…)", one, re.M)[0]
    assert try_out(run, one, '"k-1"').startswith(shown)
    alert = try_out(run, ten, '"decision":"flag"')
    assert alert.startswith("k-11 content-type=application/json,ce_specversion=1.0,ce_id=")
    assert len(alert.splitlines()) == 2
    letters = try_out(run, other, "not JSON")
    assert re.search(r"^error=bad_json,error.detail=.*,topic=transactions,partition=", letters)
