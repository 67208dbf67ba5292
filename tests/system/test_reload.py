"""What makes a changed ruleset active, what does not, and what a restart goes by."""
import json
import os
import re
import time

import pytest

from conftest import RULES, RULESET, payment

MISSPELT = RULES.replace("account_tx_count_5m > 10", "account_tx_cuont_5m > 10")


def rules(threshold):
    return RULES.replace("> 10", f"> {threshold}")


def active(server):
    return server.get("/v1/ruleset").json()["ruleset"]


def counted(server, result, source):
    metrics = server.get("/metrics").body.decode()
    row = rf'reloads_total{{result="{result}",source="{source}"}} (\d+)'
    return int(re.search(row, metrics)[1])


def audit(server):
    return [json.loads(line) for line in (server.folder / "audit.ndjson").open()]


def in_place(server, name, content):
    server.write(name, content)


def renamed(server, name, content):
    server.write("new.tmp", content)
    os.replace(server.folder / "new.tmp", server.folder / name)


@pytest.mark.parametrize("change", [in_place, renamed])
def test_a_changed_file_is_loaded_without_being_asked(server, change):
    before = active(server)
    for threshold in (1, 2, 3):
        change(server, "rules.yaml", rules(threshold))
        loaded = server.wait_log("ruleset loaded")
        while loaded["from"] != "file":
            loaded = server.wait_log("ruleset loaded")
        assert active(server) == loaded["ruleset"] != before
        before = loaded["ruleset"]
    assert counted(server, "loaded", "file") == 3


def test_a_configmap_that_kubernetes_swaps_is_loaded(make_server):
    server = make_server(start=False, ruleset="mounted/ruleset.yaml")
    mounted = server.folder / "mounted"
    for version, threshold in (("..1", 10), ("..2", 1)):
        (mounted / version).mkdir(parents=True)
        (mounted / version / "ruleset.yaml").write_text(RULESET)
        (mounted / version / "rules.yaml").write_text(rules(threshold))
    (mounted / "..data").symlink_to("..1")
    for name in ("ruleset.yaml", "rules.yaml"):
        (mounted / name).symlink_to(f"..data/{name}")
    server.start()
    before = active(server)
    (mounted / "..data_tmp").symlink_to("..2")
    os.replace(mounted / "..data_tmp", mounted / "..data")
    assert server.wait_log("ruleset loaded")["ruleset"] != before
    assert [server.score(payment(i)).json()["decision"] for i in range(2)] == ["allow", "flag"]


def test_a_broken_file_is_refused_once_and_tried_again_when_it_changes(server):
    before = active(server)
    server.write("rules.yaml", MISSPELT)
    refused = server.wait_log("ruleset refused")
    assert "rules.yaml:4:11" in refused["first"] and refused["from"] == "file"
    for _ in range(3):  # touched, and what is in it has been refused
        os.utime(server.folder / "rules.yaml")
        time.sleep(0.4)
    assert counted(server, "refused", "file") == 1
    assert active(server) == before
    server.write("rules.yaml", rules(3))
    assert server.wait_log("ruleset loaded")["from"] == "file"
    assert active(server) != before


def test_a_rule_file_that_a_broken_ruleset_named_is_watched_too(server):
    (server.folder / "more").mkdir()
    server.write("ruleset.yaml", RULESET.replace("[rules.yaml]", "[rules.yaml, more/late.yaml]"))
    assert "more/late.yaml" in server.wait_log("ruleset refused")["first"]
    server.write("more/late.yaml", RULES.replace("account-burst", "late"))
    server.wait_log("ruleset loaded")
    assert [r["id"] for r in server.get("/v1/ruleset").json()["rules"]] == ["account-burst", "late"]


def test_every_attempt_is_in_the_audit_log(server):
    first = active(server)
    server.write("rules.yaml", MISSPELT)
    server.wait_log("ruleset refused")
    server.write("rules.yaml", rules(3))
    server.wait_log("ruleset loaded")
    lines = audit(server)
    assert [(e["from"], e["result"]) for e in lines] == [("file", "refused"), ("file", "loaded")]
    assert lines[0]["errors"] == 1 and lines[0]["ruleset"] == ""
    assert lines[1]["previous"] == first and lines[1]["ruleset"] == active(server)
    assert all(re.fullmatch(r"20\d\d-.*Z", e["at"]) and e["who"] == "local" for e in lines)


def test_who_is_local_when_nobody_asked(make_server):
    server = make_server()
    first = active(server)
    shown = server.get("/v1/ruleset").json()
    assert (shown["from"], shown["who"]) == ("start", "local")
    assert server.stop() == 0 and not os.path.getsize(server.folder / "audit.ndjson")
    server.write("rules.yaml", rules(3))
    server.start()  # by a file that was changed meanwhile: a change like any other
    entry, = audit(server)
    assert (entry["from"], entry["who"], entry["result"]) == ("start", "local", "loaded")
    assert (entry["previous"], entry["ruleset"]) == (first, active(server))
    versions = server.get("/v1/ruleset/versions").json()["versions"]
    assert [v["who"] for v in versions] == ["local", "local"]


def test_what_has_decided_is_kept_with_its_files_up_to_the_limit(make_server):
    server = make_server(reload__keep=2)
    seen = [active(server)]
    for threshold in (1, 2, 3):
        server.write("rules.yaml", rules(threshold))
        while server.wait_log("ruleset loaded")["from"] != "file":
            pass
        seen.append(active(server))
    kept = server.folder / "rulesets"
    assert sorted(p.name for p in kept.iterdir()) == sorted([*seen[-2:], "active.json"])
    files = kept / seen[-1] / "files"
    assert (files / "rules.yaml").read_text() == rules(3)
    assert (files / "ruleset.yaml").read_text() == RULESET
    assert json.loads((kept / "active.json").read_text())["previous"] == seen[-2]


def test_a_ruleset_with_a_file_elsewhere_serves_and_says_that_it_is_not_kept(make_server, tmp_path):
    server = make_server(start=False, name="inner")
    (tmp_path / "outer.yaml").write_text(RULES)
    server.write("ruleset.yaml", RULESET.replace("[rules.yaml]", "[../outer.yaml]"))
    server.start()
    warned = next(e for e in server.log if e["message"] == "ruleset has warnings")
    assert "outer.yaml" in warned["first"] and "not kept" in warned["first"]
    assert [p.name for p in (server.folder / "rulesets").iterdir()] == ["active.json"]


def test_a_file_broken_while_it_ran_does_not_keep_it_down(server):
    before = active(server)
    server.write("rules.yaml", MISSPELT)
    server.wait_log("ruleset refused")
    server.kill()
    server.start()
    assert active(server) == before
    assert any(e["message"] == "ruleset refused" for e in server.log)
    server.write("rules.yaml", rules(2))
    while server.wait_log("ruleset loaded")["from"] != "file":
        pass
    assert active(server) != before


def test_without_a_folder_nothing_is_kept(make_server):
    server = make_server(reload__dir="", audit__file="")
    server.write("rules.yaml", rules(2))
    while server.wait_log("ruleset loaded")["from"] != "file":
        pass
    assert not (server.folder / "rulesets").exists()
    assert not (server.folder / "audit.ndjson").exists()


def test_a_folder_that_cannot_be_written_is_an_error_at_start(make_server):
    server = make_server(start=False, reload__dir="/proc/rulesets")
    server.start(ready=False)
    assert server.process.wait(30) == 1
    assert "set reload.dir" in json.dumps(server.log)
