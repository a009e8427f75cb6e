"""Locks that a killed Pulumi leaves on the local state."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from testing.waiting import until
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


names_of_processes = pytest.mark.skipif(
    not Path("/proc/self/comm").exists(), reason="this system has no /proc"
)


@pytest.fixture
def pulumi(tmp_path: Path) -> Iterator[int]:
    """The number of a process that has the name of Pulumi, until the test ends."""
    program = tmp_path / "pulumi"
    shutil.copy(shutil.which("sleep") or "", program)
    with subprocess.Popen([program, "600"]) as process:
        has_name = Path(f"/proc/{process.pid}/comm")
        until(lambda: has_name.read_text() == "pulumi\n", what="the kernel to name the process")
        yield process.pid
        process.kill()


@names_of_processes
def test_the_lock_of_a_running_pulumi_stays(locks: Path, pulumi: int) -> None:
    held = lock(locks, pid=pulumi)
    stack.release_dead_locks()
    assert held.exists()


@names_of_processes
def test_the_lock_of_a_process_whose_number_another_program_got_is_released(locks: Path) -> None:
    left = lock(locks, pid=os.getpid())
    stack.release_dead_locks()
    assert not left.exists()


def test_what_a_process_left_that_was_killed_while_it_made_its_lock_is_removed(locks: Path) -> None:
    left = locks / "1.json.18ab.tmp"
    left.touch()
    stack.release_dead_locks()
    assert left.exists()  # it may be written now
    a_minute_ago = time.time() - 60
    os.utime(left, (a_minute_ago, a_minute_ago))
    stack.release_dead_locks()
    assert not left.exists()


def test_the_lock_of_another_machine_stays(locks: Path) -> None:
    held = lock(locks, pid=dead_pid(), hostname="elsewhere")
    stack.release_dead_locks()
    assert held.exists()
