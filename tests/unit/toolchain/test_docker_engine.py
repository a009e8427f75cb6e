"""The engine that the toolchain may stop is the one that it started, and it starts one only."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from testing.waiting import until
from toolchain import docker_engine, system_packages
from toolchain.steps import Log, StepFailed


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


# Like the real ones: the first one does not start while any process has the number in its file.
DOCKERD = """#!/bin/sh
echo start >>{folder}/starts
if [ -e "$2" ] && kill -0 "$(cat "$2")"; then exit 1; fi
echo $$ >"$2"
while ! [ -e {folder}/ready ]; do sleep 0.05; done
touch {folder}/answers
while :; do sleep 0.05; done
"""
DOCKER = """#!/bin/sh
[ -e {folder}/answers ] && echo {folder}
"""


@pytest.fixture
def machine(pid_file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a machine whose engine the toolchain starts; it answers once a file `ready` is there."""
    if sys.platform != "linux":
        pytest.skip("the toolchain starts an engine on Linux only")
    folder = pid_file.parent
    for name, text in {"dockerd": DOCKERD, "docker": DOCKER}.items():
        (folder / name).write_text(text.format(folder=folder))
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(system_packages, "ensure", lambda _commands, _log: "all there")
    monkeypatch.setattr(docker_engine, "DAEMON_LOG", folder / "dockerd.log")
    monkeypatch.setattr(docker_engine, "DISK_NEEDED", 0)
    yield folder
    if pid := docker_engine.started_pid():
        os.kill(pid, signal.SIGKILL)


def ensured(machine: Path, ensure: Callable[[Log], str] = docker_engine.ensure) -> str:
    with (machine / "log").open("wb") as file:
        return ensure(Log(path=machine / "log", file=file))


def starts(machine: Path) -> int:
    return len((machine / "starts").read_text().splitlines())


def test_a_file_with_the_number_of_another_program_keeps_no_engine_from_its_start(machine: Path) -> None:
    docker_engine.PID_FILE.write_text(str(os.getpid()))
    (machine / "ready").touch()
    assert "started dockerd" in ensured(machine)


@pytest.fixture
def young(machine: Path) -> Iterator[int]:
    """The number of an engine that a killed run has started, and that does not answer yet."""
    with subprocess.Popen(["dockerd", "--pidfile", str(docker_engine.PID_FILE)]) as process:
        until(lambda: docker_engine.started_pid() == process.pid, what="the engine's file")
        yield process.pid
        process.kill()


def at_the_first_pause(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    pause = time.sleep

    def sleep(seconds: float) -> None:
        act()
        pause(seconds)

    monkeypatch.setattr(time, "sleep", sleep)


def test_an_engine_that_a_killed_run_started_is_waited_for(
    machine: Path, young: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_the_first_pause(monkeypatch, (machine / "ready").touch)
    assert f"pid {young}" in ensured(machine)
    assert starts(machine) == 1


def test_an_engine_that_was_about_to_end_is_followed_by_another(
    machine: Path, young: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end() -> None:
        if not (machine / "ready").exists():
            os.kill(young, signal.SIGKILL)
            (machine / "ready").touch()

    at_the_first_pause(monkeypatch, end)
    assert f"pid {young}" not in ensured(machine)
    assert starts(machine) == 2


def test_an_engine_that_takes_too_long_goes_on_and_the_line_that_stops_it_is_told(
    machine: Path, young: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker_engine, "START_TIMEOUT", 0)
    with pytest.raises(StepFailed, match="docker-daemon stop"):
        ensured(machine)
    assert docker_engine.started_pid() == young


def test_an_engine_without_room_serves_to_remove_what_is_in_it(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (machine / "ready").touch()
    monkeypatch.setattr(docker_engine, "DISK_NEEDED", 1 << 60)
    with pytest.raises(StepFailed, match="make room"):
        ensured(machine)
    assert ensured(machine, docker_engine.ensure_answer) == "answers"
