#!/usr/bin/env python3
"""Send events through the batch endpoint with a real Redis; compare with replay's decisions.

    handbook_batch.py SLUICE RULESET EVENTS.ndjson REPLAYED.ndjson FOLDER

Starts its own Redis (a unix socket in FOLDER) and its own `sluice serve` (a free port of loopback),
and ends both by their ids. The decisions must be byte-identical, line for line.
"""
import http.client
import os
import sys
import tempfile
import time

import procs

ANSWER_S = 600
SHOWN_MAX = 3


def is_live(port):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False


def write_config(folder, ruleset, port, redis_socket):
    path = os.path.join(folder, "sluice.yaml")
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"listen: 127.0.0.1:{port}\n"
                f"ruleset: {os.path.abspath(ruleset)}\n"
                f'state: {{backend: redis, redis: "redis+unix://{redis_socket}"}}\n'
                f"journal: {{dir: {folder}/journal}}\n"
                f"deadline_ms: 10000\n"
                f"request_timeout_ms: 600000\n")
    return path


def post_batch(port, events):
    """The answer's lines, as they come."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_S)
    with open(events, "rb") as body:
        connection.request("POST", "/v1/score/batch?explain=true&historic=true", body=body,
                           headers={"Content-Type": "application/x-ndjson",
                                    "Content-Length": str(os.path.getsize(events))})
        answer = connection.getresponse()
    if answer.status != 200:
        sys.exit(f"    the batch endpoint answers {answer.status}: {answer.read(500)!r}")
    return answer


def compare(answer, replayed):
    """Decisions of both, in order; labels' answers are left out."""
    ours = (line for line in answer if b'"decision":' in line)
    with open(replayed, "rb") as f:
        theirs = [line for line in f if b'"decision":' in line]
    same = different = 0
    for place, wanted in enumerate(theirs):
        got = next(ours, b"")
        same += got == wanted
        different += got != wanted
        if got != wanted and different <= SHOWN_MAX:
            print(f"    decision {place}:")
            print(f"      replay {wanted[:400]!r}")
            print(f"      batch  {got[:400]!r}")
    surplus = sum(1 for _ in ours)
    print(f"    {same} decisions identical, {different} different, {surplus} too many")
    return 1 if different or surplus or not same else 0


def run(sluice, ruleset, events, replayed, folder):
    redis_socket, port = os.path.join(folder, "redis.sock"), procs.free_port()
    redis = ["redis-server", "--port", "0", "--unixsocket", redis_socket, "--save", "",
             "--appendonly", "no", "--dir", folder]
    config = write_config(folder, ruleset, port, redis_socket)
    serve = [sluice, "serve", "-c", config]
    with procs.child(redis, os.path.join(folder, "redis.log")) as server:
        procs.wait_until(server, lambda: os.path.exists(redis_socket), "redis-server")
        with procs.child(serve, os.path.join(folder, "serve.log")) as serving:
            procs.wait_until(serving, lambda: is_live(port), "sluice serve")
            started = time.monotonic()
            status = compare(post_batch(port, events), replayed)
            print(f"    in {time.monotonic() - started:.1f} s")
    return status


def main():
    sluice, ruleset, events, replayed, parent = sys.argv[1:]
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        return run(sluice, ruleset, events, replayed, os.path.abspath(folder))


if __name__ == "__main__":
    sys.exit(main())
