"""Prometheus, Debian's package in the project's image, takes our alarms and targets."""

import json
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from testing.oodt import Container, docker
from testing.waiting import until

RULES = Path(__file__).parent / "alarms"
ALARMS = Path(__file__).parents[2] / "images/prometheus/alarms.yml"
START_SECONDS = 30


@pytest.fixture(scope="module")
def prometheus(prometheus_image: str) -> Iterator[Container]:
    container = Container(name=f"oodt-test-prometheus-{uuid.uuid4().hex[:8]}")
    docker("run", "--detach", "--name", container.name, "--publish", "127.0.0.1::9090", prometheus_image)
    try:
        until(
            lambda: docker("exec", container.name, "prometheus-health", check=False).returncode == 0,
            seconds=START_SECONDS,
            what="health of Prometheus",
        )
        yield container
    finally:
        docker("rm", "--force", "--volumes", container.name)


def test_each_alarm_comes_and_goes_when_it_should(prometheus_image: str) -> None:
    tests = ("--volume", f"{RULES}:/tests:ro", "--entrypoint", "promtool", prometheus_image)
    done = docker("run", "--rm", *tests, "test", "rules", "/tests/rules_test.yml", check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_starts_with_the_alarms_and_the_clusters_targets(prometheus: Container) -> None:
    rules = ask(prometheus, "rules")["groups"][0]["rules"]
    written = [rule["alert"] for rule in yaml.safe_load(ALARMS.read_text())["groups"][0]["rules"]]
    assert [rule["name"] for rule in rules] == written
    # It looks for targets some seconds after its start.
    until(lambda: ask(prometheus, "targets")["activeTargets"], what="targets")
    jobs = {target["labels"]["job"] for target in ask(prometheus, "targets")["activeTargets"]}
    assert jobs == {"oodt-status"}


def ask(prometheus: Container, what: str) -> dict[str, Any]:
    address = docker("port", prometheus.name, "9090").stdout.splitlines()[0]
    with urllib.request.urlopen(f"http://{address}/api/v1/{what}", timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)["data"]
        return found
