"""Start, reload, drain, restart; and the other verbs."""
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

from conftest import BIN, RULES, RULESET, payment

MISSPELT = RULES.replace("account_tx_count_5m > 10", "account_tx_cuont_5m > 10")


def sluice(*args, env=None, cwd=None):
    return subprocess.run([os.path.abspath(BIN), *args], capture_output=True, timeout=60,
                          text=True, cwd=cwd, env={**os.environ, **(env or {})})


def test_a_reload_swaps_the_whole_ruleset(server):
    before = server.score(payment(0)).json()
    server.write("rules.yaml", RULES.replace("> 10", "> 1"))
    server.signal(signal.SIGHUP)
    assert server.wait_log("ruleset loaded")
    after = server.score(payment(1)).json()
    assert (before["decision"], after["decision"]) == ("allow", "flag")
    assert before["ruleset"] != after["ruleset"]
    assert server.get("/v1/ruleset").json()["ruleset"] == after["ruleset"]


def test_broken_rules_leave_the_old_ones_serving(make_server):
    server = make_server(reload__watch=False)  # each file is offered by its signal, and once
    first = server.score(payment(0)).json()["ruleset"]
    good = RULES.encode()
    for cut in range(1, len(good) - 1, 7):
        server.write("rules.yaml", good[:cut].decode())
        server.signal(signal.SIGHUP)
        end = time.monotonic() + 10
        seen = server.lines.get(timeout=end - time.monotonic())
        while seen["message"] not in ("ruleset refused", "ruleset loaded"):
            seen = server.lines.get(timeout=end - time.monotonic())
        if seen["message"] == "ruleset loaded":
            first = server.get("/v1/ruleset").json()["ruleset"]
        assert server.score(payment(cut)).json()["ruleset"] == first
    server.write("rules.yaml", MISSPELT)
    server.signal(signal.SIGHUP)
    refused = server.wait_log("ruleset refused")
    assert "rules.yaml:4:11" in refused["first"] and "account_tx_cuont_5m" in refused["first"]
    metrics = server.get("/metrics").body.decode()
    refused = re.search(r'reloads_total{result="refused",source="SIGHUP"} (\d+)', metrics)
    assert int(refused[1]) > 0
    assert "sluice_ruleset_last_reload_successful 0\n" in metrics


def test_sigterm_finishes_what_was_accepted(make_server):
    server = make_server(journal__dir="journal")
    answers, faults, stop = [], [], threading.Event()

    def work(number):
        i = 0
        connection = None
        import http.client
        while not stop.is_set():
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
                    connection.connect()
            except OSError:
                return  # not accepted any more
            event = payment(i, account=f"d-{number}")
            try:
                connection.request("POST", "/v1/score", json.dumps(event),
                                   {"Content-Type": "application/json"})
                reply = connection.getresponse()
                body = reply.read()
                if reply.status != 200:
                    faults.append((reply.status, body))
                answers.append(json.loads(body))
                if reply.headers.get("Connection") == "close":
                    connection.close()
                    connection = None
            except OSError as e:
                faults.append(e)
                return
            i += 1

    threads = [threading.Thread(target=work, args=(n,)) for n in range(16)]
    for t in threads:
        t.start()
    time.sleep(0.7)
    server.signal(signal.SIGTERM)
    assert server.process.wait(30) == 0
    stop.set()
    for t in threads:
        t.join()
    assert faults == [] and len(answers) > 16
    assert server.wait_log("stopped")
    again = make_server(journal__dir="journal")
    per_account = {}
    for a in answers:
        account = a["transaction_id"].rsplit("-", 1)[0][2:]
        per_account[account] = per_account.get(account, 0) + 1
    for account, n in per_account.items():
        assert again.count(account, at="2026-01-05T23:00:00Z") == n


def test_a_second_signal_ends_at_once(make_server):
    server = make_server(drain_timeout_ms=60000, request_timeout_ms=60000)
    with socket.create_connection(("127.0.0.1", server.port)) as s:
        s.sendall(b"POST /v1/score HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                  b"Content-Length: 10\r\n\r\n")
        time.sleep(0.3)
        server.signal(signal.SIGTERM)
        server.wait_log("draining")
        time.sleep(0.3)
        assert server.process.poll() is None
        server.signal(signal.SIGTERM)
        assert server.process.wait(5) == 1


def test_a_second_signal_ends_at_once_while_alerts_wait_for_a_broker(make_server):
    server = make_server(drain_timeout_ms=60000, alerts__file="", kafka__alerts="alerts",
                         kafka__brokers="127.0.0.1:1")
    for number in range(12):
        assert server.score(payment(number)).status == 200
    server.signal(signal.SIGTERM)
    server.wait_log("draining")
    time.sleep(2)
    assert server.process.poll() is None
    server.signal(signal.SIGTERM)
    assert server.process.wait(5) == 1


def test_a_drain_waits_for_the_body_that_is_arriving(server):
    body = json.dumps(payment(0)).encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as s:
        s.sendall(b"POST /v1/score HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                  b"Content-Length: %d\r\n\r\n" % len(body) + body[:20])
        time.sleep(0.2)
        server.signal(signal.SIGTERM)
        server.wait_log("draining")
        time.sleep(0.5)
        s.sendall(body[20:])
        got = b""
        while data := s.recv(4096):
            got += data
    assert got.startswith(b"HTTP/1.1 200 ") and b"Connection: close" in got
    assert server.process.wait(10) == 0


def test_a_restart_keeps_windows_and_first_answers(make_server):
    server = make_server(journal__dir="journal")
    first = [server.score(payment(i)).body for i in range(5)]
    server.request("DELETE", "/v1/entities/account_id/nobody")
    assert server.stop() == 0
    server.start()
    assert server.count() == 5
    again = server.score(payment(3))
    assert again.body == first[3] and again.headers["Idempotent-Replayed"] == "true"
    assert server.count() == 5
    server.kill()  # no farewell
    time.sleep(0.1)
    server.start()
    assert server.count() == 5


def test_the_last_checkpoint_waits_for_the_one_under_way(make_server):
    server = make_server(start=False, journal__dir="journal", journal__checkpoint_every="2s")
    journal = server.folder / "journal"
    journal.mkdir()
    os.mkfifo(journal / "checkpoint.part")  # who writes it waits for us
    server.start()
    server.batch([payment(i, account=f"a-{i}") for i in range(400)])
    with open(journal / "checkpoint.part", "rb") as part:
        server.signal(signal.SIGTERM)
        server.wait_log("draining")
        time.sleep(1)
        assert server.process.poll() is None
        assert len(part.read()) > 65536  # more than a pipe holds
    assert server.process.wait(30) == 0
    server.wait_log("stopped")
    assert [e["message"] for e in server.log].count("checkpoint failed") == 1  # that of the pipe
    assert list(journal.glob("checkpoint-0*")) != []


def test_events_that_a_new_ruleset_refuses_are_told_at_the_start(make_server):
    server = make_server(journal__dir="journal")
    assert server.score(payment(0, terminal_id="m-1")).status == 200
    assert server.score(payment(1)).status == 200
    server.kill()
    stricter = RULESET.replace("terminal_id: {", "terminal_id: {required: true, ")
    server.write("ruleset.yaml", stricter)
    server.start()
    lost = [e for e in server.log if e["message"].startswith("state rebuilt without")]
    assert [(e["level"], e["frames"], e["first_seq"]) for e in lost] == [("error", 1, 3)]


def test_what_was_answered_survives_a_kill_with_fsync_always(make_server):
    server = make_server(journal__dir="journal", journal__fsync="always")
    first = server.score(payment(0)).body
    server.kill()
    server.start()
    assert server.score(payment(0)).body == first
    assert server.count() == 1


def test_a_journal_without_its_identity_is_refused(make_server):
    server = make_server(journal__dir="journal")
    first = server.score(payment(0)).body
    assert server.stop() == 0
    identity = server.folder / "journal" / "identity"
    kept = identity.rename(server.folder / "kept")
    server.start(ready=False)
    assert server.process.wait(30) == 1
    assert "journal/identity: it is gone" in json.dumps(server.log) + server.stderr()
    assert not identity.exists()
    kept.rename(identity)
    server.start()
    assert server.score(payment(0)).body == first


def test_two_processes_do_not_share_a_port_or_a_journal(make_server):
    server = make_server(journal__dir="journal", lists__file="lists")
    other = make_server(start=False, name="other", listen=f"127.0.0.1:{server.port}")
    other.start(ready=False)
    assert other.process.wait(30) == 1
    assert "in use" in json.dumps(other.log) + other.stderr()
    third = make_server(start=False, name="third", journal__dir=str(server.folder / "journal"))
    third.start(ready=False)
    assert third.process.wait(30) == 1
    fourth = make_server(start=False, name="fourth", lists__file=str(server.folder / "lists"))
    fourth.start(ready=False)
    assert fourth.process.wait(30) == 1
    for refused, said in ((other, "in use"), (third, "another process has this journal open"),
                          (fourth, "lists: another process has it")):
        entry = refused.log[-1]
        assert said in entry["why"], entry
        for key in ("listen", "journal.dir", "lists.file", "reload.dir", "alerts.file"):
            assert key in entry["do"]
    assert server.score(payment(0)).status == 200


def test_a_redis_that_is_away_is_an_error_at_start(make_server):
    server = make_server(start=False, state__backend="redis",
                         state__redis="redis+unix:///nowhere/redis.sock")
    server.start(ready=False)
    assert server.process.wait(30) == 1


def test_systemd_hears_of_each_step(make_server, tmp_path):
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(path))
        s.settimeout(10)
        server = make_server(env={"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "400000"})
        heard = [s.recv(200).decode()]
        while not any(h.startswith("WATCHDOG=1") for h in heard):
            heard.append(s.recv(200).decode())
        assert heard[0].startswith("READY=1")
        server.signal(signal.SIGHUP)
        while not any("RELOADING=1\nMONOTONIC_USEC=" in h for h in heard):
            heard.append(s.recv(200).decode())
        while not heard[-1].startswith("READY=1"):
            heard.append(s.recv(200).decode())
        server.signal(signal.SIGTERM)
        while not any(h.startswith("STOPPING=1") for h in heard):
            heard.append(s.recv(200).decode())
        assert server.process.wait(10) == 0


def test_check_says_what_is_wrong(make_server):
    server = make_server(start=False)
    server.configure()
    config = str(server.folder / "sluice.yaml")
    assert sluice("check", "-c", config).returncode == 0
    server.write("rules.yaml", MISSPELT)
    refused = sluice("check", "-c", config)
    assert refused.returncode == 1
    assert "rules.yaml:4:11" in refused.stdout and "^" in refused.stdout
    row = json.loads(sluice("check", "-c", config, "--format", "json").stdout.splitlines()[0])
    assert (row["level"], row["line"], row["col"]) == ("error", 4, 11)
    wrong = sluice("check", "-c", config, "--deadline_ms", "0")
    assert wrong.returncode == 1 and "deadline_ms" in wrong.stdout


def test_check_counts_what_is_there_and_warns_of_a_ruleset_that_can_flag_nothing(make_server):
    server = make_server(start=False)
    server.configure()
    config = str(server.folder / "sluice.yaml")
    fine = sluice("check", "-c", config).stdout
    assert fine.splitlines()[0].endswith(": 6 fields, 0 derived, 5 features, 0 lists, 1 rules")
    server.write("rules.yaml", "rules: []\n")
    empty = sluice("check", "-c", config)
    assert empty.returncode == 0 and "5 features, 0 lists, 0 rules\n" in empty.stdout
    assert "ruleset.yaml:15:1: warning: there is no rule: nothing can be flagged" in empty.stdout
    text = (server.folder / "ruleset.yaml").read_text()
    server.write("ruleset.yaml", text.replace("rules: [rules.yaml]\n", ""))
    lines = sluice("check", "-c", config, "--format", "json").stdout.splitlines()
    cost, told, row = (json.loads(line) for line in lines)
    assert set(told["meanings"]) >= {"amount", "timestamp"}
    assert cost["budget"]["evaluation_steps_max"] == 2  # of `where:`
    assert (row["level"], row["line"], row["hint"]) == ("warning", 1, "rules: [velocity.yaml]")


def test_verbs_and_their_exit_statuses():
    for verb in ("serve", "check", "replay", "generate", "config", "version"):
        shown = sluice(verb, "--help")
        assert shown.returncode == 0 and "example" in shown.stdout and shown.stderr == "", verb
        assert verb in sluice("--help").stdout
        assert sluice(verb, "--no-such-flag", "1").returncode == 2, verb
    assert sluice().returncode == 2
    assert "did you mean 'serve'" in sluice("serv").stderr
    assert sluice("version").stdout.startswith("sluice 0.")
    assert sluice("serve", "-c", "/nowhere.yaml").returncode == 1


def test_config_prints_the_effective_one_redacted():
    env = {"SLUICE_STATE_REDIS": "redis://u:hunter2@h/0", "SLUICE_DEADLINE_MS": "20"}
    shown = sluice("config", "--ruleset", "r.yaml", "--workers=3", env=env)
    assert shown.returncode == 0
    assert "hunter2" not in shown.stdout and "redis://u:***@h/0" in shown.stdout
    assert "deadline_ms: 20\n" in shown.stdout and "workers: 3\n" in shown.stdout
    assert "| `deadline_ms` |" in sluice("config", "--reference").stdout


def test_the_file_that_ships_names_every_key():
    shipped = open("sluice.yaml").read()
    printed = sluice("config", "-c", "sluice.yaml").stdout
    assert printed
    for line in printed.splitlines():
        assert line.split(":")[0].strip() + ":" in shipped, line


def test_a_scrape_during_the_start_is_answered(make_server):
    """No worker serves before all are there; with many of them the start takes a while."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    server = make_server(ready=False, workers=32, listen=f"127.0.0.1:{port}")
    server.port = port
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            assert server.get("/metrics").status == 200
            return
        except ConnectionRefusedError:
            assert server.process.poll() is None, server.stderr()
    raise AssertionError("it never answered")
