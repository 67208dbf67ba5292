"""Model files that are nearly one, through the door by which they come in a service.

    python tests/system/hostile_models.py --count 10000 [--seed 1] [--first 0]

Each is sent as a bundle to `PUT /v1/ruleset?dry_run=true`. It must be answered: 200, or a 4xx
problem with a diagnostic that names the file. What is accepted is then put in earnest, and a
payment is scored by it, explained. Under sanitizers a wrong read ends the process, and what is not
answered is counted and kept (--keep FOLDER). The same seed makes the same files.
"""
import argparse
import collections
import http.client
import io
import json
import pathlib
import random
import sys
import tarfile
import tempfile
import time

import model_seeds
import mutants
from conftest import RULES, RULESET, Server, payment

TAR = {"Content-Type": "application/x-tar"}
JSON = {"Content-Type": "application/json"}
ANSWER_S = 60     # sanitizers, and a machine that does other things
SCORED = "fraud"  # the name of the model
RULE = """
  - {id: by-model, when: models.fraud > 0.5, score: 90, reason: "it says {models.fraud}"}
"""


class Refuted(Exception):
    """What must not be."""


def bundle(seed, content):
    """The ruleset with a file of the seed's name."""
    files = {"rules.yaml": (RULES + RULE).encode(), seed.name: content}
    more = seed.more
    model = seed.name
    if seed.baseline is not None:
        model, more = "model.yaml", f"baseline: {seed.name}"
        files[model] = seed.baseline.encode()
    of = ", ".join(part for part in (f"file: {model}", more, "threshold: 0.5") if part)
    files["ruleset.yaml"] = f"{RULESET}\nmodels:\n  {SCORED}: {{{of}}}\n".encode()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def no_constant(text):
    raise Refuted(f"{text} is no JSON")


class Door:
    """A connection that is kept; each request is timed."""

    def __init__(self, server):
        self.server = server
        self.connection = None
        self.slowest_s = collections.defaultdict(float)
        self.payments = 0

    def ask(self, what, method, path, body, headers):
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.server.port,
                                                         timeout=ANSWER_S)
        began = time.monotonic()
        try:
            self.connection.request(method, path, body, headers)
            reply = self.connection.getresponse()
            content = reply.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            self.connection = None
            raise
        self.slowest_s[what] = max(self.slowest_s[what], time.monotonic() - began)
        try:
            return reply.status, json.loads(content, parse_constant=no_constant)
        except ValueError as why:
            raise Refuted(f"{what}: no JSON: {why}: {content[:200]!r}") from why

    def put(self, body, query=""):
        status, answer = self.ask("put" + query, "PUT", "/v1/ruleset" + query, body, TAR)
        while status == 503:
            time.sleep(0.05)
            status, answer = self.ask("put" + query, "PUT", "/v1/ruleset" + query, body, TAR)
        return status, answer

    def score(self):
        """A payment of its own: one that was decided before has its decision already."""
        self.payments += 1
        return self.ask("score", "POST", "/v1/score?explain=true",
                        json.dumps(payment(self.payments, terminal_id="T-1")), JSON)


def names_it(diagnostic, seed):
    """The file; or, where that may be read and does not fit, the line that has its name."""
    return diagnostic["file"] in (seed.name, "ruleset.yaml") or seed.name in diagnostic["message"]


def check_refusal(status, problem, seed):
    if not 400 <= status < 500:
        raise Refuted(f"{seed.name}: status {status}: {problem}")
    errors = [d for d in problem["report"]["diagnostics"] if d["level"] == "error"]
    if not any(names_it(d, seed) for d in errors):
        raise Refuted(f"{seed.name}: no diagnostic names it: {problem}")


def check_accepted(door, body, seed):
    status, answer = door.put(body)
    if status != 200:
        raise Refuted(f"{seed.name}: checked, and then refused with {status}: {answer}")
    status, decision = door.score()
    if status != 200:
        raise Refuted(f"{seed.name}: a payment was answered with {status}: {decision}")
    if decision["ruleset"] != answer["ruleset"]:
        raise Refuted(f"{seed.name}: decided by {decision['ruleset']}: {answer}")
    model, = decision["models"]
    if "score" in model and not isinstance(model["score"], (int, float, type(None))):
        raise Refuted(f"{seed.name}: the score is {model}")


def try_one(door, seed, content):
    """Was it accepted?"""
    body = bundle(seed, content)
    status, answer = door.put(body, "?dry_run=true")
    if status != 200:
        check_refusal(status, answer, seed)
        return False
    check_accepted(door, body, seed)
    return True


class Campaign:
    def __init__(self, folder, keep=None):
        self.keep = keep
        self.server = Server(folder, {"reload.keep": 2}, {})
        self.server.write("ruleset.yaml", RULESET)
        self.server.write("rules.yaml", RULES)
        self.seeds = model_seeds.seeds()
        self.counts = {seed.name: collections.Counter() for seed in self.seeds}
        self.refuted = []
        self.door = Door(self.server)

    def start(self):
        self.server.start()
        for seed in self.seeds:
            if not try_one(self.door, seed, mutants.written(seed.form, seed.content)):
                raise Refuted(f"{seed.name}: refused as it is")

    def fail(self, name, content, why):
        self.refuted.append(f"{name}: {why}")
        if self.keep is not None:
            (self.keep / name).write_bytes(content)

    def one(self, seed, number, chance):
        content = mutants.mutant(seed.form, seed.content, chance)
        name = f"{number}-{seed.name}"
        try:
            accepted = try_one(self.door, seed, content)
            self.counts[seed.name]["accepted" if accepted else "refused"] += 1
        except Refuted as why:
            self.counts[seed.name]["wrong"] += 1
            self.fail(name, content, why)
        except (OSError, http.client.HTTPException) as why:
            self.counts[seed.name]["unanswered"] += 1
            self.fail(name, content, f"{type(why).__name__}: {why}: {self.server.stderr()[-2000:]}")
            self.server.kill()
            self.server.start()

    def run(self, count, seed, first=0):
        for number in range(first, first + count):
            chance = random.Random(f"{seed} {number}")
            self.one(self.seeds[number % len(self.seeds)], number, chance)

    def end(self):
        """The orderly end, by which leaks are told."""
        if self.server.stop(60) != 0 or "Sanitizer" in self.server.stderr():
            self.refuted.append(f"the end: {self.server.stderr()[-4000:]}")
        return self.refuted

    def total(self, what):
        return sum(counts[what] for counts in self.counts.values())


def report(campaign, out):
    for name, counts in campaign.counts.items():
        print(f"  {name:<24} {counts['refused']:>6} refused {counts['accepted']:>6} accepted",
              file=out)
    for what, slowest_s in sorted(campaign.door.slowest_s.items()):
        print(f"  slowest {what}: {slowest_s:.2f} s", file=out)
    for why in campaign.refuted:
        print(f"  {why}", file=out)
    print(", ".join(f"{campaign.total(what)} {what}"
                    for what in ("accepted", "refused", "unanswered", "wrong")), file=out)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the number to begin with")
    parser.add_argument("--keep", type=pathlib.Path, help="a folder for the files that were wrong")
    options = parser.parse_args()
    if options.keep is not None:
        options.keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="hostile-models-") as folder:
        campaign = Campaign(pathlib.Path(folder), options.keep)
        campaign.start()
        try:
            campaign.run(options.count, options.seed, options.first)
            campaign.end()
        finally:
            campaign.server.kill()
        report(campaign, sys.stdout)
    sys.exit(1 if campaign.refuted else 0)


if __name__ == "__main__":
    main()
