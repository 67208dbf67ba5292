"""Rulesets over HTTP: sent, refused, kept, shown, gone back to; and who may."""
import gzip
import io
import json
import os
import signal
import socket
import subprocess
import tarfile

import pytest

from conftest import BIN, RULES, RULESET, payment

TAR = {"Content-Type": "application/x-tar"}
TGZ = {"Content-Type": "application/gzip"}
KEY = "0123456789abcdef0123456789abcdef"
MISSPELT = RULES.replace("account_tx_count_5m > 10", "account_tx_cuont_5m > 10")


def rules(threshold):
    return RULES.replace("> 10", f"> {threshold}")


def bundle(files, folder="", mode="w"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(folder + name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content.encode()))
    return out.getvalue()


def ruleset(threshold=10, **more):
    return bundle({"ruleset.yaml": RULESET, "rules.yaml": rules(threshold), **more}, **{})


def put(server, body, query="", **headers):
    return server.request("PUT", "/v1/ruleset" + query, body, {**TAR, **headers})


def active(server, **headers):
    return server.get("/v1/ruleset", **headers).json()["ruleset"]


def audit(server):
    return [json.loads(line) for line in (server.folder / "audit.ndjson").open()]


def test_a_bundle_decides_from_its_answer_on(server):
    before = server.get("/v1/ruleset")
    assert before.headers["ETag"] == f'"{before.json()["ruleset"]}"'
    reply = put(server, ruleset(1))
    report = reply.json()
    assert (reply.status, report["result"], report["kept"]) == (200, "loaded", True)
    assert report["previous"] == before.json()["ruleset"] and report["diagnostics"] == []
    assert reply.headers["ETag"] == f'"{report["ruleset"]}"'
    decisions = [server.score(payment(i)).json() for i in range(2)]
    assert [d["decision"] for d in decisions] == ["allow", "flag"]
    assert {d["ruleset"] for d in decisions} == {report["ruleset"]}
    shown = server.get("/v1/ruleset").json()
    assert (shown["from"], shown["who"]) == ("PUT", "anonymous@127.0.0.1")
    assert put(server, ruleset(1)).json()["result"] == "unchanged"


@pytest.mark.parametrize("body", [
    gzip.compress(ruleset(2)), bundle({"ruleset.yaml": RULESET, "rules.yaml": rules(2)}, "cards/")])
def test_a_bundle_may_be_packed_and_in_a_folder(server, body):
    assert put(server, body, **TGZ).json()["result"] == "loaded"


def test_a_broken_bundle_changes_nothing_and_says_all(server):
    before = active(server)
    broken = bundle({"ruleset.yaml": RULESET,
                     "rules.yaml": MISSPELT + MISSPELT.split("rules:\n")[1].replace(
                         "account-burst", "second").replace("high", "hgih")})
    reply = put(server, broken)
    assert reply.status == 422 and reply.headers["Content-Type"] == "application/problem+json"
    problem = reply.json()
    assert problem["type"] == "urn:sluice:problem:ruleset"
    assert problem["detail"].startswith("rules.yaml:4:11: ") and problem["detail"].endswith("more")
    diagnostics = problem["report"]["diagnostics"]
    places = [(d["file"], d["line"]) for d in diagnostics]
    assert places[:2] == [("rules.yaml", 4), ("rules.yaml", 11)]
    assert "account_tx_count_5m" in diagnostics[0]["hint"]
    assert active(server) == before
    assert "sluice_ruleset_last_reload_successful 0" in server.get("/metrics").body.decode()


@pytest.mark.parametrize("body, word", [
    (b"", "no bundle"),
    (b"rules: []\n", "no tar"),
    (bundle({"other.yaml": "x"}), "there is no ruleset.yaml"),
    (bundle({"../ruleset.yaml": RULESET}), "not allowed"),
    (bundle({"ruleset.yaml": RULESET.replace("rules.yaml", "/etc/passwd")}), "outside of the"),
    (bundle({"ruleset.yaml": RULESET.replace("rules.yaml", "../../x.yaml")}), "outside of the"),
    (ruleset(2)[:700], "damaged"),
])
def test_what_is_no_ruleset_is_refused(server, body, word):
    before = active(server)
    reply = put(server, body)
    assert reply.status == 422 and word in reply.body.decode()
    assert active(server) == before
    assert not [p for p in (server.folder / "rulesets").iterdir() if p.name.startswith("incoming")]


def test_headers_and_parameters_are_looked_at(server):
    now = f'"{active(server)}"'
    assert put(server, ruleset(2), **{"Content-Type": "application/json"}).status == 415
    assert put(server, ruleset(2), "?dryrun=true").status == 400
    for bad in (now.strip('"'), now[1:], f"{now} {now}", "*, " + now):
        reply = put(server, ruleset(2), **{"If-Match": bad})
        assert reply.status == 400 and "must be *, or ETags" in reply.json()["detail"], bad
    for other in ('"0123456789abcdef"', '"of-something-else"', "W/" + now, '"a", "b"'):
        reply = put(server, ruleset(2), **{"If-Match": other})
        assert reply.status == 412 and now in reply.json()["detail"], other
    assert put(server, ruleset(2), "?dry_run=true", **{"If-Match": f'"x", {now}'}).status == 200
    assert f'"{active(server)}"' == now
    assert put(server, ruleset(2), **{"If-Match": now}).status == 200
    assert put(server, ruleset(3), **{"If-Match": now}).status == 412
    assert put(server, ruleset(3), **{"If-Match": "*"}).status == 200


def test_a_dry_run_checks_and_changes_nothing(server):
    before = active(server)
    checked = put(server, ruleset(2), "?dry_run=true").json()
    assert (checked["result"], checked["dry_run"], checked["kept"]) == ("checked", True, False)
    assert checked["ruleset"] != before == active(server)
    broken = bundle({"ruleset.yaml": RULESET, "rules.yaml": MISSPELT})
    assert put(server, broken, "?dry_run=true").status == 422
    assert [e["dry_run"] for e in audit(server)] == [True, True]


def test_a_body_over_the_limit_is_refused_before_it_is_read(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as s:
        s.sendall(b"PUT /v1/ruleset HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-tar\r\n"
                  b"Expect: 100-continue\r\nContent-Length: 67108865\r\n\r\n")
        assert s.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_versions_are_listed_given_back_and_gone_back_to(server):
    first = active(server)
    second = put(server, ruleset(2)).json()["ruleset"]
    third = put(server, ruleset(3)).json()["ruleset"]
    listed = server.get("/v1/ruleset/versions").json()
    assert [v["ruleset"] for v in listed["versions"]] == [third, second, first]
    assert (listed["active"], listed["previous"]) == (third, second)
    assert [v["from"] for v in listed["versions"]] == ["PUT", "PUT", "start"]

    packed = server.get(f"/v1/ruleset/versions/{second}")
    assert packed.headers["Content-Type"] == "application/gzip"
    with tarfile.open(fileobj=io.BytesIO(packed.body)) as tar:
        assert tar.getnames() == ["ruleset.yaml", "rules.yaml"]
        assert tar.extractfile("rules.yaml").read().decode() == rules(2)
    gone = server.get("/v1/ruleset/versions/0123456789abcdef")
    assert gone.status == 404 and "under the id 0123456789abcdef; GET " in gone.json()["detail"]
    assert server.get("/v1/ruleset/versions/..%2F..%2Fetc").status == 404

    def back(to=None):
        body = json.dumps({"to": to}) if to else None
        return server.request("POST", "/v1/ruleset/rollback", body)

    assert back().json()["ruleset"] == second == active(server)
    assert back().json()["ruleset"] == third
    assert back(first).json()["result"] == "loaded" and active(server) == first
    assert back("0123456789abcdef").status == 404
    for bad in ("x", "[]", '{"to": "../x"}', '{"to": 1}', '{"too": 1}'):
        assert server.request("POST", "/v1/ruleset/rollback", bad).status == 400, bad
    assert put(server, packed.body, **TGZ).json()["ruleset"] == second


def test_who_has_nothing_to_go_back_to_is_told_where_versions_are(make_server):
    server = make_server(name="first")
    for body, said in ((None, "no older version kept here to go back to; GET /v1/ruleset/versions"),
                       ('{"to": "0123456789abcdef"}', "under the id 0123456789abcdef; GET ")):
        reply = server.request("POST", "/v1/ruleset/rollback", body)
        assert reply.status == 404 and said in reply.json()["detail"]
    none_kept = make_server(name="second", reload__dir="")
    reply = none_kept.request("POST", "/v1/ruleset/rollback")
    assert reply.status == 404 and "set reload.dir" in reply.json()["detail"]


def test_versions_are_compared_in_words(server):
    first = active(server)
    second = put(server, ruleset(2)).json()["ruleset"]
    diff = server.get(f"/v1/ruleset/diff?from={first}").json()
    assert (diff["from"], diff["to"]) == (first, second)
    change, = diff["changes"]
    assert (change["kind"], change["name"], change["key"]) == ("rule", "account-burst", "when")
    assert (change["before"], change["after"]) == ("account_tx_count_5m > 10",
                                                   "account_tx_count_5m > 2")
    assert server.get(f"/v1/ruleset/diff?from={second}&to={second}").json()["changes"] == []
    for query, status, said in (("", 400, "from must be the id of a version, 16 hex digits"),
                                (f"?from={first}&to=x", 400, "without it is meant what decides"),
                                ("?from=0123456789abcdef", 404, "the id 0123456789abcdef; GET "),
                                (f"?from={first}&to=0123456789abcdef", 404, "the id 0123456789ab")):
        reply = server.get("/v1/ruleset/diff" + query)
        assert reply.status == status and said in reply.json()["detail"], query
    config = str(server.folder / "sluice.yaml")
    for a, b in ((first, second), (first, str(server.folder)), (second, second)):
        done = subprocess.run([os.path.abspath(BIN), "diff", "-c", config, a, b],
                              capture_output=True, text=True, timeout=60)
        same = b != second or a == second
        assert done.returncode == (0 if same else 1), done.stderr
        assert done.stdout == ("" if same else
                               "rule account-burst: when was `account_tx_count_5m > 10`, "
                               "is `account_tx_count_5m > 2`\n")


def test_every_change_names_who_and_where(make_server):
    server = make_server(admin__keys={"alice": KEY})
    alice = {"Authorization": f"Bearer {KEY}"}
    assert put(server, ruleset(2), **alice).status == 200
    entry = audit(server)[-1]
    assert (entry["who"], entry["address"], entry["from"]) == ("alice", "127.0.0.1", "PUT")
    assert entry["result"] == "loaded" and len(entry["request"]) == 16
    assert KEY not in (server.folder / "audit.ndjson").read_text() + json.dumps(server.log)


ADMIN_ROUTES = [("GET", "/v1/ruleset"), ("PUT", "/v1/ruleset"), ("GET", "/v1/ruleset/versions"),
                ("GET", "/v1/ruleset/versions/0123456789abcdef"), ("POST", "/v1/ruleset/rollback"),
                ("GET", "/v1/ruleset/diff"),
                ("DELETE", "/v1/entities/account_id/a-1")]


def test_without_a_key_admin_routes_are_401_and_others_are_not(make_server):
    server = make_server(admin__keys={"alice": KEY, "bob": KEY[::-1]})
    before = server.get("/v1/ruleset", Authorization=f"Bearer {KEY}").json()["ruleset"]
    for method, path in ADMIN_ROUTES:
        for header in (None, "Bearer", "Bearer wrong", f"Basic {KEY}", f"Bearer {KEY}x", "Bearer "):
            headers = {**TAR, **({"Authorization": header} if header else {})}
            reply = server.request(method, path, ruleset(2) if method == "PUT" else None, headers)
            assert reply.status == 401, (method, path, header)
            assert reply.headers["WWW-Authenticate"] == "Bearer"
            assert reply.json()["type"] == "urn:sluice:problem:unauthorized"
    assert active(server, Authorization=f"bearer {KEY[::-1]}") == before
    assert server.score(payment(0)).status == 200 and server.get("/metrics").status == 200


def test_admin_routes_may_have_an_address_of_their_own(make_server):
    server = make_server(admin__listen="127.0.0.1:0")
    main, admin = server.port, next(e for e in server.log if "admin_port" in e)["admin_port"]
    assert admin not in (0, main)
    for method, path in ADMIN_ROUTES:
        reply = server.request(method, path, b"" if method == "PUT" else None, TAR)
        assert reply.status == 404 and "admin.listen" in reply.json()["detail"]
    assert server.score(payment(0)).status == 200
    server.port = admin
    assert put(server, ruleset(2)).status == 200 and server.get("/v1/ruleset").status == 200
    server.signal(signal.SIGTERM)
    assert server.process.wait(20) == 0


@pytest.mark.parametrize("settings", [
    {"listen": "0.0.0.0:0", "insecure_listen": True},
    {"admin__listen": "0.0.0.0:0"},
])
def test_it_does_not_start_open_to_the_network_without_keys(make_server, settings):
    server = make_server(start=False, **settings)
    server.start(ready=False)
    assert server.process.wait(30) == 1
    assert "could change the rules" in server.stderr() and "admin.keys" in server.stderr()


def test_a_change_under_way_is_finished_by_the_drain(make_server):
    server = make_server()
    big = "\n".join(f"item-{i:07d}" for i in range(300000))
    text = RULESET + "lists: {many: {file: many.txt}}\n"
    body = gzip.compress(bundle({"ruleset.yaml": text, "rules.yaml": rules(5), "many.txt": big}), 1)
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as s:
        s.sendall(b"PUT /v1/ruleset HTTP/1.1\r\nHost: a\r\nContent-Type: application/gzip\r\n"
                  b"Content-Length: %d\r\n\r\n" % len(body) + body)
        server.signal(signal.SIGTERM)
        got = b""
        while data := s.recv(65536):
            got += data
    assert b'"result":"loaded"' in got
    assert server.process.wait(30) == 0


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_a_restart_goes_by_the_newest_change(make_server, how):
    server = make_server()
    of_file = active(server)
    sent = put(server, ruleset(2)).json()["ruleset"]
    getattr(server, how)()
    server.start()
    assert active(server) == sent != of_file  # the file is as it was
    getattr(server, how)()
    server.write("rules.yaml", rules(7))
    server.start()
    edited = active(server)
    assert edited not in (sent, of_file)
    getattr(server, how)()
    server.start()
    assert active(server) == edited
    back = server.request("POST", "/v1/ruleset/rollback").json()["ruleset"]
    assert back == sent
    getattr(server, how)()
    server.start()
    assert active(server) == sent
