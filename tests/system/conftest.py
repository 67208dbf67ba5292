"""A real `sluice serve` for each test that asks for one, on a free loopback port.

SLUICE_BIN names the program (default build/san/sluice, under sanitizers).
"""
import fcntl
import http.client
import json
import os
import pathlib
import queue
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse

import kafka_broker
import pytest

BIN = os.environ.get("SLUICE_BIN", "build/san/sluice")
START_S = 30  # a sanitizer build on a busy machine
WAIT_S = 120  # a hang; the machine may be busy

RULESET = """\
schema:
  transaction_id: {type: string, required: true, max: 64}
  account_id: {type: string, required: true, max: 64}
  amount: {type: decimal, required: true}
  timestamp: {type: timestamp, required: true}
  currency: {type: string, max: 3}
  terminal_id: {type: string, max: 64}
features:
  account_tx_count: {by: account_id, aggregate: count, windows: [5m, 1d]}
  account_amount: {by: account_id, aggregate: sum, of: amount, windows: [1d],
                   where: "currency == 'EUR'"}
  account_frauds: {by: account_id, aggregate: fraud_count, windows: [30d]}
  terminal_tx_count: {by: terminal_id, aggregate: count, windows: [1d]}
flag_at: 70
rules: [rules.yaml]
"""

RULES = """\
rules:
  - id: account-burst
    title: Burst of payments
    when: account_tx_count_5m > 10
    score: 80
    reason: "{account_tx_count_5m} payments in 5 minutes"
    severity: high
    mode: live
"""


# What takes longest begins first, so that the workers end together.
SLOW_FIRST = ("test_kafka_stream.py", "test_openapi.py", "test_schemas.py", "test_kafka_source.py",
              "test_kafka_broker.py", "test_alerts.py")


def pytest_collection_modifyitems(items):
    def rank(item):
        name = item.path.name
        return SLOW_FIRST.index(name) if name in SLOW_FIRST else len(SLOW_FIRST)
    items.sort(key=rank)


def until(check, limit_s=WAIT_S):
    """Waits until it holds."""
    end = time.monotonic() + limit_s
    while not check():
        assert time.monotonic() < end
        time.sleep(0.05)


class Server:
    def __init__(self, folder, settings, env):
        self.folder = folder
        self.settings = {
            "listen": "127.0.0.1:0",
            "ruleset": "ruleset.yaml",
            "dead_letters.file": "dead.ndjson",
            "reload.dir": "rulesets",
            "audit.file": "audit.ndjson",
            **settings,
        }
        self.env = env
        self.program = BIN
        self.process = None
        self.lines = queue.Queue()
        self.log = []

    def write(self, name, content):
        (self.folder / name).write_text(content)

    def configure(self):
        sections, flat = {}, []
        for key, value in self.settings.items():
            if "." in key:
                section, name = key.split(".")
                sections.setdefault(section, []).append(f"  {name}: {json.dumps(value)}")
            else:
                flat.append(f"{key}: {json.dumps(value)}")
        text = flat + [line for name, rows in sections.items() for line in [f"{name}:", *rows]]
        self.write("sluice.yaml", "\n".join(text) + "\n")

    def start(self, ready=True):
        self.configure()
        self.process = subprocess.Popen(
            [self.program, "serve", "-c", str(self.folder / "sluice.yaml")],
            stdout=subprocess.PIPE, stderr=open(self.folder / "stderr", "ab"),
            env={**os.environ, **self.env})
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()
        if ready:
            self.port = self.wait_log("listening")["port"]
        return self

    def _read(self, process):
        for line in process.stdout:
            entry = json.loads(line)  # every line is JSON
            self.log.append(entry)
            self.lines.put(entry)

    def wait_log(self, message, timeout=START_S):
        end = time.monotonic() + timeout
        while True:
            try:
                entry = self.lines.get(timeout=max(0.01, min(0.2, end - time.monotonic())))
                if entry["message"] == message:
                    return entry
            except queue.Empty:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise AssertionError(f"no '{message}' in the log: {self.log} {self.stderr()}")

    def stderr(self):
        return (self.folder / "stderr").read_text(errors="replace")

    def request(self, method, path, body=None, headers=None, timeout=30):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            return Reply(reply.status, reply.headers, reply.read())
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.request("GET", path, headers=headers)

    def score(self, event, query="", **headers):
        body = event if isinstance(event, (bytes, str)) else json.dumps(event)
        return self.request("POST", "/v1/score" + query, body,
                            {"Content-Type": "application/json", **headers})

    def label(self, event):
        return self.request("POST", "/v1/labels", json.dumps(event),
                            {"Content-Type": "application/json"})

    def batch(self, events, query="", **headers):
        body = "".join((e if isinstance(e, str) else json.dumps(e)) + "\n" for e in events)
        return self.request("POST", "/v1/score/batch" + query, body,
                            {"Content-Type": "application/x-ndjson", **headers}, timeout=120)

    def entity(self, value, field="account_id", at="2026-01-05T13:00:00Z"):
        quoted = urllib.parse.quote(value, safe="")
        return self.get(f"/v1/entities/{field}/{quoted}?at={urllib.parse.quote(at)}")

    def count(self, value="a-1", at="2026-01-05T13:00:00Z"):
        """How many payments of a day an account has: what every fault must leave as it was."""
        reply = self.entity(value, at=at)
        assert reply.status == 200, reply.body
        return self._count_in(reply)

    def counts(self, n):
        """Is it n by now? After a fault one worker may say 503 when another has answered: each
        has a connection of its own to Redis."""
        reply = self.entity("a-1")
        return reply.status == 200 and self._count_in(reply) == n

    @staticmethod
    def _count_in(reply):
        return reply.json()["features"]["account_tx_count_1d"]["value"]

    def rss_kib(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, timeout=30):
        """The orderly end; answers the exit status."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def lines(self):
        return [json.loads(line) for line in self.body.splitlines()]


def payment(number, account="a-1", seconds=None, **more):
    """Payment `number` of an account, a second after the one before."""
    seconds = number if seconds is None else seconds
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1767614400 + seconds))  # 2026-01-05T12:00Z
    return {"transaction_id": f"t-{account}-{number}", "account_id": account, "amount": 950.00,
            "currency": "EUR", "timestamp": at, **more}


@pytest.fixture
def make_server(tmp_path):
    servers = []

    def make(start=True, env=None, name="", ready=True, **settings):
        folder = tmp_path / name if name else tmp_path
        folder.mkdir(exist_ok=True)
        settings = {key.replace("__", "."): value for key, value in settings.items()}
        server = Server(folder, settings, env or {})
        if not (folder / "ruleset.yaml").exists():
            server.write("ruleset.yaml", RULESET)
            server.write("rules.yaml", RULES)
        servers.append(server)
        return server.start(ready) if start else server

    yield make
    for server in servers:
        server.kill()
        if (server.folder / "stderr").exists():
            errors = server.stderr()
            assert "Sanitizer" not in errors and "CHECK failed" not in errors, errors


@pytest.fixture
def server(make_server):
    return make_server()


class Redis:
    """A redis-server on a unix socket that keeps what it has acknowledged."""

    def __init__(self, folder):
        self.folder = folder
        self.path = folder / "redis.sock"
        self.url = f"redis+unix://{self.path}"
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", str(self.path), "--save", "",
             "--appendonly", "yes", "--appendfsync", "always", "--dir", str(self.folder)],
            stdout=subprocess.DEVNULL)
        end = time.monotonic() + START_S
        while not self.answers():
            assert time.monotonic() < end and self.process.poll() is None
            time.sleep(0.02)
        return self

    def answers(self):
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(str(self.path))
                s.sendall(b"PING\r\n")
                return s.recv(100).startswith(b"+PONG")
        except OSError:
            return False

    def tell(self, *words):
        """One command; answers the first bytes of its reply."""
        command = b"*%d\r\n" % len(words) + b"".join(
            b"$%d\r\n%s\r\n" % (len(word), word) for word in (str(w).encode() for w in words))
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(self.path))
            s.sendall(command)
            return s.recv(4096)

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()


@pytest.fixture
def redis(tmp_path):
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    folder = tmp_path / "redis"
    folder.mkdir()
    server = Redis(folder).start()
    yield server
    server.kill()


def pytest_configure(config):
    """The workers of a session have its environment, and so the folder of their one broker."""
    if not hasattr(config, "workerinput"):
        os.environ["KAFKA_OF_SESSION"] = tempfile.mkdtemp(prefix="kafka-of-session-")


def pytest_unconfigure(config):
    """The broker outlives the worker that started it, for the others; by now all have ended."""
    if not hasattr(config, "workerinput"):
        folder = pathlib.Path(os.environ["KAFKA_OF_SESSION"])
        if (folder / "port").exists():
            kafka_broker.Cluster(folder, port=int((folder / "port").read_text())).kill()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def kafka():
    """One broker for all tests of all workers. A test takes topics of its own, and leaves the
    broker running."""
    folder = pathlib.Path(os.environ["KAFKA_OF_SESSION"])
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        port = folder / "port"
        cluster = kafka_cluster(folder, port=int(port.read_text()) if port.exists() else None)
        port.write_text(f"{cluster.port}\n")
        return cluster.start()


@pytest.fixture
def make_kafka(tmp_path):
    """Clusters of a test's own, to kill and to pause."""
    clusters = []

    def make(brokers=1, properties=None):
        folder = tmp_path / f"kafka-{len(clusters) + 1}"
        clusters.append(kafka_cluster(folder, brokers, properties=properties))
        return clusters[-1].start()

    yield make
    for cluster in clusters:
        cluster.kill()


def kafka_cluster(folder, *arguments, **settings):
    try:
        kafka_broker.require()
    except kafka_broker.Unavailable as why:
        pytest.skip(str(why))
    return kafka_broker.Cluster(folder, *arguments, **settings)
