"""Kafka, Redis and Sluice between them, until Ctrl-C: `make run KAFKA=1`.

    python3 tests/system/run_kafka.py [--config sluice-kafka.yaml] [--partitions 6]
                                      [--kafka-port 9092] [--redis-port 6390]

What already answers at a port is used, and left running. What was started here ends here, after
Sluice has, and keeps its data in build/run-kafka: remove that to begin anew. Standard library only.
"""
import argparse
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

import kafka_broker

TOPICS = ("transactions", "labels", "decisions", "alerts", "transactions.dlq")
TOPIC_EXISTS = 36  # an error of Kafka's that is none here
EVENT = ('{"transaction_id":"hint-1","account_id":"hint","amount":9.50,'
         '"timestamp":"2026-01-05T12:00:00Z"}')
HINT = """
Kafka is at {kafka}, Redis at {redis}; in another terminal:

  echo '{event}' |
      kcat -P -b {kafka} -t transactions -k hint
  kcat -C -b {kafka} -t decisions -e -q
  kcat -C -b {kafka} -t alerts -e -q -f '%h\\n%s\\n'

README.md has more. Dead letters, and another instance of the group:

  build/sluice dlq -c {config} --kafka.brokers {kafka}
  SLUICE_KAFKA_BROKERS={kafka} SLUICE_STATE_REDIS=redis://{redis}/0 \\
      SLUICE_JOURNAL_DIR=build/journal-2 SLUICE_LISTEN=127.0.0.1:8081 \\
      build/sluice serve -c {config}

Ctrl-C ends {ends}.
"""


class Failed(Exception):
    """Something did not start; says what."""


# ---- Kafka -----------------------------------------------------------------------------------


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


def create_topics(port, partitions):
    """Those that are missing, by the broker's own protocol: CreateTopics, version 2."""
    topics = b"".join(text(name) + struct.pack(">ihii", partitions, 1, 0, 0) for name in TOPICS)
    request = (struct.pack(">hhi", 19, 2, 1) + text("sluice") + struct.pack(">i", len(TOPICS)) +
               topics + struct.pack(">i?", kafka_broker.START_S * 1000, False))
    with socket.create_connection((kafka_broker.HOST, port), kafka_broker.START_S) as s:
        s.sendall(struct.pack(">i", len(request)) + request)
        reply = s.makefile("rb")
        reply.read(16)  # length, correlation, throttle, count
        for _ in TOPICS:
            name = reply.read(*struct.unpack(">h", reply.read(2))).decode()
            error, length = struct.unpack(">hh", reply.read(4))
            why = reply.read(max(0, length)).decode()
            if error not in (0, TOPIC_EXISTS):
                raise Failed(f"Kafka does not create the topic {name}: {why}")


def start_kafka(folder, port):
    """The cluster, or None where a broker is there already."""
    if kafka_broker.answers_api_versions(port):
        return None
    cluster = kafka_broker.Cluster(folder, 1, port, detached=True)
    return cluster.start()


# ---- Redis -----------------------------------------------------------------------------------


def redis_answers(port):
    try:
        with socket.create_connection((kafka_broker.HOST, port), 1) as s:
            s.sendall(b"PING\r\n")
            return s.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def start_redis(folder, port):
    """Its process, or None where one is there already. It keeps what it was told, for a second."""
    if redis_answers(port):
        return None
    if shutil.which("redis-server") is None:
        raise Failed("redis-server is not installed (sh .ci/packages.sh try)")
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "log", "ab") as log:
        process = subprocess.Popen(
            ["redis-server", "--bind", kafka_broker.HOST, "--port", str(port), "--dir", folder,
             "--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    end = time.monotonic() + kafka_broker.START_S
    while not redis_answers(port):
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            raise Failed(f"redis-server does not start at port {port}: see {folder}/log")
        time.sleep(0.02)
    return process


# ---- Sluice ----------------------------------------------------------------------------------


def serve(program, config, settings):
    """Runs it until it ends by itself or because we are told to; its exit status.

    In a session of its own a Ctrl-C reaches it once, through us: a second signal would end it
    before it has finished what it has begun.
    """
    process = subprocess.Popen([program, "serve", "-c", config], env={**settings, **os.environ},
                               start_new_session=True)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: process.send_signal(signal.SIGTERM))
    return process.wait()


def run(arguments):
    folder = pathlib.Path(arguments.folder)
    kafka_at = f"{kafka_broker.HOST}:{arguments.kafka_port}"
    redis_at = f"{kafka_broker.HOST}:{arguments.redis_port}"
    cluster = redis = None
    try:
        cluster = start_kafka(folder / "kafka", arguments.kafka_port)
        redis = start_redis(folder / "redis", arguments.redis_port)
        create_topics(arguments.kafka_port, arguments.partitions)
        names = ["Sluice", redis and "Redis", cluster and "Kafka"]
        print(HINT.format(kafka=kafka_at, redis=redis_at, event=EVENT, config=arguments.config,
                          ends=" and ".join(filter(None, names))), flush=True)
        return serve(arguments.program, arguments.config,
                     {"SLUICE_KAFKA_BROKERS": kafka_at,
                      "SLUICE_STATE_REDIS": f"redis://{redis_at}/0"})
    finally:
        if redis is not None:
            redis.terminate()
            redis.wait()
        if cluster is not None:
            cluster.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", default="sluice-kafka.yaml")
    parser.add_argument("--partitions", type=int, default=1, help="of topics that are missing")
    parser.add_argument("--kafka-port", type=int, default=9092, help="and the one after it")
    parser.add_argument("--redis-port", type=int, default=6390)
    parser.add_argument("--program", default=f"{kafka_broker.BUILD}/sluice")
    parser.add_argument("--folder", default=f"{kafka_broker.BUILD}/run-kafka")
    try:
        return run(parser.parse_args())
    except (Failed, kafka_broker.Failed, kafka_broker.Unavailable) as error:
        print(f"run_kafka: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    # Ended while something starts: what was started ends too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
