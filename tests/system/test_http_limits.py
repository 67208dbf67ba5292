"""Clients that are too slow, too large or too many."""
import socket
import threading
import time

from conftest import payment


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=10)


TRICKLED_S = 12  # unless it is ended before


def trickle(server, start, piece=b"a"):
    """Send a byte every 100 ms; answers how long the server let us, and what it said."""
    with connect(server) as s:
        begun, got = time.monotonic(), b""
        s.sendall(start)
        s.settimeout(0.1)
        while time.monotonic() - begun < TRICKLED_S:
            try:
                s.sendall(piece)
                data = s.recv(4096)
                if not data:
                    break
                got += data
            except socket.timeout:
                pass
            except OSError:
                break
        return time.monotonic() - begun, got


POST = b"POST /v1/score HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
BATCH = b"POST /v1/score/batch HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-ndjson\r\n"


def test_a_header_or_a_body_that_trickles_is_over_at_its_deadline(make_server):
    server = make_server(request_timeout_ms=1000)
    assert server.score(payment(0)).status == 200
    starts = {
        "header": POST + b"X: ",
        "header of the second request": b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n" + POST + b"X: ",
        "body": POST + b"Content-Length: 1000\r\n\r\n",
        "chunks": POST + b"Transfer-Encoding: chunked\r\n\r\n3e8\r\n",
        "batch": BATCH + b"Content-Length: 100000\r\n\r\n",
    }
    for name, start in starts.items():
        took, got = trickle(server, start)
        assert 0.9 < took < TRICKLED_S, (name, took)  # and not for as long as it trickles
        assert b"HTTP/1.1 408 " in got, (name, got)
    assert server.count() == 1


def open_connections(server):
    text = server.get("/metrics").body.decode()
    return int(next(line.split()[1] for line in text.splitlines()
                    if line.startswith("sluice_http_connections ")))


def test_a_slow_reader_is_cut_off(make_server):
    server = make_server(request_timeout_ms=1000)
    lines = b"{\n" * 100000  # some 24 MB of answers, more than the kernel's buffers take
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.settimeout(10)
        s.connect(("127.0.0.1", server.port))
        s.sendall(BATCH + b"Content-Length: %d\r\n\r\n" % len(lines) + lines)
        assert s.recv(64).startswith(b"HTTP/1.1 200 ")
        begun = time.monotonic()
        while open_connections(server) > 1:
            assert time.monotonic() - begun < 20
            assert s.recv(64)
            time.sleep(0.1)


def test_an_idle_connection_is_closed_after_its_time(make_server):
    server = make_server(idle_timeout_ms=1000, request_timeout_ms=400)
    with connect(server) as s:
        begun = time.monotonic()
        assert s.recv(100) == b""
        assert 0.9 < time.monotonic() - begun < 10


def test_a_large_body_is_413_from_its_header_and_from_the_running_count(server):
    before = server.rss_kib()
    for framing in (b"Content-Length: 1000000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"):
        with connect(server) as s:
            s.sendall(POST + framing)
            piece = b" " * 65536
            if b"chunked" in framing:
                piece = b"10000\r\n" + piece + b"\r\n"
            sent, got = 0, b""
            try:
                while sent < 1 << 30:
                    s.sendall(piece)
                    sent += len(piece)
            except OSError:
                pass
            try:
                while data := s.recv(65536):
                    got += data
            except OSError:
                pass
            assert sent < 64 << 20  # the server took a little and hung up
            assert got == b"" or got.startswith(b"HTTP/1.1 413 "), got[:100]
    assert server.rss_kib() - before < 32 << 10
    exact = server.score(b" " * 65537)
    assert exact.status == 413 and exact.json()["detail"] == "a body may have 65536 bytes here"
    assert server.score(b" " * 65536).status == 400


def test_the_limit_that_is_told_is_the_configured_one(make_server):
    server = make_server(limits__body_bytes=2000, limits__batch_line_bytes=1500)
    told = "a body may have 2000 bytes here"
    assert server.score(b" " * 2001).json()["detail"] == told
    with connect(server) as s:
        s.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n7d1\r\n" + b" " * 2001 + b"\r\n")
        assert told.encode() in s.recv(4096)
    (line,) = server.batch([" " * 1501 + "x"]).lines()
    assert (line["status"], line["detail"]) == (413, "a line may have 1500 bytes here")


def test_a_body_that_is_refused_leaves_the_connection_usable(server):
    import http.client
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    for _ in range(3):
        connection.request("POST", "/nowhere", b"x" * 30000)
        reply = connection.getresponse()
        assert reply.status == 404 and reply.read()
    connection.close()


def test_a_method_that_is_refused_ahead_of_a_long_body_is_told_which_are_taken(server):
    with connect(server) as s:
        s.sendall(b"PUT /v1/score HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n" +
                  b"x" * 100000)
        got = b""
        while data := s.recv(4096):
            got += data
    assert got.startswith(b"HTTP/1.1 405 ") and b"\r\nAllow: POST\r\n" in got


def test_a_thousand_idle_connections_and_256_busy_ones(server):
    idle = [connect(server) for _ in range(1000)]
    before = server.rss_kib()
    errors, slow = [], []

    def work(number):
        for i in range(4):
            begun = time.monotonic()
            reply = server.score(payment(i, account=f"busy-{number}"))
            if reply.status != 200:
                errors.append(reply.body)
            slow.append(time.monotonic() - begun)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(256)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert errors == []
    assert sorted(slow)[len(slow) // 2] < 5
    idle[0].sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
    assert idle[0].recv(100).startswith(b"HTTP/1.1 200 ")
    for s in idle:
        s.close()
    assert server.rss_kib() - before < 256 << 10
    assert server.count("busy-0") == 4


def test_hundreds_of_rules_that_fire_at_once_are_a_decision_with_its_reasons_shortened(make_server):
    server = make_server(start=False)
    rule = "  - {id: r%d, when: 'true', score: 1, title: %s, reason: %s, mode: %s}\n"
    server.write("rules.yaml", "rules:\n" + "".join(
        rule % (i, "t" * 200, "r" * 500, "shadow" if i % 10 == 0 else "live") for i in range(2000)))
    server.start()
    for query in ("", "?explain=true"):
        reply = server.score(payment(len(query)), query)
        found = reply.json()
        assert reply.status == 200 and (found["decision"], found["score"]) == ("flag", 1800)
        assert [r["rule"] for r in found["reasons"][:3]] == ["r1", "r2", "r3"]
        assert (len(found["reasons"]), found["reasons_omitted"]) == (32, 1768)
        assert (len(found["shadow"]), found["shadow_omitted"]) == (32, 168)
        assert server.score(payment(len(query)), query).body == reply.body


def is_reset(s):
    """Did the server's end come with a reset? One may overtake the answer on a real network."""
    tcp_close = 7
    return s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == tcp_close


def test_a_request_over_the_limit_is_told_so_with_its_body_on_the_way(make_server):
    server = make_server(workers=1, request_timeout_ms=60000)
    head = POST + b"Content-Length: 30000\r\n\r\n"
    kept = []
    for _ in range(2048):
        kept.append(connect(server))
        kept[-1].sendall(head)
    time.sleep(0.5)  # until the worker has seen the last of them
    with connect(server) as s:
        s.sendall(head + b" " * 30000)
        got = b""
        while data := s.recv(4096):
            got += data
        time.sleep(0.2)
        assert not is_reset(s)
    assert got.startswith(b"HTTP/1.1 503 ") and b"Retry-After: 1" in got
    for s in kept:
        s.close()


def test_connections_over_the_limit_are_told_so(make_server):
    server = make_server(limits__connections=20)
    kept = [connect(server) for _ in range(20)]
    time.sleep(0.5)  # until both workers have accepted theirs
    with connect(server) as s:
        got = b""
        while data := s.recv(4096):
            got += data
    assert got.startswith(b"HTTP/1.1 503 ") and b"Retry-After: 1" in got
    assert b"too many connections" in got
    for s in kept:
        s.close()
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            if server.get("/livez").status == 200:
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError("closed connections are not forgotten")
