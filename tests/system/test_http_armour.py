"""Requests that two programs would cut differently: 400 and close, and nothing has happened."""
import socket

import pytest

from conftest import payment

BODY = b'{"transaction_id":"smuggled","account_id":"a-1","amount":1,' \
       b'"timestamp":"2026-01-05T12:00:10Z"}'
N = str(len(BODY)).encode()
HEAD = b"POST /v1/score HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
ENCODED = HEAD + b"Transfer-Encoding: chunked\r\n"
CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)

TRICKS = {
    "two lengths": HEAD + b"Content-Length: " + N + b"\r\nContent-Length: 3\r\n\r\n" + BODY,
    "two equal lengths": HEAD + (b"Content-Length: " + N + b"\r\n") * 2 + b"\r\n" + BODY,
    "a list of lengths": HEAD + b"Content-Length: " + N + b", " + N + b"\r\n\r\n" + BODY,
    "space before the colon": HEAD + b"Content-Length : " + N + b"\r\n\r\n" + BODY,
    "tab before the colon": HEAD + b"Content-Length\t: " + N + b"\r\n\r\n" + BODY,
    "signed length": HEAD + b"Content-Length: +" + N + b"\r\n\r\n" + BODY,
    "negative length": HEAD + b"Content-Length: -1\r\n\r\n" + BODY,
    "hex length": HEAD + b"Content-Length: 0x10\r\n\r\n" + BODY,
    "empty length": HEAD + b"Content-Length: \r\n\r\n" + BODY,
    "folded length": HEAD + b"Content-Length:\r\n " + N + b"\r\n\r\n" + BODY,
    "length in a folded line": HEAD + b"X: y\r\n Content-Length: " + N + b"\r\n\r\n" + BODY,
    "length behind a bare CR": HEAD + b"X: y\rContent-Length: " + N + b"\r\n\r\n" + BODY,
    "two hosts": HEAD + b"Host: b\r\nContent-Length: " + N + b"\r\n\r\n" + BODY,
    "no host": b"POST /v1/score HTTP/1.1\r\nContent-Length: " + N + b"\r\n\r\n" + BODY,
    "chunked and a length": ENCODED + b"Content-Length: 4\r\n\r\n" + CHUNKED,
    "gzip": HEAD + b"Transfer-Encoding: gzip\r\n\r\n" + BODY,
    "gzip, chunked": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + CHUNKED,
    "identity": HEAD + b"Transfer-Encoding: identity\r\n\r\n" + BODY,
    "xchunked": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNKED,
    "chunked twice": ENCODED + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKED,
    "chunked, then identity": ENCODED + b"Transfer-Encoding: identity\r\n\r\n" + CHUNKED,
    "vertical tab": HEAD + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + CHUNKED,
    "quoted": HEAD + b'Transfer-Encoding: "chunked"\r\n\r\n' + CHUNKED,
    "encoding with a space": HEAD + b"Transfer-Encoding : chunked\r\n\r\n" + CHUNKED,
    "folded encoding": HEAD + b"Transfer-Encoding:\r\n chunked\r\n\r\n" + CHUNKED,
    "encoding in HTTP/1.0": ENCODED.replace(b"1.1", b"1.0") + b"\r\n" + CHUNKED,
    "leading space":
        b"POST /v1/score HTTP/1.1\r\n Host: a\r\nContent-Length: " + N + b"\r\n\r\n" + BODY,
    "no colon": HEAD + b"Content-Length " + N + b"\r\n\r\n" + BODY,
    "NUL in a name": HEAD + b"X\x00: y\r\nContent-Length: " + N + b"\r\n\r\n" + BODY,
    "chunk size of letters": ENCODED + b"\r\nzz\r\n" + BODY + b"\r\n0\r\n\r\n",
    "negative chunk": ENCODED + b"\r\n-3\r\n" + BODY + b"\r\n0\r\n\r\n",
    "hex prefix": ENCODED + b"\r\n0x3\r\nabc\r\n0\r\n\r\n",
    "chunk that runs on": ENCODED + b"\r\n3\r\nabcXX0\r\n\r\n",
    "space behind the size": ENCODED + b"\r\n3 \r\nabc\r\n0\r\n\r\n",
}


def talk(server, data, timeout=5):
    """What comes back until the server closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=timeout) as s:
        s.sendall(data)
        got = b""
        try:
            while True:
                piece = s.recv(65536)
                if not piece:
                    return got
                got += piece
        except ConnectionResetError:
            return got


def test_each_trick_is_refused_and_the_connection_ends(server):
    assert server.score(payment(0)).status == 200
    smuggled = b"POST /v1/score HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" \
               b"Content-Length: " + N + b"\r\n\r\n" + BODY
    for name, data in TRICKS.items():
        got = talk(server, data + smuggled)
        assert got.startswith(b"HTTP/1.1 400 "), (name, got[:200])
        assert got.count(b"HTTP/1.1 ") == 1, (name, got)  # what follows is not a request any more
        assert b"application/problem+json" in got and b"<html" not in got, (name, got)
        assert b"\r\nConnection: close\r\n" in got, (name, got)
    assert server.count() == 1
    assert server.get("/v1/decisions/smuggled").status == 404


@pytest.mark.parametrize("line", [b"GARBAGE\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
                                  b"GET /a b c HTTP/1.1\r\nHost: a\r\n\r\n",
                                  b" GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"])
def test_what_cannot_be_cut_into_method_target_and_version_ends_the_connection(server, line):
    """libmicrohttpd 0.9.75 shuts its end before anybody is asked; openapi.yaml says the same."""
    assert talk(server, line) == b""


@pytest.mark.parametrize("line", [b"GET /livez\r\n\r\n", b"FOO BAR BAZ\r\n\r\n",
                                  b"GET /livez HTTX/1.1\r\nHost: a\r\n\r\n"])
def test_a_request_line_of_no_known_version_is_400(server, line):
    assert talk(server, line).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("data, status", [
    (b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    (b"GET /livez HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 20000 + b"\r\n\r\n", 431),
    (b"GET /livez HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 3000 + b"\r\n", 431),
    (b"GET /livez HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    (b"POST /v1/score HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 413),
    (b"GET /livez HTTP/1.1\r\n\r\n", 400),
])
def test_the_librarys_own_pages_are_problems(server, data, status):
    got = talk(server, data)
    head, _, body = got.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), got
    assert b"Content-Type: application/problem+json" in head
    assert b"Content-Length: %d" % len(body) in head
    assert b'"status":%d' % status in body


def test_http_1_0_keep_alive_and_pipelining_work(server):
    assert talk(server, b"GET /livez HTTP/1.0\r\n\r\n").endswith(b"\r\n\r\nalive\n")
    two = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n" * 2
    last = b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    assert talk(server, two + last).count(b"alive\n") == 3


def test_an_absolute_target_is_served(server):
    got = talk(server, b"GET http://a/livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 200 ")


def test_expect_100_continue(server):
    head = HEAD + b"Connection: close\r\nExpect: 100-continue\r\nContent-Length: " + N + b"\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as s:
        s.sendall(head)
        assert s.recv(1000).startswith(b"HTTP/1.1 100 ")
        s.sendall(BODY)
        assert s.recv(1000).startswith(b"HTTP/1.1 200 ")
    refused = head.replace(N, b"10000000")
    assert talk(server, refused).startswith(b"HTTP/1.1 413 ")  # without having been sent the body
    unknown = head.replace(b"100-continue", b"miracles")
    assert talk(server, unknown).startswith(b"HTTP/1.1 417 ")
