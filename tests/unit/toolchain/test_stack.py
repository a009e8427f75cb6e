"""Locks that a killed Pulumi leaves on the local state."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from toolchain import stack


@pytest.fixture
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(stack, "LOCKS", tmp_path)
    folder = tmp_path / "oodt" / "dev"
    folder.mkdir(parents=True)
    return folder


def lock(folder: Path, *, pid: int, hostname: str = os.uname().nodename) -> Path:
    path = folder / f"{pid}.json"
    path.write_text(json.dumps({"pid": pid, "username": "someone", "hostname": hostname}))
    return path


def dead_pid() -> int:
    process = subprocess.Popen(["true"])
    process.wait(timeout=10)
    return process.pid


def test_the_lock_of_a_process_that_is_gone_is_released(locks: Path) -> None:
    left = lock(locks, pid=dead_pid())
    stack.release_dead_locks()
    assert not left.exists()


def test_the_lock_of_a_running_process_stays(locks: Path) -> None:
    held = lock(locks, pid=os.getpid())
    stack.release_dead_locks()
    assert held.exists()


def test_the_lock_of_another_machine_stays(locks: Path) -> None:
    held = lock(locks, pid=dead_pid(), hostname="elsewhere")
    stack.release_dead_locks()
    assert held.exists()
