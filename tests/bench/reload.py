"""The bench of reloads: what of them is seen by those who are served meanwhile.

    correct     20,000 requests/s; 200 rulesets are offered, by PUT, SIGHUP and a changed file, half
                of them cut at a random byte. Every answer is read (steady.c): none fails, none
                names a ruleset that never decided, none is of two rulesets
    latency     5,000/s; blocks without and with reloads by turns; of each second its p99, and the
                median of both kinds of seconds is compared
    converge    two instances and one Redis: from the start of `sluice publish` until both decide by
                what it published; and an instance that was down, at its start

Each ruleset is the bench's own with 200 rules more, and puts its number into the id, title, score
and reason of each of them; and with a model, whose file and score are its own. What its hash has to
be, and the model's, is computed here, from the files.
"""
import contextlib
import hashlib
import io
import json
import os
import random
import re
import signal
import socket
import statistics
import subprocess
import tarfile
import time
import urllib.request

import procs
import stream

OUT = "build/bench"
HERE = "tests/bench"
STEADY = "build/tests/bench/steady"
RULES = 200
FLAG_SCORE = 1000        # more than all the numbers together that a decision can show
CONNECTIONS = 64
SETTLE_S = 3             # before the first reload, and behind the last
APPEAR_S = 10            # for a file to be noticed
RATIO_MAX = 1.2
CONVERGE_MAX_S = 2.0


# ---- the rulesets ----

MODELS = "models:\n  marked: {file: model.yaml}\n"


class Ruleset:
    """Number N: its files, in the order of its hash, and the hashes that decisions by it name."""

    def __init__(self, number, model_number=None):
        self.number, self.model_number = number, model_number or number
        with open(f"{HERE}/ruleset.yaml", encoding="utf-8") as f:
            ruleset = f.read().replace("rules: [rules.yaml]", "rules: [rules.yaml, marked.yaml]")
        with open(f"{HERE}/rules.yaml", encoding="utf-8") as f:
            rules = f.read()
        ruleset = ruleset.replace("flag_at: 70", f"flag_at: {FLAG_SCORE}")
        self.files = {"ruleset.yaml": ruleset + MODELS, "model.yaml": self.model(),
                      "rules.yaml": rules, "marked.yaml": self.marked()}
        self.model_hash = hashlib.sha256(self.files["model.yaml"].encode()).hexdigest()[:16]
        digests = b"".join(hashlib.sha256(text.encode()).digest() for text in self.files.values())
        self.id = hashlib.sha256(digests).hexdigest()[:16]

    def model(self):
        return (f"model: linear\nlink: identity\nintercept: {self.model_number}\n"
                f"inputs: {{amount: {{weight: 0}}}}\n")

    def marked(self):
        """JSON, which is YAML: its last byte closes it, so it is broken wherever it is cut."""
        def rule(name, when, score):
            return {"id": f"{name}-{self.number}", "title": f"{name} of {self.number}",
                    "when": when, "score": score, "reason": f"{name} by {self.number}"}
        rules = [rule("always", "amount > 0.0", self.number),
                 rule("large", "amount > 95.0", FLAG_SCORE + self.number)]
        for i in range(len(rules), RULES):
            rules.append(rule(f"some{i}", f"amount > {1000 + i}.5 && (account_tx_count_1h > {i} || "
                                          f"amount > {2 + i}.0 * account_avg_amount_30d)",
                              self.number))
        return json.dumps({"rules": rules})

    def cut(self, rng):
        """The files, one of them cut at a random byte."""
        text = self.files["marked.yaml"]
        return {**self.files, "marked.yaml": text[:rng.randrange(len(text))]}


def bundle(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content.encode()))
    return out.getvalue()


def cut_bundle(files, rng):
    """Somewhere before the end of the last file's content."""
    whole = bundle(files)
    end = whole.rindex(files["marked.yaml"].encode()) + len(files["marked.yaml"])
    return whole[:rng.randrange(end)]


# ---- the servers ----

class Node:
    """One `sluice serve`, with all its files in a folder of its own."""

    def __init__(self, stack, folder, args, state="{backend: memory}"):
        self.folder, self.sluice, self.stack = folder, args.sluice, stack
        self.port = procs.free_port()
        os.makedirs(folder)
        self.write(Ruleset(1).files)
        self.config = f"{folder}/sluice.yaml"
        with open(self.config, "w", encoding="ascii") as f:
            f.write(f"listen: 127.0.0.1:{self.port}\nruleset: ruleset.yaml\nstate: {state}\n"
                    f"journal: {{dir: journal, fsync: everysec}}\nspool_dir: .\n"
                    f"alerts: {{file: alerts.ndjson}}\naudit: {{file: audit.ndjson}}\n"
                    f"lists: {{file: lists.json}}\nlog: {{level: error}}\n"
                    f"reload: {{dir: rulesets, gate_events: {args.reload_gate}}}\n"
                    f"deadline_ms: 5000\n")

    def start(self):
        self.process = self.stack.enter_context(
            procs.child([self.sluice, "serve", "-c", self.config], f"{self.folder}/log"))
        procs.wait_until(self.process, self.is_ready, "sluice serve")

    def write(self, files):
        """As an editor does: beside, and renamed over the old one."""
        for name, content in files.items():
            with open(f"{self.folder}/new", "w", encoding="utf-8") as f:
                f.write(content)
            os.rename(f"{self.folder}/new", f"{self.folder}/{name}")

    def get(self, path):
        url = f"http://127.0.0.1:{self.port}{path}"
        with urllib.request.urlopen(url, timeout=30) as reply:
            return reply.read().decode()

    def is_ready(self):
        try:
            return bool(self.get("/readyz"))
        except OSError:
            return False

    def active(self):
        return json.loads(self.get("/v1/ruleset"))["ruleset"]

    def refused(self):
        counts = re.findall(r'reloads_total\{result="refused",source="\w+"\} (\d+)',
                            self.get("/metrics"))
        return sum(int(n) for n in counts)

    def put(self, body, expected):
        """Until no other offer is under way. expected: its status."""
        status, reply = self.put_once(body)
        while status == 503:
            time.sleep(0.02)
            status, reply = self.put_once(body)
        if status != expected:
            raise SystemExit(f"bench: PUT: {reply.decode()}")

    def put_once(self, body):
        """By a plain socket, since the sender shares the cores with the load."""
        head = (f"PUT /v1/ruleset HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
                f"Content-Type: application/x-tar\r\nContent-Length: {len(body)}\r\n\r\n")
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as s:
            s.sendall(head.encode() + body)
            reply = b"".join(iter(lambda: s.recv(65536), b""))
        return int(reply.split(b" ", 2)[1]), reply


# ---- the load ----

class Load:
    """steady.c, and what it has printed."""

    def __init__(self, port, rate, seconds):
        run = f"s{rate}-{os.getpid()}"
        self.process = subprocess.Popen(
            [STEADY, str(port), str(rate), str(seconds), str(CONNECTIONS), f"{OUT}/bodies.tsv",
             run], stdout=subprocess.PIPE, text=True)
        self.start_s = int(self.process.stdout.readline().split()[1]) / 1e6
        self.seconds, self.seen = {}, []

    def sleep_until(self, at_s):
        """Of its own time; steady.c and this process read the same clock."""
        time.sleep(max(0, self.start_s + at_s - time.monotonic()))

    def end(self):
        for line in self.process.stdout:
            word, _, more = line.rstrip("\n").partition(" ")
            if word == "second":
                number, answers, p50, p99, top = map(int, more.split())
                self.seconds[number] = {"answers": answers, "p50": p50, "p99": p99, "max": top}
            elif word == "total":
                self.sent, self.answered, self.failed, self.ended, us = map(int, more.split())
                self.rps = self.answered * 1e6 / us
            elif word == "seen":
                count, _, text = more.partition(" ")
                self.seen.append((int(count), json.loads(text)))
        if self.process.wait() != 0:
            raise SystemExit("bench: steady has failed")


# ---- correct ----

def numbers_of(decision):
    """Every number that a decision shows: one ruleset shows one."""
    shown = set()
    for hit in decision["reasons"]:
        shown |= {int(hit["rule"].rsplit("-", 1)[1]), int(hit["title"].rsplit(" ", 1)[1]),
                  int(hit["reason"].rsplit(" ", 1)[1]), int(hit["score"]) % FLAG_SCORE}
    return shown


def is_whole(decision, ruleset):
    """Is it the decision of that ruleset, of it and its model alone, and of all of it?"""
    number, models = ruleset.number, decision["models"]
    if [(m["hash"], m["score"]) for m in models] != [(ruleset.model_hash, ruleset.model_number)]:
        return False
    rules = {hit["rule"].rsplit("-", 1)[0] for hit in decision["reasons"]}
    score = number + ("large" in rules) * (FLAG_SCORE + number)
    return (numbers_of(decision) == {number} and "always" in rules and decision["score"] == score
            and decision["decision"] == ("flag" if score >= FLAG_SCORE else "allow"))


def offer_file(node, files, expected, by_signal):
    """What is in the folder changes. expected: the hash that then decides; None: it is refused."""
    refused = node.refused()
    node.write(files)
    if by_signal:
        node.process.send_signal(signal.SIGHUP)
    until = time.monotonic() + APPEAR_S
    while (node.refused() == refused) if expected is None else (node.active() != expected):
        if time.monotonic() > until:
            raise SystemExit("bench: a changed file is not loaded")
        time.sleep(0.02)


def is_by_file(number):
    return number % 10 >= 8


def offer(node, ruleset, number, is_broken, rng):
    """One reload: of ten, eight by PUT, one by SIGHUP, one by the file alone."""
    if not is_by_file(number):
        whole = ruleset.files
        body = bundle(whole) if not is_broken else (
            cut_bundle(whole, rng) if rng.random() < 0.5 else bundle(ruleset.cut(rng)))
        node.put(body, 422 if is_broken else 200)
    else:
        files = ruleset.cut(rng) if is_broken else ruleset.files
        offer_file(node, {"marked.yaml": files["marked.yaml"]},
                   None if is_broken else ruleset.id, number % 10 == 8)


def judge(load, valid):
    """Counts of answers: never valid, mixed; and how many rulesets were seen."""
    never = sum(n for n, d in load.seen if d["ruleset"] not in valid)
    mixed = sum(n for n, d in load.seen
                if d["ruleset"] in valid and not is_whole(d, valid[d["ruleset"]]))
    return {"requests": load.sent, "rps": round(load.rps), "failed": load.failed + load.ended,
            "never_valid": never, "mixed": mixed, "checked": sum(n for n, _ in load.seen),
            "rulesets_seen": len({d["ruleset"] for _, d in load.seen}),
            "models_seen": len({m["hash"] for _, d in load.seen for m in d["models"]}),
            "p99_us": round(statistics.median(s["p99"] for s in load.seconds.values())),
            "max_us": max(s["max"] for s in load.seconds.values())}


def measure_correct(node, args):
    rng = random.Random(20260105)
    seconds = args.reload_seconds
    valid = {node.active(): Ruleset(1)}
    load = Load(node.port, args.reload_rate, seconds)
    pause_s = (seconds - 2 * SETTLE_S) / args.reloads
    broken = 0
    for i in range(args.reloads):
        load.sleep_until(SETTLE_S + i * pause_s)
        # In the folder one file at a time changes, so its model stays the first.
        ruleset = Ruleset(2 + i, 1 if is_by_file(i) else None)
        is_broken = (i + i // 10) % 2 == 1
        broken += is_broken
        if not is_broken:
            valid[ruleset.id] = ruleset  # it may decide before its PUT is answered
        offer(node, ruleset, i, is_broken, rng)
    late_s = time.monotonic() - load.start_s - seconds
    load.end()
    if late_s > 0:
        raise SystemExit(f"bench: the last reload came {late_s:.1f} s behind the load")
    return {"reloads": args.reloads, "broken": broken, "valid": len(valid), **judge(load, valid)}


# ---- latency ----

def prepared(args):
    """Made before the load: the sender should cost nothing. A good one, a broken one, by turns."""
    rng = random.Random(20260106)
    made = []
    for i in range(args.reload_block * args.reload_each_second * args.reload_pairs):
        ruleset = Ruleset(1000 + i)
        made.append((cut_bundle(ruleset.files, rng), 422) if i % 2 else
                    (bundle(ruleset.files), 200))
    return made


def measure_latency(node, args):
    """Blocks by turns. The first second of each does not count: it may show the block before."""
    block, pairs, each = args.reload_block, args.reload_pairs, args.reload_each_second
    bodies = iter(prepared(args))
    load = Load(node.port, args.reload_open_rate, SETTLE_S + 2 * block * pairs)
    took = []
    for pair in range(pairs):
        first_s = SETTLE_S + (2 * pair + 1) * block
        for i in range(block * each):
            load.sleep_until(first_s + (i + 0.5) / each)
            body, expected = next(bodies)
            begun = time.monotonic()
            node.put(body, expected)
            took.append(time.monotonic() - begun)
    load.end()
    arms = {"control": [], "reloads": []}
    for number, second in load.seconds.items():
        at = number - SETTLE_S
        if at >= 0 and at % block > 0:
            arms["reloads" if at // block % 2 else "control"].append(second)
    medians = {arm: {key: round(statistics.median(s[key] for s in seconds))
                     for key in ("p50", "p99", "max")} for arm, seconds in arms.items()}
    return {"rps": round(load.rps), "failed": load.failed + load.ended, "offers": len(took),
            "offer_ms": round(statistics.median(took) * 1000, 1),
            "seconds": len(arms["reloads"]), **medians,
            "ratio": round(medians["reloads"]["p99"] / medians["control"]["p99"], 3)}


# ---- converge ----

def until_active(nodes, expected, begun):
    """Seconds until each of them says so, from `begun`."""
    found = {}
    while len(found) < len(nodes):
        for node in nodes:
            if node not in found and node.active() == expected:
                found[node] = time.monotonic() - begun
        if time.monotonic() - begun > APPEAR_S:
            raise SystemExit("bench: the instances do not converge")
        time.sleep(0.005)
    return max(found.values())


def publish(node, ruleset):
    """How long it takes from the command's start until it is said to be published."""
    folder = f"{node.folder}/next-{ruleset.number}"
    os.makedirs(folder)
    for name, content in ruleset.files.items():
        with open(f"{folder}/{name}", "w", encoding="utf-8") as f:
            f.write(content)
    subprocess.run([node.sluice, "publish", "-c", node.config, folder], check=True,
                   stdout=subprocess.DEVNULL, timeout=60)


def measure_convergence(stack, folder, redis, args):
    state = f'{{backend: redis, redis: "redis+unix://{redis}"}}'
    nodes = [Node(stack, f"{folder}/{name}", args, state) for name in ("one", "two")]
    for node in nodes:
        node.start()
    took = []
    for i in range(args.reload_publishes):
        ruleset = Ruleset(3000 + i)
        begun = time.monotonic()
        publish(nodes[0], ruleset)
        took.append(until_active(nodes, ruleset.id, begun))
    two = nodes[1]
    two.process.kill()
    two.process.wait()
    last = Ruleset(4000)
    publish(nodes[0], last)
    begun = time.monotonic()
    two.start()
    start_s = time.monotonic() - begun
    if two.active() != last.id:
        raise SystemExit("bench: an instance that was down does not decide by what was published")
    return {"publishes": len(took), "median_s": round(statistics.median(took), 2),
            "max_s": round(max(took), 2), "start_s": round(start_s, 2)}


# ---- all of it ----

def add_arguments(parser):
    parser.add_argument("--reloads", type=int, default=200)
    parser.add_argument("--reload-rate", type=int, default=20_000, help="requests a second")
    parser.add_argument("--reload-seconds", type=int, default=60)
    parser.add_argument("--reload-open-rate", type=int, default=5000, help="of the open loop")
    parser.add_argument("--reload-block", type=int, default=5, help="seconds, with and without")
    parser.add_argument("--reload-pairs", type=int, default=10, help="of blocks")
    parser.add_argument("--reload-each-second", type=int, default=2, help="reloads of a block")
    parser.add_argument("--reload-gate", type=int, default=0, help="transactions that it judges")
    parser.add_argument("--reload-publishes", type=int, default=10)


def measure(args, folder, start_redis):
    stream.write_bodies(f"{OUT}/bodies.tsv")
    result = {}
    with contextlib.ExitStack() as stack:
        node = Node(stack, f"{folder}/reload", args)
        node.start()
        result["correct"] = measure_correct(node, args)
        result["latency"] = measure_latency(node, args)
    with contextlib.ExitStack() as stack:
        path, _ = start_redis(stack, folder)
        result["converge"] = measure_convergence(stack, folder, path, args)
    return result


def print_table(result):
    c, l, v = result["correct"], result["latency"], result["converge"]
    print(f"{c['reloads']} reloads, {c['broken']} of them broken, under {c['rps']:,} requests/s: "
          f"{c['requests']:,} requests, {c['failed']} failed; {c['checked']:,} decisions by "
          f"{c['rulesets_seen']} of {c['valid']} rulesets and {c['models_seen']} models: "
          f"{c['never_valid']} with a hash that was never valid, {c['mixed']} of two rulesets")
    print(f"{l['offers']} reloads ({l['offer_ms']} ms each) at {l['rps']:,}/s open loop, "
          f"{l['seconds']} seconds of each kind, {l['failed']} failed:")
    print(f"{'':16}{'p50 us':>9}{'p99 us':>9}{'max us':>9}")
    for arm in ("control", "reloads"):
        print(f"{arm:16}{l[arm]['p50']:9,}{l[arm]['p99']:9,}{l[arm]['max']:9,}")
    print(f"{'p99 of control':16}{'':9}{l['ratio']:9.2f}")
    print(f"published {v['publishes']} times, active on both instances after {v['median_s']} s, "
          f"{v['max_s']} s at most; one that was down is ready, and decides by it, "
          f"{v['start_s']} s after its start")


def faults(result):
    """What should not be, in words."""
    c, l, v = result["correct"], result["latency"], result["converge"]
    checks = [
        (c["failed"] + l["failed"] > 0, "a request has failed"),
        (c["never_valid"] > 0, "a decision names a ruleset that never was valid"),
        (c["mixed"] > 0, "a decision is of two rulesets"),
        (c["checked"] != c["requests"], "not every answer was read"),
        (l["ratio"] >= RATIO_MAX, "reloads are seen in the p99"),
        (v["max_s"] >= CONVERGE_MAX_S, "instances take too long to converge"),
    ]
    return [words for is_so, words in checks if is_so]
