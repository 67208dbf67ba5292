#!/usr/bin/env python3
"""make bench: requests a second and their cost, against a bare server on the same cores.

Three servers run side by side on loopback, each with as many workers as there are cores:

    bare     libmicrohttpd in the same loop shape, with the same armour; answers a constant
    memory   sluice serve, memory state, journal with fsync everysec
    redis    sluice serve, Redis on a unix socket, journal with fsync everysec

Each round drives them in turn with wrk (64 connections, distinct bodies); only one is under load
at a time, and the median of the rounds counts. Then: bare with and without armour; an open loop
with vegeta at half the rate measured with Redis (bare at that rate is its floor); `sluice replay`
of a generated stream on one core; from a topic of Kafka to the topic of decisions
(kafka_rounds.py); expressions and rules beside cel-go (cel_rounds.py); a list of a million items
beside a plain hash table (lists.c); what an explained decision takes beside a plain one
(explain.c); a row through a model beside the libraries that train them (model_rounds.py); and what
of reloads is seen (reload.py).
Results: build/bench.json and a table on stdout.
"""
import argparse
import base64
import contextlib
import datetime
import http.client
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import cel_rounds
import kafka_rounds
import model_rounds
import procs
import reload
import stream

OUT = "build/bench"
HERE = "tests/bench"
BARE = "build/tests/bench/bare"
LISTS = "build/tests/bench/lists"
EXPLAIN = "build/tests/bench/explain"
WARM_TIMEOUT_S = 300
SAMPLED_KEYS = 1000
# Far more than a rate keeps busy at 2 ms each; when all are, the rate is not reached, and the
# report shows that.
OPEN_CONNECTIONS_MAX = 256
# The generator shares the cores with what it measures: its garbage collector would be most of
# the p99, and a second thread of it takes a server's core.
VEGETA_ENV = {"GOGC": "off", "GOMEMLIMIT": "6GiB", "GOMAXPROCS": "1"}


def say(text):
    print(text, file=sys.stderr, flush=True)


# ---- the servers ----

class Server:
    """One of the three, and what was measured of it."""

    def __init__(self, name, port, process, redis=None):
        self.name, self.port, self.process, self.redis = name, port, process, redis
        self.rounds = []
        self.offset_s = 0


def write_config(folder, name, port, state):
    """The deadline is long: it would cut off the latencies that are to be measured."""
    path = os.path.join(folder, f"{name}.yaml")
    with open(path, "w", encoding="ascii") as f:
        f.write(f"listen: 127.0.0.1:{port}\nruleset: {os.path.abspath(HERE)}/ruleset.yaml\n"
                f"state: {state}\njournal: {{dir: {folder}/journal-{name}, fsync: everysec}}\n"
                f"deadline_ms: 5000\nrequest_timeout_ms: 600000\nlog: {{level: warning}}\n")
    return path


def start_bare(stack, folder, armour):
    port = procs.free_port()
    args = [BARE, str(port), str(os.cpu_count()), armour]
    process = stack.enter_context(procs.child(args, f"{folder}/bare-{armour}.log"))
    procs.wait_until(process, lambda: procs.accepts(port), "bare")
    return Server("bare", port, process)


def start_sluice(stack, folder, sluice, name, state, redis=None):
    port = procs.free_port()
    config = write_config(folder, name, port, state)
    log = f"{folder}/{name}.log"
    process = stack.enter_context(procs.child([sluice, "serve", "-c", config], log))
    try:
        procs.wait_until(process, lambda: procs.accepts(port), f"sluice serve ({name})")
    except SystemExit:
        with open(log, encoding="utf-8") as f:
            say(f.read()[-2000:])
        raise
    return Server(name, port, process, redis)


def start_redis(stack, folder):
    path = f"{folder}/redis.sock"
    args = ["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--appendonly",
            "no", "--dir", folder]
    process = stack.enter_context(procs.child(args, f"{folder}/redis.log"))
    procs.wait_until(process, lambda: os.path.exists(path), "redis-server")
    return path, process


def redis_cli(path, *args, stdin=None):
    return subprocess.run(["redis-cli", "-s", path, *args], capture_output=True, text=True,
                          input=stdin, check=True, timeout=60).stdout


def warm(server, path):
    """Send the history through the batch endpoint."""
    started = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=WARM_TIMEOUT_S)
    with open(path, "rb") as body:
        connection.request("POST", "/v1/score/batch?historic=true", body=body,
                           headers={"Content-Type": "application/x-ndjson",
                                    "Content-Length": str(os.path.getsize(path))})
        answer = connection.getresponse()
    lines = decided = 0
    for line in answer:
        lines += 1
        decided += b'"degraded":[]' in line
    took = time.monotonic() - started
    say(f"  {server.name}: {lines} events in {took:.1f} s ({lines / took:,.0f}/s)")
    if answer.status != 200 or decided != stream.ACCOUNTS * stream.WARM_EACH:
        raise SystemExit(f"bench: warming {server.name}: {answer.status}, {decided} decided")


def state_bytes(path, before):
    """Of Redis: bytes of an account's own log, and of everything, per account."""
    info = redis_cli(path, "info", "memory")
    used = int(re.search(r"used_memory:(\d+)", info).group(1))
    keys = "".join(f"MEMORY USAGE sluice:e:account_id:a-{i} SAMPLES 0\n"
                   for i in range(SAMPLED_KEYS))
    sizes = [int(n) for n in re.findall(r"^\d+", redis_cli(path, stdin=keys), re.M)]
    return {"bytes_per_account": round(statistics.mean(sizes)) if sizes else 0,
            "bytes_per_account_all": round((used - before) / stream.ACCOUNTS)}


# ---- the closed loop ----

def children_cpu_s():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def load(server, run, seconds, connections):
    """One run of wrk; its summary and the CPU of everyone, in us a request."""
    pids = {"cpu": server.process.pid}
    if server.redis:
        pids["redis_cpu"] = server.redis.pid
    before, wrk_before = {k: procs.cpu_s(p) for k, p in pids.items()}, children_cpu_s()
    done = subprocess.run(
        ["wrk", "-t", str(os.cpu_count()), "-c", str(connections), "-d", f"{seconds}s", "--timeout",
         "5s", "-s", f"{HERE}/load.lua", f"http://127.0.0.1:{server.port}", "--",
         f"{OUT}/bodies.tsv", run, str(server.offset_s)],
        capture_output=True, text=True, check=True, timeout=seconds + 60)
    wrk_s = children_cpu_s() - wrk_before
    used = {k: procs.cpu_s(p) - before[k] for k, p in pids.items()}
    result = json.loads(re.search(r"^JSON (.*)$", done.stdout, re.M).group(1))
    n = max(result["requests"], 1)
    server.offset_s += n // 1000 + 1  # the next run's times come after this one's
    result["rps"] = result["requests"] * 1e6 / result["duration_us"]
    result["wrk_cpu_us"] = wrk_s * 1e6 / n
    result.update({f"{k}_us": v * 1e6 / n for k, v in used.items()})
    return result


def run_rounds(servers, args):
    for number in range(args.rounds):
        for server in servers:
            run = f"{server.name[0]}{number:02d}{os.getpid() % 100000:05d}"
            result = load(server, run, args.seconds, args.connections)
            server.rounds.append(result)
            say(f"  round {number + 1}: {server.name:7} {result['rps']:9,.0f}/s, "
                f"p99 {result['p99_us']} us, errors {result['errors']}")


def median_of(rounds):
    keys = [k for k in rounds[0] if k != "duration_us"]
    return {k: round(statistics.median(r[k] for r in rounds), 1) for k in keys}


def armour_share(folder, bare, args):
    """Rate of bare with armour, over that without, interleaved: 1 is free."""
    with contextlib.ExitStack() as stack:
        plain = start_bare(stack, folder, "none")
        pairs = []
        for number in range(args.rounds):
            with_armour = load(bare, f"x{number:07d}", args.seconds, args.connections)["rps"]
            without = load(plain, f"y{number:07d}", args.seconds, args.connections)["rps"]
            pairs.append(with_armour / without)
    return round(statistics.median(pairs), 3)


# ---- the open loop ----

def find_vegeta():
    """The pinned generator, built once; None with the reason said."""
    path = os.path.abspath(f"{OUT}/vegeta")
    if os.path.exists(path):
        return path
    if not shutil.which("go"):
        say("bench: no open loop: Go is not installed, which builds vegeta")
        return shutil.which("vegeta")
    say("  building vegeta")
    done = subprocess.run(["go", "build", "-o", path, "github.com/tsenart/vegeta/v12"],
                          cwd=f"{HERE}/vegeta", capture_output=True, text=True, check=False,
                          timeout=300)
    if done.returncode != 0:
        say(f"bench: no open loop: vegeta does not build: {done.stderr.strip()[-300:]}")
        return None
    return path


def write_targets(path, server, run, count):
    now = datetime.datetime.now(datetime.timezone.utc)
    url = f"http://127.0.0.1:{server.port}/v1/score"
    with open(path, "w", encoding="ascii") as f:
        for body in stream.bodies(run, count, now):
            f.write(json.dumps({"method": "POST", "url": url,
                                "body": base64.b64encode(body.encode()).decode(),
                                "header": {"Content-Type": ["application/json"]}}) + "\n")


def open_loop(server, rate, args):
    """Requests at a fixed rate, whether or not the earlier ones were answered."""
    vegeta = find_vegeta()
    if vegeta is None:
        return {"skipped": "vegeta could not be built"}
    targets, results = f"{OUT}/targets.json", f"{OUT}/vegeta.bin"
    run = f"o{server.name[0]}{os.getpid() % 10000:04d}"
    write_targets(targets, server, run, rate * args.seconds)
    before = procs.cpu_s(server.process.pid)
    with open(targets, "rb") as stdin:
        subprocess.run([vegeta, "attack", "-format=json", "-lazy", f"-rate={rate}",
                        f"-duration={args.seconds}s", f"-connections={OPEN_CONNECTIONS_MAX}",
                        f"-workers={args.connections}", f"-max-workers={OPEN_CONNECTIONS_MAX}",
                        f"-output={results}"], stdin=stdin, check=True, timeout=args.seconds + 120,
                       env={**os.environ, **VEGETA_ENV})
    report = json.loads(subprocess.run([vegeta, "report", "-type=json", results], check=True,
                                       capture_output=True, timeout=120).stdout)
    os.unlink(targets)
    os.unlink(results)
    micro = {k: round(v / 1000, 1) for k, v in report["latencies"].items()}
    return {"rate": rate, "achieved_rps": round(report["rate"], 1), "p50_us": micro["50th"],
            "p99_us": micro["99th"], "max_us": micro["max"], "success": report["success"],
            "cpu_us": round((procs.cpu_s(server.process.pid) - before) * 1e6
                            / max(report["requests"], 1), 1)}


# ---- replay ----

def replay_rate(sluice, folder, transactions):
    """Transactions a second of `sluice replay` on one core, over a generated stream."""
    events = f"{folder}/generated.ndjson"
    with open(events, "wb") as f:
        subprocess.run([sluice, "generate", "--transactions", str(transactions), "--seed", "1"],
                       stdout=f, check=True, timeout=300)
    config = f"{folder}/replay.yaml"
    with open(config, "w", encoding="ascii") as f:
        f.write(f"ruleset: {os.path.abspath(HERE)}/ruleset.yaml\nstate: {{backend: memory}}\n")
    started = time.monotonic()
    subprocess.run(["taskset", "-c", "0", sluice, "replay", "-c", config, "--events", events],
                   check=True, timeout=600, stderr=subprocess.DEVNULL)
    return round(transactions / (time.monotonic() - started))


def measure_pinned(program, rounds):
    """What a program of the bench prints, alone on a core."""
    pinned = ["taskset", "-c", str(max(os.sched_getaffinity(0)))]
    return json.loads(subprocess.run(pinned + [program, str(rounds)], stdout=subprocess.PIPE,
                                     check=True, timeout=600).stdout)


# ---- the report ----

def print_lists(row):
    head = f"in a list of {row['items']:,}"
    print(f"{head:34}{'ours':>12}{'a table':>12}{'of it':>8}")
    for name in ("hit", "miss"):
        print(f"{name:34}{row[name]['ours']:9.0f} ns{row[name]['table']:9.0f} ns"
              f"{row[name]['ratio']:8.2f}")
    ours, table = row["bytes"]["ours"], row["bytes"]["table"]
    print(f"{'bytes an item of 16':34}{ours:12.1f}{table:12.1f}{ours / table:8.2f}")
    networks = row["networks"]
    print(f"an address in {networks['items']:,} networks: {networks['ns']} ns, "
          f"{networks['bytes']:.0f} bytes a network; one taken away: "
          f"{row['network_removed']['made_us']} us")
    print(f"a change takes {row['change']['made_us']} us, 200 at once "
          f"{row['changes']['made_us']} us, and to let go {row['changes']['freed_us']} us; the "
          f"whole list {row['all_freed_us'] / 1000:.1f} ms")


def print_explain(row):
    head = f"of {row['rules']:,} rules fire"
    print(f"{head:24}{'plain us':>10}{'explained':>11}{'ratio':>8}{'fired':>8}{'flagged':>9}"
          f"{'would turn':>12}{'bytes':>8}")
    for kind in row["kinds"]:
        print(f"{kind['kind']:24}{kind['plain_us']:10.1f}{kind['explained_us']:11.1f}"
              f"{kind['ratio']:8.1f}{kind['fired']:8.1f}{kind['flagged']:9.2f}"
              f"{kind['told']:12.1f}{kind['bytes']:8,.0f}")


def print_table(result):
    bare = result["http"]["bare"]["rps"]
    print(f"{'':8}{'req/s':>10}{'of bare':>9}{'p50 us':>9}{'p99 us':>9}{'p99.9 us':>10}"
          f"{'cpu us':>8}{'redis us':>10}{'wrk us':>8}{'errors':>8}")
    for name, row in result["http"].items():
        if name == "armour":
            continue
        print(f"{name:8}{row['rps']:10,.0f}{row['rps'] / bare:9.2f}{row['p50_us']:9,.0f}"
              f"{row['p99_us']:9,.0f}{row['p999_us']:10,.0f}{row['cpu_us']:8.1f}"
              f"{row.get('redis_cpu_us', 0):10.1f}{row['wrk_cpu_us']:8.1f}{row['errors']:8,.0f}")
    print(f"bare with armour runs at {result['http']['armour']} of bare without")
    for name, row in result["open"].items():
        print(f"open loop, {name}: {json.dumps(row)}")
    print(f"replay on one core: {result['replay']['tps']:,} transactions/s")
    print(f"state in Redis: {result['state']['bytes_per_account']:,} bytes an account's log after "
          f"{stream.WARM_EACH} events; {result['state']['bytes_per_account_all']:,} with its "
          f"device, terminals and claims")
    kafka_rounds.print_table(result["kafka"])
    cel_rounds.print_table(result["cel"])
    print_lists(result["lists"])
    print_explain(result["explain"])
    model_rounds.print_table(result["models"])
    reload.print_table(result["reload"])


def measure(args, folder, stack):
    now = datetime.datetime.now(datetime.timezone.utc)
    say("writing the streams")
    warm_path = f"{folder}/warm.ndjson"
    stream.write_warm(warm_path, now)
    stream.write_bodies(f"{OUT}/bodies.tsv")
    say("starting the servers and warming them")
    path, redis = start_redis(stack, folder)
    used = int(re.search(r"used_memory:(\d+)", redis_cli(path, "info", "memory")).group(1))
    bare = start_bare(stack, folder, "all")
    memory = start_sluice(stack, folder, args.sluice, "memory", "{backend: memory}")
    with_redis = start_sluice(stack, folder, args.sluice, "redis",
                              f'{{backend: redis, redis: "redis+unix://{path}"}}', redis)
    warm(memory, warm_path)
    warm(with_redis, warm_path)
    state = state_bytes(path, used)
    state["memory_rss_bytes"] = procs.rss_bytes(memory.process.pid)
    run_rounds([bare, memory, with_redis], args)
    result = {s.name: median_of(s.rounds) for s in (bare, memory, with_redis)}
    for row in result.values():
        row["of_bare"] = round(row["rps"] / result["bare"]["rps"], 3)
    result["armour"] = armour_share(folder, bare, args)
    say("the open loop")
    rate = int(result["redis"]["rps"] / 2)
    opened = {s.name: open_loop(s, rate, args) for s in (bare, with_redis)}
    return {"http": result, "open": opened, "state": state}


def measure_kafka(args, folder):
    with contextlib.ExitStack() as stack:
        path, redis = start_redis(stack, folder)
        return kafka_rounds.rounds(args, folder, (path, redis),
                                   lambda: redis_cli(path, "flushall"))


def end(faults):
    if faults:
        sys.exit("bench: " + "; ".join(faults))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sluice", default="build/sluice")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--transactions", type=int, default=1_000_000, help="of the replay")
    parser.add_argument("--messages", type=int, default=300_000, help="of Kafka")
    parser.add_argument("--cel-rounds", type=int, default=21, help="of expressions")
    parser.add_argument("--only-kafka", action="store_true")
    parser.add_argument("--lists-rounds", type=int, default=11)
    parser.add_argument("--only-cel", action="store_true")
    parser.add_argument("--only-lists", action="store_true")
    parser.add_argument("--explain-rounds", type=int, default=51)
    parser.add_argument("--only-explain", action="store_true")
    parser.add_argument("--only-reload", action="store_true")
    parser.add_argument("--models-rounds", type=int, default=51)
    parser.add_argument("--only-models", action="store_true")
    reload.add_arguments(parser)
    args = parser.parse_args()
    os.makedirs(OUT, exist_ok=True)
    if args.only_cel:
        cel_rounds.print_table(cel_rounds.rounds(args.cel_rounds))
        return
    if args.only_lists:
        print_lists(measure_pinned(LISTS, args.lists_rounds))
        return
    if args.only_explain:
        print_explain(measure_pinned(EXPLAIN, args.explain_rounds))
        return
    if args.only_models:
        result = model_rounds.rounds(args.models_rounds)
        model_rounds.print_table(result)
        end(model_rounds.faults(result))
        return
    with tempfile.TemporaryDirectory(dir=OUT) as folder:
        folder = os.path.abspath(folder)
        if args.only_kafka:
            kafka_rounds.print_table(measure_kafka(args, folder))
            return
        if args.only_reload:
            result = reload.measure(args, folder, start_redis)
            reload.print_table(result)
            sys.exit("bench: " + "; ".join(reload.faults(result)) if reload.faults(result) else 0)
        with contextlib.ExitStack() as stack:
            result = measure(args, folder, stack)
        say("replay on one core")
        result["replay"] = {"tps": replay_rate(args.sluice, folder, args.transactions)}
        say("from topic to topic")
        result["kafka"] = measure_kafka(args, folder)
        say("reloads")
        result["reload"] = reload.measure(args, folder, start_redis)
    say("expressions")
    result["cel"] = cel_rounds.rounds(args.cel_rounds)
    say("lists")
    result["lists"] = measure_pinned(LISTS, args.lists_rounds)
    say("explanations")
    result["explain"] = measure_pinned(EXPLAIN, args.explain_rounds)
    say("models")
    result["models"] = model_rounds.rounds(args.models_rounds)
    result["machine"] = {"cores": os.cpu_count(), "kernel": os.uname().release}
    with open("build/bench.json", "w", encoding="ascii") as f:
        json.dump(result, f, indent=2)
        f.write("\n")
    print_table(result)
    faults = reload.faults(result["reload"]) + model_rounds.faults(result["models"])
    if any(row["errors"] for row in result["http"].values() if isinstance(row, dict)):
        faults.append("there were errors: the rates above are not to be believed")
    end(faults)


if __name__ == "__main__":
    main()
