"""Changes of the ruleset that meet: each other, and the end of the process."""
import http.client
import random
import threading

from conftest import until
from test_admin import TAR, active, put, rules, ruleset

SENDERS = 6
KILLS = 8
KILL_WITHIN_S = 0.12  # a PUT takes some 50 ms here


def test_of_many_that_expect_the_same_ruleset_one_is_loaded(server):
    before = active(server)
    replies = []

    def send(number):
        reply = put(server, ruleset(20 + number), **{"If-Match": f'"{before}"'})
        while reply.status == 503:  # another one was being checked: as Retry-After says
            reply = put(server, ruleset(20 + number), **{"If-Match": f'"{before}"'})
        replies.append(reply)

    threads = [threading.Thread(target=send, args=(n,)) for n in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(r.status for r in replies) == [200] + [412] * (SENDERS - 1)
    won, = (r.json()["ruleset"] for r in replies if r.status == 200)
    assert active(server) == won != before


def put_and_kill(server, body, after_s):
    """The answer's status; None: it did not come any more."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    timer = threading.Timer(after_s, server.kill)
    timer.start()
    try:
        connection.request("PUT", "/v1/ruleset", body, TAR)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        timer.join()


def test_a_restart_goes_by_what_was_answered_wherever_it_was_killed(make_server):
    server = make_server()
    chance = random.Random(20260105)
    for number in range(KILLS):
        before = active(server)
        body = ruleset(30 + number)
        sent = put(server, body, "?dry_run=true").json()["ruleset"]
        status = put_and_kill(server, body, chance.uniform(0, KILL_WITHIN_S))
        server.start()
        assert active(server) in ({sent} if status == 200 else {before, sent}), (number, status)
        assert put(server, body).json()["ruleset"] == sent  # half of it is in nobody's way


def test_a_file_that_changes_while_others_are_sent_is_not_forgotten(make_server):
    server = make_server(reload__debounce="20ms")
    stop = threading.Event()
    statuses = set()

    def send():
        number = 100
        while not stop.is_set():
            statuses.add(put(server, ruleset(number)).status)
            number += 1

    def loaded():
        return f'reloads_total{{result="loaded",source="file"}} {threshold - 4}\n' in \
            server.get("/metrics").body.decode()

    sender = threading.Thread(target=send)
    sender.start()
    try:
        for threshold in (5, 6, 7):
            server.write("rules.yaml", rules(threshold))
            until(loaded)
    finally:
        stop.set()
        sender.join()
    assert statuses <= {200, 503} and 200 in statuses
