"""The engine that the toolchain may stop is the one that it started."""

import os
from pathlib import Path

import pytest

from toolchain import docker_engine


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
