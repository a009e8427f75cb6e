"""The engine that the toolchain may stop is the one that it started."""

import os
from pathlib import Path

import pytest

from toolchain import docker_engine
from toolchain.steps import StepFailed


@pytest.fixture
def pid_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(docker_engine, "PID_FILE", tmp_path / "dockerd.pid")
    return tmp_path / "dockerd.pid"


def test_without_a_pid_file_none_was_started(pid_file: Path) -> None:
    assert docker_engine.started_pid() is None


def test_a_pid_that_another_program_has_now_is_left_alone(pid_file: Path) -> None:
    pid_file.write_text(str(os.getpid()))
    assert docker_engine.started_pid() is None
    assert docker_engine.stop() == "none of ours runs"


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An engine that the toolchain started; the list is no longer empty once it was stopped."""
    calls: list[str] = []

    def stop() -> str:
        calls.append("stop")
        return "stopped"

    monkeypatch.setattr(docker_engine, "started_pid", lambda: 4711)
    monkeypatch.setattr(docker_engine, "stop", stop)
    return calls


def test_an_engine_in_which_other_containers_run_goes_on_and_they_are_named(
    stopped: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker_engine, "_running", lambda: ["oodt-dev-manager", "somebodys-database"])
    outcome = docker_engine.stop_unless_used("oodt-dev-")
    assert stopped == []
    assert "somebodys-database runs in it" in outcome and "oodt-dev-manager" not in outcome


def test_an_engine_that_is_idle_or_has_only_what_is_left_of_the_stack_is_stopped(
    stopped: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker_engine, "_running", lambda: ["oodt-dev-manager"])
    assert docker_engine.stop_unless_used("oodt-dev-") == "stopped"
    assert stopped == ["stop"]


def test_an_engine_that_does_not_tell_what_runs_in_it_is_not_stopped(
    stopped: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\necho no answer >&2\nexit 1\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(StepFailed, match="no answer"):
        docker_engine.stop_unless_used("oodt-dev-")
    assert stopped == []
