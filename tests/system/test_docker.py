"""docker/, as far as it can be seen without Docker; `make docker-try` sees the rest."""
import http.server
import os
import pathlib
import re
import subprocess
import sys
import threading

import pytest
import yaml

from asyncapi_spec import SPEC
from conftest import BIN

sys.path.insert(0, "tests/docker")
import try_dockerfile  # noqa: E402

ENV = dict(re.findall(r"^(\w+)=(.*)$", pathlib.Path("docker/.env").read_text(), re.M))
TEXT = pathlib.Path("docker/compose.yaml").read_text()
SERVICES = yaml.safe_load(re.sub(r"(?<!\$)\$\{(\w+)\}", lambda m: ENV[m[1]], TEXT))["services"]
SETTINGS = SERVICES["sluice"]["environment"]
LIVEZ = "docker/livez.sh"


def found_in(path, pattern):
    return re.search(pattern, pathlib.Path(path).read_text(), re.M)[1]


def test_the_image_is_built_from_every_source_and_nothing_else():
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True).stdout.split("\n")
    if tracked == [""]:
        pytest.skip("this is no checkout of git")
    sources = {path for path in tracked if path.endswith((".c", ".h"))
               and path.split("/")[0] in ("service", "rules", "models", "api")}
    context = set(try_dockerfile.context("."))
    assert sources <= context
    assert not [path for path in context if path.split("/")[0] in ("tests", "build", ".git")]


def test_the_versions_are_those_of_the_build_and_of_the_tests():
    assert ENV["SLUICE_VERSION"] == found_in("Makefile", r"^VERSION := (\S+)")
    assert ENV["SLUICE_VERSION"] == found_in("docker/Dockerfile", r"^ARG VERSION=(\S+)")
    assert ENV["DEBIAN_VERSION"] == found_in("docker/Dockerfile", r"^ARG DEBIAN=(\S+)")
    assert ENV["KAFKA_VERSION"] == found_in("tests/system/kafka/pom.xml",
                                            r"kafka_2.13</artifactId>\s*<version>([^<]+)")


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_armoured_and_bounded(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"] and service["pids_limit"]
    assert not re.search(r":latest$|^[^:]+$", service["image"])
    for port in service.get("ports", []):
        assert port.startswith("127.0.0.1:")


def test_services_start_in_order_and_each_says_whether_it_is_well():
    wanted = {name: on["condition"] for name, on in SERVICES["sluice"]["depends_on"].items()}
    assert wanted == {"redis": "service_healthy", "topics": "service_completed_successfully"}
    assert SERVICES["topics"]["depends_on"] == {"kafka": {"condition": "service_healthy"}}
    assert "healthcheck" in SERVICES["redis"] and "healthcheck" in SERVICES["kafka"]
    assert dict(try_dockerfile.instructions("docker/Dockerfile"))["HEALTHCHECK"]


def test_the_topics_that_are_created_are_those_that_sluice_uses():
    created = re.search(r"for topic in (.*); do", SERVICES["topics"]["command"][0])[1].split()
    used = [value for key, value in SETTINGS.items()
            if key.startswith("SLUICE_KAFKA_") and key != "SLUICE_KAFKA_BROKERS"]
    described = [channel["address"] for channel in SPEC["channels"].values()]
    assert sorted(created) == sorted(used) == sorted(described)


@pytest.mark.parametrize("settings", [{}, SETTINGS], ids=["alone", "composed"])
def test_the_configuration_is_one_that_sluice_takes(settings):
    ruleset = os.path.abspath("rules/packs/starter/ruleset.yaml")
    done = subprocess.run([BIN, "check", "-c", "docker/sluice.yaml"],
                          env={**os.environ, **settings, "SLUICE_RULESET": ruleset},
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def livez(port):
    return subprocess.run(["bash", LIVEZ], env={**os.environ, "SLUICE_LISTEN": f"0.0.0.0:{port}"},
                          capture_output=True, timeout=30).returncode


def test_the_health_check_believes_a_200_alone(make_server):
    server = make_server()
    assert livez(server.port) == 0
    server.stop()
    assert livez(server.port) != 0


def test_the_health_check_does_not_believe_a_503():
    class Unwell(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(503)

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Unwell) as unwell:
        threading.Thread(target=unwell.serve_forever, daemon=True).start()
        assert livez(unwell.server_port) != 0
        unwell.shutdown()
