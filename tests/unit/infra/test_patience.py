"""One factor for all waits, and what is shown while something is waited for."""

from __future__ import annotations

import ast
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pulumi.dynamic import Config, ConfigureRequest

from infra import patience, ssh
from infra.dynamic import Provider
from infra.hosts import cluster
from infra.ssh import Identity
from infra.waiting import NotReadyError, until
from services.service_args import ServiceArgs
from tests.unit import project
from tests.unit.aws.cloud import Cloud, run_program
from tests.unit.hosts import test_hosts_program as hosts

# What knows no settings: programs that something starts anew after their limits, or that are told them; one
# that a person runs on a host; and the question for the settings themselves.
APART = (
    *("infra/aws/node/", "infra/node/join.py"),
    "infra/hosts/node/accept_registry.py",
    "infra/aws/stack_settings.py",
)


@pytest.fixture(autouse=True)
def usual() -> Iterator[None]:
    yield
    patience.use(1)


def test_a_wait_lasts_as_many_times_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    for factor, expected in ((1, "waited 20 s"), (2.5, "waited 50 s")):
        patience.use(factor)
        with pytest.raises(NotReadyError, match=f"{expected} for the moon; last seen: nothing yet"):
            until("the moon", lambda: None, timeout=20)


def test_what_is_waited_for_is_shown_now_and_then_with_what_was_seen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda _: now.__setitem__(0, now[0] + 1))

    def look() -> None:
        raise OSError("no route\nto the moon")

    with pytest.raises(NotReadyError, match="pulumi config set patience"):
        until("the moon", look, timeout=60)
    assert capsys.readouterr().out.splitlines() == [
        "waiting for the moon: 11 of 60 s; to the moon",
        "waiting for the moon: 41 of 60 s; to the moon",
    ]


def test_a_short_wait_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert until("nothing", lambda: True, timeout=1)
    assert capsys.readouterr().out == ""


def test_a_resource_of_the_project_has_the_stacks_patience_at_each_call() -> None:
    for given, expected in (({"oodt:patience": "4"}, 4.0), ({}, 1.0)):
        Provider().configure(ConfigureRequest(Config(given, "oodt")))
        assert patience.factor() == expected


def test_a_command_on_a_host_and_its_connection_have_as_many_times_as_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "ssh"
    program.write_text("#!/bin/sh\nexec sleep 30\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    patience.use(2)
    with pytest.raises(ssh.UnreachableError, match=r"did not finish within 0\.4 s"):
        ssh.run(Identity(folder=""), "ssh://op@host", "true", timeout=0.2)
    assert "ConnectTimeout=20" in ssh.command(Identity(folder=""), "ssh://op@host")


def test_health_checks_wait_longer_and_the_jobs_time_stays_the_operators(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    patience.use(3)
    container = ServiceArgs(image="i", role="worker", health=["h"], at_work=3600)._container()
    assert container.healthcheck.start_period == "3m"  # type: ignore[union-attr]
    assert container.healthcheck.timeout == "30s"  # type: ignore[union-attr]
    assert container.stop_grace_period == "1h1m30s"


def test_nodes_may_be_silent_for_longer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "inspect", hosts.inspect)
    cloud = Cloud()
    run_program(cloud, tmp_path, patience="6", **hosts.SETTINGS)
    assert cloud.one("pulumi-python:dynamic/swarm:Heartbeat")["period"] == 30


def modules() -> list[str]:
    files = (each for room in ("infra", "services") for each in (project.ROOT / room).rglob("*.py"))
    names = (str(each.relative_to(project.ROOT)) for each in files)
    return sorted(name for name in names if not name.startswith(APART))


def arguments(tree: ast.AST) -> Iterator[tuple[int, Any]]:
    """The time limits that calls to other programs and machines are given, with their lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg in ("timeout", "connect_timeout", "read_timeout"):
                    yield node.lineno, keyword.value


@pytest.mark.parametrize("name", modules())
def test_no_time_limit_is_a_number_in_a_call(name: str) -> None:
    """A limit is a constant with a name; what takes it stretches it."""
    tree = ast.parse((project.ROOT / name).read_text())
    assert [line for line, value in arguments(tree) if isinstance(value, ast.Constant)] == []


@pytest.mark.parametrize("name", modules())
def test_no_program_is_run_for_a_time_that_is_not_stretched(name: str) -> None:
    tree = ast.parse((project.ROOT / name).read_text())
    direct = []
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        called = ast.unparse(node.func)
        if called in ("subprocess.run", "socket.create_connection", "http.client.HTTPConnection"):
            limits = [ast.unparse(each.value) for each in node.keywords if each.arg == "timeout"]
            limits += [ast.unparse(each) for each in node.args[1:2] if called.startswith("socket")]
            direct += [(node.lineno, limit) for limit in limits if limit.isupper()]
    assert direct == []
