"""Real Kafka brokers on loopback: Apache Kafka, whose nodes are broker and controller in one.

    python3 tests/system/kafka_broker.py start [--brokers 1|3] [--port N]
    python3 tests/system/kafka_broker.py stop

`make kafka` and `make kafka-stop` run these; tests take a Cluster from the fixtures of conftest.py.
The jars are those of tests/system/kafka/pom.xml, which `make build/kafka/libs/.made` fetches.

    FOLDER/node-1/server.properties   written at each start
                  pid                 of the process that was started last
                  log                 what it said, of all its starts
                  data/               kept over stop, kill and start

Standard library only, but for create_topic(), which needs build/venv.
"""
import argparse
import base64
import glob
import os
import pathlib
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import uuid

BUILD = os.environ.get("BUILD", "build")
LIBS = os.path.abspath(f"{BUILD}/kafka/libs")
HOST = "127.0.0.1"
PORTS = 20000, 32000  # below those that the kernel hands out to clients
PORT_RANGES = 12      # one for each worker of pytest; more than we run
START_S = 90  # takes 3 s on a free machine; a test machine is not always that
STOP_S = 10   # takes half a second; nodes that end together wait in vain for each other

# A small heap, and no effort to make fast what lives for minutes: starting is what takes time.
JAVA = ["java", "-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
        "-Xshare:auto", "-Dorg.slf4j.simpleLogger.showDateTime=true",
        "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSX",
        # Not the 300 settings of each start, so that the end of a log says why it ended.
        "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config.AbstractConfig=warn",
        "-cp", f"{LIBS}/*"]

PROPERTIES = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "auto.create.topics.enable": "false",
    # Kafka's own topics have 50 partitions for clusters that grow; creating them takes seconds.
    "offsets.topic.num.partitions": 1,
    "transaction.state.log.num.partitions": 1,
    "share.coordinator.state.topic.num.partitions": 1,
    # A group whose first member came waits for others, 3 s by default.
    "group.initial.rebalance.delay.ms": 0,
    # A member that was killed is missed after its session; 6 s at least by default.
    "group.min.session.timeout.ms": 1000,
    # A broker that is killed is replaced as leader after this; 9 s by default.
    "broker.session.timeout.ms": 3000,
    "broker.heartbeat.interval.ms": 500,
}


class Unavailable(Exception):
    """This machine cannot run Kafka; says why."""


class Failed(Exception):
    """A broker did not do what it was asked to; says why, with the end of its log."""


class PortTaken(Failed):
    """Another program listens where a broker should."""


def require():
    """Raises Unavailable where Java or Kafka's jars are missing."""
    if shutil.which("java") is None:
        raise Unavailable("Kafka needs java, which is not installed (make deps-test)")
    if not os.path.exists(f"{LIBS}/.made"):
        raise Unavailable(f"Kafka's jars are not in {BUILD}/kafka/libs (make deps-test)")


def is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((HOST, port))
        except OSError:
            return False
    return True


def free_ports(count):
    """The first of `count` ports in a row that are free, of those that no client gets: a broker
    that is down for a moment finds its port free again. Each of pytest's workers (gw0, gw1, ...)
    has a range of its own, lest two take what both found free.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % PORT_RANGES
    size = (PORTS[1] - PORTS[0]) // PORT_RANGES
    begin = PORTS[0] + worker * size
    while True:
        first = random.randrange(begin, begin + size - count)
        if all(is_free(first + i) for i in range(count)):
            return first


def answers_api_versions(port):
    """Does a broker answer there? It answers nothing before it has joined its cluster."""
    request = struct.pack(">hhih", 18, 0, 1, -1)  # ApiVersions v0, correlation 1, no client id
    try:
        with socket.create_connection((HOST, port), 1) as s:
            s.sendall(struct.pack(">i", len(request)) + request)
            reply = s.makefile("rb").read(10)  # length, correlation, error
            return len(reply) == 10 and struct.unpack(">iih", reply)[1:] == (1, 0)
    except OSError:
        return False


class Node:
    """One process, broker and controller. Its folder is all that it is: whoever names the same
    folder later has the same node, running or not.
    """

    def __init__(self, folder, ports, properties, detached):
        self.folder, self.properties = folder, properties
        self.port, self.controller_port = ports
        self.detached = detached  # lives on when we end, and when the terminal says so
        self.config = str(folder / "server.properties")
        self.process = None

    def _java(self, *arguments):
        with open(self.folder / "log", "ab") as log:
            return subprocess.Popen([*JAVA, *arguments], stdin=subprocess.DEVNULL, stdout=log,
                                    stderr=log, start_new_session=self.detached)

    def format(self, cluster_id):
        """Write the configuration; answers the process that formats data/, None when it is."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.config, "w", encoding="utf-8") as f:
            f.writelines(f"{key}={value}\n" for key, value in self.properties.items())
        if (self.folder / "data" / "meta.properties").exists():
            return None
        return self._java("kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}",
                          "--config", self.config)

    def require_ports(self):
        for port in (self.port, self.controller_port):
            if not is_free(port):
                raise PortTaken(f"port {port} is taken")

    def launch(self):
        """Start on the data there is; wait_ready() says when it answers."""
        self.process = self._java("kafka.Kafka", self.config)
        (self.folder / "pid").write_text(f"{self.process.pid}\n")

    def wait_ready(self, end):
        while not answers_api_versions(self.port):
            if self.pid() is None:
                raise Failed(f"the broker at port {self.port} ended:\n{self.log_tail()}")
            if time.monotonic() > end:
                raise Failed(f"the broker at port {self.port} does not answer:\n{self.log_tail()}")
            time.sleep(0.05)

    def start(self):
        """Again, after a stop or a kill. Of a quorum most nodes must run for it to get ready."""
        self.launch()
        self.wait_ready(time.monotonic() + START_S)

    def pid(self):
        """Its process; None when it does not run. A pid that another program has by now is not."""
        if self.process is not None and self.process.poll() is None:
            return self.process.pid
        try:
            pid = int((self.folder / "pid").read_text())
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        return pid if self.config.encode() in words else None

    def signal(self, number):
        pid = self.pid()
        if pid is not None:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass  # it has just ended

    def pause(self):
        """It holds its connections and says nothing."""
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)

    def stop(self):
        """The orderly end: it hands its partitions over first."""
        self.resume()
        self.signal(signal.SIGTERM)
        if not self.wait_ended(STOP_S):
            self.kill()

    def kill(self):
        """kill -9, paused or not."""
        self.signal(signal.SIGKILL)
        self.wait_ended(STOP_S)

    def wait_ended(self, timeout_s):
        end = time.monotonic() + timeout_s
        while self.pid() is not None:
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    def log_tail(self):
        text = (self.folder / "log").read_text(errors="replace")
        return "\n".join(text.splitlines()[-20:])


class Cluster:
    """Nodes 1 to `brokers`; each votes for the leader of the quorum. `port` is the first one's, the
    others' follow, then those of the controllers.
    """

    def __init__(self, folder, brokers=1, port=None, detached=False, properties=None):
        self.folder = pathlib.Path(folder).absolute()
        self.port = free_ports(2 * brokers) if port is None else port
        self.ports = range(self.port, self.port + 2 * brokers)
        names = uuid.uuid5(uuid.NAMESPACE_URL, str(self.folder)).bytes
        self.cluster_id = base64.urlsafe_b64encode(names).decode().rstrip("=")
        self.nodes = [self._node(i, brokers, detached, properties or {}) for i in range(brokers)]
        self.bootstrap = ",".join(f"{HOST}:{node.port}" for node in self.nodes)

    def _node(self, i, brokers, detached, properties):
        folder = self.folder / f"node-{i + 1}"
        controllers = [f"{HOST}:{port}" for port in self.ports[brokers:]]
        listener = f"PLAINTEXT://{HOST}:{self.ports[i]}"
        return Node(folder, (self.ports[i], self.ports[brokers + i]), {
            **PROPERTIES,
            "node.id": i + 1,
            "listeners": f"{listener},CONTROLLER://{controllers[i]}",
            "advertised.listeners": listener,
            "controller.quorum.voters": ",".join(
                f"{number}@{at}" for number, at in enumerate(controllers, 1)),
            "log.dirs": folder / "data",
            # What one broker has acknowledged, another one of three has too.
            "default.replication.factor": brokers,
            "min.insync.replicas": brokers // 2 + 1,
            "offsets.topic.replication.factor": brokers,
            "transaction.state.log.replication.factor": brokers,
            "transaction.state.log.min.isr": brokers // 2 + 1,
            "share.coordinator.state.topic.replication.factor": brokers,
            "share.coordinator.state.topic.min.isr": brokers // 2 + 1,
            **properties,
        }, detached)

    def start(self):
        """Start the nodes that do not run, all at once; returns when each answers."""
        require()
        down = [node for node in self.nodes if node.pid() is None]
        try:
            self._start(down, time.monotonic() + START_S)
        except BaseException:
            for node in down:
                node.kill()
            raise
        return self

    def _start(self, down, end):
        for node in down:
            node.require_ports()
        formats = [(node, node.format(self.cluster_id)) for node in down]
        for node, process in formats:
            if process is not None and process.wait(START_S) != 0:
                raise Failed(f"Kafka cannot format {node.folder}/data:\n{node.log_tail()}")
        for node in down:
            node.launch()
        for node in self.nodes:
            node.wait_ready(end)

    def stop(self):
        """The orderly end of all. Nodes that end together wait for a quorum that is no more; what
        they have written is safe by then, and they are killed.
        """
        for node in self.nodes:
            node.resume()
            node.signal(signal.SIGTERM)
        end = time.monotonic() + STOP_S
        for node in self.nodes:
            if not node.wait_ended(max(0, end - time.monotonic())):
                node.kill()

    def kill(self):
        for node in self.nodes:
            node.kill()

    def runs(self):
        """How many of the nodes run."""
        return sum(node.pid() is not None for node in self.nodes)

    def admin(self):
        from confluent_kafka.admin import AdminClient
        return AdminClient({"bootstrap.servers": self.bootstrap})

    def create_topic(self, name, partitions=1, **config):
        """A topic whose partitions have leaders. `config` is Kafka's, `_` for `.` in names."""
        from confluent_kafka.admin import NewTopic
        admin = self.admin()
        config = {key.replace("_", "."): str(value) for key, value in config.items()}
        admin.create_topics([NewTopic(name, partitions, config=config)])[name].result(START_S)
        for partition in range(partitions):
            self.wait_leader(name, partition, admin=admin)
        return name

    def wait_leader(self, topic, partition=0, other_than=None, admin=None):
        """The node that leads a partition, once there is one."""
        admin = admin or self.admin()
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            found = admin.list_topics(topic, timeout=START_S).topics[topic].partitions
            leader = found[partition].leader if partition in found else -1
            if leader > 0 and self.nodes[leader - 1] is not other_than:
                return self.nodes[leader - 1]
            time.sleep(0.05)
        raise Failed(f"partition {partition} of {topic} has no leader")


# ---- make kafka ------------------------------------------------------------------------------


def developers(brokers, port):
    """The cluster of `make kafka`: its topics need no creating, and its data stays."""
    return Cluster(f"{BUILD}/kafka/brokers-{brokers}", brokers, port, detached=True,
                   properties={"auto.create.topics.enable": "true"})


def port_of(folder):
    """The first port of the cluster in a folder, as it was started last."""
    with open(f"{folder}/node-1/server.properties", encoding="utf-8") as f:
        listeners = next(line for line in f if line.startswith("listeners="))
    return int(listeners.split(",")[0].rsplit(":", 1)[1])


def running():
    """The developers' clusters of which a node runs."""
    for config in glob.glob(f"{BUILD}/kafka/brokers-*/node-1/server.properties"):
        folder = pathlib.Path(config).parent.parent
        cluster = developers(int(folder.name.split("-")[1]), port_of(folder))
        if cluster.runs():
            yield cluster


def start(brokers, port):
    wanted = developers(brokers, port)
    for cluster in running():
        if cluster.bootstrap != wanted.bootstrap:
            raise Failed(f"Kafka runs already at {cluster.bootstrap}: `make kafka-stop` ends it")
        if cluster.runs() == brokers:
            print(f"Kafka runs already at {cluster.bootstrap}; `make kafka-stop` ends it")
            return
    began = time.monotonic()
    wanted.start()
    print(f"Kafka runs after {time.monotonic() - began:.1f} s\n"
          f"  bootstrap servers  {wanted.bootstrap}\n"
          f"  data and logs      {os.path.relpath(wanted.folder)}/node-*/\n"
          f"  to stop            make kafka-stop")


def stop():
    clusters = list(running())
    for cluster in clusters:
        cluster.stop()
        print(f"Kafka at {cluster.bootstrap} has ended; its data stays")
    if not clusters:
        print("Kafka does not run")


def main():
    parser = argparse.ArgumentParser(description="Kafka for development: `make kafka`")
    parser.add_argument("verb", choices=["start", "stop"])
    parser.add_argument("--brokers", type=int, choices=[1, 3], default=1)
    parser.add_argument("--port", type=int, default=9092)
    arguments = parser.parse_args()
    if not 1 <= arguments.port <= 65536 - 2 * arguments.brokers:
        parser.error(f"--port {arguments.port} leaves no room for {2 * arguments.brokers} ports")
    try:
        if arguments.verb == "start":
            start(arguments.brokers, arguments.port)
        else:
            stop()
    except PortTaken as error:
        print(f"kafka: {error}; KAFKA_PORT=N chooses {2 * arguments.brokers} others, from N on",
              file=sys.stderr)
        return 1
    except (Unavailable, Failed) as error:
        print(f"kafka: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
