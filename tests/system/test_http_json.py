"""Every JSON row of what can be wrong with a body: its answer, and that nothing has happened."""
import json
import subprocess

import pytest

from conftest import BIN, payment

GOOD = json.dumps(payment(1)).encode()

NOT_JSON = {
    "empty": b"",
    "spaces": b"  \n",
    "cut": GOOD[:-1],
    "a comma too many": GOOD[:-1] + b",}",
    "two documents": GOOD + GOOD,
    "rubbish behind": GOOD + b"x",
    "single quotes": GOOD.replace(b'"', b"'"),
    "a comment": b"/* */" + GOOD,
    "NaN": GOOD.replace(b"950.0", b"NaN"),
    "infinity": GOOD.replace(b"950.0", b"-Infinity"),
    "leading zero": GOOD.replace(b"950.0", b"0950"),
    "leading plus": GOOD.replace(b"950.0", b"+950"),
    "bare point": GOOD.replace(b"950.0", b"950."),
    "hex": GOOD.replace(b"950.0", b"0x10"),
    "raw newline in a string": GOOD.replace(b"EUR", b"E\nR"),
    "unknown escape": GOOD.replace(b"EUR", b"E\\xR"),
    "lone surrogate": GOOD.replace(b"EUR", b"\\ud800"),
    "NUL escaped": GOOD.replace(b"EUR", b"E\\u0000"),
    "overlong UTF-8": GOOD.replace(b"EUR", b"\xc0\xaf"),
    "Latin-1": GOOD.replace(b"EUR", b"\xe9"),
    "UTF-16": GOOD.decode().encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf" + GOOD,
    "duplicate key": GOOD[:-1] + b', "amount": 1}',
    "duplicate key in an undeclared object": GOOD[:-1] + b', "x": {"a": 1, "a": 2}}',
    "33 deep": GOOD[:-1] + b', "x": ' + b"[" * 33 + b"]" * 33 + b"}",
    "60,000 deep": b"[" * 60000,
    "an array": b"[]",
    "a string": b'"t-1"',
    "null": b"null",
}


def changed(**fields):
    return json.dumps(payment(1) | fields)


NOT_OURS = {
    "a field missing": (GOOD.replace(b'"amount"', b'"amuont"'), "/amount"),
    "a field null": (changed(amount=None), "/amount"),
    "a wrong type": (changed(account_id=5), "/account_id"),
    "too long": (changed(account_id="a" * 65), "/account_id"),
    "five fraction digits": (GOOD.replace(b"950.0", b"950.00001"), "/amount"),
    "amount out of range": (GOOD.replace(b"950.0", b"1e30"), "/amount"),
    "no offset": (changed(timestamp="2026-01-05T12:00:10"), "/timestamp"),
    "microseconds": (changed(timestamp="2026-01-05T12:00:10.000001Z"), "/timestamp"),
    "the 30th of February": (changed(timestamp="2026-02-30T12:00:10Z"), "/timestamp"),
    "the far future": (changed(timestamp="2126-01-05T12:00:10Z"), "/timestamp"),
    "another kind": (changed(kind="refund"), "/kind"),
    "a label": (json.dumps({"kind": "label", "transaction_id": "t", "outcome": "fraud",
                            "timestamp": "2026-01-05T12:00:10Z"}), None),
    "a card number": (changed(note="4111 1111 1111 1111"), "/note"),
    "a card number in a text": (changed(note="paid with 4111 1111 1111 1111, thanks"), "/note"),
    "a number beyond every type": (GOOD[:-1] + b', "x": 1e400}', "/x"),
}


def problem(reply, status):
    assert reply.status == status, (reply.status, reply.body)
    assert reply.headers["Content-Type"] == "application/problem+json"
    body = reply.json()
    assert body["status"] == status and body["title"] and body["type"].startswith("urn:sluice:")
    return body


def test_what_is_not_json_is_400_with_its_place(server):
    assert server.score(payment(0)).status == 200
    for name, body in NOT_JSON.items():
        reply = server.score(body)
        assert reply.status in (400, 422), (name, reply.body)
        found = problem(reply, reply.status)
        assert 0 <= found["errors"][0]["offset"] <= len(body), name
        if reply.status == 422:  # JSON, in a spelling that is refused all the same
            assert name in ("NUL escaped",), (name, found)
    assert server.count() == 1


def test_json_that_is_no_object_is_not_called_something_else(server):
    for body in ("[]", json.dumps([payment(1)]), "null", '"t-1"', "5"):
        found = problem(server.score(body), 400)
        assert found["title"] == "The body is not a JSON object", body
        assert found["detail"].startswith("expected an object"), body
        assert ("not an array" in found["detail"]) == body.startswith("["), body


def test_json_outside_the_schema_is_422_with_its_pointer(server):
    assert server.score(payment(0)).status == 200
    for name, (body, pointer) in NOT_OURS.items():
        found = problem(server.score(body), 422)
        if pointer is not None:
            assert found["errors"][0]["pointer"] == pointer, (name, found)
        assert "4111" not in json.dumps(found)
    assert server.count() == 1
    assert "4111" not in json.dumps(server.log) + server.stderr()


def test_every_missing_field_is_told_at_once(server):
    found = problem(server.score('{"terminal_id":"m-1"}'), 422)
    assert [e["pointer"] for e in found["errors"]] == ["/transaction_id", "/account_id", "/amount",
                                                       "/timestamp"]
    assert found["detail"] == "the field transaction_id is missing" == found["errors"][0]["detail"]
    found = problem(server.label({"kind": "label", "outcome": "fraud"}), 422)
    assert [e["pointer"] for e in found["errors"]] == ["/transaction_id", "/timestamp"]
    line = server.batch([{"account_id": "a-1", "amount": 1}]).lines()[0]
    assert [e["pointer"] for e in line["errors"]] == ["/transaction_id", "/timestamp"]
    assert server.count() == 0


def test_a_label_that_does_not_say_so_is_told_what_to_write(server):
    label = {"transaction_id": "t-a-1-1", "outcome": "fraud", "timestamp": "2026-01-05T12:00:00Z"}
    found = problem(server.label(label), 422)
    assert found["errors"] == [{"pointer": "/kind", "detail": found["detail"]}]
    assert found["detail"] == 'is missing; write "kind":"label"'
    for transaction in (label | {"kind": "transaction"}, payment(1)):
        found = problem(server.label(transaction), 422)
        assert found["errors"] == [{"pointer": "/kind", "detail": found["detail"]}]
        assert found["detail"].startswith("transactions go to /v1/score or a batch")
    assert server.count() == 0


def test_what_is_refused_for_what_it_says_has_a_pointer_and_no_offset(server):
    assert server.score(payment(1)).status == 200
    label = {"kind": "label", "transaction_id": "t-a-1-1", "outcome": "fraud",
             "timestamp": "2026-01-05T11:00:00Z"}
    ahead = "2126-01-05T12:00:10Z"
    refused = {
        "/timestamp": server.score(payment(2) | {"timestamp": ahead}),
        "/transaction_id": server.score(payment(1) | {"amount": 951.00}),
        "/kind": server.score(label),
    }
    for pointer, reply in refused.items():
        found = problem(reply, 422)
        assert found["errors"] == [{"pointer": pointer, "detail": found["detail"]}]
    for wrong in (label, label | {"timestamp": ahead},
                  label | {"transaction_timestamp": "2026-01-05T12:00:00Z"}):
        found = problem(server.label(wrong), 422)
        assert found["errors"] == [{"pointer": "/timestamp", "detail": found["detail"]}]
    line = server.batch([label]).lines()[0]
    assert line["errors"] == [{"pointer": "/timestamp", "detail": line["detail"]}]


def test_replay_tells_the_place_of_a_refused_line_in_the_same_way(server):
    label = {"kind": "label", "transaction_id": "t-a-1-1", "outcome": "fraud",
             "timestamp": "2026-01-05T11:00:00Z"}
    lines = [changed(), json.dumps(label), changed(transaction_id="t-2", amount="x")]
    server.write("events.ndjson", "\n".join(lines) + "\n")
    done = subprocess.run([BIN, "replay", "-c", server.folder / "sluice.yaml", "--events",
                           server.folder / "events.ndjson"], capture_output=True, text=True)
    assert "ndjson:2: at /timestamp: lies before the time of its transaction\n" in done.stderr
    byte = lines[2].index('"x"')
    assert f"ndjson:3: at /amount, byte {byte}: must be" in done.stderr


def test_depth_32_and_undeclared_fields_are_fine(server):
    deep = GOOD[:-1] + b', "x": ' + b"[" * 31 + b"]" * 31 + b"}"
    assert server.score(deep).status == 200


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded",
                                          "application/x-ndjson", "application/jsonx"])
def test_another_content_type_is_415(server, content_type):
    headers = {"Content-Type": content_type} if content_type else {}
    problem(server.request("POST", "/v1/score", GOOD, headers), 415)
    assert server.count() == 0


def test_a_compressed_body_is_415(server):
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    problem(server.request("POST", "/v1/score", GOOD, headers), 415)


def test_the_same_id_with_another_body_is_422_and_leaves_no_trace(server):
    first = server.score(payment(1))
    other = problem(server.score(payment(1) | {"amount": 951.00}), 422)
    assert other["type"] == "urn:sluice:problem:conflict"
    assert server.count() == 1
    again = server.score(payment(1))
    assert again.body == first.body and again.headers["Idempotent-Replayed"] == "true"


def test_a_batch_answers_each_wrong_line_and_goes_on(server):
    lines = [json.dumps(payment(0)), "{", "", json.dumps(payment(1) | {"amount": "x"}),
             "[" * 70000, json.dumps(payment(2))]
    reply = server.batch(lines)
    assert reply.status == 200
    answers = reply.lines()
    assert [a.get("status", "decided") for a in answers] == ["decided", 400, 422, 413, "decided"]
    assert [a.get("line") for a in answers] == [None, 2, 4, 5, None]
    assert server.count() == 2


def test_a_blank_line_of_a_batch_has_no_answer_and_counts_as_a_line(server):
    lines = ["", json.dumps(payment(0)), " \t", "\r", "{", "   ", json.dumps(payment(1)) + "\r", ""]
    answers = server.batch(lines).lines()
    assert [a.get("transaction_id", a.get("line")) for a in answers] == ["t-a-1-0", 5, "t-a-1-1"]
    assert server.batch(["", " ", "\r"]).body == b""
    assert server.count() == 2
