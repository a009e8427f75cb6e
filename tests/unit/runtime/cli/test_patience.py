"""Commands wait for a slow cluster as many times as long as `pulumi up` does there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime import names, redrive
from runtime.cli import inside, stack

OUTPUTS = (
    '{"ssh": "ssh -p 22 root@manager", "tunnel": "ssh -N manager", "u": "amqp://h:5672/", "patience": 6}'
)


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    stack.outputs.cache_clear()
    yield
    stack.outputs.cache_clear()


@pytest.fixture
def patient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stack with a patience of 6, and an ssh that writes down how it was called and fails."""
    called = tmp_path / "called"
    for name, script in (("pulumi", f"echo '{OUTPUTS}'"), ("ssh", f'echo "$*" >{called}; exit 255')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return called


def test_ssh_to_the_manager_gives_up_later(patient: Path) -> None:
    line = inside.line("runtime.clean", (), login=inside.login())
    assert line[:6] == ["ssh", "-oConnectTimeout=60", "-oServerAliveInterval=90", "-p", "22", "root@manager"]


def test_a_tunnel_gives_up_later(patient: Path) -> None:
    with pytest.raises(stack.NoAnswer, match="no ssh tunnel to the cluster"):
        stack.address("u", variable="U")
    assert "-oConnectTimeout=60 -oServerAliveInterval=90" in patient.read_text()


def test_a_redrive_gives_the_broker_longer(patient: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[float] = []

    def record(*_about: object, within: float, **_more: object) -> None:
        limits.append(within)

    monkeypatch.setattr(redrive, "look", record)
    monkeypatch.setenv(names.RABBITMQ_USER_URL, "amqp://h:5672/")
    stack.outputs()
    assert redrive.COMMAND.main(["--event", "e", "--all", "--dry-run"]) == 0
    assert limits == [90]


def test_where_no_stack_was_asked_limits_are_as_they_are() -> None:
    assert stack.stretched(30) == 30
    assert "-oConnectTimeout=10" in inside.line("runtime.clean", (), login=["ssh", "manager"])
