"""Nothing is left of the machines, however the process ends that made them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest

from testing.waiting import until
from tests.vm.room import BRIDGE, room
from toolchain.machine_disk import Disk
from toolchain.paths import REPOSITORY

pytestmark = pytest.mark.slow

PROGRAM = """
import time
from tests.vm.room import room
from toolchain import machine_disk

with room(machine_disk.ensure()) as made:
    machine = made.add("one")
    print(machine.process.pid, made.folder, flush=True)
    time.sleep(600)
"""


def interfaces() -> set[str]:
    return {name for _, name in socket.if_nameindex()}


def start() -> tuple[subprocess.Popen[str], int, str]:
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    assert program.stdout
    pid, folder = program.stdout.readline().split()
    return program, int(pid), folder


def runs(pid: int) -> bool:
    return os.path.exists(f"/proc/{pid}")


def test_an_interrupt_ends_the_machines_and_removes_their_disks(disk: Disk) -> None:
    program, qemu, folder = start()
    assert runs(qemu)
    assert BRIDGE not in interfaces()
    program.send_signal(signal.SIGINT)
    program.wait(60)
    assert not runs(qemu)
    assert not os.path.exists(folder)


def test_a_kill_ends_the_machines_and_the_next_run_removes_their_disks(disk: Disk) -> None:
    program, qemu, folder = start()
    program.kill()
    program.wait(60)
    until(lambda: not runs(qemu), seconds=60, what=f"QEMU {qemu}")
    assert os.path.exists(folder)
    with room(disk) as made:
        assert not os.path.exists(folder)
        assert BRIDGE in interfaces()
    assert BRIDGE not in interfaces()
    assert not made.folder.exists()
